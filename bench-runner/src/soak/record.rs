//! `soak.json`: one rate for a long time, interval by interval.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::latency::record::{Balance, PercentileRecord};
use crate::results::{Build, Machine};

/// Name of the file in a folder.
pub const FILE: &str = "soak.json";

/// The version of the schema that this program writes.
pub const SCHEMA: u32 = 1;

/// One variant at one rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Version of this schema.
    pub schema: u32,
    /// The command line that began it.
    pub command: String,
    /// When it began, RFC 3339, UTC.
    pub started: String,
    /// The program that measured.
    pub build: Build,
    /// The machine it ran on.
    pub machine: Machine,
    /// What was offered.
    pub offered: Offered,
    /// Stretches without an interruption, one after the other.
    pub parts: Vec<Part>,
    /// What a reader of the numbers has to know.
    pub warnings: Vec<String>,
}

/// What was offered, on the wall clock in two threads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Offered {
    /// Name of the variant.
    pub variant: String,
    /// The rate as it was asked for.
    pub rate: String,
    /// The same in packets per second, both ports together.
    pub packets_per_second: f64,
    /// For how long, in seconds.
    pub seconds: f64,
    /// Seconds of an interval.
    pub interval: f64,
    /// How frames follow each other: `constant`, `poisson` or `burst:N`.
    pub pattern: String,
    /// Frame size on the wire with its checksum, or `imix`.
    pub frame: String,
    /// Upper limit of packets per receive call.
    pub batch: u16,
    /// Descriptors per ring.
    pub ring_entries: u16,
    /// Usable bytes per packet buffer.
    pub buffer_bytes: u16,
    /// Core of the forwarder.
    pub core: u32,
    /// Core of the card.
    pub model_core: u32,
    /// Seed of the arrivals.
    pub seed: u64,
    /// When the links go down, and for how long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flap: Option<String>,
}

/// A stretch without an interruption.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// When it began, RFC 3339, UTC.
    pub started: String,
    /// Round trip of a cache line between the two cores before it.
    pub round_trip_ns: f64,
    /// Its intervals.
    pub intervals: Vec<Interval>,
    /// Its account, packet by packet; absent where it never ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Balance>,
    /// Number of batches by the descriptors that the driver gave back at once
    /// to a receive ring; none where it never ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receive_fills: Vec<u64>,
    /// Number of batches by the packets that it put at once on a transmit
    /// ring.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transmit_fills: Vec<u64>,
}

/// What came back in an interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// Its length in seconds.
    pub seconds: f64,
    /// Frames that were put on the wire.
    pub sent: u64,
    /// Of these, frames that came later than they may.
    pub late: u64,
    /// Frames that left.
    pub forwarded: u64,
    /// Frames that found no descriptor.
    pub ring_full: u64,
    /// Frames that were lost with the link.
    pub link_down: u64,
    /// Percentiles of the forwarded frames, and the highest value.
    pub percentiles: Vec<PercentileRecord>,
}

impl Interval {
    /// Frames that were lost in it, of those on the wire.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.ring_full + self.link_down
    }

    /// A percentile in nanoseconds, where enough samples are behind it.
    #[must_use]
    pub fn ns(&self, percentile: f64) -> Option<u64> {
        let mut all = self.percentiles.iter();
        all.find(|one| one.percentile == percentile)?.ns
    }
}

impl Record {
    /// As it stands in the file.
    ///
    /// # Panics
    ///
    /// Never: a record has string keys only.
    #[must_use]
    pub fn text(&self) -> String {
        let text = serde_json::to_string(self);
        text.expect("a record has string keys only") + "\n"
    }

    /// Every interval, with the second at which it began.
    pub fn intervals(&self) -> impl Iterator<Item = (f64, &Interval)> {
        let all = self.parts.iter().flat_map(|part| &part.intervals);
        all.scan(0.0, |begin, interval| {
            let here = *begin;
            *begin += interval.seconds;
            Some((here, interval))
        })
    }

    /// Seconds that are measured.
    #[must_use]
    pub fn measured(&self) -> f64 {
        self.intervals().map(|(_, interval)| interval.seconds).sum()
    }
}

#[cfg(test)]
mod tests {

    use crate::results::schema;

    #[test]
    fn the_committed_schema_is_the_one_of_these_types() {
        schema::assert_committed::<super::Record>("soak-v1.json");
    }
}

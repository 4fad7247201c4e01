//! `latency.json`: what was offered, and every series in numbers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use hdrhistogram::Histogram;
use nic_model::Account;
use nic_model::generator::Punctuality;

use super::series::{self, Percentile, Series, Threads};
use crate::build_info;
use crate::load::Time;
use crate::measure::TOLERANCE;
use crate::results::{Build, Machine};

/// Name of the file in a folder.
pub const FILE: &str = "latency.json";

/// The version of the schema that this program writes.
pub const SCHEMA: u32 = 1;

/// Latencies of some variants at some rates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Version of this schema.
    pub schema: u32,
    /// The command line.
    pub command: String,
    /// When it began, RFC 3339, UTC.
    pub started: String,
    /// The program that measured.
    pub build: Build,
    /// The machine it ran on.
    pub machine: Machine,
    /// What was offered to every variant.
    pub offered: Offered,
    /// What packets would have waited for cores that only look at the clock.
    pub floor: Floor,
    /// What came of it.
    pub series: Vec<SeriesRecord>,
    /// What a reader of the numbers has to know.
    pub warnings: Vec<String>,
}

/// What was offered to every variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Offered {
    /// The time that latencies are in.
    pub time: Time,
    /// Seed of the arrivals.
    pub seed: u64,
    /// Core of the forwarder.
    pub core: u32,
    /// Core of the card, on the wall clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_core: Option<u32>,
    /// Upper limit of packets per receive call.
    pub batch: u16,
    /// Frame size on the wire with its checksum, or `imix`.
    pub frame: String,
    /// How frames follow each other: `constant`, `poisson` or `burst:N`.
    pub pattern: String,
    /// Packets per series, where they were given or nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets: Option<u64>,
    /// Seconds per series, where they were given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Descriptors per ring.
    pub ring_entries: u16,
    /// Usable bytes per packet buffer.
    pub buffer_bytes: u16,
    /// Fewest replays that a batch's cost is the median of, in virtual time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replays: Option<usize>,
    /// The core's frequency when it began, by an add chain, in GHz.
    pub chain_ghz: f64,
}

/// One variant at one rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeriesRecord {
    /// Name of the variant.
    pub variant: String,
    /// The rate as it was asked for.
    pub rate: String,
    /// The same in packets per second, both ports together.
    pub packets_per_second: f64,
    /// What 100 % are, where the rate is a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub highest_packets_per_second: Option<f64>,
    /// Whether frames come no closer than a 10 Gbit/s wire brings them.
    pub on_a_wire: bool,
    /// Where all frames went.
    pub account: Balance,
    /// Percentiles of the forwarded frames, and the highest value.
    pub percentiles: Vec<PercentileRecord>,
    /// Mean, in nanoseconds.
    pub mean_ns: f64,
    /// Number of batches by their packets, from 0 packets on.
    pub fills: Vec<u64>,
    /// How often the batches were replayed until fills stood still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settling: Option<SettlingRecord>,
    /// What else there is to know of two threads, on the wall clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<ThreadsRecord>,
    /// Nanoseconds from the start of one slice to that of the next.
    pub slice_ns: f64,
    /// The longest latency of the frames that were due in each slice, in
    /// nanoseconds; none where none was.
    pub slice_max_ns: Vec<Option<u64>>,
    /// The latency that half of them exceed.
    pub slice_median_ns: Vec<Option<u64>>,
}

/// Where all frames went: `offered` is the sum of the others.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Balance {
    /// Frames on the wire.
    pub offered: u64,
    /// Frames that left.
    pub forwarded: u64,
    /// Frames that found no descriptor.
    pub ring_full: u64,
    /// Frames that found no room in a transmit ring.
    pub dropped: u64,
    /// Frames that were lost with the link.
    pub link_down: u64,
    /// Frames that were due and that the tester never sent.
    pub unsent: u64,
    /// Frames still on their way at the end.
    pub inside: u64,
}

impl Balance {
    /// Frames that did not leave, but for those still on their way.
    pub fn lost(&self) -> u64 {
        let Self { ring_full, dropped, link_down, unsent, .. } = *self;
        let all = [ring_full, dropped, link_down, unsent];
        all.into_iter().fold(0, u64::saturating_add)
    }

    /// An account without the faults that no measurement has, and with frames
    /// that were never put on the wire.
    #[must_use]
    pub fn of(account: &Account, unsent: u64) -> Self {
        Self {
            offered: account.offered + unsent,
            forwarded: account.forwarded,
            ring_full: account.ring_empty,
            dropped: account.forwarder,
            link_down: account.link_down,
            unsent,
            inside: account.inside,
        }
    }
}

/// The machine's own jitter: a packet a microsecond, for a second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Floor {
    /// The cores that were watched at once.
    pub cores: Vec<u32>,
    /// For each packet the longest wait of any of them.
    pub percentiles: Vec<PercentileRecord>,
}

impl Floor {
    /// What was seen on some cores.
    #[must_use]
    pub fn new(cores: Vec<u32>, waits: &Histogram<u64>) -> Self {
        Self { cores, percentiles: recorded(waits) }
    }
}

/// What there is to know of a run in two threads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ThreadsRecord {
    /// For how long frames were due, in seconds.
    pub seconds: f64,
    /// The share of frames that were on the wire in time.
    pub on_schedule: f64,
    /// How much later than it was due a frame may be to be in time, in
    /// nanoseconds.
    pub tolerance_ns: u64,
    /// Frames that came later.
    pub late: u64,
    /// Of these, frames that found no descriptor.
    pub lost_late: u64,
    /// The longest time by which a frame came after it was due.
    pub longest_lag_ns: u64,
    /// Share of its time that the model of the card spent on frames.
    pub model_busy: f64,
    /// Round trip of a cache line between the two cores, before and after.
    pub round_trip_ns: [f64; 2],
    /// Number of batches by the packets that the driver put at once on a
    /// transmit ring.
    pub transmit_fills: Vec<u64>,
}

/// A percentile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PercentileRecord {
    /// In per cent; 100 is the highest value.
    pub percentile: f64,
    /// Its value in nanoseconds; none where too few samples are behind it.
    pub ns: Option<u64>,
    /// Samples at or above it.
    pub samples: u64,
}

/// How costs and fills came together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettlingRecord {
    /// How often the batches of a queueing run were replayed.
    pub replayed: u32,
    /// By how much batches are larger or smaller than those replayed last, on
    /// average over packets, as a share of their size.
    pub moved: f64,
    /// Whether fills stand still.
    pub settled: bool,
}

impl Record {
    /// The record of some series that this program has measured.
    #[must_use]
    pub fn new(
        command: String,
        started: String,
        machine: Machine,
        offered: Offered,
        floor: Floor,
        series: &[Series],
        warnings: Vec<String>,
    ) -> Self {
        Self {
            schema: SCHEMA,
            command,
            started,
            build: build_info::build(),
            machine,
            offered,
            floor,
            series: series.iter().map(of_series).collect(),
            warnings,
        }
    }

    /// As it stands in the file.
    #[must_use]
    pub fn text(&self) -> String {
        let text = serde_json::to_string(self);
        text.expect("a record has string keys only") + "\n"
    }
}

fn of_series(series: &Series) -> SeriesRecord {
    let slices = || series.slices.slices.iter();
    let settling = series.settling.map(|settling| SettlingRecord {
        replayed: settling.replayed,
        moved: settling.moved,
        settled: settling.settled,
    });
    SeriesRecord {
        variant: series.variant.clone(),
        rate: series.rate.to_string(),
        packets_per_second: series.per_second,
        highest_packets_per_second: series.highest,
        on_a_wire: series.on_a_wire,
        account: Balance::of(&series.account, series.unsent()),
        percentiles: recorded(&series.histogram),
        mean_ns: series.histogram.mean(),
        fills: series.fills.clone(),
        settling,
        threads: series.threads.as_ref().map(of_threads),
        slice_ns: series.slices.width_ns,
        slice_max_ns: slices().map(|s| s.map(|s| s.max_ns)).collect(),
        slice_median_ns: slices().map(|s| s.map(|s| s.median_ns)).collect(),
    }
}

fn of_threads(threads: &Threads) -> ThreadsRecord {
    let Punctuality { late, lost_late, longest_lag, .. } = threads.punctuality;
    ThreadsRecord {
        seconds: threads.seconds,
        on_schedule: threads.punctuality.share(),
        tolerance_ns: TOLERANCE / 1000,
        late,
        lost_late,
        longest_lag_ns: longest_lag / 1000,
        model_busy: threads.model_busy,
        round_trip_ns: threads.round_trip_ns,
        transmit_fills: threads.transmit_fills.clone(),
    }
}

/// Every percentile that is reported, the highest value last.
#[must_use]
pub fn recorded(histogram: &Histogram<u64>) -> Vec<PercentileRecord> {
    let record = |percentile| {
        let Percentile { percentile, ns, samples } = percentile;
        PercentileRecord { percentile, ns, samples }
    };
    series::percentiles(histogram).into_iter().map(record).collect()
}

#[cfg(test)]
mod tests {
    use crate::results::schema;

    #[test]
    fn the_committed_schema_is_the_one_of_these_types() {
        schema::assert_committed::<super::Record>("latency-v1.json");
    }
}

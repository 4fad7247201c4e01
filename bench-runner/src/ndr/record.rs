//! `ndr.json`: what was searched for, and what was found.

use nic_model::arrivals::BETWEEN_FRAMES;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::goal::Goal;
use super::mlrsearch::{End, Found, GoalResult, Shape};
use crate::build_info;
use crate::load::{SizesArg, Time};
use crate::results::{Build, Machine};

/// Name of the file in a folder.
pub const FILE: &str = "ndr.json";

/// The version of the schema that this program writes.
pub const SCHEMA: u32 = 1;

/// Model NDRs of some variants.
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
    /// What was searched for.
    pub search: Search,
    /// A row for each variant, frame size and batch size.
    pub rows: Vec<Row>,
    /// What a reader of the numbers has to know.
    pub warnings: Vec<String>,
}

/// What was searched for, without a wire's limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// The time that trials are in.
    #[serde(default)]
    pub time: Time,
    /// Seed of traffic and schedules.
    pub seed: u64,
    /// Core of the forwarder; in virtual time, that batches were timed on.
    pub core: u32,
    /// Core of the card, on the wall clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_core: Option<u32>,
    /// Descriptors per ring.
    pub ring_entries: u16,
    /// Usable bytes per packet buffer.
    pub buffer_bytes: u16,
    /// Replays that a batch's cost comes from, in virtual time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replays: Option<usize>,
    /// The core's frequency that rates are stated for, in GHz, in virtual
    /// time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ghz: Option<f64>,
    /// The core's own frequency when it began, by an add chain, in GHz.
    pub chain_ghz: f64,
    /// Seconds of a full-length trial.
    pub final_seconds: f64,
    /// Seconds of full-length trials that decide about a load.
    pub sum_seconds: f64,
    /// The share of time that bad trials may take.
    pub exceed_ratio: f64,
    /// How far apart bounds may be, as a share of the upper one.
    pub width: f64,
}

/// What one search found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Name of the variant.
    pub variant: String,
    /// Frame size on the wire with its checksum, or `imix`.
    pub frame: String,
    /// Upper limit of packets per receive call.
    pub batch: u16,
    /// Bytes of a wire's time that a frame takes on average.
    pub wire_bytes: f64,
    /// How the search ended.
    pub end: End,
    /// Number of trials.
    pub trials: usize,
    /// Seconds of all of them.
    pub trial_seconds: f64,
    /// Of the trials, those in which the tester was late with more than 0.1 %
    /// of the frames, so that late and unsent ones count as lost; on the wall
    /// clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_trials: Option<usize>,
    /// A result for each goal.
    pub goals: Vec<GoalRecord>,
}

/// What was found for a goal. Loads and rates are frames per second over both
/// ports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GoalRecord {
    /// What its answer is called.
    pub name: String,
    /// The share of lost frames up to which a trial is good.
    pub loss_ratio: f64,
    /// Whether the bounds can be taken as they are, or why not.
    pub shape: Shape,
    /// The largest load that upholds the goal, below each that does not.
    pub lower_bound: Option<f64>,
    /// The smallest load that does not.
    pub upper_bound: Option<f64>,
    /// What the lower bound forwards.
    pub conditional_throughput: Option<f64>,
    /// Bits per second on the wire at that throughput.
    pub bits_per_second: Option<f64>,
}

impl Record {
    /// A record without rows of a search by this program.
    #[must_use]
    pub fn new(
        command: String,
        started: String,
        machine: Machine,
        search: Search,
    ) -> Self {
        Self {
            schema: SCHEMA,
            command,
            started,
            build: build_info::build(),
            machine,
            search,
            rows: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// As it stands in the file.
    #[must_use]
    pub fn text(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.expect("a record has string keys only") + "\n"
    }
}

impl Row {
    /// What a search found for a variant.
    #[must_use]
    pub fn new(
        variant: String,
        frame: SizesArg,
        batch: u16,
        found: &Found,
    ) -> Self {
        let wire_bytes = frame.0.mean() + f64::from(BETWEEN_FRAMES);
        let goal = |result: &GoalResult| {
            let rate = result.conditional_throughput;
            GoalRecord {
                name: name(&result.goal),
                loss_ratio: result.goal.loss_ratio,
                shape: result.shape,
                lower_bound: result.lower,
                upper_bound: result.upper,
                conditional_throughput: rate,
                bits_per_second: rate.map(|rate| rate * wire_bytes * 8.0),
            }
        };
        Self {
            variant,
            frame: frame.to_string(),
            batch,
            wire_bytes,
            end: found.end,
            trials: found.trials.len(),
            trial_seconds: found.seconds(),
            late_trials: None,
            goals: found.goals.iter().map(goal).collect(),
        }
    }
}

impl Row {
    /// Bytes of each frame; none where sizes are mixed.
    #[must_use]
    pub fn bytes(&self) -> Option<u16> {
        self.frame.parse().ok()
    }
}

impl GoalRecord {
    /// What marks a result that is none; nothing for one that is.
    #[must_use]
    pub fn note(&self) -> &'static str {
        match self.shape {
            Shape::Regular => "",
            Shape::NoUpper => " (no upper bound)",
            Shape::NoLower => " (no lower bound)",
            Shape::Unfinished => " (unfinished)",
        }
    }
}

/// What the answer to a goal is called.
fn name(goal: &Goal) -> String {
    match goal.loss_ratio {
        0.0 => "NDR".to_owned(),
        ratio => {
            let percent = (ratio * 1e8).round() / 1e6;
            format!("PDR {percent}%")
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::results::schema;

    use super::super::example;
    use super::*;

    #[test]
    fn the_committed_schema_is_the_one_of_these_types() {
        schema::assert_committed::<super::Record>("ndr-v1.json");
    }

    #[test]
    fn a_record_says_its_time_and_one_from_before_was_virtual() {
        let wall = example::on_the_wall_clock(Shape::Regular);
        let text = wall.text();
        assert!(text.contains("\"time\": \"wall\""), "{text}");
        assert!(text.contains("\"late_trials\": 3"), "{text}");
        let read: Record = serde_json::from_str(&text).expect("a record");
        assert_eq!(read, wall);
        let record = example::record(Shape::Regular);
        let text = record.text().replace("    \"time\": \"virtual\",\n", "");
        assert!(!text.contains("\"time\""), "{text}");
        let read: Record = serde_json::from_str(&text).expect("a record");
        assert_eq!(read, record);
    }

    #[test]
    fn a_record_is_read_back_and_nothing_unknown_with_it() {
        let record = example::record(Shape::NoLower);
        let text = record.text();
        let read: Record = serde_json::from_str(&text).expect("a record");
        assert_eq!(read, record);
        assert!(text.contains("\"shape\": \"no lower bound\""), "{text}");
        let more = text.replacen("\"trials\"", "\"trails\": 1, \"trials\"", 1);
        assert!(serde_json::from_str::<Record>(&more).is_err());
    }
}

//! `check.json`: what a check found, and what that rests on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Tier;
use crate::failure::Exit;
use crate::fingerprint::Fingerprint;
use crate::results::{Build, Examination, Machine, Workload};

/// Name of the file in a folder.
pub const FILE: &str = "check.json";

/// The version of the schema that this program writes.
pub const SCHEMA: u32 = 1;

/// A program held against a baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Version of this schema.
    pub schema: u32,
    /// The command line.
    pub command: String,
    /// When it began, RFC 3339, UTC.
    pub started: String,
    /// What it was held against.
    pub baseline: Against,
    /// The program that was checked.
    pub build: Build,
    /// The machine it ran on.
    pub machine: Machine,
    /// What times and counts depend on besides the code.
    pub fingerprint: Fingerprint,
    /// In what condition the machine was; absent where nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examination: Option<Examination>,
    /// What was looked at.
    pub tiers: Vec<Tier>,
    /// When a cell counts as slower, and when as fine.
    pub rule: Limits,
    /// What was measured; absent without times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<Effort>,
    /// Whether the machine is as it was; absent where that was not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Cell by cell.
    pub cells: Vec<CellRecord>,
    /// The whole in a word.
    pub verdict: Conclusion,
    /// The whole in a line.
    pub line: String,
    /// What a reader has to know.
    pub notes: Vec<String>,
}

/// A baseline, in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Against {
    /// Its name.
    pub name: String,
    /// When it was saved, RFC 3339, UTC.
    pub saved: String,
    /// Its program.
    pub build: Build,
}

/// When a cell counts as slower, and when as fine. Shares of time: 0.005 is
/// half a per cent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// A difference has to be shown to be larger than this.
    pub margin: f64,
    /// A cell is fine where a slowdown of this size is ruled out.
    pub limit: f64,
    /// How often, at most, a check of equal programs may call any of its cells
    /// slower or faster.
    pub alpha: f64,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Effort {
    /// Links of each program.
    pub links: u32,
    /// Seeds of the candidate's links; the first link is the program itself
    /// and has none.
    pub seeds: Vec<u32>,
    /// Pairs of processes of the first look, at every cell.
    pub pairs: u32,
    /// Rounds of each.
    pub rounds: u32,
    /// Cells that were looked at again.
    pub flagged: u32,
    /// Pairs of processes of the second look.
    pub fresh_pairs: u32,
    /// Seconds that were measured, builds apart.
    pub seconds: f64,
}

/// Whether the machine is as it was when the baseline was saved: its times, as
/// ratios to those of the reference kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Whether it moved; absent where that could not be seen.
    pub moved: Option<bool>,
    /// The same in words.
    pub line: String,
    /// By how much the middle one of all cells moved, as a share.
    pub shift: Option<f64>,
    /// Within which it counts as the same, as a share.
    pub limit: Option<f64>,
}

/// What was found of a variant at a batch size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CellRecord {
    /// Name of the variant.
    pub variant: String,
    /// Upper limit of packets per receive call.
    pub batch: u16,
    /// What was done to the packets.
    pub workload: Workload,
    /// What is said of it.
    pub verdict: CellVerdict,
    /// The same in a line, with numbers.
    pub line: String,
    /// Times; absent where none were taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
    /// Counts; absent where nothing was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// Where a difference probably comes from; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// The candidate's time against the baseline's, as shares: 0.03 is 3 % more
/// time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Time {
    /// How much more.
    pub effect: f64,
    /// Where it lies with the confidence of the rule.
    pub interval: [f64; 2],
    /// The same for each pair of links.
    pub links: Vec<f64>,
    /// How much more it was at the first look; absent where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<f64>,
    /// Pairs of processes that it rests on.
    pub pairs: u32,
    /// Nanoseconds per packet of baseline and candidate, here and now.
    pub ns: [f64; 2],
}

/// Counts per packet of baseline and candidate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// The baseline's.
    pub baseline: PerPacket,
    /// The candidate's.
    pub candidate: PerPacket,
    /// Whether instructions went up by at least 0.5 % and one per packet.
    pub risen: bool,
    /// Whether code of libraries is counted, too; it is left out where the two
    /// were counted with different ones.
    pub with_libraries: bool,
}

/// Events per packet.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct PerPacket {
    /// Instructions.
    pub instructions: f64,
    /// Conditional branches.
    pub branches: f64,
    /// Reads of memory.
    pub loads: f64,
    /// Writes of memory.
    pub stores: f64,
    /// Calls of the allocator for memory.
    pub allocations: f64,
}

/// What is said of a cell.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum CellVerdict {
    /// Not slower.
    Fine,
    /// It takes more time, or where no time was taken more instructions.
    Slower,
    /// It takes less.
    Faster,
    /// That cannot be said.
    Inconclusive,
}

impl CellVerdict {
    /// In a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Slower => "slower",
            Self::Faster => "faster",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// What is said of the whole.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Conclusion {
    /// No cell is slower.
    Fine,
    /// Some are.
    Regression,
    /// No cell is known to be slower, and not all are known to be fine.
    Inconclusive,
    /// Machine or apparatus moved: nothing is said of the code.
    Environment,
}

impl Conclusion {
    /// How a program ends that comes to it; absent where all is fine.
    #[must_use]
    pub fn exit(self) -> Option<Exit> {
        match self {
            Self::Fine => None,
            Self::Regression => Some(Exit::Regression),
            Self::Inconclusive => Some(Exit::Inconclusive),
            Self::Environment => Some(Exit::Environment),
        }
    }
}

/// JSON Schema of `check.json`, as it stands in `results/schema/`.
///
/// # Panics
///
/// Never: a schema has string keys only.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Record);
    let text = serde_json::to_string_pretty(&schema);
    text.expect("a schema has string keys only") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_committed_schema_is_the_one_of_these_types() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../results/schema/check-v1.json");
        if std::env::var_os("UPDATE_SCHEMA").is_some_and(|set| set == "1") {
            std::fs::write(&path, schema()).expect("written");
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == schema(),
            "results/schema/check-v1.json differs from the types: run this \
             test with UPDATE_SCHEMA=1, and count SCHEMA up if files already \
             written no longer fit"
        );
    }
}

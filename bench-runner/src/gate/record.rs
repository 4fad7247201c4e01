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
    /// Seed of traffic, orders and links.
    pub seed: u64,
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

/// Records for the tests of what is made of them.
#[cfg(test)]
pub(crate) mod example {
    use super::*;
    use crate::doctor::Carries;
    use crate::fingerprint;
    use crate::results;

    fn cell(variant: &str, batch: u16, verdict: CellVerdict) -> CellRecord {
        let word = verdict.word();
        CellRecord {
            variant: variant.to_owned(),
            batch,
            workload: Workload::Forward,
            verdict,
            line: format!("{variant} at {batch} is {word}"),
            time: None,
            counts: None,
            cause: None,
        }
    }

    fn time(effect: f64, half: f64) -> Time {
        let links = [-0.002, 0.0, 0.0, 0.002].map(|apart| effect + apart);
        Time {
            effect,
            interval: [effect - half, effect + half],
            links: links.to_vec(),
            first: Some(effect * 1.1),
            pairs: 24,
            ns: [10.0, 10.0 * (1.0 + effect)],
        }
    }

    fn counts(before: f64, after: f64) -> Counts {
        let per_packet = |instructions| PerPacket {
            instructions,
            branches: 5.0,
            loads: 20.0,
            stores: 11.0,
            allocations: 0.0,
        };
        Counts {
            baseline: per_packet(before),
            candidate: per_packet(after),
            risen: after > before + 1.0,
            with_libraries: true,
        }
    }

    /// Cells of every verdict, some of them with risen counts.
    pub(crate) fn record() -> Record {
        let run = results::example::run(&["baseline"], &[32]);
        let cells = vec![
            CellRecord {
                time: Some(time(0.0, 0.004)),
                counts: Some(counts(80.0, 80.0)),
                ..cell("baseline", 32, CellVerdict::Fine)
            },
            CellRecord {
                time: Some(time(0.031, 0.003)),
                counts: Some(counts(84.0, 87.5)),
                cause: Some("one load more per packet".to_owned()),
                ..cell("batch=vec", 32, CellVerdict::Slower)
            },
            CellRecord {
                time: Some(time(-0.042, 0.005)),
                counts: Some(counts(90.0, 90.0)),
                ..cell("batch=vec", 256, CellVerdict::Faster)
            },
            CellRecord {
                time: Some(time(0.006, 0.024)),
                ..cell("reg=boxed", 1, CellVerdict::Inconclusive)
            },
            CellRecord {
                time: Some(time(0.001, 0.004)),
                counts: Some(counts(60.0, 64.0)),
                ..cell("walk=speculate", 32, CellVerdict::Fine)
            },
            CellRecord {
                counts: Some(counts(50.0, 55.0)),
                workload: Workload::Classify,
                ..cell("dispatch=dyn", 8, CellVerdict::Slower)
            },
        ];
        Record {
            schema: SCHEMA,
            command: "bench-runner check --against main".to_owned(),
            started: "2026-11-22T08:00:00Z".to_owned(),
            baseline: Against {
                name: "main".to_owned(),
                saved: "2026-11-20T08:00:00Z".to_owned(),
                build: run.build.clone(),
            },
            build: results::Build {
                commit: "89abcdef0123456789abcdef0123456789abcdef".to_owned(),
                ..run.build
            },
            machine: run.machine,
            fingerprint: fingerprint::tests::example(),
            examination: Some(Examination {
                carries: Carries::Ratios,
                line: "ratios can be compared, absolute figures drift"
                    .to_owned(),
                conditions: Vec::new(),
            }),
            tiers: vec![Tier::Counts, Tier::Timing, Tier::Environment],
            rule: Limits { margin: 0.005, limit: 0.02, alpha: 0.01 },
            effort: Some(Effort {
                seed: 7,
                links: 4,
                seeds: vec![1, 2, 3],
                pairs: 8,
                rounds: 16,
                flagged: 3,
                fresh_pairs: 24,
                seconds: 58.25,
            }),
            environment: Some(Environment {
                moved: Some(false),
                line: "the machine is as it was: +0.1 %, within 2 %".to_owned(),
                shift: Some(0.001),
                limit: Some(0.02),
            }),
            cells,
            verdict: Conclusion::Regression,
            line: "2 of 6 cells are slower, the most batch=vec at 32"
                .to_owned(),
            notes: vec!["no huge pages".to_owned()],
        }
    }

    /// Nothing to complain of.
    pub(crate) fn fine() -> Record {
        let mut record = record();
        record.cells.retain(|cell| cell.variant == "baseline");
        record.verdict = Conclusion::Fine;
        record.line = "no cell of 1 is slower".to_owned();
        record
    }

    /// The machine moved.
    pub(crate) fn moved() -> Record {
        let mut record = record();
        record.verdict = Conclusion::Environment;
        record.line = "the environment changed".to_owned();
        let environment = record.environment.as_mut().expect("is there");
        environment.moved = Some(true);
        environment.line = "the machine moved by +9.0 %".to_owned();
        record
    }

    /// A text that is structure to everything that shows it.
    pub(crate) const HOSTILE: &str =
        "::error::a]]><script>|`x`\n::error file=b,line=1::##[error]\u{1b}[2J";

    /// The same text wherever there is one.
    pub(crate) fn hostile() -> Record {
        let mut record = record();
        let texts = [
            &mut record.command,
            &mut record.started,
            &mut record.baseline.name,
            &mut record.baseline.saved,
            &mut record.baseline.build.commit,
            &mut record.build.commit,
            &mut record.build.compiler,
            &mut record.machine.cpu,
            &mut record.line,
            &mut record.notes[0],
        ];
        texts.into_iter().for_each(|text| *text = HOSTILE.to_owned());
        if let Some(environment) = &mut record.environment {
            environment.line = HOSTILE.to_owned();
        }
        if let Some(examination) = &mut record.examination {
            examination.line = HOSTILE.to_owned();
        }
        for cell in &mut record.cells {
            cell.variant = HOSTILE.to_owned();
            cell.line = HOSTILE.to_owned();
            cell.cause = Some(HOSTILE.to_owned());
        }
        record
    }

    #[test]
    fn what_is_written_reads_back() {
        for record in [record(), fine(), moved(), hostile()] {
            let json = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<Record>(&json).unwrap(), record);
        }
    }
}

#[cfg(test)]
mod tests {

    use crate::results::schema;

    #[test]
    fn the_committed_schema_is_the_one_of_these_types() {
        schema::assert_committed::<super::Record>("check-v1.json");
    }
}

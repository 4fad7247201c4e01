//! What a run leaves behind: `run.json`, its schema and its safe writing.
//!
//! Raw samples are kept; everything else (tables, intervals, charts) is
//! computed from them again whenever it is asked for.

mod check;
#[cfg(test)]
pub(crate) mod example;
#[cfg(test)]
pub(crate) mod schema;
mod store;

pub use store::{Error, FILE, load, parse};

use std::fmt;
use std::path::PathBuf;

use clap::ValueEnum;
use nic_model::arrivals::Sizes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use variants::workload;

use crate::card::{Pair, Through};
use crate::doctor::{Carries, Grade};
use crate::load::Rate;
use crate::quality::quarantined;

/// The version of the schema that this program writes.
pub const SCHEMA: u32 = 1;

/// One recorded run: how it was made, on what, and every sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Version of this schema.
    pub schema: u32,
    /// The command line that made the run.
    pub command: String,
    /// Start of the run, RFC 3339, UTC.
    pub started: String,
    /// The program that measured.
    pub build: Build,
    /// A second program, which measured the cells that say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_build: Option<Build>,
    /// The machine it ran on.
    pub machine: Machine,
    /// In what condition the machine was before the run; absent where nobody
    /// looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examination: Option<Examination>,
    /// What was asked for.
    pub setup: Setup,
    /// The cells, in the order in which samples list them.
    pub cells: Vec<Cell>,
    /// Variants without cells, whose machine code in the program that measured
    /// is that of a variant with cells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub same_code: Vec<SameCode>,
    /// One entry per worker process, in the order they ran.
    pub processes: Vec<Process>,
    /// What a reader of the numbers has to know.
    pub warnings: Vec<String>,
}

impl Run {
    /// Whether every process has all its rounds, and each that is set apart
    /// its replacement.
    pub fn is_finished(&self) -> bool {
        let rounds = self.setup.rounds as usize;
        let whole = |p: &&Process| p.rounds.len() == rounds;
        let done = self.processes.iter().filter(whole).count();
        done == self.setup.processes as usize + quarantined(self).len()
    }

    /// What a cell's variant is called among those of both programs.
    pub fn name_of(&self, cell: &Cell) -> String {
        let path = self.other_build.as_ref().and_then(|b| b.path.as_deref());
        match cell.other {
            true => of(&cell.variant, path.unwrap_or("another program")),
            false => cell.variant.clone(),
        }
    }

    /// The variants that are measured under a variant's name besides it.
    pub fn namesakes(&self, variant: &str) -> Vec<String> {
        let theirs = self.same_code.iter().filter(|s| s.as_in == variant);
        theirs.map(|same| same.variant.clone()).collect()
    }

    /// The fills of the run's cells, the one that was asked for first.
    pub fn fills(&self) -> Vec<Fill> {
        let mut fills = vec![Fill::Full, Fill::Random];
        fills.sort_by_key(|fill| *fill != self.setup.fill);
        fills.retain(|fill| self.cells.iter().any(|cell| cell.fill == *fill));
        fills
    }

    /// How many cores forward in the run's cells, each number once and in
    /// ascending order.
    pub fn core_counts(&self) -> Vec<Option<u16>> {
        let mut all: Vec<_> = self.cells.iter().map(|c| c.cores).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl Run {
    /// What was done to the packets of some variants, in words.
    pub fn work_of<'a>(
        &self,
        variants: impl Iterator<Item = &'a str> + Clone,
    ) -> String {
        let cells = self.cells.iter().filter(|cell| {
            variants.clone().any(|variant| bare(variant) == cell.variant)
        });
        let mut workloads: Vec<Workload> = Vec::new();
        for cell in cells {
            if !workloads.contains(&cell.workload) {
                workloads.push(cell.workload);
            }
        }
        if workloads.is_empty() {
            workloads.push(self.setup.workload);
        }
        let Setup { types, trace, .. } = self.setup;
        let words = workloads.iter().map(|workload| match workload {
            Workload::Classify => {
                format!("classify of {types} types, {trace}")
            }
            other => other.to_string(),
        });
        words.collect::<Vec<_>>().join(" and ")
    }
}

/// A variant that is measured under another's name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SameCode {
    /// Its name in the registry.
    pub variant: String,
    /// The measured variant that has the same machine code.
    pub as_in: String,
    /// How that comes, to follow a colon.
    pub because: String,
}

/// Between the name of a variant and that of a program.
const OF: &str = " of ";

/// A variant of a program, in words.
pub fn of(variant: &str, program: &str) -> String {
    format!("{variant}{OF}{program}")
}

/// The variant's name without that of a program.
pub fn bare(name: &str) -> &str {
    name.split_once(OF).map_or(name, |(variant, _)| variant)
}

/// The program that measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// Where the program is, as it was named; absent for the one that was
    /// started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Version of the package.
    pub version: String,
    /// Commit it was built from, `unknown` outside a checkout.
    pub commit: String,
    /// Whether the checkout had uncommitted changes.
    pub dirty: bool,
    /// Digest of the program's file: samples of different programs are not
    /// mixed.
    pub program: String,
    /// Digest of the sources it was built from; absent from older files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<String>,
    /// Digest of the code that measures: the model, its traffic and the
    /// runner; absent from older files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apparatus: Option<String>,
    /// `rustc --version`.
    pub compiler: String,
    /// Compiler flags, as cargo handed them over.
    pub flags: Vec<String>,
    /// Cargo profile: `release` or `debug`.
    pub profile: String,
    /// Target triple.
    pub target: String,
    /// The C compiler's first line about itself; absent where the variants
    /// in C are missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub c_compiler: Option<String>,
    /// The C compiler's flags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub c_flags: Vec<String>,
}

/// The machine a run was made on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// CPU model as the machine names it.
    pub cpu: String,
    /// Cores this process may run on.
    pub cores: u32,
    /// Kernel release.
    pub kernel: String,
    /// Hypervisor, when there is one.
    pub hypervisor: Option<String>,
    /// Ticks per second of the clock the samples are in.
    pub tick_hz: f64,
    /// Cost of one pair of clock reads in ticks, already subtracted.
    pub clock_cost_ticks: u32,
    /// Frequency governor, when the machine has cpufreq.
    pub governor: Option<String>,
    /// Huge pages of 2 MiB set aside by the administrator.
    pub huge_pages: u64,
    /// Setting of transparent huge pages.
    pub transparent_huge_pages: Option<String>,
}

/// What `doctor` said of the machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Examination {
    /// What kind of claims it can carry.
    pub carries: Carries,
    /// The same in a line, with what is in the way.
    pub line: String,
    /// Condition by condition.
    pub conditions: Vec<Seen>,
}

/// A condition of the machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Its name.
    pub name: String,
    /// How good it is.
    pub grade: Grade,
    /// What was seen, or why nothing was.
    pub seen: String,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// Seed of traffic, order and block lengths.
    pub seed: u64,
    /// What was asked to be done to the packets, `forward` where nothing was:
    /// some variants have a workload of their own. Each cell says its own.
    pub workload: Workload,
    /// Packet types that the card tells apart, for the workload `classify`.
    #[serde(default = "one_type", skip_serializing_if = "is_one_type")]
    pub types: u8,
    /// How they follow each other.
    #[serde(default, skip_serializing_if = "Trace::is_generated")]
    pub trace: Trace,
    /// Where the model runs.
    pub placement: Placement,
    /// Frame size on the wire, with its checksum.
    pub frame_bytes: u16,
    /// Descriptors per ring.
    pub ring_entries: u16,
    /// Usable bytes per packet buffer.
    pub buffer_bytes: u16,
    /// What was asked for; a sweep that was not asked for either measures
    /// some variants with both. Each cell says its own.
    #[serde(default)]
    pub fill: Fill,
    /// Modelled cost of a register access in cycles; 0 is none.
    pub doorbell_cycles: u32,
    /// Packets per block and per unit of `Round::length`.
    pub packets_per_phase: u32,
    /// A slowdown made on purpose: second copies run one phase more in so
    /// many, which their samples do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub injected_every: Option<u32>,
    /// Nominal block length, in phases.
    pub phases: u32,
    /// Rounds per process.
    pub rounds: u32,
    /// Fresh processes.
    pub processes: u32,
    /// Pieces of memory that contenders take turns on.
    pub arenas: u32,
    /// Core of the forwarder, the first one's where there are several.
    pub core: u32,
    /// Cores of several forwarders, the first of which a cell takes as many of
    /// as it says; empty where one forwarder has the ports to itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cores: Vec<u32>,
    /// Queues per port and direction for several forwarders; as many as a cell
    /// has cores where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queues: Option<u16>,
    /// Whether the first of two cores receives and works on packets and the
    /// second one sends them, through one queue.
    #[serde(default, skip_serializing_if = "is_false")]
    pub split: bool,
    /// Core of the model; the forwarder's own in lockstep.
    pub model_core: u32,
    /// The load of both ports with equal gaps, in threads: `line` for two
    /// 10 Gbit/s wires, or packets per second such as `20M`; as many as the
    /// rings take where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub rate: Option<Rate>,
    /// The ports of a real card, in that placement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<Ports>,
}

impl Setup {
    /// Queues per port and direction that forwarders on so many cores share.
    pub fn queues_of(&self, cores: u16) -> u16 {
        let each = if self.split { 1 } else { cores };
        self.queues.unwrap_or(each)
    }

    /// Most queues per port and direction of a cell.
    pub fn most_queues(&self) -> u16 {
        self.queues_of(self.cores.len().max(1) as u16)
    }

    /// What is offered, in packets per second over both ports; absent where it
    /// is as many as the rings take.
    pub fn offered(&self) -> Option<f64> {
        let sizes = Sizes::One(self.frame_bytes);
        self.rate.map(|rate| rate.per_second(sizes, 0.0))
    }

    /// Phases of a cell's block in a round whose length is `length`. What is
    /// measured besides what was asked for takes half the time.
    pub fn phases_of(&self, cell: &Cell, length: u32) -> u32 {
        if cell.fill == self.fill { length } else { (length / 2).max(1) }
    }

    /// Phases of a cell's block besides those, for a slowdown made on
    /// purpose.
    pub fn injected_phases(&self, cell: &Cell, length: u32) -> u32 {
        match self.injected_every {
            Some(every) if cell.copy => length / every,
            _ => 0,
        }
    }

    /// Draws the block length of a round, at most a tenth off the usual one: the
    /// nearest below that a slowdown made on purpose divides without rest.
    pub fn draw_length(&self, rng: &mut fastrand::Rng) -> u32 {
        let (low, high) = (self.phases * 9 / 10, self.phases * 11 / 10);
        let length = rng.u32(low.max(1)..=high.max(1));
        let every = self.injected_every.unwrap_or(1);
        (length / every).max(1) * every
    }
}

/// Packet types where nothing looks at them.
pub const ONE_TYPE: u8 = 1;

fn one_type() -> u8 {
    ONE_TYPE
}

fn is_one_type(types: &u8) -> bool {
    *types == ONE_TYPE
}

/// What is done to the packets.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Workload {
    /// Receive, increment one byte, send.
    #[default]
    Forward,
    /// Receive, increment one byte, drop.
    Rx,
    /// Number ready-made frames, send.
    Tx,
    /// As forward, with an action by packet type.
    Classify,
}

impl Workload {
    fn is_forward(&self) -> bool {
        *self == Self::Forward
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        workload::Workload::from(*self).fmt(f)
    }
}

impl From<Workload> for workload::Workload {
    fn from(workload: Workload) -> Self {
        match workload {
            Workload::Forward => Self::Forward,
            Workload::Rx => Self::Rx,
            Workload::Tx => Self::Tx,
            Workload::Classify => Self::Classify,
        }
    }
}

impl From<workload::Workload> for Workload {
    fn from(workload: workload::Workload) -> Self {
        match workload {
            workload::Workload::Forward => Self::Forward,
            workload::Workload::Rx => Self::Rx,
            workload::Workload::Tx => Self::Tx,
            workload::Workload::Classify => Self::Classify,
        }
    }
}

/// How packet types follow each other.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Trace {
    /// Each is drawn for itself.
    #[default]
    Generated,
    /// Those of 64 frames, over and over.
    Replayed,
}

impl Trace {
    fn is_generated(&self) -> bool {
        *self == Self::Generated
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Generated => "generated",
            Self::Replayed => "replayed",
        })
    }
}

/// Where the model runs.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Placement {
    /// Model and driver take turns on one core.
    Lockstep,
    /// The model polls on a core of its own.
    Threaded,
    /// The same, and the driver is a program of its own.
    External,
    /// A real card: traffic comes from outside, and what was forwarded is
    /// counted by the driver.
    Card,
}

/// The ports of a real card, and who sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ports {
    /// PCI addresses of the two ports.
    #[schemars(with = "[String; 2]")]
    pub nic: Pair,
    /// How they were reached.
    pub through: Through,
    /// Ports of this machine that sent; absent where an outside generator
    /// did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<[String; 2]>")]
    pub generator: Option<Pair>,
    /// How those were reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator_through: Option<Through>,
    /// Folder for files of huge pages, where one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub huge_pages: Option<PathBuf>,
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { nic: Pair([first, second]), through, generator, .. } = self;
        write!(f, "{first} and {second} through {through}, traffic from ")?;
        match generator {
            None => f.write_str("outside"),
            Some(Pair([first, second])) => write!(f, "{first} and {second}"),
        }
    }
}

/// How the card leaves the receive rings to the driver, in lockstep.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Fill {
    /// All frames of a phase are there at once.
    #[default]
    Full,
    /// They come into sight in runs of random length, 16 on average, and the
    /// driver's turn on each is timed by itself.
    Random,
}

impl fmt::Display for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "full",
            Self::Random => "random",
        })
    }
}

/// One variant at one batch size, with one fill.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// Name in the registry, such as `reg=boxed`.
    pub variant: String,
    /// Upper limit of packets per receive call.
    pub batch: u16,
    /// How rings are filled.
    #[serde(default)]
    pub fill: Fill,
    /// What is done to the packets.
    #[serde(default, skip_serializing_if = "Workload::is_forward")]
    pub workload: Workload,
    /// Cores that forward, with queues of their own; absent where one
    /// forwarder has the ports to itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores: Option<u16>,
    /// The second copy of a baseline, whose spread against the first is the
    /// run's own A/A comparison.
    #[serde(default)]
    pub copy: bool,
    /// Measured by the second program, `other_build`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub other: bool,
}

/// So many forwarding cores, in words.
pub fn on_cores(cores: u16) -> String {
    let noun = if cores == 1 { "core" } else { "cores" };
    format!("on {cores} {noun}")
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variant, batch, fill, workload, cores, other, .. } = self;
        write!(f, "{variant} at batch size {batch}, {fill} fill")?;
        if *workload != Workload::Forward {
            write!(f, ", {workload}")?;
        }
        if let Some(cores) = cores {
            write!(f, ", {}", on_cores(*cores))?;
        }
        match other {
            true => f.write_str(", the second program's"),
            false => Ok(()),
        }
    }
}

/// What one worker process measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Its number, from 0; part of its seed.
    pub index: u32,
    /// What the memory of its arenas consists of.
    pub pages: String,
    /// Its rounds; fewer than asked for when it was interrupted.
    pub rounds: Vec<Round>,
    /// What befell it; absent when it was interrupted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
}

/// What befell a process while it measured, by the kernel's own account.
/// Nothing in it depends on what was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quality {
    /// Time from the first round to the end of the last one.
    pub wall_ns: u64,
    /// Time that it was ready to run and had no core: other tasks had it.
    pub run_delay_ns: Option<u64>,
    /// Time that the host kept from its core, in ticks of 10 ms.
    pub stolen_ticks: Option<u64>,
    /// How often the kernel took the core from it.
    pub involuntary_switches: Option<u64>,
}

/// One block of every cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Round {
    /// Arena that every contender ran on.
    pub arena: u32,
    /// Block length in phases, the same for all cells but those with another
    /// fill than `setup.fill`: they have half of it, rounded down, at least 1.
    /// Where several cores forward, it is that of the first one's share.
    pub length: u32,
    /// Core frequency by a dependent add chain, in GHz.
    pub chain_ghz: f64,
    /// Round trip of a cache line between the two cores, threaded only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_round_trip_ns: Option<f64>,
    /// Ticks per block, by cell, clock cost subtracted. Where several cores
    /// forward, the time in which they forward as much together as they did,
    /// each at its own rate.
    pub ticks: Vec<u64>,
    /// Ticks of the card's turns, by cell, lockstep only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_ticks: Option<Vec<u64>>,
    /// Packets handed to the card between the stamps, by cell, all of which
    /// came back on the wire; absent in lockstep, where every block forwards
    /// `packets_per_phase` in each of its phases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarded: Option<Vec<u64>>,
    /// Share of the model's time spent on frames, by cell, threaded only. On a
    /// real card, the share of receive descriptors without a frame at the end
    /// of the block: as many as there are where whoever sends is slower than
    /// the forwarder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_busy: Option<Vec<f64>>,
    /// Share of frames that came in time, by cell, where they come at a rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_time: Option<Vec<f64>>,
    /// Ticks of the reference kernel, in the first program and in the other
    /// one, where two take turns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_ticks: Option<[u64; 2]>,
}

#[cfg(test)]
mod tests {
    use crate::results::schema;

    #[test]
    fn the_committed_schema_is_the_one_of_these_types() {
        schema::assert_committed::<super::Run>("run-v1.json");
    }
}

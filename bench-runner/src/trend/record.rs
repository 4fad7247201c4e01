//! What a history says: machines, cells and changes.

use serde::Serialize;

use super::changes::Opinion;

/// A history, looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Trend {
    /// Each machine whose times are comparable, that of the newest line first.
    pub machines: Vec<Machine>,
    /// Where instructions per packet changed, the newest first, over all
    /// machines whose counts are comparable.
    pub counts: Vec<CountStep>,
    /// What was passed over, and what a reader has to know.
    pub notes: Vec<String>,
}

/// Lines whose times are comparable.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Machine {
    /// What it is.
    pub name: String,
    /// What keeps it apart from the first one.
    pub apart: Option<String>,
    /// Its lines.
    pub runs: usize,
    /// Lines of which tier 2 said that the machine had moved: no change is
    /// looked for in them.
    pub moved: usize,
    /// When the first and the last one were measured, RFC 3339, UTC.
    pub measured: [String; 2],
    /// What was measured, in the order of the first time; what stands on one
    /// place of a chart.
    pub commits: Vec<Commit>,
    /// Where what measures or what ratios are taken to changed: no change is
    /// looked for across.
    pub breaks: Vec<Break>,
    /// Cell by cell.
    pub cells: Vec<Cell>,
    /// Where cells changed, the newest first.
    pub changes: Vec<Change>,
}

/// A program that was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Commit {
    /// The commit that it was built from.
    pub commit: String,
    /// Whether the checkout had uncommitted changes.
    pub dirty: bool,
    /// The first line of its message.
    pub subject: Option<String>,
    /// When it was committed, or else measured, RFC 3339, UTC.
    pub date: String,
}

impl Commit {
    /// Enough to know it by.
    #[must_use]
    pub fn short(&self) -> String {
        let mut short: String = self.commit.chars().take(8).collect();
        if self.dirty {
            short.push('+');
        }
        short
    }

    /// The day.
    #[must_use]
    pub fn day(&self) -> &str {
        self.date.split('T').next().unwrap_or_default()
    }

    /// The first line of its message, or nothing.
    #[must_use]
    pub fn words(&self) -> &str {
        self.subject.as_deref().unwrap_or_default()
    }
}

/// Where a series begins anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Break {
    /// Number of the first commit behind it.
    pub at: usize,
    /// What changed.
    pub why: String,
}

/// A variant at a batch size on one machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// Name of the variant.
    pub variant: String,
    /// Upper limit of packets per receive call.
    pub batch: u16,
    /// Its ratio to the reference kernel since the last change or break.
    pub level: Option<f64>,
    /// Instructions per packet, the newest.
    pub instructions: Option<f64>,
    /// How much neighbouring values have in common besides their level, from
    /// -1 to 1, the most of all stretches between breaks; absent where too
    /// few speak.
    pub autocorrelation: Option<f64>,
    /// Whether it drifts, so that its changes may be none.
    pub drifts: bool,
    /// What was measured, commit by commit.
    #[serde(skip)]
    pub points: Vec<Point>,
}

/// What one line says of a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Number of the commit.
    pub at: usize,
    /// Time per packet over that of the reference kernel.
    pub ratio: Option<f64>,
    /// Instructions per packet.
    pub instructions: Option<f64>,
    /// Whether the machine had moved.
    pub moved: bool,
}

/// Where a cell changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Name of the variant.
    pub variant: String,
    /// Upper limit of packets per receive call.
    pub batch: u16,
    /// Number of the commit among those of its machine.
    pub at: usize,
    /// The first commit with the new level.
    pub commit: Commit,
    /// Who says so.
    pub opinion: Opinion,
    /// By how much, as a share: 0.03 is 3 % more time.
    pub effect: f64,
    /// Where that lies with a confidence of 99 %.
    pub interval: Option<[f64; 2]>,
    /// Ratios to the reference kernel before and after.
    pub levels: [f64; 2],
    /// Instructions per packet before and after.
    pub instructions: Option<[f64; 2]>,
    /// Whether the cell drifts, so that this may be no change.
    pub drifts: bool,
}

/// Where the instructions of a cell changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CountStep {
    /// Name of the variant.
    pub variant: String,
    /// Upper limit of packets per receive call.
    pub batch: u16,
    /// The first commit with the new count.
    pub commit: Commit,
    /// Instructions per packet before and after.
    pub instructions: [f64; 2],
}

impl CountStep {
    /// By how much, as a share.
    #[must_use]
    pub fn effect(&self) -> f64 {
        let [before, after] = self.instructions;
        after / before - 1.0
    }
}

impl Machine {
    /// Its variants, in the order in which lines name them.
    #[must_use]
    pub fn variants(&self) -> Vec<&str> {
        let mut all: Vec<&str> = Vec::new();
        for cell in &self.cells {
            if !all.contains(&&*cell.variant) {
                all.push(&cell.variant);
            }
        }
        all
    }

    /// Its batch sizes, in ascending order.
    #[must_use]
    pub fn batches(&self) -> Vec<u16> {
        let mut all: Vec<_> = self.cells.iter().map(|c| c.batch).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

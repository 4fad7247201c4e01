//! One condition of the machine: what was seen, how good that is, and what
//! would make it better.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How good a condition is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// As it should be.
    Good,
    /// It moves numbers, within what a run allows for.
    Fair,
    /// It moves numbers by more than what is measured.
    Poor,
    /// The machine does not tell.
    Unknown,
}

impl Grade {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Fair => "fair",
            Self::Poor => "poor",
            Self::Unknown => "unknown",
        }
    }

    /// Good up to one bound, fair up to another. What is no number is
    /// unknown.
    pub(super) fn by(value: f64, good: f64, fair: f64) -> Self {
        match value {
            value if value <= good => Self::Good,
            value if value <= fair => Self::Fair,
            value if value > fair => Self::Poor,
            _ => Self::Unknown,
        }
    }
}

/// What a condition spoils when it is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Spoils {
    /// Absolute figures; ratios within a round stay what they are.
    Absolute,
    /// Ratios as well.
    Ratios,
    /// The threaded placement only.
    Threads,
    /// No figure: something cannot be had.
    Nothing,
}

/// A condition of the machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Condition {
    /// Its name.
    pub name: &'static str,
    /// What was seen, or why nothing was.
    pub seen: String,
    /// How good that is.
    pub grade: Grade,
    /// What suffers when it is not good.
    pub spoils: Spoils,
    /// Why it moves a number.
    pub why: &'static str,
    /// What to do, in one line; absent where all is well or nothing helps.
    pub fix: Option<String>,
}

impl Condition {
    /// What could not be looked at, and why.
    pub(super) fn unknown(
        name: &'static str,
        spoils: Spoils,
        why: &'static str,
        reason: &str,
    ) -> Self {
        let seen = format!("unavailable: {reason}");
        let grade = Grade::Unknown;
        Self { name, seen, grade, spoils, why, fix: None }
    }

    /// The same with a fix, where it is not good.
    pub(super) fn fix(mut self, fix: impl Into<String>) -> Self {
        if matches!(self.grade, Grade::Fair | Grade::Poor) {
            self.fix = Some(fix.into());
        }
        self
    }
}

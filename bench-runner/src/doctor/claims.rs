//! What kind of claims a machine can carry.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::{Condition, Grade, Spoils};

/// The strongest kind of claim.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Carries {
    /// Figures of two runs, such as Mpps, can be held against each other.
    Absolute,
    /// Ratios within a run can; absolute figures drift.
    Ratios,
    /// Neither can, until the conditions that are named are better.
    Nothing,
}

/// What the machine carries, and in words why no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// The kind.
    pub carries: Carries,
    /// One line.
    pub line: String,
}

impl Claims {
    /// What conditions allow. A condition that spoils ratios has to be poor
    /// to do so, for rounds and processes are made to outlast a fair one;
    /// absolute figures have no such help, and what is not known to be good
    /// may be bad.
    #[must_use]
    pub fn of(conditions: &[Condition]) -> Self {
        let names = |bad: &dyn Fn(&Condition) -> bool| {
            let bad = conditions.iter().filter(|condition| bad(condition));
            bad.map(|condition| condition.name).collect::<Vec<_>>().join(", ")
        };
        let against_ratios = names(&|condition| {
            condition.spoils == Spoils::Ratios && condition.grade == Grade::Poor
        });
        let against_absolute = names(&|condition| {
            matches!(condition.spoils, Spoils::Ratios | Spoils::Absolute)
                && condition.grade != Grade::Good
        });
        let (carries, line) = if !against_ratios.is_empty() {
            (
                Carries::Nothing,
                format!(
                    "this machine carries no claim now; what spoils ratios: \
                     {against_ratios}"
                ),
            )
        } else if !against_absolute.is_empty() {
            (
                Carries::Ratios,
                format!(
                    "this machine carries ratios within a run, not absolute \
                     figures; in their way: {against_absolute}"
                ),
            )
        } else {
            (
                Carries::Absolute,
                "this machine carries ratios and absolute figures".to_owned(),
            )
        };
        Self { carries, line }
    }
}

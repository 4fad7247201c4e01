//! `reproduction.json`: what was measured for published figures.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::published::Place;
use crate::results::{self, Build, Machine};

/// Name of the file in a folder.
pub const FILE: &str = "reproduction.json";

/// The version of the schema that this program writes.
pub const SCHEMA: u32 = 1;

/// Published figures, measured here.
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
    /// What was asked for.
    pub asked: Asked,
    /// Figures in the order in which they are listed.
    pub figures: Vec<Reproduced>,
    /// What a reader of the numbers has to know.
    pub warnings: Vec<String>,
}

/// What was asked for, with which an interrupted reproduction goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Names of figures, in the order in which they are listed.
    pub figures: Vec<String>,
    /// Seed of traffic, order and schedules.
    pub seed: u64,
    /// Core of the forwarder; chosen where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core: Option<u32>,
    /// Core of the card, in threads; chosen where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_core: Option<u32>,
    /// Whether there were to be fewer rounds.
    pub quick: bool,
}

/// A figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reproduced {
    /// Its name, such as `F1`.
    pub id: String,
    /// Ways in which it was measured, the one that stands for it first.
    pub ways: Vec<Way>,
    /// What it needs that is not here, a sentence each.
    pub absent: Vec<String>,
}

/// A way in which a figure was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Way {
    /// How, in words, such as `lockstep, modelled doorbell of 140 cycles`.
    pub how: String,
    /// Whether cycles were measured, and rates at a frequency follow from them.
    pub projected: bool,
    /// Charts, by the number of the figure's panel.
    pub panels: Vec<MeasuredPanel>,
    /// What speaks to single statements.
    pub findings: Vec<MeasuredFinding>,
}

/// A chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeasuredPanel {
    /// Which of the figure's panels, from 0.
    pub panel: usize,
    /// The series, in the order of the figure.
    pub series: Vec<MeasuredSeries>,
}

/// What speaks to a published series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeasuredSeries {
    /// The published series' name.
    pub name: String,
    /// What was measured: a variant, or a kernel of a micro-benchmark.
    pub subject: String,
    /// The points, at the places of the published ones.
    pub points: Vec<MeasuredPoint>,
}

/// A value with its interval, in the unit of the panel's upright axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeasuredPoint {
    /// Where it is.
    pub x: Place,
    /// The value.
    pub y: f64,
    /// Lower end of its interval; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Upper end of its interval; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
}

/// What speaks to a published statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeasuredFinding {
    /// Its number, such as `E05`.
    pub id: String,
    /// What was measured, in words.
    pub what: String,
    /// How many times as much the subject has as the other side.
    pub value: f64,
    /// Lower end of its interval; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Upper end of its interval; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
}

impl Record {
    /// Reads a record from its folder or its file.
    ///
    /// # Errors
    ///
    /// When there is none, or not one that this program can trust.
    pub fn load(path: &Path) -> Result<Self, results::Error> {
        match path.is_dir() {
            true => results::load(&path.join(FILE), SCHEMA),
            false => results::load(path, SCHEMA),
        }
    }
}

impl Record {
    /// Whether every figure that was asked for is there.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        let here = self.figures.iter().map(|figure| &figure.id);
        here.eq(&self.asked.figures)
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.expect("a record has string keys only") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use crate::results::schema;

    #[test]
    fn the_committed_schema_is_the_one_of_these_types() {
        schema::assert_committed::<super::Record>("reproduction-v1.json");
    }
}

//! What others have published: `results/published/`, a file per figure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A figure or a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// Its name, such as `F1`; that of the file in capital letters.
    pub id: String,
    /// What it is of.
    pub title: String,
    /// What it says, in one sentence.
    pub claim: String,
    /// A micro-benchmark of `variants/benches/` with the same question.
    pub bench: Option<String>,
    /// What its numbers were made under.
    pub conditions: Conditions,
    /// Where it is from.
    pub sources: Vec<Source>,
    /// Its charts.
    pub panels: Vec<Panel>,
    /// Single statements.
    pub findings: Vec<Finding>,
    /// What the sources leave open, or say twice in different ways.
    pub gaps: Vec<String>,
    /// What cannot be measured of it here, in one sentence.
    pub not_measured: Option<String>,
}

/// What numbers were made under; what is absent was not stated, or is an axis,
/// a series or a finding's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// The CPU.
    pub cpu: Option<String>,
    /// Its frequency in GHz.
    pub ghz: Option<f64>,
    /// Frame size on the wire with its checksum.
    pub frame_bytes: Option<u16>,
    /// Upper limit of packets per receive call.
    pub batch: Option<u16>,
    /// What else is known.
    pub other: String,
}

/// Where numbers are from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its name in this figure.
    pub id: String,
    /// Who wrote it.
    pub authors: String,
    /// What it is called.
    pub title: String,
    /// When it was published; absent where that was not stated.
    pub year: Option<u16>,
    /// Where it was published.
    pub place: String,
}

/// A chart: series over one quantity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    /// To the right.
    pub x: Axis,
    /// Upwards.
    pub y: Axis,
    /// The series, in the order of the source.
    pub series: Vec<Series>,
}

/// What an axis shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// The quantity.
    pub quantity: String,
    /// Its unit; absent for names.
    pub unit: Option<String>,
    /// How it is drawn.
    pub scale: Scale,
}

/// How an axis is drawn.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Equal steps for equal differences.
    Linear,
    /// Equal steps for factors of two.
    Log2,
    /// Equal steps for factors of what is left to 100 %.
    Percentile,
    /// Names side by side.
    Category,
}

/// Points under one name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// Its name as it was published.
    pub name: String,
    /// The variant that speaks to it, if there is one.
    pub variant: Option<String>,
    /// How its numbers were come by.
    pub read: Read,
    /// Whether one direction was published, and the values are twice that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub doubled: bool,
    /// What else is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// About how many packets a distribution is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<u64>,
    /// Which of the figure's sources it is from, where it is not from all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The points, `x` ascending.
    pub points: Vec<Point>,
}

/// How numbers were come by.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Read {
    /// Printed in a table or a sentence.
    Printed,
    /// In the data from which the figure was drawn.
    Data,
    /// Read off a plot made of lines.
    Vector,
    /// Read off a plot made of dots.
    Bitmap,
    /// Computed from other published numbers.
    Computed,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Where it is.
    pub x: Place,
    /// The value, in the unit of its axis.
    pub y: f64,
    /// Error of the reading to both sides, in the same unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<f64>,
}

/// A place on an axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Place {
    /// In the unit of the axis.
    Number(f64),
    /// One of several names.
    Name(String),
}

/// A single statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Its number in this collection.
    pub id: String,
    /// What was found, in one sentence.
    pub statement: String,
    /// What it is about.
    pub subject: Side,
    /// What that was compared with.
    pub against: Option<Side>,
    /// How much it is: with `against` what the subject has more of, without
    /// what it has. Absent where no number was published.
    pub effect: Option<Effect>,
    /// What it was found under, if that was stated.
    pub conditions: Option<String>,
    /// How its number was come by.
    pub read: Read,
    /// Which of the figure's sources it is from.
    pub source: String,
}

/// One of two things that are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Side {
    /// What it is.
    pub what: String,
    /// The variant that speaks to it, if there is one.
    pub variant: Option<String>,
}

/// A number of a statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// The quantity.
    pub quantity: String,
    /// Its unit.
    pub unit: String,
    /// How much.
    pub value: f64,
    /// How it was given.
    pub bound: Bound,
    /// What the other side has, where that was published and the effect is a
    /// difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<f64>,
    /// Where a published range begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Where it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
}

impl Effect {
    /// How many times as much the subject has as the other side, where that
    /// follows from what was published.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        match (&*self.unit, self.level) {
            ("%", None) => Some(1.0 + self.value / 100.0),
            ("times", None) => Some(self.value),
            (_, level) => level.map(|level| (level + self.value) / level),
        }
    }
}

/// How a number was given.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// As it is.
    Given,
    /// As roughly that much.
    About,
    /// As up to that much.
    AtMost,
    /// As more than that.
    MoreThan,
    /// As less than that.
    LessThan,
}

/// A file's name, and its text.
macro_rules! named {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!(
                "../../../results/published/",
                $name,
                ".json"
            )),
        )
    };
}

/// The files by name, in the order in which figures are listed.
const FILES: &[(&str, &str)] = &[
    named!("f1"),
    named!("f2"),
    named!("f3"),
    named!("f4"),
    named!("f5"),
    named!("f9"),
    named!("f11"),
    named!("f12"),
    named!("t1"),
    named!("s1"),
    named!("s2"),
    named!("s3"),
    named!("s4"),
    named!("s5"),
    named!("s6"),
];

/// Every figure.
///
/// # Panics
///
/// When a file that was compiled in does not fit the types, which a test
/// rules out.
#[must_use]
pub fn figures() -> Vec<Figure> {
    let figure = |(name, text): &(&str, &str)| {
        parse(text).unwrap_or_else(|why| panic!("{name}.json: {why}"))
    };
    FILES.iter().map(figure).collect()
}

/// The figure of one file.
fn parse(text: &str) -> serde_json::Result<Figure> {
    serde_json::from_str(text)
}

#[cfg(test)]
mod tests {
    use crate::results::schema;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use variants::registry;

    use super::*;

    /// A path in the repository.
    fn repository(path: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
    }

    /// Fails where a name is there twice.
    fn all_differ<'a>(what: &str, names: impl Iterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        for name in names {
            assert!(seen.insert(name), "{what}: {name} is there twice");
        }
    }

    fn series(figure: &Figure) -> impl Iterator<Item = &Series> {
        figure.panels.iter().flat_map(|panel| &panel.series)
    }

    fn sides(figure: &Figure) -> impl Iterator<Item = &Side> {
        let subjects = figure.findings.iter().map(|f| &f.subject);
        let others = figure.findings.iter().filter_map(|f| f.against.as_ref());
        subjects.chain(others)
    }

    #[test]
    fn every_file_of_the_folder_is_compiled_in_and_parses() {
        let folder = fs::read_dir(repository("results/published")).unwrap();
        let names = folder.map(|entry| {
            entry.unwrap().file_name().into_string().expect("plain names")
        });
        let on_disk: BTreeSet<_> =
            names.filter(|name| name.ends_with(".json")).collect();
        let listed: BTreeSet<_> =
            FILES.iter().map(|(name, _)| format!("{name}.json")).collect();
        assert_eq!(on_disk, listed);
        for ((name, _), figure) in FILES.iter().zip(figures()) {
            assert_eq!(figure.id.to_lowercase(), *name);
        }
    }

    #[test]
    fn the_readme_has_a_line_for_each_file() {
        let text =
            fs::read_to_string(repository("results/published/README.md"));
        let text = text.unwrap();
        for (name, _) in FILES {
            let row = format!("| `{name}.json` | ");
            assert_eq!(text.matches(&row).count(), 1, "{name}");
        }
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        for figure in figures() {
            let text = serde_json::to_string(&figure).unwrap();
            assert_eq!(parse(&text).unwrap(), figure);
        }
    }

    #[test]
    fn an_unknown_field_is_refused() {
        for (name, text) in FILES {
            let with = text.replacen('{', "{ \"pages\": 1,", 1);
            let why = parse(&with).unwrap_err().to_string();
            assert!(why.contains("pages"), "{name}: {why}");
        }
    }

    #[test]
    fn ids_are_unique() {
        let figures = figures();
        all_differ("figures", figures.iter().map(|f| &*f.id));
        for figure in &figures {
            let sources = figure.sources.iter().map(|s| &*s.id);
            all_differ(&figure.id, sources);
            let findings = figure.findings.iter().map(|f| &*f.id);
            all_differ(&figure.id, findings);
            for panel in &figure.panels {
                let names = panel.series.iter().map(|s| &*s.name);
                all_differ(&figure.id, names);
            }
        }
    }

    #[test]
    fn every_variant_named_is_in_the_registry() {
        let mut known: BTreeSet<_> =
            registry::variants().iter().map(|v| v.name()).collect();
        // Not every build has these.
        known.extend(registry::IN_C.iter().map(|name| (*name).to_owned()));
        for figure in figures() {
            let of_series = series(&figure).filter_map(|s| s.variant.as_ref());
            let of_sides = sides(&figure).filter_map(|s| s.variant.as_ref());
            for name in of_series.chain(of_sides) {
                assert!(known.contains(name), "{}: {name}", figure.id);
            }
        }
    }

    #[test]
    fn every_bench_named_exists() {
        for figure in figures() {
            let Some(bench) = &figure.bench else { continue };
            let path = repository(&format!("variants/benches/{bench}.rs"));
            assert!(path.is_file(), "{}: {bench}", figure.id);
        }
    }

    #[test]
    fn x_ascends() {
        for figure in figures() {
            for panel in &figure.panels {
                for series in &panel.series {
                    let at = format!("{}, {}", figure.id, series.name);
                    let xs: Vec<_> =
                        series.points.iter().map(|p| &p.x).collect();
                    assert!(!xs.is_empty(), "{at}: no point");
                    for x in &xs {
                        let fits = match (panel.x.scale, x) {
                            (Scale::Category, Place::Name(_)) => true,
                            (Scale::Log2, Place::Number(x)) => *x > 0.0,
                            (Scale::Percentile, Place::Number(x)) => {
                                (0.0..=100.0).contains(x)
                            }
                            (Scale::Linear, Place::Number(_)) => true,
                            _ => false,
                        };
                        assert!(fits, "{at}: {x:?} on this axis");
                    }
                    for pair in xs.windows(2) {
                        let ascends = match (pair[0], pair[1]) {
                            (Place::Number(a), Place::Number(b)) => a < b,
                            (a, b) => a != b,
                        };
                        assert!(ascends, "{at}: {pair:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn numbers_read_off_dots_have_an_error() {
        for figure in figures() {
            for series in series(&figure) {
                let dots = series.read == Read::Bitmap;
                for point in &series.points {
                    let at = format!("{}, {}", figure.id, series.name);
                    assert_eq!(point.error.is_some(), dots, "{at}");
                    assert!(point.error.is_none_or(|e| e > 0.0), "{at}");
                    assert!(point.y >= 0.0, "{at}");
                }
            }
        }
    }

    #[test]
    fn percentiles_do_not_fall() {
        for figure in figures() {
            let panels = figure.panels.iter();
            for panel in panels.filter(|p| p.x.scale == Scale::Percentile) {
                for series in &panel.series {
                    let rises = series.points.is_sorted_by(|a, b| a.y <= b.y);
                    assert!(rises, "{}, {}", figure.id, series.name);
                }
            }
        }
    }

    #[test]
    fn every_source_named_is_among_the_sources() {
        for figure in figures() {
            let known = |id: &str| figure.sources.iter().any(|s| s.id == id);
            assert!(!figure.sources.is_empty(), "{}", figure.id);
            let of_series = series(&figure).filter_map(|s| s.source.as_ref());
            let of_findings = figure.findings.iter().map(|f| &f.source);
            for id in of_series.chain(of_findings) {
                assert!(known(id), "{}: {id}", figure.id);
            }
        }
    }

    #[test]
    fn each_has_something_to_say_in_one_sentence() {
        for figure in figures() {
            let (panels, findings) = (&figure.panels, &figure.findings);
            assert!(!panels.is_empty() || !findings.is_empty());
            let sentences = [Some(&figure.claim), figure.not_measured.as_ref()];
            for sentence in sentences.into_iter().flatten() {
                assert!(sentence.ends_with('.'), "{}: {sentence}", figure.id);
                assert!(!sentence.contains(". "), "{}: {sentence}", figure.id);
            }
        }
    }

    #[test]
    fn an_effect_lies_in_its_range() {
        for figure in figures() {
            for finding in &figure.findings {
                let Some(effect) = &finding.effect else { continue };
                let low = effect.low.unwrap_or(effect.value);
                let high = effect.high.unwrap_or(effect.value);
                let inside = (low..=high).contains(&effect.value);
                assert!(inside, "{}, {}", figure.id, finding.id);
            }
        }
    }

    #[test]
    fn the_committed_schema_is_the_one_of_these_types() {
        schema::assert_committed::<super::Figure>("published-v1.json");
    }
}

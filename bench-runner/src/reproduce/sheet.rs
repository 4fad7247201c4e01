//! A figure as it is shown: what was published, what was measured, and what
//! comes of it.

use super::chart;
use super::figures;
use super::judge::Judged;
use super::published::{self, Figure, Place, Source};
use super::record::{MeasuredPoint, Record, Reproduced, Way};

/// All that is to be said about a figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// Its name, such as `F1`.
    pub id: String,
    /// What it is of.
    pub title: String,
    /// What was published, in one sentence.
    pub claim: String,
    /// Whether the shape is the same, in one sentence.
    pub verdict: String,
    /// How far the shape agrees, from 0 to 1; absent where nothing was
    /// measured that it could be told by.
    pub score: Option<f64>,
    /// What was measured, a sentence or two each.
    pub measured: Vec<String>,
    /// Why it differs, a sentence or two each.
    pub differences: Vec<String>,
    /// What it needs that is not here, a sentence each.
    pub absent: Vec<String>,
    /// Where it was published.
    pub sources: Vec<String>,
    /// Charts of both, as file name and SVG text.
    pub charts: Vec<(String, String)>,
    /// Numbers of both: a heading and rows, of equal length.
    pub tables: Vec<Table>,
}

/// Numbers as text.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// What is in it, in one line.
    pub title: String,
    /// Names of the columns.
    pub head: Vec<String>,
    /// The rows, as long as the head.
    pub rows: Vec<Vec<String>>,
}

/// A sheet for each figure of a record.
#[must_use]
pub fn sheets(record: &Record) -> Vec<Sheet> {
    let published = published::figures();
    let with = record.figures.iter().filter_map(|here| {
        let figure = published.iter().find(|f| f.id == here.id)?;
        Some(sheet(record, figure, here))
    });
    with.collect()
}

fn sheet(record: &Record, figure: &Figure, here: &Reproduced) -> Sheet {
    let judged: Vec<_> =
        here.ways.iter().map(|way| Judged::of(figure, way)).collect();
    let first = judged.first();
    let why = figures::plan(&figure.id).map_or(&[][..], |plan| plan.why);
    let far = first.map_or(&[][..], |judged| &judged.farthest);
    let not = figure.not_measured.iter().cloned();
    let mut absent: Vec<String> = here.absent.clone();
    absent.extend(others(figure));
    absent.extend(not);
    Sheet {
        id: figure.id.clone(),
        title: figure.title.clone(),
        claim: figure.claim.clone(),
        verdict: match first {
            Some(judged) => judged.verdict(),
            None => "Not measured here.".to_owned(),
        },
        score: first.and_then(Judged::score),
        measured: here
            .ways
            .iter()
            .zip(&judged)
            .map(|(way, judged)| way_in_words(way, judged))
            .collect(),
        differences: match first {
            None => Vec::new(),
            Some(_) => {
                let why = why.iter().map(|line| (*line).to_owned());
                far.iter().cloned().chain(why).collect()
            }
        },
        absent,
        sources: figure.sources.iter().map(source).collect(),
        charts: chart::charts(record, figure, here),
        tables: tables(figure, here, &judged),
    }
}

/// The published series that nothing here speaks to.
fn others(figure: &Figure) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for series in figure.panels.iter().flat_map(|panel| &panel.series) {
        let is_kernel = figure.bench.is_some();
        let name = series.name.as_str();
        if series.variant.is_none() && !is_kernel && !names.contains(&name) {
            names.push(name);
        }
    }
    (!names.is_empty()).then(|| {
        format!(
            "Drawn as published, for nothing here speaks to them: {}.",
            names.join(", ")
        )
    })
}

fn way_in_words(way: &Way, judged: &Judged) -> String {
    let mut subjects: Vec<&str> = Vec::new();
    for series in way.panels.iter().flat_map(|panel| &panel.series) {
        if !subjects.contains(&&*series.subject) {
            subjects.push(&series.subject);
        }
    }
    let what = match subjects.is_empty() {
        true => format!("{} statements", way.findings.len()),
        false => subjects.join(", "),
    };
    format!("{}: {what}. {}", way.how, judged.verdict())
}

fn source(source: &Source) -> String {
    let year = match source.year {
        Some(year) => format!(", {year}"),
        None => String::new(),
    };
    format!("{}, \"{}\", {}{year}", source.authors, source.title, source.place)
}

fn tables(figure: &Figure, here: &Reproduced, judged: &[Judged]) -> Vec<Table> {
    let mut tables = Vec::new();
    for (number, panel) in figure.panels.iter().enumerate() {
        let ways: Vec<_> = here
            .ways
            .iter()
            .filter_map(|way| {
                let panel = way.panels.iter().find(|p| p.panel == number)?;
                Some((way, panel))
            })
            .collect();
        if ways.is_empty() {
            continue;
        }
        let mut head = vec!["series".to_owned(), panel.x.quantity.clone()];
        head.push("published".to_owned());
        head.extend(ways.iter().map(|(way, _)| way.how.clone()));
        let mut rows = Vec::new();
        for series in &panel.series {
            for point in &series.points {
                let at = |panel: &super::record::MeasuredPanel| {
                    let all = panel.series.iter();
                    let ours = all.filter(|s| s.name == series.name);
                    let mut points = ours.flat_map(|s| &s.points);
                    points.find(|p| p.x == point.x).map(cell)
                };
                let cells: Vec<_> =
                    ways.iter().map(|(_, panel)| at(panel)).collect();
                if cells.iter().all(Option::is_none) {
                    continue;
                }
                let mut row = vec![series.name.clone(), text(&point.x)];
                row.push(short(point.y));
                row.extend(cells.into_iter().map(Option::unwrap_or_default));
                rows.push(row);
            }
        }
        let unit = panel.y.unit.as_deref().unwrap_or_default();
        let title = format!("{}, {unit}", panel.y.quantity);
        tables.push(Table { title, head, rows });
    }
    for (way, judged) in here.ways.iter().zip(judged) {
        if judged.statements.is_empty() {
            continue;
        }
        let rows = judged.statements.iter().map(|statement| {
            let found = |f: &&published::Finding| f.id == statement.id;
            let finding = figure.findings.iter().find(found);
            let said = finding.map_or("", |finding| &finding.statement);
            let here = &statement.measured;
            let published = statement.published.map_or_else(
                || "no ratio".to_owned(),
                |ratio| format!("×{ratio:.2}"),
            );
            let interval = match (here.low, here.high) {
                (Some(low), Some(high)) => format!(" ({low:.2}..{high:.2})"),
                _ => String::new(),
            };
            vec![
                statement.id.clone(),
                said.to_owned(),
                here.what.clone(),
                published,
                format!("×{:.2}{interval}", here.value),
                if statement.agrees { "yes" } else { "no" }.to_owned(),
            ]
        });
        let head = [
            "statement",
            "published",
            "measured",
            "ratio published",
            "ratio measured",
            "points that way",
        ];
        tables.push(Table {
            title: format!("statements, {}", way.how),
            head: head.map(str::to_owned).to_vec(),
            rows: rows.collect(),
        });
    }
    tables
}

fn text(place: &Place) -> String {
    match place {
        Place::Number(x) => x.to_string(),
        Place::Name(name) => name.clone(),
    }
}

/// A value with its interval.
fn cell(point: &MeasuredPoint) -> String {
    match (point.low, point.high) {
        (Some(low), Some(high)) => {
            format!("{} ({}..{})", short(point.y), short(low), short(high))
        }
        _ => short(point.y),
    }
}

/// A number with three digits that count.
fn short(value: f64) -> String {
    let places = match value.abs() {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.places$}")
}

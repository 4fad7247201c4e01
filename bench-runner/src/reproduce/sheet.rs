//! A figure as it is shown: what was published, what was measured, and what
//! comes of it.

use super::published;
use super::record::Record;

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
        Some((figure, here))
    });
    with.map(|(figure, here)| Sheet {
        id: figure.id.clone(),
        title: figure.title.clone(),
        claim: figure.claim.clone(),
        verdict: String::new(),
        score: None,
        measured: Vec::new(),
        differences: Vec::new(),
        absent: here.absent.clone(),
        sources: Vec::new(),
        charts: Vec::new(),
        tables: Vec::new(),
    })
    .collect()
}

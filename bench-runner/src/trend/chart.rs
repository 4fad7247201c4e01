//! The chart of a machine: a row for each variant, a curve for each batch
//! size, time and instructions beside each other.

use super::changes::Opinion;
use super::record::{Cell, Machine, Point};
use crate::plot;
use crate::plot::{Field, FieldCurve, Mark, Panels, Row, file_name};
use crate::stats::median;

/// Points of a curve: of more the lowest and the highest of each stretch.
const POINTS: usize = 240;

/// Places that bear the name of their commit.
const TICKS: usize = 8;

/// Most rows of a chart: another one follows.
const ROWS: usize = 16;

/// Every chart of a machine, as file name and SVG text.
#[must_use]
pub fn charts(machine: &Machine, number: usize) -> Vec<(String, String)> {
    let variants = machine.variants();
    let parts: Vec<_> = variants.chunks(ROWS).collect();
    let chart = |(part, variants): (usize, &&[&str])| {
        let mut name = format!("trend-{}", number + 1);
        if parts.len() > 1 {
            name += &format!("-{}", part + 1);
        }
        let mut title = "time per packet over commits".to_owned();
        if parts.len() > 1 {
            title += &format!(", {} of {}", part + 1, parts.len());
        }
        let svg = draw(machine, variants, title);
        (format!("{}.svg", file_name(&name)), svg)
    };
    parts.iter().enumerate().map(chart).collect()
}

fn draw(machine: &Machine, variants: &[&str], title: String) -> String {
    let batches = machine.batches();
    let places = machine.commits.len();
    let every = places.div_ceil(TICKS).max(1);
    let ticks = (0..places).step_by(every).map(|place| {
        let commit = &machine.commits[place];
        (place as f64, format!("{} {}", commit.short(), commit.day()))
    });
    let is_thinned = machine.cells.iter().any(|c| c.points.len() > POINTS);
    let row = |variant: &&str| {
        let cells: Vec<_> =
            machine.cells.iter().filter(|c| c.variant == *variant).collect();
        Row {
            title: (*variant).to_owned(),
            note: note(&cells),
            fields: vec![
                time(machine, &cells, &batches),
                counts(machine, &cells, &batches),
            ],
        }
    };
    let panels = Panels {
        title,
        subtitle: caption(machine, is_thinned),
        columns: vec![
            ("time per packet, % of its middle value".to_owned(), 2.0),
            ("instructions per packet, %".to_owned(), 1.0),
        ],
        names: batches.iter().map(|batch| format!("batch {batch}")).collect(),
        places,
        ticks: ticks.collect(),
        breaks: machine.breaks.iter().map(|b| b.at as f64).collect(),
        rows: variants.iter().map(row).collect(),
    };
    panels.draw()
}

fn caption(machine: &Machine, is_thinned: bool) -> String {
    let mut text = format!(
        "Time per packet as a ratio to that of the frozen reference kernel, \
         and instructions per packet, each against the middle value of its \
         cell; {} over {}. {}. Upright lines: changes, with the first commit \
         of the new level; orange for more time, blue for less, dashed where \
         one opinion says so alone, or the cell drifts.",
        super::runs(machine.runs),
        super::commits(machine.commits.len()),
        machine.name,
    );
    if machine.moved > 0 {
        text += " Hollow: the machine had moved.";
    }
    if !machine.breaks.is_empty() {
        text += " Dotted: reference kernel or apparatus changed.";
    }
    if is_thinned {
        text += " Of each stretch of many points the lowest and the highest \
                 are drawn.";
    }
    text
}

/// The newest levels of a variant.
fn note(cells: &[&Cell]) -> String {
    let now = cells.iter().filter_map(|cell| {
        Some(format!("×{:.3} at {}", cell.level?, cell.batch))
    });
    let now: Vec<_> = now.collect();
    match now.is_empty() {
        true => String::new(),
        false => format!("now {}", now.join(", ")),
    }
}

fn time(machine: &Machine, cells: &[&Cell], batches: &[u16]) -> Field {
    let mut marks: Vec<Mark> = Vec::new();
    for change in &machine.changes {
        let is_ours = cells.iter().any(|cell| {
            (&cell.variant, cell.batch) == (&change.variant, change.batch)
        });
        let (x, more) = (change.at as f64, change.effect > 0.0);
        let doubtful = change.opinion != Opinion::Both || change.drifts;
        let known = marks.iter_mut().find(|m| m.x == x && m.more == more);
        match known {
            _ if !is_ours => {}
            Some(mark) => mark.doubtful &= doubtful,
            None => {
                let text = change.commit.short();
                marks.push(Mark { x, text, more, doubtful });
            }
        }
    }
    marks.sort_by(|a, b| a.x.total_cmp(&b.x));
    let curves = curves(machine, cells, batches, |p| p.ratio, |p| !p.moved);
    Field { curves, marks }
}

fn counts(machine: &Machine, cells: &[&Cell], batches: &[u16]) -> Field {
    let curves = curves(machine, cells, batches, |p| p.instructions, |_| true);
    Field { curves, marks: Vec::new() }
}

/// A curve for each cell: what is not `joined` stands apart.
fn curves(
    machine: &Machine,
    cells: &[&Cell],
    batches: &[u16],
    of: impl Fn(&Point) -> Option<f64>,
    joined: impl Fn(&Point) -> bool,
) -> Vec<FieldCurve> {
    let curve = |cell: &&Cell| {
        let values: Vec<_> = cell.points.iter().filter_map(&of).collect();
        let middle = median(&values).filter(|middle| *middle > 0.0)?;
        let name = batches.iter().position(|b| *b == cell.batch)?;
        let spot = |point: &Point| {
            Some((point.at as f64, (of(point)? / middle - 1.0) * 100.0))
        };
        let stretch =
            |at: f64| machine.breaks.partition_point(|b| b.at as f64 <= at);
        let on = cell.points.iter().filter(|p| joined(p));
        let on: Vec<_> = on.filter_map(spot).collect();
        let apart = cell.points.iter().filter(|p| !joined(p));
        let apart: Vec<_> = apart.filter_map(spot).collect();
        let parts = on
            .chunk_by(|a, b| stretch(a.0) == stretch(b.0))
            .map(|part| plot::thinned(part, on.len(), POINTS));
        let count = apart.len();
        let apart = plot::thinned(&apart, count, POINTS);
        Some(FieldCurve { name, parts: parts.collect(), apart })
    };
    cells.iter().filter_map(curve).collect()
}

//! A history for a terminal.

use comfy_table::CellAlignment;

use super::record::{Cell, Change, CountStep, Machine, Trend};
use crate::stats::median;
use crate::table::table;

/// Rows of the table of changes.
const CHANGES: usize = 40;

/// Rows of the table of counts.
const COUNTS: usize = 20;

/// Machines that are shown, the newest ones.
const MACHINES: usize = 8;

/// Characters of the picture of a cell.
const PICTURE: usize = 24;

/// Characters of the first line of a commit's message.
const SUBJECT: usize = 40;

/// What stands where there is no number.
pub(super) const NOTHING: &str = "–";

/// Heights of the picture of a cell.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Changes and cells of each machine, and changes of counts.
#[must_use]
pub fn text(trend: &Trend) -> String {
    let mut parts = Vec::new();
    for machine in trend.machines.iter().take(MACHINES) {
        parts.push(of_machine(machine));
    }
    if let Some(more) = more(trend.machines.len(), MACHINES) {
        parts.push(format!("{more} machines\n"));
    }
    if !trend.counts.is_empty() {
        parts.push(format!(
            "Instructions per packet, machines joined\n\n{}",
            counts(&trend.counts)
        ));
    }
    parts.join("\n")
}

fn more(all: usize, shown: usize) -> Option<String> {
    (all > shown).then(|| format!("and {} more", all - shown))
}

fn of_machine(machine: &Machine) -> String {
    let mut text =
        format!("{}\n{}\n", plain(&machine.name), super::extent(machine));
    if let Some(apart) = &machine.apart {
        text += &format!("not joined with the first: {}\n", plain(apart));
    }
    for (number, one) in machine.breaks.iter().rev().enumerate() {
        if number == COUNTS {
            break;
        }
        let commit = &machine.commits[one.at];
        let day = plain(commit.day());
        let short = plain(&commit.short());
        text += &format!("{} at {short} ({day})\n", one.why);
    }
    text.push('\n');
    match machine.changes.is_empty() {
        true => text += "No change above 0.5 % in any cell.\n",
        false => text += &changes(&machine.changes),
    }
    text.push('\n');
    text += &cells(machine);
    if machine.cells.iter().any(|cell| cell.drifts) {
        text += super::DRIFT;
        text.push('\n');
    }
    text
}

fn changes(changes: &[Change]) -> String {
    let titles = [
        "commit",
        "date",
        "variant",
        "batch",
        "change",
        "99 % interval",
        "before",
        "after",
        "instructions",
        "says",
        "subject",
    ];
    let mut table = table(titles.iter().map(|title| (*title).to_owned()));
    for left in [0, 1, 2, 9, 10] {
        if let Some(column) = table.column_mut(left) {
            column.set_cell_alignment(CellAlignment::Left);
        }
    }
    for change in changes.iter().take(CHANGES) {
        let [before, after] = change.levels;
        table.add_row([
            plain(&change.commit.short()),
            plain(change.commit.day()),
            plain(&change.variant),
            change.batch.to_string(),
            percent(change.effect),
            interval(change),
            format!("×{before:.3}"),
            format!("×{after:.3}"),
            change.instructions.map_or(NOTHING.to_owned(), pair),
            said(change),
            shortened(change.commit.words()),
        ]);
    }
    let mut text = table.trim_fmt() + "\n";
    if let Some(more) = more(changes.len(), CHANGES) {
        text += &format!("{more} changes\n");
    }
    text
}

fn counts(steps: &[CountStep]) -> String {
    let titles =
        ["commit", "date", "variant", "batch", "change", "count", "subject"];
    let mut table = table(titles.iter().map(|title| (*title).to_owned()));
    for left in [0, 1, 2, 6] {
        if let Some(column) = table.column_mut(left) {
            column.set_cell_alignment(CellAlignment::Left);
        }
    }
    for step in steps.iter().take(COUNTS) {
        table.add_row([
            plain(&step.commit.short()),
            plain(step.commit.day()),
            plain(&step.variant),
            step.batch.to_string(),
            percent(step.effect()),
            pair(step.instructions),
            shortened(step.commit.words()),
        ]);
    }
    let mut text = table.trim_fmt() + "\n";
    if let Some(more) = more(steps.len(), COUNTS) {
        text += &format!("{more} changes of counts\n");
    }
    text
}

fn cells(machine: &Machine) -> String {
    let titles = [
        "variant",
        "batch",
        "now",
        "lowest",
        "highest",
        "instructions",
        "over commits",
    ];
    let mut table = table(titles.iter().map(|title| (*title).to_owned()));
    for left in [0, 6] {
        if let Some(column) = table.column_mut(left) {
            column.set_cell_alignment(CellAlignment::Left);
        }
    }
    for cell in &machine.cells {
        let [low, high] = cell.ends().map_or([None; 2], |e| e.map(Some));
        let ratio = |value: Option<f64>| {
            value.map_or(NOTHING.to_owned(), |value| format!("×{value:.3}"))
        };
        let drifts = if cell.drifts { " drifts" } else { "" };
        table.add_row([
            plain(&cell.variant),
            cell.batch.to_string(),
            ratio(cell.level),
            ratio(low),
            ratio(high),
            cell.instructions
                .map_or(NOTHING.to_owned(), |count| format!("{count:.1}")),
            picture(cell) + drifts,
        ]);
    }
    table.trim_fmt() + "\n"
}

impl Cell {
    /// The lowest and the highest ratio while the machine stood still.
    #[must_use]
    pub fn ends(&self) -> Option<[f64; 2]> {
        let still = self.points.iter().filter(|point| !point.moved);
        let ratios = still.filter_map(|point| point.ratio);
        ratios.fold(None, |ends, ratio| {
            let [low, high] = ends.unwrap_or([ratio; 2]);
            Some([low.min(ratio), high.max(ratio)])
        })
    }
}

/// A cell's ratios from the oldest to the newest, the middle one of each
/// stretch, between the lowest and the highest of them. What moves by less
/// than a per cent is flat.
fn picture(cell: &Cell) -> String {
    let still = cell.points.iter().filter(|point| !point.moved);
    let logs: Vec<_> =
        still.filter_map(|point| Some(point.ratio?.ln())).collect();
    if logs.is_empty() {
        return NOTHING.to_owned();
    }
    let count = logs.len().min(PICTURE);
    let middles = (0..count).filter_map(|n| {
        let (from, to) = (n * logs.len() / count, (n + 1) * logs.len() / count);
        median(&logs[from..to])
    });
    let middles: Vec<_> = middles.collect();
    let low = middles.iter().copied().fold(f64::INFINITY, f64::min);
    let high = middles.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let reach = (high - low).max(0.01);
    let from = f64::midpoint(low, high) - reach / 2.0;
    let height = |value: &f64| {
        let share = (value - from) / reach;
        HEIGHTS[((share * 8.0) as usize).min(HEIGHTS.len() - 1)]
    };
    middles.iter().map(height).collect()
}

/// A share with its sign.
pub(crate) fn percent(share: f64) -> String {
    format!("{:+.2} %", share * 100.0)
}

/// Where a change lies.
pub(crate) fn interval(change: &Change) -> String {
    change.interval.map_or(NOTHING.to_owned(), |[low, high]| {
        format!("{:+.2}..{:+.2}", low * 100.0, high * 100.0)
    })
}

/// Counts before and after.
pub(crate) fn pair([before, after]: [f64; 2]) -> String {
    match (after - before).abs() < 0.05 {
        true => format!("{after:.1}"),
        false => format!("{before:.1} → {after:.1}"),
    }
}

/// Who says that there is a change.
pub(crate) fn said(change: &Change) -> String {
    let drifts = if change.drifts { ", drifts" } else { "" };
    format!("{}{drifts}", change.opinion.words())
}

fn shortened(text: &str) -> String {
    let text = plain(text);
    if text.chars().count() <= SUBJECT {
        return text;
    }
    let kept: String = text.chars().take(SUBJECT - 1).collect();
    kept + "…"
}

/// A text of a file without what would change a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::series;
    use super::super::simulation::Series;
    use super::*;
    use crate::history::{Loaded, example};

    fn trend(count: usize, step: (usize, f64)) -> Trend {
        let values = Series::new(7).steps(count, &[step], 0.003);
        let line = |(hour, value): (u64, f64)| {
            example::line(hour, &[("reg=boxed", 32, 4.0 * value.exp())])
        };
        let lines = (0..).zip(values).map(line).collect();
        series::of(&Loaded { lines, notes: Vec::new() })
    }

    #[test]
    fn a_change_and_its_cell_have_a_row() {
        let said = text(&trend(40, (25, 0.03)));
        let row = said.lines().find(|line| line.contains("Change 25"));
        let row = row.expect("a row");
        for word in ["reg=boxed", "32", "both", "+3.", "×4.", "100.0"] {
            assert!(row.contains(word), "{word} in {row}");
        }
        let cell = said.lines().rfind(|line| line.starts_with("reg=boxed"));
        let cell = cell.expect("a row");
        assert!(cell.contains('▁') && cell.contains('█'), "{cell}");
    }

    #[test]
    fn what_does_not_change_is_flat() {
        let said = text(&trend(40, (99, 0.0)));
        assert!(said.contains("No change above 0.5 %"), "{said}");
        assert!(!said.contains('▁') && !said.contains('█'), "{said}");
        assert!(text(&trend(0, (0, 0.0))).is_empty());
    }

    #[test]
    fn a_file_cannot_change_the_terminal() {
        let mut line = example::line(0, &[("a\u{1b}[2J", 1, 1.0)]);
        line.subject = Some("\u{1b}]0;b\u{7}".to_owned());
        line.fingerprint.cpu = "c\nd".to_owned();
        let loaded = Loaded { lines: vec![line], notes: vec![] };
        let said = text(&series::of(&loaded));
        let is_plain = |c: char| c == '\n' || !c.is_control();
        assert!(said.chars().all(is_plain), "{said:?}");
    }
}

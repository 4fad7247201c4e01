//! A check for a terminal: a table of cells, what is known of causes and
//! machine, and the conclusion.

use comfy_table::CellAlignment;

use super::record::{CellRecord, Record};
use super::words::{links, more_instructions, percent, plain, range, size};
use crate::table::table;

/// What a column shows.
#[derive(Clone, Copy, PartialEq)]
enum Column {
    Variant,
    Batch,
    Verdict,
    Time,
    Interval,
    Links,
    Ns,
    Instructions,
}

impl Column {
    const ALL: [Self; 8] = [
        Self::Variant,
        Self::Batch,
        Self::Verdict,
        Self::Time,
        Self::Interval,
        Self::Links,
        Self::Ns,
        Self::Instructions,
    ];

    /// Those that go first where there is no room.
    const SPARE: [Self; 4] =
        [Self::Ns, Self::Links, Self::Instructions, Self::Interval];

    fn title(self) -> &'static str {
        match self {
            Self::Variant => "variant",
            Self::Batch => "batch",
            Self::Verdict => "verdict",
            Self::Time => "time",
            Self::Interval => "interval",
            Self::Links => "links",
            Self::Ns => "ns/pkt",
            Self::Instructions => "instructions/pkt",
        }
    }

    fn text(self, cell: &CellRecord) -> String {
        let text = match (self, &cell.time) {
            (Self::Variant, _) => Some(plain(&cell.variant)),
            (Self::Batch, _) => Some(cell.batch.to_string()),
            (Self::Verdict, _) => Some(cell.verdict.word().to_owned()),
            (Self::Instructions, _) => instructions(cell),
            (_, None) => None,
            (Self::Time, Some(time)) => Some(percent(time.effect)),
            (Self::Interval, Some(time)) => Some(range(time.interval)),
            (Self::Links, Some(time)) => Some(links(&time.links)),
            (Self::Ns, Some(time)) => {
                Some(format!("{:.2} → {:.2}", time.ns[0], time.ns[1]))
            }
        };
        text.unwrap_or_default()
    }
}

/// Before and after where they differ.
fn instructions(cell: &CellRecord) -> Option<String> {
    let counts = cell.counts.as_ref()?;
    let before = format!("{:.1}", counts.baseline.instructions);
    let after = format!("{:.1}", counts.candidate.instructions);
    match (before == after, more_instructions(cell)) {
        (false, Some(more)) => {
            Some(format!("{before} → {after} ({})", percent(more)))
        }
        _ => Some(before),
    }
}

/// All of it, no wider than `width` where that can be.
#[must_use]
pub fn text(record: &Record, width: Option<usize>) -> String {
    let mut columns = Column::ALL.to_vec();
    columns.retain(|column| match column {
        Column::Variant | Column::Batch | Column::Verdict => true,
        _ => record.cells.iter().any(|cell| !column.text(cell).is_empty()),
    });
    let mut text = cells(record, &columns);
    for spare in Column::SPARE {
        if fits(&text, width) {
            break;
        }
        columns.retain(|column| *column != spare);
        text = cells(record, &columns);
    }
    let mut lines = Vec::new();
    for cell in causes(record) {
        if let Some(cause) = &cell.cause {
            lines.push(format!(
                "{} at {}: {}",
                plain(&cell.variant),
                cell.batch,
                plain(cause)
            ));
        }
    }
    if let Some(environment) = &record.environment {
        lines.push(plain(&environment.line));
    }
    if let Some(examination) = &record.examination {
        lines.push(plain(&examination.line));
    }
    lines.push(plain(&record.line));
    if !record.cells.is_empty() {
        text.push('\n');
    }
    text + &lines.join("\n") + "\n"
}

/// Of each variant the cell with a cause that changed most.
fn causes(record: &Record) -> Vec<&CellRecord> {
    let mut most: Vec<&CellRecord> = Vec::new();
    for cell in record.cells.iter().filter(|cell| cell.cause.is_some()) {
        match most.iter_mut().find(|one| one.variant == cell.variant) {
            Some(one) if size(one) < size(cell) => *one = cell,
            Some(_) => {}
            None => most.push(cell),
        }
    }
    most
}

fn cells(record: &Record, columns: &[Column]) -> String {
    if record.cells.is_empty() {
        return String::new();
    }
    let mut table = table(columns.iter().map(|column| column.title()));
    for (place, column) in columns.iter().enumerate() {
        if matches!(column, Column::Variant | Column::Verdict)
            && let Some(column) = table.column_mut(place)
        {
            column.set_cell_alignment(CellAlignment::Left);
        }
    }
    for cell in &record.cells {
        table.add_row(columns.iter().map(|column| column.text(cell)));
    }
    table.trim_fmt() + "\n"
}

fn fits(text: &str, width: Option<usize>) -> bool {
    let widest = text.lines().map(|line| line.chars().count()).max();
    width.is_none_or(|width| widest.unwrap_or(0) <= width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::record::example;

    #[test]
    fn a_terminal_shows_cells_causes_and_the_conclusion_last() {
        let got = text(&example::record(), None);
        assert!(got == TEXT, "got\n{got}\nwant\n{TEXT}");
    }

    const TEXT: &str = r#"variant         batch  verdict         time      interval              links         ns/pkt       instructions/pkt
──────────────────────────────────────────────────────────────────────────────────────────────────────────────────
baseline           32  fine           0.0 %  -0.4..+0.4 %  -0.2..+0.2 % in 4  10.00 → 10.00                   80.0
batch=vec          32  slower        +3.1 %  +2.8..+3.4 %  +2.9..+3.3 % in 4  10.00 → 10.31   84.0 → 87.5 (+4.2 %)
batch=vec         256  faster        -4.2 %  -4.7..-3.7 %  -4.4..-4.0 % in 4   10.00 → 9.58                   90.0
reg=boxed           1  inconclusive  +0.6 %  -1.8..+3.0 %  +0.4..+0.8 % in 4  10.00 → 10.06
walk=speculate     32  fine          +0.1 %  -0.3..+0.5 %  -0.1..+0.3 % in 4  10.00 → 10.01   60.0 → 64.0 (+6.7 %)
dispatch=dyn        8  slower                                                                50.0 → 55.0 (+10.0 %)

batch=vec at 32: one load more per packet
the machine is as it was: +0.1 %, within 2 %
ratios can be compared, absolute figures drift
2 of 6 cells are slower, the most batch=vec at 32
"#;

    #[test]
    fn what_does_not_fit_is_left_out() {
        let record = example::record();
        let narrow = text(&record, Some(48));
        let table = narrow.lines().take(3 + record.cells.len());
        assert!(table.clone().all(|line| line.chars().count() <= 48));
        assert!(table.clone().any(|line| line.contains("+3.1 %")));
        assert!(!narrow.contains("ns/pkt"), "{narrow}");
    }

    #[test]
    fn a_record_without_cells_is_its_conclusion() {
        let mut record = example::fine();
        (record.cells, record.environment) = (Vec::new(), None);
        record.examination = None;
        assert_eq!(text(&record, None), "no cell of 1 is slower\n");
    }

    #[test]
    fn no_line_is_a_command_to_a_log_or_a_terminal() {
        let text = text(&example::hostile(), None);
        let mut lines = text.lines().map(str::trim_start);
        assert!(!lines.any(|line| line.starts_with("::")), "{text}");
        assert!(!text.contains("##["), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        let cells = example::hostile().cells.len();
        // A table, a cause for their one variant, environment, machine,
        // conclusion.
        assert_eq!(text.lines().count(), 2 + cells + 1 + 1 + 3);
    }
}

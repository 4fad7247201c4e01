//! A check as Markdown, for a pull request: the conclusion, what moved and
//! why, the machine, and how to do it again. Short where all is fine.

use super::record::{CellRecord, CellVerdict, Conclusion, Record};
use super::words::{
    change, confidence, links, more_instructions, percent, range, short, size,
};
use crate::report::markdown::{code, escaped, table};

/// Rows of a table; the rest is counted. Comments of GitHub end after 65,536
/// characters.
const MOST: usize = 50;

/// All of it.
#[must_use]
pub fn summary(record: &Record) -> String {
    let word = match record.verdict {
        Conclusion::Fine => "fine",
        Conclusion::Regression => "regression",
        Conclusion::Inconclusive => "inconclusive",
        Conclusion::Environment => "environment",
    };
    let mut text = format!("**{word}**: {}\n", escaped(&record.line));
    if record.verdict == Conclusion::Environment {
        text += "\nNothing is said of the code: what measures is not what it \
                 was when the baseline was saved.\n";
    }
    let mut parts = vec![
        moved(record, CellVerdict::Slower),
        moved(record, CellVerdict::Faster),
        undecided(record),
        risen(record),
        machine(record),
    ];
    parts.push(again(record));
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        text.push('\n');
        text += &part;
    }
    text
}

/// The cells of a verdict, what moved most first.
fn moved(record: &Record, verdict: CellVerdict) -> String {
    let title = match (record.verdict, verdict) {
        (Conclusion::Environment, CellVerdict::Slower) => "Seemed slower",
        (Conclusion::Environment, _) => "Seemed faster",
        (_, CellVerdict::Slower) => "Slower",
        _ => "Faster",
    };
    let mut cells: Vec<_> =
        record.cells.iter().filter(|c| c.verdict == verdict).collect();
    // Time before instructions.
    cells.sort_by(|a, b| size(b).total_cmp(&size(a)));
    cells.sort_by_key(|cell| cell.time.is_none());
    let row = |cell: &&CellRecord| {
        let time = cell.time.as_ref();
        vec![
            code(&cell.variant),
            cell.batch.to_string(),
            size_of_change(cell),
            time.map_or("–".to_owned(), |time| range(time.interval)),
            time.map_or("–".to_owned(), |time| links(&time.links)),
            time.map_or("–".to_owned(), |time| {
                format!("{:.2} → {:.2}", time.ns[0], time.ns[1])
            }),
            cell.cause.as_deref().map_or("–".to_owned(), escaped),
        ]
    };
    let interval = format!("{} interval", confidence(record));
    let head = [
        "variant",
        "batch",
        "by",
        &interval,
        "links",
        "ns/packet",
        "likely cause",
    ];
    rows(title, &head, cells.iter().map(row))
}

fn size_of_change(cell: &CellRecord) -> String {
    match (change(cell), &cell.time) {
        (None, _) => "–".to_owned(),
        (Some(share), Some(_)) => format!("**{}**", percent(share)),
        (Some(share), None) => {
            format!("**{}** instructions", percent(share))
        }
    }
}

/// A table with a title, no longer than it may be; nothing without rows.
fn rows(
    title: &str,
    head: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
) -> String {
    let mut rows: Vec<_> = rows.collect();
    let more = rows.len().saturating_sub(MOST);
    rows.truncate(MOST);
    if rows.is_empty() {
        return String::new();
    }
    let mut text = format!("#### {title}\n\n{}", table(head, 1, rows));
    if more > 0 {
        text += &format!("\nAnd {more} more, in `check.json`.\n");
    }
    text
}

/// Cells of which nothing can be said, in a line.
fn undecided(record: &Record) -> String {
    let open = |cell: &&CellRecord| cell.verdict == CellVerdict::Inconclusive;
    let names: Vec<_> = record
        .cells
        .iter()
        .filter(open)
        .map(|cell| format!("{} at {}", code(&cell.variant), cell.batch))
        .collect();
    let more = match names.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    match names.len() {
        0 => String::new(),
        count => format!(
            "Undecided, {count} of {}: {}{more}.\n",
            record.cells.len(),
            names[..count.min(MOST)].join(", "),
        ),
    }
}

/// Cells that execute more instructions.
fn risen(record: &Record) -> String {
    let row = |cell: &CellRecord| {
        let counts = cell.counts.filter(|counts| counts.risen)?;
        let (a, b) = (counts.baseline, counts.candidate);
        let more = more_instructions(cell).map(percent).unwrap_or_default();
        Some(vec![
            code(&cell.variant),
            cell.batch.to_string(),
            format!("{} ({more})", both(a.instructions, b.instructions)),
            both(a.branches, b.branches),
            both(a.loads, b.loads),
            both(a.stores, b.stores),
            both(a.allocations, b.allocations),
        ])
    };
    let head = [
        "variant",
        "batch",
        "instructions",
        "branches",
        "loads",
        "stores",
        "allocations",
    ];
    let all = record.cells.iter().filter_map(row);
    rows("Counts per packet that rose", &head, all)
}

/// Before and after, or one where they are the same.
fn both(before: f64, after: f64) -> String {
    let (a, b) = (format!("{before:.2}"), format!("{after:.2}"));
    if a == b { a } else { format!("{a} → {b}") }
}

/// Whether it moved, and what it can carry.
fn machine(record: &Record) -> String {
    let mut text = String::new();
    if let Some(environment) = &record.environment {
        text += &format!("- environment: {}\n", escaped(&environment.line));
    }
    if let Some(examination) = &record.examination {
        text += &format!("- machine: {}\n", escaped(&examination.line));
    }
    text
}

fn unsigned(share: f64) -> String {
    percent(share).trim_start_matches('+').to_owned()
}

/// How it was made and how to make it again, folded.
fn again(record: &Record) -> String {
    let commit = |build: &crate::results::Build| {
        let changes = if build.dirty { " with changes" } else { "" };
        format!("commit {}{changes}", code(short(&build.commit)))
    };
    let against = &record.baseline;
    let mut lines = vec![
        format!("checked: {}", commit(&record.build)),
        format!(
            "against: {}, {}, saved {}",
            code(&against.name),
            commit(&against.build),
            escaped(&against.saved)
        ),
        format!(
            "on: {}, kernel {}, {}",
            escaped(&record.machine.cpu),
            escaped(&record.machine.kernel),
            escaped(&record.build.compiler)
        ),
    ];
    if let Some(effort) = &record.effort {
        lines.push(format!(
            "slower or faster: by more than {}; fine: less than {} slower; \
             {} sure over all cells",
            unsigned(record.rule.margin),
            unsigned(record.rule.limit),
            confidence(record)
        ));
        let seeds: Vec<_> = effort.seeds.iter().map(u32::to_string).collect();
        lines.push(format!(
            "{:.0} s on {} links (seeds {}), {} pairs of {} rounds, {} cells \
             again with {}",
            effort.seconds,
            effort.links,
            seeds.join(", "),
            effort.pairs,
            effort.rounds,
            effort.flagged,
            effort.fresh_pairs
        ));
    }
    lines.extend(record.notes.iter().map(|n| format!("note: {}", escaped(n))));
    let lines: String =
        lines.iter().map(|line| format!("- {line}\n")).collect();
    format!(
        "<details><summary>How to do it again</summary>\n\n\
         1. check out {}\n\
         2. `cargo build --release --bin bench-runner`\n\
         3. {}\n\n\
         {lines}\n</details>\n",
        code(&record.build.commit),
        code(&record.command),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::record::example;

    #[test]
    fn a_summary_says_what_moved_by_how_much_how_sure_and_why() {
        let got = summary(&example::record());
        assert!(got == SUMMARY, "got\n{got}\nwant\n{SUMMARY}");
    }

    const SUMMARY: &str = r#"**regression**: 2 of 6 cells are slower, the most batch=vec at 32

#### Slower

| variant | batch | by | 99 % interval | links | ns/packet | likely cause |
|---|---:|---:|---:|---:|---:|---:|
| `batch=vec` | 32 | **+3.1 %** | +2.8..+3.4 % | +2.9..+3.3 % in 4 | 10.00 → 10.31 | one load more per packet |
| `dispatch=dyn` | 8 | **+10.0 %** instructions | – | – | – | – |

#### Faster

| variant | batch | by | 99 % interval | links | ns/packet | likely cause |
|---|---:|---:|---:|---:|---:|---:|
| `batch=vec` | 256 | **-4.2 %** | -4.7..-3.7 % | -4.4..-4.0 % in 4 | 10.00 → 9.58 | – |

Undecided, 1 of 6: `reg=boxed` at 1.

#### Counts per packet that rose

| variant | batch | instructions | branches | loads | stores | allocations |
|---|---:|---:|---:|---:|---:|---:|
| `batch=vec` | 32 | 84.00 → 87.50 (+4.2 %) | 5.00 | 20.00 | 11.00 | 0.00 |
| `walk=speculate` | 32 | 60.00 → 64.00 (+6.7 %) | 5.00 | 20.00 | 11.00 | 0.00 |
| `dispatch=dyn` | 8 | 50.00 → 55.00 (+10.0 %) | 5.00 | 20.00 | 11.00 | 0.00 |

- environment: the machine is as it was: +0.1 %, within 2 %
- machine: ratios can be compared, absolute figures drift

<details><summary>How to do it again</summary>

1. check out `89abcdef0123456789abcdef0123456789abcdef`
2. `cargo build --release --bin bench-runner`
3. `bench-runner check --against main`

- checked: commit `89abcdef0123`
- against: `main`, commit `0123456789ab`, saved 2026-11-20T08:00:00Z
- on: Example CPU 9000 16-Core Processor, kernel 6.1.0, rustc 1.95.0
- slower or faster: by more than 0.5 %; fine: less than 2.0 % slower; 99 % sure over all cells
- 58 s on 4 links (seeds 1, 2, 3), 8 pairs of 16 rounds, 3 cells again with 24
- note: no huge pages

</details>
"#;

    #[test]
    fn where_all_is_fine_it_is_short() {
        let text = summary(&example::fine());
        assert!(text.starts_with("**fine**: no cell of 1 is slower\n"));
        let (shown, folded) = text.split_once("<details>").unwrap();
        assert_eq!(shown.lines().count(), 5, "{shown}");
        assert!(folded.contains("check out `89abcdef"), "{folded}");
    }

    #[test]
    fn a_machine_that_moved_has_no_verdict_on_the_code() {
        let text = summary(&example::moved());
        assert!(text.starts_with("**environment**: "), "{text}");
        assert!(text.contains("Nothing is said of the code"), "{text}");
        assert!(text.contains("#### Seemed slower"), "{text}");
        assert!(!text.contains("#### Slower"), "{text}");
    }

    #[test]
    fn what_a_record_says_is_shown_and_not_obeyed() {
        let text = summary(&example::hostile());
        assert!(!text.contains("<script"), "{text}");
        assert!(!text.contains("\n::"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        // Every row has as many cells as its head.
        let mut columns = None;
        for line in text.lines() {
            let bars = line.starts_with('|').then(|| line.matches('|').count());
            if let (Some(bars), Some(columns)) = (bars, columns) {
                assert_eq!(bars, columns, "{line}");
            }
            columns = bars;
        }
    }

    #[test]
    fn many_rows_are_summed_up() {
        let mut record = example::record();
        let slower = record.cells[1].clone();
        record.cells = vec![slower; 70];
        let text = summary(&record);
        assert!(text.contains("And 20 more, in `check.json`."), "{text}");
        let rows = text.matches("| `batch=vec` |").count();
        assert_eq!(rows, 2 * MOST, "slower, and counts that rose");
    }
}

//! Cells over commits, and where they changed.

use maud::{Markup, html};

use super::figure::chart;
use super::number::{NOTHING, count};
use crate::trend::record::{Cell, Change, Commit, CountStep, Machine, Trend};
use crate::trend::text::{interval, pair, percent, said};
use crate::trend::{self, DRAWN, DRIFT};

/// Rows of a table.
const ROWS: usize = 200;

/// Breaks that are named.
const NAMED: usize = 20;

/// The section of a history; nothing where there is none.
pub fn section(trend: Option<&Trend>) -> Markup {
    let Some(trend) = trend else { return html! {} };
    let counts = trend.counts.as_slice();
    html! {
        section #trend {
            h2 { "Trend" }
            p {
                "Time per packet over commits, as a ratio to that of a "
                "reference kernel that stays as it is. A change has a level "
                "before and a level after it. Two opinions look for changes: "
                "minimum description length (MDL) and E-divisive with means; "
                "changes up to 0.5 % are not named. Times of different "
                "machines are never joined."
            }
            @for (number, one) in
                trend.machines.iter().take(DRAWN).enumerate()
            { (machine(one, number)) }
            @if trend.machines.len() > DRAWN {
                p {
                    "Older ones: " (trend.machines.len() - DRAWN)
                    " more machines."
                }
            }
            @if !counts.is_empty() {
                h3 { "Instructions per packet" }
                p {
                    "Counts of machines with the same libraries and "
                    "extensions are joined."
                }
                (count_steps(counts))
            }
            @if !trend.notes.is_empty() {
                h3 { "Passed over" }
                ul { @for note in &trend.notes { li { (note) } } }
            }
        }
    }
}

fn machine(machine: &Machine, number: usize) -> Markup {
    let breaks = machine.breaks.iter().rev();
    html! {
        h3 { (machine.name) }
        p {
            (trend::extent(machine)) "."
            @if let Some(apart) = &machine.apart {
                " Not joined with the first machine: " (apart) "."
            }
        }
        @for one in breaks.take(NAMED) {
            p.aside {
                @if let Some(commit) = machine.commits.get(one.at) {
                    "At " code { (commit.short()) } " (" (commit.day()) ") "
                }
                (one.why) ": curves begin anew."
            }
        }
        @match machine.changes.is_empty() {
            true => p { "No change above 0.5 % in any cell." },
            false => (changes(&machine.changes)),
        }
        @for (_, svg) in trend::chart::charts(machine, number) {
            (chart(&svg, "%"))
        }
        (cells(machine))
        @if machine.cells.iter().any(|cell| cell.drifts) {
            p.aside { (DRIFT) }
        }
    }
}

fn head(titles: &[&str]) -> Markup {
    html! {
        thead { tr { @for title in titles { th scope="col" { (title) } } } }
    }
}

fn name(commit: &Commit) -> Markup {
    html! { code { (commit.short()) } " " (commit.day()) }
}

fn changes(changes: &[Change]) -> Markup {
    html! {
        div.scroll {
            table.numbers {
                caption {
                    (count(changes.len(), "change", "changes"))
                    ", the newest first"
                    @if changes.len() > ROWS { "; " (ROWS) " are shown" }
                }
                (head(&[
                    "commit", "variant", "batch", "change, %",
                    "99 % interval", "before", "after", "instructions",
                    "says", "subject",
                ]))
                tbody {
                    @for one in changes.iter().take(ROWS) { (change(one)) }
                }
            }
        }
    }
}

fn change(change: &Change) -> Markup {
    let class = if change.effect > 0.0 { "slower" } else { "faster" };
    let [before, after] = change.levels.map(|level| format!("×{level:.3}"));
    html! {
        tr {
            th scope="row" { (name(&change.commit)) }
            td { code { (change.variant) } }
            td { (change.batch) }
            td class=(class) { (percent(change.effect)) }
            td { (interval(change)) }
            td { (before) }
            td { (after) }
            td { (change.instructions.map_or(NOTHING.to_owned(), pair)) }
            td { (said(change)) }
            td { (change.commit.words()) }
        }
    }
}

fn cells(machine: &Machine) -> Markup {
    let factor = |value: Option<f64>| {
        value.map_or(NOTHING.to_owned(), |value| format!("×{value:.3}"))
    };
    let row = |cell: &Cell| {
        let [low, high] = cell.ends().map_or([None; 2], |e| e.map(Some));
        html! {
            tr {
                th scope="row" { code { (cell.variant) } }
                td { (cell.batch) }
                @for value in [cell.level, low, high] {
                    td { (factor(value)) }
                }
                td {
                    (cell.instructions.map_or(
                        NOTHING.to_owned(),
                        |count| format!("{count:.1}"),
                    ))
                }
                td { @if cell.drifts { "drifts" } }
            }
        }
    };
    html! {
        details {
            summary { (count(machine.cells.len(), "cell", "cells")) }
            div.scroll {
                table.numbers {
                    (head(&[
                        "variant", "batch", "now", "lowest", "highest",
                        "instructions", "",
                    ]))
                    tbody { @for cell in &machine.cells { (row(cell)) } }
                }
            }
        }
    }
}

fn count_steps(steps: &[CountStep]) -> Markup {
    let row = |step: &CountStep| {
        let class = if step.effect() > 0.0 { "slower" } else { "faster" };
        html! {
            tr {
                th scope="row" { (name(&step.commit)) }
                td { code { (step.variant) } }
                td { (step.batch) }
                td class=(class) { (percent(step.effect())) }
                td { (pair(step.instructions)) }
                td { (step.commit.words()) }
            }
        }
    };
    html! {
        div.scroll {
            table.numbers {
                caption {
                    (count(steps.len(), "change", "changes"))
                    " of counts, the newest first"
                    @if steps.len() > ROWS { "; " (ROWS) " are shown" }
                }
                (head(&[
                    "commit", "variant", "batch", "change", "instructions",
                    "subject",
                ]))
                tbody { @for step in steps.iter().take(ROWS) { (row(step)) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Loaded, example};
    use crate::trend::series;

    #[test]
    fn changes_cells_and_counts_stand_in_the_page_as_text() {
        let line = |hour: u64| {
            let ratio = if hour < 20 { 4.0 } else { 4.4 };
            let ratio = ratio + (hour * 7919 % 13) as f64 / 2000.0;
            let mut line = example::line(hour, &[("reg=<b>", 32, ratio)]);
            line.subject = Some("</script><script>alert(1)".to_owned());
            line.fingerprint.cpu = "<i>".to_owned();
            line.cells[0].instructions =
                Some(if hour < 20 { 100.0 } else { 120.0 });
            line
        };
        let notes = vec!["<u>, line 3: cut off".to_owned()];
        let loaded = Loaded { lines: (0..40).map(line).collect(), notes };
        let trend = series::of(&loaded);
        let page = section(Some(&trend)).into_string();
        for words in [
            "id=\"trend\"",
            "reg=&lt;b&gt;",
            "1 change, the newest first",
            "100.0 → 120.0",
            "<td>both</td>",
            "40 runs of 40 commits",
            "&lt;u&gt;, line 3",
        ] {
            assert!(page.contains(words), "{words} in {page}");
        }
        for evil in ["<script", "reg=<b>", "<i>", "<u>"] {
            assert!(!page.contains(evil), "{evil}");
        }
        assert!(section(None).into_string().is_empty());
    }
}

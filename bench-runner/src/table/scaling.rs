//! Throughput over cores as a table.

use super::{NOTHING, SAME, batches, count, plain, plus_minus, table};
use crate::analysis::{CellResult, by_axis};
use crate::results::Run;
use comfy_table::CellAlignment;

/// A row per variant and batch size: Mpps on each number of cores, and in
/// brackets how many times that is of one core.
#[must_use]
pub fn scaling(results: &[CellResult]) -> String {
    let mut counts: Vec<_> = results.iter().filter_map(|r| r.cores).collect();
    counts.sort_unstable();
    counts.dedup();
    let title = |n: &u16| count((*n).into(), "core", "cores");
    let titles = ["variant".to_owned(), "batch".to_owned()].into_iter();
    let mut table = table(titles.chain(counts.iter().map(title)));
    if let Some(column) = table.column_mut(0) {
        column.set_cell_alignment(CellAlignment::Left);
    }
    for (_, variants) in by_axis(results) {
        for variant in variants {
            for batch in batches(results) {
                let on = |n| find(results, variant, batch, n);
                let row: Vec<_> = counts.iter().map(|n| on(*n)).collect();
                let Some(any) = row.iter().flatten().next() else { continue };
                let names = plain(&any.names().join(SAME));
                let texts = row.iter().map(|result| text(*result, on(1)));
                let head = [names, batch.to_string()].into_iter();
                table.add_row(head.chain(texts));
            }
        }
    }
    table.trim_fmt() + "\n"
}

/// A result that has a rate.
fn find<'a>(
    results: &'a [CellResult],
    variant: &str,
    batch: u16,
    cores: u16,
) -> Option<&'a CellResult> {
    results.iter().find(|r| {
        let same = r.variant == variant && r.batch == batch && !r.copy;
        same && r.cores == Some(cores) && r.mpps.is_some()
    })
}

/// A rate, and what it is of that of one core.
fn text(result: Option<&CellResult>, one: Option<&CellResult>) -> String {
    let rate = |result: Option<&CellResult>| result?.mpps;
    let Some((result, mpps)) = result.zip(rate(result)) else {
        return NOTHING.to_owned();
    };
    let mark = if result.hollow { "°" } else { "" };
    let text = plus_minus(mpps, 2) + mark;
    match rate(one) {
        Some(one) if result.cores != Some(1) && one.value > 0.0 => {
            format!("{text} (×{:.2})", mpps.value / one.value)
        }
        _ => text,
    }
}

/// How a run is spread over cores, where it is.
pub(super) fn spread(run: &Run) -> Option<String> {
    let counts = run.core_counts();
    let least = counts.first().copied().flatten()?;
    let most = counts.last().copied().flatten()?;
    let span = |low: u16, high: u16| match low == high {
        true => high.to_string(),
        false => format!("{low} to {high}"),
    };
    if run.setup.split {
        return Some(
            "One core receives and works on packets, another one sends them. \
             Times are those of both together, cycles those of each added up."
                .to_owned(),
        );
    }
    let (low, high) = (run.setup.queues_of(least), run.setup.queues_of(most));
    let queues = if high == 1 { "queue" } else { "queues" };
    Some(format!(
        "Cores that forward: {}; {} {queues} per port and direction, flows \
         spread by RSS. Times are those of all cores together, cycles those \
         of each added up.",
        span(least, most),
        span(low, high),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{aa_spread, analyse};
    use crate::results::example::{self, reference};
    use crate::table::caption;

    #[test]
    fn throughput_over_cores_is_a_row_for_each_batch_size() {
        let names = ["baseline", "reg=boxed"];
        let mut run = example::over_cores(&names, &[1, 32], 3);
        example::add_same_code(&mut run, "reg=typed", "baseline");
        let results = analyse(&run, &reference);
        let text = scaling(&results);
        let head = text.lines().next().expect("a head");
        for title in ["variant", "batch", "1 core", "2 cores", "3 cores"] {
            assert!(head.contains(title), "{title} in {head}");
        }
        let rows: Vec<_> = text.lines().skip(2).collect();
        assert_eq!(rows.len(), 4, "{text}");
        for row in rows {
            assert!(row.contains("(×1.90)"), "{row}");
            assert!(row.contains("(×2.71)"), "{row}");
        }
        assert_eq!(text.matches("baseline ≡ reg=typed").count(), 2, "{text}");
        let said = caption(&run, &results, aa_spread(&run).as_ref());
        assert!(said.contains("Cores that forward: 1 to 3; 1 to 3 queues"));
        assert!(said.contains("6 pairs of batch size and number"), "{said}");
    }

    #[test]
    fn what_one_core_alone_did_is_no_multiple() {
        let run = example::over_cores(&["baseline"], &[32], 1);
        let results = analyse(&run, &reference);
        assert!(!scaling(&results).contains('×'));
        let said = caption(&run, &results, None);
        assert!(said.contains("Cores that forward: 1; 1 queue per"), "{said}");
        let none = example::run(&["baseline"], &[32]);
        assert!(!caption(&none, &[], None).contains("Cores"));
    }
}

//! What variants cost against their references, at a few batch sizes.

use crate::analysis::{BASELINE, CellResult, Reference, SAME, by_axis};
use crate::report::answer::{batch, times};
use crate::stats::Estimate;

use super::NOTHING;
use super::escape::code;
use super::table::table;

/// A variant that is compared with another.
pub struct Row {
    /// Its name, set as code, with those that share its machine code.
    name: String,
    /// That of its reference.
    against: String,
    /// Costs by batch size.
    costs: Vec<Option<Estimate>>,
    /// What can be said at the batch size that stands for all.
    verdict: Option<&'static str>,
}

/// The smallest batch size, the one nearest to 32 and the largest.
pub fn batches(results: &[CellResult]) -> Vec<u16> {
    let all = || results.iter().map(|result| result.batch);
    let few = [all().min(), batch(results), all().max()];
    let mut few: Vec<_> = few.into_iter().flatten().collect();
    few.dedup();
    few
}

/// Rows by axis, in the order of the run. Of the results all have one fill and
/// one number of cores.
pub fn rows<'a>(
    results: &'a [CellResult],
    reference: &Reference,
) -> Vec<(&'a str, Vec<Row>)> {
    let batches = batches(results);
    let main = batch(results);
    let axes = by_axis(results).into_iter().map(|(axis, variants)| {
        let rows = variants.into_iter().filter_map(|variant| {
            let ours: Vec<_> = results
                .iter()
                .filter(|r| !r.copy && r.variant == variant)
                .collect();
            let at = |batch: u16| ours.iter().find(|r| r.batch == batch);
            let costs: Vec<_> =
                batches.iter().map(|b| at(*b)?.cost_ratio).collect();
            let is_compared = costs.iter().any(Option::is_some);
            let verdict = main.and_then(at).and_then(|r| r.finding);
            is_compared.then(|| Row {
                name: code(&ours[0].names().join(SAME)),
                against: match reference(variant) {
                    BASELINE => BASELINE.to_owned(),
                    other => code(other),
                },
                costs,
                verdict: verdict.map(|finding| finding.verdict.word()),
            })
        });
        (axis, rows.collect::<Vec<_>>())
    });
    axes.filter(|(_, rows)| !rows.is_empty()).collect()
}

/// How many decimals a cost has, and whether verdicts have a column.
#[derive(Clone, Copy)]
pub struct Look {
    /// Decimals of a ratio.
    pub decimals: usize,
    /// Whether there is a column of verdicts.
    pub verdicts: bool,
}

/// The rows as a table.
pub fn draw<'r>(
    results: &[CellResult],
    rows: impl Iterator<Item = &'r Row>,
    look: Look,
) -> String {
    let mut head = vec!["variant".to_owned(), "against".to_owned()];
    for (place, batch) in batches(results).iter().enumerate() {
        head.push(match place {
            0 => format!("cost at batch {batch}"),
            _ => format!("at {batch}"),
        });
    }
    if look.verdicts {
        let at = batch(results).map_or(String::new(), |b| format!(" at {b}"));
        head.push(format!("verdict{at}"));
    }
    let cell = |cost: &Option<Estimate>| match cost {
        Some(cost) => times(*cost, look.decimals),
        None => NOTHING.to_owned(),
    };
    let rows = rows.map(|row| {
        let mut cells = vec![row.name.clone(), row.against.clone()];
        cells.extend(row.costs.iter().map(cell));
        if look.verdicts {
            cells.push(row.verdict.unwrap_or(NOTHING).to_owned());
        }
        cells
    });
    let head: Vec<_> = head.iter().map(String::as_str).collect();
    table(&head, head.len(), rows)
}

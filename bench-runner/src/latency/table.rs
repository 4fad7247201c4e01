//! Latencies as text tables.

use comfy_table::CellAlignment;

use super::record::Record;
use super::series::{FEWEST, PERCENTILES, Series};
use crate::table::table;

/// What stands where there is no number.
const NOTHING: &str = "–";

/// All tables and what a reader has to know; as wide as they are, or, for a
/// narrow terminal, without samples.
pub fn tables(
    series: &[Series],
    record: &Record,
    width: Option<usize>,
) -> String {
    let latencies = latencies(series);
    let widest = latencies.lines().map(|l| l.chars().count()).max();
    let is_narrow = width.is_some_and(|width| widest > Some(width));
    let mut text = format!("Latency in µs\n\n{latencies}\n");
    if !is_narrow {
        text += &format!("Samples at or above it\n\n{}\n", samples(series));
    }
    text += &format!(
        "Share of batches by packets, in %\n\n{}\n{}",
        fills(series),
        caption(series, record)
    );
    text
}

/// A row of titles: the percentiles, and the highest value.
fn titles() -> impl Iterator<Item = String> {
    PERCENTILES
        .iter()
        .map(|percentile| format!("p{percentile}"))
        .chain(["max".to_owned()])
}

/// Who was measured at what rate.
fn head(series: &Series) -> Vec<String> {
    vec![series.variant.clone(), series.rate.to_string()]
}

fn draw(titles: Vec<String>, rows: Vec<Vec<String>>) -> String {
    let mut table = table(titles.into_iter());
    if let Some(column) = table.column_mut(0) {
        column.set_cell_alignment(CellAlignment::Left);
    }
    for row in rows {
        table.add_row(row);
    }
    table.trim_fmt() + "\n"
}

fn latencies(series: &[Series]) -> String {
    let named =
        |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    let mut header: Vec<String> = named(&["variant", "rate"]);
    header.extend(titles());
    header.extend(["lost %".to_owned(), "packets/batch".to_owned()]);
    let rows = series.iter().map(|one| {
        let mut row = head(one);
        let all = one.percentiles().into_iter().chain([one.max()]);
        row.extend(all.map(|p| p.ns.map_or(NOTHING.to_owned(), micros)));
        let account = &one.account;
        row.push(share(account.ring_empty, account.offered, 3));
        row.push(format!("{:.1}", one.mean_fill()));
        row
    });
    draw(header, rows.collect())
}

fn samples(series: &[Series]) -> String {
    let mut header = vec!["variant".to_owned(), "rate".to_owned()];
    header.extend(titles());
    let rows = series.iter().map(|one| {
        let mut row = head(one);
        let all = one.percentiles().into_iter().chain([one.max()]);
        row.extend(all.map(|p| p.samples.to_string()));
        row
    });
    draw(header, rows.collect())
}

/// Batches by powers of two of their packets; full ones by themselves.
fn fills(series: &[Series]) -> String {
    let most = series.iter().map(|one| one.fills.len()).max().unwrap_or(2) - 1;
    let mut classes = Vec::new();
    let mut first = 1;
    while first < most {
        let last = (2 * first - 1).min(most - 1);
        classes.push((first, last));
        first *= 2;
    }
    classes.push((most, most));
    let mut header = vec!["variant".to_owned(), "rate".to_owned()];
    header.extend(classes.iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}–{last}"),
    }));
    let rows = series.iter().map(|one| {
        let all: u64 = one.fills.iter().sum();
        let mut row = head(one);
        row.extend(classes.iter().map(|(first, last)| {
            let class = one.fills.get(*first..=*last).unwrap_or_default();
            share(class.iter().sum(), all, 1)
        }));
        row
    });
    draw(header, rows.collect())
}

/// A part in per cent; nothing for none.
fn share(part: u64, whole: u64, decimals: usize) -> String {
    match part {
        0 => NOTHING.to_owned(),
        _ => {
            let percent = part as f64 / whole.max(1) as f64 * 100.0;
            format!("{percent:.decimals$}")
        }
    }
}

/// Microseconds with three digits that count.
pub fn micros(ns: u64) -> String {
    let us = ns as f64 / 1e3;
    let decimals = match us {
        us if us >= 99.95 => 0,
        us if us >= 9.995 => 1,
        us if us >= 0.9995 => 2,
        _ => 3,
    };
    format!("{us:.decimals$}")
}

/// What a reader of the tables has to know, one line each.
fn caption(series: &[Series], record: &Record) -> String {
    let offered = &record.offered;
    let mut lines = vec![
        format!(
            "Virtual time: measured batches of at most {} packets against {} \
             arrivals, {} bytes,",
            offered.batch, offered.pattern, offered.frame,
        ),
        format!(
            "in lockstep; from the last bit on the wire to the driver's \
             transmit doorbell. Seed {}.",
            offered.seed
        ),
        format!(
            "{NOTHING}: fewer than {FEWEST} samples at or above it, or none."
        ),
    ];
    let mut told: Vec<&str> = Vec::new();
    for one in series {
        if let Some(highest) = one.highest
            && !told.contains(&&*one.variant)
        {
            told.push(&one.variant);
            lines.push(format!(
                "{}: 100 % are {:.1} Mpps, batches of {} one after the other.",
                one.variant,
                highest / 1e6,
                offered.batch
            ));
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn tables_have_percentiles_samples_and_fills() {
        let (record, series) = example::record();
        let text = tables(&series, &record, None);
        for word in ["p99.999", "max", "Samples", "16–31", "100 % are"] {
            assert!(text.contains(word), "{word} in {text}");
        }
        let row = text.lines().find(|l| l.starts_with("buffer=deferred"));
        let row: Vec<_> = row.expect("a row").split_whitespace().collect();
        assert_eq!(row[..4], ["buffer=deferred", "1M", "0.060", "0.068"]);
        // The one late frame is the highest of 20,000, and no percentile.
        assert_eq!(row[6..9], ["0.069", "–", "25.0"]);
        let narrow = tables(&series, &record, Some(60));
        assert!(!narrow.contains("Samples"), "{narrow}");
    }

    #[test]
    fn microseconds_have_three_digits_that_count() {
        let texts = [0, 7, 42, 999, 1000, 9994, 12_345, 123_456].map(micros);
        assert_eq!(
            texts,
            ["0.000", "0.007", "0.042", "0.999", "1.00", "9.99", "12.3", "123"]
        );
    }
}

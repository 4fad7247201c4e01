//! Latencies as text tables.

use comfy_table::CellAlignment;

use super::record::Record;
use super::series::{FEWEST, PERCENTILES, Series};
use crate::load::Time;
use crate::measure::{ON_SCHEDULE, TOLERANCE};
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
    let latencies = latencies(series, record);
    let widest = latencies.lines().map(|l| l.chars().count()).max();
    let is_narrow = width.is_some_and(|width| widest > Some(width));
    let mut text = format!("Latency in µs\n\n{latencies}\n");
    if !is_narrow {
        let samples = samples(series);
        text += &format!("Samples at or above it\n\n{samples}\n");
    }
    text += &format!(
        "Share of receive batches by packets, in %\n\n{}\n",
        fills(series, |one| &one.fills)
    );
    if let Time::Wall = record.offered.time {
        text += &format!(
            "Share of transmit batches by packets, in %\n\n{}\n",
            fills(series, Series::transmit_fills)
        );
    }
    text + &caption(series, record)
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

fn latencies(series: &[Series], record: &Record) -> String {
    let named =
        |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    let mut header: Vec<String> = named(&["variant", "rate"]);
    header.extend(titles());
    header.extend(named(&["lost %", "packets/batch"]));
    let wall = record.offered.time == Time::Wall;
    if wall {
        header.push("in time %".to_owned());
    }
    let number = |ns: Option<u64>| ns.map_or(NOTHING.to_owned(), micros);
    let mut rows: Vec<_> = series
        .iter()
        .map(|one| {
            let mut row = head(one);
            row.extend(one.percentiles().into_iter().map(|p| number(p.ns)));
            row.push(share(one.lost(), one.offered(), 3));
            row.push(format!("{:.1}", one.mean_fill()));
            if let Some(threads) = &one.threads {
                let mark = if threads.is_on_schedule() { "" } else { "°" };
                let share = threads.punctuality.share() * 100.0;
                row.push(format!("{share:.2}{mark}"));
            }
            row
        })
        .collect();
    let mut machine = vec!["cores alone".to_owned(), "1M".to_owned()];
    machine.extend(record.floor.percentiles.iter().map(|p| number(p.ns)));
    machine.resize(header.len(), NOTHING.to_owned());
    rows.push(machine);
    draw(header, rows)
}

fn samples(series: &[Series]) -> String {
    let mut header = vec!["variant".to_owned(), "rate".to_owned()];
    header.extend(titles());
    let rows = series.iter().map(|one| {
        let mut row = head(one);
        let all = one.percentiles().into_iter();
        row.extend(all.map(|p| p.samples.to_string()));
        row
    });
    draw(header, rows.collect())
}

/// Batches by powers of two of their packets; full ones by themselves, and
/// those that were more than one by the looks of it.
fn fills(series: &[Series], of: fn(&Series) -> &[u64]) -> String {
    let beyond = series.iter().any(|one| one.threads.is_some());
    let longest = series.iter().map(|one| of(one).len()).max().unwrap_or(0);
    let most = longest.saturating_sub(1 + usize::from(beyond)).max(1);
    let mut classes = Vec::new();
    let mut first = 1;
    while first < most {
        let last = (2 * first - 1).min(most - 1);
        classes.push((first, last));
        first *= 2;
    }
    classes.push((most, most));
    if beyond {
        classes.push((most + 1, most + 1));
    }
    let mut header = vec!["variant".to_owned(), "rate".to_owned()];
    header.extend(classes.iter().map(|(first, last)| match first == last {
        true if *first > most => format!(">{most}"),
        true => first.to_string(),
        false => format!("{first}–{last}"),
    }));
    let rows = series.iter().map(|one| {
        let fills = of(one);
        let all: u64 = fills.iter().sum();
        let mut row = head(one);
        row.extend(classes.iter().map(|(first, last)| {
            let class = fills.get(*first..=*last).unwrap_or_default();
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
    let how = match offered.time {
        Time::Virtual => [
            format!(
                "Virtual time: measured batches of at most {} packets against \
                 {} arrivals, {} bytes,",
                offered.batch, offered.pattern, offered.frame,
            ),
            format!(
                "in lockstep; from the last bit on the wire to the driver's \
                 transmit doorbell. Seed {}.",
                offered.seed
            ),
        ],
        Time::Wall => [
            format!(
                "Wall clock: batches of at most {} packets, {} arrivals, {} \
                 bytes; the card polls on core {},",
                offered.batch,
                offered.pattern,
                offered.frame,
                offered.model_core.unwrap_or(offered.core),
            ),
            format!(
                "the forwarder on core {}; from the moment a frame was due \
                 until the card had taken it to send. Seed {}.",
                offered.core, offered.seed
            ),
        ],
    };
    let mut lines = how.to_vec();
    if let Some(trips) = round_trips(series) {
        lines.push(trips);
        lines.push(format!(
            "in time: on the wire no more than {} µs after it was due; °: below \
             {} %, the tester was the bottleneck.",
            TOLERANCE / 1_000_000,
            ON_SCHEDULE * 100.0
        ));
    }
    lines.extend([
        "cores alone: the machine's own jitter, for packets that need the \
         cores and nothing else."
            .to_owned(),
        format!(
            "{NOTHING}: fewer than {FEWEST} samples at or above it, or none."
        ),
    ]);
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

/// What a cache line took to the other core and back.
fn round_trips(series: &[Series]) -> Option<String> {
    let threads = series.iter().filter_map(|one| one.threads.as_ref());
    let trips = || threads.clone().flat_map(|threads| threads.round_trip_ns);
    let least = trips().reduce(f64::min)?;
    let most = trips().reduce(f64::max)?;
    Some(format!(
        "A cache line took {least:.0} to {most:.0} ns to the other core and \
         back."
    ))
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
    fn on_the_wall_clock_there_is_more_to_know() {
        let (record, series) = example::wall_record();
        let text = tables(&series, &record, None);
        for word in ["in time %", "100.00", "90.00°", "60 to 72 ns", ">32"] {
            assert!(text.contains(word), "{word} in {text}");
        }
        assert!(text.contains("Share of transmit batches"), "{text}");
        let row = text.lines().find(|l| l.starts_with("cores alone"));
        let row: Vec<_> = row.expect("a row").split_whitespace().collect();
        assert_eq!(row[..4], ["cores", "alone", "1M", "0.012"]);
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

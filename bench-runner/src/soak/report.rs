//! A soak in words.

use comfy_table::CellAlignment;

use super::record::{Interval, Part, Record};
use crate::latency::micros;
use crate::load::Rate;
use crate::measure::ON_SCHEDULE;
use crate::stats;
use crate::table::table;

/// Rows of the table.
const ROWS: usize = 10;

/// What stands where there is no number.
const NOTHING: &str = "–";

/// How a note begins that says that the tester was the bottleneck.
pub const BEHIND: &str = "the card's thread was in time with";

/// Table, drift, accounts.
pub fn text(record: &Record) -> String {
    let offered = &record.offered;
    let table = stretches(record);
    let rate = match offered.rate.parse() {
        Ok(Rate::Line) => "line rate".to_owned(),
        _ => format!("{} packets/s", offered.rate),
    };
    let mut lines = vec![
        format!(
            "{} at {rate} ({}, {} bytes, batch {}), {:.0} of {:.0} s, \
             intervals of {} s",
            offered.variant,
            offered.pattern,
            offered.frame,
            offered.batch,
            record.measured(),
            offered.seconds,
            offered.interval,
        ),
        String::new(),
        table,
    ];
    lines.extend(drift(record));
    for (number, part) in (1..).zip(&record.parts) {
        let Some(account) = &part.account else {
            lines.push(format!("part {number}: ended before its account"));
            continue;
        };
        lines.push(format!(
            "part {number}: {} offered = {} forwarded + {} found no \
             descriptor + {} no room to send + {} lost with the link + {} \
             unsent + {} inside",
            account.offered,
            account.forwarded,
            account.ring_full,
            account.dropped,
            account.link_down,
            account.unsent,
            account.inside,
        ));
    }
    let fills = |of: fn(&Part) -> &[u64]| mean(record.parts.iter().map(of));
    if let (Some(receive), Some(transmit)) =
        (fills(|p| &p.receive_fills), fills(|p| &p.transmit_fills))
    {
        lines.push(format!(
            "batches: {receive:.1} packets received at once, {transmit:.1} sent \
             at once, on average, by the tails that the card saw"
        ));
    }
    lines.push(
        "Latencies in µs from the moment a frame was due until the card had \
         taken it to send:\nmedians over the intervals of a row; max is the \
         longest of all."
            .to_owned(),
    );
    lines.join("\n") + "\n"
}

/// A row for each tenth of the time.
fn stretches(record: &Record) -> String {
    let titles =
        ["from s", "Mpps", "p50", "p99", "p99.9", "max", "lost", "in time %"];
    let mut table = table(titles.iter().map(|title| (*title).to_owned()));
    if let Some(column) = table.column_mut(0) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let all: Vec<_> = record.intervals().collect();
    for stretch in all.chunks(all.len().div_ceil(ROWS).max(1)) {
        let of = |f: fn(&Interval) -> u64| -> u64 {
            stretch.iter().map(|(_, interval)| f(interval)).sum()
        };
        let seconds: f64 = stretch.iter().map(|(_, i)| i.seconds).sum();
        let median = |percentile: f64| {
            let ns = stretch.iter().filter_map(|(_, i)| i.ns(percentile));
            let ns: Vec<_> = ns.map(|ns| ns as f64).collect();
            stats::median(&ns)
                .map_or(NOTHING.to_owned(), |ns| micros(ns.round() as u64))
        };
        let max = stretch.iter().filter_map(|(_, i)| i.ns(100.0)).max();
        let sent = of(|i| i.sent);
        let in_time =
            sent.saturating_sub(of(|i| i.late)) as f64 / sent.max(1) as f64;
        table.add_row([
            format!("{:.0}", stretch[0].0),
            format!("{:.3}", of(|i| i.forwarded) as f64 / seconds / 1e6),
            median(50.0),
            median(99.0),
            median(99.9),
            max.map_or(NOTHING.to_owned(), micros),
            of(Interval::lost).to_string(),
            format!("{:.2}", in_time * 100.0),
        ]);
    }
    table.trim_fmt() + "\n"
}

/// Packets of an average batch, where there is one.
fn mean<'f>(fills: impl Iterator<Item = &'f [u64]>) -> Option<f64> {
    let (mut batches, mut packets) = (0, 0);
    for fills in fills {
        batches += fills.iter().sum::<u64>();
        packets += fills.iter().zip(0..).map(|(n, fill)| n * fill).sum::<u64>();
    }
    (batches > 0).then(|| packets as f64 / batches as f64)
}

/// How the median of the last tenth of the intervals differs from that of the
/// first.
fn drift(record: &Record) -> Option<String> {
    let medians: Vec<_> =
        record.intervals().filter_map(|(_, i)| i.ns(50.0)).collect();
    let tenth = (medians.len() / 10).max(1);
    let of = |some: &[u64]| {
        let some: Vec<_> = some.iter().map(|ns| *ns as f64).collect();
        stats::median(&some).filter(|ns| *ns > 0.0)
    };
    if medians.len() < 2 {
        return None;
    }
    let first = of(&medians[..tenth])?;
    let last = of(&medians[medians.len() - tenth..])?;
    Some(format!(
        "drift of the median: {:+.1} % from the first tenth of the intervals \
         to the last",
        (last / first - 1.0) * 100.0
    ))
}

/// The note for a tester that was the bottleneck.
pub fn behind(record: &Record) -> Option<String> {
    let sent: u64 = record.intervals().map(|(_, i)| i.sent).sum();
    let late: u64 = record.intervals().map(|(_, i)| i.late).sum();
    let unsent = record.parts.iter().filter_map(|part| part.account);
    let unsent: u64 = unsent.map(|account| account.unsent).sum();
    let share = sent.saturating_sub(late) as f64
        / sent.saturating_add(unsent).max(1) as f64;
    (share < ON_SCHEDULE).then(|| {
        format!(
            "{BEHIND} {:.2} % of the packets, less than {} %: the tester was \
             the bottleneck, and its delays are in these latencies",
            share * 100.0,
            ON_SCHEDULE * 100.0
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn a_soak_is_told_by_stretches_with_drift_and_accounts() {
        let record = example::record(120);
        let text = text(&record);
        for word in [
            "buffer=arc at 5M",
            "120 of 120 s",
            "+50.0 %",
            "part 1",
            "1.2 packets received at once, 1.4 sent",
        ] {
            assert!(text.contains(word), "{word} in {text}");
        }
        let rows = text.lines().filter(|line| line.contains("5.000"));
        assert_eq!(rows.count(), 10);
        assert!(behind(&record).is_none());
        let mut late = record;
        late.parts[0].intervals[3].late = 100_000_000;
        late.parts[0].intervals[3].sent = 100_000_000;
        assert!(behind(&late).is_some_and(|note| note.contains(BEHIND)));
    }

    #[test]
    fn without_an_interval_there_is_no_drift() {
        assert_eq!(drift(&example::record(0)), None);
        assert_eq!(drift(&example::record(1)), None);
    }
}

//! Latencies, loss-free rates, soaks and published figures as tables.

use crate::latency::micros;
use crate::latency::record::PercentileRecord;
use crate::load::Time;
use crate::reproduce::{record::Record as Reproduction, sheet};
use crate::results::Machine;
use crate::{latency, ndr, soak};

use super::NOTHING;
use super::escape::{code, text};
use super::table::table;

/// Percentiles that have a column; 100 is the highest value.
const SHOWN: [f64; 5] = [50.0, 99.0, 99.9, 99.99, 100.0];

/// Latencies of one record.
pub fn latencies(record: &latency::record::Record) -> String {
    let offered = &record.offered;
    let rows = record.series.iter().map(|one| {
        let mut row = vec![code(&one.variant), text(&one.rate)];
        let value = |p: &f64| micros_at(&one.percentiles, *p);
        row.extend(SHOWN.iter().map(value));
        row.push(share(one.account.lost(), one.account.offered));
        row.push(match &one.threads {
            Some(threads) => format!("{:.2}", threads.on_schedule * 100.0),
            None => NOTHING.to_owned(),
        });
        row
    });
    let head = [
        "variant",
        "rate",
        "p50",
        "p99",
        "p99.9",
        "p99.99",
        "max",
        "lost %",
        "in time %",
    ];
    format!(
        "## Latency in µs, {}\n\n{}\nBatch size {}, frames of {} bytes, \
         pattern {}; {}.\n\n",
        time(offered.time),
        table(&head, 2, rows),
        offered.batch,
        text(&offered.frame),
        text(&offered.pattern),
        origin(&record.started, &record.machine, &record.build.commit),
    )
}

/// Loss-free rates of one record.
pub fn ndrs(record: &ndr::record::Record) -> String {
    let million = |rate: Option<f64>, unit: f64| match rate {
        Some(rate) => format!("{:.2}", rate / unit),
        None => NOTHING.to_owned(),
    };
    let rows = record.rows.iter().flat_map(|row| {
        row.goals.iter().map(move |goal| {
            vec![
                code(&row.variant),
                text(&row.frame),
                row.batch.to_string(),
                text(&goal.name),
                million(goal.lower_bound, 1e6) + goal.note(),
                million(goal.conditional_throughput, 1e6),
                million(goal.bits_per_second, 1e9),
            ]
        })
    });
    let head = [
        "variant",
        "frame",
        "batch",
        "goal",
        "model Mpps",
        "forwarded",
        "Gbit/s",
    ];
    format!(
        "## Model NDR, {}\n\n{}\nMLRsearch (RFC 9971) against the software \
         card, width {:.2} %; {}.\n\n",
        time(record.search.time),
        table(&head, 2, rows),
        record.search.width * 100.0,
        origin(&record.started, &record.machine, &record.build.commit),
    )
}

/// Soaks, a row each.
pub fn soaks(records: &[soak::record::Record]) -> String {
    let rows = records.iter().map(|record| {
        let offered = &record.offered;
        let sum = |of: fn(&soak::record::Interval) -> u64| {
            let all = record.intervals().map(|(_, interval)| of(interval));
            all.fold(0, u64::saturating_add)
        };
        let max = record.intervals().filter_map(|(_, i)| i.ns(100.0)).max();
        vec![
            code(&offered.variant),
            text(&offered.rate),
            offered.batch.to_string(),
            format!("{:.0} of {:.0}", record.measured(), offered.seconds),
            sum(|i| i.sent).to_string(),
            share(
                sum(|i| i.ring_full.saturating_add(i.link_down)),
                sum(|i| i.sent),
            ),
            share(sum(|i| i.late), sum(|i| i.sent)),
            max.map_or(NOTHING.to_owned(), micros),
            origin(&record.started, &record.machine, &record.build.commit),
        ]
    });
    let head = [
        "variant", "rate", "batch", "seconds", "frames", "lost %", "late %",
        "max µs", "measured",
    ];
    format!("## Soaks\n\n{}\n", table(&head, 2, rows))
}

/// Published figures of one record, a row each.
pub fn reproduction(record: &Reproduction) -> String {
    let rows = sheet::sheets(record).into_iter().map(|sheet| {
        let verdict = match sheet.verdict.is_empty() {
            true => sheet.absent.join(" "),
            false => sheet.verdict,
        };
        vec![
            code(&sheet.id),
            text(&sheet.title),
            text(&sheet.claim),
            text(&verdict),
            sheet.score.map_or(NOTHING.to_owned(), |s| format!("{s:.2}")),
        ]
    });
    let head = ["figure", "of", "published", "here", "score"];
    format!(
        "## Published figures\n\n{}\nThe score says how far the shape agrees, \
         from 0 to 1; {}.\n\n",
        table(&head, 4, rows),
        origin(&record.started, &record.machine, &record.build.commit),
    )
}

/// When, on what and from what a record was made.
fn origin(started: &str, machine: &Machine, commit: &str) -> String {
    let date = started.split('T').next().unwrap_or_default();
    let commit: String = commit.chars().take(12).collect();
    format!("{}, {}, commit {}", text(date), text(&machine.cpu), code(&commit))
}

fn time(time: Time) -> &'static str {
    match time {
        Time::Virtual => "in virtual time",
        Time::Wall => "on the wall clock",
    }
}

fn micros_at(all: &[PercentileRecord], percentile: f64) -> String {
    let found = all.iter().find(|one| one.percentile == percentile);
    let ns = found.and_then(|one| one.ns);
    ns.map_or(NOTHING.to_owned(), micros)
}

/// A part in per cent; nothing for none.
fn share(part: u64, whole: u64) -> String {
    match part {
        0 => NOTHING.to_owned(),
        _ => format!("{:.3}", part as f64 / whole.max(1) as f64 * 100.0),
    }
}

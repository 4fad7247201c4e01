//! Latency by percentile, from records of latency.

use super::published::{Figure, Place};
use super::rates::measured;
use super::record::{MeasuredPanel, MeasuredSeries, Way};
use crate::latency::record::Record;
use crate::load::Time;
use crate::stats::Estimate;

/// The variants that a figure asks for, in its order.
#[must_use]
pub fn variants(figure: &Figure) -> Vec<String> {
    let series = figure.panels.iter().flat_map(|panel| &panel.series);
    series.filter_map(|series| series.variant.clone()).collect()
}

/// Percentiles of a record's series at a rate in packets per second, in
/// microseconds; those with too few samples behind them are left out.
#[must_use]
pub fn way(figure: &Figure, per_second: f64, record: &Record) -> Way {
    let series = figure.panels.iter().flat_map(|panel| &panel.series);
    let series = series.filter_map(|published| {
        let subject = published.variant.clone()?;
        let here = record.series.iter().find(|series| {
            series.variant == subject && series.packets_per_second == per_second
        })?;
        let points = published.points.iter().filter_map(|point| {
            let Place::Number(x) = point.x else { return None };
            let mut all = here.percentiles.iter();
            let ns = all.find(|p| p.percentile == x)?.ns?;
            let value = ns as f64 / 1e3;
            let estimate = Estimate { value, interval: None };
            Some(measured(point.x.clone(), estimate))
        });
        let points = points.collect();
        Some(MeasuredSeries { name: published.name.clone(), subject, points })
    });
    let time = match record.offered.time {
        Time::Virtual => "virtual time",
        Time::Wall => "on the wall clock, in threads",
    };
    let batch = record.offered.batch;
    let ghz = record.offered.chain_ghz;
    Way {
        how: format!("{time}, batch {batch}, core at {ghz:.2} GHz"),
        projected: false,
        panels: vec![MeasuredPanel { panel: 0, series: series.collect() }],
        findings: Vec::new(),
    }
}

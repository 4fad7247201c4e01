//! Charts of a soak: latency and loss over time.

use super::record::{Interval, Record};
use crate::plot::{self, Curve, Curves, Scale};

/// Every chart, as file name and SVG text.
pub fn charts(record: &Record) -> Vec<(String, String)> {
    vec![
        ("soak-latency.svg".to_owned(), latency(record).draw()),
        ("soak-loss.svg".to_owned(), loss(record).draw()),
    ]
}

fn latency(record: &Record) -> Curves {
    let curve = |(number, (name, percentile)): (usize, (&str, f64))| Curve {
        name: name.to_owned(),
        kin: Some((number, 0)),
        thin: number > 0,
        points: points(record, |i| i.ns(percentile).map(|ns| ns as f64 / 1e3)),
        ..Curve::default()
    };
    let percentiles =
        [("p50", 50.0), ("p99", 99.0), ("p99.9", 99.9), ("longest", 100.0)];
    Curves {
        title: title(record, "latency over time"),
        subtitle: caption(record),
        y_label: "latency, µs".to_owned(),
        y_scale: Scale::Log,
        x_label: "time, s".to_owned(),
        x_scale: Scale::Linear,
        curves: percentiles.into_iter().enumerate().map(curve).collect(),
    }
}

fn loss(record: &Record) -> Curves {
    let share = |lost: u64, interval: &Interval| {
        Some(lost as f64 / interval.sent.max(1) as f64 * 100.0)
    };
    let curve = |name: &str, number, points| Curve {
        name: name.to_owned(),
        kin: Some((number, number)),
        thin: false,
        points,
        ..Curve::default()
    };
    Curves {
        title: title(record, "loss over time"),
        subtitle: caption(record),
        y_label: "lost frames, % of those on the wire".to_owned(),
        y_scale: Scale::Linear,
        x_label: "time, s".to_owned(),
        x_scale: Scale::Linear,
        curves: vec![
            curve(
                "no descriptor",
                0,
                points(record, |i| share(i.ring_full, i)),
            ),
            curve("link down", 1, points(record, |i| share(i.link_down, i))),
        ],
    }
}

fn title(record: &Record, what: &str) -> String {
    let offered = &record.offered;
    format!("{what}: {} at {}", offered.variant, offered.rate)
}

/// A point in the middle of each interval.
fn points(
    record: &Record,
    of: impl Fn(&Interval) -> Option<f64>,
) -> Vec<(f64, f64)> {
    let point = |(begin, interval): (f64, &Interval)| {
        Some((begin + interval.seconds / 2.0, of(interval)?))
    };
    record.intervals().filter_map(point).collect()
}

/// How the numbers were made, on what, when and by what.
fn caption(record: &Record) -> String {
    let offered = &record.offered;
    let parts = match record.parts.len() {
        0 | 1 => String::new(),
        parts => format!(" {parts} parts, one after the other."),
    };
    format!(
        "Wall clock, intervals of {} s: batches of at most {} packets against \
         {} arrivals of {} bytes at two ports, open loop; software 82599 on a \
         core of its own. From the moment a frame was due until the card had \
         taken it to send.{parts} {} {}",
        offered.interval,
        offered.batch,
        offered.pattern,
        offered.frame,
        plot::machine_of(&record.machine, None),
        plot::origin_of(&record.build, &record.started),
    )
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn latency_and_loss_have_a_point_per_interval() {
        let record = example::record(120);
        assert_eq!(latency(&record).curves[0].points.len(), 120);
        let charts = charts(&record);
        for (file, svg) in &charts {
            assert!(svg.contains("buffer=arc at 5M"), "{file}");
        }
        assert_eq!(charts, super::charts(&record));
    }
}

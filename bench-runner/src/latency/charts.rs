//! Charts of latencies: over percentiles, over time, and of fills.

use hdrhistogram::Histogram;

use super::record::{PercentileRecord, Record};
use super::series::{FEWEST, Series, Slice};
use crate::load::Rate;
use crate::load::Time;
use crate::measure::ON_SCHEDULE;
use crate::plot::{self, Curve, Curves, Scale};

/// Points of a line per nine of its percentiles.
const POINTS_PER_NINE: u32 = 40;

/// Slices that a chart over time shows.
const WINDOW: usize = 240;

/// Every chart, as file name and SVG text.
pub fn charts(
    record: &Record,
    series: &[Series],
    floor: &Histogram<u64>,
) -> Vec<(String, String)> {
    let mut charts = Vec::new();
    for (is_share, file) in [(false, "rates"), (true, "shares")] {
        let ours: Vec<_> =
            series.iter().filter(|s| s.rate.is_share() == is_share).collect();
        if ours.is_empty() {
            continue;
        }
        let percentiles = over_percentiles(record, &ours, floor);
        charts.push((format!("latency-{file}.svg"), percentiles.draw()));
        let fills = of_fills(record, &ours);
        charts.push((format!("fills-{file}.svg"), fills.draw()));
    }
    for rate in rates(series.iter()) {
        let ours: Vec<_> = series.iter().filter(|s| s.rate == rate).collect();
        let file = rate.to_string().replace('%', "-percent").replace('.', "_");
        let chart = over_time(record, &ours);
        charts.push((format!("time-{file}.svg"), chart.draw()));
    }
    charts
}

/// The chart over percentiles of a record alone, as file name and SVG text:
/// it has no more points than were recorded.
#[must_use]
pub fn of_record(record: &Record) -> Vec<(String, String)> {
    let points = |percentiles: &[PercentileRecord]| {
        let below = percentiles.iter().filter(|p| p.percentile < 100.0);
        let point = |p: &PercentileRecord| Some((p.percentile, p.ns? as f64));
        let us = below.filter_map(point).map(|(at, ns)| (at, ns / 1e3));
        us.filter(|(_, us)| *us > 0.0).collect()
    };
    let place = |all: &mut Vec<String>, name: &str| {
        let known = all.iter().position(|other| other == name);
        known.unwrap_or_else(|| {
            all.push(name.to_owned());
            all.len() - 1
        })
    };
    let (mut variants, mut rates) = (Vec::new(), Vec::new());
    let mut curves = Vec::new();
    for one in &record.series {
        let threads = one.threads.as_ref();
        let is_late = threads.is_some_and(|t| t.on_schedule < ON_SCHEDULE);
        let mark = if is_late { "°" } else { "" };
        let variant = place(&mut variants, &one.variant);
        let rate = place(&mut rates, &one.rate);
        curves.push(Curve {
            name: format!("{} at {}{mark}", one.variant, one.rate),
            kin: Some((variant, rate)),
            thin: false,
            points: points(&one.percentiles),
            ..Curve::default()
        });
    }
    curves.push(Curve {
        name: "cores alone".to_owned(),
        kin: None,
        thin: true,
        points: points(&record.floor.percentiles),
        ..Curve::default()
    });
    let part = "Cores alone: the machine's own jitter. °: the card's thread \
                did not keep to its schedule.";
    let chart = Curves {
        title: "latency by percentile".to_owned(),
        subtitle: caption(record, part),
        y_label: "latency, µs".to_owned(),
        y_scale: Scale::Log,
        x_label: "percentile of forwarded packets".to_owned(),
        x_scale: Scale::Percentile,
        curves,
    };
    vec![("latency.svg".to_owned(), chart.draw())]
}

fn rates<'s>(series: impl Iterator<Item = &'s Series>) -> Vec<Rate> {
    let mut rates = Vec::new();
    for one in series {
        if !rates.contains(&one.rate) {
            rates.push(one.rate);
        }
    }
    rates
}

/// Colours by variant, dashes by rate.
fn kin(series: &[&Series], one: &Series) -> (usize, usize) {
    let mut variants: Vec<&str> = Vec::new();
    for other in series {
        if !variants.contains(&&*other.variant) {
            variants.push(&other.variant);
        }
    }
    let variant = variants.iter().position(|v| *v == one.variant);
    let rates = rates(series.iter().copied());
    let rate = rates.iter().position(|rate| *rate == one.rate);
    (variant.unwrap_or(0), rate.unwrap_or(0))
}

fn over_percentiles(
    record: &Record,
    series: &[&Series],
    floor: &Histogram<u64>,
) -> Curves {
    let curve = |one: &&Series| Curve {
        name: name(one),
        kin: Some(kin(series, one)),
        thin: false,
        points: percentiles(&one.histogram),
        ..Curve::default()
    };
    let machine = Curve {
        name: "cores alone".to_owned(),
        kin: None,
        thin: true,
        points: percentiles(floor),
        ..Curve::default()
    };
    let mut part = "Cores alone: the machine's own jitter, what packets would \
                    wait for cores that only look at the clock."
        .to_owned();
    if series.iter().any(|one| !one.is_on_schedule()) {
        part += " °: the card's thread did not keep to its schedule, the \
                 tester was the bottleneck.";
    }
    Curves {
        title: "latency by percentile".to_owned(),
        subtitle: caption(record, &part),
        y_label: "latency, µs".to_owned(),
        y_scale: Scale::Log,
        x_label: "percentile of forwarded packets".to_owned(),
        x_scale: Scale::Percentile,
        curves: series.iter().map(curve).chain([machine]).collect(),
    }
}

/// What a series is called in a chart.
fn name(one: &Series) -> String {
    let mark = if one.is_on_schedule() { "" } else { "°" };
    one.name() + mark
}

/// Microseconds over percentiles, as far as enough samples are behind them.
fn percentiles(histogram: &Histogram<u64>) -> Vec<(f64, f64)> {
    let behind = histogram.len() as f64 / FEWEST as f64;
    let nines = behind.log10().max(0.0);
    let steps = (nines * f64::from(POINTS_PER_NINE)) as u32;
    let place = |step: u32| f64::from(step) / f64::from(POINTS_PER_NINE);
    let places = (0..=steps).map(place).chain([nines]);
    let points = places.map(|nines| {
        let percentile = 100.0 * (1.0 - 10f64.powf(-nines));
        let ns = histogram.value_at_percentile(percentile);
        (percentile, ns as f64 / 1e3)
    });
    match histogram.is_empty() {
        true => Vec::new(),
        false => level(points.filter(|(_, us)| *us > 0.0).collect()),
    }
}

/// The same line without points between two of the same height.
fn level(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let needed = |at: &usize| {
        let same = |other: Option<&(f64, f64)>| {
            other.is_some_and(|other| other.1 == points[*at].1)
        };
        let before = at.checked_sub(1).and_then(|before| points.get(before));
        !(same(before) && same(points.get(at + 1)))
    };
    (0..points.len()).filter(needed).map(|at| points[at]).collect()
}

/// The longest latency of each slice, and the median, in a part of the time.
fn over_time(record: &Record, series: &[&Series]) -> Curves {
    let mut curves = Vec::new();
    let around_longest = around_longest(series);
    for one in series {
        let (variant, _) = kin(series, one);
        let slices = &one.slices;
        let (from, to, zero) = match record.offered.time {
            Time::Virtual => (around_longest.0, around_longest.1, 0.0),
            Time::Wall => {
                let (from, to) = quietest(one);
                (from, to, from)
            }
        };
        let points = |of: fn(&Slice) -> u64| {
            let middle = |at: usize| (at as f64 + 0.5) * slices.width_ns;
            let all = slices.slices.iter().enumerate();
            let here = all
                .filter_map(|(at, slice)| Some((middle(at), of(&(*slice)?))))
                .filter(|(ns, latency)| {
                    (from..=to).contains(ns) && *latency > 0
                });
            here.map(|(ns, latency)| ((ns - zero) / 1e6, latency as f64 / 1e3))
                .collect()
        };
        curves.push(Curve {
            name: format!("{}, longest", one.variant),
            kin: Some((variant, 0)),
            thin: false,
            points: points(|slice| slice.max_ns),
            ..Curve::default()
        });
        curves.push(Curve {
            name: format!("{}, median", one.variant),
            kin: Some((variant, 2)),
            thin: true,
            points: points(|slice| slice.median_ns),
            ..Curve::default()
        });
    }
    let rate = series.first().map_or(String::new(), |s| s.rate.to_string());
    let all = series
        .iter()
        .map(|one| one.slices.width_ns * one.slices.slices.len() as f64);
    let slices = series.iter().map(|one| one.slices.width_ns);
    let which = match record.offered.time {
        Time::Virtual => "around the longest of all",
        Time::Wall => "of each series the quietest stretch of",
    };
    let part = format!(
        "Longest and median of the packets due in each slice of {:.3} ms, \
         {which} {:.1} ms.",
        slices.fold(0.0, f64::max) / 1e6,
        all.fold(0.0, f64::max) / 1e6,
    );
    Curves {
        title: format!("latency over time at {rate}"),
        subtitle: caption(record, &part),
        y_label: "latency, µs".to_owned(),
        y_scale: Scale::Log,
        x_label: match record.offered.time {
            Time::Virtual => "virtual time, ms".to_owned(),
            Time::Wall => "time, ms".to_owned(),
        },
        x_scale: Scale::Linear,
        curves,
    }
}

/// From when until when, in nanoseconds, a window lies that has the longest
/// latency of all series in its middle: by time, for variants with rates of
/// their own have other slices.
fn around_longest(series: &[&Series]) -> (f64, f64) {
    let longest = |one: &Series| {
        one.slices.slices.iter().flatten().map(|s| s.max_ns).max()
    };
    let Some(one) = series.iter().max_by_key(|one| longest(one)) else {
        return (0.0, 0.0);
    };
    let slices = &one.slices.slices;
    let is_it = |s: &Option<Slice>| s.map(|s| s.max_ns) == longest(one);
    let at = slices.iter().position(is_it).unwrap_or(0);
    let first = at.saturating_sub(WINDOW / 2);
    window(one, first.min(slices.len().saturating_sub(WINDOW)))
}

/// From when until when, in nanoseconds, the longest latencies of a series'
/// slices are least in sum: what a machine does now and then is elsewhere,
/// what a variant does again and again is there too.
fn quietest(one: &Series) -> (f64, f64) {
    let of = |slice: &Option<Slice>| slice.map_or(0, |s| s.max_ns);
    let slices = &one.slices.slices;
    let windows = slices.windows(WINDOW.min(slices.len()).max(1));
    let sums = windows.map(|slices| slices.iter().map(of).sum::<u64>());
    let least = sums.zip(0..).min().map_or(0, |(_, first)| first);
    window(one, least)
}

/// From when until when the window from slice `first` on lasts.
fn window(one: &Series, first: usize) -> (f64, f64) {
    let last = (first + WINDOW).min(one.slices.slices.len());
    let width = one.slices.width_ns;
    (first as f64 * width, last as f64 * width)
}

/// What share of the packets was in batches of at most so many packets.
fn of_fills(record: &Record, series: &[&Series]) -> Curves {
    let curve = |one: &&Series| {
        let packets = |(fill, batches): (u64, &u64)| fill * batches;
        let all: u64 = (0..).zip(&one.fills).map(packets).sum();
        let mut sum = 0;
        let points = (0..).zip(&one.fills).skip(1).map(|(fill, batches)| {
            sum += packets((fill, batches));
            (fill as f64, sum as f64 / all.max(1) as f64 * 100.0)
        });
        Curve {
            name: one.name(),
            kin: Some(kin(series, one)),
            thin: false,
            points: points.collect(),
            ..Curve::default()
        }
    };
    Curves {
        title: "packets by size of their batch".to_owned(),
        subtitle: caption(record, ""),
        y_label: "share of packets in batches of at most so many, %".to_owned(),
        y_scale: Scale::Linear,
        x_label: "packets of a batch".to_owned(),
        x_scale: Scale::Log,
        curves: series.iter().map(curve).collect(),
    }
}

/// How the numbers were made, on what, when and by what.
fn caption(record: &Record, part: &str) -> String {
    let offered = &record.offered;
    let how = match offered.time {
        Time::Virtual => format!(
            "Virtual time: measured costs of batches of at most {} packets \
             against {} arrivals of {} bytes at two ports; software 82599 in \
             lockstep on the driver's core. From a frame's last bit to the \
             transmit doorbell.",
            offered.batch, offered.pattern, offered.frame
        ),
        Time::Wall => format!(
            "Wall clock: batches of at most {} packets against {} arrivals of \
             {} bytes at two ports, open loop; software 82599 on a core of its \
             own. From the moment a frame was due until the card had taken \
             it to send.",
            offered.batch, offered.pattern, offered.frame
        ),
    };
    let machine = plot::machine_of(&record.machine, Some(offered.chain_ghz));
    let origin = plot::origin_of(&record.build, &record.started);
    let sentences = [part, &how, &machine, &origin];
    let sentences = sentences.iter().filter(|s| !s.is_empty());
    sentences.copied().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn there_are_charts_by_percentile_over_time_and_of_fills() {
        let (record, series) = example::record();
        let charts = charts(&record, &series, &example::floor());
        let names: Vec<_> = charts.iter().map(|(name, _)| &**name).collect();
        assert_eq!(
            names,
            [
                "latency-rates.svg",
                "fills-rates.svg",
                "latency-shares.svg",
                "fills-shares.svg",
                "time-1M.svg",
                "time-90-percent.svg"
            ]
        );
        let (_, first) = &charts[0];
        for word in [
            "buffer=deferred at 1M",
            "\n99.9\n",
            "commit",
            "lockstep",
            "cores alone",
        ] {
            assert!(first.contains(word), "{word} in {first}");
        }
        // The same data give the same bytes.
        let again = super::charts(&record, &series, &example::floor());
        assert_eq!(charts, again);
    }

    #[test]
    fn a_tester_that_was_the_bottleneck_is_marked() {
        let (record, series) = example::wall_record();
        let charts = charts(&record, &series, &example::floor());
        let [rates, shares] = ["latency-rates.svg", "latency-shares.svg"]
            .map(|file| charts.iter().find(|(f, _)| f == file).expect(file));
        assert!(rates.1.contains("Wall clock") && !rates.1.contains('°'));
        assert!(shares.1.contains("baseline at 90%°"), "{}", shares.1);
        assert!(shares.1.contains("bottleneck"));
    }

    #[test]
    fn lines_end_where_samples_do() {
        let (_, series) = example::record();
        let points = percentiles(&series[0].histogram);
        let (last, _) = points.last().expect("points");
        assert!((last - 99.95).abs() < 1e-6, "{last}");
        assert!(percentiles(&super::super::series::histogram()).is_empty());
    }

    #[test]
    fn on_the_wall_clock_the_window_is_the_quietest() {
        let (record, mut series) = example::wall_record();
        let slice = |max_ns| Some(Slice { max_ns, median_ns: 50 });
        // Every tenth has a pause of the variant's, some one of the machine's.
        let pause = |at: usize| match at {
            at if at < 600 && at % 50 == 0 => 90_000,
            at if at % 10 == 0 => 4_000,
            _ => 60,
        };
        series[1].slices.slices = (0..1000).map(|n| slice(pause(n))).collect();
        let ours: Vec<_> = series.iter().take(2).collect();
        let chart = over_time(&record, &ours);
        let curve = &chart.curves[2];
        assert_eq!(curve.name, "buffer=deferred, longest");
        assert_eq!(curve.points.len(), WINDOW);
        let us = || curve.points.iter().map(|(_, us)| *us);
        assert_eq!(us().fold(0.0, f64::max), 4.0);
        assert!(curve.points[0].0 < 1.0, "from the beginning of the window");
    }

    #[test]
    fn the_longest_latency_is_in_the_window() {
        let (record, series) = example::record();
        let ours: Vec<_> = series.iter().take(2).collect();
        let chart = over_time(&record, &ours);
        let most = |name: &str| {
            let of = |curve: &&Curve| curve.name == name;
            let curve = chart.curves.iter().find(of).expect("a curve");
            curve.points.iter().map(|(_, us)| *us).fold(0.0, f64::max)
        };
        assert_eq!(most("buffer=deferred, longest"), 25.0);
        assert!(most("buffer=deferred, median") < 1.0);
        assert!(most("baseline, longest") < 1.0);
    }
}

//! What comparisons cost from run to run, on one machine.

use maud::{Markup, html};

use super::figure::chart;
use super::number::{count, ends, factor};
use crate::plot;
use crate::plot::{Curve, Curves, Scale};
use crate::report::{Past, Place};
use crate::results::{Setup, on_cores};
use crate::stats::Estimate;
use crate::sweep::differs;

/// Lines of the chart.
const LINES: usize = 6;

/// Points of a line: of more runs the lowest and the highest of each stretch.
const POINTS: usize = 240;

/// Rows of the table.
const ROWS: usize = 40;

/// Runs that are named.
const NAMED: usize = 20;

/// A comparison over time, the oldest run first.
struct Track {
    of: Place,
    /// Days since the first run, and the cost.
    costs: Vec<(f64, Estimate)>,
}

impl Track {
    fn values(&self) -> impl Iterator<Item = f64> {
        self.costs.iter().map(|(_, ratio)| ratio.value)
    }

    fn last(&self) -> Estimate {
        self.costs[self.costs.len() - 1].1
    }

    /// By what factor it has moved, as a logarithm.
    fn moved(&self) -> f64 {
        let most = self.values().fold(f64::NEG_INFINITY, f64::max);
        let least = self.values().fold(f64::INFINITY, f64::min);
        (most / least).ln()
    }

    fn name(&self) -> String {
        let Place { variant, batch, random, cores } = &self.of;
        let random = if *random { ", random fill" } else { "" };
        let cores = cores
            .map_or_else(String::new, |cores| format!(", {}", on_cores(cores)));
        format!("{variant} at {batch}{random}{cores}")
    }
}

/// The costs of the newest run's comparisons in all runs of its machine;
/// nothing where there is one run only.
pub fn section(past: &[Past]) -> Markup {
    let [newest, .., _] = past else { return html! {} };
    let (ours, others): (Vec<&Past>, Vec<&Past>) =
        past.iter().partition(|one| foreign(newest, one).is_none());
    let tracks = tracks(&ours);
    let title = "Cost against the reference over time";
    html! {
        section #history {
            h2 { "History" }
            p {
                (count(ours.len(), "run", "runs"))
                " of the newest run's machine and set-up, from "
                (date(ours.last().map_or("", |one| &*one.started))) " to "
                (date(&newest.started)) "."
                @if !tracks.is_empty() {
                    " The chart has the comparisons that moved most."
                }
            }
            @if !tracks.is_empty() {
                (chart(&draw(&tracks, title, &ours), "times"))
                (table(&tracks))
            }
            @if !others.is_empty() {
                details {
                    summary {
                        (count(others.len(), "run", "runs"))
                        " not comparable with the newest one"
                    }
                    ul {
                        @for one in others.iter().take(NAMED) {
                            li {
                                code { (one.name) } " " (date(&one.started))
                                ": " (foreign(newest, one).unwrap_or_default())
                            }
                        }
                        @if others.len() > NAMED {
                            li { "and " (others.len() - NAMED) " more" }
                        }
                    }
                }
            }
            details {
                summary { "Runs" }
                ul {
                    @for one in ours.iter().take(NAMED) {
                        li {
                            code { (one.name) } " " (one.started) ", commit "
                            (super::short(&one.commit))
                        }
                    }
                    @if ours.len() > NAMED {
                        li { "and " (ours.len() - NAMED) " older ones" }
                    }
                }
            }
        }
    }
}

/// Why a run's costs say nothing about those of the newest one.
fn foreign(newest: &Past, other: &Past) -> Option<String> {
    let machine = differs(&other.machine, &newest.machine);
    machine.or_else(|| {
        let same = |setup: &Setup| Setup {
            seed: 0,
            phases: 0,
            rounds: 0,
            processes: 0,
            core: 0,
            cores: Vec::new(),
            model_core: 0,
            ..setup.clone()
        };
        let is_same = same(&other.setup) == same(&newest.setup);
        (!is_same).then(|| "measured in another way".to_owned())
    })
}

/// What the newest run compares, in every run that compares it too; what
/// moved most comes first.
fn tracks(runs: &[&Past]) -> Vec<Track> {
    let Some((newest, oldest)) = runs.first().zip(runs.last()) else {
        return Vec::new();
    };
    let since = days(&oldest.started);
    let mut tracks: Vec<_> = newest
        .costs
        .iter()
        .map(|cost| Track {
            of: cost.of.clone(),
            costs: runs
                .iter()
                .rev()
                .filter_map(|run| {
                    let at = days(&run.started) - since;
                    Some((at, run.cost(&cost.of)?))
                })
                .collect(),
        })
        .filter(|track| track.costs.len() > 1)
        .collect();
    tracks.sort_by(|a, b| {
        b.moved().total_cmp(&a.moved()).then_with(|| a.of.cmp(&b.of))
    });
    tracks
}

/// Days since 1970; 0 for what is no date.
fn days(started: &str) -> f64 {
    let Ok(time) = humantime::parse_rfc3339(started) else { return 0.0 };
    let since = time.duration_since(std::time::UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64() / 86_400.0)
}

fn date(started: &str) -> &str {
    started.split('T').next().unwrap_or_default()
}

fn draw(tracks: &[Track], title: &str, runs: &[&Past]) -> String {
    let curve = |(number, track): (usize, &Track)| Curve {
        name: track.name(),
        kin: Some((number, 0)),
        thin: false,
        points: thinned(&track.costs),
        band: intervals(&track.costs),
        ..Curve::default()
    };
    let oldest = runs.last().map_or("", |run| &*run.started);
    let commits = runs.first().map_or(String::new(), |newest| {
        crate::plot::machine_of(&newest.machine, None)
    });
    Curves {
        title: title.to_owned(),
        subtitle: format!(
            "{} of one machine and set-up, by the time they began; {}. \
             {commits}",
            count(runs.len(), "run", "runs"),
            match runs.len() > POINTS {
                true => {
                    "of each stretch of time the lowest and the highest run, \
                     without their intervals"
                }
                false => "points are runs, bands their intervals",
            }
        ),
        y_label: "time per packet, times the reference's".to_owned(),
        y_scale: Scale::Log,
        x_label: format!("days since {}", date(oldest)),
        x_scale: Scale::Linear,
        curves: tracks.iter().take(LINES).enumerate().map(curve).collect(),
    }
    .draw()
}

/// Their values, as many as a chart shows.
fn thinned(costs: &[(f64, Estimate)]) -> Vec<(f64, f64)> {
    let points: Vec<_> =
        costs.iter().map(|(day, ratio)| (*day, ratio.value)).collect();
    plot::thinned(&points, points.len(), POINTS)
}

/// The points' intervals, where all points are shown.
fn intervals(costs: &[(f64, Estimate)]) -> Vec<(f64, [f64; 2])> {
    if costs.len() > POINTS {
        return Vec::new();
    }
    let ends = costs.iter().filter_map(|(day, ratio)| {
        let (low, high) = ratio.interval?;
        Some((*day, [low, high]))
    });
    ends.collect()
}

fn table(tracks: &[Track]) -> Markup {
    html! {
        div.scroll {
            table.numbers {
                caption {
                    "Costs over all runs, those that moved most first"
                    @if tracks.len() > ROWS {
                        "; " (tracks.len() - ROWS) " more moved less"
                    }
                }
                thead {
                    tr {
                        @for title in [
                            "comparison", "runs", "first", "lowest",
                            "highest", "newest", "interval",
                        ] {
                            th scope="col" { (title) }
                        }
                    }
                }
                tbody {
                    @for track in tracks.iter().take(ROWS) {
                        (row(track))
                    }
                }
            }
        }
    }
}

fn row(track: &Track) -> Markup {
    let least = track.values().fold(f64::INFINITY, f64::min);
    let most = track.values().fold(f64::NEG_INFINITY, f64::max);
    let last = track.last();
    html! {
        tr {
            th scope="row" { code { (track.name()) } }
            td { (track.costs.len()) }
            @for value in [track.costs[0].1.value, least, most, last.value] {
                td { "×" (factor(value)) }
            }
            td { (ends(last, "..").unwrap_or_default()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Cost;
    use crate::results::example;

    fn past(day: u32, ratio: f64) -> Past {
        let run = example::run(&["baseline"], &[32]);
        let of = Place {
            variant: "reg=<boxed>".to_owned(),
            batch: 32,
            random: false,
            cores: None,
        };
        let ratio =
            Estimate { value: ratio, interval: Some((ratio, ratio * 1.1)) };
        Past {
            name: format!("run-{day}"),
            started: format!("2026-01-{day:02}T12:00:00Z"),
            commit: "0123456789abcdef".to_owned(),
            machine: run.machine,
            setup: run.setup,
            costs: vec![Cost { of, ratio }],
        }
    }

    #[test]
    fn a_cost_is_followed_over_the_runs_of_one_machine() {
        let mut all = vec![past(9, 3.0), past(5, 2.0), past(1, 2.5)];
        all[1].setup.seed = 77;
        let mut other = past(4, 99.0);
        other.machine.cpu = "<another>".to_owned();
        all.insert(2, other);
        let mut threads = past(3, 88.0);
        threads.setup.frame_bytes = 1518;
        all.push(threads);
        let page = section(&all).into_string();
        assert!(page.contains("3 runs of the newest run's"), "{page}");
        assert!(page.contains("from 2026-01-01 to 2026-01-09"));
        let row = "<td>3</td><td>×2.50</td><td>×2.00</td><td>×3.00</td>\
                   <td>×3.00</td><td>3.00..3.30</td>";
        assert!(page.contains(row), "{page}");
        assert!(page.contains("2 runs not comparable"));
        assert!(page.contains("CPU &lt;another&gt;, now Example"));
        assert!(page.contains("measured in another way"));
        assert!(!page.contains("<boxed>") && !page.contains("×99"));
        assert!(section(&all[..1]).into_string().is_empty());
    }

    #[test]
    fn of_many_points_the_lowest_and_the_highest_stay() {
        let mut costs: Vec<_> = (0..10_000)
            .map(|n| {
                let value = 2.0 + f64::from(n % 7) / 100.0;
                (f64::from(n), Estimate { value, interval: None })
            })
            .collect();
        costs[4321].1.value = 9.0;
        costs[7777].1.value = 1.0;
        let points = thinned(&costs);
        assert!(points.len() <= POINTS, "{}", points.len());
        assert!(points.contains(&(4321.0, 9.0)));
        assert!(points.contains(&(7777.0, 1.0)));
        assert!(points.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(thinned(&costs[..200]).len(), 200);
    }
}

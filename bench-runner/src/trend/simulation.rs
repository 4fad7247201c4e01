//! Series whose truth is known, and how often what is said of them is wrong.

use super::changes::{Opinion, Step, find};

/// Normally distributed values.
pub(super) struct Series {
    random: fastrand::Rng,
}

impl Series {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed) }
    }

    /// A standard normal value (Box and Muller).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.random.f64()).ln()).sqrt();
        let angle = std::f64::consts::TAU * self.random.f64();
        radius * angle.cos()
    }

    /// So many values around 0 and, from each place on, as much more.
    pub(super) fn steps(
        &mut self,
        count: usize,
        steps: &[(usize, f64)],
        deviation: f64,
    ) -> Vec<f64> {
        let level = |at: usize| -> f64 {
            let done = steps.iter().filter(|(from, _)| *from <= at);
            done.map(|(_, by)| by).sum()
        };
        (0..count).map(|at| level(at) + deviation * self.normal()).collect()
    }

    /// Values that lean on the one before: AR(1) with this coefficient.
    pub(super) fn leaning(
        &mut self,
        count: usize,
        coefficient: f64,
        deviation: f64,
    ) -> Vec<f64> {
        let fresh = deviation * (1.0 - coefficient * coefficient).sqrt();
        let mut value = deviation * self.normal();
        let next = |_| {
            value = coefficient * value + fresh * self.normal();
            value
        };
        (0..count).map(next).collect()
    }
}

/// A change may stand anywhere.
pub(super) fn everywhere(values: &[f64]) -> Vec<usize> {
    (1..values.len()).collect()
}

/// What is said of many series.
#[derive(Debug, Default)]
struct Tally {
    series: usize,
    /// Series with a change that both opinions name, of which one or the
    /// other has one, and that are said to drift.
    both: usize,
    any: usize,
    drifting: usize,
    /// Changes within one place of the true one.
    found: usize,
    found_by_both: usize,
}

impl Tally {
    /// Of series that `draw` makes with a step at `at`, if there is one.
    fn of(
        series: usize,
        at: Option<usize>,
        mut draw: impl FnMut(&mut Series) -> Vec<f64>,
    ) -> Self {
        let mut tally = Self { series, ..Self::default() };
        for seed in 0..series {
            let values = draw(&mut Series::new(seed as u64));
            let ratios: Vec<_> = values.iter().map(|v| v.exp()).collect();
            let said = find(&ratios, &everywhere(&values));
            let is_both = |s: &Step| s.opinion == Opinion::Both;
            let is_there =
                |s: &Step| at.is_some_and(|at| s.at.abs_diff(at) <= 1);
            let count = |yes: bool| usize::from(yes);
            let false_ones = said.steps.iter().filter(|s| !is_there(s));
            tally.any += count(false_ones.clone().count() > 0);
            tally.both += count(false_ones.clone().any(is_both));
            tally.drifting += count(said.drifts());
            let true_ones = said.steps.iter().filter(|s| is_there(s));
            tally.found += count(true_ones.clone().count() > 0);
            tally.found_by_both += count(true_ones.clone().any(is_both));
        }
        tally
    }

    fn line(&self) -> String {
        let share = |count: usize| 100.0 * count as f64 / self.series as f64;
        format!(
            "elsewhere: both {:.2} %, any {:.2} %; found: both {:.1} %, any \
             {:.1} %; drifts {:.1} %",
            share(self.both),
            share(self.any),
            share(self.found_by_both),
            share(self.found),
            share(self.drifting),
        )
    }
}

#[test]
fn quiet_series_have_few_changes() {
    for count in [12, 30, 60, 200] {
        let tally = Tally::of(200, None, |s| s.steps(count, &[], 0.005));
        assert!(tally.both <= 2, "{count}: {tally:?}");
        assert!(tally.any <= 6, "{count}: {tally:?}");
        assert!(tally.drifting <= 6, "{count}: {tally:?}");
    }
}

#[test]
fn steps_are_found_within_a_place() {
    for (step, deviation) in [(0.01, 0.003), (0.03, 0.005), (0.1, 0.01)] {
        for step in [step, -step] {
            let tally = Tally::of(100, Some(25), |s| {
                s.steps(40, &[(25, step)], deviation)
            });
            let line = tally.line();
            assert!(tally.found_by_both >= 90, "{step}: {line}");
            assert!(tally.both <= 3, "{step}: {line}");
        }
    }
}

#[test]
fn outliers_are_no_changes() {
    let tally = Tally::of(200, None, |s| {
        let mut values = s.steps(60, &[], 0.003);
        for at in [7, 30, 44] {
            values[at] += 0.08;
        }
        values
    });
    assert!(tally.both <= 2, "{}", tally.line());
    assert!(tally.any <= 10, "{}", tally.line());
}

#[test]
fn series_that_drift_are_said_to() {
    let leaning = Tally::of(100, None, |s| s.leaning(60, 0.8, 0.01));
    assert!(leaning.drifting >= 50, "{}", leaning.line());
    let drifting = Tally::of(100, None, |s| {
        let noise = s.steps(60, &[], 0.005).into_iter();
        (0u32..).zip(noise).map(|(n, v)| v + 5e-4 * f64::from(n)).collect()
    });
    assert!(drifting.drifting >= 50, "{}", drifting.line());
}

/// How often the two opinions are wrong, for METHODOLOGY.md.
#[test]
#[ignore = "a minute"]
fn simulation_of_trends() {
    for count in [12, 30, 60, 200, 1000] {
        let tally = Tally::of(2000, None, |s| s.steps(count, &[], 0.005));
        println!("quiet, {count} runs: {}", tally.line());
    }
    for coefficient in [0.3, 0.5, 0.8] {
        let tally =
            Tally::of(2000, None, |s| s.leaning(60, coefficient, 0.005));
        println!("AR(1) {coefficient}, 60 runs: {}", tally.line());
    }
    let tally = Tally::of(2000, None, |s| {
        let mut values = s.steps(60, &[], 0.005);
        for value in &mut values {
            if s.random.f64() < 0.05 {
                *value += 0.04;
            }
        }
        values
    });
    println!("1 of 20 off by 4 %, 60 runs: {}", tally.line());
    let tally = Tally::of(2000, None, |s| {
        let values = s.steps(60, &[], 0.005).into_iter().enumerate();
        values.map(|(n, v)| v + 0.03 * n as f64 / 60.0).collect()
    });
    println!("drift by 3 % over 60 runs: {}", tally.line());
    for deviation in [0.005, 0.01] {
        for step in [0.01, 0.03, 0.1] {
            for (count, at) in [(12, 6), (30, 25), (60, 30), (60, 55)] {
                let tally = Tally::of(1000, Some(at), |s| {
                    s.steps(count, &[(at, step)], deviation)
                });
                println!(
                    "{:.0} % at {at} of {count}, sd {:.1} %: {}",
                    step * 100.0,
                    deviation * 100.0,
                    tally.line()
                );
            }
        }
    }
}

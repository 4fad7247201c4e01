//! Where a cell's ratio changed, by two opinions.

use serde::Serialize;

use super::smooth::smooth;
use super::{FEWEST, divisive, mdl};
use crate::stats::{CONFIDENCE, TrimmedT, mean, quantile, trimmed_mean};

/// A change that is smaller than this share is not named.
pub const MARGIN: f64 = 0.005;

/// Opinions whose places are no farther apart mean the same change.
const SAME: usize = 3;

/// Neighbouring values that have more in common than this lean on each other.
const LEANING: f64 = 0.35;

/// The fewest values from which that can be told.
const TOLD: usize = 20;

/// Who says that there is a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Opinion {
    /// Minimum description length and E-divisive.
    Both,
    /// Minimum description length alone.
    MdlAlone,
    /// E-divisive alone.
    DivisiveAlone,
}

impl Opinion {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::MdlAlone => "MDL alone",
            Self::DivisiveAlone => "E-divisive alone",
        }
    }
}

/// A change of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The first value after it.
    pub at: usize,
    /// Where the level before it begins, and where the one after it ends.
    pub between: (usize, usize),
    /// Who says so.
    pub opinion: Opinion,
    /// By how much, as a share of the level before.
    pub effect: f64,
    /// Where that lies with a confidence of 99 %.
    pub interval: Option<[f64; 2]>,
    /// The level before.
    pub before: f64,
    /// The level after.
    pub after: f64,
    /// Whether a straight line through both levels fits better than they do.
    pub slope: bool,
}

/// What is said of a series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// Its changes that are larger than [`MARGIN`], from left to right.
    pub steps: Vec<Step>,
    /// How much neighbouring values have in common besides their level, from
    /// -1 to 1; absent where too few speak.
    pub autocorrelation: Option<f64>,
}

impl Said {
    /// Whether the series drifts: values lean on the ones before, or a slope
    /// fits better than a step. Then changes are found where there are none.
    #[must_use]
    pub fn drifts(&self) -> bool {
        self.autocorrelation.is_some_and(|value| value > LEANING)
            || self.steps.iter().any(|step| step.slope)
    }
}

/// Finds the changes of a series of ratios, all above 0. They may stand at the
/// places that `cuts` names, in ascending order.
#[must_use]
pub fn find(ratios: &[f64], cuts: &[usize]) -> Said {
    let values: Vec<_> = ratios.iter().map(|ratio| ratio.ln()).collect();
    let values = smooth(&values);
    let first = mdl::changes(&values, cuts);
    let second = divisive::changes(&values, cuts);
    let mut places = joined(&first, &second);
    let steps = loop {
        let steps = steps(&values, &places);
        let least = steps
            .iter()
            .enumerate()
            .min_by(|(_, a), (_, b)| a.effect.abs().total_cmp(&b.effect.abs()));
        match least {
            Some((number, step)) if step.effect.abs() <= MARGIN => {
                places.remove(number);
            }
            _ => break steps,
        }
    };
    let autocorrelation = autocorrelation(&values, &places);
    Said { steps, autocorrelation }
}

/// The places of both opinions, from left to right.
fn joined(first: &[usize], second: &[usize]) -> Vec<(usize, Opinion)> {
    let mut left: Vec<_> = second.to_vec();
    let mut all = Vec::new();
    for &at in first {
        let nearest = (0..left.len()).min_by_key(|n| left[*n].abs_diff(at));
        let near = nearest.filter(|n| left[*n].abs_diff(at) <= SAME);
        all.push(match near {
            Some(number) => {
                left.remove(number);
                (at, Opinion::Both)
            }
            None => (at, Opinion::MdlAlone),
        });
    }
    all.extend(left.into_iter().map(|at| (at, Opinion::DivisiveAlone)));
    all.sort_unstable();
    // What the first opinion cannot tell apart, the second one cannot either.
    all.dedup_by(|b, a| b.0 - a.0 < FEWEST);
    all
}

fn steps(values: &[f64], places: &[(usize, Opinion)]) -> Vec<Step> {
    let ends = |number: usize| {
        let from = match number {
            0 => 0,
            _ => places[number - 1].0,
        };
        let to = places.get(number + 1).map_or(values.len(), |next| next.0);
        (from, to)
    };
    let step = |(number, &(at, opinion)): (usize, &(usize, Opinion))| {
        let (from, to) = ends(number);
        let (before, after) = (&values[from..at], &values[at..to]);
        let (low, high) = (trimmed_mean(before)?, trimmed_mean(after)?);
        let share = |difference: f64| difference.exp() - 1.0;
        Some(Step {
            at,
            between: (from, to),
            opinion,
            effect: share(high - low),
            interval: interval(before, after).map(|ends| ends.map(share)),
            before: low.exp(),
            after: high.exp(),
            slope: around_line(&values[from..to])
                < around_level(before) + around_level(after),
        })
    };
    places.iter().enumerate().filter_map(step).collect()
}

/// Where the difference of two levels lies: Welch's interval over trimmed
/// means (Yuen).
fn interval(before: &[f64], after: &[f64]) -> Option<[f64; 2]> {
    let (a, b) = (TrimmedT::new(before)?, TrimmedT::new(after)?);
    let (va, vb) = (a.error * a.error, b.error * b.error);
    let difference = b.value - a.value;
    if va + vb <= 0.0 {
        return Some([difference; 2]);
    }
    let freedom =
        (va + vb).powi(2) / (va * va / a.freedom + vb * vb / b.freedom);
    let share = f64::midpoint(1.0, CONFIDENCE);
    let half = quantile(share, freedom)? * (va + vb).sqrt();
    let ends = [difference - half, difference + half];
    ends.iter().all(|end| end.is_finite()).then_some(ends)
}

/// Sum of squares around the mean.
fn around_level(values: &[f64]) -> f64 {
    let middle = mean(values).unwrap_or(0.0);
    values.iter().map(|value| (value - middle).powi(2)).sum()
}

/// Sum of squares around the straight line that fits best.
fn around_line(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let centre = (n - 1.0) / 2.0;
    let middle = mean(values).unwrap_or(0.0);
    let along = |at: usize| at as f64 - centre;
    let both: f64 =
        values.iter().enumerate().map(|(n, v)| along(n) * (v - middle)).sum();
    let own: f64 = (0..values.len()).map(|at| along(at).powi(2)).sum();
    around_level(values) - both * both / own.max(1.0)
}

/// Correlation of neighbouring values around their levels.
fn autocorrelation(values: &[f64], places: &[(usize, Opinion)]) -> Option<f64> {
    if values.len() < TOLD {
        return None;
    }
    let starts = places.iter().map(|place| place.0);
    let ends: Vec<_> =
        std::iter::once(0).chain(starts).chain([values.len()]).collect();
    let (mut common, mut own) = (0.0, 0.0);
    for pair in ends.windows(2) {
        let level = &values[pair[0]..pair[1]];
        let middle = mean(level)?;
        let rest = |value: f64| value - middle;
        common +=
            level.windows(2).map(|p| rest(p[0]) * rest(p[1])).sum::<f64>();
        own += level.iter().map(|v| rest(*v).powi(2)).sum::<f64>();
    }
    // Nothing but rounding is left of values that are all the same.
    let is_flat = own / (values.len() as f64) < 1e-20;
    Some(if is_flat { 0.0 } else { common / own })
}

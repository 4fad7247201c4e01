//! Change points by minimum description length: the series is cut where it
//! then takes the fewest bits to write down.
//!
//! After Rissanen, and after "jumpavg", by which FD.io's CSIT project groups
//! its results: a group is told by its length, mean and standard deviation,
//! and its values by where they lie on the sphere that the three leave.

use std::f64::consts::{LN_2, PI};

use statrs::function::gamma::ln_gamma;

use super::FEWEST;
use super::smooth::UNIT;

/// Values up to which every grouping is looked at.
const WHOLE: usize = 512;

/// Of longer series, values that are looked at together, in windows that
/// overlap by half.
const WINDOW: usize = 128;

/// Places of longer series where a change is looked for besides those that
/// windows find.
const GRID: usize = 400;

/// Levels and deviations may be anywhere within this at least, as natural
/// logarithms of ratios: what all of them have in common is not known
/// beforehand.
const LEAST_RANGE: f64 = 0.1;

/// Where groups begin, the first one left out. A change may stand at the
/// places that `cuts` names, in ascending order.
///
/// Up to [`WHOLE`] values the grouping is the best one of all. Of longer
/// series it is the best among the places that windows find and a grid, each
/// moved to its best place afterwards, so that the effort grows as the length.
pub(super) fn changes(values: &[f64], cuts: &[usize]) -> Vec<usize> {
    let all = values.len();
    let bits = Bits::of(values);
    if all <= WHOLE {
        return bits.best(&with_ends(0, cuts, all));
    }
    let mut places = Vec::new();
    for from in (0..all).step_by(WINDOW / 2) {
        let to = (from + WINDOW).min(all);
        places.extend(bits.best(&with_ends(from, cuts, to)));
    }
    let every = all.div_ceil(GRID);
    places.extend(cuts.iter().copied().filter(|cut| cut % every == 0));
    places.sort_unstable();
    places.dedup();
    let found = bits.best(&with_ends(0, &places, all));
    bits.moved(found, cuts, every)
}

/// The cuts between two ends, and the ends.
fn with_ends(from: usize, cuts: &[usize], to: usize) -> Vec<usize> {
    let within = cuts.iter().copied().filter(|cut| from < *cut && *cut < to);
    std::iter::once(from).chain(within).chain([to]).collect()
}

/// What it takes to write groups of a series down.
struct Bits {
    /// Sums of the first values and of their squares, around the mean of all.
    sums: Vec<(f64, f64)>,
    /// For each length of a group, what does not depend on its values.
    lengths: Vec<f64>,
}

impl Bits {
    fn of(values: &[f64]) -> Self {
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count.max(1) as f64;
        let mut sums = vec![(0.0, 0.0)];
        let (mut sum, mut squares) = (0.0, 0.0);
        for value in values {
            let value = value - mean;
            (sum, squares) = (sum + value, squares + value * value);
            sums.push((sum, squares));
        }
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let range = ((most - least).max(LEAST_RANGE) / UNIT + 1.0).ln();
        let lengths = (0..=count).map(|n| of_length(n, range)).collect();
        Self { sums, lengths }
    }

    /// Bits of the group of values from `from` to before `to`.
    fn group(&self, from: usize, to: usize) -> f64 {
        let count = to - from;
        let n = count as f64;
        let sum = self.sums[to].0 - self.sums[from].0;
        let squares = self.sums[to].1 - self.sums[from].1;
        let deviation = ((squares - sum * sum / n) / n).max(0.0).sqrt();
        let free = count.saturating_sub(2) as f64;
        let radius = free * (deviation / UNIT + 1.0).ln();
        (self.lengths[count] + radius) / LN_2
    }

    /// The cheapest grouping between two places whose groups begin at some of
    /// those between, and have [`FEWEST`] values.
    fn best(&self, places: &[usize]) -> Vec<usize> {
        let mut best = vec![(0.0, 0)];
        for (number, to) in places.iter().enumerate().skip(1) {
            let mut least = (f64::INFINITY, 0);
            for (before, from) in places[..number].iter().enumerate() {
                let is_whole = before == 0 && number + 1 == places.len();
                if to - from < FEWEST && !is_whole {
                    break;
                }
                let bits = best[before].0 + self.group(*from, *to);
                if bits < least.0 {
                    least = (bits, before);
                }
            }
            best.push(least);
        }
        let mut at = places.len() - 1;
        let mut found = Vec::new();
        while at > 0 {
            at = best[at].1;
            found.push(places[at]);
        }
        found.pop();
        found.reverse();
        found
    }

    /// The same groups, each beginning where it is cheapest within `reach` of
    /// where it began.
    fn moved(
        &self,
        mut found: Vec<usize>,
        cuts: &[usize],
        reach: usize,
    ) -> Vec<usize> {
        let end = self.sums.len() - 1;
        for _ in 0..2 {
            for number in 0..found.len() {
                let before = match number {
                    0 => 0,
                    _ => found[number - 1],
                };
                let after = found.get(number + 1).copied().unwrap_or(end);
                let here = found[number];
                let from = here.saturating_sub(reach).max(before + FEWEST);
                let to = (here + reach).min(after - FEWEST);
                let first = cuts.partition_point(|cut| *cut < from);
                let near = cuts[first..].iter().take_while(|cut| **cut <= to);
                let bits =
                    |at: usize| self.group(before, at) + self.group(at, after);
                let best = near.copied().min_by(|a, b| {
                    let by = bits(*a).total_cmp(&bits(*b));
                    by.then_with(|| here.abs_diff(*a).cmp(&here.abs_diff(*b)))
                });
                found[number] = best.unwrap_or(here);
            }
        }
        found
    }
}

/// What a group of so many values takes besides the size of its sphere, as a
/// natural logarithm: its length, mean and deviation, and the area of the
/// sphere of radius 1 in so many dimensions. `range` is the logarithm of the
/// number of levels that can be told apart.
fn of_length(count: usize, range: f64) -> f64 {
    let n = count as f64;
    let told = (n + 1.0).ln() + range;
    if count < 2 {
        return told;
    }
    let half = (n - 1.0) / 2.0;
    let area = LN_2 + half * PI.ln() - ln_gamma(half);
    told + range + area + (n - 2.0) / 2.0 * n.ln()
}

#[cfg(test)]
mod tests {
    use super::super::simulation::{Series, everywhere};
    use super::*;
    use proptest::prelude::*;

    fn found(values: &[f64]) -> Vec<usize> {
        changes(values, &everywhere(values))
    }

    #[test]
    fn nothing_is_found_in_nothing() {
        for count in [0, 1, 2, 3, 5, 40, 2000] {
            assert_eq!(found(&vec![1.5; count]), [], "{count}");
        }
    }

    #[test]
    fn steps_without_noise_are_found_where_they_are() {
        let mut values = vec![0.0; 10];
        values.extend([0.02; 6]);
        values.extend([0.01; 8]);
        assert_eq!(found(&values), [10, 16]);
    }

    #[test]
    fn places_that_are_no_cuts_are_none() {
        let mut values = vec![0.0; 10];
        values.extend([0.02; 10]);
        assert_eq!(changes(&values, &[12, 17]), [12]);
        assert_eq!(changes(&values, &[]), []);
    }

    #[test]
    fn long_series_are_cut_as_short_ones() {
        for (seed, at) in [(1, 700), (2, 1501), (3, 2600)] {
            let mut series = Series::new(seed);
            let values = series.steps(3000, &[(at, 0.03)], 0.004);
            let found = found(&values);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].abs_diff(at) <= 1, "{found:?}, not {at}");
        }
        // For a short while.
        let steps = [(1234, 0.03), (1254, -0.03)];
        let values = Series::new(4).steps(3000, &steps, 0.004);
        assert_eq!(found(&values), [1234, 1254]);
    }

    proptest! {
        #[test]
        fn levels_and_direction_do_not_matter(
            seed in 0..500u64, by in -5.0..5.0f64, at in 10..50usize,
        ) {
            let mut series = Series::new(seed);
            let values = series.steps(60, &[(at, 0.02)], 0.004);
            let first = found(&values);
            let other: Vec<_> = values.iter().map(|v| v + by).collect();
            prop_assert_eq!(&found(&other), &first);
            let back: Vec<_> = values.iter().rev().copied().collect();
            let mut mirrored: Vec<_> =
                found(&back).iter().map(|at| 60 - at).collect();
            mirrored.reverse();
            prop_assert_eq!(mirrored, first);
        }
    }
}

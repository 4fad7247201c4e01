//! Change points by E-divisive with means (Matteson and James, "A
//! Nonparametric Approach for Multiple Change Point Analysis of Multivariate
//! Data", 2014): a series is cut where the energy distance between both
//! sides is greatest, and again on either side, as long as hardly any other
//! order of the same values has one as great.

use super::FEWEST;

/// Values that are looked at together: of longer series windows, which
/// overlap by half, so that the effort grows as the length.
const WINDOW: usize = 128;

/// Orders that a cut is tried against.
const ORDERS: usize = 999;

/// The share of orders, the one that was seen among them, that may have a
/// distance as great.
const ALPHA: f64 = 0.001;

/// Changes of overlapping windows that are nearer than this are one.
const NEAR: usize = 5;

/// The same orders each time.
const SEED: u64 = 0x7e4d;

/// Where the values change, at some of the places that `cuts` names in
/// ascending order.
pub(super) fn changes(values: &[f64], cuts: &[usize]) -> Vec<usize> {
    let all = values.len();
    // Each change with its distance from the middle of its window.
    let mut found = Vec::new();
    let mut from = 0;
    loop {
        let to = (from + WINDOW).min(all);
        let mut here = Vec::new();
        divide(values, cuts, (from, to), &mut here);
        let middle = usize::midpoint(from, to);
        found.extend(here.into_iter().map(|at| (at.abs_diff(middle), at)));
        if to == all {
            break;
        }
        // The last one is as long as the others.
        from = (from + WINDOW / 2).min(all - WINDOW);
    }
    // Where two windows disagree, the one that sees more of both sides knows.
    found.sort_unstable();
    let mut changes: Vec<usize> = Vec::new();
    for (_, at) in found {
        if changes.iter().all(|other| other.abs_diff(at) >= NEAR) {
            changes.push(at);
        }
    }
    changes.sort_unstable();
    changes
}

fn divide(
    values: &[f64],
    cuts: &[usize],
    (from, to): (usize, usize),
    found: &mut Vec<usize>,
) {
    let first = cuts.partition_point(|cut| *cut < from + FEWEST);
    let within = cuts[first..].iter().take_while(|cut| **cut + FEWEST <= to);
    let within: Vec<_> = within.map(|cut| cut - from).collect();
    let part = &values[from..to];
    let Some((distance, at)) = farthest(part, &within, &totals(part)) else {
        return;
    };
    if !is_rare(part, &within, distance) {
        return;
    }
    let at = from + at;
    divide(values, cuts, (from, at), found);
    found.push(at);
    divide(values, cuts, (at, to), found);
}

/// The sum of each value's distances from all others.
fn totals(values: &[f64]) -> Vec<f64> {
    let total = |one: &f64| values.iter().map(|v| (v - one).abs()).sum();
    values.iter().map(total).collect()
}

/// The greatest energy distance between both sides of a cut, weighted by
/// their lengths m and n: m n / (m + n) times twice the mean distance between
/// the sides less the mean distances within them; and its place. Distances
/// are taken as they are: with squares only means would count.
fn farthest(
    values: &[f64],
    cuts: &[usize],
    totals: &[f64],
) -> Option<(f64, usize)> {
    let all = values.len();
    let whole = totals.iter().sum::<f64>() / 2.0;
    let (mut left, mut right) = (0.0, whole);
    let mut done = 0;
    let mut most: Option<(f64, usize)> = None;
    for &cut in cuts {
        for at in done..cut {
            let value = values[at];
            let earlier: f64 =
                values[..at].iter().map(|v| (v - value).abs()).sum();
            left += earlier;
            right -= totals[at] - earlier;
        }
        done = cut;
        let (m, n) = (cut as f64, (all - cut) as f64);
        let between = (whole - left - right) * 2.0 / (m * n);
        let within =
            left * 2.0 / (m * (m - 1.0)) + right * 2.0 / (n * (n - 1.0));
        let distance = m * n / (m + n) * (between - within);
        if most.is_none_or(|(best, _)| distance > best) {
            most = Some((distance, cut));
        }
    }
    most
}

/// Whether few enough orders of the values have a cut with as great a
/// distance. The orders are drawn from the sorted values, so that they do not
/// depend on the order that was seen.
fn is_rare(values: &[f64], cuts: &[usize], distance: f64) -> bool {
    let most = (ALPHA * (ORDERS + 1) as f64).floor() as usize - 1;
    let mut order: Vec<f64> = values.to_vec();
    order.sort_by(f64::total_cmp);
    let sums = totals(&order);
    let mut pairs: Vec<_> = order.into_iter().zip(sums).collect();
    let mut random = fastrand::Rng::with_seed(SEED);
    // Equal distances may differ by how they were added up.
    let bound = distance - 1e-9 * distance.abs();
    let mut greater = 0;
    for _ in 0..ORDERS {
        random.shuffle(&mut pairs);
        let (order, sums): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
        let found = farthest(&order, cuts, &sums);
        if found.is_some_and(|(other, _)| other >= bound) {
            greater += 1;
            if greater > most {
                return false;
            }
        }
    }
    true
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
        for count in [0, 1, 2, 3, 5, 40, 500] {
            assert_eq!(found(&vec![1.5; count]), [], "{count}");
        }
    }

    /// By the definition, value by value.
    fn energy(x: &[f64], y: &[f64]) -> f64 {
        let mean = |a: &[f64], b: &[f64], pairs: f64| {
            let all = a.iter().flat_map(|a| b.iter().map(move |b| a - b));
            all.map(f64::abs).sum::<f64>() / pairs
        };
        let (m, n) = (x.len() as f64, y.len() as f64);
        let within = mean(x, x, m * (m - 1.0)) + mean(y, y, n * (n - 1.0));
        m * n / (m + n) * (2.0 * mean(x, y, m * n) - within)
    }

    #[test]
    fn distances_are_those_of_the_definition() {
        let values = Series::new(5).steps(20, &[(8, 1.0)], 0.5);
        let cuts: Vec<_> = (3..=17).collect();
        let (distance, at) =
            farthest(&values, &cuts, &totals(&values)).expect("cuts");
        let by_hand = |cut: &usize| energy(&values[..*cut], &values[*cut..]);
        let most = cuts.iter().map(by_hand).fold(f64::MIN, f64::max);
        assert!((distance - most).abs() < 1e-9, "{distance} and {most}");
        assert!((by_hand(&at) - most).abs() < 1e-9);
    }

    #[test]
    fn steps_are_found_in_short_and_long_series() {
        let values = Series::new(1).steps(40, &[(25, 0.03)], 0.004);
        assert_eq!(found(&values), [25]);
        let steps = [(300, 0.03), (330, 0.04), (700, -0.02)];
        let values = Series::new(2).steps(1000, &steps, 0.004);
        let found = found(&values);
        assert_eq!(found.len(), 3, "{found:?}");
        for (found, (at, _)) in found.iter().zip(steps) {
            assert!(found.abs_diff(at) <= 1, "{found} and {at}");
        }
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

//! How far two sets of curves have the same shape.
//!
//! Absolute values belong to the machine. What can be the same on another one
//! is the order of the series, where each curve bends and where it saturates,
//! and the ratio between neighbours. Each is a number from 0 to 1.

/// From here on, two published values count as different: the accuracy of
/// most readings.
const APART: f64 = 0.05;

/// Up to here, two measured values count as equal.
const EQUAL: f64 = 0.01;

/// Octaves, or nines of a percentile, by which a bend may be off before
/// nothing of it is left.
const FAR: f64 = 3.0;

/// Shares of its top at which a curve bends and saturates.
const BENDS: [f64; 2] = [0.5, 0.9];

/// A tail begins at this many times the median.
const TAIL: f64 = 2.0;

/// Fewest points of a curve that bends.
const CURVE: usize = 4;

/// How an axis runs, for a bend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// In octaves.
    Octaves,
    /// In nines of a percentile.
    Nines,
    /// Names, on which nothing bends.
    Names,
}

/// A series as it was published and as it was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Twin {
    /// Its published name.
    pub name: String,
    /// Places that both have, in ascending order.
    pub points: Vec<TwinPoint>,
}

/// A place that both have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TwinPoint {
    /// In octaves or nines, or the number of a name.
    pub at: f64,
    /// The published value.
    pub published: f64,
    /// Error of its reading, to both sides.
    pub error: f64,
    /// The measured value.
    pub measured: f64,
}

impl TwinPoint {
    fn values(&self) -> [f64; 2] {
        [self.published, self.measured]
    }
}

/// How far shapes agree; what cannot be told is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shape {
    /// The order of the series: the share of pairs, at each place, that differ
    /// as they did.
    pub order: Option<f64>,
    /// Where curves bend and saturate: 1 less a third for every octave or nine
    /// between the places.
    pub bends: Option<f64>,
    /// The ratio between neighbouring series and between neighbouring points:
    /// the smaller of both ratios over the larger.
    pub neighbours: Option<f64>,
}

impl Shape {
    /// The mean of what could be told.
    #[must_use]
    pub fn score(&self) -> Option<f64> {
        mean([self.order, self.bends, self.neighbours].into_iter().flatten())
    }

    /// The shape of a chart's series.
    #[must_use]
    pub fn of(twins: &[Twin], run: Run, bends: bool) -> Self {
        let bends = bends.then(|| self::bends(twins, run)).flatten();
        Self { order: order(twins), bends, neighbours: neighbours(twins) }
    }

    /// The means of several shapes.
    #[must_use]
    pub fn mean(shapes: &[Self]) -> Self {
        let part = |part: fn(&Self) -> Option<f64>| {
            mean(shapes.iter().filter_map(part))
        };
        Self {
            order: part(|s| s.order),
            bends: part(|s| s.bends),
            neighbours: part(|s| s.neighbours),
        }
    }
}

/// How alike two ratios are: 1 where they are the same, a half at a factor of
/// two.
#[must_use]
pub fn likeness(one: f64, other: f64) -> f64 {
    match one > 0.0 && other > 0.0 {
        true => (one / other).min(other / one),
        false => 0.0,
    }
}

/// Places, with the values of every series there.
fn places(twins: &[Twin]) -> Vec<Vec<TwinPoint>> {
    let all = twins.iter().flat_map(|twin| twin.points.iter().map(|p| p.at));
    let mut all: Vec<f64> = all.collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    let at = |place: f64| {
        let points = twins.iter().flat_map(|twin| &twin.points);
        points.filter(|p| p.at == place).copied().collect()
    };
    all.into_iter().map(at).collect()
}

fn order(twins: &[Twin]) -> Option<f64> {
    let mut scores = Vec::new();
    for points in places(twins) {
        for (number, a) in points.iter().enumerate() {
            for b in &points[number + 1..] {
                let apart = (a.published - b.published).abs();
                let least = APART * a.published.max(b.published);
                if apart <= least.max(a.error + b.error) {
                    continue;
                }
                let then = (a.published / b.published).ln();
                let now = (a.measured / b.measured).ln();
                scores.push(match now.abs() <= EQUAL {
                    true => 0.5,
                    false => f64::from(u8::from(then * now > 0.0)),
                });
            }
        }
    }
    mean(scores.into_iter())
}

fn bends(twins: &[Twin], run: Run) -> Option<f64> {
    let mut scores = Vec::new();
    for twin in twins.iter().filter(|twin| twin.points.len() >= CURVE) {
        let curve = |which: usize| -> Vec<(f64, f64)> {
            twin.points.iter().map(|p| (p.at, p.values()[which])).collect()
        };
        let (then, now) = (curve(0), curve(1));
        match run {
            Run::Octaves => scores.extend(BENDS.map(|share| {
                let place = |curve: &[(f64, f64)]| {
                    let top = curve.iter().map(|p| p.1).fold(0.0, f64::max);
                    reaches(curve, share * top)
                };
                closeness(place(&then), place(&now))
            })),
            Run::Nines => {
                let place = |curve: &[(f64, f64)]| {
                    let median = value_at(curve, std::f64::consts::LOG10_2);
                    reaches(curve, TAIL * median)
                };
                scores.push(closeness(place(&then), place(&now)));
            }
            Run::Names => {}
        }
    }
    mean(scores.into_iter())
}

fn closeness(one: Option<f64>, other: Option<f64>) -> f64 {
    match (one, other) {
        (Some(one), Some(other)) => (1.0 - (one - other).abs() / FAR).max(0.0),
        (None, None) => 1.0,
        _ => 0.0,
    }
}

/// Where a curve first reaches a value, between its points along a straight
/// line.
#[must_use]
pub fn reaches(curve: &[(f64, f64)], value: f64) -> Option<f64> {
    let first = curve.iter().position(|(_, y)| *y >= value)?;
    let (x1, y1) = curve[first];
    let Some((x0, y0)) = first.checked_sub(1).map(|before| curve[before])
    else {
        return Some(x1);
    };
    Some(x0 + (x1 - x0) * (value - y0) / (y1 - y0))
}

/// The value of a curve at a place, along a straight line; that of the nearest
/// end outside.
fn value_at(curve: &[(f64, f64)], place: f64) -> f64 {
    let after = curve.partition_point(|(x, _)| *x < place);
    match (after.checked_sub(1).map(|i| curve[i]), curve.get(after)) {
        (Some((x0, y0)), Some((x1, y1))) => {
            y0 + (y1 - y0) * (place - x0) / (x1 - x0)
        }
        (Some((_, y)), None) | (None, Some(&(_, y))) => y,
        (None, None) => f64::NAN,
    }
}

fn neighbours(twins: &[Twin]) -> Option<f64> {
    let mut scores = Vec::new();
    let mut compare = |a: &TwinPoint, b: &TwinPoint| {
        let [then, now] =
            [0, 1].map(|which| b.values()[which] / a.values()[which]);
        if then.is_finite() && now.is_finite() && then > 0.0 {
            scores.push(likeness(then, now));
        }
    };
    for mut points in places(twins) {
        points.sort_by(|a, b| a.published.total_cmp(&b.published));
        points.windows(2).for_each(|pair| compare(&pair[0], &pair[1]));
    }
    for twin in twins {
        twin.points.windows(2).for_each(|pair| compare(&pair[0], &pair[1]));
    }
    mean(scores.into_iter())
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<_> = values.collect();
    let count = values.len();
    (count > 0).then(|| values.into_iter().sum::<f64>() / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Series over batch sizes 1, 2, 4 and so on.
    fn twin(name: &str, published: &[f64], measured: &[f64]) -> Twin {
        let values = published.iter().zip(measured).enumerate();
        let points = values.map(|(at, (&published, &measured))| TwinPoint {
            at: at as f64,
            published,
            error: 0.0,
            measured,
        });
        Twin { name: name.to_owned(), points: points.collect() }
    }

    const C: [f64; 6] = [8.3, 14.3, 20.9, 26.0, 27.4, 27.4];
    const RUST: [f64; 6] = [5.9, 10.6, 16.3, 22.0, 26.0, 27.4];

    fn score(twins: &[Twin]) -> Shape {
        Shape::of(twins, Run::Octaves, true)
    }

    #[test]
    fn the_same_curves_have_the_same_shape() {
        let twins = [twin("C", &C, &C), twin("Rust", &RUST, &RUST)];
        let shape = score(&twins);
        let all =
            Shape { order: Some(1.0), bends: Some(1.0), neighbours: Some(1.0) };
        assert_eq!(shape, all);
        assert_eq!(shape.score(), Some(1.0));
    }

    #[test]
    fn two_series_that_changed_places_are_out_of_order() {
        let twins = [twin("C", &C, &RUST), twin("Rust", &RUST, &C)];
        // At 32 packets they were equal, which is no order.
        assert_eq!(score(&twins).order, Some(0.0));
    }

    #[test]
    fn what_was_equal_has_no_order() {
        let twins = [twin("C", &[10.0], &[1.0]), twin("D", &[10.1], &[9.0])];
        assert_eq!(score(&twins).order, None);
    }

    #[test]
    fn what_is_equal_now_is_half_in_order() {
        let twins = [twin("C", &[10.0], &[5.0]), twin("D", &[20.0], &[5.01])];
        assert_eq!(score(&twins).order, Some(0.5));
    }

    #[test]
    fn a_bend_two_octaves_later_is_two_thirds_off() {
        let then = [1.0, 10.0, 10.0, 10.0, 10.0];
        let now = [1.0, 1.0, 1.0, 10.0, 10.0];
        let shape = score(&[twin("C", &then, &now)]);
        assert!((shape.bends.unwrap() - 1.0 / 3.0).abs() < 1e-9, "{shape:?}");
    }

    #[test]
    fn a_tail_that_is_not_there_is_no_tail() {
        let tail = [1.0, 1.0, 1.0, 1.1, 9.0];
        let none = [1.0, 1.0, 1.0, 1.1, 1.2];
        let shape = |then, now| {
            Shape::of(&[twin("C", then, now)], Run::Nines, true).bends
        };
        assert_eq!(shape(&tail, &none), Some(0.0));
        assert_eq!(shape(&none, &none), Some(1.0));
        assert!(shape(&tail, &tail) == Some(1.0));
    }

    #[test]
    fn a_factor_of_two_between_neighbours_is_a_half() {
        let twins = [twin("C", &[10.0], &[10.0]), twin("D", &[5.0], &[2.5])];
        assert_eq!(score(&twins).neighbours, Some(0.5));
    }

    #[test]
    fn nothing_measured_is_no_shape() {
        assert_eq!(score(&[]), Shape::default());
        assert_eq!(Shape::default().score(), None);
    }

    proptest! {
        #[test]
        fn scores_are_shares_and_know_no_machine(
            values in prop::collection::vec(
                prop::collection::vec((0.1..1e3f64, 0.1..1e3f64), 6), 1..5),
            faster in 0.1..10.0f64,
        ) {
            let twins = |factor: f64| -> Vec<Twin> {
                values.iter().map(|points| {
                    let (then, now): (Vec<_>, Vec<_>) = points.iter()
                        .map(|(a, b)| (*a, b * factor)).unzip();
                    twin("C", &then, &now)
                }).collect()
            };
            let (here, there) = (score(&twins(1.0)), score(&twins(faster)));
            for (one, other) in [
                (here.order, there.order),
                (here.bends, there.bends),
                (here.neighbours, there.neighbours),
            ] {
                let (Some(one), Some(other)) = (one, other) else {
                    prop_assert_eq!(one, other);
                    continue;
                };
                prop_assert!((0.0..=1.0).contains(&one));
                prop_assert!((one - other).abs() < 1e-6);
            }
        }

        #[test]
        fn what_was_measured_there_is_reproduced_anywhere(
            values in prop::collection::vec(
                prop::collection::vec(0.1..1e3f64, 6), 1..5),
            faster in 0.1..10.0f64,
        ) {
            let twins: Vec<Twin> = values.iter().map(|then| {
                let now: Vec<_> = then.iter().map(|y| y * faster).collect();
                twin("C", then, &now)
            }).collect();
            let score = score(&twins).score().unwrap();
            prop_assert!(score > 1.0 - 1e-6, "{}", score);
        }
    }
}

//! Means, medians and intervals that a few bad values do not upset.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Share of the values that trimming takes from each end.
pub const TRIM: f64 = 0.2;

/// Confidence of every interval that is shown.
pub const CONFIDENCE: f64 = 0.99;

/// The fewest values that an interval is drawn from.
const FEWEST: usize = 3;

/// A value and where it may lie instead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The best guess; finite.
    pub value: f64,
    /// Lower and upper end, both finite; absent where too few values speak.
    pub interval: Option<(f64, f64)>,
}

impl Estimate {
    /// Trimmed mean with Yuen's trimmed-t interval.
    ///
    /// With `h` values left after trimming, the squared error is the
    /// winsorised sum of squares over `h (h - 1)`, and the quantile is that of
    /// Student's t with `h - 1` degrees of freedom. There is no estimate of
    /// nothing or of anything that is not finite, and no interval from fewer
    /// than three values.
    #[must_use]
    pub fn yuen(values: &[f64], confidence: f64) -> Option<Self> {
        let value = trimmed_mean(values)?;
        let interval =
            TrimmedT::new(values).and_then(|t| t.interval(confidence));
        Some(Self { value, interval })
    }

    /// The same estimate on another scale, `scale` being monotone.
    ///
    /// Ends change places where `scale` falls; an end that leaves the finite
    /// numbers takes the interval with it.
    #[must_use]
    pub fn map(self, scale: impl Fn(f64) -> f64) -> Option<Self> {
        let value = finite(scale(self.value))?;
        let interval = self.interval.and_then(|(low, high)| {
            let (a, b) = (finite(scale(low))?, finite(scale(high))?);
            Some((a.min(b), a.max(b)))
        });
        Some(Self { value, interval })
    }

    /// The longer arm of the interval.
    #[must_use]
    pub fn half_width(&self) -> Option<f64> {
        let (low, high) = self.interval?;
        Some((self.value - low).max(high - self.value))
    }
}

/// What the trimmed mean of a sample says about its population: intervals and
/// one-sided p-values from the same error and the same degrees of freedom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrimmedT {
    /// The trimmed mean; finite.
    pub value: f64,
    /// Its standard error, in the unit of the values; finite.
    pub error: f64,
    /// Degrees of freedom: one less than the values that trimming leaves.
    pub freedom: f64,
}

impl TrimmedT {
    /// None of fewer than three values, or where one is not finite.
    #[must_use]
    pub fn new(values: &[f64]) -> Option<Self> {
        let sorted = sorted(values)?;
        if sorted.len() < FEWEST {
            return None;
        }
        let cut = cut(sorted.len());
        let freedom = (sorted.len() - 2 * cut - 1) as f64;
        Some(Self {
            value: finite(trimmed(&sorted))?,
            error: finite(standard_error(&sorted))?,
            freedom,
        })
    }

    /// Lower and upper end of the two-sided interval.
    #[must_use]
    pub fn interval(&self, confidence: f64) -> Option<(f64, f64)> {
        let share = f64::midpoint(1.0, confidence);
        let half = self.error * quantile(share, self.freedom)?;
        Some((finite(self.value - half)?, finite(self.value + half)?))
    }

    /// p-value of "the population's value is `bound` or less". It is at most
    /// `a` just where the lower end of the interval at `1 - 2 a` is not below
    /// `bound`.
    #[must_use]
    pub fn above(&self, bound: f64) -> f64 {
        tail(self.value - bound, self.error, self.freedom)
    }

    /// p-value of "the population's value is `bound` or more".
    #[must_use]
    pub fn below(&self, bound: f64) -> f64 {
        tail(bound - self.value, self.error, self.freedom)
    }
}

/// How likely Student's t is to exceed `distance` over `error`. On the bound
/// itself, without an error, nothing is shown.
fn tail(distance: f64, error: f64, freedom: f64) -> f64 {
    let t = distance / error;
    if t.is_nan() {
        return 1.0;
    }
    if t.is_infinite() {
        return if t > 0.0 { 0.0 } else { 1.0 };
    }
    StudentsT::new(0.0, 1.0, freedom).map_or(1.0, |student| student.sf(t))
}

/// The middle value, or the mean of the two in the middle.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values)?;
    let middle = sorted.len() / 2;
    Some(if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    })
}

/// The arithmetic mean.
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    let count = values.len() as f64;
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / count)
}

/// The standard deviation of a sample; none of fewer than two values.
#[must_use]
pub fn deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let freedom = values.len() - 1;
    (freedom > 0).then(|| (squares / freedom as f64).sqrt())
}

/// The mean of what is left when a fifth is taken from each end.
#[must_use]
pub fn trimmed_mean(values: &[f64]) -> Option<f64> {
    finite(trimmed(&sorted(values)?))
}

/// The values in order; nothing if there are none or one is not finite.
fn sorted(values: &[f64]) -> Option<Vec<f64>> {
    if values.is_empty() || !values.iter().all(|value| value.is_finite()) {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    Some(sorted)
}

/// How many values trimming takes from each end.
fn cut(count: usize) -> usize {
    (TRIM * count as f64) as usize
}

/// Trimmed mean of sorted values.
fn trimmed(sorted: &[f64]) -> f64 {
    let cut = cut(sorted.len());
    let kept = &sorted[cut..sorted.len() - cut];
    kept.iter().sum::<f64>() / kept.len() as f64
}

/// Standard error of the trimmed mean of sorted values.
fn standard_error(sorted: &[f64]) -> f64 {
    let cut = cut(sorted.len());
    let (low, high) = (sorted[cut], sorted[sorted.len() - 1 - cut]);
    let winsorised = || sorted.iter().map(|value| value.clamp(low, high));
    let centre = winsorised().sum::<f64>() / sorted.len() as f64;
    let squares: f64 = winsorised().map(|v| (v - centre).powi(2)).sum();
    let left = (sorted.len() - 2 * cut) as f64;
    (squares / (left * (left - 1.0))).sqrt()
}

/// Quantile of Student's t; `freedom` in degrees.
#[must_use]
pub fn quantile(share: f64, freedom: f64) -> Option<f64> {
    let student = StudentsT::new(0.0, 1.0, freedom).ok()?;
    finite(student.inverse_cdf(share))
}

/// The value if it is finite.
fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EIGHT: [f64; 8] = [1.02, 0.98, 1.05, 1.00, 0.97, 1.5, 1.01, 0.99];
    const THREE: [f64; 3] = [2.0, 2.5, 1.0];
    const ELEVEN: [f64; 11] =
        [3.1, -2.2, 4.5, 0.3, 1.1, 9.9, -7.5, 2.2, 2.4, 1.9, 0.05];

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * b.abs().max(1.0)
    }

    fn assert_yuen(values: &[f64], confidence: f64, want: [f64; 3]) {
        let got = Estimate::yuen(values, confidence).unwrap();
        let (low, high) = got.interval.unwrap();
        for (got, want) in [got.value, low, high].into_iter().zip(want) {
            assert!(near(got, want), "{got} is not {want}");
        }
    }

    // Reference: SciPy 1.17.1, trim_mean, mstats.winsorize and t.ppf.
    #[test]
    fn intervals_are_those_of_scipy() {
        assert_yuen(
            &EIGHT,
            0.99,
            [1.0083333333333333, 0.9532437724882667, 1.0634228941783999],
        );
        assert_yuen(
            &EIGHT,
            0.95,
            [1.0083333333333333, 0.9732124993204861, 1.0434541673461806],
        );
        assert_yuen(
            &THREE,
            0.99,
            [1.8333333333333333, -2.543111151823341, 6.209777818490007],
        );
        assert_yuen(
            &ELEVEN,
            0.99,
            [1.5785714285714287, -0.7788660097014697, 3.936008866844327],
        );
        assert_yuen(
            &ELEVEN,
            0.95,
            [1.5785714285714287, 0.022656769442988667, 3.1344860876998686],
        );
    }

    #[test]
    fn means_and_medians_are_those_of_scipy() {
        assert!(near(mean(&EIGHT).unwrap(), 1.065));
        assert!(near(median(&EIGHT).unwrap(), 1.005));
        assert!(near(median(&ELEVEN).unwrap(), 1.9));
        assert!(near(trimmed_mean(&ELEVEN).unwrap(), 1.5785714285714287));
    }

    #[test]
    fn quantiles_of_student_t_are_those_of_scipy() {
        for (freedom, want) in [
            (1.0, 63.656741162871526),
            (2.0, 9.924843200918291),
            (5.0, 4.032142983555228),
            (7.0, 3.4994832973504924),
            (100.0, 2.6258905214380173),
        ] {
            let got = quantile(0.995, freedom).unwrap();
            assert!(near(got, want), "{freedom}: {got} is not {want}");
        }
        // A third of one per cent, as three looks share it.
        for (freedom, want) in [
            (5.0, 5.247416865946066),
            (6.0, 4.697922498820375),
            (19.0, 3.3540361784427195),
        ] {
            let got = quantile(1.0 - 0.01 / 6.0, freedom).unwrap();
            assert!(near(got, want), "{freedom}: {got} is not {want}");
        }
    }

    // Reference: SciPy 1.17.1, t.sf; relative, for tails may be tiny.
    #[test]
    fn tails_of_student_t_are_those_of_scipy() {
        for (t, freedom, want) in [
            (0.0, 5.0, 0.5),
            (0.5, 1.0, 0.35241638234956674),
            (1.3, 2.0, 0.16162351590802015),
            (-2.5, 7.0, 0.9795038907071235),
            (3.3, 19.0, 0.0018826754382561264),
            (12.0, 5.0, 3.544746258580761e-05),
            (40.0, 6.0, 8.159180465271234e-09),
            (100.0, 3.0, 1.1022609615924553e-06),
        ] {
            let got = tail(t, 1.0, freedom);
            assert!((got / want - 1.0).abs() <= 1e-9, "{got} is not {want}");
        }
    }

    // Reference: SciPy 1.17.1, as above, and t.sf.
    #[test]
    fn one_sided_p_values_are_those_of_scipy() {
        for (values, bound, want) in [
            (&EIGHT[..], 0.95, 0.0039710398921099285),
            (&EIGHT[..], 1.1, 0.9994432020513953),
            (&ELEVEN[..], 0.0, 0.0238204605046102),
        ] {
            let sample = TrimmedT::new(values).unwrap();
            assert!(near(sample.above(bound), want));
            assert!(near(sample.below(bound), 1.0 - want));
        }
    }

    #[test]
    fn values_without_scatter_show_all_but_the_bound_itself() {
        let equal = TrimmedT::new(&[4.0; 8]).unwrap();
        assert_eq!([equal.above(3.0), equal.above(5.0)], [0.0, 1.0]);
        assert_eq!([equal.above(4.0), equal.below(4.0)], [1.0, 1.0]);
    }

    #[test]
    fn nothing_has_no_estimate() {
        assert_eq!(Estimate::yuen(&[], CONFIDENCE), None);
        assert_eq!(Estimate::yuen(&[1.0, f64::NAN], CONFIDENCE), None);
        assert_eq!(median(&[]), None);
        assert_eq!(mean(&[]), None);
        assert_eq!(trimmed_mean(&[f64::INFINITY]), None);
    }

    #[test]
    fn two_values_have_no_interval() {
        let two = Estimate::yuen(&[1.0, 2.0], CONFIDENCE).unwrap();
        assert_eq!(two, Estimate { value: 1.5, interval: None });
        assert_eq!(two.half_width(), None);
    }

    #[test]
    fn equal_values_have_an_interval_of_no_width() {
        let equal = Estimate::yuen(&[4.0; 8], CONFIDENCE).unwrap();
        assert_eq!(equal.interval, Some((4.0, 4.0)));
    }

    #[test]
    fn a_falling_scale_swaps_the_ends() {
        let cost = Estimate { value: 4.0, interval: Some((2.0, 5.0)) };
        let rate = cost.map(|ns| 1000.0 / ns).unwrap();
        assert_eq!(rate.interval, Some((200.0, 500.0)));
        assert_eq!(rate.half_width(), Some(250.0));
        assert_eq!(cost.map(|_| f64::NAN), None);
    }

    fn samples() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(-1e3..1e3f64, 3..40)
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-7 * (1.0 + a.abs().max(b.abs()))
    }

    fn same(a: Estimate, b: Estimate) -> bool {
        let (a_ends, b_ends) = (a.interval.unwrap(), b.interval.unwrap());
        close(a.value, b.value)
            && close(a_ends.0, b_ends.0)
            && close(a_ends.1, b_ends.1)
    }

    proptest! {
        #[test]
        fn scaling_the_values_scales_the_estimate(
            values in samples(), factor in -50.0..50.0f64,
        ) {
            let scaled: Vec<_> = values.iter().map(|v| v * factor).collect();
            let plain = Estimate::yuen(&values, CONFIDENCE).unwrap();
            prop_assert!(same(
                Estimate::yuen(&scaled, CONFIDENCE).unwrap(),
                plain.map(|v| v * factor).unwrap(),
            ));
        }

        #[test]
        fn changing_the_sign_mirrors_the_estimate(values in samples()) {
            let negated: Vec<_> = values.iter().map(|v| -v).collect();
            let plain = Estimate::yuen(&values, CONFIDENCE).unwrap();
            prop_assert!(same(
                Estimate::yuen(&negated, CONFIDENCE).unwrap(),
                plain.map(|v| -v).unwrap(),
            ));
        }

        #[test]
        fn order_does_not_matter(
            (values, shuffled) in samples()
                .prop_flat_map(|v| (Just(v.clone()), Just(v).prop_shuffle())),
        ) {
            prop_assert_eq!(
                Estimate::yuen(&values, CONFIDENCE),
                Estimate::yuen(&shuffled, CONFIDENCE)
            );
            prop_assert_eq!(median(&values), median(&shuffled));
        }

        #[test]
        fn the_value_lies_in_its_interval_and_among_the_values(
            values in samples(),
        ) {
            let got = Estimate::yuen(&values, CONFIDENCE).unwrap();
            let (low, high) = got.interval.unwrap();
            prop_assert!(low <= got.value && got.value <= high);
            let least = values.iter().copied().fold(f64::MAX, f64::min);
            let most = values.iter().copied().fold(f64::MIN, f64::max);
            prop_assert!(least - 1e-9 <= got.value);
            prop_assert!(got.value <= most + 1e-9);
        }
    }
}

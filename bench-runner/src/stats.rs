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
        let sorted = sorted(values)?;
        let value = finite(trimmed(&sorted))?;
        let interval = half_width(&sorted, confidence).and_then(|half| {
            Some((finite(value - half)?, finite(value + half)?))
        });
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

/// Half the width of Yuen's interval over sorted values.
fn half_width(sorted: &[f64], confidence: f64) -> Option<f64> {
    if sorted.len() < FEWEST {
        return None;
    }
    let cut = cut(sorted.len());
    let last = sorted.len() - 1 - cut;
    let winsorised: Vec<f64> = sorted
        .iter()
        .map(|value| value.clamp(sorted[cut], sorted[last]))
        .collect();
    let centre = mean(&winsorised)?;
    let squares: f64 = winsorised.iter().map(|v| (v - centre).powi(2)).sum();
    let left = (sorted.len() - 2 * cut) as f64;
    let error = (squares / (left * (left - 1.0))).sqrt();
    Some(error * student_t(f64::midpoint(1.0, confidence), left - 1.0)?)
}

/// Quantile of Student's t.
fn student_t(share: f64, freedom: f64) -> Option<f64> {
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
            let got = student_t(0.995, freedom).unwrap();
            assert!(near(got, want), "{freedom}: {got} is not {want}");
        }
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

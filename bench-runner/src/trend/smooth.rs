//! Values before change points are looked for: what stands alone is pulled
//! in.

use crate::stats::median;

/// Neighbours on each side by which a value is judged.
const REACH: usize = 3;

/// How far from the median of its neighbourhood a value may lie, in standard
/// deviations.
const LIMIT: f64 = 4.0;

/// Natural logarithms of ratios are told apart from here on: 0.01 %.
pub(super) const UNIT: f64 = 1e-4;

/// Of normally distributed values, the standard deviation over the median of
/// absolute deviations.
const NORMAL: f64 = 1.4826;

/// The values, of which those that stand alone are moved into the middle of
/// their neighbourhood (Hampel's filter): an outlier is no change, and a
/// change has more than one value on its side.
pub(super) fn smooth(values: &[f64]) -> Vec<f64> {
    let limit = LIMIT * noise(values);
    let pulled = values.iter().enumerate().map(|(at, value)| {
        let from = at.saturating_sub(REACH);
        let to = (at + REACH + 1).min(values.len());
        let middle = median(&values[from..to]).unwrap_or(*value);
        if (value - middle).abs() > limit { middle } else { *value }
    });
    pulled.collect()
}

/// Standard deviation of the values around levels that change now and then:
/// from the differences of neighbours, which a change touches once.
pub(super) fn noise(values: &[f64]) -> f64 {
    let steps = values.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    let steps: Vec<_> = steps.collect();
    let step = median(&steps).unwrap_or(0.0);
    (step * NORMAL / std::f64::consts::SQRT_2).max(UNIT)
}

#[cfg(test)]
mod tests {
    use super::super::simulation::Series;
    use super::*;

    #[test]
    fn an_outlier_is_pulled_in_and_a_step_stays() {
        let mut values = Series::new(1).steps(60, &[(30, 0.03)], 0.003);
        let plain = smooth(&values);
        let moved = plain.iter().zip(&values).filter(|(a, b)| a != b).count();
        assert!(moved <= 1, "{moved}");
        values[10] += 0.5;
        let smoothed = smooth(&values);
        assert!(smoothed[10] < 0.03, "{}", smoothed[10]);
    }

    #[test]
    fn noise_does_not_see_steps() {
        let values = Series::new(2).steps(400, &[(200, 0.5)], 0.01);
        let noise = noise(&values);
        assert!((0.008..0.012).contains(&noise), "{noise}");
        assert_eq!(super::noise(&[1.0; 20]), UNIT);
        assert_eq!(super::noise(&[]), UNIT);
    }
}

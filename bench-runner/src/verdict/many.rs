//! Many comparisons at once.

/// Holm's adjusted p-values, in the order of `p`.
///
/// To reject where the adjusted value is at most `a` makes a false rejection
/// among all of them with probability `a` at most, however they depend on each
/// other (Holm, Scandinavian Journal of Statistics 6, 1979).
#[must_use]
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![0.0; p.len()];
    let mut floor: f64 = 0.0;
    for (rank, index) in ascending(p).into_iter().enumerate() {
        let left = (p.len() - rank) as f64;
        floor = floor.max((p[index] * left).min(1.0));
        adjusted[index] = floor;
    }
    adjusted
}

/// Benjamini and Hochberg's adjusted p-values, in the order of `p`.
///
/// To reject where the adjusted value is at most `q` keeps the expected share
/// of false rejections among all rejections at `q` or below, for independent
/// and for positively dependent p-values (Journal of the Royal Statistical
/// Society B 57, 1995).
#[must_use]
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![0.0; p.len()];
    let mut ceiling: f64 = 1.0;
    for (rank, index) in ascending(p).into_iter().enumerate().rev() {
        let share = p.len() as f64 / (rank + 1) as f64;
        ceiling = ceiling.min(p[index] * share);
        adjusted[index] = ceiling;
    }
    adjusted
}

/// Which cells of a matrix are marked: those whose two-sided p-value passes
/// Benjamini and Hochberg's procedure at a false-discovery rate of `rate`.
#[must_use]
pub fn discoveries(p: &[f64], rate: f64) -> Vec<bool> {
    benjamini_hochberg(p).into_iter().map(|p| p <= rate).collect()
}

/// The places of `p`, the smallest value first.
fn ascending(p: &[f64]) -> Vec<usize> {
    let mut order: Vec<_> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: [f64; 9] = [0.01, 0.04, 0.03, 0.005, 0.2, 0.0004, 0.04, 0.9, 0.6];

    fn assert_near(got: &[f64], want: &[f64]) {
        assert_eq!(got.len(), want.len());
        for (got, want) in got.iter().zip(want) {
            assert!((got - want).abs() <= 1e-9, "{got} is not {want}");
        }
    }

    // Reference: statsmodels 0.15.0, multipletests with "holm".
    #[test]
    fn holm_is_that_of_statsmodels() {
        let want = [0.07, 0.2, 0.18, 0.04, 0.6, 0.0036, 0.2, 1.0, 1.0];
        assert_near(&holm(&P), &want);
        assert_near(&holm(&[]), &[]);
    }

    // Reference: SciPy 1.17.1, false_discovery_control, and statsmodels.
    #[test]
    fn false_discoveries_are_those_of_scipy() {
        let want = [
            0.03,
            0.06,
            0.06,
            0.0225,
            0.2571428571428572,
            0.0036,
            0.06,
            0.9,
            0.675,
        ];
        assert_near(&benjamini_hochberg(&P), &want);
        let marked = discoveries(&P, 0.05);
        assert_eq!(marked.iter().filter(|&&marked| marked).count(), 3);
        assert!(marked[0] && marked[3] && marked[5]);
    }
}

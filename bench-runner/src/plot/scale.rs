//! From values to shares of an axis, and which values bear a number.

/// How an axis runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Equal steps for equal differences.
    Linear,
    /// Equal steps for equal factors; above zero.
    Log,
    /// The same, with numbers at powers of two.
    Log2,
    /// Percentiles, with equal steps for each further nine: 0, 90, 99, 99.9.
    Percentile,
}

/// What an axis shows at least, in decades behind the comma.
const LEAST_NINES: f64 = 2.0;

/// Most steps between numbers at powers of two.
const MOST_POWERS: i32 = 12;

/// From end to end of an axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Span {
    scale: Scale,
    low: f64,
    high: f64,
    ticks: Vec<(f64, String)>,
}

impl Span {
    /// An axis for these values; those that it cannot show are not among
    /// them.
    pub(super) fn of(scale: Scale, values: impl Iterator<Item = f64>) -> Self {
        let values = values.filter(|value| value.is_finite());
        let (least, most) = values
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        let (least, most) = match least <= most {
            true => (least, most),
            false => (1.0, 1.0),
        };
        match scale {
            Scale::Linear => Self::linear(least, most),
            Scale::Log => Self::log(least, most),
            Scale::Log2 => Self::log2(least, most),
            Scale::Percentile => Self::percentile(most),
        }
    }

    fn linear(least: f64, most: f64) -> Self {
        let low = if least > 0.0 && least < most / 2.0 { 0.0 } else { least };
        let reach = if most > low { most - low } else { 1.0 };
        let step = step(reach);
        let first = (low / step).floor();
        let last = (most / step - 1e-9).ceil().max(first + 1.0);
        let count = (last - first).round() as u32;
        let ticks = (0..=count).map(|number| {
            let value = (first + f64::from(number)) * step;
            (value, plain(value))
        });
        let (low, high) = (first * step, last * step);
        Self { scale: Scale::Linear, low, high, ticks: ticks.collect() }
    }

    fn log(least: f64, most: f64) -> Self {
        // Ends are 1, 2 or 5 times a power of ten.
        let all: Vec<f64> = (-6..=12)
            .flat_map(|decade| [1.0, 2.0, 5.0].map(|f| f * ten_to(decade)))
            .collect();
        let below = all.partition_point(|tick| *tick <= least * 1.0001);
        let above = all.partition_point(|tick| *tick < most * 0.9999);
        let low = below.saturating_sub(1).min(all.len() - 2);
        let high = above.clamp(low + 1, all.len() - 1);
        let shown = &all[low..=high];
        let is_ten =
            |tick: &f64| (tick.log10() - tick.log10().round()).abs() < 1e-9;
        let few = shown.len() <= 10;
        let ticks = shown.iter().filter(|tick| few || is_ten(tick));
        let ticks = ticks.map(|tick| (*tick, plain(*tick))).collect();
        let (low, high) = (all[low], all[high]);
        Self { scale: Scale::Log, low, high, ticks }
    }

    fn log2(least: f64, most: f64) -> Self {
        let low = least.max(1e-6).log2().floor() as i32;
        let high = (most.max(1e-6).log2().ceil() as i32).max(low + 1);
        let every = (high - low) / MOST_POWERS + 1;
        let powers = (low..=high).step_by(every as usize);
        let ticks = powers.map(|power| {
            let value = f64::from(power).exp2();
            (value, plain(value))
        });
        let ends = [low, high].map(|power| f64::from(power).exp2());
        let (low, high) = (ends[0], ends[1]);
        Self { scale: Scale::Log2, low, high, ticks: ticks.collect() }
    }

    fn percentile(most: f64) -> Self {
        let high = nines(most).clamp(LEAST_NINES, 9.0);
        let mut ticks = vec![(0.0, "0".to_owned()), (50.0, "50".to_owned())];
        for nine in 1..=9 {
            let value = 100.0 * (1.0 - ten_to(-nine));
            if nines(value) <= high + 0.05 {
                let decimals = (nine - 2).max(0) as usize;
                ticks.push((value, format!("{value:.decimals$}")));
            }
        }
        Self { scale: Scale::Percentile, low: 0.0, high, ticks }
    }

    /// Where a value stands, from 0 to 1; what is outside stands at an end.
    pub(super) fn share(&self, value: f64) -> f64 {
        let on = |value: f64| match self.scale {
            Scale::Linear => value,
            Scale::Log | Scale::Log2 => value.max(1e-6).log10(),
            Scale::Percentile => nines(value),
        };
        let (low, high) = match self.scale {
            Scale::Percentile => (self.low, self.high),
            _ => (on(self.low), on(self.high)),
        };
        ((on(value) - low) / (high - low)).clamp(0.0, 1.0)
    }

    /// Values that bear a number, with their text.
    pub(super) fn ticks(&self) -> &[(f64, String)] {
        &self.ticks
    }
}

/// How many nines a percentile has: 0 for 0, 1 for 90, 2 for 99.
fn nines(percentile: f64) -> f64 {
    -((1.0 - percentile / 100.0).max(1e-12)).log10()
}

fn ten_to(decade: i32) -> f64 {
    // By text, for the powers below one would be off by a bit.
    format!("1e{decade}").parse().unwrap_or(1.0)
}

/// A round number that fits five to ten times into the range.
pub(super) fn step(reach: f64) -> f64 {
    if reach <= 0.0 {
        return 1.0;
    }
    let rough = reach / 7.0;
    let decade = 10f64.powi(rough.log10().floor() as i32);
    let factors = [1.0, 2.0, 2.5, 5.0, 10.0];
    let fits = factors.iter().find(|f| **f * decade >= rough);
    fits.unwrap_or(&10.0) * decade
}

/// A number without more digits than it needs.
fn plain(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(span: &Span) -> Vec<&str> {
        span.ticks().iter().map(|(_, text)| &**text).collect()
    }

    #[test]
    fn percentiles_are_as_far_apart_as_their_nines() {
        let span = Span::of(Scale::Percentile, [99.999].into_iter());
        assert_eq!(
            texts(&span),
            ["0", "50", "90", "99", "99.9", "99.99", "99.999"]
        );
        let shares =
            [0.0, 90.0, 99.0, 99.9, 99.99, 99.999].map(|p| span.share(p));
        for (share, fifth) in shares.iter().zip(0..) {
            assert!((share - f64::from(fifth) / 5.0).abs() < 1e-6, "{share}");
        }
    }

    #[test]
    fn factors_are_equal_steps() {
        let span = Span::of(Scale::Log, [0.04, 37.0].into_iter());
        assert_eq!(texts(&span), ["0.1", "1", "10"]);
        let one = span.share(1.0) - span.share(0.1);
        assert!((span.share(10.0) - span.share(1.0) - one).abs() < 1e-9);
        let near = Span::of(Scale::Log, [3.0, 4.0].into_iter());
        assert_eq!(texts(&near), ["2", "5"]);
    }

    #[test]
    fn batch_sizes_bear_their_numbers() {
        let span = Span::of(Scale::Log2, [1.0, 256.0].into_iter());
        let all = ["1", "2", "4", "8", "16", "32", "64", "128", "256"];
        assert_eq!(texts(&span), all);
    }

    #[test]
    fn differences_are_equal_steps() {
        let span = Span::of(Scale::Linear, [1.0, 32.0].into_iter());
        assert_eq!(texts(&span).first(), Some(&"0"));
        assert!((span.share(20.0) - 2.0 * span.share(10.0)).abs() < 1e-9);
        let far = Span::of(Scale::Linear, [120.0, 145.0].into_iter());
        assert_eq!(texts(&far)[0], "120");
    }

    proptest! {
        #[test]
        fn every_value_has_a_place(
            values in prop::collection::vec(1e-3..1e9f64, 0..10), kind in 0..4,
        ) {
            let scale = [
                Scale::Linear,
                Scale::Log,
                Scale::Log2,
                Scale::Percentile,
            ][kind as usize];
            let span = Span::of(scale, values.iter().copied());
            prop_assert!(span.ticks().len() <= 20);
            prop_assert!(!span.ticks().is_empty());
            for value in values {
                prop_assert!((0.0..=1.0).contains(&span.share(value)));
            }
        }
    }
}

//! What a search looks for.

use crate::failure::Failure;

/// Coarser targets before a goal.
const COARSER: i32 = 2;

/// A search goal (RFC 9971, 4.6.7).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// The share of lost frames up to which a trial is good.
    pub loss_ratio: f64,
    /// The share of time that bad trials may take at a lower bound.
    pub exceed_ratio: f64,
    /// How far apart the bounds may be, as a share of the upper one.
    pub width: f64,
    /// Seconds of the shortest trials that are made for this goal.
    pub initial_seconds: f64,
    /// Seconds of a full-length trial.
    pub final_seconds: f64,
    /// Seconds of full-length trials that decide about a load.
    pub sum_seconds: f64,
}

impl Goal {
    /// No loss, with the values of FD.io CSIT: of 21 trials of a second each
    /// more than half are good, and bounds are 0.5 % apart.
    pub const NDR: Self = Self {
        loss_ratio: 0.0,
        exceed_ratio: 0.5,
        width: 0.005,
        initial_seconds: 1.0,
        final_seconds: 1.0,
        sum_seconds: 21.0,
    };

    /// Half a per cent of loss, the rest as for [`Self::NDR`].
    pub const PDR: Self = Self { loss_ratio: 0.005, ..Self::NDR };

    /// The same with all trials so many times as long.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self {
            initial_seconds: self.initial_seconds * factor,
            final_seconds: self.final_seconds * factor,
            sum_seconds: self.sum_seconds * factor,
            ..self
        }
    }

    /// Whether it can be searched for.
    ///
    /// # Errors
    ///
    /// When a ratio or a duration is out of bounds (RFC 9971, 4.6).
    pub fn check(&self) -> Result<(), Failure> {
        let share = 0.0..1.0;
        if !share.contains(&self.loss_ratio) {
            return Err(wrong("loss ratio", self.loss_ratio, "0 to below 1"));
        }
        if !share.contains(&self.exceed_ratio) {
            let exceed = self.exceed_ratio;
            return Err(wrong("exceed ratio", exceed, "0 to below 1"));
        }
        if !(1e-6..=0.5).contains(&self.width) {
            return Err(wrong("width", self.width, "0.000001 to 0.5"));
        }
        let Self { initial_seconds, final_seconds, sum_seconds, .. } = *self;
        let ordered = 0.0 < initial_seconds
            && initial_seconds <= final_seconds
            && final_seconds <= sum_seconds
            && sum_seconds.is_finite();
        match ordered {
            true => Ok(()),
            false => Err(Failure::error(format!(
                "trials of {initial_seconds} to {final_seconds} s and \
                 {sum_seconds} s in sum: must be above 0 and ascend"
            ))),
        }
    }

    /// The goals on the way to this one, which comes last. Each is half as
    /// wide as the one before and decides on more seconds of trials.
    pub(super) fn targets(&self) -> Vec<Self> {
        let growth = self.initial_seconds / self.sum_seconds;
        let target = |before: i32| {
            let share = f64::from(before) / f64::from(COARSER);
            let sum_seconds = match before {
                0 => self.sum_seconds,
                COARSER => self.initial_seconds,
                _ => self.sum_seconds * growth.powf(share),
            };
            let final_seconds = self.final_seconds.min(sum_seconds);
            let width = (self.width * 2f64.powi(before)).min(0.5);
            Self { width, final_seconds, sum_seconds, ..*self }
        };
        (0..=COARSER).rev().map(target).collect()
    }
}

fn wrong(what: &str, value: f64, bounds: &str) -> Failure {
    Failure::error(format!("{what} {value}: must be from {bounds}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_become_narrower_and_longer_up_to_the_goal() {
        let goal = Goal { initial_seconds: 0.25, ..Goal::PDR };
        let targets = goal.targets();
        assert_eq!(targets.last(), Some(&goal));
        let widths: Vec<_> = targets.iter().map(|t| t.width).collect();
        assert_eq!(widths, [0.02, 0.01, 0.005]);
        let first = targets[0];
        assert_eq!((first.final_seconds, first.sum_seconds), (0.25, 0.25));
        for pair in targets.windows(2) {
            assert!(pair[0].sum_seconds < pair[1].sum_seconds);
            assert!(pair[0].final_seconds <= pair[1].final_seconds);
        }
        assert!(targets.iter().all(|target| target.check().is_ok()));
    }

    #[test]
    fn what_cannot_be_searched_for_is_refused() {
        let bad = [
            Goal { loss_ratio: 1.0, ..Goal::NDR },
            Goal { loss_ratio: f64::NAN, ..Goal::NDR },
            Goal { exceed_ratio: -0.1, ..Goal::NDR },
            Goal { width: 0.0, ..Goal::NDR },
            Goal { initial_seconds: 0.0, ..Goal::NDR },
            Goal { final_seconds: 0.5, ..Goal::NDR },
            Goal { sum_seconds: 0.5, ..Goal::NDR },
            Goal::NDR.scaled(f64::INFINITY),
        ];
        assert!(bad.iter().all(|goal| goal.check().is_err()));
        assert!(Goal::NDR.scaled(1e-3).check().is_ok());
    }
}

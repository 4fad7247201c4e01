//! All trials of a search, by load.

use std::collections::BTreeMap;

use super::class::{Class, classify, conditional_throughput};
use super::goal::Goal;
use super::trial::Trial;

/// The relevant bounds of a goal, as numbers of loads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bounds {
    /// The largest lower bound below the upper one (RFC 9971, 4.8.2).
    pub lower: Option<u32>,
    /// The smallest upper bound (RFC 9971, 4.8.1).
    pub upper: Option<u32>,
}

impl Bounds {
    /// Whether they are at most so many steps apart.
    pub fn within(&self, steps: u32) -> bool {
        match (self.lower, self.upper) {
            (Some(lower), Some(upper)) => upper - lower <= steps,
            _ => false,
        }
    }

    /// Whether a load lies between them, or on the side that has none.
    pub fn enclose(&self, load: u32) -> bool {
        self.lower.is_none_or(|lower| lower < load)
            && self.upper.is_none_or(|upper| load < upper)
    }
}

/// Trials by the number of their load.
#[derive(Clone, Debug, Default)]
pub(super) struct Trials(BTreeMap<u32, Vec<Trial>>);

impl Trials {
    pub fn add(&mut self, number: u32, trial: Trial) {
        self.0.entry(number).or_default().push(trial);
    }

    /// The relevant bounds of a goal. A good load above a bad one does not
    /// count.
    pub fn bounds(&self, goal: &Goal) -> Bounds {
        let mut bounds = Bounds::default();
        for (&number, trials) in &self.0 {
            match classify(trials, goal) {
                Class::Lower => bounds.lower = Some(number),
                Class::Upper => {
                    bounds.upper = Some(number);
                    break;
                }
                Class::Undecided => {}
            }
        }
        bounds
    }

    /// What a goal may expect to be forwarded at one of the loads.
    pub fn conditional_throughput(
        &self,
        number: u32,
        goal: &Goal,
    ) -> Option<f64> {
        let trials = self.0.get(&number)?;
        let load = trials.first()?.load;
        Some(conditional_throughput(load, trials, goal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(loads: &[(u32, u64)]) -> Trials {
        let mut record = Trials::default();
        for &(number, lost) in loads {
            let load = 1000.0 + f64::from(number);
            let (offered, forwarded) = (1000, 1000 - lost);
            let seconds = 1.0;
            let trial = Trial { load, seconds, offered, forwarded, lost };
            record.add(number, trial);
        }
        record
    }

    const GOAL: Goal = Goal { sum_seconds: 1.0, ..Goal::NDR };

    #[test]
    fn a_good_load_above_a_bad_one_does_not_count() {
        let record = record(&[(1, 0), (4, 0), (6, 9), (8, 0), (9, 9)]);
        let bounds = record.bounds(&GOAL);
        assert_eq!((bounds.lower, bounds.upper), (Some(4), Some(6)));
        let rate = record.conditional_throughput(4, &GOAL);
        assert_eq!(rate, Some(1004.0));
        assert_eq!(record.conditional_throughput(5, &GOAL), None);
    }

    #[test]
    fn bounds_may_be_missing_on_either_side() {
        let none = record(&[]).bounds(&GOAL);
        assert_eq!(none, Bounds::default());
        assert!(none.enclose(7) && !none.within(7));
        let lower = record(&[(3, 0)]).bounds(&GOAL);
        assert_eq!((lower.lower, lower.upper), (Some(3), None));
        assert!(!lower.enclose(3) && lower.enclose(4));
        let upper = record(&[(3, 1)]).bounds(&GOAL);
        assert_eq!((upper.lower, upper.upper), (None, Some(3)));
        assert!(!upper.enclose(3) && upper.enclose(2));
    }
}

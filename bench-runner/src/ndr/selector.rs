//! Which trial would help one goal most.

use super::goal::Goal;
use super::grid::Grid;
use super::trials::{Bounds, Trials};

/// A trial that a goal asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Wish {
    /// Number of the load.
    pub load: u32,
    /// How long it is to be.
    pub seconds: f64,
}

/// The wishes of one goal. It passes through coarser targets first; what they
/// found is a hint to the next one.
#[derive(Clone, Debug)]
pub(super) struct Selector {
    targets: Vec<Goal>,
    /// The present one of them.
    at: usize,
    /// Where the target before found its bounds.
    hint: Bounds,
}

impl Selector {
    /// A selector that starts with an interval in which to look.
    pub fn new(goal: &Goal, hint: Bounds) -> Self {
        Self { targets: goal.targets(), at: 0, hint }
    }

    /// The next trial; none when the goal has its answer. A load that is
    /// wished for is undecided, and the trial is full-length to the target:
    /// so there is an end to it.
    pub fn wish(&mut self, record: &Trials, grid: &Grid) -> Option<Wish> {
        loop {
            let target = self.targets[self.at];
            let width = grid.steps(target.width);
            let bounds = record.bounds(&target);
            if let Some(load) = self.load(bounds, width, grid) {
                return Some(Wish { load, seconds: target.final_seconds });
            }
            if self.at + 1 == self.targets.len() {
                return None;
            }
            self.at += 1;
            self.hint = bounds;
        }
    }

    /// The load to try next: the middle of the hint, if half of it will do,
    /// then its ends, and then what lies beyond them.
    fn load(&self, bounds: Bounds, width: u32, grid: &Grid) -> Option<u32> {
        if bounds.within(width) {
            return None;
        }
        let halved = match (self.hint.lower, self.hint.upper) {
            (Some(low), Some(high))
                if (width + 1..=2 * width).contains(&(high - low)) =>
            {
                Some(low + (high - low) / 2)
            }
            _ => None,
        };
        let onwards = self.onwards(bounds, width, grid);
        [halved, self.hint.lower, self.hint.upper, Some(onwards)]
            .into_iter()
            .flatten()
            .find(|&load| bounds.enclose(load))
    }

    /// A load away from the hint, twice as far each time, until there is a
    /// bound on that side; then the middle.
    fn onwards(&self, bounds: Bounds, width: u32, grid: &Grid) -> u32 {
        let (low, high) = (self.hint.lower, self.hint.upper);
        let up = |lower: u32| {
            let from = low.or(high).unwrap_or(lower);
            let step = lower.saturating_sub(from).max(2 * width);
            near_end(lower.saturating_add(step), grid.top(), width)
        };
        let down = |upper: u32| {
            let from = high.or(low).unwrap_or(upper);
            let step = from.saturating_sub(upper).max(2 * width);
            let load = upper.saturating_sub(step);
            if load < width { 0 } else { load }
        };
        match (bounds.lower, bounds.upper) {
            (None, None) => grid.top(),
            (Some(lower), None) => up(lower),
            (None, Some(upper)) => down(upper),
            (Some(lower), Some(upper)) => {
                let middle = lower + (upper - lower) / 2;
                if high.is_some_and(|high| lower >= high) {
                    middle.min(up(lower))
                } else if low.is_some_and(|low| upper <= low) {
                    middle.max(down(upper))
                } else {
                    middle
                }
            }
        }
    }
}

/// The load, or the end of all loads where hardly anything is left to it.
fn near_end(load: u32, end: u32, width: u32) -> u32 {
    if load.saturating_add(width) > end { end } else { load }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ndr::trial::Trial;

    const GOAL: Goal = Goal { sum_seconds: 1.0, ..Goal::NDR };

    /// A search for one goal, on a device whose largest good load is `knee`.
    fn search(knee: u32, hint: Bounds) -> (Vec<u32>, Bounds) {
        let grid = Grid::new(1e3, 1e6, GOAL.width);
        let mut selector = Selector::new(&GOAL, hint);
        let mut record = Trials::default();
        let mut loads = Vec::new();
        while let Some(Wish { load, seconds }) = selector.wish(&record, &grid) {
            let lost = u64::from(load > knee);
            let rate = grid.load(load);
            let (offered, forwarded) = (1000, 1000 - lost);
            let trial = Trial { load: rate, seconds, offered, forwarded, lost };
            record.add(load, trial);
            loads.push(load);
        }
        (loads, record.bounds(&GOAL))
    }

    fn hint(lower: u32, upper: u32) -> Bounds {
        Bounds { lower: Some(lower), upper: Some(upper) }
    }

    #[test]
    fn a_good_hint_needs_few_loads() {
        let (loads, bounds) = search(50_000, hint(49_900, 50_100));
        assert!(loads.len() <= 6, "{loads:?}");
        assert!(bounds.lower.is_some_and(|lower| lower <= 50_000));
        assert!(bounds.upper.is_some_and(|upper| upper > 50_000));
    }

    #[test]
    fn a_bad_hint_is_left_in_growing_steps() {
        for knee in [0, 7, 20_000, 80_000, 170_000] {
            let (loads, bounds) = search(knee, hint(49_900, 50_100));
            assert!(loads.len() < 40, "{knee}: {loads:?}");
            assert!(bounds.within(128), "{knee}: {bounds:?}");
        }
    }

    #[test]
    fn at_the_ends_a_bound_stays_away() {
        let grid = Grid::new(1e3, 1e6, GOAL.width);
        let (_, all_good) = search(u32::MAX, hint(49_900, 50_100));
        let only_lower = Bounds { lower: Some(grid.top()), upper: None };
        assert_eq!(all_good, only_lower);
    }
}

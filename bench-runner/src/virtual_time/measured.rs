//! Costs of batches just as they were replayed.

use std::collections::BTreeMap;

use super::costs::Costs;
use super::replayed::Replayed;
use crate::measure::Step;

/// Costs for a queueing run.
///
/// A batch costs the median of all replayed batches with its fill, and what
/// the batches that began within its packets cost beyond their own medians.
/// So a batch that was replayed just as it is taken costs what it cost there,
/// and a pause stays with the packets that it fell on when fills move.
#[derive(Clone, Debug)]
pub struct MeasuredCosts {
    by_fill: BTreeMap<u16, f64>,
    /// Packets before a replayed batch, and its cost beyond the median.
    excess: Vec<(u64, f64)>,
    poll_ps: f64,
    /// Packets so far.
    packets: u64,
    /// The next entry of `excess`.
    next: usize,
}

impl MeasuredCosts {
    /// Costs by fill alone.
    #[must_use]
    pub fn by_fill(steps: &[Step], replayed: &Replayed) -> Self {
        let mut of_fill: BTreeMap<u16, Vec<f64>> = BTreeMap::new();
        for (step, ps) in steps.iter().zip(&replayed.step_ps) {
            of_fill.entry(step.fill).or_default().push(*ps);
        }
        let median = |(fill, mut costs): (u16, Vec<f64>)| {
            let middle = costs.len() / 2;
            let by = f64::total_cmp;
            (fill, *costs.select_nth_unstable_by(middle, by).1)
        };
        Self {
            by_fill: of_fill.into_iter().map(median).collect(),
            excess: Vec::new(),
            poll_ps: replayed.poll_ps,
            packets: 0,
            next: 0,
        }
    }

    /// Costs of the replayed `steps`; those of other fills as `self` has
    /// them.
    #[must_use]
    pub fn refined(&self, steps: &[Step], replayed: &Replayed) -> Self {
        let new = Self::by_fill(steps, replayed);
        let mut by_fill = self.by_fill.clone();
        by_fill.extend(new.by_fill);
        let mut packets = 0;
        let excess = steps.iter().zip(&replayed.step_ps).map(|(step, ps)| {
            let at = packets;
            packets += u64::from(step.fill);
            (at, ps - by_fill[&step.fill])
        });
        let excess = excess.collect();
        Self { by_fill, excess, ..new }
    }

    /// The cost of a fill: between two known ones on the line through them.
    fn of_fill(&self, fill: u16) -> f64 {
        if let Some(ps) = self.by_fill.get(&fill) {
            return *ps;
        }
        let below = self.by_fill.range(..fill).next_back();
        let above = self.by_fill.range(fill..).next();
        match (below, above) {
            (Some((x0, y0)), Some((x1, y1))) => {
                let share = f64::from(fill - x0) / f64::from(x1 - x0);
                y0 + share * (y1 - y0)
            }
            (Some((x, y)), None) | (None, Some((x, y))) => {
                y * f64::from(fill) / f64::from(*x)
            }
            (None, None) => self.poll_ps,
        }
    }
}

impl Costs for MeasuredCosts {
    fn poll(&self) -> u64 {
        (self.poll_ps.round() as u64).max(1)
    }

    fn batch(&mut self, step: Step) -> u64 {
        let mut ps = self.of_fill(step.fill);
        self.packets += u64::from(step.fill);
        while let Some((at, excess)) = self.excess.get(self.next)
            && *at < self.packets
        {
            ps += excess;
            self.next += 1;
        }
        (ps.round() as u64).max(self.poll())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(fill: u16) -> Step {
        Step { port: 0, fill, after_idle: false }
    }

    fn replayed(step_ps: &[f64]) -> Replayed {
        Replayed { step_ps: step_ps.to_vec(), poll_ps: 10.0 }
    }

    #[test]
    fn the_replayed_steps_cost_what_they_cost() {
        let steps = [step(1), step(2), step(1), step(1), step(2)];
        let seen = [100.0, 150.0, 900.0, 104.0, 170.0];
        let costs = replayed(&seen);
        let first = MeasuredCosts::by_fill(&steps, &costs);
        let mut refined = first.refined(&steps, &costs);
        let again = steps.map(|step| refined.batch(step) as f64);
        assert_eq!(again, seen);
    }

    #[test]
    fn a_pause_stays_with_its_packets_when_fills_move() {
        let steps = [step(1), step(1), step(1), step(1), step(1), step(1)];
        let costs = replayed(&[100.0, 100.0, 100.0, 5100.0, 100.0, 100.0]);
        let mut known = MeasuredCosts::by_fill(&steps, &costs);
        known.by_fill.insert(2, 150.0);
        let mut refined = known.refined(&steps, &costs);
        let pairs = [2, 2, 2].map(|fill| refined.batch(step(fill)));
        assert_eq!(pairs, [150, 5150, 150]);
        // Beyond what was replayed there are no pauses.
        assert_eq!(refined.batch(step(1)), 100);
    }

    #[test]
    fn unknown_fills_lie_between_known_ones() {
        let steps = [step(2), step(4)];
        let mut costs =
            MeasuredCosts::by_fill(&steps, &replayed(&[200.0, 300.0]));
        let fills = [1, 2, 3, 4, 8].map(|fill| costs.batch(step(fill)));
        assert_eq!(fills, [100, 200, 250, 300, 600]);
        assert_eq!(costs.poll(), 10);
    }
}

//! What batches cost, from replays of batches on the driver.

use std::collections::BTreeMap;

use super::queue::Costs;
use crate::measure::{Replay, Step};

/// Picoseconds of a second.
const PS: f64 = 1e12;

/// Costs of replayed batches: a median per step.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// Picoseconds of each step.
    pub step_ps: Vec<f64>,
    /// Picoseconds of a poll that finds nothing.
    pub poll_ps: f64,
}

impl Replayed {
    /// The medians over `replays` of the same steps. A pause of the host
    /// falls on another step in each, one of the driver on the same.
    ///
    /// What makes everything slow for a while, such as a lower frequency or a
    /// neighbour on the same core, is taken out: a tick is so many
    /// picoseconds in a replay whose full turns take `turn_ticks`.
    ///
    /// # Panics
    ///
    /// Without a replay, or where they are not of the same steps.
    #[must_use]
    pub fn of(replays: &[Replay], turn_ticks: f64, tick_hz: f64) -> Self {
        let ps =
            |replay: &Replay| turn_ticks / replay.turn_ticks * PS / tick_hz;
        let ps: Vec<_> = replays.iter().map(ps).collect();
        let steps = replays[0].ticks.len();
        let mut all = vec![0.0; replays.len()];
        let middle = replays.len() / 2;
        let step_ps = (0..steps).map(|step| {
            for (one, (replay, ps)) in
                all.iter_mut().zip(replays.iter().zip(&ps))
            {
                *one = f64::from(replay.ticks[step]) * ps;
            }
            *all.select_nth_unstable_by(middle, f64::total_cmp).1
        });
        let step_ps = step_ps.collect();
        let polls = replays.iter().zip(&ps);
        let mut polls: Vec<_> =
            polls.map(|(replay, ps)| replay.poll_ticks * ps).collect();
        let by = f64::total_cmp;
        let poll_ps = *polls.select_nth_unstable_by(middle, by).1;
        Self { step_ps, poll_ps }
    }

    /// Packets per second of batches one after the other.
    #[must_use]
    pub fn rate(&self, steps: &[Step]) -> f64 {
        let packets: f64 = steps.iter().map(|s| f64::from(s.fill)).sum();
        packets * PS / self.step_ps.iter().sum::<f64>().max(1.0)
    }
}

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

/// How far the fills of two runs are apart: by how much the batch of a packet
/// is larger or smaller, on average, as a share of its size before.
///
/// That is the earth mover's distance of the two distributions.
#[must_use]
pub fn moved(before: &[Step], after: &[Step]) -> f64 {
    let shares = |steps: &[Step]| {
        let mut packets = vec![0.0; usize::from(u16::MAX) + 1];
        for step in steps {
            packets[usize::from(step.fill)] += f64::from(step.fill);
        }
        let all: f64 = packets.iter().sum();
        packets.iter_mut().for_each(|share| *share /= all.max(1.0));
        packets
    };
    let (before, after) = (shares(before), shares(after));
    let (mut carried, mut way, mut mean) = (0.0, 0.0, 0.0);
    for (fill, (old, new)) in (0..).zip(before.iter().zip(&after)) {
        carried += old - new;
        way += f64::abs(carried);
        mean += f64::from(fill) * old;
    }
    // Less than a millionth is rounding.
    let share: f64 = way / f64::max(mean, 1.0);
    if share < 1e-6 { 0.0 } else { share }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(fill: u16) -> Step {
        Step { port: 0, fill, after_idle: false }
    }

    fn replay(ticks: &[u32]) -> Replay {
        let ticks = ticks.to_vec();
        Replay { ticks, poll_ticks: 4.0, turn_ticks: 1000.0 }
    }

    fn replayed(step_ps: &[f64]) -> Replayed {
        Replayed { step_ps: step_ps.to_vec(), poll_ps: 10.0 }
    }

    #[test]
    fn what_befalls_one_replay_is_no_cost_and_what_befalls_all_is() {
        let replays = [
            replay(&[10, 9000, 500, 10]),
            replay(&[10, 11, 510, 10]),
            replay(&[9999, 12, 505, 9]),
        ];
        let costs = Replayed::of(&replays, 1000.0, 1e12);
        assert_eq!(costs.step_ps, [10.0, 12.0, 505.0, 10.0]);
        assert_eq!(costs.poll_ps, 4.0);
        let faster = Replayed::of(&replays, 1000.0, 2e12);
        assert_eq!(faster.step_ps[2], 252.5);
    }

    #[test]
    fn a_slow_moment_of_the_machine_costs_no_more() {
        let slow = Replay { turn_ticks: 2000.0, ..replay(&[20, 22]) };
        let costs = Replayed::of(&[replay(&[10, 11]), slow], 1000.0, 1e12);
        assert_eq!(costs.step_ps, [10.0, 11.0]);
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

    #[test]
    fn fills_that_move_are_counted_by_packets() {
        let ones = [step(1), step(1), step(1), step(1)];
        assert_eq!(moved(&ones, &ones), 0.0);
        // All of them, by one packet of one.
        assert_eq!(moved(&ones, &[step(2), step(2)]), 1.0);
        assert_eq!(moved(&ones, &[step(1), step(1), step(2)]), 0.5);
        assert_eq!(moved(&[step(1), step(2)], &[step(2), step(1)]), 0.0);
        // All of them, by two of twenty.
        let (before, after) = ([step(20); 11], [step(22); 10]);
        assert!((moved(&before, &after) - 0.1).abs() < 1e-9);
    }

    #[test]
    fn the_rate_is_packets_over_time() {
        let steps = [step(32), step(32)];
        let rate = replayed(&[320e3, 320e3]).rate(&steps);
        assert!((rate / 100e6 - 1.0).abs() < 1e-9, "{rate}");
    }
}

//! What batches cost, from replays of the same batches on the driver.

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

#[cfg(test)]
mod tests {
    use super::*;

    fn replay(ticks: &[u32]) -> Replay {
        let ticks = ticks.to_vec();
        Replay { ticks, poll_ticks: 4.0, turn_ticks: 1000.0 }
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
    fn the_rate_is_packets_over_time() {
        let step = Step { port: 0, fill: 32, after_idle: false };
        let steps = [step, step];
        let step_ps = vec![320e3, 320e3];
        let rate = Replayed { step_ps, poll_ps: 10.0 }.rate(&steps);
        assert!((rate / 100e6 - 1.0).abs() < 1e-9, "{rate}");
    }
}

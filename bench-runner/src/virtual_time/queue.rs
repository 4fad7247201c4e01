//! A queueing run: arrivals against a driver that polls, in virtual time.
//!
//! Times are picoseconds. The driver polls its ports in turn. At a poll it
//! finds the frames that are due by then, takes up to a batch of them, and is
//! busy for what the batch costs; its frames leave when it is done.

use nic_model::Account;
use variants::workload::PORTS;

use super::costs::Costs;
use super::lane::{Followed, Lane};
use crate::measure::Step;

/// What is offered, and to what.
#[derive(Clone, Debug)]
pub struct Queue<L> {
    /// The frames of each port.
    pub lanes: [L; PORTS],
    /// Upper limit of packets per batch.
    pub batch: u16,
    /// Descriptors of a receive ring that the card may own.
    pub descriptors: u16,
}

/// A frame that was forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When it was due.
    pub due: u64,
    /// How much later it left.
    pub latency: u64,
}

/// What became of each frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Every frame that was forwarded.
    pub samples: Vec<Sample>,
    /// Every batch, in order.
    pub steps: Vec<Step>,
    /// What became of them all.
    pub end: End,
}

/// What became of all frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Where they went.
    pub account: Account,
    /// When the driver had done the last of them.
    pub at: u64,
}

/// Batches after which a caller is asked whether to go on.
const OFTEN: u64 = 65_536;

/// Runs until every frame was offered and the rings are empty, and keeps what
/// became of each. `go_on` is asked now and then.
///
/// # Errors
///
/// What `go_on` says.
pub fn follow<E>(
    queue: Queue<Followed>,
    costs: &mut impl Costs,
    go_on: impl FnMut() -> Result<(), E>,
) -> Result<Outcome, E> {
    let offered: u64 = queue.lanes.iter().map(Lane::offered).sum();
    let mut samples = Vec::with_capacity(offered as usize);
    let mut steps = Vec::new();
    let keep = |step: Step, lane: &Followed, done| {
        let out = lane.due().take(step.fill.into());
        samples.extend(out.map(|due| Sample { due, latency: done - due }));
        steps.push(step);
    };
    let end = run(queue, costs, keep, go_on)?;
    Ok(Outcome { samples, steps, end })
}

/// Runs until every frame was offered and the rings are empty. `became` is
/// told of each batch, with its frames still in the ring, and when it is
/// done; `go_on` is asked now and then.
///
/// # Errors
///
/// What `go_on` says.
pub fn run<L: Lane, E>(
    queue: Queue<L>,
    costs: &mut impl Costs,
    mut became: impl FnMut(Step, &L, u64),
    mut go_on: impl FnMut() -> Result<(), E>,
) -> Result<End, E> {
    let Queue { mut lanes, batch, descriptors } = queue;
    let (batch, descriptors) = (u64::from(batch), u64::from(descriptors));
    let poll = costs.poll().max(1);
    let round = poll * PORTS as u64;
    let (mut now, mut port, mut empty_polls) = (0, 0, 0);
    let (mut batches, mut forwarded) = (0_u64, 0);
    while !lanes.iter().all(Lane::is_done) {
        let lane = &mut lanes[port];
        lane.admit(now, descriptors);
        let fill = lane.waiting().min(batch);
        if fill > 0 {
            let after_idle = empty_polls >= PORTS;
            empty_polls = 0;
            let step = Step { port: port as u8, fill: fill as u16, after_idle };
            now += costs.batch(step);
            became(step, lane, now);
            // The descriptors are the card's again when the batch is done.
            lane.admit(now, descriptors);
            lane.take(fill);
            forwarded += fill;
            batches += 1;
            if batches.is_multiple_of(OFTEN) {
                go_on()?;
            }
        } else {
            empty_polls += 1;
            now += poll;
            // Whole rounds that find nothing are gone through at once.
            if lanes.iter().all(|lane| lane.waiting() == 0) {
                let next = lanes.iter().map(Lane::next).min();
                let next = next.filter(|next| *next != u64::MAX);
                let wait = next.unwrap_or(now).saturating_sub(now);
                let rounds = wait / round;
                now += rounds * round;
                if rounds > 0 {
                    empty_polls = PORTS;
                }
            }
        }
        port = (port + 1) % PORTS;
    }
    let account = Account {
        offered: lanes.iter().map(Lane::offered).sum(),
        forwarded,
        ring_empty: lanes.iter().map(Lane::lost).sum(),
        inside: lanes.iter().map(Lane::waiting).sum(),
        ..Account::default()
    };
    Ok(End { account, at: now })
}

#[cfg(test)]
mod tests {
    use super::super::lane::Counted;
    use super::*;
    use nic_model::arrivals::{Arrivals, Pattern, SECOND, Sizes};
    use proptest::prelude::*;
    use std::convert::Infallible;

    /// Each batch costs so much, and so much per packet.
    #[derive(Clone, Copy)]
    struct Fixed {
        poll: u64,
        batch: u64,
        packet: u64,
    }

    impl Costs for Fixed {
        fn poll(&self) -> u64 {
            self.poll
        }

        fn batch(&mut self, step: Step) -> u64 {
            self.batch + self.packet * u64::from(step.fill)
        }
    }

    fn arrivals(rate: f64, pattern: Pattern, seed: u64) -> Arrivals {
        Arrivals::new(rate, pattern, Sizes::One(64), false, seed)
    }

    /// `rate` in total over both ports.
    fn queue(
        rate: f64,
        pattern: Pattern,
        frames: u64,
        batch: u16,
    ) -> Queue<Followed> {
        let lane = |seed| {
            let arrivals = arrivals(rate / 2.0, pattern, seed);
            Followed::new(arrivals, frames / 2)
        };
        Queue { lanes: [1, 2].map(lane), batch, descriptors: 511 }
    }

    fn outcome(queue: Queue<Followed>, mut costs: Fixed) -> Outcome {
        let go_on = || Ok::<_, Infallible>(());
        let Ok(outcome) = follow(queue, &mut costs, go_on);
        outcome
    }

    fn mean(outcome: &Outcome) -> f64 {
        let sum: u64 = outcome.samples.iter().map(|s| s.latency).sum();
        sum as f64 / outcome.samples.len() as f64
    }

    #[test]
    fn poisson_arrivals_wait_as_long_as_the_formula_says() {
        // M/D/1 (Pollaczek and Khinchine): ρ / (2 (1 − ρ)) service times.
        const SERVICE: u64 = 100_000;
        for load in [0.3, 0.5, 0.8] {
            let rate = load * SECOND as f64 / SERVICE as f64;
            let mut queue = queue(rate, Pattern::Poisson, 1_000_000, 1);
            queue.descriptors = u16::MAX;
            let costs = Fixed { poll: 1, batch: 0, packet: SERVICE };
            let outcome = outcome(queue, costs);
            let wait = mean(&outcome) / SERVICE as f64 - 1.0;
            let formula = load / (2.0 * (1.0 - load));
            let off = wait / formula - 1.0;
            assert!(off.abs() < 0.03, "{load}: {wait} and {formula}");
        }
    }

    #[test]
    fn constant_arrivals_below_capacity_find_no_queue() {
        // 1 Mpps per port, the second port's frames with the first one's.
        let queue = queue(2e6, Pattern::Constant, 10_000, 32);
        let costs = Fixed { poll: 1000, batch: 10_000, packet: 5_000 };
        let outcome = outcome(queue, costs);
        assert!(outcome.steps.iter().all(|step| step.fill == 1));
        // A poll of either port, a batch of the other port, its own.
        let most = 2 * 1000 + 2 * 15_000;
        assert!(outcome.samples.iter().all(|s| s.latency <= most));
        assert_eq!(outcome.end.account.forwarded, 10_000);
    }

    #[test]
    fn above_capacity_the_ring_fills_and_the_rest_is_lost() {
        // 10 ns per packet is 100 Mpps, 25 % more are offered.
        let queue = queue(125e6, Pattern::Constant, 1_000_000, 32);
        let costs = Fixed { poll: 1, batch: 0, packet: 10_000 };
        let outcome = outcome(queue, costs);
        let Account { offered, forwarded, ring_empty, inside, .. } =
            outcome.end.account;
        assert_eq!((offered, inside), (1_000_000, 0));
        assert_eq!(outcome.end.account.remainder(), 0);
        // In the time of all arrivals it does its capacity, and then what
        // the rings still hold.
        let span = 1e6 / 125e6;
        let capacity = span * 100e6 + 2.0 * 511.0;
        assert!((forwarded as f64 - capacity).abs() < 64.0, "{forwarded}");
        assert_eq!(ring_empty, offered - forwarded);
        // A frame that gets in finds the ring full: two rings of work.
        let last = outcome.samples[outcome.samples.len() / 2].latency;
        let full = 2 * 511 * 10_000;
        assert!(last.abs_diff(full) < full / 10, "{last}");
        let middle = outcome.steps.len() / 2;
        let full = |step: &Step| step.fill == 32;
        assert!(outcome.steps[middle..middle + 1000].iter().all(full));
    }

    #[test]
    fn two_frames_by_hand() {
        // At each port two frames, due at 0 and 1000.
        let queue = queue(2e9, Pattern::Constant, 4, 8);
        let costs = Fixed { poll: 10, batch: 300, packet: 100 };
        let outcome = outcome(queue, costs);
        // Port 0 takes one at 0 until 400; port 1 one until 800; then port 0
        // finds nothing at 800, 820, …, and one of its polls is at 1000.
        let step = |port, fill, after_idle| Step { port, fill, after_idle };
        assert_eq!(
            outcome.steps,
            [
                step(0, 1, false),
                step(1, 1, false),
                step(0, 1, true),
                step(1, 1, false)
            ]
        );
        let latencies: Vec<_> =
            outcome.samples.iter().map(|s| s.latency).collect();
        assert_eq!(latencies, [400, 800, 400, 800]);
        assert_eq!(outcome.end.at, 1800);
    }

    #[test]
    fn a_pause_delays_what_comes_meanwhile() {
        struct Pausing(u32);
        impl Costs for Pausing {
            fn poll(&self) -> u64 {
                1000
            }
            fn batch(&mut self, step: Step) -> u64 {
                self.0 += 1;
                let pause = if self.0 == 100 { 50_000_000 } else { 0 };
                10_000 * u64::from(step.fill) + pause
            }
        }
        let queue = queue(2e6, Pattern::Constant, 10_000, 32);
        let go_on = || Ok::<_, Infallible>(());
        let Ok(outcome) = follow(queue, &mut Pausing(0), go_on);
        let late = |s: &&Sample| s.latency > 1_000_000;
        // 50 µs at 2 Mpps.
        let late = outcome.samples.iter().filter(late).count();
        assert!((95..=105).contains(&late), "{late}");
        let worst = outcome.samples.iter().map(|s| s.latency).max();
        assert!(worst >= Some(50_000_000), "{worst:?}");
    }

    proptest! {
        #[test]
        fn every_frame_is_accounted_for(
            rate in 1e6..3e8f64, batch in 1..64u16, frames in 2..4_000u64,
            poll in 1..20_000u64, per_batch in 1..50_000u64,
            packet in 1..20_000u64, descriptors in 32..512u16, kind in 0..3,
        ) {
            let pattern = match kind {
                0 => Pattern::Constant,
                1 => Pattern::Poisson,
                _ => Pattern::Bursts(40),
            };
            let mut queue = queue(rate, pattern, frames, batch);
            queue.descriptors = descriptors;
            let again = queue.clone();
            let costs = || Fixed { poll, batch: per_batch, packet };
            let run = outcome(queue, costs());
            prop_assert_eq!(run.end.account.check(), Ok(()));
            prop_assert_eq!(run.end.account.inside, 0);
            let taken: u64 = run.steps.iter().map(|s| u64::from(s.fill)).sum();
            prop_assert_eq!(taken, run.end.account.forwarded);
            prop_assert!(run.steps.iter().all(|s| s.fill <= batch));
            let least = per_batch + packet;
            prop_assert!(run.samples.iter().all(|s| s.latency >= least));
            prop_assert_eq!(run, outcome(again, costs()));
        }

        #[test]
        fn frames_that_are_counted_fare_like_those_that_are_followed(
            rate in 1e6..3e8f64, batch in 1..64u16, frames in 2..4_000u64,
            poll in 1..20_000u64, per_batch in 1..50_000u64,
            packet in 1..20_000u64, descriptors in 32..512u16,
        ) {
            let mut queue = queue(rate, Pattern::Constant, frames, batch);
            queue.descriptors = descriptors;
            let mut costs = Fixed { poll, batch: per_batch, packet };
            let followed = outcome(queue, costs);
            let gap = SECOND as f64 / (rate / 2.0);
            let lanes = [(); PORTS].map(|()| Counted::new(gap, 0.0, frames / 2));
            let counted = Queue { lanes, batch, descriptors };
            let mut steps = Vec::new();
            let keep = |step, _: &Counted, _| steps.push(step);
            let go_on = || Ok::<_, Infallible>(());
            let Ok(end) = run(counted, &mut costs, keep, go_on);
            prop_assert_eq!(end, followed.end);
            prop_assert_eq!(steps, followed.steps);
        }
    }
}

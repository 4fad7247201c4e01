//! A queueing run: arrivals against a driver that polls, in virtual time.
//!
//! Times are picoseconds. The driver polls its ports in turn. At a poll it
//! finds the frames that are due by then, takes up to a batch of them, and is
//! busy for what the batch costs; its frames leave when it is done.

use std::collections::VecDeque;

use nic_model::Account;
use nic_model::arrivals::Arrivals;
use variants::workload::PORTS;

use crate::measure::Step;

/// What a driver's work costs, in picoseconds.
pub trait Costs {
    /// A poll of one port that finds nothing; more than 0.
    fn poll(&self) -> u64;

    /// The next batch. Asked for in the order in which batches are taken.
    fn batch(&mut self, step: Step) -> u64;
}

/// What is offered, and to what.
#[derive(Clone, Debug)]
pub struct Queue {
    /// Frames towards each port.
    pub arrivals: [Arrivals; PORTS],
    /// How many of them at each port.
    pub frames: [u64; PORTS],
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

/// What became of it all.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Every frame that was forwarded.
    pub samples: Vec<Sample>,
    /// Every batch, in order.
    pub steps: Vec<Step>,
    /// Where all frames went.
    pub account: Account,
    /// When the driver had done the last of them.
    pub end: u64,
}

/// One port's frames on their way.
struct Lane {
    arrivals: Arrivals,
    /// Frames that are still to come.
    left: u64,
    /// When the next one of them is due.
    next: u64,
    /// Due times of the frames in the ring.
    ring: VecDeque<u64>,
    /// Descriptors of a batch that the driver has not given back.
    taken: usize,
    lost: u64,
}

impl Lane {
    fn new(mut arrivals: Arrivals, frames: u64) -> Self {
        let next = due(&mut arrivals, frames);
        let ring = VecDeque::new();
        Self { arrivals, left: frames, next, ring, taken: 0, lost: 0 }
    }

    /// Puts what is due by `now` into the ring, as far as there is room.
    fn admit(&mut self, now: u64, descriptors: usize) {
        while self.next <= now {
            match self.ring.len() + self.taken < descriptors {
                true => self.ring.push_back(self.next),
                false => self.lost += 1,
            }
            self.left -= 1;
            self.next = due(&mut self.arrivals, self.left);
        }
    }

    fn is_done(&self) -> bool {
        self.left == 0 && self.ring.is_empty()
    }
}

/// When the next frame is due; never, when there is none left.
fn due(arrivals: &mut Arrivals, left: u64) -> u64 {
    match left {
        0 => u64::MAX,
        _ => arrivals.next().map_or(u64::MAX, |arrival| arrival.due),
    }
}

/// Runs until every frame was offered and the rings are empty. `go_on` is
/// asked now and then.
///
/// # Errors
///
/// What `go_on` says.
pub fn run<E>(
    queue: Queue,
    costs: &mut impl Costs,
    mut go_on: impl FnMut() -> Result<(), E>,
) -> Result<Outcome, E> {
    let Queue { arrivals, frames, batch, descriptors } = queue;
    let descriptors = usize::from(descriptors);
    let [first, second] = arrivals;
    let mut lanes = [Lane::new(first, frames[0]), Lane::new(second, frames[1])];
    let poll = costs.poll().max(1);
    let round = poll * PORTS as u64;
    let offered: u64 = frames.iter().sum();
    let mut samples = Vec::with_capacity(offered as usize);
    let mut steps: Vec<Step> = Vec::new();
    let (mut now, mut port, mut empty_polls) = (0, 0, 0);
    while !lanes.iter().all(Lane::is_done) {
        let lane = &mut lanes[port];
        lane.admit(now, descriptors);
        let fill = lane.ring.len().min(batch.into());
        if fill > 0 {
            let after_idle = empty_polls >= PORTS;
            empty_polls = 0;
            let fill = fill as u16;
            let step = Step { port: port as u8, fill, after_idle };
            let done = now + costs.batch(step);
            let out = lane.ring.drain(..usize::from(fill));
            samples.extend(out.map(|due| Sample { due, latency: done - due }));
            // The descriptors are the card's again when the batch is done.
            lane.taken = fill.into();
            lane.admit(done, descriptors);
            lane.taken = 0;
            now = done;
            steps.push(step);
            if steps.len().is_multiple_of(65_536) {
                go_on()?;
            }
        } else {
            empty_polls += 1;
            now += poll;
            // Whole rounds that find nothing are gone through at once.
            if lanes.iter().all(|lane| lane.ring.is_empty()) {
                let next = lanes.iter().map(|lane| lane.next).min();
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
        offered,
        forwarded: samples.len() as u64,
        ring_empty: lanes.iter().map(|lane| lane.lost).sum(),
        inside: lanes.iter().map(|lane| lane.ring.len() as u64).sum(),
        ..Account::default()
    };
    Ok(Outcome { samples, steps, account, end: now })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nic_model::arrivals::{Pattern, SECOND, Sizes};
    use proptest::prelude::*;
    use std::convert::Infallible;

    /// Each batch costs so much, and so much per packet.
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
    fn queue(rate: f64, pattern: Pattern, frames: u64, batch: u16) -> Queue {
        Queue {
            arrivals: [1, 2].map(|seed| arrivals(rate / 2.0, pattern, seed)),
            frames: [frames / 2; PORTS],
            batch,
            descriptors: 511,
        }
    }

    fn outcome(queue: Queue, mut costs: Fixed) -> Outcome {
        let go_on = || Ok::<_, Infallible>(());
        let Ok(outcome) = run(queue, &mut costs, go_on);
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
        assert_eq!(outcome.account.forwarded, 10_000);
    }

    #[test]
    fn above_capacity_the_ring_fills_and_the_rest_is_lost() {
        // 10 ns per packet is 100 Mpps, 25 % more are offered.
        let queue = queue(125e6, Pattern::Constant, 1_000_000, 32);
        let costs = Fixed { poll: 1, batch: 0, packet: 10_000 };
        let outcome = outcome(queue, costs);
        let Account { offered, forwarded, ring_empty, inside, .. } =
            outcome.account;
        assert_eq!((offered, inside), (1_000_000, 0));
        assert_eq!(outcome.account.remainder(), 0);
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
        assert_eq!(outcome.end, 1800);
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
        let Ok(outcome) = run(queue, &mut Pausing(0), go_on);
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
            prop_assert_eq!(run.account.check(), Ok(()));
            prop_assert_eq!(run.account.inside, 0);
            let taken: u64 = run.steps.iter().map(|s| u64::from(s.fill)).sum();
            prop_assert_eq!(taken, run.account.forwarded);
            prop_assert!(run.steps.iter().all(|s| s.fill <= batch));
            let least = per_batch + packet;
            prop_assert!(run.samples.iter().all(|s| s.latency >= least));
            prop_assert_eq!(run, outcome(again, costs()));
        }
    }
}

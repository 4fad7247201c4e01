//! Trials in virtual time: frames are due by a schedule, and batches take as
//! long as they were measured to take.

use super::trial::{Tester, Trial};
use crate::failure::Failure;

/// Picoseconds of a second.
const SECOND: f64 = 1e12;

/// Ports that frames come to in equal shares, and that a driver looks at in
/// turn.
const PORTS: usize = 2;

/// A driver in virtual time.
#[derive(Clone, Debug)]
pub struct VirtualTester {
    /// Picoseconds of batches of so many frames: one after the other, and
    /// from the first on again.
    costs: Vec<Vec<u64>>,
    /// Which of them comes next.
    next: Vec<usize>,
    /// Frames that a receive ring has room for.
    room: u64,
    /// Where in a gap the frames of a port lie is drawn for each trial.
    rng: fastrand::Rng,
}

impl VirtualTester {
    /// A driver whose batches of 0, 1, 2 and more frames cost so many
    /// picoseconds, behind rings of so many descriptors.
    ///
    /// # Panics
    ///
    /// When a number of frames has no cost, or one of 0.
    #[must_use]
    pub fn new(costs: Vec<Vec<u64>>, ring: u16, seed: u64) -> Self {
        let is_sound = |c: &Vec<u64>| !c.is_empty() && !c.contains(&0);
        assert!(costs.len() > 1 && costs.iter().all(is_sound), "batches cost");
        Self {
            next: vec![0; costs.len()],
            costs,
            // A card leaves one descriptor to the driver (82599, 7.1.9).
            room: u64::from(ring) - 1,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// The most frames per second that batches of any size come to.
    #[must_use]
    pub fn capacity(&self) -> f64 {
        let rate = |(frames, costs): (usize, &Vec<u64>)| {
            let sum: u64 = costs.iter().sum();
            frames as f64 * costs.len() as f64 / sum as f64 * SECOND
        };
        self.costs.iter().enumerate().map(rate).fold(0.0, f64::max)
    }

    /// What the next batch of so many frames costs.
    fn cost(&mut self, frames: usize) -> u64 {
        let (costs, next) = (&self.costs[frames], &mut self.next[frames]);
        let cost = costs[*next];
        *next = (*next + 1) % costs.len();
        cost
    }
}

impl Tester for VirtualTester {
    /// Frames come with equal gaps. A trial ends when all that found room are
    /// forwarded. Each starts with the costs of the first batches.
    fn trial(&mut self, load: f64, seconds: f64) -> Result<Trial, Failure> {
        self.next.fill(0);
        let offered = (load * seconds) as u64;
        let most = self.costs.len() as u64 - 1;
        let gap = PORTS as f64 / load * SECOND;
        let mut number = 0;
        let mut ports = [(); PORTS].map(|()| {
            let frames = (offered + number) / PORTS as u64;
            number += 1;
            Port::new(frames, gap, self.rng.f64() * gap)
        });
        let (mut now, mut forwarded) = (0, 0);
        while !ports.iter().all(Port::is_done) {
            for port in &mut ports {
                port.come(now, self.room);
                let frames = port.waiting.min(most);
                now += self.cost(frames as usize);
                // Descriptors are handed back when the batch is done.
                port.come(now, self.room);
                port.waiting -= frames;
                forwarded += frames;
            }
        }
        let lost = ports.iter().map(|port| port.lost).sum();
        Ok(Trial { load, seconds, offered, forwarded, lost })
    }
}

/// The receive ring of a port, and what is on its way to it.
#[derive(Clone, Copy, Debug)]
struct Port {
    /// Frames that are to come in all.
    frames: u64,
    /// Picoseconds from one to the next.
    gap: f64,
    /// When the first one comes.
    first: f64,
    /// Frames that have come.
    came: u64,
    /// Frames in the ring.
    waiting: u64,
    /// Frames that found it full.
    lost: u64,
}

impl Port {
    fn new(frames: u64, gap: f64, first: f64) -> Self {
        Self { frames, gap, first, came: 0, waiting: 0, lost: 0 }
    }

    /// Takes in what has come by `now`, as far as there is room.
    fn come(&mut self, now: u64, room: u64) {
        let since = now as f64 - self.first;
        if since < 0.0 {
            return;
        }
        let due = ((since / self.gap) as u64 + 1).min(self.frames);
        let new = due.saturating_sub(self.came);
        let fit = new.min(room.saturating_sub(self.waiting));
        self.came += new;
        self.waiting += fit;
        self.lost += new - fit;
    }

    fn is_done(&self) -> bool {
        self.came == self.frames && self.waiting == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ndr::{Goal, Limits, Shape, search};
    use proptest::prelude::*;

    /// Costs of an affine driver: so many picoseconds a batch and a frame.
    fn affine(batch: u64, fixed: u64, each: u64) -> Vec<Vec<u64>> {
        (0..=batch).map(|frames| vec![fixed + each * frames]).collect()
    }

    fn tester(costs: Vec<Vec<u64>>) -> VirtualTester {
        VirtualTester::new(costs, 512, 1)
    }

    #[test]
    fn below_capacity_nothing_is_lost_and_above_it_the_rest_is() {
        // 32 frames in 320 + 32 × 40 ns: 20 million a second.
        let mut tester = tester(affine(32, 320_000, 40_000));
        assert_eq!(tester.capacity(), 20e6);
        for load in [1e5, 5e6, 19.9e6] {
            let trial = tester.trial(load, 0.05).unwrap();
            assert_eq!(trial.lost, 0, "{trial:?}");
        }
        let trial = tester.trial(25e6, 0.1).unwrap();
        // What the rings hold at the end still comes out.
        let lost = 0.1 * (25e6 - 20e6) - 2.0 * 511.0;
        assert!((trial.lost as f64 / lost - 1.0).abs() < 0.01, "{trial:?}");
    }

    #[test]
    fn a_pause_loses_what_does_not_fit_into_the_ring() {
        // At 10 million a second a port's ring lasts for 102 µs.
        let with_pause = |pause: u64| {
            let mut costs = affine(32, 0, 25_000);
            costs[0] = vec![25_000];
            for cost in costs.iter_mut().skip(1) {
                *cost = vec![cost[0]; 10_000];
                cost[5000] += pause;
            }
            tester(costs).trial(10e6, 0.1).unwrap().lost
        };
        assert_eq!(with_pause(80_000_000), 0);
        assert!(with_pause(150_000_000) > 100);
    }

    #[test]
    fn model_ndr_is_the_capacity_of_a_steady_driver() {
        for costs in [affine(1, 20_000, 30_000), affine(32, 100_000, 10_000)] {
            let mut tester = tester(costs);
            let capacity = tester.capacity();
            let (min, max) = (capacity / 1000.0, capacity * 1.25);
            let limits = Limits { min, max, seconds: 1e3 };
            let goals = [Goal::NDR, Goal::PDR].map(|goal| goal.scaled(0.1));
            let go = &mut || true;
            let found = search(&goals, limits, &mut tester, go).unwrap();
            for result in &found.goals {
                assert_eq!(result.shape, Shape::Regular);
                let wanted = capacity / (1.0 - result.goal.loss_ratio);
                let seen = result.lower.unwrap() / wanted;
                assert!((0.99..1.003).contains(&seen), "{seen}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_frame_is_accounted_for(
            batch in 1..64_u64,
            fixed in 1..500_000_u64,
            each in 0..100_000_u64,
            load in 1e4..50e6_f64,
            seed: u64,
        ) {
            let costs = affine(batch, fixed, each);
            let mut tester = VirtualTester::new(costs, 64, seed);
            let trial = tester.trial(load, 0.002).unwrap();
            prop_assert_eq!(trial.offered, (load * 0.002) as u64);
            prop_assert_eq!(trial.forwarded + trial.lost, trial.offered);
        }
    }
}

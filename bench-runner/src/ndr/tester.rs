//! Trials in virtual time: frames are due by a schedule, and batches take as
//! long as they were measured to take.

use std::convert::Infallible;

use nic_model::arrivals::SECOND;
use variants::workload::PORTS;

use super::trial::{Tester, Trial};
use crate::failure::Failure;
use crate::virtual_time::{Counted, CycledCosts, Queue, queue};

/// A driver in virtual time.
#[derive(Clone, Debug)]
pub struct VirtualTester {
    costs: CycledCosts,
    /// Descriptors of a receive ring that the card may own.
    descriptors: u16,
    /// Where in a gap the frames of a port lie is drawn for each trial.
    rng: fastrand::Rng,
}

impl VirtualTester {
    /// A driver with these costs, behind rings of so many descriptors.
    #[must_use]
    pub fn new(costs: CycledCosts, ring_entries: u16, seed: u64) -> Self {
        Self {
            costs,
            // A ring keeps a slot free.
            descriptors: ring_entries - 1,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// The most frames per second that batches of any one fill come to.
    #[must_use]
    pub fn capacity(&self) -> f64 {
        self.costs.capacity()
    }
}

impl Tester for VirtualTester {
    /// Frames come with equal gaps. A trial ends when all that found room are
    /// forwarded. Each starts with the costs of the first batches.
    fn trial(&mut self, load: f64, seconds: f64) -> Result<Trial, Failure> {
        self.costs.rewind();
        let offered = (load * seconds) as u64;
        let gap = PORTS as f64 / load * SECOND as f64;
        let mut number = 0;
        let lanes = [(); PORTS].map(|()| {
            let frames = (offered + number) / PORTS as u64;
            number += 1;
            Counted::new(gap, self.rng.f64(), frames)
        });
        let batch = self.costs.batch_size();
        let queue = Queue { lanes, batch, descriptors: self.descriptors };
        let go_on = || Ok::<_, Infallible>(());
        let Ok(end) = queue::run(queue, &mut self.costs, |_, _, _| (), go_on);
        end.account.check().map_err(Failure::error)?;
        let (forwarded, lost) = (end.account.forwarded, end.account.ring_empty);
        Ok(Trial { load, seconds, offered, forwarded, lost })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ndr::{Goal, Limits, Shape, search};
    use crate::virtual_time::{Replayed, steps};
    use proptest::prelude::*;

    /// Picoseconds of an affine driver's batches, by fill from 1.
    fn affine(batch: u16, fixed: f64, each: f64) -> Vec<Vec<f64>> {
        let cost = |frames| fixed + each * f64::from(frames);
        (1..=batch).map(|frames| vec![cost(frames)]).collect()
    }

    fn tester(costs: &[Vec<f64>], poll_ps: f64) -> VirtualTester {
        let runs = (1..).zip(costs);
        let steps = runs.flat_map(|(f, ps)| steps::run(f, ps.len() as u32));
        let steps: Vec<_> = steps.collect();
        let replayed = Replayed { step_ps: costs.concat(), poll_ps };
        VirtualTester::new(CycledCosts::new(&steps, &replayed), 512, 1)
    }

    #[test]
    fn below_capacity_nothing_is_lost_and_above_it_the_rest_is() {
        // 32 frames in 320 + 32 × 40 ns: 20 million a second.
        let mut tester = tester(&affine(32, 320e3, 40e3), 300e3);
        assert!((tester.capacity() / 20e6 - 1.0).abs() < 1e-9);
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
        let with_pause = |pause: f64| {
            let mut costs = affine(32, 0.0, 25_000.0);
            for cost in &mut costs {
                *cost = vec![cost[0]; 10_000];
                cost[5000] += pause;
            }
            tester(&costs, 25_000.0).trial(10e6, 0.1).unwrap().lost
        };
        assert_eq!(with_pause(80e6), 0);
        assert!(with_pause(150e6) > 100);
    }

    #[test]
    fn model_ndr_is_the_capacity_of_a_steady_driver() {
        for costs in [affine(1, 20e3, 30e3), affine(32, 100e3, 10e3)] {
            let mut tester = tester(&costs, 10e3);
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
            batch in 1..64_u16,
            fixed in 1.0..5e5_f64,
            each in 0.0..1e5_f64,
            load in 1e4..50e6_f64,
            seed: u64,
        ) {
            let costs = affine(batch, fixed, each);
            let mut tester = tester(&costs, 1e3);
            tester.rng = fastrand::Rng::with_seed(seed);
            let trial = tester.trial(load, 0.002).unwrap();
            prop_assert_eq!(trial.offered, (load * 0.002) as u64);
            prop_assert_eq!(trial.forwarded + trial.lost, trial.offered);
        }
    }
}

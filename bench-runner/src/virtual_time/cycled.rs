//! Costs by fill: those of batches one after the other, over and over.

use super::costs::Costs;
use super::replayed::Replayed;
use crate::measure::Step;

/// Picoseconds of a second.
const PS: f64 = 1e12;

/// Costs for queueing runs of any length. A batch costs what the next of the
/// replayed batches with its fill did, pauses of the driver among them; after
/// the last comes the first.
#[derive(Clone, Debug)]
pub struct CycledCosts {
    poll: u64,
    /// Picoseconds of batches, by fill.
    by_fill: Vec<Vec<u64>>,
    /// Which of them comes next.
    next: Vec<usize>,
}

impl CycledCosts {
    /// Costs of runs of batches, each of one fill; up to the largest of them.
    /// A fill between two of them costs what the larger one does, by so much
    /// less that means lie on a line.
    ///
    /// # Panics
    ///
    /// Without any steps.
    #[must_use]
    pub fn new(steps: &[Step], replayed: &Replayed) -> Self {
        let most = steps.iter().map(|step| step.fill).max();
        let most = usize::from(most.expect("batches"));
        let poll = replayed.poll_ps.round().max(1.0);
        let mut known = vec![Vec::new(); most + 1];
        known[0].push(poll);
        for (step, ps) in steps.iter().zip(&replayed.step_ps) {
            known[usize::from(step.fill)].push(ps.max(poll));
        }
        let has = |fill: &usize| !known[*fill].is_empty();
        let mean = |fill: usize| {
            known[fill].iter().sum::<f64>() / known[fill].len() as f64
        };
        let of = |fill: usize| {
            let above = (fill..=most).find(has).unwrap_or(most);
            let below = (0..=fill).rev().find(has).unwrap_or(0);
            let (low, high) = (mean(below), mean(above));
            let way = (fill - below) as f64 / (above - below).max(1) as f64;
            let scale = match above == fill {
                true => 1.0,
                false => (low + way * (high - low)) / high,
            };
            let whole = |ps: &f64| (ps * scale).round() as u64;
            known[above].iter().map(whole).collect()
        };
        let by_fill = (0..=most).map(of).collect();
        Self { poll: poll as u64, by_fill, next: vec![0; most + 1] }
    }

    /// Upper limit of packets per batch.
    #[must_use]
    pub fn batch_size(&self) -> u16 {
        (self.by_fill.len() - 1) as u16
    }

    /// From the first batches on again.
    pub fn rewind(&mut self) {
        self.next.fill(0);
    }

    /// The most packets per second that batches of any one fill come to.
    #[must_use]
    pub fn capacity(&self) -> f64 {
        let rate = |(fill, costs): (usize, &Vec<u64>)| {
            let sum: u64 = costs.iter().sum();
            fill as f64 * costs.len() as f64 / sum as f64 * PS
        };
        self.by_fill.iter().enumerate().map(rate).fold(0.0, f64::max)
    }
}

impl Costs for CycledCosts {
    fn poll(&self) -> u64 {
        self.poll
    }

    fn batch(&mut self, step: Step) -> u64 {
        let fill = usize::from(step.fill);
        let (costs, next) = (&self.by_fill[fill], &mut self.next[fill]);
        let cost = costs[*next];
        *next += 1;
        if *next == costs.len() {
            *next = 0;
        }
        cost
    }
}

#[cfg(test)]
mod tests {
    use super::super::steps::run;
    use super::*;

    fn step(fill: u16) -> Step {
        Step { port: 0, fill, after_idle: false }
    }

    fn costs(runs: &[(u16, &[f64])]) -> CycledCosts {
        let steps = runs.iter().flat_map(|(f, ps)| run(*f, ps.len() as u32));
        let step_ps = runs.iter().flat_map(|(_, ps)| ps.to_vec());
        let step_ps = step_ps.collect();
        let replayed = Replayed { step_ps, poll_ps: 10.0 };
        CycledCosts::new(&steps.collect::<Vec<_>>(), &replayed)
    }

    #[test]
    fn batches_cost_what_the_replayed_ones_did_over_and_over() {
        let runs: [(u16, &[f64]); 2] =
            [(1, &[20.0, 900.0, 21.0]), (2, &[30.0, 31.0])];
        let mut costs = costs(&runs);
        let seen = [1, 2, 1, 1, 1, 2, 2].map(|n| costs.batch(step(n)));
        assert_eq!(seen, [20, 30, 900, 21, 20, 31, 30]);
        costs.rewind();
        assert_eq!(costs.batch(step(1)), 20);
        assert_eq!((costs.poll(), costs.batch_size()), (10, 2));
    }

    #[test]
    fn a_fill_between_two_lies_between_them_pauses_and_all() {
        let mut costs = costs(&[(2, &[20.0]), (6, &[40.0, 80.0])]);
        // The means are 20 and 60, so 40 in the middle.
        let seen = [4, 4, 2, 6].map(|fill| costs.batch(step(fill)));
        assert_eq!(seen, [27, 53, 20, 40]);
    }

    #[test]
    fn no_batch_is_cheaper_than_a_poll() {
        assert_eq!(costs(&[(1, &[3.0])]).batch(step(1)), 10);
    }

    #[test]
    fn the_capacity_is_that_of_the_best_fill() {
        let costs = costs(&[(1, &[1e3, 3e3]), (2, &[5e3])]);
        // A packet in 2 ns, or two in 5.
        assert!((costs.capacity() / 500e6 - 1.0).abs() < 1e-9);
    }
}

//! What a driver's work costs in a queueing run.

use crate::measure::Step;

/// Costs in picoseconds.
pub trait Costs {
    /// A poll of one port that finds nothing; more than 0.
    fn poll(&self) -> u64;

    /// The next batch. Asked for in the order in which batches are taken.
    fn batch(&mut self, step: Step) -> u64;
}

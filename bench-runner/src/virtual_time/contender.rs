//! A variant whose batches are timed.

use std::time::{Duration, Instant};

use variants::registry::Variant;

use super::heap::Heap;
use super::replayed::Replayed;
use super::speed::Speed;
use crate::measure::{Bench, Invalid, Replay, Step, Task, Until};

/// How long looks at the speed of a variant may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// Looks at each arena at least.
const FEWEST_LOOKS: usize = 25;

/// The machine was quiet in a look that is no more than this share slower
/// than the quietest tenth.
const QUIET: f64 = 0.02;

/// A variant at a batch size, whose costs are those of the machine at a given
/// speed, whatever it is now.
pub struct Contender<'b> {
    bench: &'b mut Bench,
    speed: Speed,
    variant: Variant,
    batch: u16,
    /// Ticks of its full turns at that speed, by arena.
    looks: Vec<Vec<f64>>,
    /// Never the same twice, so that no place that a variant's boxes have
    /// relative to its rings lasts for a whole process.
    heap: Heap,
}

impl<'b> Contender<'b> {
    /// Looks at it once.
    ///
    /// # Errors
    ///
    /// When a turn has no result.
    pub fn new(
        bench: &'b mut Bench,
        speed: Speed,
        variant: Variant,
        batch: u16,
    ) -> Result<Self, Invalid> {
        let looks = vec![Vec::new(); bench.arenas()];
        let heap = Heap::new();
        let mut contender = Self { bench, speed, variant, batch, looks, heap };
        contender.look()?;
        Ok(contender)
    }

    /// Times its full turns, on each arena in turn, until the machine was
    /// quiet in a quarter of all looks.
    ///
    /// # Errors
    ///
    /// When a turn has no result.
    pub fn look(&mut self) -> Result<(), Invalid> {
        let begun = Instant::now();
        let Self { bench, speed, variant, batch, looks, heap } = self;
        for number in 1.. {
            heap.shake();
            for (arena, looks) in looks.iter_mut().enumerate() {
                let task = task(*variant, *batch, arena);
                let until = Until::within(PATIENCE);
                looks.push(speed.ticks(|| {
                    until.check()?;
                    let replay = bench.replay(&task, &[], &until)?;
                    Ok::<_, Invalid>(replay.turn_ticks)
                })?);
            }
            let is_quiet = looks.iter().all(|looks| is_quiet(looks));
            if number >= FEWEST_LOOKS && is_quiet || begun.elapsed() > PATIENCE
            {
                break;
            }
        }
        Ok(())
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> String {
        self.variant.name()
    }

    /// Upper limit of packets per receive call.
    #[must_use]
    pub fn batch(&self) -> u16 {
        self.batch
    }

    /// Number of arenas.
    #[must_use]
    pub fn arenas(&self) -> usize {
        self.bench.arenas()
    }

    /// Runs the steps so many times, on each arena in turn.
    ///
    /// # Errors
    ///
    /// When a replay has no result, or time is over.
    pub fn replay(
        &mut self,
        steps: &[Step],
        often: usize,
        until: &Until,
    ) -> Result<Vec<Replay>, Invalid> {
        let arenas = self.bench.arenas();
        let replays = (0..often).map(|number| {
            self.heap.shake();
            let task = task(self.variant, self.batch, number % arenas);
            self.bench.replay(&task, steps, until)
        });
        replays.collect()
    }

    /// What the steps cost, from replays of them.
    #[must_use]
    pub fn costs(&self, replays: &[Replay]) -> Replayed {
        let quiet = self.looks.iter().map(|looks| tenth(looks, 1));
        let turn_ticks = quiet.sum::<f64>() / self.looks.len() as f64;
        Replayed::of(replays, turn_ticks, self.speed.tick_hz)
    }
}

/// What so many tenths of the values do not exceed.
fn tenth(values: &[f64], tenths: usize) -> f64 {
    let mut values = values.to_vec();
    let at = (values.len() - 1) * tenths / 10;
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

/// Whether a quarter of the looks are as quick as the quickest of them.
fn is_quiet(looks: &[f64]) -> bool {
    let limit = tenth(looks, 1) * (1.0 + QUIET);
    looks.iter().filter(|look| **look <= limit).count() * 4 >= looks.len()
}

fn task(variant: Variant, batch: u16, arena: usize) -> Task {
    Task { arena, ..Task::of(variant, batch) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_quiet_when_its_quickest_looks_are_alike() {
        let quiet: Vec<_> = (0..20).map(|n| 100.0 + f64::from(n)).collect();
        assert!(!is_quiet(&quiet));
        let often = [vec![100.0; 5], vec![140.0; 15]].concat();
        assert!(is_quiet(&often) && tenth(&often, 1) == 100.0);
        let seldom = [vec![100.0; 3], vec![140.0; 17]].concat();
        assert!(!is_quiet(&seldom) && tenth(&seldom, 1) == 100.0);
    }
}

//! A variant whose batches are timed.

use std::time::Duration;

use variants::registry::Variant;

use super::replayed::Replayed;
use super::yardstick::Yardstick;
use crate::measure::{Bench, Invalid, Step, Task, Until};

/// How long a turn may take.
const LIMIT: Duration = Duration::from_secs(60);

/// A variant at a batch size. Its costs are those of the machine as fast as
/// the yardstick knows it, whatever it is now.
pub struct Contender<'b> {
    bench: &'b mut Bench,
    tick_hz: f64,
    /// Ticks of its full turns on a machine of that speed.
    turn_ticks: f64,
    variant: Variant,
    batch: u16,
}

impl<'b> Contender<'b> {
    /// Times its full turns against those of the yardstick.
    ///
    /// # Errors
    ///
    /// When a turn has no result.
    pub fn new(
        bench: &'b mut Bench,
        yardstick: Yardstick,
        variant: Variant,
        batch: u16,
    ) -> Result<Self, Invalid> {
        let ratio = yardstick.ratio(bench, variant, batch)?;
        let turn_ticks = yardstick.turn_ticks * ratio;
        let tick_hz = yardstick.tick_hz;
        Ok(Self { bench, tick_hz, turn_ticks, variant, batch })
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

    /// What the steps cost, over so many replays, on each arena in turn.
    ///
    /// # Errors
    ///
    /// When a replay has no result, or time is over.
    pub fn replay(
        &mut self,
        steps: &[Step],
        often: usize,
        until: &Until,
    ) -> Result<Replayed, Invalid> {
        let arenas = self.bench.arenas();
        let replays = (0..often).map(|number| {
            let task = task(self.variant, self.batch, number % arenas);
            self.bench.replay(&task, steps, until)
        });
        let replays = replays.collect::<Result<Vec<_>, _>>()?;
        Ok(Replayed::of(&replays, self.turn_ticks, self.tick_hz))
    }
}

/// Ticks of a variant's full turn.
pub(super) fn turn(
    bench: &mut Bench,
    variant: Variant,
    batch: u16,
    number: usize,
) -> Result<f64, Invalid> {
    let task = task(variant, batch, number % bench.arenas());
    let replay = bench.replay(&task, &[], &Until::within(LIMIT))?;
    Ok(replay.turn_ticks)
}

fn task(variant: Variant, batch: u16, arena: usize) -> Task {
    Task { arena, ..Task::of(variant, batch) }
}

//! What a batch costs that finds so many frames.

use std::sync::atomic::{Ordering, fence};

use variants::workload::{PORTS, Quota};

use super::Invalid;
use super::bench::{Bench, BlockSpec, Task};
use crate::clock::stamp;

/// Turns before the timed ones, with the first streak's frames.
const WARM_UP: u32 = 16;

/// Turns one after the other that find the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streak {
    /// Frames at each port.
    pub frames: u32,
    /// Turns.
    pub turns: u32,
}

impl Bench {
    /// Ticks of each turn of the streaks, the clock's cost subtracted. A turn
    /// is one look at both ports and what follows from it.
    ///
    /// The same task on the same arena runs through the same states each
    /// time, so that two replays differ by what disturbed them only.
    ///
    /// # Errors
    ///
    /// When a frame is missing, changed or out of order.
    ///
    /// # Panics
    ///
    /// When a streak's frames are more than a batch.
    pub fn fills(
        &mut self,
        task: &Task,
        streaks: &[Streak],
    ) -> Result<Vec<u64>, Invalid> {
        let spec = BlockSpec {
            task,
            setup: &self.setup,
            clock_cost_ticks: self.clock_cost_ticks,
            faults: self.faults,
            patience: self.patience,
            mix: self.mix,
        };
        let clock = u64::from(spec.clock_cost_ticks);
        let (mut model, site) = spec.lay_out(self.arenas[task.arena].split());
        let mut step = |_| model.poll_control();
        let mut forwarder = (spec.open())(site, &mut step)?;
        model.poll_control();

        let mut turn = |frames: u32| {
            assert!(frames <= u32::from(task.batch), "one batch per port");
            let packets = u64::from(frames) * PORTS as u64;
            model.transmit();
            model.receive(frames);
            // A card's write-backs lie in no store buffer of this core.
            fence(Ordering::SeqCst);
            // One look, also where there is nothing to see.
            let quota = Quota { packets: packets.max(1), patience: 1 };
            let start = stamp();
            let received = forwarder.forward(quota);
            let span = stamp() - start;
            match received == packets {
                true => Ok(span.saturating_sub(clock)),
                false => Err(Invalid::Stalled { wanted: packets, received }),
            }
        };
        let first = streaks.first().map_or(0, |streak| streak.frames);
        for _ in 0..WARM_UP {
            turn(first)?;
        }
        let turns = streaks.iter().map(|streak| streak.turns as usize);
        let mut ticks = Vec::with_capacity(turns.sum());
        for streak in streaks {
            for _ in 0..streak.turns {
                ticks.push(turn(streak.frames)?);
            }
        }
        model.transmit();
        spec.balance(&model, &*forwarder)?;
        Ok(ticks)
    }
}

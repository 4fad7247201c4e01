//! What a variant forwards in threads when frames are always there.

use variants::registry::Variant;

use super::{Bench, Invalid, Task};
use crate::stats;

/// Blocks that it is the median of.
const BLOCKS: usize = 9;

/// Phases of a block: about 90,000 packets.
const PHASES: u32 = 100;

impl Bench {
    /// Packets per second that a variant forwards when frames are always
    /// there.
    ///
    /// # Errors
    ///
    /// When a block has no result.
    pub fn highest_rate(
        &mut self,
        variant: Variant,
        batch: u16,
        tick_hz: f64,
    ) -> Result<f64, Invalid> {
        let mut rates = Vec::new();
        for number in 0..BLOCKS {
            let arena = number % self.arenas();
            let task =
                Task { arena, length: PHASES, ..Task::of(variant, batch) };
            let block = self.block(&task)?;
            let seconds = block.ticks as f64 / tick_hz;
            rates.push(block.forwarded as f64 / seconds);
        }
        Ok(stats::median(&rates).unwrap_or(1.0))
    }
}

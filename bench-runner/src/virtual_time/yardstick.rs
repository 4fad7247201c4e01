//! How fast the machine is.

use variants::registry::Variant;

use super::contender::turn;
use super::failure;
use crate::analysis::BASELINE;
use crate::clock;
use crate::failure::Failure;
use crate::measure::{Bench, Invalid};
use crate::plan;
use crate::stats;

/// Looks at how fast the machine is.
const LOOKS: usize = 25;

/// How fast the machine is, by full turns of the baseline. All costs are
/// given for one speed.
#[derive(Clone, Copy, Debug)]
pub struct Yardstick {
    /// Ticks per second.
    pub(super) tick_hz: f64,
    /// Ticks of the baseline's turn.
    pub(super) turn_ticks: f64,
}

impl Yardstick {
    /// The speed of the machine as it is now, at so many ticks per second.
    ///
    /// # Errors
    ///
    /// When a turn has no result.
    pub fn new(
        bench: &mut Bench,
        tick_hz: f64,
        batch: u16,
    ) -> Result<Self, Failure> {
        Self::of(bench, tick_hz, batch, |_| 1.0)
    }

    /// The speed of the machine with its core at so many GHz, whatever they
    /// are now: by a chain of additions before and after each turn.
    ///
    /// # Errors
    ///
    /// When a turn has no result.
    pub fn at(
        bench: &mut Bench,
        tick_hz: f64,
        batch: u16,
        ghz: f64,
    ) -> Result<Self, Failure> {
        Self::of(bench, tick_hz, batch, |now| now / ghz)
    }

    fn of(
        bench: &mut Bench,
        tick_hz: f64,
        batch: u16,
        scale: impl Fn(f64) -> f64,
    ) -> Result<Self, Failure> {
        let baseline = plan::find(BASELINE)?;
        let mut looks = Vec::new();
        for number in 0..LOOKS {
            let before = clock::chain_ghz(tick_hz);
            let ticks = turn(bench, baseline, batch, number)
                .map_err(|e| failure(BASELINE, &e))?;
            let now = before.midpoint(clock::chain_ghz(tick_hz));
            looks.push(ticks * scale(now));
        }
        let turn_ticks = stats::median(&looks).unwrap_or(1.0);
        Ok(Self { tick_hz, turn_ticks })
    }

    /// A variant's turns as multiples of the baseline's, which are timed right
    /// before and after.
    pub(super) fn ratio(
        self,
        bench: &mut Bench,
        variant: Variant,
        batch: u16,
    ) -> Result<f64, Invalid> {
        let baseline = plan::find(BASELINE).expect("there is one");
        let mut ratios = Vec::new();
        for number in 0..LOOKS {
            let before = turn(bench, baseline, batch, number)?;
            let between = turn(bench, variant, batch, number)?;
            let after = turn(bench, baseline, batch, number)?;
            ratios.push(2.0 * between / (before + after));
        }
        Ok(stats::median(&ratios).unwrap_or(1.0))
    }
}

//! The speed of the machine that costs are given for.

use crate::clock;

/// A core at a frequency. What its present one makes slower or faster is
/// taken out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// Ticks per second of the clock.
    pub tick_hz: f64,
    /// The core's frequency in GHz.
    pub ghz: f64,
}

impl Speed {
    /// Measures ticks at the core's present frequency, by a chain of additions
    /// before and one after, and says how many they are at this one.
    ///
    /// # Errors
    ///
    /// Those of `measure`.
    pub fn ticks<E>(
        self,
        measure: impl FnOnce() -> Result<f64, E>,
    ) -> Result<f64, E> {
        let before = clock::chain_ghz(self.tick_hz);
        let ticks = measure()?;
        let now = before.midpoint(clock::chain_ghz(self.tick_hz));
        Ok(self.scaled(now, ticks))
    }

    /// Ticks that a core at so many GHz took for something, as this one would
    /// have.
    fn scaled(self, ghz: f64, ticks: f64) -> f64 {
        ticks * ghz / self.ghz
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_those_of_a_core_at_that_frequency() {
        let speed = Speed { tick_hz: clock::tick_hz(), ghz: 2.0 };
        // Half as fast takes twice as long.
        assert_eq!(speed.scaled(2.0, 1000.0), 1000.0);
        assert_eq!(speed.scaled(4.0, 1000.0), 2000.0);
        let seen = speed.ticks(|| Ok::<_, ()>(1000.0)).expect("ticks");
        assert!(seen.is_finite() && seen > 0.0, "{seen}");
        assert_eq!(speed.ticks(|| Err::<f64, _>(7)), Err(7));
    }
}

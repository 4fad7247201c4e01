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
        Ok(ticks * now / self.ghz)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_those_of_a_core_at_that_frequency() {
        let tick_hz = clock::tick_hz();
        let now = clock::core_ghz(tick_hz);
        let ticks = |ghz| {
            let speed = Speed { tick_hz, ghz };
            speed.ticks(|| Ok::<_, ()>(1000.0)).expect("ticks")
        };
        // Half as fast takes twice as long, whatever it is just now.
        for (ghz, wanted) in [(now, 1000.0), (now / 2.0, 2000.0)] {
            let seen = ticks(ghz);
            assert!((seen / wanted - 1.0).abs() < 0.3, "{seen} {wanted}");
        }
    }
}

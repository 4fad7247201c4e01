//! Waiting for the device during set-up, always with an end.

use core::fmt;
use core::time::Duration;

use crate::bar::Bar0;
use crate::regs::{self, Offset};

/// How set-up waits: a sleep on hardware, a turn of the model in lockstep.
pub trait Wait {
    /// Lets the device get on for about `time`.
    fn wait(&mut self, time: Duration);
}

impl<F: FnMut(Duration)> Wait for F {
    fn wait(&mut self, time: Duration) {
        self(time);
    }
}

/// Waits by sleeping.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sleep;

impl Wait for Sleep {
    fn wait(&mut self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// A register did not come to hold what set-up waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeout {
    /// The register, with its index.
    pub register: String,
    /// The value last read.
    pub seen: u32,
    /// The bits that matter.
    pub mask: u32,
    /// What these bits were to become.
    pub awaited: u32,
    /// How long set-up waited.
    pub waited: Duration,
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { register, seen, mask, awaited, waited } = self;
        write!(
            f,
            "{register} reads {seen:#010x}, awaited {awaited:#010x} under \
             mask {mask:#010x}, gave up after {waited:?}"
        )
    }
}

impl std::error::Error for Timeout {}

/// A condition on a register and the patience for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Until {
    pub register: Offset,
    pub mask: u32,
    pub awaited: u32,
    pub interval: Duration,
    pub attempts: u32,
}

impl Until {
    /// Polls until the condition holds; returns the value that fulfils it.
    pub fn poll<B: Bar0>(
        self,
        bar: &B,
        wait: &mut dyn Wait,
    ) -> Result<u32, Timeout> {
        let mut seen = bar.read32(self.register);
        for _ in 0..self.attempts {
            if seen & self.mask == self.awaited {
                return Ok(seen);
            }
            wait.wait(self.interval);
            seen = bar.read32(self.register);
        }
        if seen & self.mask == self.awaited {
            return Ok(seen);
        }
        Err(Timeout {
            register: regs::name(self.register.bytes()),
            seen,
            mask: self.mask,
            awaited: self.awaited,
            waited: self.interval * self.attempts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bar::fake::FakeBar;
    use crate::regs::{RXDCTL, rxdctl};

    const ENABLED: Until = Until {
        register: RXDCTL.at(3),
        mask: rxdctl::ENABLE,
        awaited: rxdctl::ENABLE,
        interval: Duration::from_millis(10),
        attempts: 5,
    };

    /// Polls a register that gets `value` during wait number `turn`; returns
    /// the number of waits, too.
    fn poll(turn: u32, value: u32) -> (Result<u32, Timeout>, u32) {
        let bar = FakeBar::default();
        let mut waits = 0;
        let mut wait = |time| {
            assert_eq!(time, Duration::from_millis(10));
            waits += 1;
            if waits == turn {
                bar.write32(RXDCTL.at(3), value);
            }
        };
        let result = ENABLED.poll(&bar, &mut wait);
        (result, waits)
    }

    #[test]
    fn a_poll_ends_with_the_value_that_fulfils_it() {
        assert_eq!(poll(1, 0x0200_0001), (Ok(0x0200_0001), 1));
        assert_eq!(poll(5, 0x0200_0000), (Ok(0x0200_0000), 5));
    }

    #[test]
    fn what_holds_already_is_not_waited_for() {
        let bar = FakeBar::default();
        bar.write32(RXDCTL.at(3), rxdctl::ENABLE);
        let mut wait = |_| panic!("nothing to wait for");
        assert!(ENABLED.poll(&bar, &mut wait).is_ok());
    }

    #[test]
    fn a_poll_without_end_names_register_value_and_patience() {
        let (result, waits) = poll(2, 0x0000_0001);
        assert_eq!(waits, 5);
        assert_eq!(
            result.expect_err("never enabled").to_string(),
            "RXDCTL[3] reads 0x00000001, awaited 0x02000000 under mask \
             0x02000000, gave up after 50ms"
        );
    }
}

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

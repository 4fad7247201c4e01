//! One block: a variant at a batch size, on an arena, for some phases.

mod bench;
mod counted;
mod lockstep;
mod probe;
mod threaded;

pub use bench::{Bench, config};
pub use counted::{Times, Turns};
pub use probe::Probe;

use std::fmt;

use clap::ValueEnum;
use driver::memory::OutOfMemory;
use driver::nic::InitError;
use nic_model::Unbalanced;
use serde::{Deserialize, Serialize};

/// How many descriptors a batch finds done.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Fill {
    /// Enough for as many packets as it may hold
    Full,
    /// A random number of them, from one to a full batch
    Random,
}

impl fmt::Display for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Full => "full",
            Self::Random => "random",
        })
    }
}

/// What a block measured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Block {
    /// Ticks between the stamps, the clock's own cost subtracted.
    pub ticks: u64,
    /// Ticks of the card's turns; 0 in threads.
    pub device_ticks: u64,
    /// Packets handed to the card between the stamps; all came back.
    pub forwarded: u64,
    /// Share of the model's time spent on frames; 0 in lockstep.
    pub model_busy: f64,
}

/// A block that yields no result.
#[derive(Clone, Debug, PartialEq)]
pub enum Invalid {
    /// No memory for the arenas.
    Memory(OutOfMemory),
    /// The ports did not come up.
    Init(InitError),
    /// A packet is missing, or one too many, or one spoiled.
    Unbalanced(Unbalanced),
    /// The forwarder stopped before its quota.
    Stalled {
        /// Packets it should have received.
        wanted: u64,
        /// Packets it did receive.
        received: u64,
    },
    /// The model's thread could not run where it should.
    Core(String),
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(error) => error.fmt(f),
            Self::Init(error) => error.fmt(f),
            Self::Unbalanced(error) => error.fmt(f),
            Self::Stalled { wanted, received } => write!(
                f,
                "the forwarder stopped after {received} of {wanted} packets"
            ),
            Self::Core(error) => f.write_str(error),
        }
    }
}

impl std::error::Error for Invalid {}

impl From<OutOfMemory> for Invalid {
    fn from(error: OutOfMemory) -> Self {
        Self::Memory(error)
    }
}

impl From<InitError> for Invalid {
    fn from(error: InitError) -> Self {
        Self::Init(error)
    }
}

impl From<Unbalanced> for Invalid {
    fn from(error: Unbalanced) -> Self {
        Self::Unbalanced(error)
    }
}

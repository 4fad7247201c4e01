//! One block: a variant at a batch size, on an arena, for some phases.

mod bench;
mod card;
mod counted;
mod floor;
mod foreign;
mod handover;
mod highest;
mod lockstep;
mod meeting;
mod paced;
mod pacer;
mod probe;
mod recorder;
pub mod reference;
mod replay;
mod runs;
mod several;
mod sync;
mod threaded;

pub use bench::{Bench, Task, arena_bytes, config};
pub use counted::{Instrument, Times, Turns};
pub use floor::floor;
pub use foreign::{Card, EndOfLane, Lane, Window};
pub use paced::{Flap, Kept, Listener, ON_SCHEDULE, Schedule, TOLERANCE};
pub use probe::Probe;
pub use recorder::{Interval, Sample};
pub use replay::{Replay, Step, Until};
pub use threaded::WARM_UP;

use std::fmt;
use std::time::Duration;

use driver::memory::OutOfMemory;
use driver::nic::InitError;
use nic_model::Unbalanced;

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
    /// Share of frames that came in time, those before the stamps among them;
    /// absent where as many come as the rings take.
    pub in_time: Option<f64>,
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
    /// The card or the forwarder stopped before the quota.
    Stalled {
        /// Packets it should have received.
        wanted: u64,
        /// Packets it did receive.
        received: u64,
    },
    /// The model's thread could not run where it should.
    Core(String),
    /// The model's thread does not answer any more.
    Silent(&'static str),
    /// Forwarders on several cores do not meet.
    Apart(&'static str),
    /// Stopped by the user.
    Interrupted,
    /// Not done in time.
    Late(Duration),
    /// A real card cannot be had.
    Card(String),
    /// Too little traffic comes to a real card.
    NoTraffic {
        /// Packets it should have received.
        wanted: u64,
        /// Packets it did receive.
        received: u64,
    },
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(error) => error.fmt(f),
            Self::Init(error) => error.fmt(f),
            Self::Unbalanced(error) => error.fmt(f),
            Self::Stalled { wanted, received } => write!(
                f,
                "card or forwarder stopped after {received} of {wanted} \
                 packets"
            ),
            Self::Core(error) => f.write_str(error),
            Self::Silent(what) => {
                write!(f, "the model's thread {what}: is its core taken?")
            }
            Self::Apart(what) => {
                write!(f, "a forwarder {what}: is its core taken?")
            }
            Self::Interrupted => f.write_str("stopped"),
            Self::Card(error) => f.write_str(error),
            Self::NoTraffic { wanted, received } => write!(
                f,
                "{received} of {wanted} packets came, then no more: does the \
                 generator send to both ports?"
            ),
            Self::Late(limit) => {
                write!(f, "not done after {} s", limit.as_secs())
            }
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

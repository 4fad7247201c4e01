//! Virtual time: measured costs of batches against a schedule of arrivals.
//!
//! The machine's time is nowhere in it but in what batches cost.

mod contender;
mod costs;
mod cycled;
mod heap;
mod lane;
mod measured;
pub mod queue;
mod replayed;
mod speed;
pub mod steps;

pub use contender::Contender;
pub use costs::Costs;
pub use cycled::CycledCosts;
pub use lane::{Counted, Followed, Lane};
pub use measured::MeasuredCosts;
pub use queue::Queue;
pub use replayed::Replayed;
pub use speed::Speed;

use nic_model::arrivals::Sizes;

use crate::clock;
use crate::failure::Failure;
use crate::load::SizesArg;
use crate::measure::{Bench, Invalid};
use crate::plan;
use crate::results::{Placement, Setup};

/// Where batches are timed, and with which frames.
///
/// # Errors
///
/// When there is no such core.
pub fn setup(
    core: Option<u32>,
    seed: Option<u64>,
    frame: SizesArg,
) -> Result<Setup, Failure> {
    plan::under_load(Placement::Lockstep, [core, None], seed, frame)
}

/// Arenas for that, on the core that this thread is on.
///
/// # Errors
///
/// When there is no memory.
pub fn bench(setup: &Setup, frame: SizesArg) -> Result<Bench, Failure> {
    let cost = clock::clock_cost_ticks();
    let bench =
        Bench::new(setup.clone(), cost).map_err(Failure::environment)?;
    Ok(match frame.0 {
        Sizes::One(_) => bench,
        Sizes::Imix => bench.with_mix(),
    })
}

/// Why nothing could be measured of something.
#[must_use]
pub fn failure(name: &str, what: &Invalid) -> Failure {
    match what {
        Invalid::Interrupted => Failure::interrupted("stopped"),
        _ => Failure::error(format!("{name}: {what}")),
    }
}

//! The counted process: this program again, under an instrument.

use std::hint;
use std::io;

use serde::{Deserialize, Serialize};

use super::RING_ENTRIES;
use crate::failure::Failure;
use crate::measure::{Bench, Turns};
use crate::output;
use crate::plan;
use crate::process;
use crate::results::{Fill, Placement, Setup, Trace, Workload};

/// What a counted process is told. It answers with the [`Times`] of each of
/// the turns.
///
/// [`Times`]: crate::measure::Times
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// The variant.
    pub variant: String,
    /// What to run, one after the other.
    pub turns: Vec<Turns>,
}

/// The counted side.
pub fn command() -> Result<(), Failure> {
    process::die_with_parent().map_err(Failure::error)?;
    let order: Order =
        serde_json::from_reader(io::stdin()).map_err(Failure::error)?;
    let variant = plan::find(&order.variant)?;
    let mut bench = Bench::new(setup(), 0).map_err(Failure::environment)?;
    let turns = order.turns.into_iter();
    let times = turns.map(|turns| bench.count(&variant, turns, lap));
    let times = times.collect::<Result<Vec<_>, _>>();
    let times = times.map_err(Failure::error)?;
    let answer = serde_json::to_string(&times).map_err(Failure::error)?;
    output::line(answer);
    Ok(())
}

/// Where the instrument finishes one sheet and takes the next.
#[inline(never)]
pub fn lap() {
    // A function that does nothing would not be called.
    hint::black_box(RING_ENTRIES);
}

/// What a sweep measures by default, on one arena.
fn setup() -> Setup {
    Setup {
        seed: 0,
        workload: Workload::Forward,
        types: plan::TYPES,
        trace: Trace::Generated,
        placement: Placement::Lockstep,
        fill: Fill::Full,
        frame_bytes: 64,
        ring_entries: RING_ENTRIES,
        buffer_bytes: 2048,
        doorbell_cycles: 0,
        packets_per_phase: plan::packets_per_phase(RING_ENTRIES),
        phases: 1,
        rounds: 1,
        processes: 1,
        arenas: 1,
        core: 0,
        model_core: 0,
    }
}

//! The counted process: this program again, under an instrument.

use std::hint;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use variants::registry::{self, Variant};

use super::RING_ENTRIES;
use super::estimate::{Rate, Stopwatch};
use super::kernel::Linux;
use super::microarchitecture::Microarchitecture;
use super::tally::{self, Tally};
use crate::affinity;
use crate::clock;
use crate::failure::Failure;
use crate::measure::{Bench, Instrument, Invalid, Turns};
use crate::output;
use crate::plan;
use crate::process;
use crate::results::{Fill, Placement, Setup, Trace, Workload};

/// Timings of a variant, should the core change its frequency in all of them.
const CLOCK_TRIES: u32 = 5;

/// What a counted process is told. It answers with the [`Times`] of each of
/// the turns, and where the kernel counts with a tally.
///
/// [`Times`]: crate::measure::Times
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// The variant.
    pub variant: String,
    /// What to run, one after the other.
    pub turns: Vec<Turns>,
    /// How the kernel's counters are to be read; none under an instrument
    /// that needs no help.
    pub perf: Option<PerfOrder>,
}

/// How the kernel's counters are read.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct PerfOrder {
    /// The core to stay on.
    pub core: u32,
    /// Ticks per second of the clock.
    pub tick_hz: f64,
    /// Repeats of the turns for each group of counters.
    pub repeats: u32,
}

/// The counted side.
pub fn command() -> Result<(), Failure> {
    process::die_with_parent().map_err(Failure::error)?;
    let order: Order =
        serde_json::from_reader(io::stdin()).map_err(Failure::error)?;
    let probe = registry::probes();
    let probe = probe.iter().find(|probe| probe.name() == order.variant);
    let variant = match probe {
        Some(probe) => *probe,
        None => plan::find(&order.variant)?,
    };
    if let Some(perf) = &order.perf {
        affinity::pin(perf.core).map_err(Failure::environment)?;
    }
    let mut bench = Bench::new(setup(), 0).map_err(Failure::environment)?;
    let answer = match &order.perf {
        Some(perf) => {
            let turns = order.turns.iter();
            let tallies =
                turns.map(|turns| tallied(&mut bench, &variant, *turns, perf));
            let tallies = tallies.collect::<Result<Vec<_>, _>>();
            serde_json::to_string(&tallies.map_err(Failure::error)?)
        }
        None => {
            let turns = order.turns.into_iter();
            let times = turns
                .map(|turns| bench.count(&variant, turns, 1, &mut Callgrind));
            let times = times.collect::<Result<Vec<_>, _>>();
            serde_json::to_string(&times.map_err(Failure::error)?)
        }
    };
    output::line(answer.map_err(Failure::error)?);
    Ok(())
}

/// The variant's turns once for each group of the kernel's counters, and
/// once against the clock.
fn tallied(
    bench: &mut Bench,
    variant: &Variant,
    turns: Turns,
    perf: &PerfOrder,
) -> Result<Tally, Invalid> {
    let root = Path::new("/");
    let cpu = Microarchitecture::of(root);
    let mut tally = tally::tally(&Linux, &cpu, root, |bracket| {
        bench.count(variant, turns, perf.repeats, bracket)
    })?;
    let chain = || clock::chain_ghz(perf.tick_hz);
    // Who waits for the frequency to be steady may wait for ever.
    for _ in 0..CLOCK_TRIES {
        let mut watch = Stopwatch::default();
        let clock_cost_ticks = clock::clock_cost_ticks();
        let before = chain();
        let times = bench.count(variant, turns, perf.repeats, &mut watch)?;
        let ghz = [before, chain()];
        let rate = Rate { tick_hz: perf.tick_hz, clock_cost_ticks, ghz };
        let cycles = watch.cycles(turns.per_repeat(), &rate);
        tally.times = times;
        let found = cycles.count().is_some();
        tally.cycles = Some(cycles);
        if found {
            break;
        }
    }
    Ok(tally)
}

/// Callgrind sees for itself where a forwarder begins and ends.
struct Callgrind;

impl Instrument for Callgrind {
    fn lap(&mut self) {
        lap();
    }
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
        injected_every: None,
        phases: 1,
        rounds: 1,
        processes: 1,
        arenas: 1,
        core: 0,
        cores: Vec::new(),
        queues: None,
        split: false,
        rate: None,
        ports: None,
        model_core: 0,
    }
}

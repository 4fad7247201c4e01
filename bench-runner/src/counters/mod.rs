//! `counters`: what a packet costs in instructions, branches, accesses and
//! allocations, counted instead of timed.
//!
//! Callgrind is the source that needs no rights and no counters in the
//! processor. Another one has to say the same: a [`Count`] per cell.

mod callgrind;

mod check;
mod profile;
mod report;
pub mod worker;

pub use callgrind::version as valgrind_version;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::{panic, thread};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use variants::registry::Variant;
use variants::registry::shows::Shows;

use crate::cli::CountersArgs;
use crate::failure::Failure;
use crate::measure::{Times, Turns};
use crate::output;
use crate::plan;
use crate::process;
use crate::results::Fill;
use callgrind::Callgrind;

/// Descriptors per ring, as in a sweep that is not told otherwise.
const RING_ENTRIES: u16 = 512;

/// Batch size at which variants show what they declare.
pub const CHECKED_BATCH: u16 = 32;

/// What some machine code did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Events {
    /// Instructions.
    pub instructions: u64,
    /// Conditional branches, taken or not.
    pub branches: u64,
    /// Accesses that read memory.
    pub loads: u64,
    /// Accesses that write memory.
    pub stores: u64,
}

/// What a variant did at a batch size, on one kind of ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The variant's name.
    pub variant: String,
    /// What was run.
    pub turns: Turns,
    /// How much there was to do.
    pub times: Times,
    /// This program's code from the variant's entry on.
    pub own: Events,
    /// Code of other libraries that it called: the allocator, copies.
    pub library: Events,
    /// Calls of the allocator for memory.
    pub allocations: u64,
}

impl Count {
    /// A number of the count for each packet.
    pub fn per_packet(&self, number: u64) -> f64 {
        number as f64 / self.times.packets.max(1) as f64
    }
}

/// Counts what was asked for, and holds it against the registry.
pub fn command(args: &CountersArgs) -> Result<(), Failure> {
    let variants = plan::chosen(&args.axis, &args.variants)?;
    if args.check && cfg!(debug_assertions) {
        return Err(Failure::error(
            "the registry speaks of the measured build, and this is another: \
             use cargo run --release -- counters --check",
        ));
    }
    let batches = match args.check {
        true => vec![CHECKED_BATCH],
        false => plan::batches(&args.batch, RING_ENTRIES)?,
    };
    let fills = match args.fill {
        Some(fill) => vec![fill.into()],
        None => vec![Fill::Full, Fill::Random],
    };
    let turns = fills.into_iter().flat_map(|fill| {
        batches.iter().map(move |&batch| Turns { batch, fill })
    });
    let turns: Vec<_> = turns.collect();
    let source = Callgrind::find()?;
    let counts = count_all(&source, &variants, &turns)?;
    let faults = match args.check {
        true => check::faults(&variants, &counts, Shows::of),
        false => Vec::new(),
    };
    if args.json {
        let json = report::json(source.version(), &counts, &faults);
        output::line(format_args!("{json:#}"));
    } else {
        output::print(report::text(&turns, &counts));
        for line in faults.iter().flat_map(|fault| &fault.says) {
            output::line(format_args!("\n{line}"));
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    let names = faults.iter().map(|fault| &*fault.variant);
    Err(Failure::error(format!(
        "not what the registry declares: {}; what was counted and what to do \
         stands in the output",
        names.collect::<Vec<_>>().join(", ")
    )))
}

/// Counts what one variant does.
pub fn of(variant: &Variant, turns: Turns) -> Result<Count, Failure> {
    let counts = Callgrind::find()?.count(variant, &[turns])?;
    let one = counts.into_iter().next();
    one.ok_or_else(|| Failure::error("callgrind counted nothing"))
}

/// Counts every variant, as many at a time as there are cores: a count does
/// not depend on what else runs.
fn count_all(
    source: &Callgrind,
    variants: &[Variant],
    turns: &[Turns],
) -> Result<Vec<Count>, Failure> {
    let stop = process::interrupted();
    let style = "{bar:40} {pos}/{len} variants";
    let style = ProgressStyle::with_template(style)
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(variants.len() as u64).with_style(style);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(variant) = variants.get(i) else { break };
            let counted = match stop.load(Ordering::Relaxed) {
                true => Err(Failure::interrupted("stopped")),
                false => source.count(variant, turns),
            };
            // The others need not go on for a result that is none.
            if counted.is_err() {
                next.store(variants.len(), Ordering::Relaxed);
            }
            done.push((i, counted));
            bar.inc(1);
        }
        done
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut done = thread::scope(|scope| {
        let hands: Vec<_> =
            (0..cores.min(variants.len())).map(|_| scope.spawn(work)).collect();
        let results = hands.into_iter().map(|hand| {
            hand.join().unwrap_or_else(|why| panic::resume_unwind(why))
        });
        results.flatten().collect::<Vec<_>>()
    });
    bar.finish_and_clear();
    if stop.load(Ordering::Relaxed) {
        return Err(Failure::interrupted("stopped"));
    }
    done.sort_by_key(|(i, _)| *i);
    let counts = done.into_iter().map(|(_, counted)| counted);
    Ok(counts.collect::<Result<Vec<_>, _>>()?.concat())
}

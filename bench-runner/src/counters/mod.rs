//! `counters`: what a packet costs in instructions, branches, accesses and
//! allocations, counted instead of timed.
//!
//! Callgrind is the source that needs no rights and no counters in the
//! processor: a [`Count`] per cell. The kernel's counters, where there are
//! any, are the other: a tally.

pub(crate) mod callgrind;

mod check;
mod estimate;
mod events;
mod kernel;
mod microarchitecture;
mod perf;
pub(crate) mod profile;
mod published;
mod reading;
mod report;
mod self_test;
mod tally;
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
use crate::folder::Folder;
use crate::measure::{Times, Turns};
use crate::output;
use crate::plan;
use crate::process;
use crate::results::Fill;
use callgrind::Callgrind;
use perf::Perf;
pub use published::{Packet, Source};
pub use reading::Quantity;
#[cfg(doc)]
use tally::Tally;

/// Descriptors per ring, as in a sweep that is not told otherwise.
const RING_ENTRIES: u16 = 512;

/// Batch size at which variants show what they declare.
pub const CHECKED_BATCH: u16 = 32;

/// Name of the file in a folder.
pub const FILE: &str = "counters.json";

/// The version of what stands in it.
pub const SCHEMA: u32 = 1;

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

/// What callgrind's models of caches and predictors make of some code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Modelled {
    /// Conditional branches and indirect jumps predicted wrongly.
    pub mispredicts: u64,
    /// Reads that miss the first-level data cache.
    pub l1_load_misses: u64,
    /// Writes that miss it.
    pub l1_store_misses: u64,
    /// Reads that miss the last level.
    pub ll_load_misses: u64,
    /// Writes that miss it.
    pub ll_store_misses: u64,
}

/// The same for this program's code and for libraries that it calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ByCode<T> {
    /// This program's code from the variant's entry on.
    pub own: T,
    /// Code of other libraries.
    pub library: T,
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
    /// What is modelled, not counted.
    pub model: ByCode<Modelled>,
}

impl Count {
    /// A number of the count for each packet.
    pub fn per_packet(&self, number: u64) -> f64 {
        number as f64 / self.times.packets.max(1) as f64
    }
}

/// Counts what was asked for, and holds it against the registry.
pub fn command(args: &CountersArgs) -> Result<(), Failure> {
    if args.self_test {
        return self_test::command();
    }
    let variants = plan::chosen(&args.choice.axis, &args.choice.variants)?;
    // Before anything takes time: is there a place for the results?
    let folder = args.out.as_deref().map(|out| Folder::without(FILE, out));
    let folder = folder.transpose()?;
    if args.check && cfg!(debug_assertions) {
        return Err(Failure::error(
            "the registry speaks of the measured build, and this is another: \
             use cargo run --release -- counters --check",
        ));
    }
    let batches = match args.check {
        true => vec![CHECKED_BATCH],
        false => plan::batches(&args.batch.batch, RING_ENTRIES)?,
    };
    let fills = match args.fill {
        Some(fill) => vec![fill.into()],
        None => vec![Fill::Full, Fill::Random],
    };
    let turns = fills.into_iter().flat_map(|fill| {
        batches.iter().map(move |&batch| Turns { batch, fill })
    });
    let turns: Vec<_> = turns.collect();
    if args.check {
        return check_all(&variants, &turns, args.json);
    }
    let Counted { source, counts, packets } = count(&variants, &turns)?;
    let exact = source.as_ref().map(|_| &*counts);
    let version = source.as_ref().ok().map(Callgrind::version);
    let mut json = report::json(version, &counts, &[]);
    json["packets"] = published::json(&packets);
    if let Some(folder) = &folder {
        folder.put(FILE, format!("{json:#}\n").as_bytes())?;
    }
    if args.json {
        output::line(format_args!("{json:#}"));
    } else {
        if let Ok(counts) = exact {
            output::print(report::text(&turns, counts));
        }
        output::print(published::text(&packets, &turns));
    }
    Ok(())
}

/// What all instruments say together.
struct Counted {
    /// Valgrind, or why there is none.
    source: Result<Callgrind, Failure>,
    /// What it counted.
    counts: Vec<Count>,
    /// The same, with the kernel's counters.
    packets: Vec<Packet>,
}

/// Counts every variant with what there is.
fn count(variants: &[Variant], turns: &[Turns]) -> Result<Counted, Failure> {
    // Valgrind may be missing; the kernel's counters may still be there.
    let source = Callgrind::find();
    let counts = match &source {
        Ok(source) => count_all(source, variants, turns)?,
        Err(_) => Vec::new(),
    };
    let tallies = Perf::find()?.tally_all(variants, turns)?;
    let exact = source.as_ref().map(|_| &*counts);
    let exact = exact.map_err(ToString::to_string);
    let packets = published::rows(variants, turns, &exact, &tallies);
    if packets.iter().all(|packet| !packet.has_numbers()) {
        let why = exact.err().unwrap_or_default();
        return Err(Failure::environment(format!(
            "nothing can be counted here: {why}; and {}",
            packets.iter().find_map(Packet::reason).unwrap_or("no reason")
        )));
    }
    Ok(Counted { source, counts, packets })
}

/// What a packet takes with each variant in each of the turns.
///
/// # Errors
///
/// When nothing can be counted here.
pub fn packets(
    variants: &[Variant],
    turns: &[Turns],
) -> Result<Vec<Packet>, Failure> {
    Ok(count(variants, turns)?.packets)
}

/// Holds counts against the registry.
fn check_all(
    variants: &[Variant],
    turns: &[Turns],
    json: bool,
) -> Result<(), Failure> {
    let source = Callgrind::find()?;
    let counts = count_all(&source, variants, turns)?;
    let faults = check::faults(variants, &counts, Shows::of);
    if json {
        let json = report::json(Some(source.version()), &counts, &faults);
        output::line(format_args!("{json:#}"));
    } else {
        output::print(report::text(turns, &counts));
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

/// What callgrind alone counts of every variant in each of the turns.
///
/// # Errors
///
/// When there is no valgrind, or it fails.
pub fn exact(
    variants: &[Variant],
    turns: &[Turns],
) -> Result<Vec<Count>, Failure> {
    count_all(&Callgrind::find()?, variants, turns)
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

//! What is measured, once for all figures that ask for it.
//!
//! Samples lie in folders of their own below `samples/`, so that a campaign
//! that was stopped goes on where it was.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{panic, thread};

use super::figures::BATCH;
use super::published::Figure;
use crate::analysis;
use crate::cli::{
    BatchArgs, LatencyArgs, LoadArgs, MeasureArgs, OutputArgs, PlacementArg,
    TrafficArgs,
};
use crate::counters::{self, Packet};
use crate::environment::Root;
use crate::failure::Failure;
use crate::folder::Folder;
use crate::latency;
use crate::load::{PatternArg, Rate, SizesArg};
use crate::measure::Turns;
use crate::measurement::{self, Outcome};
use crate::plan::{self, Contenders, Effort};
use crate::results::{self, Cell, Fill, Placement, Run};
use crate::sweep::{differs, now, prepare};
use crate::tune::Hold;
use crate::{build_info, explain};
use nic_model::arrivals::{Pattern, Sizes};
use variants::registry::SAME_CODE;

/// Cycles of a modelled doorbell: half of what the published curve of the C
/// driver at 3.3 GHz shows per batch, for a batch has two.
pub const DOORBELL_CYCLES: u32 = 140;

/// How far a core may be from the frequency that it was set to.
const HELD: f64 = 0.02;

/// How rates are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bench {
    /// In lockstep, doorbells modelled.
    Doorbell,
    /// In lockstep.
    Lockstep,
    /// In threads.
    Threads,
}

impl Bench {
    /// What it is called in file names.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Doorbell => "doorbell",
            Self::Lockstep => "lockstep",
            Self::Threads => "threads",
        }
    }

    /// The same in words.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Doorbell => format!(
                "lockstep, modelled doorbell of {DOORBELL_CYCLES} cycles"
            ),
            Self::Lockstep => "lockstep, doorbells for free".to_owned(),
            Self::Threads => "threads, the card on another core".to_owned(),
        }
    }

    fn placement(self) -> PlacementArg {
        match self {
            Self::Doorbell | Self::Lockstep => PlacementArg::Lockstep,
            Self::Threads => PlacementArg::Threaded,
        }
    }
}

/// Variants at batch sizes.
pub type Cells = BTreeSet<(String, u16)>;

/// Where and how long all of it is measured.
#[derive(Clone, Debug)]
pub struct Campaign<'f> {
    /// Where samples go.
    pub folder: &'f Folder,
    /// Core that forwards.
    pub core: Option<u32>,
    /// Core of the card.
    pub model_core: Option<u32>,
    /// Seed of everything.
    pub seed: u64,
    /// Whether fewer rounds are enough.
    pub quick: bool,
}

impl Campaign<'_> {
    /// Samples of cells on a bench, at a frequency in MHz where one is named;
    /// goes on with those that are there.
    ///
    /// # Errors
    ///
    /// When they cannot be measured or kept, or the user stops it.
    pub fn sweep(
        &self,
        bench: Bench,
        cells: &Cells,
        mhz: Option<u64>,
    ) -> Result<Run, Failure> {
        let name = match mhz {
            Some(mhz) => format!("{}-{mhz}", bench.name()),
            None => bench.name().to_owned(),
        };
        let folder = Folder::open(&self.place(&name))?;
        let begun = folder.load()?;
        let _hold = match mhz {
            Some(mhz) => Some(hold(mhz).map_err(Failure::environment)?),
            None => None,
        };
        let mut run = match begun {
            Some(run) => self.known(run, &folder, cells)?,
            None => self.begin(bench, cells)?,
        };
        if !run.is_finished() {
            folder.save(&run)?;
            let mut keep = |run: &Run| folder.save(run);
            let outcome = measurement::complete(&mut run, &mut keep)?;
            if outcome == Outcome::Interrupted {
                return Err(Failure::interrupted("stopped"));
            }
        }
        folder.draw(&run)?;
        if let (Some(mhz), Some(ghz)) = (mhz, analysis::core_ghz(&run))
            && (ghz * 1e3 / mhz as f64 - 1.0).abs() > HELD
        {
            return Err(Failure::environment(format!(
                "the core was set to {mhz} MHz and ran at {:.0}",
                ghz * 1e3
            )));
        }
        Ok(run)
    }

    fn begin(&self, bench: Bench, cells: &Cells) -> Result<Run, Failure> {
        let placement = Placement::from(bench.placement());
        let effort = Effort::of_sweep(placement, self.quick);
        let measure = self.measure(bench);
        let setup = plan::setup(&measure, effort)?;
        let names: BTreeSet<_> = cells.iter().map(|(name, _)| name).collect();
        let variants: Result<Vec<_>, _> =
            names.into_iter().map(|name| plan::find(name)).collect();
        let contenders =
            Contenders::of(&variants?, SAME_CODE, explain::has_one_code)?;
        let batches: BTreeSet<_> = cells.iter().map(|c| c.1.into()).collect();
        let batches: Vec<u32> = batches.into_iter().collect();
        let mut all = plan::cells(
            &contenders.variants,
            &batches,
            measure.ring,
            setup.fill,
            None,
        )?;
        let asked = |cell: &Cell| {
            let is = |name: &str| cells.contains(&(name.into(), cell.batch));
            let mut theirs = contenders.same_code.iter();
            cell.copy
                || cell.variant == analysis::BASELINE
                || is(&cell.variant)
                || theirs.any(|s| s.as_in == cell.variant && is(&s.variant))
        };
        all.retain(asked);
        prepare(setup, effort, all, contenders, now())
    }

    /// A run that was begun, if it is of this program and machine.
    fn known(
        &self,
        run: Run,
        folder: &Folder,
        cells: &Cells,
    ) -> Result<Run, Failure> {
        let path = folder.path().display();
        let other = |what: &str| {
            Failure::error(format!(
                "{path} {what}: choose another folder by --out"
            ))
        };
        let has = |(name, batch): &(String, u16)| {
            let mut same = run.same_code.iter();
            let name = same
                .find(|same| same.variant == *name)
                .map_or(name, |same| &same.as_in);
            run.cells.iter().any(|c| c.variant == *name && c.batch == *batch)
        };
        if !cells.iter().all(has) {
            return Err(other("was begun for other figures"));
        }
        if run.build != build_info::build() {
            return Err(other("was begun by another build"));
        }
        let machine = Root::default().machine(run.setup.core);
        match differs(&run.machine, &machine) {
            Some(what) if !run.is_finished() => {
                Err(other(&format!("was begun on another machine ({what})")))
            }
            _ => Ok(run),
        }
    }

    fn measure(&self, bench: Bench) -> MeasureArgs {
        MeasureArgs {
            placement: bench.placement(),
            fill: None,
            seed: Some(self.seed),
            core: self.core,
            model_core: match bench {
                Bench::Threads => self.model_core,
                Bench::Doorbell | Bench::Lockstep => None,
            },
            processes: None,
            rounds: None,
            ring: 512,
            buffer: 2048,
            frame: 64,
            workload: None,
            types: None,
            trace: None,
            doorbell_cycles: match bench {
                Bench::Doorbell => DOORBELL_CYCLES,
                Bench::Lockstep | Bench::Threads => 0,
            },
        }
    }

    /// Latencies of a figure's variants at a rate in packets per second, in
    /// virtual time or on the wall clock.
    ///
    /// # Errors
    ///
    /// When they cannot be measured or kept, or the user stops it.
    pub fn latency(
        &self,
        in_virtual_time: bool,
        figure: &Figure,
        variants: &[String],
        per_second: f64,
    ) -> Result<latency::record::Record, Failure> {
        let time = if in_virtual_time { "virtual" } else { "wall" };
        let name = format!("{}-{time}", figure.id);
        let folder = Folder::open(&self.place(&name))?;
        let file = folder.path().join(latency::record::FILE);
        if file.exists() {
            let record: latency::record::Record =
                results::load(&file, latency::record::SCHEMA)
                    .map_err(Failure::error)?;
            let is_done = record.series.len() == variants.len();
            if is_done && record.build == build_info::build() {
                return Ok(record);
            }
        }

        let args = LatencyArgs {
            nic: None,
            load: LoadArgs {
                variant: variants.to_vec(),
                in_virtual_time,
                seed: Some(self.seed),
                core: self.core,
                output: OutputArgs { out: None, json: false },
            },
            rate: vec![Rate::PerSecond(per_second)],
            batch: BatchArgs { batch: BATCH.into() },
            traffic: TrafficArgs {
                frame: SizesArg(Sizes::One(64)),
                pattern: PatternArg(Pattern::Constant),
            },
            model_core: match in_virtual_time {
                true => None,
                false => self.model_core,
            },
            packets: self.quick.then_some(100_000),
            seconds: None,
        };
        latency::measure(&args, &folder)
    }

    /// Counters per packet of variants at batch sizes.
    ///
    /// # Errors
    ///
    /// When nothing can be counted here, or the user stops it.
    pub fn counters(
        &self,
        variants: &[String],
        batches: &[u16],
    ) -> Result<Vec<Packet>, Failure> {
        let variants: Result<Vec<_>, _> =
            variants.iter().map(|name| plan::find(name)).collect();
        let turns = |&batch| Turns { batch, fill: Fill::Full };
        let turns: Vec<_> = batches.iter().map(turns).collect();
        counters::packets(&variants?, &turns)
    }

    fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join("samples").join(name)
    }
}

/// Measures in a thread of its own, which takes its pinning with it.
pub fn apart<T: Send>(measure: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(measure).join())
        .unwrap_or_else(|why| panic::resume_unwind(why))
}

/// Holds a frequency in MHz, or says why not.
pub fn hold(mhz: u64) -> Result<Hold, String> {
    Hold::at(&Root::default(), mhz * 1000)
}

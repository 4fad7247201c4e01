//! `ndr`: the highest load that a variant forwards without loss, or with
//! little, on the model of the card.

mod arguments;
mod costs;
mod goal;
mod grid;
mod load;
mod mlrsearch;
mod record;
mod report;
mod selector;
mod trial;
mod virtual_time;

pub use arguments::{frames, share};
pub use goal::Goal;
pub use mlrsearch::{End, Found, GoalResult, Limits, Shape, search};
pub use report::FILE;
pub use trial::{Tester, Trial};
pub use virtual_time::VirtualTester;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nic_model::arrivals::Sizes;
use variants::registry::Variant;

use crate::affinity;
use crate::build_info;
use crate::cli::NdrArgs;
use crate::clock;
use crate::environment::Root;
use crate::failure::Failure;
use crate::folder::Folder;
use crate::output;
use crate::plan;
use crate::process;
use crate::results::Placement;
use crate::stats;
use crate::sweep::{command_line, now};
use costs::{Clock, Costs, RING, Subject};
use report::{Origin, Report, Row};

/// Searches in virtual time and prints what was found.
///
/// # Errors
///
/// When something was asked for that cannot be, a frame went missing, or not
/// every search came to its end.
pub fn command(args: &NdrArgs) -> Result<(), Failure> {
    let plan = Plan::new(args)?;
    let folder = args.out.as_deref().map(Folder::open).transpose()?;
    if let Some(folder) = &folder
        && folder.path().join(FILE).exists()
    {
        return Err(Failure::error(format!(
            "{} holds a result already: choose another folder by --out",
            folder.path().display()
        )));
    }
    let stop = process::interrupted();
    let machine = Root::default().machine(plan.core);
    affinity::pin(plan.core).map_err(Failure::environment)?;
    let clock = Clock {
        tick_hz: machine.tick_hz,
        cost_ticks: machine.clock_cost_ticks,
    };
    let origin = Origin {
        command: command_line(),
        started: now(),
        build: build_info::build(),
        ghz: rated(clock.tick_hz),
        core_ghz: frequency(clock.tick_hz),
        machine,
        core: plan.core,
        seed: plan.seed,
    };
    let mut report = Report::new(origin, &plan.goals[0]);
    let mut open = 0;
    for cell in plan.cells() {
        let Some(found) = cell.search(&plan, clock, report.ghz, stop)? else {
            break;
        };
        open += u32::from(found.end != End::Complete);
        let Cell { variant, frames, batch } = cell;
        report.rows.push(Row::new(variant.name(), frames, batch, &found));
        if let Some(folder) = &folder {
            report.save(folder.path())?;
        }
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    if let Some(folder) = &folder {
        report.save(folder.path())?;
        report.draw(folder.path())?;
    }
    match args.json {
        true => {
            let json = serde_json::to_string_pretty(&report);
            output::line(json.map_err(Failure::error)?);
        }
        false => output::print(report.text()),
    }
    let stopped = stop.load(Ordering::Relaxed);
    match open {
        _ if stopped
            && (open > 0 || report.rows.len() < plan.cells().len()) =>
        {
            Err(Failure::interrupted("stopped; what was found is shown"))
        }
        0 => Ok(()),
        open => Err(Failure::inconclusive(format!(
            "{open} of {} searches ended at their deadline without an answer; \
             shorter --seconds may help",
            report.rows.len()
        ))),
    }
}

/// Sizes of the mix, and how often each occurs in twelve.
const IMIX: [(f64, u16); 3] = [(7.0, 64), (4.0, 570), (1.0, 1518)];

/// The smallest load is this share of the largest.
const LEAST: f64 = 1e-3;

/// The largest load is so many times what batches of any size come to.
const BEYOND: f64 = 1.25;

/// Full-length trials after which a search ends without an answer.
const MOST_TRIALS: f64 = 1200.0;

/// Time after which a search ends without an answer.
const DEADLINE: Duration = Duration::from_secs(120);

/// Chains of instructions that the core's frequency is the median of.
const CHAINS: usize = 301;

/// What is searched for, and where.
struct Plan {
    variants: Vec<Variant>,
    frames: Vec<Sizes>,
    batches: Vec<u16>,
    goals: Vec<Goal>,
    core: u32,
    seed: u64,
}

impl Plan {
    fn new(args: &NdrArgs) -> Result<Self, Failure> {
        if !args.in_virtual_time {
            return Err(Failure::error(
                "only --virtual is there yet: searches in virtual time",
            ));
        }
        if !(0.01..=1.0).contains(&args.seconds) {
            return Err(Failure::error(format!(
                "--seconds {}: must be from 0.01 to 1",
                args.seconds
            )));
        }
        let mut variants: Vec<Variant> = Vec::new();
        for name in &args.variant {
            let variant = plan::find(name)?;
            if !variant.forwards {
                return Err(Failure::error(format!(
                    "{}: it forwards nothing",
                    variant.name()
                )));
            }
            if !variants.iter().any(|v| v.name() == variant.name()) {
                variants.push(variant);
            }
        }
        let mut losses = args.loss.clone();
        losses.sort_by(f64::total_cmp);
        losses.dedup();
        let goal = |loss_ratio: f64| {
            let width = args.width;
            Goal { loss_ratio, width, ..Goal::NDR }.scaled(args.seconds)
        };
        let goals: Vec<_> = losses.into_iter().map(goal).collect();
        goals.iter().try_for_each(Goal::check)?;
        let mut frames: Vec<Sizes> = Vec::new();
        for size in &args.frame {
            if !frames.contains(size) {
                frames.push(*size);
            }
        }
        let chosen = affinity::choose(Placement::Lockstep, args.core, None);
        let (core, _) = chosen.map_err(Failure::error)?;
        Ok(Self {
            variants,
            frames,
            batches: plan::batches(&args.batch, MOST_BATCH)?,
            goals,
            core,
            seed: args.seed.unwrap_or_else(|| fastrand::u64(..) >> 11),
        })
    }

    fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for &frames in &self.frames {
            for &batch in &self.batches {
                let cell = |&variant| Cell { variant, frames, batch };
                cells.extend(self.variants.iter().map(cell));
            }
        }
        cells
    }
}

/// The largest batch: as much as a phase hands to a port.
const MOST_BATCH: u16 = 448;

/// One search.
#[derive(Clone, Copy)]
struct Cell {
    variant: Variant,
    frames: Sizes,
    batch: u16,
}

impl Cell {
    /// Measures batches and searches. None when it was stopped before there
    /// was anything to search with.
    fn search(
        &self,
        plan: &Plan,
        clock: Clock,
        ghz: f64,
        stop: &AtomicBool,
    ) -> Result<Option<Found>, Failure> {
        let parts = match self.frames {
            Sizes::One(bytes) => vec![(1.0, bytes)],
            Sizes::Imix => IMIX.to_vec(),
        };
        let mut costs = Vec::new();
        for (weight, frame) in parts {
            let Self { variant, batch, .. } = *self;
            let Plan { core, seed, .. } = *plan;
            let subject = Subject { variant, batch, frame, core, seed };
            match Costs::measure(&subject, clock, stop)? {
                Some(part) => costs.push((weight, part)),
                None => return Ok(None),
            }
        }
        let costs = Costs::mixed(&costs).picoseconds(ghz);
        let mut tester = VirtualTester::new(costs, RING, plan.seed);
        let max = tester.capacity() * BEYOND;
        let seconds = plan.goals[0].final_seconds * MOST_TRIALS;
        let limits = Limits { min: max * LEAST, max, seconds };
        let begun = Instant::now();
        let mut keep_going =
            || !stop.load(Ordering::Relaxed) && begun.elapsed() < DEADLINE;
        search(&plan.goals, limits, &mut tester, &mut keep_going).map(Some)
    }
}

/// The frequency in GHz that rates are stated for: that of the time-stamp
/// counter, which is the same in each run, where the core's own is not.
fn rated(tick_hz: f64) -> f64 {
    match cfg!(target_arch = "x86_64") {
        true => tick_hz / 1e9,
        false => frequency(tick_hz),
    }
}

/// The core's present frequency in GHz.
fn frequency(tick_hz: f64) -> f64 {
    let chains: Vec<_> =
        (0..CHAINS).map(|_| clock::chain_ghz(tick_hz)).collect();
    stats::median(&chains).unwrap_or(1.0)
}

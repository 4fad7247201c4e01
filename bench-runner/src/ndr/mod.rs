//! `ndr`: the highest load that a variant forwards without loss, or with
//! little, on the model of the card.

mod charts;
mod class;
#[cfg(test)]
pub(crate) mod example;
mod goal;
mod grid;
mod mlrsearch;
pub mod record;
mod selector;
mod table;
mod tester;
mod trial;
mod trials;
mod wall_clock;

pub use charts::charts;
pub use goal::Goal;
pub use mlrsearch::{End, Found, GoalResult, Limits, Shape, search};
pub use table::conditions;
pub use tester::VirtualTester;
pub use trial::{Tester, Trial};
pub use wall_clock::WallTester;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use variants::registry::Variant;

use crate::affinity;
use crate::card;
use crate::cli::NdrArgs;
use crate::clock;
use crate::environment::{Circumstances, Root, warnings};
use crate::failure::Failure;
use crate::folder::Folder;
use crate::load::{SizesArg, Time};
use crate::measure::{Bench, ON_SCHEDULE, Replay, Until};
use crate::output;
use crate::plan;
use crate::process;
use crate::results::Setup;
use crate::sweep::{command_line, now};
use crate::virtual_time::{
    self, Contender, CycledCosts, Speed, failure, steps,
};
use record::{FILE, Record, Row, Search};

/// Packets of each fill over which a variant shows what it does now and then,
/// such as sweeping its pool, several times.
const PACKETS: u32 = 16_384;

/// Passes over a variant's batches, each with looks at how fast it is.
const PASSES: usize = 3;

/// Replays of a pass on each arena.
const REPLAYS: usize = 4;

/// The smallest load is this share of the largest.
const LEAST: f64 = 1e-3;

/// The largest load is so many times what batches of any size come to.
const BEYOND: f64 = 1.25;

/// Full-length trials after which a search ends without an answer.
const MOST_TRIALS: f64 = 1200.0;

/// Seconds of a trial that is not told otherwise, in virtual time.
const VIRTUAL_SECONDS: f64 = 0.1;

/// The same on the wall clock, where they pass.
const WALL_SECONDS: f64 = 0.05;

/// Time after which a search ends without an answer.
const DEADLINE: Duration = Duration::from_secs(120);

/// Searches and prints what was found.
///
/// # Errors
///
/// When something was asked for that cannot be, a frame went missing, or not
/// every search came to its end.
pub fn command(args: &NdrArgs) -> Result<(), Failure> {
    card::ports::none(args.nic.as_ref(), "ndr")?;
    let plan = Plan::new(args)?;
    // From here on an interruption keeps what there is.
    process::interrupted();
    let out = args.load.output.out.as_deref();
    let folder = out.map(|path| Folder::without(FILE, path)).transpose()?;
    let started = now();
    let core = plan.setup.core;
    let machine = Root::default().machine(core);
    affinity::pin(core).map_err(Failure::environment)?;
    let chain_ghz = clock::core_ghz(machine.tick_hz);
    let search = plan.search(machine.tick_hz, chain_ghz);
    let mut record = Record::new(command_line(), started, machine, search);
    record.warnings = surroundings(&record, &plan.setup);
    let end = measure(&plan, &mut record, folder.as_ref());
    if let Err(failure) = &end
        && record.rows.is_empty()
    {
        return Err(failure.clone());
    }
    if let Some(folder) = &folder {
        for (name, svg) in charts::charts(&record) {
            folder.put_chart(&name, &svg)?;
        }
    }
    match args.load.output.json {
        true => output::print(record.text()),
        false => output::print(table::table(&record)),
    }
    for note in &record.warnings {
        eprintln!("note: {note}");
    }
    if let Some(folder) = &folder {
        eprintln!("numbers and charts are in {}", folder.path().display());
    }
    end?;
    let open = record.rows.iter().filter(|row| row.end != End::Complete);
    match open.count() {
        0 => Ok(()),
        open => Err(Failure::inconclusive(format!(
            "{open} of {} searches ended at their deadline without an answer; \
             shorter --seconds may help",
            record.rows.len()
        ))),
    }
}

/// What is searched for, and where.
struct Plan {
    time: Time,
    setup: Setup,
    /// A core for those who only watch.
    aside: Option<u32>,
    variants: Vec<Variant>,
    frames: Vec<SizesArg>,
    batches: Vec<u16>,
    goals: Vec<Goal>,
}

impl Plan {
    fn new(args: &NdrArgs) -> Result<Self, Failure> {
        let time = args.load.time();
        let seconds = args.seconds.unwrap_or(match time {
            Time::Virtual => VIRTUAL_SECONDS,
            Time::Wall => WALL_SECONDS,
        });
        if !(0.01..=1.0).contains(&seconds) {
            return Err(Failure::error(format!(
                "--seconds {seconds}: must be from 0.01 to 1"
            )));
        }
        let variants = plan::forwarders(&args.load.variant)?;
        let mut losses = args.loss.clone();
        losses.sort_by(f64::total_cmp);
        losses.dedup();
        let goal = |loss_ratio: f64| {
            let width = args.width;
            Goal { loss_ratio, width, ..Goal::NDR }.scaled(seconds)
        };
        let goals: Vec<_> = losses.into_iter().map(goal).collect();
        goals.iter().try_for_each(Goal::check)?;
        let mut frames: Vec<SizesArg> = Vec::new();
        for frame in &args.frame {
            if !frames.contains(frame) {
                frames.push(*frame);
            }
        }
        let setup = plan::in_time(&args.load, args.model_core, frames[0])?;
        let batches = plan::sendable(&args.batch.batch, setup.ring_entries)?;
        let aside = affinity::aside(&[setup.core, setup.model_core]);
        Ok(Self { time, setup, aside, variants, frames, batches, goals })
    }

    /// As it is recorded.
    fn search(&self, tick_hz: f64, chain_ghz: f64) -> Search {
        let goal = &self.goals[0];
        let arenas = self.setup.arenas as usize;
        let (model_core, replays, ghz) = match self.time {
            Time::Virtual => (
                None,
                Some(PASSES * REPLAYS * arenas / 2),
                Some(rated(tick_hz, chain_ghz)),
            ),
            Time::Wall => (Some(self.setup.model_core), None, None),
        };
        Search {
            time: self.time,
            seed: self.setup.seed,
            core: self.setup.core,
            model_core,
            ring_entries: self.setup.ring_entries,
            buffer_bytes: self.setup.buffer_bytes,
            replays,
            ghz,
            chain_ghz,
            final_seconds: goal.final_seconds,
            sum_seconds: goal.sum_seconds,
            exceed_ratio: goal.exceed_ratio,
            width: goal.width,
        }
    }
}

/// Every search, one after the other; a row for each, kept as soon as it is
/// there.
fn measure(
    plan: &Plan,
    record: &mut Record,
    folder: Option<&Folder>,
) -> Result<(), Failure> {
    let tick_hz = record.machine.tick_hz;
    let ghz = record.search.ghz.unwrap_or(record.search.chain_ghz);
    let speed = Speed { tick_hz, ghz };
    for &frame in &plan.frames {
        let frame_bytes = frame.largest();
        let setup = Setup { frame_bytes, ..plan.setup.clone() };
        let mut bench = virtual_time::bench(&setup, frame)?;
        for &batch in &plan.batches {
            for &variant in &plan.variants {
                if is_stopped() {
                    return Err(stopped());
                }
                let (found, late) = match plan.time {
                    Time::Virtual => {
                        let found = search_for(
                            plan, &mut bench, speed, variant, batch,
                        )?;
                        (found, None)
                    }
                    Time::Wall => {
                        let traffic = (frame.0, plan.setup.seed);
                        let subject = (variant, batch);
                        let tester = WallTester::new(
                            &mut bench, tick_hz, plan.aside, traffic, subject,
                        );
                        by_the_clock(plan, tester)?
                    }
                };
                let row = Row {
                    late_trials: late,
                    ..Row::new(variant.name(), frame, batch, &found)
                };
                record.warnings.extend(note(&row));
                record.rows.push(row);
                if let Some(folder) = folder {
                    folder.put(FILE, record.text().as_bytes())?;
                }
                if found.end == End::Stopped && is_stopped() {
                    return Err(stopped());
                }
            }
        }
    }
    Ok(())
}

fn is_stopped() -> bool {
    process::interrupted().load(Ordering::Relaxed)
}

fn stopped() -> Failure {
    Failure::interrupted("stopped; what was found is shown")
}

/// Times a variant's batches and searches.
fn search_for(
    plan: &Plan,
    bench: &mut Bench,
    speed: Speed,
    variant: Variant,
    batch: u16,
) -> Result<Found, Failure> {
    let failed = |e| failure(&variant.name(), &e);
    let run = |fill: u16| steps::run(fill, PACKETS.div_ceil(fill.into()));
    let steps: Vec<_> = steps::fills(batch).into_iter().flat_map(run).collect();
    let until = Until::within(DEADLINE);
    let contender = Contender::new(bench, speed, variant, batch);
    let mut contender = contender.map_err(failed)?;
    let arenas = contender.arenas();
    let mut replays = vec![Vec::new(); arenas];
    for _ in 0..PASSES {
        let pass = contender.replay(&steps, REPLAYS * arenas, &until);
        for (number, one) in pass.map_err(failed)?.into_iter().enumerate() {
            replays[number % arenas].push(one);
        }
        contender.look().map_err(failed)?;
    }
    let quiet: Vec<_> = replays.into_iter().flat_map(quieter_half).collect();
    let costs = CycledCosts::new(&steps, &contender.costs(&quiet));
    let Setup { ring_entries, seed, .. } = plan.setup;
    let mut tester = VirtualTester::new(costs, ring_entries, seed);
    let max = tester.capacity() * BEYOND;
    limited(plan, max, &mut tester)
}

/// Searches on the wall clock; also, in how many trials the tester was late.
fn by_the_clock(
    plan: &Plan,
    mut tester: WallTester<'_>,
) -> Result<(Found, Option<usize>), Failure> {
    let max = tester.capacity()? * BEYOND;
    let found = limited(plan, max, &mut tester)?;
    Ok((found, Some(tester.late_trials())))
}

/// Searches up to a load, for some time.
fn limited(
    plan: &Plan,
    max: f64,
    tester: &mut dyn Tester,
) -> Result<Found, Failure> {
    let seconds = plan.goals[0].final_seconds * MOST_TRIALS;
    let limits = Limits { min: max * LEAST, max, seconds };
    let begun = Instant::now();
    let mut keep_going = || !is_stopped() && begun.elapsed() < DEADLINE;
    search(&plan.goals, limits, tester, &mut keep_going)
}

/// What a reader has to know of a search whose tester was late.
fn note(row: &Row) -> Option<String> {
    let late = row.late_trials.filter(|late| *late > 0)?;
    Some(format!(
        "{}, frames of {}, batch {}: in {late} of {} trials the tester was late \
         with more than {:.1} % of the packets; late and unsent ones count as \
         lost there",
        row.variant,
        row.frame,
        row.batch,
        row.trials,
        (1.0 - ON_SCHEDULE) * 100.0
    ))
}

/// Those of an arena's replays in which the machine was quicker.
fn quieter_half(mut replays: Vec<Replay>) -> Vec<Replay> {
    replays.sort_by(|a, b| a.turn_ticks.total_cmp(&b.turn_ticks));
    replays.truncate(replays.len().div_ceil(2));
    replays
}

/// The frequency in GHz that rates are stated for: that of the time-stamp
/// counter, which is the same in each run, where the core's own is not.
fn rated(tick_hz: f64, chain_ghz: f64) -> f64 {
    match cfg!(target_arch = "x86_64") {
        true => tick_hz / 1e9,
        false => chain_ghz,
    }
}

/// Notes about the machine.
fn surroundings(record: &Record, setup: &Setup) -> Vec<String> {
    warnings(
        &Root::default(),
        &Circumstances {
            build: &record.build,
            machine: &record.machine,
            core: setup.core,
            model_core: setup.model_core,
            stolen_ticks: None,
        },
    )
}

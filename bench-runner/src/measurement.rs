//! A measurement: fresh processes, one after the other, and what they say.

pub(crate) mod child;
mod pair;

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::affinity;
use crate::analysis::{self, Late};
use crate::clock;
use crate::environment::{Circumstances, Root, warnings};
use crate::failure::Failure;
use crate::measure::{Bench, ON_SCHEDULE, Task};
use crate::plan::{self, Effort, LEAST_PHASES};
use crate::process;
use crate::quality;
use crate::results::{Build, Cell, Process, Run, Setup};
use crate::stats;
use crate::worker::{Message, Order};
use child::{Child, Heard};

pub use pair::{Pair, Program};

/// The same where one contender is too dear for that.
const LEAST_PHASES_OF_DEAR: u32 = 2;

/// How long a worker with a real card may take to end.
const LONGEST_END: Duration = Duration::from_secs(30);

/// How a note begins that says where frames came late.
const LATE: &str = "the tester was the bottleneck";

/// How a measurement ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every process has all its rounds.
    Complete,
    /// Stopped by the user.
    Interrupted,
}

/// Who measures.
#[derive(Clone, Debug)]
pub enum Programs {
    /// One program, every cell.
    One(PathBuf),
    /// Two, in turns, each its own cells.
    Two(Box<Pair>),
    /// Two, in several links of each: process after process another pair.
    Links(Vec<Pair>),
}

/// What is measured on the forwarder's core before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calibration {
    /// Cost of one pair of clock reads.
    pub clock_cost_ticks: u32,
    /// The number of phases for the wanted length of a block.
    pub phases: u32,
}

/// Measures what the clock costs, and how many phases the blocks of `cells`
/// should have. Frames come as the rings take them meanwhile.
pub fn calibrate(
    setup: &Setup,
    cells: &[Cell],
    tick_hz: f64,
    effort: &Effort,
) -> Result<Calibration, Failure> {
    let asked = setup;
    let setup = Setup { arenas: 1, rate: None, ..setup.clone() };
    let baseline = Cell {
        variant: analysis::BASELINE.to_owned(),
        batch: setup.ring_entries.min(32),
        fill: setup.fill,
        workload: setup.workload,
        cores: None,
        copy: false,
        other: false,
    };
    let core = setup.core;
    // In a thread of its own, which takes its pinning with it.
    let trial = || {
        affinity::pin(core).map_err(Failure::environment)?;
        let clock_cost_ticks = clock::clock_cost_ticks();
        let mut bench = Bench::new(setup, clock_cost_ticks)
            .map_err(Failure::environment)?;
        let seconds = try_phases(&mut bench, &baseline, 20)? / tick_hz;
        let phases = (effort.block / seconds.max(1e-9)).round() as u32;
        let phases = phases.clamp(LEAST_PHASES, plan::MOST);
        let mut phases = plan::phases_offered(asked, phases, effort.block);
        if let Some(longest) = effort.longest {
            for cell in cells {
                let seconds = try_phases(&mut bench, cell, 2)? / tick_hz;
                let most = (longest / seconds.max(1e-9)) as u32;
                phases = phases.min(most.max(LEAST_PHASES_OF_DEAR));
            }
        }
        Ok(Calibration { clock_cost_ticks, phases })
    };
    thread::scope(|scope| scope.spawn(trial).join())
        .expect("the trial does not panic")
}

/// Ticks of a phase of a cell, from blocks of so many.
fn try_phases(
    bench: &mut Bench,
    cell: &Cell,
    phases: u32,
) -> Result<f64, Failure> {
    let task = Task {
        variant: plan::find(&cell.variant)?,
        workload: cell.workload,
        batch: cell.batch,
        fill: cell.fill,
        cores: cell.cores,
        arena: 0,
        length: phases,
        first_sequence: 0,
        runs_seed: 1,
    };
    let mut spans = Vec::new();
    for _ in 0..5 {
        let block = bench
            .block(&task)
            .map_err(|what| Failure::error(format!("{cell}: {what}")))?;
        spans.push(block.ticks as f64);
    }
    Ok(stats::median(&spans).unwrap_or(0.0) / f64::from(phases))
}

/// Measures the processes that `run` lacks; `checkpoint` is called after each
/// one, and once more when the user stops it all.
pub fn complete(
    run: &mut Run,
    checkpoint: &mut dyn FnMut(&Run) -> Result<(), Failure>,
) -> Result<Outcome, Failure> {
    let this = std::env::current_exe().map_err(Failure::environment)?;
    complete_by(&Programs::One(this), run, checkpoint)
}

/// The same, measured by another link of this program, or by two programs.
pub fn complete_by(
    programs: &Programs,
    run: &mut Run,
    checkpoint: &mut dyn FnMut(&Run) -> Result<(), Failure>,
) -> Result<Outcome, Failure> {
    let mut measure = |run: &Run, index, bar: &ProgressBar| match programs {
        Programs::One(program) => measure_process(program, run, index, bar),
        Programs::Two(pair) => pair.measure_process(run, index, bar),
        Programs::Links(pairs) => {
            let pair = &pairs[index as usize % pairs.len()];
            pair.measure_process(run, index, bar)
        }
    };
    complete_with(&mut measure, run, checkpoint)
}

/// What measures the process of a number of a run, and tells of its rounds.
pub type Measure<'m> =
    dyn FnMut(&Run, u32, &ProgressBar) -> Result<Process, Failure> + 'm;

/// The same, measured by whatever is given.
pub fn complete_with(
    measure: &mut Measure<'_>,
    run: &mut Run,
    checkpoint: &mut dyn FnMut(&Run) -> Result<(), Failure>,
) -> Result<Outcome, Failure> {
    let stop = process::interrupted();
    let rounds = run.setup.rounds as usize;
    run.processes.retain(|process| process.rounds.len() == rounds);
    let root = Root::default();
    let core = run.setup.core;
    let stolen_before = root.stolen_ticks(core);
    let bar = progress(run);
    let done = |run: &Run, index| {
        run.processes.iter().any(|process| process.index == index)
    };
    let mut outcome = Outcome::Complete;
    // In the end come the replacements of processes that were set apart.
    let next = |run: &Run| {
        let apart = quality::quarantined(run).len() as u32;
        let due = run.setup.processes..run.setup.processes + apart;
        let mut all = (0..run.setup.processes).chain(due);
        all.find(|&index| !done(run, index))
    };
    while let Some(index) = next(run) {
        bar.set_length(total(run));
        let process = measure(run, index, &bar)?;
        let is_whole = process.rounds.len() == rounds;
        if !process.rounds.is_empty() {
            run.processes.push(process);
            run.processes.sort_by_key(|process| process.index);
        }
        if !is_whole || stop.load(Ordering::Relaxed) {
            if !run.is_finished() {
                outcome = Outcome::Interrupted;
            }
            break;
        }
        checkpoint(run)?;
    }
    bar.finish_and_clear();
    let stolen = match (stolen_before, root.stolen_ticks(core)) {
        (Some(before), Some(after)) => Some(after.saturating_sub(before)),
        _ => None,
    };
    let about = |build: &Build| {
        let circumstances = Circumstances {
            build,
            machine: &run.machine,
            core,
            model_core: run.setup.model_core,
            stolen_ticks: stolen,
        };
        warnings(&root, &circumstances)
    };
    let mut all = about(&run.build);
    if let Some(other) = &run.other_build {
        let path = other.path.as_deref().unwrap_or("the second program");
        let mut more = about(other);
        more.retain(|warning| !all.contains(warning));
        all.extend(more.iter().map(|warning| format!("{path}: {warning}")));
    }
    for warning in all {
        if !run.warnings.contains(&warning) {
            run.warnings.push(warning);
        }
    }
    run.warnings.retain(|warning| !warning.contains(LATE));
    run.warnings.extend(late(run));
    checkpoint(run)?;
    Ok(outcome)
}

/// The note for a tester that was the bottleneck.
fn late(run: &Run) -> Option<String> {
    let Late { cells, worst, share } = analysis::late(run)?;
    let all = run.cells.len();
    Some(format!(
        "{LATE} in {cells} of {all} cells, in time with {:.2} % of the packets \
         in {worst}, less than {} %",
        share * 100.0,
        ON_SCHEDULE * 100.0
    ))
}

/// Rounds of all processes, replacements among them.
fn total(run: &Run) -> u64 {
    let apart = quality::quarantined(run).len() as u64;
    (u64::from(run.setup.processes) + apart) * u64::from(run.setup.rounds)
}

fn progress(run: &Run) -> ProgressBar {
    let done = run.processes.iter().map(|p| p.rounds.len() as u64).sum();
    let style = "{bar:40} {pos}/{len} rounds, {eta} left";
    let style = ProgressStyle::with_template(style)
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total(run))
        .with_style(style)
        .with_position(done)
        .with_elapsed(Duration::ZERO)
}

/// Runs worker process `index`; its rounds are fewer than asked for when the
/// user stops it.
fn measure_process(
    program: &Path,
    run: &Run,
    index: u32,
    bar: &ProgressBar,
) -> Result<Process, Failure> {
    let order = Order {
        index,
        setup: run.setup.clone(),
        cells: run.cells.clone(),
        tick_hz: run.machine.tick_hz,
        clock_cost_ticks: run.machine.clock_cost_ticks,
    };
    let mut worker = Worker::start(program, &order)?;
    let mut process = Process {
        index,
        pages: String::new(),
        rounds: Vec::new(),
        quality: None,
    };
    let stop = process::interrupted();
    while let Some(message) = worker.listen()? {
        match message {
            Message::Ready(pages) => process.pages = pages,
            Message::Rounds(rounds) => {
                bar.inc(rounds.len() as u64);
                process.rounds.extend(rounds);
            }
            Message::Done(quality) => process.quality = Some(quality),
            Message::Failed(line) => return Err(Failure::error(line)),
        }
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    let stopped = stop.load(Ordering::Relaxed);
    if stopped && run.setup.ports.is_some() {
        // A real card must be silent before its driver's memory goes.
        worker.0.ask_to_end(LONGEST_END);
    }
    if !stopped && process.rounds.len() < run.setup.rounds as usize {
        return Err(worker.obituary(index));
    }
    Ok(process)
}

/// A worker process.
struct Worker(Child);

impl Worker {
    fn start(program: &Path, order: &Order) -> Result<Self, Failure> {
        let cannot = |error: std::io::Error| {
            Failure::error(format!("cannot start a measuring process: {error}"))
        };
        let seed = order.setup.seed ^ u64::from(order.index);
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut child =
            Child::start(program, "worker", &mut rng).map_err(cannot)?;
        child.tell(order).map_err(cannot)?;
        child.hang_up();
        Ok(Self(child))
    }

    /// The next message; `None` when the worker has ended or is to end.
    fn listen(&mut self) -> Result<Option<Message>, Failure> {
        let heard = self.0.listen(Duration::MAX).map_err(Failure::error)?;
        let Heard::Line(line) = heard else { return Ok(None) };
        let message = serde_json::from_str(&line).map_err(|error| {
            Failure::error(format!("a measuring process said {line}: {error}"))
        });
        message.map(Some)
    }

    /// Why a worker ended before its time.
    fn obituary(&mut self, index: u32) -> Failure {
        let (status, said) = self.0.last_words();
        Failure::error(format!(
            "measuring process {index} ended early, {status}: {said}; what \
             was measured is kept, sweep --resume goes on"
        ))
    }
}

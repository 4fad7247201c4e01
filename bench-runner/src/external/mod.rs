//! `external`: drivers that nobody here wrote, unmodified, on our card.
//!
//! Each runs in namespaces of its own, where it finds the card under
//! `/sys/bus/pci/devices`. The card's registers are memory that one core
//! polls; the program's own memory is found by its physical addresses.

pub mod confine;
mod contender;
mod mapped;
mod memory;
mod program;
mod registers;
mod stage;

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use indicatif::ProgressBar;
use nic_model::FrameFormat;
use rustix::process::geteuid;

use crate::affinity;
use crate::build_info;
use crate::cli::ExternalArgs;
use crate::clock;
use crate::doctor;
use crate::environment::Root;
use crate::failure::Failure;
use crate::folder::{Folder, tables};
use crate::load::SizesArg;
use crate::measure::{Bench, EndOfLane, Lane, Probe, Task};
use crate::measurement::{self, Outcome};
use crate::output;
use crate::plan;
use crate::process;
use crate::quality::Watch;
use crate::results::{
    Cell, Examination, Fill, Placement, Process, Round, Run, SCHEMA, Setup,
    Workload,
};
use crate::sweep::{command_line, now, terminal_width};
use confine::Order;
use contender::{Contender, Patience, Staged, ticks};
use nic_model::arrivals::Sizes;
use stage::ADDRESSES;

/// Seconds of a window.
const WINDOW: f64 = 0.15;

/// Seconds between the start of a contender's turn and its window.
const SETTLE: f64 = 0.04;

/// Longest times that may be asked for, in seconds.
const MOST_SECONDS: f64 = 3600.0;

/// What goes in front of the name of a variant in a thread.
const THREADED: &str = "threaded:";

/// A program, or a variant, that takes turns.
#[derive(Clone, Debug)]
enum Kind {
    /// The words of a command.
    Program(Vec<String>),
    /// A variant's name.
    Thread(String),
}

/// All of those, and how they are measured.
struct Plan {
    contenders: Vec<(String, Kind)>,
    pin: Vec<u32>,
    huge_pages: Vec<PathBuf>,
    format: FrameFormat,
    warm_up: f64,
    patience: Duration,
    log_registers: bool,
    batch: u16,
}

/// Measures a program, and variants of our own in turn with it.
///
/// # Errors
///
/// A line for what was asked wrongly, cannot be measured or written.
pub fn command(args: &ExternalArgs) -> Result<(), Failure> {
    process::interrupted();
    let (plan, setup) = plan_of(args)?;
    let started = now();
    let machine = Root::default().machine(setup.core);
    let folder = match &args.out {
        Some(path) => Folder::without(crate::results::FILE, path)?,
        None => Folder::fresh(&started, &machine)?,
    };
    let cell = |(name, _): &(String, Kind)| Cell {
        variant: name.clone(),
        batch: plan.batch,
        fill: Fill::Full,
        workload: Workload::Forward,
        cores: None,
        copy: false,
        other: false,
    };
    let mut run = Run {
        schema: SCHEMA,
        command: command_line(),
        started,
        build: build_info::build(),
        other_build: None,
        machine,
        examination: Some(doctor::record(&setup)?),
        setup,
        cells: plan.contenders.iter().map(cell).collect(),
        same_code: Vec::new(),
        processes: Vec::new(),
        warnings: Vec::new(),
    };
    let mut accounts = Vec::new();
    let mut measure = |run: &Run, index: u32, bar: &ProgressBar| {
        let part = Part { plan: &plan, run, index, bar, folder: folder.path() };
        let measured = part.measure()?;
        accounts = measured.accounts;
        Ok(measured.process)
    };
    let outcome =
        measurement::complete_with(&mut measure, &mut run, &mut |run| {
            folder.save(run)
        });
    // What was measured before a program ended is kept.
    if run.processes.is_empty() {
        outcome?;
        return Err(Failure::interrupted("stopped"));
    }
    for account in &accounts {
        if !run.warnings.contains(account) {
            run.warnings.push(account.clone());
        }
    }
    folder.save(&run)?;
    folder.draw(&run)?;
    output::line(format_args!("{}", tables(&run, terminal_width())));
    output::line(format_args!(
        "Samples, charts and page are in {}",
        folder.path().display()
    ));
    if let Some(Examination { line, .. }) = &run.examination {
        eprintln!("note: before the run, {line}");
    }
    for warning in &run.warnings {
        eprintln!("note: {warning}");
    }
    match outcome? {
        Outcome::Complete => Ok(()),
        Outcome::Interrupted => Err(Failure::interrupted(format!(
            "stopped; what was measured is in {}",
            folder.path().display()
        ))),
    }
}

/// What was asked for, if it can be had here.
fn plan_of(args: &ExternalArgs) -> Result<(Plan, Setup), Failure> {
    let [program, ..] = &args.words[..] else {
        return Err(Failure::error("no program: name one behind --"));
    };
    let found = program::find(program)?;
    for port in ["{port0}", "{port1}"] {
        if !args.words.iter().any(|word| word.contains(port)) {
            return Err(Failure::error(format!(
                "the command does not say where {port} goes: put it where \
                 {program} expects a PCI address such as {}",
                ADDRESSES[0]
            )));
        }
    }
    for (what, value) in [
        ("--warmup", args.warmup),
        ("--seconds", args.seconds),
        ("--patience", args.patience),
    ] {
        if !(0.0..=MOST_SECONDS).contains(&value) {
            return Err(Failure::error(format!(
                "{what} {value}: must be from 0 to {MOST_SECONDS}"
            )));
        }
    }
    privileged()?;
    let mut words = vec![found.display().to_string()];
    words.extend(args.words[1..].iter().map(|word| {
        let word = word.replace("{port0}", ADDRESSES[0]);
        word.replace("{port1}", ADDRESSES[1])
    }));
    let base = || {
        let name = found.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    let name = args.name.clone().unwrap_or_else(base);
    let is_known = plan::find(&name).is_ok();
    if name.trim().is_empty() || is_known || name.contains(['/', '\n']) {
        return Err(Failure::error(format!(
            "--name {name:?}: the name of a variant, or no name; choose \
             another one"
        )));
    }
    let mut contenders = vec![(name, Kind::Program(words))];
    for variant in &args.with {
        let name = plan::forwarders(std::slice::from_ref(variant))?[0].name();
        let words = ourselves(&name, args)?;
        contenders.push((name, Kind::Program(words)));
    }
    for variant in &args.with_threaded {
        let name = plan::forwarders(std::slice::from_ref(variant))?[0].name();
        contenders.push((format!("{THREADED}{name}"), Kind::Thread(name)));
    }
    let pin = args.pin.first().copied();
    let mut setup = plan::under_load(
        Placement::External,
        [pin, args.model_core],
        None,
        SizesArg(Sizes::One(args.frame)),
    )?;
    let allowed = affinity::allowed_cores();
    let pin = match &args.pin[..] {
        [] => vec![setup.core],
        all => all.to_vec(),
    };
    for core in &pin {
        if !allowed.contains(core) || *core == setup.model_core {
            return Err(Failure::error(format!(
                "--pin {core}: not a core that programs can have besides the \
                 model's, {}",
                setup.model_core
            )));
        }
    }
    let batch = plan::sendable(&[args.batch], setup.ring_entries)?[0];
    setup.rounds = (args.seconds / WINDOW).ceil().max(1.0) as u32;
    setup.processes = args.repeat;
    setup.arenas = 1;
    let format =
        FrameFormat { wire_bytes: args.frame, ..FrameFormat::default() };
    let plan = Plan {
        contenders,
        pin,
        huge_pages: args.huge_pages.clone(),
        format,
        warm_up: args.warmup,
        patience: Duration::from_secs_f64(args.patience),
        log_registers: args.log_registers,
        batch,
    };
    Ok((plan, setup))
}

/// The command that runs a variant of this program.
fn ourselves(
    variant: &str,
    args: &ExternalArgs,
) -> Result<Vec<String>, Failure> {
    let this = std::env::current_exe().map_err(Failure::environment)?;
    let place = args.huge_pages.first().ok_or_else(|| {
        Failure::error("--huge-pages: no folder for our own variants")
    })?;
    let (batch, [first, second]) = (args.batch.to_string(), ADDRESSES);
    let (this, place) = (this.display(), place.display());
    let words = [
        &*this.to_string(),
        "forward",
        "--variant",
        variant,
        "--batch",
        &batch,
        "--huge-pages",
        &place.to_string(),
        first,
        second,
    ];
    Ok(words.map(str::to_owned).to_vec())
}

/// Whether this user and this machine can do it.
fn privileged() -> Result<(), Failure> {
    if !geteuid().is_root() {
        return Err(Failure::environment(
            "external needs root, for namespaces and for the physical \
             addresses of the program's memory: run it by sudo",
        ));
    }
    match Root::default().huge_pages() {
        Some(pages) if pages.free > 0 => Ok(()),
        Some(_) => Err(Failure::environment(
            "no free huge pages for the program's memory: bench-runner tune \
             --huge-pages 512 sets some aside",
        )),
        None => Err(Failure::environment(
            "this kernel has no huge pages of 2 MiB, which programs take \
             their DMA memory from",
        )),
    }
}

/// What one start of all programs measured.
struct Measured {
    process: Process,
    /// Where frames went, a line each.
    accounts: Vec<String>,
}

/// One start of all programs.
struct Part<'p> {
    plan: &'p Plan,
    run: &'p Run,
    index: u32,
    bar: &'p ProgressBar,
    folder: &'p Path,
}

impl Part<'_> {
    /// In a thread of its own, which takes its pinning with it.
    fn measure(&self) -> Result<Measured, Failure> {
        let card = || {
            affinity::pin(self.run.setup.model_core)
                .map_err(Failure::environment)?;
            self.with_threads()
        };
        thread::scope(|scope| scope.spawn(card).join())
            .expect("measuring does not panic")
    }

    fn with_threads(&self) -> Result<Measured, Failure> {
        let Self { plan, run, .. } = self;
        let variants: Vec<_> = plan
            .contenders
            .iter()
            .filter_map(|(name, kind)| match kind {
                Kind::Thread(variant) => Some((name, variant)),
                Kind::Program(_) => None,
            })
            .collect();
        let mut benches = Vec::new();
        for (name, variant) in &variants {
            let task = Task::of(plan::find(variant)?, plan.batch);
            let bench = Bench::new(run.setup.clone(), 0);
            let bench = bench.map_err(Failure::environment)?;
            benches.push(((*name).clone(), bench, task));
        }
        let lanes: Vec<_> = variants.iter().map(|_| Lane::default()).collect();
        thread::scope(|scope| {
            // All of them end with the scope.
            let _ends: Vec<_> = lanes.iter().map(EndOfLane).collect();
            let contenders = benches
                .iter_mut()
                .zip(&lanes)
                .map(|((name, bench, task), lane)| {
                    let core = run.setup.core;
                    let card = bench.beside(scope, task, core, lane);
                    Contender::thread(name.clone(), card, lane)
                })
                .collect();
            self.with_programs(contenders)
        })
    }

    fn with_programs(
        &self,
        mut threads: Vec<Contender<'_>>,
    ) -> Result<Measured, Failure> {
        let Self { plan, index, .. } = self;
        for one in &mut threads {
            one.await_ports(Patience { limit: plan.patience, log: None })?;
            one.stop();
        }
        let logs: Vec<_> = plan
            .contenders
            .iter()
            .map(|(name, _)| self.folder.join(format!("{name}.log")))
            .collect();
        let mut staged = Vec::new();
        for ((name, kind), log) in plan.contenders.iter().zip(&logs) {
            if let Kind::Program(words) = kind {
                let order = Order {
                    huge_pages: plan.huge_pages.clone(),
                    words: words.clone(),
                    cores: plan.pin.clone(),
                };
                staged.push(Staged::new(name, &order, log)?);
            }
        }
        let mut contenders: Vec<Contender<'_>> = Vec::new();
        for one in &mut staged {
            let mut one = Contender::program(one, plan.format)?;
            let log = self.folder.join(format!("{}.registers.log", one.name()));
            let log = plan.log_registers.then_some(log);
            let limit = plan.patience;
            one.await_ports(Patience { limit, log: log.as_deref() })?;
            one.stop();
            contenders.push(one);
        }
        contenders.extend(threads);
        let measured = self.in_turns(&mut contenders, *index);
        drop(contenders);
        drop(staged);
        logs.iter().for_each(|log| contender::tidy(log));
        measured
    }

    /// Window after window, in the order of the cells and in reverse.
    fn in_turns(
        &self,
        contenders: &mut [Contender<'_>],
        index: u32,
    ) -> Result<Measured, Failure> {
        let Setup { rounds, core, model_core, .. } = self.run.setup;
        let hz = self.run.machine.tick_hz;
        let settle = ticks(SETTLE, hz);
        for one in contenders.iter_mut() {
            one.go_on();
            let mut fine = Ok(());
            one.card().serve(ticks(self.plan.warm_up, hz), || true);
            fine = fine.and_then(|()| one.check());
            one.stop();
            fine?;
        }
        let watch = Watch::begin(model_core);
        let probe = Probe::new(model_core);
        let mut all = Vec::new();
        for number in 0..rounds {
            // What the forwarders' core does while none of them runs.
            let idle = || {
                affinity::pin(core).map_err(Failure::environment)?;
                let trip = probe.round_trip_ticks() / hz * 1e9;
                Ok::<_, Failure>((trip, clock::chain_ghz(hz)))
            };
            let (trip, chain_ghz) =
                thread::scope(|scope| scope.spawn(idle).join())
                    .expect("a probe does not panic")?;
            let mut round = Round {
                arena: 0,
                length: 1,
                chain_ghz,
                line_round_trip_ns: Some(trip),
                ticks: vec![0; contenders.len()],
                device_ticks: None,
                forwarded: Some(vec![0; contenders.len()]),
                model_busy: Some(vec![0.0; contenders.len()]),
                in_time: None,
                reference_ticks: None,
            };
            let mut order: Vec<_> = (0..contenders.len()).collect();
            if !number.is_multiple_of(2) {
                order.reverse();
            }
            for cell in order {
                let window = contenders[cell].window(settle, ticks(WINDOW, hz));
                let window = match window {
                    Err(failure)
                        if failure.exit
                            == crate::failure::Exit::Interrupted =>
                    {
                        return Ok(self.so_far(index, all, Vec::new()));
                    }
                    other => other?,
                };
                round.ticks[cell] = window.ticks;
                if let Some(forwarded) = &mut round.forwarded {
                    forwarded[cell] = window.forwarded;
                }
                if let Some(busy) = &mut round.model_busy {
                    busy[cell] = window.model_busy;
                }
            }
            all.push(round);
            self.bar.inc(1);
        }
        let quality = watch.end();
        let mut accounts = Vec::new();
        for (cell, one) in contenders.iter_mut().enumerate() {
            let mut lines = vec![one.account()];
            for memory::Refusal { iova, why } in one.refusals() {
                let name = one.name();
                lines.push(format!("{name}: DMA to {iova:#x} refused: {why}"));
            }
            one.whole()?;
            let forwarded = |round: &Round| {
                round.forwarded.as_ref().map_or(0, |each| each[cell])
            };
            if all.iter().all(|round| forwarded(round) == 0) {
                return Err(Failure::error(format!(
                    "no frame came back in any window: {}",
                    lines.join("; ")
                )));
            }
            accounts.extend(lines);
        }
        let mut measured = self.so_far(index, all, accounts);
        measured.process.quality = Some(quality);
        Ok(measured)
    }

    fn so_far(
        &self,
        index: u32,
        rounds: Vec<Round>,
        accounts: Vec<String>,
    ) -> Measured {
        let pages = "the programs' own".to_owned();
        let process = Process { index, pages, rounds, quality: None };
        Measured { process, accounts }
    }
}

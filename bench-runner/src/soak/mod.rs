//! `soak`: one rate for as long as asked, with drift and loss over time.

mod charts;
#[cfg(test)]
pub(crate) mod example;
mod flap;
pub mod record;
mod report;

pub use charts::charts;
pub use flap::FlapArg;
pub use report::text;

use std::path::Path;
use std::sync::Mutex;
use std::thread;

use indicatif::{ProgressBar, ProgressStyle};
use nic_model::Account;
use nic_model::arrivals::SECOND;
use nic_model::generator::Punctuality;

use crate::affinity;
use crate::build_info;
use crate::cli::SoakArgs;
use crate::environment::{Circumstances, Root, warnings};
use crate::failure::Failure;
use crate::folder::Folder;
use crate::latency::record::{Balance, recorded};
use crate::latency::up_to;
use crate::load::{PatternArg, Rate, SizesArg};
use crate::measure::{self, Kept, Listener, Probe, Schedule, Task};
use crate::output;
use crate::plan;
use crate::process::{self, Watchdog};
use crate::results::{self, Placement, Setup};
use crate::sweep::{command_line, differs, now, step_aside};
use crate::virtual_time;
use record::{FILE, Interval, Offered, Part, Record, SCHEMA};

/// Most intervals of a soak that is not told how long they are.
const INTERVALS: f64 = 600.0;

/// Most intervals at all.
const MOST_INTERVALS: f64 = 10_000.0;

/// Longest time that may be asked for, in seconds: thirty days.
const LONGEST: f64 = 30.0 * 86_400.0;

/// Seconds that the set-up of a part and its end may take.
const SET_UP: f64 = 60.0;

/// Offers the rate and tells what became of it, interval by interval.
///
/// # Errors
///
/// A line for what was asked wrongly, cannot be measured or written.
pub fn command(args: &SoakArgs) -> Result<(), Failure> {
    process::interrupted();
    let out = args.output.out.as_deref();
    let (folder, record) = match (args.resume, out) {
        (true, Some(path)) => {
            let folder = Folder::open(path)?;
            (Some(folder), resume(path)?)
        }
        (true, None) => {
            return Err(Failure::error(
                "--resume: name the soak's folder by --out",
            ));
        }
        (false, out) => {
            let record = begin(args)?;
            let folder = out.map(|path| Folder::without(FILE, path));
            (folder.transpose()?, record)
        }
    };
    let left = record.offered.seconds - record.measured();
    let record = match left > record.offered.interval / 10.0 {
        true => part(record, left, folder.as_ref()),
        false => Ended { record, end: Ok(()) },
    };
    let Ended { record, end } = record;
    if let Some(folder) = &folder {
        folder.put(FILE, record.text().as_bytes())?;
        for (name, svg) in charts::charts(&record) {
            folder.put_chart(&name, &svg)?;
        }
    }
    if record.intervals().next().is_some() {
        match args.output.json {
            true => output::print(record.text()),
            false => output::print(report::text(&record)),
        }
    }
    for note in &record.warnings {
        eprintln!("note: {note}");
    }
    if let Some(folder) = &folder {
        eprintln!("numbers and charts are in {}", folder.path().display());
    }
    end
}

/// A soak without intervals.
fn begin(args: &SoakArgs) -> Result<Record, Failure> {
    let variants = plan::forwarders(std::slice::from_ref(&args.variant))?;
    let variant = variants[0];
    let rate = args.rate.unwrap_or(Rate::Percent(100.0));
    if rate.is_share() {
        return Err(Failure::error(format!(
            "--rate {rate}: a soak takes packets per second, such as 5M, or \
             line"
        )));
    }
    let per_second = rate.per_second(args.traffic.frame.0, 0.0);
    let seconds = args.seconds;
    if !(seconds > 0.0 && seconds <= LONGEST) {
        return Err(Failure::error(format!(
            "--seconds {seconds}: must be above 0, at most {LONGEST}"
        )));
    }
    let interval = args
        .interval
        .unwrap_or_else(|| (seconds / INTERVALS).ceil().min(seconds));
    let least = (seconds / MOST_INTERVALS).max(0.01);
    if !(interval >= least && interval <= seconds) {
        return Err(Failure::error(format!(
            "--interval {interval}: must be from {least} to {seconds} s"
        )));
    }
    let cores = [args.core, args.model_core];
    let setup = plan::under_load(
        Placement::Threaded,
        cores,
        args.seed,
        args.traffic.frame,
    )?;
    let batch = plan::sendable(&[args.batch.batch], setup.ring_entries)?[0];
    let machine = Root::default().machine(setup.core);
    let build = build_info::build();
    let circumstances = Circumstances {
        build: &build,
        machine: &machine,
        core: setup.core,
        model_core: setup.model_core,
        stolen_ticks: None,
    };
    let warnings = warnings(&Root::default(), &circumstances);
    Ok(Record {
        schema: SCHEMA,
        command: command_line(),
        started: now(),
        build,
        machine,
        offered: Offered {
            variant: variant.name(),
            rate: rate.to_string(),
            packets_per_second: per_second,
            seconds,
            interval,
            pattern: args.traffic.pattern.to_string(),
            frame: args.traffic.frame.to_string(),
            batch,
            ring_entries: setup.ring_entries,
            buffer_bytes: setup.buffer_bytes,
            core: setup.core,
            model_core: setup.model_core,
            seed: setup.seed,
            flap: args.flap.map(|flap| flap.to_string()),
        },
        parts: Vec::new(),
        warnings,
    })
}

/// The soak to go on with.
fn resume(path: &Path) -> Result<Record, Failure> {
    let record: Record =
        results::load(&path.join(FILE), SCHEMA).map_err(Failure::error)?;
    let begun = |what: &str| {
        Failure::error(format!(
            "{} was begun {what}: start a new soak",
            path.display()
        ))
    };
    let build = build_info::build();
    if record.build != build {
        let commit = &record.build.commit;
        return Err(begun(&format!("by another build (commit {commit})")));
    }
    let machine = Root::default().machine(record.offered.core);
    if let Some(what) = differs(&record.machine, &machine) {
        return Err(begun(&format!("on another machine ({what})")));
    }
    Ok(record)
}

/// A soak and how its newest part ended.
struct Ended {
    record: Record,
    end: Result<(), Failure>,
}

/// What a part needs besides the record, worked out from it.
struct Job {
    setup: Setup,
    task: Task,
    schedule: Schedule,
    sizes: SizesArg,
    aside: Option<u32>,
}

fn job(record: &Record, seconds: f64) -> Result<Job, Failure> {
    let offered = &record.offered;
    // A file may hold anything.
    let read = |what: &str| Failure::error(format!("{FILE}: {what}"));
    let sizes: SizesArg =
        offered.frame.parse().map_err(|e: String| read(&e))?;
    let pattern: PatternArg =
        offered.pattern.parse().map_err(|e: String| read(&e))?;
    let flap = offered.flap.as_deref().map(str::parse::<FlapArg>);
    let flap = flap.transpose().map_err(|e| read(&e))?;
    let rate: Rate = offered.rate.parse().map_err(|e: String| read(&e))?;
    let cores = [Some(offered.core), Some(offered.model_core)];
    let setup = plan::under_load(
        Placement::Threaded,
        cores,
        Some(offered.seed),
        sizes,
    )?;
    let batch = plan::sendable(&[offered.batch.into()], setup.ring_entries)?[0];
    let variant = plan::find(&offered.variant)?;
    let task = Task::of(variant, batch);
    let schedule = Schedule {
        rate: offered.packets_per_second,
        pattern: pattern.0,
        sizes: sizes.0,
        on_a_wire: rate.on_a_wire(sizes.0),
        seconds,
        interval: offered.interval,
        traced: 0,
        // Another part is another schedule.
        seed: offered.seed.wrapping_add(record.parts.len() as u64),
        flap: flap.map(|flap| flap.0),
    };
    let aside = affinity::aside(&[setup.core, setup.model_core]);
    Ok(Job { setup, task, schedule, sizes, aside })
}

/// Goes on for so many seconds.
fn part(mut record: Record, seconds: f64, folder: Option<&Folder>) -> Ended {
    let job = match job(&record, seconds) {
        Ok(job) => job,
        Err(failure) => return Ended { record, end: Err(failure) },
    };
    step_aside(&job.setup);
    let tick_hz = record.machine.tick_hz;
    let bar = progress(&record);
    let started = now();
    record.parts.push(Part {
        started,
        round_trip_ns: 0.0,
        intervals: Vec::new(),
        account: None,
        receive_fills: Vec::new(),
        transmit_fills: Vec::new(),
    });
    let record = Mutex::new(record);
    let measured = thread::scope(|scope| {
        let worker = || {
            affinity::pin(job.setup.core).map_err(Failure::environment)?;
            let trip = Probe::new(job.setup.model_core).round_trip_ticks();
            newest(&record, |part| part.round_trip_ns = trip / tick_hz * 1e9);
            let mut bench = virtual_time::bench(&job.setup, job.sizes)?;
            let mut last = Default::default();
            let mut failed = None;
            let mut each = |seen: &measure::Interval| {
                let interval = of_interval(seen, &last);
                last = (seen.account, seen.punctuality);
                bar.inc(1);
                newest(&record, |part| part.intervals.push(interval));
                let text = record.lock().expect("nobody panics").text();
                let put = |folder: &Folder| folder.put(FILE, text.as_bytes());
                failed = failed.take().or(folder.and_then(|f| put(f).err()));
            };
            let listener = Listener { core: job.aside, each: &mut each };
            let name = job.task.variant.name();
            let limit = 1.1 * seconds + SET_UP;
            let _end = Watchdog::new(limit, format!("{name}, {seconds} s"));
            let kept = bench.paced(&job.task, &job.schedule, tick_hz, listener);
            let kept = kept.map_err(|e| virtual_time::failure(&name, &e))?;
            failed.map_or(Ok(kept), Err)
        };
        scope.spawn(worker).join().expect("measuring does not panic")
    });
    bar.finish_and_clear();
    let mut record = record.into_inner().expect("nobody panics");
    let end = measured.and_then(|kept| {
        let Kept { account, punctuality, fills, stopped, .. } = kept;
        let most = usize::from(record.offered.batch);
        if let Some(part) = record.parts.last_mut() {
            part.account = Some(Balance::of(&account, punctuality.unsent));
            part.receive_fills = up_to(most, fills.receive);
            part.transmit_fills = up_to(most, fills.transmit);
        }
        match stopped {
            true => Err(Failure::interrupted(match folder {
                Some(folder) => format!(
                    "stopped; bench-runner soak --resume --out {} goes on",
                    folder.path().display()
                ),
                None => "stopped".to_owned(),
            })),
            false => Ok(()),
        }
    });
    record.warnings.retain(|note| !note.contains(report::BEHIND));
    record.warnings.extend(report::behind(&record));
    Ended { record, end }
}

/// Changes the newest part.
fn newest(record: &Mutex<Record>, change: impl FnOnce(&mut Part)) {
    let mut record = record.lock().expect("nobody panics");
    if let Some(part) = record.parts.last_mut() {
        change(part);
    }
}

/// What an interval says, whose counts go on from those of the one before.
fn of_interval(
    seen: &measure::Interval,
    (account, punctuality): &(Account, Punctuality),
) -> Interval {
    let here = seen.account.since(account);
    Interval {
        seconds: seen.length as f64 / SECOND as f64,
        sent: seen.punctuality.sent - punctuality.sent,
        late: seen.punctuality.late - punctuality.late,
        forwarded: here.forwarded,
        ring_full: here.ring_empty,
        link_down: here.link_down,
        percentiles: recorded(&seen.histogram),
    }
}

fn progress(record: &Record) -> ProgressBar {
    let style = "{bar:40} {pos}/{len} intervals, {eta} left";
    let style = ProgressStyle::with_template(style)
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let Offered { seconds, interval, .. } = record.offered;
    let done = record.intervals().count() as u64;
    let all = (seconds / interval).round() as u64;
    ProgressBar::new(all).with_style(style).with_position(done)
}

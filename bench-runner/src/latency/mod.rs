//! `latency`: how long a packet takes, to the last percentile.

mod charts;
#[cfg(test)]
pub(crate) mod example;
mod export;
mod moved;
pub mod record;
pub mod series;
mod subject;
mod table;
mod wall_clock;

pub use charts::of_record as charts_of_record;
pub use record::FILE;
pub use subject::Offer;
pub use table::micros;
pub use wall_clock::{Offered as OfferedSchedule, up_to};

use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use nic_model::arrivals::Sizes;
use variants::registry::Variant;

use crate::affinity;
use crate::card;
use crate::cli::LatencyArgs;
use crate::clock;
use crate::environment::{Circumstances, Root, warnings};
use crate::failure::Failure;
use crate::folder::Folder;
use crate::load::{Length, Rate, Time};
use crate::measure::{self, Bench, ON_SCHEDULE};
use crate::output;
use crate::plan;
use crate::process;
use crate::results::{Machine, Setup};
use crate::sweep::{command_line, now, step_aside, terminal_width};
use crate::virtual_time::{self, Speed};
use record::{Floor, Offered, Record};
use series::Series;
use subject::Subject;
use wall_clock::{Cores, WallClock};

/// Most packets of a series in virtual time.
const MOST_PACKETS: f64 = 10_000_000.0;

/// Most seconds of a series on the wall clock.
const MOST_SECONDS: f64 = 3600.0;

/// What is to be measured.
struct Plan {
    time: Time,
    setup: Setup,
    variants: Vec<Variant>,
    rates: Vec<Rate>,
    offer: Offer,
    /// A core for those who only watch.
    aside: Option<u32>,
}

/// Measures the variants at the rates, prints their percentiles, and keeps
/// everything with `--out`.
///
/// # Errors
///
/// A line for what was asked wrongly, cannot be measured or written.
pub fn command(args: &LatencyArgs) -> Result<(), Failure> {
    card::ports::none(args.nic.as_ref(), "latency")?;
    let plan = plan_of(args)?;
    // From here on an interruption keeps what there is.
    process::interrupted();
    let out = args.load.output.out.as_deref();
    let folder = out.map(|path| Folder::without(FILE, path)).transpose()?;
    let Measured { record, series, floor: _, end } =
        measure_and_keep(&plan, folder.as_ref())?;
    match args.load.output.json {
        true => output::print(record.text()),
        false => {
            output::print(table::tables(&series, &record, terminal_width()));
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

/// The same, kept in a folder and not printed.
///
/// # Errors
///
/// A line for what cannot be measured or written, or was stopped.
pub fn measure(args: &LatencyArgs, folder: &Folder) -> Result<Record, Failure> {
    let measured = measure_and_keep(&plan_of(args)?, Some(folder))?;
    measured.end.map(|()| measured.record)
}

/// The same for drivers that are not variants, kept in a folder: `offer` is
/// given the clock's rate and whom to tell of each schedule that it offered.
///
/// # Errors
///
/// A line for what cannot be measured or written.
pub fn of_programs(
    setup: &Setup,
    rates: &[Rate],
    offer: &Offer,
    folder: &Folder,
    offer_all: impl FnOnce(f64, &mut Tell<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let plan = Plan {
        time: Time::Wall,
        setup: setup.clone(),
        variants: Vec::new(),
        rates: rates.to_vec(),
        offer: offer.clone(),
        aside: None,
    };
    let machine = Root::default().machine(setup.core);
    let tick_hz = machine.tick_hz;
    let report = Report { plan: &plan, folder: Some(folder), started: now() };
    let floor = jitter(&plan, tick_hz);
    let on_core = || {
        affinity::pin(setup.core).map_err(Failure::environment)?;
        Ok(clock::core_ghz(tick_hz))
    };
    let chain_ghz = std::thread::scope(|scope| scope.spawn(on_core).join())
        .expect("a clock does not panic")?;
    let circumstances = (machine, chain_ghz);
    let mut series = Vec::new();
    let end = offer_all(tick_hz, &mut |offered| {
        series.push(offered.series());
        let record = report.record(&circumstances, &floor, &series);
        report.keep(&record, series.last())
    });
    if series.is_empty() {
        return end;
    }
    let record = report.record(&circumstances, &floor, &series);
    let warnings = surroundings(&record, &plan);
    let record = Record { warnings, ..record };
    report.keep_all(&record, &series, &floor)?;
    output::print(table::tables(&series, &record, terminal_width()));
    for note in &record.warnings {
        eprintln!("note: {note}");
    }
    eprintln!("numbers and charts are in {}", folder.path().display());
    end
}

/// Who hears of a schedule that was offered.
pub type Tell<'t> =
    dyn FnMut(OfferedSchedule) -> Result<(), Failure> + Send + 't;

/// Measures a plan, and keeps what there is however it ends.
fn measure_and_keep(
    plan: &Plan,
    folder: Option<&Folder>,
) -> Result<Measured, Failure> {
    let started = now();
    let machine = Root::default().machine(plan.setup.core);
    step_aside(&plan.setup);
    let report = Report { plan, folder, started };
    let measured = measure_all(&report, machine)?;
    if let Err(failure) = &measured.end
        && measured.series.is_empty()
    {
        return Err(failure.clone());
    }
    let warnings = surroundings(&measured.record, plan);
    let record = Record { warnings, ..measured.record };
    report.keep_all(&record, &measured.series, &measured.floor)?;
    Ok(Measured { record, ..measured })
}

/// What was asked for, if it can be measured.
fn plan_of(args: &LatencyArgs) -> Result<Plan, Failure> {
    let variants = plan::forwarders(&args.load.variant)?;
    let mut rates: Vec<Rate> = Vec::new();
    for rate in &args.rate {
        if !rates.contains(rate) {
            rates.push(*rate);
        }
    }
    let time = args.load.time();
    let setup = plan::in_time(&args.load, args.model_core, args.traffic.frame)?;
    let batch = plan::sendable(&[args.batch.batch], setup.ring_entries)?[0];
    let length = match (args.packets, args.seconds) {
        (Some(packets), _) => Some(Length::Packets(packets)),
        (None, Some(seconds)) if seconds > 0.0 && seconds <= MOST_SECONDS => {
            Some(Length::Seconds(seconds))
        }
        (None, Some(seconds)) => {
            return Err(Failure::error(format!(
                "--seconds {seconds}: must be above 0, at most {MOST_SECONDS}"
            )));
        }
        (None, None) => None,
    };
    for rate in &rates {
        if rate.is_share() {
            continue;
        }
        let per_second = rate.per_second(args.traffic.frame.0, 0.0);
        match (time, length) {
            (Time::Virtual, Some(Length::Seconds(seconds)))
                if per_second * seconds > MOST_PACKETS =>
            {
                return Err(Failure::error(format!(
                    "{rate} for {seconds} s are more than {MOST_PACKETS} \
                     packets: fewer --seconds, or --packets"
                )));
            }
            (Time::Wall, Some(Length::Packets(packets)))
                if packets as f64 / per_second > MOST_SECONDS =>
            {
                return Err(Failure::error(format!(
                    "{packets} packets at {rate} take more than \
                     {MOST_SECONDS} s: fewer --packets, or --seconds"
                )));
            }
            _ => {}
        }
    }
    let (sizes, pattern) = (args.traffic.frame, args.traffic.pattern);
    let offer = Offer { batch, sizes, pattern, length };
    let aside = affinity::aside(&[setup.core, setup.model_core]);
    Ok(Plan { time, setup, variants, rates, offer, aside })
}

/// What came of a plan.
struct Measured {
    /// All of it, without what a reader has to know of the machine.
    record: Record,
    /// What was measured until its end.
    series: Vec<Series>,
    /// The machine's own jitter.
    floor: Histogram<u64>,
    /// How it ended.
    end: Result<(), Failure>,
}

/// Every series, in a thread that takes its pinning with it; and how it
/// ended, for what is there is kept.
fn measure_all(
    report: &Report<'_>,
    mut machine: Machine,
) -> Result<Measured, Failure> {
    let plan = report.plan;
    let bar = progress(plan);
    let measured = std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let floor = jitter(plan, machine.tick_hz);
            affinity::pin(plan.setup.core).map_err(Failure::environment)?;
            let chain_ghz = clock::core_ghz(machine.tick_hz);
            let mut bench = virtual_time::bench(&plan.setup, plan.offer.sizes)?;
            machine.clock_cost_ticks = bench.clock_cost_ticks();
            let tick_hz = machine.tick_hz;
            let speed = Speed { tick_hz, ghz: chain_ghz };
            let circumstances = (machine, chain_ghz);
            let record = |series: &[Series]| {
                report.record(&circumstances, &floor, series)
            };
            let mut series = Vec::new();
            let mut done = |one: Series| {
                series.push(one);
                bar.inc(1);
                report.keep(&record(&series), series.last())
            };
            let end = match plan.time {
                Time::Virtual => virtually(plan, &mut bench, speed, &mut done),
                Time::Wall => {
                    by_the_clock(plan, &mut bench, tick_hz, &mut done)
                }
            };
            let record = record(&series);
            Ok(Measured { record, series, floor, end })
        });
        worker.join().expect("measuring does not panic")
    });
    bar.finish_and_clear();
    measured
}

/// The machine's own jitter, on the cores that are measured on.
fn jitter(plan: &Plan, tick_hz: f64) -> Histogram<u64> {
    measure::floor(&watched(plan), tick_hz)
}

/// The cores that are measured on.
fn watched(plan: &Plan) -> Vec<u32> {
    let Setup { core, model_core, .. } = plan.setup;
    match plan.time {
        Time::Virtual => vec![core],
        Time::Wall => vec![core, model_core],
    }
}

/// What is done with a series.
type Done<'d> = dyn FnMut(Series) -> Result<(), Failure> + 'd;

fn virtually(
    plan: &Plan,
    bench: &mut Bench,
    speed: Speed,
    done: &mut Done<'_>,
) -> Result<(), Failure> {
    let (setup, batch) = (&plan.setup, plan.offer.batch);
    for variant in &plan.variants {
        let mut subject = Subject::new(bench, setup, speed, *variant, batch)?;
        for rate in &plan.rates {
            done(subject.series(&plan.offer, *rate)?)?;
        }
    }
    Ok(())
}

fn by_the_clock(
    plan: &Plan,
    bench: &mut Bench,
    tick_hz: f64,
    done: &mut Done<'_>,
) -> Result<(), Failure> {
    let cores = Cores { setup: &plan.setup, aside: plan.aside };
    for variant in &plan.variants {
        let batch = plan.offer.batch;
        let mut subject =
            WallClock::new(bench, cores, tick_hz, *variant, batch);
        for rate in &plan.rates {
            done(subject.series(&plan.offer, *rate)?)?;
        }
    }
    Ok(())
}

fn progress(plan: &Plan) -> ProgressBar {
    let style = "{bar:40} {pos}/{len} series, {eta} left";
    let style = ProgressStyle::with_template(style)
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let series = plan.variants.len() * plan.rates.len();
    ProgressBar::new(series as u64).with_style(style)
}

/// Where results go while they come.
struct Report<'p> {
    plan: &'p Plan,
    folder: Option<&'p Folder>,
    started: String,
}

impl Report<'_> {
    /// What is known so far.
    fn record(
        &self,
        (machine, chain_ghz): &(Machine, f64),
        floor: &Histogram<u64>,
        series: &[Series],
    ) -> Record {
        Record::new(
            command_line(),
            self.started.clone(),
            machine.clone(),
            offered(self.plan, *chain_ghz),
            Floor::new(watched(self.plan), floor),
            series,
            notes(self.plan, series),
        )
    }

    /// Writes the numbers, and the newest series' histogram.
    fn keep(
        &self,
        record: &Record,
        newest: Option<&Series>,
    ) -> Result<(), Failure> {
        let Some(folder) = self.folder else {
            return Ok(());
        };
        folder.put(FILE, record.text().as_bytes())?;
        newest.map_or(Ok(()), |one| {
            folder.put(&export::file_name(one), &export::log(one, record))
        })
    }

    /// Writes numbers and charts.
    fn keep_all(
        &self,
        record: &Record,
        series: &[Series],
        floor: &Histogram<u64>,
    ) -> Result<(), Failure> {
        self.keep(record, None)?;
        let Some(folder) = self.folder else {
            return Ok(());
        };
        for (name, svg) in charts::charts(record, series, floor) {
            folder.put_chart(&name, &svg)?;
        }
        Ok(())
    }
}

/// The plan as it is recorded.
fn offered(plan: &Plan, chain_ghz: f64) -> Offered {
    let Offer { batch, sizes, pattern, length } = plan.offer;
    let (packets, seconds) = match length {
        Some(Length::Packets(packets)) => (Some(packets), None),
        Some(Length::Seconds(seconds)) => (None, Some(seconds)),
        None => (None, None),
    };
    Offered {
        time: plan.time,
        seed: plan.setup.seed,
        core: plan.setup.core,
        model_core: match plan.time {
            Time::Virtual => None,
            Time::Wall => Some(plan.setup.model_core),
        },
        batch,
        frame: sizes.to_string(),
        pattern: pattern.to_string(),
        packets,
        seconds,
        ring_entries: plan.setup.ring_entries,
        buffer_bytes: plan.setup.buffer_bytes,
        replays: match plan.time {
            Time::Virtual => Some(subject::REPLAYS),
            Time::Wall => None,
        },
        chain_ghz,
    }
}

/// What a reader of the series has to know.
fn notes(plan: &Plan, series: &[Series]) -> Vec<String> {
    let mut notes = Vec::new();
    for one in series {
        if let Some(settling) = one.settling.filter(|s| !s.settled) {
            notes.push(format!(
                "{}: fills did not stand still after {} replays; batches still \
                 differ from those replayed last by {:.1} % of their size",
                one.name(),
                settling.replayed,
                settling.moved * 100.0
            ));
        }
    }
    for one in series.iter().filter(|one| !one.is_on_schedule()) {
        let share = one.threads.as_ref().map_or(1.0, |t| t.punctuality.share());
        notes.push(format!(
            "{}: the card's thread was in time with {:.2} % of the packets, \
             less than {} %: the tester was the bottleneck, and its delays \
             are in these latencies",
            one.name(),
            share * 100.0,
            ON_SCHEDULE * 100.0
        ));
    }
    let beyond = |s: &&Series| !s.rate.is_share() && !s.on_a_wire;
    if let Some(one) = series.iter().find(beyond) {
        let line = match plan.offer.sizes.0 {
            Sizes::One(bytes) => format!("{bytes}-byte frames"),
            Sizes::Imix => "the mix".to_owned(),
        };
        notes.push(format!(
            "{} is more than two 10 Gbit/s wires carry of {line}: frames \
             come as if there were none",
            one.rate
        ));
    }
    notes
}

/// The notes of the record and those about the machine.
fn surroundings(record: &Record, plan: &Plan) -> Vec<String> {
    let circumstances = Circumstances {
        build: &record.build,
        machine: &record.machine,
        core: plan.setup.core,
        model_core: plan.setup.model_core,
        stolen_ticks: None,
    };
    let mut all = record.warnings.clone();
    all.extend(warnings(&Root::default(), &circumstances));
    all
}

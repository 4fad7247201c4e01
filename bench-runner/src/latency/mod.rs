//! `latency`: how long a packet takes, to the last percentile.

mod charts;
#[cfg(test)]
mod example;
mod export;
mod moved;
pub mod record;
pub mod series;
mod subject;
mod table;

use indicatif::{ProgressBar, ProgressStyle};
use nic_model::arrivals::Sizes;
use variants::registry::Variant;

use crate::affinity;
use crate::cli::LatencyArgs;
use crate::clock;
use crate::environment::{Circumstances, Root, warnings};
use crate::failure::Failure;
use crate::folder::Folder;
use crate::load::{Length, Rate};
use crate::measure::Bench;
use crate::output;
use crate::plan;
use crate::process;
use crate::results::Setup;
use crate::sweep::{command_line, now, step_aside, terminal_width};
use crate::virtual_time::{self, Speed};
use record::{FILE, Offered, Record};
use series::Series;
use subject::{Offer, Subject};

/// Packets of a series that is not told otherwise: ten are left above the
/// last percentile that is reported.
const PACKETS: u64 = 1_000_000;

/// Most packets of a series.
const MOST_PACKETS: f64 = 10_000_000.0;

/// What is to be measured.
struct Plan {
    setup: Setup,
    variants: Vec<Variant>,
    rates: Vec<Rate>,
    offer: Offer,
}

/// Measures the variants at the rates, prints their percentiles, and keeps
/// everything with `--out`.
///
/// # Errors
///
/// A line for what was asked wrongly, cannot be measured or written.
pub fn command(args: &LatencyArgs) -> Result<(), Failure> {
    if !args.load.in_virtual_time {
        return Err(Failure::error(
            "latency on the wall clock: only --virtual is there yet",
        ));
    }
    let plan = plan_of(args)?;
    // From here on an interruption keeps what there is.
    process::interrupted();
    let out = args.load.output.out.as_deref();
    let folder = out.map(|path| Folder::without(FILE, path)).transpose()?;
    let started = now();
    let mut machine = Root::default().machine(plan.setup.core);
    step_aside(&plan.setup);
    let measured = measure(&plan, machine.tick_hz)?;
    machine.clock_cost_ticks = measured.clock_cost_ticks;
    let Measured { chain_ghz, series, end, .. } = measured;
    if let Err(failure) = &end
        && series.is_empty()
    {
        return Err(failure.clone());
    }
    let record = Record::new(
        command_line(),
        started,
        machine,
        offered(&plan, chain_ghz),
        &series,
        notes(&plan, &series),
    );
    let record = Record { warnings: surroundings(&record, &plan), ..record };
    if let Some(folder) = &folder {
        keep(folder, &record, &series)?;
    }
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

/// What was asked for, if it can be measured.
fn plan_of(args: &LatencyArgs) -> Result<Plan, Failure> {
    let variants = plan::forwarders(&args.load.variant)?;
    let mut rates: Vec<Rate> = Vec::new();
    for rate in &args.rate {
        if !rates.contains(rate) {
            rates.push(*rate);
        }
    }
    let setup =
        virtual_time::setup(args.load.core, args.load.seed, args.frame)?;
    let batch = plan::sendable(&[args.batch.batch], setup.ring_entries)?[0];
    let length = match (args.packets, args.seconds) {
        (Some(packets), _) => Length::Packets(packets),
        (None, Some(seconds)) if seconds > 0.0 && seconds <= 1e6 => {
            Length::Seconds(seconds)
        }
        (None, Some(seconds)) => {
            return Err(Failure::error(format!(
                "--seconds {seconds}: must be above 0"
            )));
        }
        (None, None) => Length::Packets(PACKETS),
    };
    if let Length::Seconds(seconds) = length {
        for rate in &rates {
            if let Rate::PerSecond(per_second) = rate
                && per_second * seconds > MOST_PACKETS
            {
                return Err(Failure::error(format!(
                    "{rate} for {seconds} s are more than {MOST_PACKETS} \
                     packets: fewer --seconds, or --packets"
                )));
            }
        }
    }
    let (sizes, pattern) = (args.frame, args.pattern);
    let offer = Offer { batch, sizes, pattern, length };
    Ok(Plan { setup, variants, rates, offer })
}

/// What came of a plan.
struct Measured {
    /// The core's frequency when it began.
    chain_ghz: f64,
    /// Cost of one pair of clock reads.
    clock_cost_ticks: u32,
    /// What was measured until its end.
    series: Vec<Series>,
    /// How it ended.
    end: Result<(), Failure>,
}

/// Every series, in a thread that takes its pinning with it; and how it
/// ended, for what is there is kept.
fn measure(plan: &Plan, tick_hz: f64) -> Result<Measured, Failure> {
    let bar = progress(plan);
    let measured = std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            affinity::pin(plan.setup.core).map_err(Failure::environment)?;
            let chain_ghz = clock::core_ghz(tick_hz);
            let mut bench = virtual_time::bench(&plan.setup, plan.offer.sizes)?;
            let clock_cost_ticks = bench.clock_cost_ticks();
            let speed = Speed { tick_hz, ghz: chain_ghz };
            let mut series = Vec::new();
            let end =
                measure_on(plan, &mut bench, speed, &mut |one: Series| {
                    series.push(one);
                    bar.inc(1);
                });
            Ok(Measured { chain_ghz, clock_cost_ticks, series, end })
        });
        worker.join().expect("measuring does not panic")
    });
    bar.finish_and_clear();
    measured
}

fn measure_on(
    plan: &Plan,
    bench: &mut Bench,
    speed: Speed,
    done: &mut dyn FnMut(Series),
) -> Result<(), Failure> {
    let (setup, batch) = (&plan.setup, plan.offer.batch);
    for variant in &plan.variants {
        let mut subject = Subject::new(bench, setup, speed, *variant, batch)?;
        for rate in &plan.rates {
            done(subject.series(&plan.offer, *rate)?);
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

/// The plan as it is recorded.
fn offered(plan: &Plan, chain_ghz: f64) -> Offered {
    let Offer { batch, sizes, pattern, length } = plan.offer;
    let (packets, seconds) = match length {
        Length::Packets(packets) => (Some(packets), None),
        Length::Seconds(seconds) => (None, Some(seconds)),
    };
    Offered {
        time: record::Time::Virtual,
        seed: plan.setup.seed,
        core: plan.setup.core,
        batch,
        frame: sizes.to_string(),
        pattern: pattern.to_string(),
        packets,
        seconds,
        ring_entries: plan.setup.ring_entries,
        buffer_bytes: plan.setup.buffer_bytes,
        replays: subject::REPLAYS,
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

/// Writes everything there is.
fn keep(
    folder: &Folder,
    record: &Record,
    series: &[Series],
) -> Result<(), Failure> {
    folder.put(FILE, record.text().as_bytes())?;
    for one in series {
        folder.put(&export::file_name(one), &export::log(one, record))?;
    }
    for (name, svg) in charts::charts(record, series) {
        folder.put_chart(&name, &svg)?;
    }
    Ok(())
}

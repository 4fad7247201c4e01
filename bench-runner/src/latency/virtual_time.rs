//! Virtual time: measured costs of batches against a schedule of arrivals.
//!
//! The machine's time is nowhere in it but in what batches cost. A queueing
//! run says how full batches are; these batches are replayed on the driver,
//! which says what each costs; with that the queueing run is played again,
//! until the fills stand still.

use std::time::Duration;

use nic_model::arrivals::Arrivals;
use variants::registry::Variant;
use variants::workload::PORTS;

use super::costs::{MeasuredCosts, Replayed, moved};
use super::load::{Length, PatternArg, Rate, SizesArg};
use super::queue::{self, Outcome, Queue};
use super::series::{Series, Settling, Slices, histogram};
use crate::analysis::BASELINE;
use crate::failure::Failure;
use crate::measure::{Bench, Invalid, Step, Task, Until};
use crate::plan;
use crate::results::{Fill, Setup};
use crate::stats;

/// Fewest replays of the same batches; a batch costs the median over them.
pub const REPLAYS: usize = 5;

/// Most replays of the same batches.
const MOST_REPLAYS: usize = 15;

/// Few batches are replayed more often, until there are so many of them: they
/// are of high loads, where a slow moment of the machine fills the rings.
const REPLAYED_BATCHES: usize = 2_000_000;

/// Most often that the batches of a queueing run are replayed.
const MOST_ROUNDS: u32 = 10;

/// Fills stand still when the batch of a packet is no more than this share
/// larger or smaller than before, on average.
pub const STILL: f64 = 0.05;

/// Batches of each fill in the first replay, one after the other.
const FIRST_BATCHES: u32 = 64;

/// Looks at how fast the machine is.
const LOOKS: usize = 25;

/// Packets that a variant's highest rate is measured with.
const FULL_PACKETS: u32 = 100_000;

/// How long a series may take, per million of packets or part of it.
const LIMIT: Duration = Duration::from_secs(120);

/// What is offered to every variant.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Upper limit of packets per receive call.
    pub batch: u16,
    /// How large frames are.
    pub sizes: SizesArg,
    /// How they follow each other.
    pub pattern: PatternArg,
    /// How many there are.
    pub length: Length,
}

/// A variant whose batches have been timed.
pub struct Contender<'b> {
    bench: &'b mut Bench,
    setup: Setup,
    tick_hz: f64,
    /// Ticks of its full turns on the machine as fast as costs are given for.
    turn_ticks: f64,
    variant: Variant,
    batch: u16,
    /// Costs by fill, of batches without a pause.
    costs: MeasuredCosts,
    /// Packets per second of full batches.
    highest: f64,
}

impl<'b> Contender<'b> {
    /// Times batches of every size, and then full ones. Costs are those of
    /// the machine as fast as the yardstick knows it, whatever it is now.
    ///
    /// # Errors
    ///
    /// When a replay has no result.
    pub fn new(
        bench: &'b mut Bench,
        setup: &Setup,
        yardstick: Yardstick,
        variant: Variant,
        batch: u16,
    ) -> Result<Self, Failure> {
        let mut contender = Self {
            bench,
            setup: setup.clone(),
            tick_hz: yardstick.tick_hz,
            turn_ticks: 1.0,
            variant,
            batch,
            costs: MeasuredCosts::by_fill(
                &[],
                &Replayed { step_ps: Vec::new(), poll_ps: 0.0 },
            ),
            highest: 0.0,
        };
        let until = Until::within(LIMIT);
        let failed = |e: Invalid| failure(&variant.name(), &e);
        let ratio = yardstick.ratio(contender.bench, setup, variant, batch);
        contender.turn_ticks = yardstick.turn_ticks * ratio.map_err(failed)?;
        let steps = every_fill(batch, setup.seed);
        let replayed = contender.replay(&steps, &until).map_err(failed)?;
        contender.costs = MeasuredCosts::by_fill(&steps, &replayed);
        let steps = full_batches(batch);
        let replayed = contender.replay(&steps, &until).map_err(failed)?;
        contender.highest = replayed.rate(&steps);
        Ok(contender)
    }

    /// Offers a rate and follows every frame.
    ///
    /// # Errors
    ///
    /// When a replay has no result, or a frame is unaccounted for.
    pub fn series(
        &mut self,
        offer: &Offer,
        rate: Rate,
    ) -> Result<Series, Failure> {
        let name = format!("{} at {rate}", self.variant.name());
        let failed = |e: Invalid| failure(&name, &e);
        let per_second = rate.per_second(self.highest);
        let on_a_wire = rate.on_a_wire(offer.sizes.0);
        let frames = offer.length.per_port(per_second);
        let millions = (frames * PORTS as u64).div_ceil(1_000_000).max(1);
        let until =
            Until::within(LIMIT * u32::try_from(millions).unwrap_or(u32::MAX));
        let mut rng = fastrand::Rng::with_seed(self.setup.seed);
        let per_port = per_second / PORTS as f64;
        let arrivals = [(); PORTS].map(|()| {
            let (pattern, sizes) = (offer.pattern.0, offer.sizes.0);
            Arrivals::new(per_port, pattern, sizes, on_a_wire, rng.u64(..))
        });
        let queue = Queue {
            arrivals,
            frames: [frames; PORTS],
            batch: self.batch,
            // A ring keeps a slot free.
            descriptors: self.setup.ring_entries - 1,
        };
        let (outcome, settling) =
            self.settle(&queue, &until).map_err(failed)?;
        outcome.account.check().map_err(|e| failed(e.into()))?;
        let mut histogram = histogram();
        for sample in &outcome.samples {
            let ns = ns(sample.latency);
            histogram.record(ns).expect("a histogram that grows");
        }
        let mut fills = vec![0; usize::from(self.batch) + 1];
        for step in &outcome.steps {
            fills[usize::from(step.fill)] += 1;
        }
        let samples = outcome.samples.iter();
        let samples = samples.map(|sample| (sample.due, ns(sample.latency)));
        Ok(Series {
            variant: self.variant.name(),
            rate,
            per_second,
            highest: rate.is_share().then_some(self.highest),
            on_a_wire,
            histogram,
            slices: Slices::of(samples, outcome.end),
            account: outcome.account,
            fills,
            settling: Some(settling),
        })
    }

    /// Queueing runs and replays by turns, until fills stand still.
    fn settle(
        &mut self,
        queue: &Queue,
        until: &Until,
    ) -> Result<(Outcome, Settling), Invalid> {
        // What is known of each fill, from whatever run had it last.
        let mut known = self.costs.clone();
        let mut before: Option<Vec<Step>> = None;
        for replayed in 0.. {
            let outcome =
                queue::run(queue.clone(), &mut known, || until.check())?;
            if let Some(before) = &before {
                let moved = moved(before, &outcome.steps);
                let settled = moved <= STILL;
                if settled || replayed == MOST_ROUNDS {
                    let settling = Settling { replayed, moved, settled };
                    return Ok((outcome, settling));
                }
            }
            let steps = self.replay(&outcome.steps, until)?;
            known = known.refined(&outcome.steps, &steps);
            before = Some(outcome.steps);
        }
        unreachable!("rounds have an end")
    }

    /// What the steps cost, over as many replays as there are to be, on each
    /// arena in turn.
    fn replay(
        &mut self,
        steps: &[Step],
        until: &Until,
    ) -> Result<Replayed, Invalid> {
        let often = REPLAYED_BATCHES / steps.len().max(1);
        let often = often.clamp(REPLAYS, MOST_REPLAYS) | 1;
        let arenas = self.setup.arenas as usize;
        let replays = (0..often).map(|number| {
            let task = task(self.variant, self.batch, number % arenas);
            self.bench.replay(&task, steps, until)
        });
        let replays = replays.collect::<Result<Vec<_>, _>>()?;
        Ok(Replayed::of(&replays, self.turn_ticks, self.tick_hz))
    }
}

/// How fast the machine is, by full turns of the baseline. All costs of a run
/// are given for one speed.
#[derive(Clone, Copy, Debug)]
pub struct Yardstick {
    tick_hz: f64,
    turn_ticks: f64,
}

impl Yardstick {
    /// The speed of the machine as it is now, at so many ticks per second.
    ///
    /// # Errors
    ///
    /// When a turn has no result.
    pub fn new(
        bench: &mut Bench,
        setup: &Setup,
        tick_hz: f64,
        batch: u16,
    ) -> Result<Self, Failure> {
        let baseline = plan::find(BASELINE)?;
        let looks = (0..LOOKS)
            .map(|number| turn(bench, setup, baseline, batch, number))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| failure(BASELINE, &e))?;
        let turn_ticks = stats::median(&looks).unwrap_or(1.0);
        Ok(Self { tick_hz, turn_ticks })
    }

    /// A variant's turns as multiples of the baseline's, which are timed right
    /// before and after.
    fn ratio(
        self,
        bench: &mut Bench,
        setup: &Setup,
        variant: Variant,
        batch: u16,
    ) -> Result<f64, Invalid> {
        let baseline = plan::find(BASELINE).expect("there is one");
        let mut ratios = Vec::new();
        for number in 0..LOOKS {
            let before = turn(bench, setup, baseline, batch, number)?;
            let between = turn(bench, setup, variant, batch, number)?;
            let after = turn(bench, setup, baseline, batch, number)?;
            ratios.push(2.0 * between / (before + after));
        }
        Ok(stats::median(&ratios).unwrap_or(1.0))
    }
}

/// Ticks of a variant's full turn.
fn turn(
    bench: &mut Bench,
    setup: &Setup,
    variant: Variant,
    batch: u16,
    number: usize,
) -> Result<f64, Invalid> {
    let task = task(variant, batch, number % setup.arenas as usize);
    let replay = bench.replay(&task, &[], &Until::within(LIMIT))?;
    Ok(replay.turn_ticks)
}

fn task(variant: Variant, batch: u16, arena: usize) -> Task {
    Task {
        variant,
        workload: variant.workload().into(),
        batch,
        fill: Fill::Full,
        cores: None,
        arena,
        length: 0,
        first_sequence: 0,
        runs_seed: 0,
    }
}

/// Nanoseconds of picoseconds, rounded.
fn ns(ps: u64) -> u64 {
    (ps + 500) / 1000
}

/// Why there is no series.
fn failure(name: &str, what: &Invalid) -> Failure {
    match what {
        Invalid::Interrupted => Failure::interrupted("stopped"),
        Invalid::Late(_) => Failure::error(format!(
            "{name}: {what}; offer less by --packets or --seconds"
        )),
        _ => Failure::error(format!("{name}: {what}")),
    }
}

/// Runs of batches of one size at the ports in turn, of sizes from 1 to the
/// full one, in random order: of each up to 32, and then in steps of a tenth.
fn every_fill(batch: u16, seed: u64) -> Vec<Step> {
    let next = |fill: &u16| {
        (*fill < batch).then(|| {
            let step = (fill / 10).max(1);
            let step = if *fill < 32 { 1 } else { step };
            (fill + step).min(batch)
        })
    };
    let mut fills: Vec<u16> = std::iter::successors(Some(1), next).collect();
    fastrand::Rng::with_seed(seed).shuffle(&mut fills);
    let run = |fill: u16| {
        let ports = (0..FIRST_BATCHES).map(|n| (n % PORTS as u32) as u8);
        ports.map(move |port| Step { port, fill, after_idle: false })
    };
    fills.into_iter().flat_map(run).collect()
}

/// Full batches at the ports in turn.
fn full_batches(batch: u16) -> Vec<Step> {
    let count = FULL_PACKETS.div_ceil(batch.into());
    let port = |n| (n % PORTS as u32) as u8;
    (0..count)
        .map(|n| Step { port: port(n), fill: batch, after_idle: false })
        .collect()
}

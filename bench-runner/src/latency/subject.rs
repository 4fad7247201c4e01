//! A variant in virtual time, to which rates are offered.
//!
//! A queueing run says how full batches are; these batches are replayed on the
//! driver, which says what each costs; with that the queueing run is played
//! again, until the fills stand still.

use std::time::Duration;

use nic_model::arrivals::Arrivals;
use variants::registry::Variant;
use variants::workload::PORTS;

use super::moved::moved;
use super::series::{Series, Settling, Slices, histogram};
use crate::failure::Failure;
use crate::load::{Length, PatternArg, Rate, SizesArg};
use crate::measure::{Bench, Invalid, Step, Until};
use crate::results::Setup;
use crate::virtual_time;
use crate::virtual_time::queue::{Outcome, follow};
use crate::virtual_time::{
    Contender, Followed, MeasuredCosts, Queue, Replayed, Speed, steps,
};

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
const STILL: f64 = 0.05;

/// Batches of each fill in the first replay, one after the other.
const FIRST_BATCHES: u32 = 64;

/// Packets of a series that is not told otherwise: ten are left above the
/// last percentile that is reported.
const PACKETS: u64 = 1_000_000;

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
    /// How many there are, where that was said.
    pub length: Option<Length>,
}

/// A variant whose batches have been timed.
pub struct Subject<'b> {
    contender: Contender<'b>,
    setup: Setup,
    /// Costs by fill, of batches without a pause.
    costs: MeasuredCosts,
    /// Packets per second of full batches.
    highest: f64,
}

impl<'b> Subject<'b> {
    /// Times batches of every size, and then full ones.
    ///
    /// # Errors
    ///
    /// When a replay has no result.
    pub fn new(
        bench: &'b mut Bench,
        setup: &Setup,
        speed: Speed,
        variant: Variant,
        batch: u16,
    ) -> Result<Self, Failure> {
        let until = Until::within(LIMIT);
        let failed = |e: Invalid| failure(&variant.name(), &e);
        let mut contender =
            Contender::new(bench, speed, variant, batch).map_err(failed)?;
        let each = every_fill(batch, setup.seed);
        let replayed = replay(&mut contender, &each, &until).map_err(failed)?;
        let costs = MeasuredCosts::by_fill(&each, &replayed);
        let full = steps::run(batch, FULL_PACKETS.div_ceil(batch.into()));
        let full: Vec<_> = full.collect();
        let replayed = replay(&mut contender, &full, &until).map_err(failed)?;
        let highest = replayed.rate(&full);
        Ok(Self { contender, setup: setup.clone(), costs, highest })
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
        let name = format!("{} at {rate}", self.contender.name());
        let failed = |e: Invalid| failure(&name, &e);
        let per_second = rate.per_second(offer.sizes.0, self.highest);
        let on_a_wire = rate.on_a_wire(offer.sizes.0);
        let length = offer.length.unwrap_or(Length::Packets(PACKETS));
        let frames = length.per_port(per_second);
        let millions = (frames * PORTS as u64).div_ceil(1_000_000).max(1);
        let until =
            Until::within(LIMIT * u32::try_from(millions).unwrap_or(u32::MAX));
        let mut rng = fastrand::Rng::with_seed(self.setup.seed);
        let per_port = per_second / PORTS as f64;
        let lanes = [(); PORTS].map(|()| {
            let (pattern, sizes) = (offer.pattern.0, offer.sizes.0);
            let seed = rng.u64(..);
            let arrivals =
                Arrivals::new(per_port, pattern, sizes, on_a_wire, seed);
            Followed::new(arrivals, frames)
        });
        let batch = self.contender.batch();
        let queue = Queue {
            lanes,
            batch,
            // A ring keeps a slot free.
            descriptors: self.setup.ring_entries - 1,
        };
        let (outcome, settling) =
            self.settle(&queue, &until).map_err(failed)?;
        let account = outcome.end.account;
        account.check().map_err(|e| failed(e.into()))?;
        let mut histogram = histogram();
        for sample in &outcome.samples {
            let ns = ns(sample.latency);
            histogram.record(ns).expect("a histogram that grows");
        }
        let mut fills = vec![0; usize::from(batch) + 1];
        for step in &outcome.steps {
            fills[usize::from(step.fill)] += 1;
        }
        let samples = outcome.samples.iter();
        let samples = samples.map(|sample| (sample.due, ns(sample.latency)));
        Ok(Series {
            variant: self.contender.name(),
            rate,
            per_second,
            highest: rate.is_share().then_some(self.highest),
            on_a_wire,
            histogram,
            slices: Slices::of(samples, outcome.end.at),
            account,
            fills,
            settling: Some(settling),
            threads: None,
        })
    }

    /// Queueing runs and replays by turns, until fills stand still.
    fn settle(
        &mut self,
        queue: &Queue<Followed>,
        until: &Until,
    ) -> Result<(Outcome, Settling), Invalid> {
        // What is known of each fill, from whatever run had it last.
        let mut known = self.costs.clone();
        let mut before: Option<Vec<Step>> = None;
        for rounds in 0.. {
            let outcome = follow(queue.clone(), &mut known, || until.check())?;
            if let Some(before) = &before {
                let moved = moved(before, &outcome.steps);
                let settled = moved <= STILL;
                if settled || rounds == MOST_ROUNDS {
                    let settling =
                        Settling { replayed: rounds, moved, settled };
                    return Ok((outcome, settling));
                }
            }
            let replayed = replay(&mut self.contender, &outcome.steps, until)?;
            known = known.refined(&outcome.steps, &replayed);
            before = Some(outcome.steps);
        }
        unreachable!("rounds have an end")
    }
}

/// What the steps cost, over as many replays as there are to be.
fn replay(
    contender: &mut Contender<'_>,
    steps: &[Step],
    until: &Until,
) -> Result<Replayed, Invalid> {
    let often = REPLAYED_BATCHES / steps.len().max(1);
    let often = often.clamp(REPLAYS, MOST_REPLAYS) | 1;
    let replays = contender.replay(steps, often, until)?;
    Ok(contender.costs(&replays))
}

/// Nanoseconds of picoseconds, rounded.
fn ns(ps: u64) -> u64 {
    (ps + 500) / 1000
}

/// Why there is no series.
fn failure(name: &str, what: &Invalid) -> Failure {
    match what {
        Invalid::Late(_) => Failure::error(format!(
            "{name}: {what}; offer less by --packets or --seconds"
        )),
        _ => virtual_time::failure(name, what),
    }
}

/// Runs of batches of each size, in random order.
fn every_fill(batch: u16, seed: u64) -> Vec<Step> {
    let mut fills = steps::fills(batch);
    fastrand::Rng::with_seed(seed).shuffle(&mut fills);
    let run = |fill| steps::run(fill, FIRST_BATCHES);
    fills.into_iter().flat_map(run).collect()
}

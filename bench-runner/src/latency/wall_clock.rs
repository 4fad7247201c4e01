//! A variant on the wall clock, to which rates are offered.

use variants::registry::Variant;

use super::series::{Series, Slices, Threads};
use super::subject::Offer;
use crate::failure::Failure;
use crate::load::{Length, Rate};
use crate::measure::{Bench, Interval, Kept, Listener, Probe, Schedule, Task};
use crate::process::Watchdog;
use crate::results::Setup;
use crate::virtual_time;

/// Seconds of a series that is not told otherwise, if it then has packets
/// enough for every percentile.
const SECONDS: f64 = 1.0;

/// Packets that it is to have.
const PACKETS: f64 = 1e6;

/// Most seconds of a series that is not told otherwise.
const MOST_SECONDS: f64 = 10.0;

/// Frames that are followed one by one, for latency over time.
const TRACED: usize = 200_000;

/// Seconds that the set-up of a series may take.
const SET_UP: f64 = 60.0;

/// Who runs where.
#[derive(Clone, Copy, Debug)]
pub struct Cores<'s> {
    /// The forwarder and the card.
    pub setup: &'s Setup,
    /// Whoever only watches.
    pub aside: Option<u32>,
}

/// A schedule that was offered, and what came of it.
pub struct Offered {
    /// To whom.
    pub variant: String,
    /// The rate as it was asked for.
    pub rate: Rate,
    /// What 100 % are, in packets per second, where the rate is a share.
    pub highest: Option<f64>,
    /// What was offered.
    pub schedule: Schedule,
    /// Upper limit of packets per receive call.
    pub batch: u16,
    /// Round trip of a cache line between the two cores, before and after.
    pub round_trip_ns: [f64; 2],
    /// Where frames went.
    pub kept: Kept,
    /// The time of each.
    pub whole: Interval,
}

impl Offered {
    /// The series of it.
    pub fn series(self) -> Series {
        let Interval { histogram, trace, .. } = self.whole;
        let Kept { account, punctuality, fills, model_busy, .. } = self.kept;
        let begin = trace.first().map_or(0, |sample| sample.due);
        let last = trace.iter().map(|sample| sample.due).max();
        let slices = trace
            .iter()
            .map(|sample| (sample.due.saturating_sub(begin), sample.ns));
        let end = last.map_or(0, |last| last - begin + 1);
        let batch = usize::from(self.batch);
        Series {
            variant: self.variant,
            rate: self.rate,
            per_second: self.schedule.rate,
            highest: self.highest,
            on_a_wire: self.schedule.on_a_wire,
            histogram,
            slices: Slices::of(slices, end),
            account,
            fills: up_to(batch, fills.receive),
            settling: None,
            threads: Some(Threads {
                seconds: self.schedule.seconds,
                transmit_fills: up_to(batch, fills.transmit),
                punctuality,
                model_busy,
                round_trip_ns: self.round_trip_ns,
            }),
        }
    }
}

/// A variant on a core of its own.
pub struct WallClock<'b> {
    bench: &'b mut Bench,
    cores: Cores<'b>,
    tick_hz: f64,
    variant: Variant,
    batch: u16,
    /// Packets per second that it forwards when frames are always there; known
    /// once it was needed.
    highest: Option<f64>,
}

impl<'b> WallClock<'b> {
    /// A variant to be measured on the calling thread's core.
    pub fn new(
        bench: &'b mut Bench,
        cores: Cores<'b>,
        tick_hz: f64,
        variant: Variant,
        batch: u16,
    ) -> Self {
        Self { bench, cores, tick_hz, variant, batch, highest: None }
    }

    /// Offers a rate and follows every frame.
    ///
    /// # Errors
    ///
    /// When a thread does not answer, or a frame is unaccounted for.
    pub fn series(
        &mut self,
        offer: &Offer,
        rate: Rate,
    ) -> Result<Series, Failure> {
        let highest = match rate.is_share() {
            true => Some(self.highest()?),
            false => None,
        };
        let per_second = rate.per_second(offer.sizes.0, highest.unwrap_or(0.0));
        let seconds = seconds(offer.length, per_second);
        let on_a_wire = rate.on_a_wire(offer.sizes.0);
        let schedule = Schedule {
            rate: per_second,
            pattern: offer.pattern.0,
            sizes: offer.sizes.0,
            on_a_wire,
            seconds,
            // The whole of it.
            interval: 2.0 * seconds + SET_UP,
            traced: TRACED,
            seed: self.cores.setup.seed,
            flap: None,
        };
        let name = format!("{} at {rate}", self.variant.name());
        let probe = Probe::new(self.cores.setup.model_core);
        let ns = 1e9 / self.tick_hz;
        let before = probe.round_trip_ticks() * ns;
        let (kept, whole) = {
            let limit = 2.0 * seconds + SET_UP;
            let _end = Watchdog::new(limit, name.clone());
            self.run(&schedule, &name)?
        };
        let after = probe.round_trip_ticks() * ns;
        if kept.stopped {
            return Err(Failure::interrupted("stopped"));
        }
        let offered = Offered {
            variant: self.variant.name(),
            rate,
            highest,
            schedule,
            batch: self.batch,
            round_trip_ns: [before, after],
            kept,
            whole,
        };
        Ok(offered.series())
    }

    fn run(
        &mut self,
        schedule: &Schedule,
        name: &str,
    ) -> Result<(Kept, Interval), Failure> {
        let task = Task::of(self.variant, self.batch);
        let mut whole = None;
        let mut each = |interval: &Interval| whole = Some(interval.clone());
        let listener = Listener { core: self.cores.aside, each: &mut each };
        let kept = self.bench.paced(&task, schedule, self.tick_hz, listener);
        let kept = kept.map_err(|e| virtual_time::failure(name, &e))?;
        Ok((kept, whole.expect("an interval at the end")))
    }

    /// Packets per second when frames are always there.
    fn highest(&mut self) -> Result<f64, Failure> {
        if let Some(highest) = self.highest {
            return Ok(highest);
        }
        let name = self.variant.name();
        let _end = Watchdog::new(SET_UP, name.clone());
        let rate =
            self.bench.highest_rate(self.variant, self.batch, self.tick_hz);
        let highest = rate.map_err(|e| virtual_time::failure(&name, &e))?;
        self.highest = Some(highest);
        Ok(highest)
    }
}

/// Batches by their packets up to `most`, and all larger ones together: two
/// batches between two looks.
pub fn up_to(most: usize, mut fills: Vec<u64>) -> Vec<u64> {
    let beyond: u64 = fills.drain((most + 1).min(fills.len())..).sum();
    fills.push(beyond);
    fills
}

/// How long a rate is offered.
fn seconds(length: Option<Length>, per_second: f64) -> f64 {
    match length {
        Some(Length::Seconds(seconds)) => seconds,
        Some(Length::Packets(packets)) => packets as f64 / per_second,
        None => (PACKETS / per_second).clamp(SECONDS, MOST_SECONDS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_that_are_too_large_are_counted_together() {
        assert_eq!(up_to(2, vec![0, 5, 6, 7, 8]), [0, 5, 6, 15]);
        assert_eq!(up_to(2, vec![0, 5, 6]), [0, 5, 6, 0]);
    }

    #[test]
    fn a_series_has_packets_for_every_percentile_or_ends_all_the_same() {
        assert_eq!(seconds(None, 20e6), 1.0);
        assert_eq!(seconds(None, 500e3), 2.0);
        assert_eq!(seconds(None, 1.0), 10.0);
        assert_eq!(seconds(Some(Length::Packets(1000)), 10.0), 100.0);
        assert_eq!(seconds(Some(Length::Seconds(0.5)), 10.0), 0.5);
    }
}

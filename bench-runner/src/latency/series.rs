//! Latency of one variant at one rate.

use hdrhistogram::Histogram;
use nic_model::Account;
use nic_model::generator::Punctuality;

use crate::load::Rate;
use crate::measure::ON_SCHEDULE;

/// Digits to which a histogram tells values apart.
const DIGITS: u8 = 3;

/// Percentiles that are reported, beside the highest value.
pub const PERCENTILES: [f64; 6] = [50.0, 90.0, 99.0, 99.9, 99.99, 99.999];

/// Fewest samples at or above a percentile that is shown.
pub const FEWEST: u64 = 10;

/// Most slices of a series.
const MOST_SLICES: u64 = 2_000;

/// Fewest frames per slice, on average.
const SLICE_FRAMES: u64 = 250;

/// A measured series.
#[derive(Clone, Debug)]
pub struct Series {
    /// Name of the variant.
    pub variant: String,
    /// The rate, as it was asked for.
    pub rate: Rate,
    /// The same in packets per second.
    pub per_second: f64,
    /// What 100 % are, in packets per second, where the rate is a share.
    pub highest: Option<f64>,
    /// Whether frames come as close as a wire brings them, and no closer.
    pub on_a_wire: bool,
    /// Nanoseconds of every forwarded frame.
    pub histogram: Histogram<u64>,
    /// The same over time.
    pub slices: Slices,
    /// Where all frames went.
    pub account: Account,
    /// Batches by their packets, from 0 on.
    pub fills: Vec<u64>,
    /// How the batches' costs were found, in virtual time.
    pub settling: Option<Settling>,
    /// What else there is to know of two threads, on the wall clock.
    pub threads: Option<Threads>,
}

/// What there is to know of a run in two threads.
#[derive(Clone, Debug, PartialEq)]
pub struct Threads {
    /// For how long frames were due, in seconds.
    pub seconds: f64,
    /// Packets that the driver put at once on a transmit ring.
    pub transmit_fills: Vec<u64>,
    /// How the card's thread kept to the schedule.
    pub punctuality: Punctuality,
    /// Share of its time that it spent on frames.
    pub model_busy: f64,
    /// Round trip of a cache line between the two cores, before and after.
    pub round_trip_ns: [f64; 2],
}

impl Threads {
    /// Whether the card's thread kept to the schedule.
    #[must_use]
    pub fn is_on_schedule(&self) -> bool {
        self.punctuality.share() >= ON_SCHEDULE
    }
}

/// How a queueing run and the costs of its batches came together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settling {
    /// How often the batches of a queueing run were replayed.
    pub replayed: u32,
    /// By how much batches are larger or smaller than in the last run that was
    /// replayed, on average over packets, as a share of their size.
    pub moved: f64,
    /// Whether that is little enough.
    pub settled: bool,
}

/// A percentile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentile {
    /// In per cent.
    pub percentile: f64,
    /// Its value; absent where too few samples are behind it.
    pub ns: Option<u64>,
    /// Samples at or above it.
    pub samples: u64,
}

/// Latency over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Slices {
    /// Nanoseconds from the start of one slice to that of the next.
    pub width_ns: f64,
    /// One after the other; those in which no forwarded frame was due are
    /// empty.
    pub slices: Vec<Option<Slice>>,
}

/// Frames that were due in a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The longest latency, in nanoseconds.
    pub max_ns: u64,
    /// The latency that half of them exceed.
    pub median_ns: u64,
}

impl Series {
    /// What it is called among others.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} at {}", self.variant, self.rate)
    }

    /// Every percentile that is reported, the highest value last.
    #[must_use]
    pub fn percentiles(&self) -> Vec<Percentile> {
        percentiles(&self.histogram)
    }

    /// Frames that were due and never put on the wire.
    #[must_use]
    pub fn unsent(&self) -> u64 {
        self.threads.as_ref().map_or(0, |t| t.punctuality.unsent)
    }

    /// Batches that the driver put on a transmit ring, by their packets, where
    /// anybody looked.
    #[must_use]
    pub fn transmit_fills(&self) -> &[u64] {
        self.threads.as_ref().map_or(&[], |t| &t.transmit_fills)
    }

    /// For how long frames were due.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        match &self.threads {
            Some(threads) => threads.seconds,
            None => {
                self.slices.width_ns * self.slices.slices.len() as f64 / 1e9
            }
        }
    }

    /// Frames that were due.
    #[must_use]
    pub fn offered(&self) -> u64 {
        self.account.offered + self.unsent()
    }

    /// Frames that were due and did not come out, nor are still inside.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.offered() - self.account.forwarded - self.account.inside
    }

    /// Whether the tester was in nobody's way.
    #[must_use]
    pub fn is_on_schedule(&self) -> bool {
        self.threads.as_ref().is_none_or(Threads::is_on_schedule)
    }

    /// Packets per batch.
    #[must_use]
    pub fn mean_fill(&self) -> f64 {
        let batches: u64 = self.fills.iter().sum();
        let packets: u64 =
            self.fills.iter().zip(0..).map(|(batches, n)| batches * n).sum();
        packets as f64 / batches.max(1) as f64
    }
}

/// An empty histogram of nanoseconds.
#[must_use]
pub fn histogram() -> Histogram<u64> {
    Histogram::new(DIGITS).expect("digits that a histogram has")
}

/// Every percentile that is reported, the highest value last.
#[must_use]
pub fn percentiles(histogram: &Histogram<u64>) -> Vec<Percentile> {
    let max = histogram.max();
    let samples = at_or_above(histogram, max);
    let ns = (samples > 0).then_some(max);
    let max = Percentile { percentile: 100.0, ns, samples };
    let all = PERCENTILES.map(|p| percentile(histogram, p));
    all.into_iter().chain([max]).collect()
}

/// A percentile, if enough samples are behind it.
#[must_use]
pub fn percentile(histogram: &Histogram<u64>, percentile: f64) -> Percentile {
    let value = histogram.value_at_percentile(percentile);
    let samples = at_or_above(histogram, value);
    let ns = (samples >= FEWEST).then_some(value);
    Percentile { percentile, ns, samples }
}

/// Samples that the histogram does not tell from `value`, and those above.
fn at_or_above(histogram: &Histogram<u64>, value: u64) -> u64 {
    let below = match histogram.lowest_equivalent(value) {
        0 => 0,
        lowest => histogram.count_between(0, lowest - 1),
    };
    histogram.len() - below
}

impl Slices {
    /// Slices of latencies in nanoseconds, each with the picosecond at which
    /// its frame was due, in a run that lasts `end` picoseconds.
    #[must_use]
    pub fn of(samples: impl Iterator<Item = (u64, u64)>, end: u64) -> Self {
        let mut sorted: Vec<_> = samples.collect();
        sorted.sort_unstable();
        let frames = sorted.len() as u64;
        let count = (frames / SLICE_FRAMES).clamp(1, MOST_SLICES);
        let width = (end / count + 1).max(1);
        let mut left = &sorted[..];
        let slices = (1..=count).map(|number| {
            let here = left.partition_point(|(due, _)| *due < width * number);
            let (slice, rest) = left.split_at(here);
            left = rest;
            let mut latencies: Vec<_> =
                slice.iter().map(|(_, latency)| *latency).collect();
            let max_ns = *latencies.iter().max()?;
            let middle = (latencies.len() - 1) / 2;
            let median_ns = *latencies.select_nth_unstable(middle).1;
            Some(Slice { max_ns, median_ns })
        });
        let slices = slices.collect();
        Self { width_ns: width as f64 / 1e3, slices }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl Iterator<Item = u64>) -> Histogram<u64> {
        let mut histogram = histogram();
        values.for_each(|v| histogram.record(v).expect("it grows"));
        histogram
    }

    #[test]
    fn percentiles_are_those_of_the_definition() {
        let histogram = of(1..=1000);
        let p = |p| percentile(&histogram, p);
        assert_eq!((p(50.0).ns, p(50.0).samples), (Some(500), 501));
        assert_eq!((p(90.0).ns, p(90.0).samples), (Some(900), 101));
        assert_eq!((p(99.0).ns, p(99.0).samples), (Some(990), 11));
    }

    #[test]
    fn a_percentile_with_few_samples_behind_it_has_no_number() {
        let histogram = of(1..=1000);
        let p = percentile(&histogram, 99.9);
        assert!(p.ns.is_none() && p.samples <= 2, "{p:?}");
        let none = percentile(&super::histogram(), 50.0);
        assert_eq!((none.ns, none.samples), (None, 0));
        // A million samples are enough for the last one, fewer are not.
        for (samples, shown) in [(1_000_000, true), (800_000, false)] {
            let top = (0..20).map(|n| 200 + n);
            let all = std::iter::repeat_n(100, samples - 20).chain(top);
            let p = percentile(&of(all), 99.999);
            assert_eq!(p.ns.is_some(), shown, "{p:?}");
        }
    }

    #[test]
    fn slices_follow_the_due_time() {
        // 1000 frames, 1 ns apart, of latency 10; one of 500.
        let samples =
            (0..1000).map(|n| (n * 1000, if n == 700 { 500 } else { 10 }));
        let slices = Slices::of(samples, 1_000_000);
        let (quiet, loud) = (
            Slice { max_ns: 10, median_ns: 10 },
            Slice { max_ns: 500, median_ns: 10 },
        );
        assert_eq!(
            slices.slices,
            [Some(quiet), Some(quiet), Some(loud), Some(quiet)]
        );
        assert!((slices.width_ns - 250.0).abs() < 0.01);
    }

    #[test]
    fn a_slice_without_frames_is_empty() {
        let all = (0..500).map(|_| (0, 7)).chain([(990, 8)]);
        let slices = Slices::of(all, 1000);
        assert_eq!(slices.slices.len(), 2);
        let two = (0..500).map(|n| (if n < 250 { 0 } else { 999 }, 7));
        let slices = Slices::of(two.chain((0..250).map(|_| (999, 7))), 1000);
        assert!(slices.slices[1].is_none(), "{slices:?}");
    }
}

//! What has to be measured: frequency, gaps, waiting, and the way to another
//! core. About a second in all.

use std::thread;
use std::time::{Duration, Instant};

use crate::clock::{self, stamp};
use crate::environment::Root;
use crate::measure::Probe;
use crate::{affinity, failure::Failure};

/// How long a core is watched for gaps.
const WATCH: Duration = Duration::from_millis(300);

/// Readings of the frequency.
const READINGS: usize = 40;

/// Time between two of them.
const BETWEEN: Duration = Duration::from_millis(8);

/// A time between two looks at the clock that counts as a gap.
const GAP: Duration = Duration::from_micros(10);

/// Probes of the way to another core.
const PROBES: usize = 5;

/// When no further probe begins.
const PATIENCE: Duration = Duration::from_millis(300);

/// What was measured on the measuring core.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    /// The core's frequency, reading by reading, in GHz.
    pub chain_ghz: Vec<f64>,
    /// Gaps of more than 10 µs in a loop that only reads the clock.
    pub gaps: usize,
    /// The longest of them in µs; 0 without one.
    pub longest_gap_us: f64,
    /// Their sum as a share of the time, in per cent.
    pub gaps_percent: f64,
    /// Time in which the watching thread was ready and did not run, as a
    /// share, in per cent; absent where the kernel does not tell.
    pub run_delay_percent: Option<f64>,
    /// Time that the host took from the core meanwhile, in ticks of 10 ms.
    pub stolen_ticks: Option<u64>,
    /// How long all that took, in ms.
    pub watched_ms: f64,
    /// Round trips of a cache line to the other core, probe by probe, in ns;
    /// empty without another core.
    pub round_trip_ns: Vec<f64>,
}

impl Samples {
    /// Measures on a core, in a thread that stays there.
    pub fn take(
        root: &Root,
        core: u32,
        other_core: Option<u32>,
    ) -> Result<Self, Failure> {
        let tick_hz = clock::tick_hz();
        let watch = || {
            affinity::pin(core).map_err(Failure::environment)?;
            Ok(watch(root, core, other_core, tick_hz))
        };
        thread::scope(|scope| scope.spawn(watch).join()).unwrap_or_else(|_| {
            Err(Failure::error("the thread that watches the core failed"))
        })
    }
}

fn watch(
    root: &Root,
    core: u32,
    other_core: Option<u32>,
    tick_hz: f64,
) -> Samples {
    let (stolen, delay) = (root.stolen_ticks(core), root.run_delay_ns());
    let start = stamp();
    let gaps = Gaps::watch(tick_hz);
    let chain_ghz = (0..READINGS)
        .map(|_| {
            spin((BETWEEN.as_secs_f64() * tick_hz) as u64);
            clock::chain_ghz(tick_hz)
        })
        .collect();
    let seconds = (stamp() - start) as f64 / tick_hz;
    let share = |before: u64| {
        let waited = root.run_delay_ns()?.saturating_sub(before);
        Some(waited as f64 / (seconds * 1e9) * 100.0)
    };
    let taken =
        |before: u64| Some(root.stolen_ticks(core)?.saturating_sub(before));
    let (run_delay_percent, stolen_ticks) =
        (delay.and_then(share), stolen.and_then(taken));
    let round_trip_ns = other_core
        .map_or_else(Vec::new, |other| round_trips_ns(other, tick_hz));
    let us = |ticks: u64| ticks as f64 / tick_hz * 1e6;
    Samples {
        chain_ghz,
        gaps: gaps.count,
        longest_gap_us: us(gaps.longest),
        gaps_percent: us(gaps.sum) / (WATCH.as_secs_f64() * 1e6) * 100.0,
        run_delay_percent,
        stolen_ticks,
        watched_ms: seconds * 1e3,
        round_trip_ns,
    }
}

/// Probes of the way to another core; fewer where it is so busy that they
/// take long.
fn round_trips_ns(other_core: u32, tick_hz: f64) -> Vec<f64> {
    let probe = Probe::new(other_core);
    let start = Instant::now();
    let mut trips_ns = Vec::new();
    while trips_ns.is_empty()
        || trips_ns.len() < PROBES && start.elapsed() < PATIENCE
    {
        trips_ns.push(probe.round_trip_ticks() / tick_hz * 1e9);
    }
    trips_ns
}

fn spin(ticks: u64) {
    let start = stamp();
    while stamp() - start < ticks {}
}

/// Times at which the core did something else, in ticks.
#[derive(Default)]
struct Gaps {
    count: usize,
    longest: u64,
    sum: u64,
}

impl Gaps {
    fn watch(tick_hz: f64) -> Self {
        let gap = (GAP.as_secs_f64() * tick_hz) as u64;
        let end = stamp() + (WATCH.as_secs_f64() * tick_hz) as u64;
        let mut gaps = Self::default();
        let mut last = stamp();
        while last < end {
            let now = stamp();
            let span = now - last;
            if span > gap {
                gaps.count += 1;
                gaps.longest = gaps.longest.max(span);
                gaps.sum += span;
            }
            last = now;
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_measured_on_the_core_that_was_asked_for() {
        let root = Root::default();
        let cores = affinity::allowed_cores();
        let samples = Samples::take(&root, cores[0], Some(cores[0])).unwrap();
        assert_eq!(samples.chain_ghz.len(), READINGS);
        assert!(samples.chain_ghz.iter().all(|&ghz| ghz > 0.0));
        assert!((1..=PROBES).contains(&samples.round_trip_ns.len()));
        assert!(samples.gaps > 0 || samples.longest_gap_us == 0.0);
        // The caller's own thread is free to run where it likes.
        assert_eq!(affinity::allowed_cores(), cores);
    }

    #[test]
    fn a_core_that_cannot_be_had_is_an_error() {
        let taken = Samples::take(&Root::default(), 100_000, None);
        assert!(taken.is_err());
    }
}

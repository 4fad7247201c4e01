//! The machine's own jitter: what a packet would wait for cores that have
//! nothing else to do.
//!
//! Each core spins and looks at the clock. A packet that is due while a core
//! is away waits until it is back. What takes a core away is whatever the
//! machine does: an interrupt, another process, a host that runs another
//! guest. No latency below this is a property of a driver.

use std::sync::Barrier;
use std::thread;

use hdrhistogram::Histogram;

use super::recorder;
use crate::affinity;
use crate::clock::stamp;

/// Packets per second that are due.
const RATE: f64 = 1e6;

/// For how long, in seconds.
const SECONDS: f64 = 1.0;

/// Ticks from the barrier to the first packet, for threads leave it one after
/// the other: so many seconds.
const LEAD: f64 = 1e-3;

/// Nanoseconds that packets, one a microsecond for a second, would wait for
/// all of `cores` at once: for each the longest wait of any core. Cores that
/// cannot be had count as never away.
///
/// # Panics
///
/// When a watching thread does.
#[must_use]
pub fn floor(cores: &[u32], tick_hz: f64) -> Histogram<u64> {
    let packets = (RATE * SECONDS) as usize;
    let barrier = Barrier::new(cores.len());
    let waits: Vec<Vec<u32>> = thread::scope(|scope| {
        let watch = |core: u32| {
            let barrier = &barrier;
            scope.spawn(move || {
                let pinned = affinity::pin(core).is_ok();
                let mut waits = vec![1; packets];
                barrier.wait();
                if pinned {
                    watch(&mut waits, tick_hz);
                }
                waits
            })
        };
        let threads: Vec<_> = cores.iter().copied().map(watch).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().expect("watching does not panic")
        };
        threads.into_iter().map(join).collect()
    });
    let mut histogram = recorder::histogram();
    for packet in 0..packets {
        let longest = waits.iter().map(|waits| waits[packet]).max();
        histogram.saturating_record(longest.unwrap_or(0).into());
    }
    histogram
}

/// Fills in how long each packet waits, in nanoseconds.
fn watch(waits: &mut [u32], tick_hz: f64) {
    let gap = tick_hz / RATE;
    let start = stamp() + (LEAD * tick_hz) as u64;
    let ns = 1e9 / tick_hz;
    let mut due = start;
    let mut number = 0;
    while number < waits.len() {
        let now = stamp();
        while due <= now && number < waits.len() {
            let wait = (now - due) as f64 * ns;
            waits[number] = wait as u32;
            number += 1;
            due = start + (number as f64 * gap) as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn every_packet_waits_and_two_cores_no_shorter_than_one() {
        let tick_hz = clock::tick_hz();
        let cores = affinity::allowed_cores();
        let one = floor(&cores[..1], tick_hz);
        assert_eq!(one.len(), 1_000_000);
        // The clock itself takes some nanoseconds.
        assert!(one.max() > 1, "{}", one.max());
        let none = floor(&[], tick_hz);
        assert_eq!((none.len(), none.max()), (1_000_000, 0));
    }
}

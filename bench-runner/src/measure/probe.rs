//! The cost of moving a cache line between the two cores of a threaded run.
//! On a virtual machine it can change three-fold when the host moves a core.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::affinity;
use crate::clock::stamp;

/// Round trips per probe.
const TRIPS: u32 = 2_000;

/// Measures round trips of a cache line to another core and back.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    other_core: u32,
}

/// A counter that has its cache line to itself.
#[repr(align(128))]
struct Line(AtomicU32);

impl Probe {
    /// A probe between the caller's core and `other_core`.
    pub fn new(other_core: u32) -> Self {
        Self { other_core }
    }

    /// Ticks per round trip, on average over the probe.
    pub fn round_trip_ticks(self) -> f64 {
        let line = Line(AtomicU32::new(0));
        let deadline = Instant::now() + Duration::from_secs(1);
        let trips = thread::scope(|scope| {
            scope.spawn(|| {
                let _ = affinity::pin(self.other_core);
                answer(&line, deadline);
            });
            // The first trip waits for the thread to start.
            ask(&line, 1, deadline);
            let start = stamp();
            ask(&line, TRIPS, deadline);
            stamp() - start
        });
        trips as f64 / f64::from(TRIPS)
    }
}

/// Writes odd numbers, waits for the even ones.
fn ask(line: &Line, trips: u32, deadline: Instant) {
    for _ in 0..trips {
        let odd = line.0.load(Ordering::Relaxed) | 1;
        line.0.store(odd, Ordering::Release);
        if !await_parity(line, 0, deadline) {
            break;
        }
    }
}

/// Waits for odd numbers, writes even ones, for as long as [`ask`] asks.
fn answer(line: &Line, deadline: Instant) {
    for _ in 0..=TRIPS {
        if !await_parity(line, 1, deadline) {
            break;
        }
        let even = line.0.load(Ordering::Relaxed).wrapping_add(1);
        line.0.store(even, Ordering::Release);
    }
}

/// Whether the line took on that parity before the deadline.
fn await_parity(line: &Line, parity: u32, deadline: Instant) -> bool {
    let mut spins = 0_u32;
    while line.0.load(Ordering::Acquire) & 1 != parity {
        spins = spins.wrapping_add(1);
        if spins.is_multiple_of(1 << 16) && Instant::now() > deadline {
            return false;
        }
        std::hint::spin_loop();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_takes_time_to_travel() {
        let here = affinity::allowed_cores()[0];
        assert!(Probe::new(here).round_trip_ticks() > 0.0);
    }
}

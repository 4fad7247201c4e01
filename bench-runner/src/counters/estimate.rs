//! Core cycles where nothing counts them: time and the core's frequency.

use super::reading::Reading;
use crate::clock::stamp;
use crate::measure::Instrument;

/// How far the frequency before and after the turns may be apart.
const STEADY: f64 = 0.02;

/// Stamps around the forwarder's turns, as in a sweep.
#[derive(Default)]
pub struct Stopwatch {
    start: u64,
    laps: u32,
    turns: Vec<Turn>,
}

/// A turn as the clock saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Turn {
    ticks: u64,
    packets: u64,
}

impl Instrument for Stopwatch {
    fn lap(&mut self) {
        self.laps += 1;
        // What was before the first lap does not count.
        if self.laps == 1 {
            self.turns.clear();
        }
    }

    #[inline(always)]
    fn begin(&mut self) {
        self.start = stamp();
    }

    #[inline(always)]
    fn end(&mut self, packets: u64) {
        let ticks = stamp() - self.start;
        self.turns.push(Turn { ticks, packets });
    }
}

/// What turns ticks into cycles.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Ticks per second.
    pub tick_hz: f64,
    /// Ticks of a pair of stamps.
    pub clock_cost_ticks: u32,
    /// The core's frequency before and after the turns, in GHz.
    pub ghz: [f64; 2],
}

impl Stopwatch {
    /// Cycles of all turns: the median of what a packet takes over stretches
    /// of `stretch` turns, which interruptions of a few leave alone, times
    /// all packets. None where the frequency moved meanwhile.
    pub fn cycles(&self, stretch: u32, rate: &Rate) -> Reading {
        let [before, after] = rate.ghz;
        if (after / before - 1.0).abs() > STEADY {
            return Reading::unavailable(format!(
                "the core went from {before:.2} to {after:.2} GHz meanwhile"
            ));
        }
        let cost = f64::from(rate.clock_cost_ticks);
        let stretches = self.turns.chunks(stretch.max(1) as usize);
        let sum = |turns: &[Turn]| {
            let ticks: u64 = turns.iter().map(|turn| turn.ticks).sum();
            let packets: u64 = turns.iter().map(|turn| turn.packets).sum();
            let ticks = ticks as f64 - cost * turns.len() as f64;
            (ticks.max(0.0), packets)
        };
        let stretches = stretches.map(sum).filter(|&(_, packets)| packets > 0);
        let mut each: Vec<f64> =
            stretches.map(|(ticks, packets)| ticks / packets as f64).collect();
        if each.is_empty() {
            return Reading::unavailable("no packet was there to be timed");
        }
        let middle = each.len() / 2;
        let (_, median, _) =
            each.select_nth_unstable_by(middle, f64::total_cmp);
        let packets: u64 = self.turns.iter().map(|turn| turn.packets).sum();
        let ghz = f64::midpoint(before, after);
        let cycles_per_tick = ghz * 1e9 / rate.tick_hz;
        let count = *median * cycles_per_tick * packets as f64;
        Reading::Measured { count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate =
        Rate { tick_hz: 2e9, clock_cost_ticks: 50, ghz: [4.0, 4.0] };

    fn watch(turns: impl Iterator<Item = u64>) -> Stopwatch {
        let turns = turns.map(|ticks| Turn { ticks, packets: 100 });
        Stopwatch { turns: turns.collect(), ..Stopwatch::default() }
    }

    #[test]
    fn cycles_are_ticks_without_the_clocks_times_the_frequency() {
        // 10 ticks per packet at two cycles a tick, for 800 packets.
        let cycles = watch([1050; 8].into_iter()).cycles(4, &RATE);
        assert_eq!(cycles, Reading::Measured { count: 16_000.0 });
    }

    #[test]
    fn an_interruption_of_a_turn_changes_nothing() {
        let turns = (0..40).map(|i| if i == 3 { 9_000_000 } else { 1050 });
        let cycles = watch(turns).cycles(4, &RATE);
        assert_eq!(cycles, Reading::Measured { count: 80_000.0 });
    }

    #[test]
    fn a_frequency_that_moves_leaves_no_estimate() {
        let moved = Rate { ghz: [4.0, 3.8], ..RATE };
        let cycles = watch([1050; 8].into_iter()).cycles(4, &moved);
        let Reading::Unavailable { reason } = cycles else {
            panic!("{cycles:?}");
        };
        assert!(reason.contains("4.00 to 3.80 GHz"), "{reason}");
        let nothing = watch([].into_iter()).cycles(4, &RATE);
        assert_eq!(nothing.count(), None);
    }

    #[test]
    fn turns_before_the_first_lap_are_forgotten() {
        let mut watch = Stopwatch::default();
        for lap in 0..2 {
            watch.begin();
            watch.end(7 + lap);
            watch.lap();
        }
        let packets: Vec<_> = watch.turns.iter().map(|t| t.packets).collect();
        assert_eq!(packets, [8]);
    }
}

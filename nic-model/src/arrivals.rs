//! When frames are due on the wire towards a port, and how large they are.
//!
//! Load is *open loop*: a frame is due when the schedule says so, whatever the
//! driver does. A schedule depends on its parts alone, so that frame `n` of two
//! runs is due at the same time.

use fastrand::Rng;

/// Bits per second of a 10 Gigabit Ethernet wire.
pub const LINE_RATE: f64 = 10e9;

/// Bytes of the wire's time between two frames: preamble, start-of-frame
/// delimiter and the smallest gap (IEEE 802.3, clauses 3.1.1 and 4.4.2).
pub const BETWEEN_FRAMES: u16 = 20;

/// Picoseconds of a second.
pub const SECOND: u64 = 1_000_000_000_000;

/// How frames follow each other at a given rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// With equal gaps.
    Constant,
    /// With exponential gaps: each moment is as likely as any other.
    Poisson,
    /// So many at once, and then nothing until the next ones are due.
    Bursts(u32),
}

/// How large frames are, in bytes with their checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// All the same.
    One(u16),
    /// Seven of 64, four of 570 and one of 1518 bytes, over and over in one
    /// order: FD.io CSIT's `IMIX_v4_1`.
    Imix,
}

/// The sizes of the mix, each as often as it occurs in twelve.
const IMIX: [u16; 12] = [64, 570, 64, 64, 570, 64, 1518, 64, 570, 64, 570, 64];

impl Sizes {
    /// The size of frame `number`.
    #[must_use]
    #[inline(always)]
    pub fn of(self, number: u64) -> u16 {
        match self {
            Self::One(bytes) => bytes,
            Self::Imix => IMIX[(number % IMIX.len() as u64) as usize],
        }
    }

    /// The sizes of frames one after the other, from the first on, until they
    /// repeat.
    #[must_use]
    pub fn all(self) -> Vec<u16> {
        match self {
            Self::One(bytes) => vec![bytes],
            Self::Imix => IMIX.to_vec(),
        }
    }

    /// Bytes of an average frame.
    #[must_use]
    pub fn mean(self) -> f64 {
        match self {
            Self::One(bytes) => bytes.into(),
            Self::Imix => {
                let bytes: u32 = IMIX.iter().map(|b| u32::from(*b)).sum();
                f64::from(bytes) / IMIX.len() as f64
            }
        }
    }

    /// The most frames per second that a wire carries.
    #[must_use]
    pub fn line_rate(self) -> f64 {
        LINE_RATE / 8.0 / (self.mean() + f64::from(BETWEEN_FRAMES))
    }
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When the frame's last bit is there, in picoseconds from the start.
    pub due: u64,
    /// Its size in bytes, with its checksum.
    pub bytes: u16,
}

/// The frames towards a port, in order.
#[derive(Clone, Debug)]
pub struct Arrivals {
    pattern: Pattern,
    sizes: Sizes,
    /// Whether a wire carries them, which takes its time for each.
    on_a_wire: bool,
    /// Picoseconds from a frame to the next, on average.
    gap: f64,
    rng: Rng,
    number: u64,
    /// The number on the wire of the first of them.
    first: u64,
    /// When the next frame is wanted, by the pattern alone.
    wanted: f64,
    /// When the wire is free again.
    free: u64,
}

impl Arrivals {
    /// Frames at `rate` per second. With `on_a_wire` none is due before the
    /// wire has carried it, which keeps the rate at or below that of the line.
    ///
    /// # Panics
    ///
    /// When the rate is not above zero.
    #[must_use]
    pub fn new(
        rate: f64,
        pattern: Pattern,
        sizes: Sizes,
        on_a_wire: bool,
        seed: u64,
    ) -> Self {
        assert!(rate > 0.0, "a rate is above zero");
        Self {
            pattern,
            sizes,
            on_a_wire,
            gap: SECOND as f64 / rate,
            rng: Rng::with_seed(seed),
            number: 0,
            first: 0,
            wanted: 0.0,
            free: 0,
        }
    }

    /// The same schedule for frames that are numbered from `first` on, which
    /// says how large each is.
    #[must_use]
    pub fn starting_with(self, first: u64) -> Self {
        Self { first, ..self }
    }

    /// Picoseconds from a frame to the next, on average.
    #[must_use]
    pub fn mean_gap(&self) -> f64 {
        let on_the_wire = SECOND as f64 / self.sizes.line_rate();
        let least = if self.on_a_wire { on_the_wire } else { 0.0 };
        self.gap.max(least)
    }

    /// When frame `number` is wanted.
    #[inline(always)]
    fn want(&mut self) -> f64 {
        let number = self.number as f64;
        match self.pattern {
            Pattern::Constant => number * self.gap,
            Pattern::Poisson => {
                self.wanted -= (1.0 - self.rng.f64()).ln() * self.gap;
                self.wanted
            }
            Pattern::Bursts(frames) => {
                let frames = u64::from(frames.max(1));
                (self.number / frames * frames) as f64 * self.gap
            }
        }
    }
}

impl Iterator for Arrivals {
    type Item = Arrival;

    #[inline(always)]
    fn next(&mut self) -> Option<Arrival> {
        let bytes = self.sizes.of(self.first + self.number);
        let mut due = self.want() as u64;
        if self.on_a_wire {
            let bits = u64::from(bytes + BETWEEN_FRAMES) * 8;
            due = due.max(self.free + bits * SECOND / LINE_RATE as u64);
            self.free = due;
        }
        self.number += 1;
        Some(Arrival { due, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Sizes = Sizes::One(64);

    fn arrivals(rate: f64, pattern: Pattern) -> Arrivals {
        Arrivals::new(rate, pattern, SMALL, true, 1)
    }

    /// Frames per second over the first `n`.
    fn rate(mut arrivals: Arrivals, n: usize) -> f64 {
        let last = arrivals.nth(n - 1).expect("endless");
        n as f64 / last.due as f64 * SECOND as f64
    }

    #[test]
    fn the_line_carries_what_the_standard_says() {
        assert_eq!(SMALL.line_rate().round(), 14_880_952.0);
        assert_eq!(Sizes::One(1518).line_rate().round(), 812_744.0);
    }

    #[test]
    fn the_mix_is_seven_to_four_to_one() {
        let sizes: Vec<_> = (0..12).map(|n| Sizes::Imix.of(n)).collect();
        let counts = [64, 570, 1518]
            .map(|bytes| sizes.iter().filter(|size| **size == bytes).count());
        assert_eq!(counts, [7, 4, 1]);
        assert_eq!((Sizes::Imix.mean() * 12.0).round(), 4246.0);
    }

    #[test]
    fn every_pattern_keeps_its_rate() {
        let patterns =
            [Pattern::Constant, Pattern::Poisson, Pattern::Bursts(32)];
        for pattern in patterns {
            let seen = rate(arrivals(5e6, pattern), 200_000);
            assert!((seen / 5e6 - 1.0).abs() < 0.01, "{pattern:?}: {seen}");
        }
    }

    #[test]
    fn a_wire_carries_no_more_than_it_can() {
        let seen = rate(arrivals(50e6, Pattern::Constant), 10_000);
        assert!((seen / SMALL.line_rate() - 1.0).abs() < 1e-3, "{seen}");
        let free = Arrivals::new(50e6, Pattern::Constant, SMALL, false, 1);
        assert!((rate(free, 10_000) / 50e6 - 1.0).abs() < 1e-3);
    }

    #[test]
    fn the_mean_gap_is_that_of_the_rate_or_of_the_wire() {
        let slow = arrivals(1e6, Pattern::Poisson);
        assert_eq!(slow.mean_gap(), 1e6);
        let fast = arrivals(50e6, Pattern::Constant);
        assert!((fast.mean_gap() - 67_200.0).abs() < 1e-6);
        let free = Arrivals::new(50e6, Pattern::Constant, SMALL, false, 1);
        assert_eq!(free.mean_gap(), 20_000.0);
    }

    #[test]
    fn bursts_come_at_the_rate_of_the_line() {
        let due: Vec<_> =
            arrivals(1e6, Pattern::Bursts(4)).take(8).map(|a| a.due).collect();
        let gaps: Vec<_> = due.windows(2).map(|w| w[1] - w[0]).collect();
        assert_eq!(gaps[..3], [67_200; 3]);
        assert_eq!(due[4], 4_000_000);
    }

    #[test]
    fn the_same_seed_gives_the_same_schedule() {
        let some = |seed| {
            Arrivals::new(1e6, Pattern::Poisson, Sizes::Imix, true, seed)
                .take(100)
                .collect::<Vec<_>>()
        };
        assert_eq!(some(1), some(1));
        assert_ne!(some(1), some(2));
        assert!(some(1).windows(2).all(|w| w[0].due < w[1].due));
    }
}

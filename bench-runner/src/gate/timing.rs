//! Tier 1: candidate and baseline in turn on one core and the same memory, in
//! several links of each.

use std::time::Instant;

use crate::analysis;
use crate::failure::Failure;
use crate::measurement::{self, Outcome, Pair, Program, Programs};
use crate::results::{Cell, Run};

/// Pairs of processes of a first look at all cells, and of a second one at
/// those that are not known to be fine.
pub const PAIRS: u32 = 8;
pub const FRESH_PAIRS: u32 = 24;

/// Fewest and most rounds of a process.
const ROUNDS: [u32; 2] = [16, 120];

/// Rounds of the trial that says how long a round takes.
const TRIAL: u32 = 4;

/// Both programs, link by link, and how they are measured.
pub struct Course {
    links: Programs,
    count: usize,
    /// The set-up with all cells: the baseline's, then the candidate's.
    template: Run,
    cells: usize,
    /// Where the samples of each look are kept, if anywhere.
    keep: Box<dyn FnMut(&str, &Run) -> Result<(), Failure>>,
}

/// What was measured of some cells.
#[derive(Clone, Debug)]
pub struct Look {
    /// All samples.
    pub run: Run,
    /// The cells by their number among all.
    pub cells: Vec<usize>,
    links: usize,
}

/// How long things take, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// A round of all cells.
    pub round: f64,
    /// A pair of processes without its rounds.
    pub start: f64,
}

impl Pace {
    /// Rounds of so many pairs that take no longer than `seconds`, for a
    /// share of the cells; none where there is no time for the fewest.
    #[must_use]
    pub fn rounds(&self, pairs: u32, share: f64, seconds: f64) -> Option<u32> {
        let each = seconds / f64::from(pairs) - self.start;
        let rounds = each / (self.round * share);
        let [least, most] = ROUNDS;
        // Of each arena as many.
        let rounds = (rounds as u32).min(most) / 4 * 4;
        (rounds >= least).then_some(rounds)
    }

    /// Seconds that the fewest rounds take.
    #[must_use]
    pub fn least(&self, pairs: u32, share: f64) -> f64 {
        let rounds = f64::from(ROUNDS[0]) * self.round * share;
        f64::from(pairs) * (self.start + rounds)
    }
}

impl Course {
    /// Of links that belong together, on the cells of `template`.
    pub fn new(
        baseline: Vec<Program>,
        candidate: Vec<Program>,
        template: Run,
        keep: Box<dyn FnMut(&str, &Run) -> Result<(), Failure>>,
    ) -> Self {
        let mut template = template;
        let cells = template.cells.len();
        let theirs = template.cells.clone().into_iter();
        let theirs = theirs.map(|cell| Cell { other: true, ..cell });
        template.cells.extend(theirs);
        template.build = baseline[0].build.clone();
        template.other_build = Some(candidate[0].build.clone());
        let pairs: Vec<_> = baseline
            .into_iter()
            .zip(candidate)
            .map(|(first, other)| Pair { first, other })
            .collect();
        let count = pairs.len();
        Self { links: Programs::Links(pairs), count, template, cells, keep }
    }

    /// Measures how long things take.
    pub fn pace(&self) -> Result<Pace, Failure> {
        let begin = Instant::now();
        let run = self.measure(&self.all(), 1, TRIAL, 0)?;
        let whole = begin.elapsed().as_secs_f64();
        let quality = run.processes.first().and_then(|p| p.quality.as_ref());
        let rounds = quality.map_or(0.0, |q| q.wall_ns as f64 / 1e9);
        Ok(Pace {
            round: (rounds / f64::from(TRIAL)).max(1e-6),
            start: (whole - rounds).max(0.0),
        })
    }

    /// All cells.
    #[must_use]
    pub fn all(&self) -> Vec<usize> {
        (0..self.cells).collect()
    }

    /// Measures some cells; what it is called names the samples, and moves
    /// their seed.
    pub fn look(
        &mut self,
        name: &str,
        cells: Vec<usize>,
        pairs: u32,
        rounds: u32,
    ) -> Result<Look, Failure> {
        let salt = name.bytes().fold(1, |salt: u64, byte| {
            salt.wrapping_mul(31).wrapping_add(byte.into())
        });
        let run = self.measure(&cells, pairs, rounds, salt << 20)?;
        (self.keep)(name, &run)?;
        Ok(Look { run, cells, links: self.count })
    }

    fn measure(
        &self,
        cells: &[usize],
        processes: u32,
        rounds: u32,
        salt: u64,
    ) -> Result<Run, Failure> {
        let mut run = self.template.clone();
        let theirs = cells.iter().map(|cell| cell + self.cells);
        let of = |cell: usize| self.template.cells[cell].clone();
        run.cells = cells.iter().copied().chain(theirs).map(of).collect();
        run.setup.processes = processes;
        run.setup.rounds = rounds;
        run.setup.seed ^= salt;
        let outcome =
            measurement::complete_by(&self.links, &mut run, &mut |_| Ok(()))?;
        match outcome {
            Outcome::Complete => Ok(run),
            Outcome::Interrupted => {
                Err(Failure::interrupted("stopped before there was a verdict"))
            }
        }
    }
}

impl Look {
    /// By pair of links, the logarithm of the candidate's time over the
    /// baseline's in each process; `place` counts among this look's cells.
    #[must_use]
    pub fn values(&self, place: usize) -> Vec<Vec<f64>> {
        let candidate = place + self.cells.len();
        self.by_link(analysis::ratios_by_process(&self.run, candidate, place))
    }

    fn by_link(&self, values: Vec<(u32, f64)>) -> Vec<Vec<f64>> {
        let mut links = vec![Vec::new(); self.links];
        for (process, value) in values {
            links[process as usize % self.links].push(value);
        }
        links
    }

    /// By process, the logarithm of a cell's time per packet over that of a
    /// step of the reference kernel, of the baseline or of the candidate.
    #[must_use]
    pub fn against_reference(&self, place: usize, other: bool) -> Vec<f64> {
        let cell = place + if other { self.cells.len() } else { 0 };
        analysis::over_reference(&self.run, cell, other)
    }

    /// Nanoseconds per packet of baseline and candidate, the median over
    /// processes.
    #[must_use]
    pub fn ns(&self, place: usize) -> [f64; 2] {
        [place, place + self.cells.len()]
            .map(|cell| analysis::ns_per_packet(&self.run, cell))
            .map(|ns| ns.unwrap_or(f64::NAN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { round: 0.04, start: 0.5 };

    #[test]
    fn there_are_as_many_rounds_as_there_is_time_for() {
        assert_eq!(PACE.rounds(8, 1.0, 36.0), Some(100));
        assert_eq!(PACE.rounds(8, 1.0, 1000.0), Some(120));
        assert_eq!(PACE.rounds(8, 1.0, 8.0), None);
        assert_eq!(PACE.rounds(24, 0.1, 24.0), Some(120));
        assert!((PACE.least(8, 1.0) - 9.12).abs() < 1e-9);
        assert_eq!(PACE.rounds(8, 1.0, PACE.least(8, 1.0) + 0.01), Some(16));
    }
}

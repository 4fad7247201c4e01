//! Tier 1: candidate and baseline in turn on one core and the same memory, in
//! several links of each.

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::analysis;
use crate::failure::Failure;
use crate::measurement::{self, Outcome, Pair, Programs};
use crate::results::{Cell, Run};

/// Rounds of a process, and where there is little time. What differs from
/// process to process is far more than what so few rounds leave open.
const ROUNDS: [u32; 2] = [24, 16];

/// Fewest and most pairs of processes of a look.
const PAIRS: [u32; 2] = [8, 96];

/// Rounds of the trial that says how long a round takes.
const TRIAL: u32 = 4;

/// How both programs are measured.
pub struct Course<'a> {
    /// The set-up with all cells: the baseline's, then the candidate's.
    template: Run,
    cells: usize,
    /// Where the samples of each look are kept, if anywhere.
    folder: Option<&'a Path>,
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

/// How often a look measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Pairs of processes.
    pub pairs: u32,
    /// Rounds of each.
    pub rounds: u32,
}

impl Pace {
    /// As many pairs of processes as there is time for at a share of the
    /// cells, as often with each of the links; none where there is no time for
    /// the fewest.
    #[must_use]
    pub fn effort(
        &self,
        share: f64,
        seconds: f64,
        links: u32,
        most: u32,
    ) -> Option<Effort> {
        let [fewest, limit] = PAIRS;
        let fewest = fewest.next_multiple_of(links);
        let most = most.clamp(fewest, limit.max(fewest));
        ROUNDS.into_iter().find_map(|rounds| {
            let pairs = (seconds / self.pair(rounds, share)) as u32;
            let pairs = pairs.min(most) / links * links;
            (pairs >= fewest).then_some(Effort { pairs, rounds })
        })
    }

    /// The least effort.
    #[must_use]
    pub fn fewest(&self, links: u32) -> Effort {
        let pairs = PAIRS[0].next_multiple_of(links);
        Effort { pairs, rounds: ROUNDS[1] }
    }

    /// Seconds that it takes.
    #[must_use]
    pub fn least(&self, share: f64, links: u32) -> f64 {
        let Effort { pairs, rounds } = self.fewest(links);
        f64::from(pairs) * self.pair(rounds, share)
    }

    /// Seconds of a pair.
    fn pair(&self, rounds: u32, share: f64) -> f64 {
        self.start + f64::from(rounds) * self.round * share
    }
}

impl<'a> Course<'a> {
    /// On the cells of `template`.
    pub fn new(template: Run, folder: Option<&'a Path>) -> Self {
        let mut template = template;
        let cells = template.cells.len();
        let theirs = template.cells.clone().into_iter();
        let theirs = theirs.map(|cell| Cell { other: true, ..cell });
        template.cells.extend(theirs);
        Self { template, cells, folder }
    }

    /// Measures how long things take.
    pub fn pace(&self, links: &[Pair]) -> Result<Pace, Failure> {
        let begin = Instant::now();
        let once = Effort { pairs: 1, rounds: TRIAL };
        let (run, outcome) = self.measure(links, &self.all(), once, 0)?;
        if outcome == Outcome::Interrupted {
            return Err(Failure::interrupted("stopped before it began"));
        }
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

    /// Measures some cells with pairs of links in turn; what the look is
    /// called names its samples, and moves their seed.
    pub fn look(
        &self,
        name: &str,
        links: &[Pair],
        cells: Vec<usize>,
        effort: Effort,
    ) -> Result<Look, Failure> {
        let salt = name.bytes().fold(1, |salt: u64, byte| {
            salt.wrapping_mul(31).wrapping_add(byte.into())
        });
        let (run, outcome) = self.measure(links, &cells, effort, salt << 20)?;
        let mut kept = String::new();
        if let Some(folder) = self.folder {
            let folder = folder.join(name);
            fs::create_dir_all(&folder).map_err(Failure::error)?;
            run.save(&folder).map_err(Failure::error)?;
            kept = format!("; samples are in {}", folder.display());
        }
        match outcome {
            Outcome::Complete => Ok(Look { run, cells, links: links.len() }),
            Outcome::Interrupted => Err(Failure::interrupted(format!(
                "stopped before there was a verdict{kept}"
            ))),
        }
    }

    fn measure(
        &self,
        links: &[Pair],
        cells: &[usize],
        effort: Effort,
        salt: u64,
    ) -> Result<(Run, Outcome), Failure> {
        let mut run = self.template.clone();
        let theirs = cells.iter().map(|cell| cell + self.cells);
        let of = |cell: usize| self.template.cells[cell].clone();
        run.cells = cells.iter().copied().chain(theirs).map(of).collect();
        run.setup.processes = effort.pairs;
        run.setup.rounds = effort.rounds;
        run.setup.seed ^= salt;
        if let Some(Pair { first, other }) = links.first() {
            run.build = first.build.clone();
            run.other_build = Some(other.build.clone());
        }
        let links = Programs::Links(links.to_vec());
        let outcome =
            measurement::complete_by(&links, &mut run, &mut |_| Ok(()))?;
        Ok((run, outcome))
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
    fn there_are_as_many_pairs_as_there_is_time_for() {
        let effort = |share, seconds, most| {
            let effort = PACE.effort(share, seconds, 4, most)?;
            Some((effort.pairs, effort.rounds))
        };
        // A pair takes 0.5 + 24 * 0.04 = 1.46 seconds.
        assert_eq!(effort(1.0, 36.0, 90), Some((24, 24)));
        assert_eq!(effort(1.0, 1000.0, 90), Some((88, 24)));
        assert_eq!(effort(1.0, 1000.0, 12), Some((12, 24)));
        assert_eq!(effort(1.0, 10.0, 90), Some((8, 16)));
        assert_eq!(effort(1.0, 8.0, 90), None);
        let least = PACE.least(1.0, 4);
        assert_eq!(effort(1.0, least + 0.01, 90), Some((8, 16)));
        assert_eq!(effort(1.0, least - 0.01, 90), None);
        assert_eq!(PACE.effort(1.0, 60.0, 3, 90).unwrap().pairs % 3, 0);
    }
}

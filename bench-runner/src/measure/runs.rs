//! Runs of frames, as a lightly loaded card leaves them in a receive ring.

/// Frames per run on average.
const MEAN: u32 = 16;

/// Cuts the frames of a phase into runs.
///
/// A lightly loaded card knows nothing of batches: it leaves what has come
/// since the driver looked last. Here the moments at which the driver looks
/// fall anywhere among the frames, so that each frame may be the last of its
/// run, whatever came before it. Lengths are nearly geometric, now and then
/// 0, and there is nothing in them to predict.
pub(super) struct Runs {
    rng: fastrand::Rng,
    frames: u32,
    /// Ends of all runs, in order, counted in frames.
    ends: Vec<u32>,
}

impl Runs {
    /// Runs for phases of `frames` frames.
    pub fn new(rng: fastrand::Rng, frames: u32) -> Self {
        let count = (frames / MEAN).max(1);
        Self { rng, frames, ends: vec![frames; count as usize] }
    }

    /// Runs per phase, the same in each.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// Cuts the next phase.
    pub fn draw(&mut self) {
        let Some((_last, inner)) = self.ends.split_last_mut() else {
            return;
        };
        inner.fill_with(|| self.rng.u32(0..=self.frames));
        inner.sort_unstable();
    }

    /// Frames of run `i`.
    pub fn frames(&self, i: usize) -> u32 {
        let start = i.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.ends[i] - start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(seed: u64, frames: u32) -> Runs {
        Runs::new(fastrand::Rng::with_seed(seed), frames)
    }

    fn drawn(runs: &mut Runs) -> Vec<u32> {
        runs.draw();
        (0..runs.count()).map(|i| runs.frames(i)).collect()
    }

    #[test]
    fn every_phase_has_all_its_frames_in_as_many_runs() {
        for frames in [32, 96, 224, 448, 3584] {
            let mut runs = runs(1, frames);
            assert_eq!(runs.count(), frames as usize / 16);
            for _ in 0..100 {
                assert_eq!(drawn(&mut runs).iter().sum::<u32>(), frames);
            }
        }
    }

    #[test]
    fn a_run_goes_on_or_ends_whatever_its_length() {
        let mut runs = runs(2, 448);
        let lengths: Vec<_> =
            (0..4000).flat_map(|_| drawn(&mut runs)).collect();
        for length in [1, 4, 8, 16, 24, 32] {
            let reached = lengths.iter().filter(|l| **l >= length).count();
            let ended = lengths.iter().filter(|l| **l == length).count();
            let share = ended as f64 / reached as f64;
            assert!((share * 16.0 - 1.0).abs() < 0.1, "{length}: {share}");
        }
    }

    #[test]
    fn runs_are_drawn_anew_for_each_phase_and_seed() {
        let mut once = runs(3, 448);
        let (first, second) = (drawn(&mut once), drawn(&mut once));
        assert_ne!(first, second);
        assert_eq!(drawn(&mut runs(3, 448)), first);
        assert_ne!(drawn(&mut runs(4, 448)), first);
    }
}

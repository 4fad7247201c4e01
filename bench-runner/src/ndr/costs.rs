//! What each batch of a variant costs, by the frames it finds.

use std::sync::atomic::{AtomicBool, Ordering};

use variants::registry::Variant;

use crate::clock;
use crate::failure::Failure;
use crate::measure::{Bench, Streak, Task};
use crate::plan;
use crate::results::{Fill, Placement, Setup, Trace};

/// Packets over which a variant shows what it does now and then, such as
/// sweeping its pool, several times.
const PACKETS: u32 = 8192;

/// Turns of a streak at least.
const FEWEST_TURNS: u32 = 32;

/// Replays per arena: a turn costs what it costs in a quarter of them at
/// most. What disturbs a replay only adds.
const REPLAYS: usize = 24;

/// Picoseconds of a batch at least; less is below what the clock tells apart.
const LEAST: f64 = 1e3;

/// Descriptors per ring.
pub const RING: u16 = 512;

/// Which batches are to be measured, and where.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// The variant.
    pub variant: Variant,
    /// Upper limit of frames per batch.
    pub batch: u16,
    /// Bytes of each frame on the wire, with its checksum.
    pub frame: u16,
    /// The core to measure on.
    pub core: u32,
    /// Seed of the traffic.
    pub seed: u64,
}

/// The clock of the samples.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Ticks per second.
    pub tick_hz: f64,
    /// Ticks of a pair of stamps.
    pub cost_ticks: u32,
}

/// Core cycles of batches at one port, by the number of frames in them: for
/// each number those of one batch after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Costs {
    by_fill: Vec<Vec<f64>>,
    /// The core's frequency meanwhile, in GHz, in each replay.
    pub ghz: Vec<f64>,
}

impl Costs {
    /// Measures them. None when it was stopped.
    ///
    /// # Errors
    ///
    /// When there is no memory, or a frame is missing.
    pub fn measure(
        subject: &Subject,
        clock: Clock,
        stop: &AtomicBool,
    ) -> Result<Option<Self>, Failure> {
        let Subject { variant, batch, seed, .. } = *subject;
        let setup = setup(subject);
        let arenas = setup.arenas as usize;
        let mut bench = Bench::new(setup, clock.cost_ticks)
            .map_err(Failure::environment)?;
        let streaks: Vec<_> = (0..=u32::from(batch)).map(streak).collect();
        let mut ghz = Vec::new();
        let mut replays = vec![Vec::with_capacity(REPLAYS); arenas];
        // All arenas in turn, so that each has its share of quiet moments.
        for arena in (0..REPLAYS).flat_map(|_| 0..arenas) {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let task = Task {
                variant,
                workload: variant.workload().into(),
                batch,
                fill: Fill::Full,
                cores: None,
                arena,
                length: 0,
                first_sequence: seed & u64::from(u32::MAX),
                runs_seed: seed,
            };
            let before = clock::chain_ghz(clock.tick_hz);
            let ticks = bench.fills(&task, &streaks).map_err(|error| {
                Failure::error(format!("{}: {error}", variant.name()))
            })?;
            let now = before.midpoint(clock::chain_ghz(clock.tick_hz));
            ghz.push(now);
            let per_tick = now * 1e9 / clock.tick_hz;
            let cycles = ticks.iter().map(|t| *t as f64 * per_tick);
            replays[arena].push(cycles.collect::<Vec<_>>());
        }
        let by_arena: Vec<_> = replays.iter().map(|r| quiet(r)).collect();
        let turns = means(&by_arena);
        let mut rest = turns.iter();
        let of = |streak: &Streak| {
            let turns = rest.by_ref().take(streak.turns as usize);
            // A turn is a batch at each of two ports.
            turns.map(|cycles| cycles / 2.0).collect()
        };
        let by_fill = streaks.iter().map(of).collect();
        Ok(Some(Self { by_fill, ghz }))
    }

    /// Costs that were not measured.
    #[cfg(test)]
    pub fn of(by_fill: Vec<Vec<f64>>) -> Self {
        Self { by_fill, ghz: vec![1.0] }
    }

    /// The mean of several, each as often as its weight says.
    ///
    /// # Panics
    ///
    /// When they are not of the same variant and batch size.
    #[must_use]
    pub fn mixed(parts: &[(f64, Self)]) -> Self {
        let whole: f64 = parts.iter().map(|(weight, _)| weight).sum();
        let (_, first) = parts.first().expect("something to mix");
        let mut by_fill = first.by_fill.clone();
        for (fill, costs) in by_fill.iter_mut().enumerate() {
            for (turn, cost) in costs.iter_mut().enumerate() {
                let of = |(weight, part): &(f64, Self)| {
                    weight * part.by_fill[fill][turn]
                };
                *cost = parts.iter().map(of).sum::<f64>() / whole;
            }
        }
        let ghz = parts.iter().flat_map(|(_, part)| part.ghz.clone());
        Self { by_fill, ghz: ghz.collect() }
    }

    /// Picoseconds of each batch on a core of so many GHz, by fill.
    #[must_use]
    pub fn picoseconds(&self, ghz: f64) -> Vec<Vec<u64>> {
        let ps = |cycles: &f64| (cycles / ghz * 1e3).round().max(LEAST) as u64;
        let of = |costs: &Vec<f64>| costs.iter().map(ps).collect();
        self.by_fill.iter().map(of).collect()
    }
}

/// Turns that find `frames` frames: so many that their number of packets is
/// enough.
fn streak(frames: u32) -> Streak {
    let turns = PACKETS / (2 * frames).max(1);
    let most = PACKETS / 2;
    Streak { frames, turns: turns.clamp(FEWEST_TURNS, most) }
}

/// For each place the lower quartile over the rows.
fn quiet(rows: &[Vec<f64>]) -> Vec<f64> {
    by_place(rows, |values| {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted[sorted.len() / 4]
    })
}

/// For each place the mean over the rows.
fn means(rows: &[Vec<f64>]) -> Vec<f64> {
    by_place(rows, |values| values.iter().sum::<f64>() / values.len() as f64)
}

fn by_place(rows: &[Vec<f64>], of: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let places = rows.first().map_or(0, Vec::len);
    let at = |place: usize| {
        let values: Vec<_> = rows.iter().map(|row| row[place]).collect();
        of(&values)
    };
    (0..places).map(at).collect()
}

fn setup(subject: &Subject) -> Setup {
    Setup {
        seed: subject.seed,
        workload: subject.variant.workload().into(),
        types: plan::TYPES,
        trace: Trace::Generated,
        placement: Placement::Lockstep,
        fill: Fill::Full,
        frame_bytes: subject.frame,
        ring_entries: RING,
        buffer_bytes: 2048,
        doorbell_cycles: 0,
        packets_per_phase: plan::packets_per_phase(RING),
        injected_every: None,
        phases: 1,
        rounds: 1,
        processes: 1,
        arenas: plan::ARENAS,
        core: subject.core,
        cores: Vec::new(),
        queues: None,
        split: false,
        model_core: subject.core,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats;

    #[test]
    fn what_disturbs_one_replay_is_no_cost_and_what_is_in_all_is() {
        let mut replays = vec![vec![10.0, 10.0, 500.0, 10.0]; REPLAYS];
        for disturbed in &mut replays[..REPLAYS / 2] {
            disturbed[0] = 9000.0;
        }
        assert_eq!(quiet(&replays), [10.0, 10.0, 500.0, 10.0]);
        assert_eq!(means(&[vec![1.0, 2.0], vec![3.0, 2.0]]), [2.0, 2.0]);
    }

    #[test]
    fn every_streak_has_packets_enough() {
        for frames in 1..=256 {
            let Streak { turns, .. } = streak(frames);
            assert!(2 * frames * turns > PACKETS * 9 / 10, "{frames}");
            assert!(2 * frames * turns <= 2 * PACKETS, "{frames}");
        }
        assert_eq!(streak(0).turns, PACKETS / 2);
    }

    #[test]
    fn a_mix_is_weighed() {
        let cheap = Costs::of(vec![vec![1.0], vec![2.0, 2.0]]);
        let dear = Costs::of(vec![vec![3.0], vec![6.0, 10.0]]);
        let mixed = Costs::mixed(&[(3.0, cheap), (1.0, dear)]);
        assert_eq!(mixed.by_fill, [vec![1.5], vec![3.0, 4.0]]);
        let ps = mixed.picoseconds(1.0);
        assert_eq!(ps, [vec![1500], vec![3000, 4000]]);
        // Less than a nanosecond is none.
        assert_eq!(mixed.picoseconds(2.0), [vec![1000], vec![1500, 2000]]);
    }

    #[test]
    fn batches_of_a_real_driver_cost_more_with_more_frames() {
        let subject = Subject {
            variant: plan::find("baseline").expect("a variant"),
            batch: 8,
            frame: 64,
            core: 0,
            seed: 1,
        };
        let clock = Clock {
            tick_hz: clock::tick_hz(),
            cost_ticks: clock::clock_cost_ticks(),
        };
        let go = AtomicBool::new(false);
        let costs = Costs::measure(&subject, clock, &go).expect("measured");
        let costs = costs.expect("not stopped");
        assert_eq!(costs.by_fill.len(), 9);
        let median = |fill: usize| {
            stats::median(&costs.by_fill[fill]).expect("some turns")
        };
        assert!(median(8) > median(0), "{} {}", median(8), median(0));
        let stop = AtomicBool::new(true);
        let stopped = Costs::measure(&subject, clock, &stop);
        assert_eq!(stopped.expect("no failure"), None);
    }
}

//! What befell a process while it measured, and which ones are set apart for
//! it.
//!
//! A process is set apart by what the kernel and the add chain say, never by
//! what it measured: to drop the values that look odd is to choose the result.

use std::time::Instant;

use crate::environment::Root;
use crate::results::{Process, Quality, Run};
use crate::stats;

/// Of so many processes of a run one may be set apart.
pub const MOST: usize = 4;

/// Share of its time that a process may wait for a core that others have.
const RUN_DELAY: f64 = 0.05;

/// Share of its time that the host may keep from its core. Told in ticks of
/// 10 ms, of which one in a short process says nothing.
const STOLEN: f64 = 0.05;

/// How far the quartiles of the core's frequency may be apart, as a share of
/// the median.
const CHAIN: f64 = 0.05;

/// Seconds in a tick of `/proc/stat`.
const TICK: f64 = 0.01;

/// The calling thread, watched from now on.
#[derive(Debug)]
pub struct Watch {
    root: Root,
    core: u32,
    begin: Instant,
    run_delay_ns: Option<u64>,
    stolen_ticks: Option<u64>,
    involuntary_switches: Option<u64>,
}

impl Watch {
    /// Begins to watch the calling thread, which stays on `core`.
    #[must_use]
    pub fn begin(core: u32) -> Self {
        let root = Root::default();
        Self {
            core,
            run_delay_ns: root.run_delay_ns(),
            stolen_ticks: root.stolen_ticks(core),
            involuntary_switches: root.involuntary_switches(),
            root,
            begin: Instant::now(),
        }
    }

    /// What happened since.
    #[must_use]
    pub fn end(self) -> Quality {
        let wall_ns = self.begin.elapsed().as_nanos().try_into();
        let since = |before: Option<u64>, now: Option<u64>| {
            Some(now?.saturating_sub(before?))
        };
        let root = &self.root;
        Quality {
            wall_ns: wall_ns.unwrap_or(u64::MAX),
            run_delay_ns: since(self.run_delay_ns, root.run_delay_ns()),
            stolen_ticks: since(
                self.stolen_ticks,
                root.stolen_ticks(self.core),
            ),
            involuntary_switches: since(
                self.involuntary_switches,
                root.involuntary_switches(),
            ),
        }
    }
}

/// What befell two processes that took turns on one core, of which both had it
/// for `on_core_ns` together. Each waits for the other with the kernel's
/// knowledge or without, so what others took is what neither had. Time that
/// the host kept from the core was kept from both at once.
#[must_use]
pub fn of_both(a: &Quality, b: &Quality, on_core_ns: u64) -> Quality {
    let wall_ns = a.wall_ns.max(b.wall_ns);
    Quality {
        wall_ns,
        run_delay_ns: Some(wall_ns.saturating_sub(on_core_ns)),
        stolen_ticks: a.stolen_ticks.max(b.stolen_ticks),
        involuntary_switches: None,
    }
}

/// Numbers of the processes that are set apart, the worst first: at most one
/// in [`MOST`], for where all are disturbed none is the exception. Each has
/// one replacement, which is kept whatever befell it.
#[must_use]
pub fn quarantined(run: &Run) -> Vec<u32> {
    let planned = run.setup.processes;
    let whole = |process: &&Process| {
        process.index < planned
            && process.rounds.len() == run.setup.rounds as usize
    };
    let judged = run.processes.iter().filter(whole);
    let mut bad: Vec<_> = judged
        .map(|process| (disturbance(process), process.index))
        .filter(|(disturbance, _)| *disturbance > 1.0)
        .collect();
    // Of two that are equal the earlier one goes.
    bad.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    bad.truncate(planned as usize / MOST);
    bad.into_iter().map(|(_, index)| index).collect()
}

/// How many of a run's processes were disturbed, set apart or not.
#[must_use]
pub fn disturbed(run: &Run) -> usize {
    let is = |process: &&Process| disturbance(process) > 1.0;
    run.processes.iter().filter(is).count()
}

/// The worst of a process's signals, 1 being what may be.
fn disturbance(process: &Process) -> f64 {
    let chain = chain_spread(process).unwrap_or_default() / CHAIN;
    let Some(quality) = &process.quality else { return chain };
    let wall = (quality.wall_ns as f64).max(1.0);
    let delay = quality.run_delay_ns.unwrap_or_default() as f64 / wall;
    let ticks = quality.stolen_ticks.unwrap_or_default().saturating_sub(1);
    let stolen = ticks as f64 * TICK * 1e9 / wall;
    chain.max(delay / RUN_DELAY).max(stolen / STOLEN)
}

/// How far the quartiles of the core's frequency are apart, as a share of
/// its median.
#[must_use]
pub fn chain_spread(process: &Process) -> Option<f64> {
    let mut chain: Vec<_> =
        process.rounds.iter().map(|round| round.chain_ghz).collect();
    chain.sort_by(f64::total_cmp);
    let quartile = |n: usize| chain.get(chain.len() * n / 4).copied();
    Some((quartile(3)? - quartile(1)?) / stats::median(&chain)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::example;

    fn calm() -> Quality {
        Quality {
            wall_ns: 1_000_000_000,
            run_delay_ns: Some(1_000_000),
            stolen_ticks: Some(1),
            involuntary_switches: Some(3),
        }
    }

    fn run() -> Run {
        let mut run = example::run(&["baseline"], &[32]);
        run.processes.iter_mut().for_each(|p| p.quality = Some(calm()));
        run
    }

    fn disturb(run: &mut Run, process: usize, delay_ns: u64) {
        let quality = run.processes[process].quality.as_mut().unwrap();
        quality.run_delay_ns = Some(delay_ns);
    }

    #[test]
    fn calm_processes_are_kept() {
        assert_eq!(quarantined(&run()), [0; 0]);
        assert!(run().is_finished());
    }

    #[test]
    fn two_that_take_turns_are_disturbed_together() {
        let mut other = calm();
        other.run_delay_ns = Some(60_000_000);
        other.stolen_ticks = Some(0);
        let both = of_both(&calm(), &other, 990_000_000);
        assert_eq!(both.run_delay_ns, Some(10_000_000));
        assert_eq!(both.stolen_ticks, Some(1));
        assert_eq!(both.involuntary_switches, None);
    }

    #[test]
    fn what_a_machine_does_not_tell_sets_nobody_apart() {
        let mut run = run();
        run.processes[2].quality = Some(Quality {
            wall_ns: 1,
            run_delay_ns: None,
            stolen_ticks: None,
            involuntary_switches: None,
        });
        run.processes[3].quality = None;
        assert_eq!(quarantined(&run), [0; 0]);
    }

    #[test]
    fn each_signal_sets_a_process_apart() {
        let mut delayed = run();
        disturb(&mut delayed, 1, 60_000_000);
        assert_eq!(quarantined(&delayed), [1]);
        let mut stolen = run();
        let quality = stolen.processes[2].quality.as_mut().unwrap();
        quality.stolen_ticks = Some(8);
        assert_eq!(quarantined(&stolen), [2]);
        let mut chain = run();
        let rounds = chain.processes[3].rounds.iter_mut();
        rounds.step_by(2).for_each(|round| round.chain_ghz *= 0.8);
        assert_eq!(quarantined(&chain), [3]);
    }

    #[test]
    fn a_quarter_at_most_and_the_worst_of_them() {
        let mut run = run();
        for process in 0..8 {
            disturb(&mut run, process, 100_000_000 + process as u64);
        }
        assert_eq!(quarantined(&run), [7, 6]);
    }

    #[test]
    fn a_process_set_apart_has_to_be_replaced_once() {
        let mut run = run();
        disturb(&mut run, 5, 200_000_000);
        assert!(!run.is_finished());
        let mut replacement = run.processes[0].clone();
        replacement.index = 8;
        replacement.quality.as_mut().unwrap().run_delay_ns = Some(500_000_000);
        run.processes.push(replacement);
        assert_eq!(quarantined(&run), [5]);
        assert!(run.is_finished());
    }

    #[test]
    fn values_have_no_say() {
        let mut run = run();
        for round in &mut run.processes[4].rounds {
            round.ticks.iter_mut().for_each(|ticks| *ticks *= 10);
        }
        assert_eq!(quarantined(&run), [0; 0]);
    }

    #[test]
    fn the_kernel_tells_of_this_thread() {
        let quality = Watch::begin(0).end();
        assert!(quality.run_delay_ns.is_some());
        assert!(quality.involuntary_switches.is_some());
    }
}

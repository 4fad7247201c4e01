//! Batches of given fills, one after the other, each timed by itself.
//!
//! The card leaves as many frames at a port as a step says, the driver takes
//! them in one round over its ports, and the card takes what it sent before
//! the next step. What a step costs is the round less the poll of the other
//! port, which finds nothing.

use std::sync::atomic::{Ordering, fence};
use std::time::{Duration, Instant};

use variants::workload::{PORTS, Quota};

use super::Invalid;
use super::bench::{Bench, Task};
use crate::clock::stamp;
use crate::process;
use crate::stats;

/// Full turns before the steps: seven laps of 512 descriptors at 448 per
/// turn, so that every descriptor has been used.
const WARM_UP: u32 = 8;

/// Full turns that are timed, before the steps and after.
const TIMED_TURNS: u32 = 24;

/// Empty rounds whose mean is the cost of a poll that finds nothing.
const EMPTY_ROUNDS: u32 = 1024;

/// Empty rounds, untimed, before a batch that an idle driver finds.
const IDLE_ROUNDS: u32 = 2;

/// A batch to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The port at which it is received.
    pub port: u8,
    /// Its packets, at least 1, at most those of a phase.
    pub fill: u16,
    /// Whether the driver found nothing at any port before it.
    pub after_idle: bool,
}

/// What a replay measured, the clock's own cost subtracted.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// Ticks of each step.
    pub ticks: Vec<u32>,
    /// Ticks of a poll of one port that finds nothing.
    pub poll_ticks: f64,
    /// Ticks of a turn on full rings, the median of some before and some
    /// after the steps: how fast the machine was meanwhile.
    pub turn_ticks: f64,
}

/// How long a measurement may go on.
#[derive(Clone, Copy, Debug)]
pub struct Until {
    limit: Duration,
    deadline: Instant,
}

impl Until {
    /// From now on for this long.
    #[must_use]
    pub fn within(limit: Duration) -> Self {
        Self { limit, deadline: Instant::now() + limit }
    }

    /// Whether to go on.
    ///
    /// # Errors
    ///
    /// When the time is over, or the user stops it all.
    pub fn check(&self) -> Result<(), Invalid> {
        if process::interrupted().load(Ordering::Relaxed) {
            return Err(Invalid::Interrupted);
        }
        match Instant::now() < self.deadline {
            true => Ok(()),
            false => Err(Invalid::Late(self.limit)),
        }
    }
}

impl Bench {
    /// Runs the steps on a freshly laid-out arena.
    ///
    /// # Errors
    ///
    /// When a packet is missing, or one too many, or one spoiled, and when
    /// time is over.
    pub fn replay(
        &mut self,
        task: &Task,
        steps: &[Step],
        until: &Until,
    ) -> Result<Replay, Invalid> {
        let (spec, parts) = self.begin(task);
        let (mut model, site) = spec.lay_out(parts);
        let mut step = |_| model.poll_control();
        let mut forwarder = (spec.open())(site, &mut step)?;
        model.poll_control();

        let per_phase = u64::from(spec.setup.packets_per_phase);
        let per_port = spec.setup.packets_per_phase / PORTS as u32;
        let mut take = |quota: Quota, wanted: u64| {
            let start = stamp();
            let received = forwarder.forward(quota);
            let span = stamp() - start;
            match received == wanted {
                true => Ok(span),
                false => Err(Invalid::Stalled { wanted, received }),
            }
        };
        let full = Quota { packets: per_phase, patience: 1 };
        let mut turns = Vec::new();
        for turn in 0..WARM_UP + TIMED_TURNS {
            model.transmit();
            model.receive(per_port);
            let span = take(full, per_phase)?;
            if turn >= WARM_UP {
                turns.push(span as f64);
            }
        }
        model.transmit();
        let clock = u64::from(spec.clock_cost_ticks);
        let empty = Quota { packets: 1, patience: EMPTY_ROUNDS };
        // The first of them clean up.
        take(empty, 0)?;
        let polls = f64::from(EMPTY_ROUNDS) * PORTS as f64;
        let poll_ticks = take(empty, 0)?.saturating_sub(clock) as f64 / polls;
        // The polls of the other ports of a round.
        let others = poll_ticks * (PORTS - 1) as f64;
        let besides = clock + others.round() as u64;

        let mut ticks = Vec::with_capacity(steps.len());
        let mut left = steps;
        while !left.is_empty() {
            until.check()?;
            let (phase, rest) = left.split_at(phase_steps(left, per_port));
            left = rest;
            for port in 0..PORTS {
                let of = |step: &&Step| usize::from(step.port) == port;
                let frames = phase.iter().filter(of).map(|s| u32::from(s.fill));
                model.receive_held_at(port, frames.sum());
            }
            for step in phase {
                if step.after_idle {
                    take(Quota { packets: 1, patience: IDLE_ROUNDS }, 0)?;
                }
                let fill = step.fill.into();
                model.port_mut(step.port.into()).write_back(fill);
                // As in a random fill: a card's write-backs lie in no store
                // buffer of this core.
                fence(Ordering::SeqCst);
                let packets = u64::from(fill);
                let span = take(Quota { packets, patience: 1 }, packets)?;
                let span = span.saturating_sub(besides);
                ticks.push(u32::try_from(span).unwrap_or(u32::MAX));
                model.transmit();
            }
        }
        for _ in 0..TIMED_TURNS {
            model.receive(per_port);
            turns.push(take(full, per_phase)? as f64);
            model.transmit();
        }
        let turn_ticks = stats::median(&turns).unwrap_or(1.0).max(1.0);
        let account = spec.balance(&model, &*forwarder)?;
        let taken: u64 = steps.iter().map(|step| u64::from(step.fill)).sum();
        let turns = u64::from(WARM_UP + 2 * TIMED_TURNS);
        let wanted = turns * per_phase + taken;
        let received = spec.done(&account);
        match received == wanted {
            true => Ok(Replay { ticks, poll_ticks, turn_ticks }),
            false => Err(Invalid::Stalled { wanted, received }),
        }
    }
}

/// How many of the steps, at least one, have no more than `per_port` frames
/// at any port.
fn phase_steps(steps: &[Step], per_port: u32) -> usize {
    let mut frames = [0; PORTS];
    let fits = |step: &&Step| {
        let frames = &mut frames[usize::from(step.port)];
        *frames += u32::from(step.fill);
        *frames <= per_port
    };
    steps.iter().take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(port: u8, fill: u16) -> Step {
        Step { port, fill, after_idle: false }
    }

    #[test]
    fn a_phase_ends_before_a_port_has_too_many_frames() {
        let steps = [step(0, 40), step(1, 60), step(0, 24), step(0, 1)];
        assert_eq!(phase_steps(&steps, 64), 3);
        assert_eq!(phase_steps(&steps, 65), 4);
        assert_eq!(phase_steps(&steps[3..], 64), 1);
        assert_eq!(phase_steps(&[], 64), 1);
    }
}

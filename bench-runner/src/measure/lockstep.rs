//! Lockstep: model and driver take turns on one core, and only the driver's
//! turns are timed.

use std::sync::atomic::{Ordering, fence};

use nic_model::{Model, Parts};
use variants::workload::{Forwarder, PORTS, Quota};

use super::bench::BlockSpec;
use super::runs::Runs;
use super::{Block, Invalid};
use crate::clock::stamp;
use crate::results::Fill;

/// Phases before the timed ones.
const WARM_UP: u32 = 2;

pub(super) fn block(
    spec: &BlockSpec<'_>,
    parts: Parts<'_>,
) -> Result<Block, Invalid> {
    let (mut model, site) = spec.lay_out(parts);
    let mut step = |_| model.poll_control();
    let mut forwarder = (spec.open())(site, &mut step)?;
    model.poll_control();

    let timed = match spec.task.fill {
        Fill::Full => full(spec, &mut model, &mut *forwarder)?,
        Fill::Random => random(spec, &mut model, &mut *forwarder)?,
    };
    model.transmit();
    let account = spec.balance(&model, &*forwarder)?;
    let packets = u64::from(spec.setup.packets_per_phase);
    let wanted = u64::from(WARM_UP + spec.task.length) * packets;
    let received = spec.done(&account);
    if spec.task.variant.forwards && received != wanted {
        return Err(Invalid::Stalled { wanted, received });
    }
    let clock = u64::from(spec.clock_cost_ticks) * timed.pairs;
    Ok(Block {
        ticks: timed.ticks.saturating_sub(clock),
        device_ticks: timed.device_ticks.saturating_sub(clock),
        forwarded: u64::from(spec.task.length) * packets,
        model_busy: 0.0,
        in_time: None,
    })
}

/// Sums over the timed phases.
#[derive(Default)]
struct Timed {
    /// Driver's turns.
    ticks: u64,
    /// Device's turns.
    device_ticks: u64,
    /// Pairs of stamps around turns of either.
    pairs: u64,
}

/// All frames of a phase are there at once, and one turn takes them.
fn full(
    spec: &BlockSpec<'_>,
    model: &mut Model<'_>,
    forwarder: &mut dyn Forwarder,
) -> Result<Timed, Invalid> {
    let per_phase = spec.setup.packets_per_phase;
    let per_port = per_phase / model.ports().len() as u32;
    let packets = u64::from(per_phase);
    let quota = Quota { packets, patience: 1 };
    let mut timed = Timed::default();
    for phase in 0..WARM_UP + spec.task.length {
        let device_start = stamp();
        model.transmit();
        model.receive(spec.offered(per_port));
        let start = stamp();
        let received = forwarder.forward(quota);
        let span = stamp() - start;
        if spec.task.variant.forwards && received != packets {
            return Err(Invalid::Stalled { wanted: packets, received });
        }
        if phase >= WARM_UP {
            timed.ticks += span;
            timed.device_ticks += start - device_start;
            timed.pairs += 1;
        }
    }
    Ok(timed)
}

/// The frames of a phase are there, but come into sight run by run, and a
/// turn takes what it sees.
fn random(
    spec: &BlockSpec<'_>,
    model: &mut Model<'_>,
    forwarder: &mut dyn Forwarder,
) -> Result<Timed, Invalid> {
    let per_port = spec.setup.packets_per_phase / PORTS as u32;
    let mut rng = fastrand::Rng::with_seed(spec.task.runs_seed);
    let mut ports = [0; PORTS].map(|_| Runs::new(rng.fork(), per_port));
    let turns = ports[0].count();
    let mut timed = Timed::default();
    for phase in 0..WARM_UP + spec.task.length {
        ports.iter_mut().for_each(Runs::draw);
        let mut device_start = stamp();
        model.transmit();
        model.receive_held(per_port);
        for turn in 0..turns {
            let mut packets = 0;
            for (port, runs) in ports.iter().enumerate() {
                let frames = runs.frames(turn);
                model.port_mut(port).write_back(frames);
                packets += u64::from(frames);
            }
            // A card's write-backs lie in no store buffer of this core: wide
            // loads would wait for what narrow ones are handed at once.
            fence(Ordering::SeqCst);
            let quota = Quota { packets, patience: 1 };
            let start = stamp();
            let received = forwarder.forward(quota);
            let span = stamp() - start;
            if spec.task.variant.forwards && received != packets {
                return Err(Invalid::Stalled { wanted: packets, received });
            }
            if phase >= WARM_UP {
                timed.ticks += span;
                timed.device_ticks += start - device_start;
                timed.pairs += 1;
            }
            device_start = start + span;
        }
    }
    Ok(timed)
}

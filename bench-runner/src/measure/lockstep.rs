//! Lockstep: model and driver take turns on one core, and only the driver's
//! turns are timed.

use nic_model::Parts;
use variants::workload::Quota;

use super::bench::BlockSpec;
use super::{Block, Invalid};
use crate::clock::stamp;

/// Phases before the timed ones.
const WARM_UP: u32 = 2;

pub(super) fn block(
    spec: &BlockSpec<'_>,
    parts: Parts<'_>,
) -> Result<Block, Invalid> {
    let (mut model, site) = spec.lay_out(parts);
    let mut step = |_| model.poll_control();
    let mut forwarder = (spec.variant.open())(site, &mut step)?;
    model.poll_control();

    let per_phase = spec.setup.packets_per_phase;
    let per_port = per_phase / model.ports().len() as u32;
    let packets = u64::from(per_phase);
    let quota = Quota { packets, patience: 1 };
    let (mut ticks, mut device_ticks) = (0, 0);
    for phase in 0..WARM_UP + spec.length {
        let device_start = stamp();
        model.transmit();
        model.receive(per_port);
        let start = stamp();
        let received = forwarder.forward(quota);
        let span = stamp() - start;
        if spec.variant.forwards && received != packets {
            return Err(Invalid::Stalled { wanted: packets, received });
        }
        if phase >= WARM_UP {
            ticks += span;
            device_ticks += start - device_start;
        }
    }
    model.transmit();
    let account = spec.balance(&model, &*forwarder)?;
    let wanted = u64::from(WARM_UP + spec.length) * packets;
    if spec.variant.forwards && account.forwarded != wanted {
        let received = account.forwarded;
        return Err(Invalid::Stalled { wanted, received });
    }
    let clock = u64::from(spec.clock_cost_ticks) * u64::from(spec.length);
    Ok(Block {
        ticks: ticks.saturating_sub(clock),
        device_ticks: device_ticks.saturating_sub(clock),
        forwarded: u64::from(spec.length) * packets,
        model_busy: 0.0,
    })
}

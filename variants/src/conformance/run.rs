//! Runs of a forwarder against the model, and what is seen of them.

use core::fmt::Debug;

use driver::bar::CostedBar;
use driver::nic::Config;
use nic_model::{
    Access, Account, Arena, Model, Parts, SharedModel, Traffic, TrappedBar,
};

use super::scenario::{MAX_BATCH, MAX_RING, Scenario};
use crate::registry::pool_bytes;
use crate::workload::{Counts, MappedSite, Open, PORTS, Quota, Site};

/// What registers the driver sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registers {
    Trapped,
    Mapped,
    Costed,
}

/// What is seen of a run.
#[derive(Debug)]
pub struct Outcome {
    /// Packets received in each phase.
    pub received: Vec<u64>,
    /// Every byte that came back, in order, by port.
    pub digests: [Option<u64>; PORTS],
    pub counts: Counts,
    pub account: Account,
    pub free_buffers: Vec<u32>,
    /// Register accesses after bring-up, by port; none where they are not
    /// trapped.
    pub accesses: [Vec<Access>; PORTS],
}

/// An arena for any scenario.
pub fn arena() -> Arena {
    let rings = 4 * u32::from(MAX_RING);
    let config = Config {
        ring_entries: MAX_RING,
        buffers: rings + u32::from(MAX_BATCH),
        ..Config::default()
    };
    let (buffers, bytes) = (config.buffers, config.buffer_bytes);
    let packet_bytes = pool_bytes(buffers, bytes);
    Arena::allocate(0, PORTS, &config, packet_bytes).expect("memory")
}

/// Runs what `open` sets up; an error when a register is misused or packets
/// do not balance.
pub fn run(
    scenario: &Scenario,
    arena: &mut Arena,
    behind: Registers,
    open: Open,
) -> Result<Outcome, String> {
    let Parts { bars, registers, tables, dma, memory } = arena.split();
    let traffic = Traffic {
        format: scenario.format,
        first_sequence: scenario.first_sequence,
        touches: 1,
        // A byte at a time: too much for an interpreter, where the sinks'
        // own checks have to do.
        digest: !cfg!(miri),
    };
    let model = Model::new(&registers, memory, 1, traffic, scenario.faults);
    let model = SharedModel::new(model);
    let traps = [0, 1].map(|port| model.bar(port));
    let logs = traps.each_ref().map(TrappedBar::log);
    let (config, batch) = (scenario.config(), scenario.batch);
    let bars = [bars[0], bars[1]];
    let site = match behind {
        Registers::Trapped => {
            let bars = traps;
            MappedSite::Trapped(Site { bars, config, batch, tables, dma })
        }
        Registers::Mapped => {
            MappedSite::Plain(Site { bars, config, batch, tables, dma })
        }
        Registers::Costed => {
            let bars = bars.map(|bar| CostedBar::new(bar, 20));
            MappedSite::Costed(Site { bars, config, batch, tables, dma })
        }
    };
    let mut step = |_| model.borrow_mut().poll_control();
    let mut forwarder = open(site, &mut step).map_err(|e| e.to_string())?;
    model.borrow_mut().poll_control();
    let brought_up = logs.each_ref().map(|log| log.accesses().len());

    let mut received = Vec::new();
    for phase in &scenario.phases {
        if phase.transmits {
            model.borrow_mut().transmit();
        }
        model.borrow_mut().receive(phase.offered);
        received.push(forwarder.forward(phase.quota));
    }
    // Until nothing is late and nothing comes any more.
    let packets = 2 * u64::from(scenario.ring_entries);
    let quota = Quota { packets, patience: 3 };
    let mut more = true;
    while more {
        model.borrow_mut().transmit();
        model.borrow_mut().settle();
        let n = forwarder.forward(quota);
        received.push(n);
        more = n > 0;
        if received.iter().sum::<u64>() > model.borrow().account().offered {
            return Err(format!("more received than offered: {received:?}"));
        }
    }

    let mistakes = logs.each_ref().map(|log| log.mistakes()).concat();
    if !mistakes.is_empty() {
        return Err(mistakes.join(", "));
    }
    let counts = forwarder.counts();
    let model = model.borrow();
    let mut account = model.account();
    account.multi_descriptor = counts.multi_descriptor;
    account.forwarder = counts.dropped;
    account.inside += forwarder.pending();
    account.check().map_err(|e| e.to_string())?;
    let after = |port: usize| logs[port].accesses().split_off(brought_up[port]);
    Ok(Outcome {
        received,
        digests: [0, 1].map(|port| model.ports()[port].sink().digest()),
        counts,
        account,
        free_buffers: forwarder.free_buffers(),
        accesses: [0, 1].map(after),
    })
}

impl Outcome {
    /// Whether `other` is what this one is, but for register accesses and
    /// the choice of buffers.
    pub fn same_packets(&self, other: &Self) -> Result<(), String> {
        same("received by phase", &self.received, &other.received)?;
        same("counts", &self.counts, &other.counts)?;
        same("account", &self.account, &other.account)?;
        same("digests of the wires", &self.digests, &other.digests)?;
        let free = |outcome: &Self| outcome.free_buffers.len();
        same("free buffers", &free(self), &free(other))
    }

    /// Whether the same buffers are free in `other`.
    pub fn same_buffers(&self, other: &Self) -> Result<(), String> {
        same_in_order("free buffers", &self.free_buffers, &other.free_buffers)
    }

    /// Whether registers were accessed in the same way in `other`.
    pub fn same_accesses(&self, other: &Self) -> Result<(), String> {
        for (wanted, seen) in self.accesses.iter().zip(&other.accesses) {
            same_in_order("register accesses", wanted, seen)?;
        }
        Ok(())
    }
}

fn same<T: Debug + PartialEq>(
    what: &str,
    wanted: &T,
    seen: &T,
) -> Result<(), String> {
    if wanted == seen {
        return Ok(());
    }
    Err(format!("{what}: wanted {wanted:?}, saw {seen:?}"))
}

/// As [`same`], of long lists: names the first difference.
fn same_in_order<T: Debug + PartialEq>(
    what: &str,
    wanted: &[T],
    seen: &[T],
) -> Result<(), String> {
    let pairs = wanted.iter().zip(seen);
    let i = pairs.take_while(|(wanted, seen)| wanted == seen).count();
    same(&format!("number {i} of {what}"), &wanted.get(i), &seen.get(i))
}

//! Runs of a forwarder against the model, and what is seen of them.

use core::fmt::Debug;

use driver::bar::CostedBar;
use driver::nic::Config;
use driver::policy::PACKET_TYPES;
use driver::tx::CLEAN_GROUP;
use nic_model::frame::FrameMaker;
use nic_model::{
    Access, Account, Arena, Mishaps, Model, Parts, SharedModel, Traffic,
    TrappedBar,
};

use super::scenario::{MAX_BATCH, MAX_RING, Scenario};
use crate::registry::pool_bytes;
use crate::workload::{
    Counts, Frame, MappedSite, Open, PORTS, Queues, Quota, Site, Workload,
};

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
    /// Good frames that came back, by port.
    pub arrived: [u64; PORTS],
    /// Every byte that came back, in order, by port.
    pub digests: [Option<u64>; PORTS],
    pub counts: Counts,
    pub account: Account,
    /// How often faults struck.
    pub mishaps: Mishaps,
    pub free_buffers: Vec<u32>,
    /// What the actions of packet types keep, of those that have any.
    pub tallies: Option<[u64; PACKET_TYPES]>,
    /// Register accesses during bring-up, by port; none where they are not
    /// trapped.
    pub bring_up: [Vec<Access>; PORTS],
    /// Register accesses after it, in the same way.
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

/// As [`run_on`], forwarding.
pub fn run(
    scenario: &Scenario,
    arena: &mut Arena,
    behind: Registers,
    open: Open,
) -> Result<Outcome, String> {
    run_on(Workload::Forward, scenario, arena, behind, open)
}

/// Runs what `open` sets up; an error when a register is misused or packets
/// do not balance.
pub fn run_on(
    workload: Workload,
    scenario: &Scenario,
    arena: &mut Arena,
    behind: Registers,
    open: Open,
) -> Result<Outcome, String> {
    let Parts { bars, registers, tables, dma, memory } = arena.split();
    let sends_only = workload == Workload::Tx;
    let traffic = Traffic {
        format: scenario.format,
        first_sequence: scenario.first_sequence,
        touches: u8::from(!sends_only),
        from_driver: sends_only,
        takes_changes: false,
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
    let frame = Frame {
        bytes: FrameMaker::new(0, scenario.format).frame(0),
        first_sequence: scenario.first_sequence,
    };
    let site = match behind {
        Registers::Trapped => {
            let bars = traps;
            MappedSite::Trapped(Site {
                bars,
                queues: Queues::All,
                config,
                batch,
                tables,
                dma,
                frame,
            })
        }
        Registers::Mapped => {
            let queues = Queues::All;
            MappedSite::Plain(Site {
                bars,
                queues,
                config,
                batch,
                tables,
                dma,
                frame,
            })
        }
        Registers::Costed => {
            let bars = bars.map(|bar| CostedBar::new(bar, 20));
            let queues = Queues::All;
            MappedSite::Costed(Site {
                bars,
                queues,
                config,
                batch,
                tables,
                dma,
                frame,
            })
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
        if !sends_only {
            model.borrow_mut().receive(phase.offered);
        }
        received.push(forwarder.forward(phase.quota));
    }
    // Until nothing is late and nothing comes any more.
    let packets = 2 * u64::from(scenario.ring_entries);
    let quota = Quota { packets, patience: 3 };
    let mut more = !sends_only;
    while more {
        model.borrow_mut().settle();
        model.borrow_mut().transmit();
        model.borrow_mut().settle();
        let n = forwarder.forward(quota);
        received.push(n);
        more = n > 0;
        if received.iter().sum::<u64>() > model.borrow().account().offered {
            return Err(format!("more received than offered: {received:?}"));
        }
    }

    if sends_only {
        model.borrow_mut().transmit();
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
    account.generated = counts.generated;
    account.consumed = counts.consumed;
    account.inside += forwarder.pending();
    account.check().map_err(|e| e.to_string())?;
    let free_buffers = forwarder.free_buffers();
    check_buffers(scenario, workload, counts.sent, &free_buffers)?;
    let before = |port: usize| {
        let mut accesses = logs[port].accesses();
        accesses.truncate(brought_up[port]);
        accesses
    };
    let after = |port: usize| logs[port].accesses().split_off(brought_up[port]);
    Ok(Outcome {
        received,
        arrived: [0, 1].map(|port| model.ports()[port].sink().counts().good),
        digests: [0, 1].map(|port| model.ports()[port].sink().digest()),
        counts,
        account,
        mishaps: model.mishaps(),
        free_buffers,
        tallies: forwarder.tallies(),
        bring_up: [0, 1].map(before),
        accesses: [0, 1].map(after),
    })
}

/// Whether every buffer that is not free is on a ring: one behind each
/// receive descriptor, and those of sent packets that wait for their group.
fn check_buffers(
    scenario: &Scenario,
    workload: Workload,
    sent: u64,
    free: &[u32],
) -> Result<(), String> {
    let Config { buffers, ring_entries: entries, .. } = scenario.config();
    let in_rx_rings = 2 * u32::from(entries);
    let distinct = free.is_sorted_by(|a, b| a < b);
    if !distinct || free.last().is_some_and(|last| *last >= buffers) {
        return Err(format!("no set of {buffers} buffers: {free:?}"));
    }
    let most = match scenario.faults.stops_within {
        // Who only sends cleans before the next batch, and there is none.
        0 if workload != Workload::Tx => 2 * (u32::from(CLEAN_GROUP) - 1),
        // What a stopped device has not taken is never given back.
        _ => 2 * (u32::from(entries) - 1),
    };
    let known = in_rx_rings + free.len() as u32;
    let waiting = buffers.checked_sub(known).filter(|n| *n <= most);
    let group = u64::from(CLEAN_GROUP);
    match waiting {
        Some(n) if u64::from(n) % group == sent % group => Ok(()),
        _ => Err(format!(
            "lost or doubled buffers: {buffers} in all, {in_rx_rings} in \
             receive rings, {} free, {sent} packets sent in groups of {group}",
            free.len()
        )),
    }
}

impl Outcome {
    /// Whether `other` is what this one is, but for register accesses and
    /// the choice of buffers.
    pub fn same_packets(&self, other: &Self) -> Result<(), String> {
        same("received by phase", &self.received, &other.received)?;
        same("counts", &self.counts, &other.counts)?;
        same("account", &self.account, &other.account)?;
        same("mishaps", &self.mishaps, &other.mishaps)?;
        same("digests of the wires", &self.digests, &other.digests)?;
        if other.tallies.is_some() {
            same("tallies", &self.tallies, &other.tallies)?;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_or_doubled_buffer_is_noticed() {
        // 2 times 64 descriptors and 512 more buffers.
        let scenario = Scenario::plain();
        let check = |free: Vec<u32>| {
            check_buffers(&scenario, Workload::Forward, 64 + 5, &free)
        };
        let all_but = |n: u32| (0..512 - n).collect::<Vec<_>>();
        for waiting in [5, 5 + 32] {
            assert_eq!(check(all_but(waiting)), Ok(()));
        }
        // One lost, one too many, and a whole group that nobody cleaned.
        for waiting in [6, 4, 5 + 64] {
            check(all_but(waiting)).unwrap_err();
        }
        let mut doubled = all_but(5);
        doubled[100] = 99;
        check(doubled).unwrap_err();
        let mut strange = all_but(5);
        strange[506] = 640;
        check(strange).unwrap_err();
    }
}

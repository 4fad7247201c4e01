//! Several forwarders on one card: each has a queue of both ports, a pool and
//! memory of its own.

use driver::bar::CostedBar;
use driver::mempool::PktBuf;
use driver::nic::{Config, Nic};
use nic_model::{
    Account, Arena, Faults, Model, Parts, SharedModel, Traffic, among,
};

use super::run::Registers;
use crate::registry::{self, FLOOR, Variant, pool_bytes};
use crate::workload::{
    Forwarder, Frame, MappedSite, PORTS, Queues, Quota, Site, Workload,
};

/// Forwarders.
const QUEUES: u16 = 3;

/// Frames on each wire in a turn.
const OFFERED: u32 = 45;

/// What each of the forwarders is set up with.
fn config() -> Config {
    let buffers = 4 * 64 + 64;
    Config { ring_entries: 64, buffers, ..Config::default() }
}

fn arena() -> Arena {
    let config = config();
    let bytes = pool_bytes(config.buffers, config.buffer_bytes);
    let (config, bytes) = among(QUEUES, &config, bytes);
    Arena::allocate(0, PORTS, &config, bytes).expect("memory")
}

/// Some turns of the card and all forwarders of a variant; what became of the
/// frames, and how many each forwarder received.
fn forward(
    variant: &Variant,
    arena: &mut Arena,
    behind: Registers,
) -> (Account, Vec<u64>) {
    let Parts { bars, registers, tables, dma, memory } = arena.split();
    let traffic = Traffic { touches: 1, ..Traffic::default() };
    let faults = Faults::default();
    let model = Model::new(&registers, memory, QUEUES, traffic, faults);
    let model = SharedModel::new(model);
    let mut step = |_| model.borrow_mut().poll_control();
    let all = Config { rx_queues: QUEUES, tx_queues: QUEUES, ..config() };
    for port in 0..PORTS {
        Nic::<_, PktBuf>::bring_up(model.bar(port), &all, &mut step)
            .expect("the port comes up");
    }
    let open = variant.on(Workload::Forward).expect("forwards").open;
    let pieces = Parts::divide(tables, dma, QUEUES);
    let mut logs = Vec::new();
    let mut forwarders: Vec<Box<dyn Forwarder + '_>> = Vec::new();
    for (n, (tables, dma)) in (0..).zip(pieces) {
        let (queues, config, batch) = (Queues::One(n), config(), 16);
        let frame = Frame::default();
        macro_rules! site {
            ($bars:expr) => {
                Site { bars: $bars, queues, config, batch, tables, dma, frame }
            };
        }
        let mapped = [bars[0], bars[1]];
        let site = match behind {
            Registers::Mapped => MappedSite::Plain(site!(mapped)),
            Registers::Costed => MappedSite::Costed(site!(
                mapped.map(|bar| CostedBar::new(bar, 1))
            )),
            Registers::Trapped => {
                let traps = [0, 1].map(|port| model.bar(port));
                logs.extend(traps.each_ref().map(|trap| trap.log()));
                MappedSite::Trapped(site!(traps))
            }
        };
        forwarders.push(open(site, &mut step).expect("the queue starts"));
    }
    model.borrow_mut().poll_control();
    let quota = Quota { packets: u64::MAX, patience: 1 };
    let turns = if cfg!(miri) { 2 } else { 12 };
    for turn in 0..=turns {
        model.borrow_mut().transmit();
        if turn < turns {
            model.borrow_mut().receive(OFFERED);
        }
        for forwarder in &mut forwarders {
            forwarder.forward(quota);
        }
    }
    model.borrow_mut().transmit();
    for log in logs {
        assert_eq!(log.mistakes(), [""; 0], "{}", variant.name());
    }
    let mut account = model.borrow().account();
    let counts: Vec<_> = forwarders.iter().map(|f| f.counts()).collect();
    account.forwarder = counts.iter().map(|c| c.dropped).sum();
    account.inside += forwarders.iter().map(|f| f.pending()).sum::<u64>();
    let offered = PORTS as u64 * turns * u64::from(OFFERED);
    assert_eq!(account.offered, offered);
    (account, counts.iter().map(|c| c.received).collect())
}

/// Those that can share ports.
fn able() -> impl Iterator<Item = Variant> {
    let is_able = |v: &Variant| v.axis() != FLOOR;
    let forwards = |v: &Variant| v.on(Workload::Forward).is_some();
    let all = registry::variants().into_iter().filter(is_able);
    all.filter(forwards).take(if cfg!(miri) { 2 } else { usize::MAX })
}

fn all_forward(behind: Registers) {
    let mut arena = arena();
    let mut first = None;
    for variant in able() {
        let (account, received) = forward(&variant, &mut arena, behind);
        account.check().unwrap_or_else(|e| panic!("{}: {e}", variant.name()));
        assert_eq!(account.forwarded, account.offered, "{}", variant.name());
        // Every flow has its forwarder, whoever forwards.
        let wanted = first.get_or_insert_with(|| received.clone());
        assert_eq!(received, *wanted, "{}", variant.name());
        assert!(received.iter().all(|n| *n > 0), "{received:?}");
    }
}

#[test]
fn every_variant_forwards_its_share_behind_mapped_registers() {
    all_forward(Registers::Mapped);
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn every_variant_forwards_its_share_behind_trapped_registers() {
    all_forward(Registers::Trapped);
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn every_variant_forwards_its_share_behind_costed_registers() {
    all_forward(Registers::Costed);
}

#[test]
#[should_panic(expected = "all ports are its own")]
fn the_lean_floor_shares_its_ports_with_nobody() {
    let lean = registry::variants()
        .into_iter()
        .find(|v| v.name() == "floor=lean")
        .expect("a floor");
    forward(&lean, &mut arena(), Registers::Mapped);
}

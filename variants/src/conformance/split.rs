//! Variants on two cores: whatever lies between the halves, packets come
//! through in order, and buffers come back.

use driver::bar::CostedBar;
use driver::nic::Config;
use nic_model::{Arena, Faults, Model, Parts, Traffic};

use super::run::Registers;
use crate::registry::{Variant, pool_bytes, variants};
use crate::workload::split::Split;
use crate::workload::{
    Frame, MappedSite, PORTS, Queues, Quota, Site, Workload,
};

/// Few buffers, so that they have to come back.
fn config() -> Config {
    let buffers = 2 * 64 + 2 * 64 + 2 * 64 + 32;
    Config { ring_entries: 64, buffers, ..Config::default() }
}

fn arena() -> Arena {
    let config = config();
    let bytes = pool_bytes(config.buffers, config.buffer_bytes) + (4 << 20);
    Arena::allocate(0, PORTS, &config, bytes).expect("memory")
}

/// Turns of card, receiver and sender, in which the sender's are seldom or
/// the receiver's are.
fn forward(variant: &Variant, arena: &mut Arena, behind: Registers) {
    let name = variant.name();
    let Parts { bars, registers, tables, dma, memory } = arena.split();
    let traffic = Traffic { touches: 1, ..Traffic::default() };
    let mut model =
        Model::new(&registers, memory, 1, traffic, Faults::default());
    let (queues, config, batch) = (Queues::All, config(), 16);
    let (bars, frame) = ([bars[0], bars[1]], Frame::default());
    let case = variant.on(Workload::Forward).expect("forwards");
    let open = case.split.expect("can be split");
    let site = match behind {
        Registers::Costed => {
            let bars = bars.map(|bar| CostedBar::new(bar, 1));
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
        _ => MappedSite::Plain(Site {
            bars,
            queues,
            config,
            batch,
            tables,
            dma,
            frame,
        }),
    };
    let mut step = |_| model.poll_control();
    let Split { receiver, sender } =
        open(site, &mut step).expect("the ports come up");
    model.poll_control();
    let (mut receiver, mut sender) = (receiver(), sender());
    let quota = Quota { packets: u64::MAX, patience: 1 };
    let turns = if cfg!(miri) { 3 } else { 60 };
    let mut offered = 0;
    for turn in 0..turns {
        model.transmit();
        offered += u64::from(model.receive_ready(20));
        if turn % 5 != 0 {
            receiver.forward(quota);
        }
        if turn % 4 == 1 {
            sender.forward(quota);
        }
        let mut account = model.account();
        account.inside += receiver.pending() + sender.pending();
        account.check().unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    for _ in 0..4 {
        receiver.forward(quota);
        sender.forward(quota);
        model.transmit();
    }
    // Once more, for the buffers of what was sent last.
    sender.forward(quota);
    receiver.forward(quota);
    let account = model.account();
    assert_eq!(account.check(), Ok(()), "{name}");
    assert_eq!((account.forwarded, account.offered), (offered, offered));
    assert_eq!(receiver.counts().received, offered, "{name}");
    assert_eq!(sender.counts().sent, offered, "{name}");
    assert!(cfg!(miri) || offered > 60, "{name}: {offered}");
    // All are free but those of the receive rings and of groups that are not
    // full.
    assert!(sender.free_buffers().is_empty(), "{name}");
    let free = receiver.free_buffers().len() as u64;
    let waiting = u64::from(config.buffers) - 2 * 64 - free;
    assert!(waiting < 2 * 32, "{name}: {waiting} buffers are out");
    assert_eq!(waiting % 32, offered % 32, "{name}");
}

fn all(behind: Registers) {
    let mut arena = arena();
    let mut count = 0;
    let is_able = |variant: &Variant| {
        let case = variant.on(Workload::Forward);
        case.is_some_and(|case| case.split.is_some())
    };
    let most = if cfg!(miri) { 4 } else { usize::MAX };
    for variant in variants().into_iter().filter(is_able).take(most) {
        forward(&variant, &mut arena, behind);
        count += 1;
    }
    // One fewer without a C compiler.
    assert!(count >= most.min(29), "{count}");
}

#[test]
fn halves_forward_what_a_whole_does_behind_mapped_registers() {
    all(Registers::Mapped);
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn halves_forward_what_a_whole_does_behind_costed_registers() {
    all(Registers::Costed);
}

#[test]
fn who_counts_or_sweeps_buffers_is_not_split() {
    for variant in variants() {
        let case = variant.on(Workload::Forward);
        let split = case.is_some_and(|case| case.split.is_some());
        let elsewhere = ["buffer", "dispatch", "persona", "language", "floor"];
        let is_whole = elsewhere.contains(&variant.axis());
        assert_eq!(split, !is_whole, "{}", variant.name());
    }
}

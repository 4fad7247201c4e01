//! Misbehaviour of the device and what the driver makes of it.

use std::time::Duration;

use driver::bar::Bar0;
use driver::nic::{InitError, Nic};
use driver::regs::*;
use driver::wait::Timeout;
use nic_model::{Faults, Port};

use crate::rig::{Rig, Setup};

/// The time-out that opening ends with.
fn timeout(faults: Faults) -> Timeout {
    let setup = Setup::default().with_faults(faults);
    let mut arena = setup.arena();
    match setup.try_rig(&mut arena, &mut |_| ()) {
        Err(InitError::Timeout(timeout)) => timeout,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("the port came up"),
    }
}

#[test]
fn a_link_that_stays_down_ends_in_a_time_out() {
    let timeout = timeout(Faults { link_down: true, ..Faults::default() });
    assert_eq!(
        timeout.to_string(),
        "LINKS reads 0x00000000, awaited 0x40000000 under mask 0x40000000, \
         gave up after 10s"
    );
}

#[test]
fn a_reset_without_end_ends_in_a_time_out() {
    let timeout = timeout(Faults { endless_reset: true, ..Faults::default() });
    assert_eq!(
        timeout.to_string(),
        "CTRL reads 0x04000008, awaited 0x00000000 under mask 0x04000008, \
         gave up after 1s"
    );
    assert_eq!(timeout.waited, Duration::from_secs(1));
}

fn multi_descriptor(nic: &Nic<'_, impl Bar0>) -> u64 {
    nic.rx_queues().iter().map(|q| q.stats().multi_descriptor).sum()
}

#[test]
fn frames_in_fragments_are_dropped_counted_and_cost_no_buffer() {
    let faults = Faults { fragments: 100, seed: 7, ..Faults::default() };
    let setup = Setup::default().with_rings(1, 64).with_faults(faults);
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    for _ in 0..50 {
        rig.offer(30);
        rig.forward(16);
        rig.transmit();
    }
    let account = rig.finish();
    assert_eq!(account.offered, 3000);
    assert_eq!(account.ring_empty, 0);
    assert!(rig.nics.iter().all(|nic| multi_descriptor(nic) > 300));
    assert_eq!(account.forwarded + account.multi_descriptor, 3000);
    assert_eq!(rig.mistakes(), [""; 0]);
    rig.check_buffers();
}

#[test]
fn frames_longer_than_a_buffer_are_all_dropped() {
    let setup = Setup::default()
        .with_rings(2, 64)
        .with_buffer_bytes(1024)
        .with_frames(1518);
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    for _ in 0..10 {
        rig.offer(40);
        assert_eq!(rig.forward(16), 0);
    }
    let account = rig.finish();
    assert_eq!(account.multi_descriptor, 800);
    assert_eq!(account.forwarded, 0);
    rig.check_buffers();
}

#[test]
fn fragments_that_nobody_received_count_as_one_frame() {
    let faults = Faults { fragments: 255, seed: 1, ..Faults::default() };
    let setup = Setup::default().with_faults(faults);
    let mut arena = setup.arena();
    let rig = setup.rig(&mut arena);
    rig.offer(100);
    let account = rig.account();
    assert_eq!(account.inside, 200);
    assert_eq!(account.check(), Ok(()));
}

#[test]
fn late_write_backs_hold_packets_up_and_lose_none() {
    let faults = Faults { late_write_back: 64, seed: 3, ..Faults::default() };
    let setup = Setup::default().with_faults(faults);
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    assert_eq!(rig.offer(200), 400);
    let first = rig.forward(32);
    assert!(first < 200, "{first} of 400 are done before the next turn");
    rig.offer(0);
    assert_eq!(rig.forward(32), 400 - first);
    for _ in 0..20 {
        rig.transmit();
        rig.offer(200);
        rig.forward(32);
    }
    let account = rig.finish();
    assert_eq!(account.forwarded, 2 * 200 * 21);
    rig.check_buffers();
}

#[test]
fn late_write_backs_of_sent_packets_delay_their_buffers() {
    let faults = Faults { late_write_back: 255, seed: 3, ..Faults::default() };
    let setup = Setup::default().with_faults(faults);
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    rig.offer(100);
    rig.offer(0);
    rig.forward(128);
    rig.transmit();
    let outstanding =
        |rig: &Rig<'_, _>| rig.nics[0].tx_queues()[0].outstanding();
    rig.round(32);
    assert_eq!(outstanding(&rig), 100);
    rig.model.borrow_mut().settle();
    rig.round(32);
    assert_eq!(outstanding(&rig), 100 % 32);
}

#[test]
fn a_reset_forgets_late_write_backs() {
    let faults = Faults { late_write_back: 255, seed: 3, ..Faults::default() };
    let setup = Setup::default().with_faults(faults);
    let mut arena = setup.arena();
    let rig = setup.rig(&mut arena);
    rig.offer(100);
    let queue = &rig.nics[0].rx_queues()[0];
    let before = queue.pending();
    assert!(before < 100);
    let bar = rig.nics[0].bar();
    bar.write32(CTRL.offset(), ctrl::RST);
    bar.write32(RDBAL.at(0), queue.ring().iova().low());
    bar.write32(RDBAH.at(0), queue.ring().iova().high());
    bar.write32(RDLEN.at(0), queue.ring().bytes());
    bar.write32(RXCTRL.offset(), rxctrl::RXEN);
    bar.write32(RXDCTL.at(0), rxdctl::ENABLE);
    rig.model.borrow_mut().settle();
    assert_eq!(queue.pending(), before);
}

#[test]
fn unmapped_addresses_are_counted_in_both_directions() {
    let faults = Faults { bad_iova: 50, seed: 11, ..Faults::default() };
    let setup = Setup::default().with_rings(2, 256).with_faults(faults);
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    for _ in 0..20 {
        rig.offer(100);
        rig.forward(32);
        rig.transmit();
    }
    let account = rig.finish();
    let model = rig.model.borrow();
    for port in model.ports() {
        assert!(port.rx_counts().dma_faults > 200);
        assert!(port.tx_counts().dma_faults > 200);
    }
    assert_eq!(account.forwarded + account.dma_faults, 4000);
    drop(model);
    rig.check_buffers();
}

#[test]
fn the_same_seed_gives_the_same_frames() {
    let digests = |seed| {
        let faults = Faults {
            seed,
            late_write_back: 20,
            fragments: 20,
            bad_iova: 20,
            ..Faults::default()
        };
        let mut setup = Setup::default().with_faults(faults);
        setup.traffic.digest = true;
        let mut arena = setup.arena();
        let mut rig = setup.rig(&mut arena);
        for _ in 0..5 {
            rig.offer(200);
            rig.forward(32);
            rig.transmit();
        }
        rig.finish();
        let model = rig.model.borrow();
        let digest = |port: &Port<'_>| port.sink().digest();
        model.ports().iter().map(digest).collect::<Vec<_>>()
    };
    let first = digests(1);
    assert!(first.iter().all(Option::is_some));
    assert_eq!(digests(1), first);
    assert_ne!(digests(2), first);
}

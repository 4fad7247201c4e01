//! Misbehaviour of the device and what the driver makes of it.

use std::time::Duration;

use driver::bar::Bar0;
use driver::desc::{rx_status, tx_cmd};
use driver::nic::{InitError, LinkSpeed, Nic};
use driver::regs::*;
use driver::wait::Timeout;
use nic_model::{Faults, Mishaps, Port};

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

/// Whether ports come up whose link takes `turns` turns.
fn slow_link(turns: u8) -> Result<(), String> {
    let faults = Faults { slow_link: turns, ..Faults::default() };
    let setup = Setup::default().with_faults(faults);
    let mut arena = setup.arena();
    let card = setup.card(&mut arena);
    let (bars, model) = (card.bars.clone(), card.model.clone());
    let mut wait = |_| model.borrow_mut().poll_control();
    let rig = card.open(bars, &mut wait).map_err(|e| e.to_string())?;
    rig.model.borrow_mut().poll_control();
    rig.offer(10);
    assert_eq!(rig.account().inside, 20);
    Ok(())
}

#[test]
fn a_slow_link_is_waited_for_with_an_end() {
    for turns in [1, 2, 50, 100] {
        assert_eq!(slow_link(turns), Ok(()), "{turns} turns");
    }
    for turns in [150, 255] {
        let error = slow_link(turns).expect_err("too slow");
        assert!(error.starts_with("LINKS reads 0x00000000"), "{error}");
    }
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
            out_of_order: 20,
            fragments: 20,
            zero_length: 20,
            oversize: 20,
            error_bits: 20,
            bad_iova: 20,
            link_flaps: 20,
            stops_within: 5000,
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

fn mishaps(rig: &Rig<'_, impl Bar0>) -> Mishaps {
    rig.model.borrow().mishaps()
}

#[test]
fn an_overtaken_write_back_holds_its_successors_up_and_loses_none() {
    let faults = Faults { out_of_order: 10, seed: 5, ..Faults::default() };
    let setup = Setup::default().with_faults(faults);
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    rig.offer(300);
    let ring = rig.nics[0].rx_queues()[0].ring();
    let done =
        |i: &u16| ring.desc(*i).status_error().read() & rx_status::DD != 0;
    let run = (0..300).take_while(done).count();
    let all = (0..300).filter(done).count();
    assert!(run < all && all < 300, "{run} in order, {all} at all");
    let first = rig.forward(32);
    assert!(first < 600);
    rig.offer(0);
    assert_eq!(rig.forward(32), 600 - first);
    assert_eq!(rig.finish().forwarded, 600);
    rig.check_buffers();
}

#[test]
fn an_overtaken_group_of_sent_packets_keeps_its_buffers() {
    let faults = Faults { out_of_order: 100, seed: 3, ..Faults::default() };
    let setup = Setup::default().with_faults(faults);
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    rig.offer(8 * 32);
    while rig.nics[0].tx_queues()[0].outstanding() < 8 * 32 {
        rig.forward(32);
        rig.offer(0);
    }
    rig.transmit();
    let ring = rig.nics[0].tx_queues()[0].ring();
    let done = |group: &u16| {
        let statuses =
            (0..32).map(|i| ring.desc(group * 32 + i).status().read());
        let done = statuses.filter(|status| status & tx_cmd::DD != 0).count();
        assert!(done == 0 || done == 32, "{done} of a group");
        done == 32
    };
    let run = (0..8).take_while(done).count() as u16;
    let all = (0..8).filter(done).count() as u16;
    assert!(run < all && all < 8, "{run} in order, {all} at all");
    rig.round(32);
    assert_eq!(rig.nics[0].tx_queues()[0].outstanding(), (8 - run) * 32);
    rig.transmit();
    rig.round(32);
    assert_eq!(rig.nics[0].tx_queues()[0].outstanding(), 0);
    rig.finish();
    rig.check_buffers();
}

#[test]
fn frames_of_length_0_go_through_and_end_as_null_descriptors() {
    let faults = Faults { zero_length: 60, seed: 9, ..Faults::default() };
    let setup = Setup::default().with_faults(faults);
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    for _ in 0..10 {
        rig.offer(100);
        rig.forward(32);
        rig.transmit();
    }
    let account = rig.finish();
    let Mishaps { zero_length, .. } = mishaps(&rig);
    assert!(zero_length > 300);
    let null = |port: &Port<'_>| port.tx_counts().null;
    assert_eq!(
        rig.model.borrow().ports().iter().map(null).sum::<u64>(),
        zero_length
    );
    assert_eq!(account.damaged, zero_length);
    assert_eq!(account.forwarded, 2000 - zero_length);
    rig.check_buffers();
}

#[test]
fn a_packet_without_a_byte_is_a_mistake_on_a_device_without_faults() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    rig.offer(1);
    let mut batch = rig.receive(0, 0, 1);
    rig.pool.set_len(&batch.0[0], 0);
    rig.send(1, 0, &mut batch);
    rig.transmit();
    assert_eq!(rig.account().spoiled, 1);
}

#[test]
fn lengths_above_the_buffer_are_cut_to_it() {
    for buffer_bytes in [1024, 2048] {
        let faults = Faults { oversize: 60, seed: 9, ..Faults::default() };
        let setup = Setup::default()
            .with_buffer_bytes(buffer_bytes)
            .with_faults(faults);
        let mut arena = setup.arena();
        let mut rig = setup.rig(&mut arena);
        for _ in 0..10 {
            rig.offer(100);
            rig.forward(32);
            rig.transmit();
        }
        let account = rig.finish();
        let Mishaps { oversize, .. } = mishaps(&rig);
        assert!(oversize > 300);
        assert_eq!(account.damaged, oversize);
        assert_eq!(account.forwarded, 2000 - oversize);
        rig.check_buffers();
    }
}

#[test]
fn a_length_is_reported_that_no_buffer_has() {
    let faults = Faults { oversize: 255, seed: 9, ..Faults::default() };
    let setup = Setup::default().with_faults(faults);
    let mut arena = setup.arena();
    let rig = setup.rig(&mut arena);
    rig.offer(100);
    let ring = rig.nics[0].rx_queues()[0].ring();
    let length = |i| ring.desc(i).length_vlan().read() & 0xFFFF;
    let above = (0..100).filter(|i| length(*i) > 2048).count();
    assert!(above > 90);
    assert!((0..100).any(|i| length(i) > 0x8000));
}

#[test]
fn a_filled_buffer_that_comes_back_otherwise_is_spoiled() {
    // What is done to a packet that fills its buffer, and what it becomes.
    type Spoil = fn(&mut [u8]) -> usize;
    let spoils: [(Spoil, u64); 5] = [
        (|frame| frame.len(), 0),
        (|frame| frame.len() - 1, 1),
        (|_| 60, 0),
        (
            |frame| {
                frame[1000] ^= 1;
                frame.len()
            },
            1,
        ),
        (
            |frame| {
                frame[10] ^= 1;
                frame.len()
            },
            1,
        ),
    ];
    for (spoil, spoiled) in spoils {
        let faults = Faults { oversize: 255, seed: 4, ..Faults::default() };
        let setup = Setup::default().with_faults(faults);
        let mut arena = setup.arena();
        let mut rig = setup.rig(&mut arena);
        rig.offer(1);
        assert_eq!(mishaps(&rig).oversize, 2);
        let mut batch = rig.receive(0, 0, 1);
        rig.touch(&mut batch);
        let len = spoil(rig.pool.data_mut(&batch.0[0]));
        rig.pool.set_len(&batch.0[0], len as u16);
        rig.send(1, 0, &mut batch);
        rig.transmit();
        assert_eq!(rig.account().spoiled, spoiled);
    }
}

#[test]
fn error_bits_change_nothing() {
    let digests = |error_bits| {
        let faults = Faults { error_bits, seed: 9, ..Faults::default() };
        let mut setup = Setup::default().with_faults(faults);
        setup.traffic.digest = true;
        let mut arena = setup.arena();
        let mut rig = setup.rig(&mut arena);
        for _ in 0..10 {
            rig.offer(100);
            rig.forward(32);
            rig.transmit();
        }
        assert_eq!(rig.finish().forwarded, 2000);
        assert_eq!(mishaps(&rig).error_bits > 300, error_bits > 0);
        let model = rig.model.borrow();
        let digest = |port: &Port<'_>| port.sink().digest();
        model.ports().iter().map(digest).collect::<Vec<_>>()
    };
    assert_eq!(digests(0), digests(60));
}

#[test]
fn a_lost_link_loses_frames_on_the_wire_and_halts_the_transmit_ring() {
    let faults = Faults { link_flaps: 255, seed: 1, ..Faults::default() };
    let setup = Setup::default().with_faults(faults);
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    assert_eq!(rig.nics[0].link_speed(), Some(LinkSpeed(10_000)));
    assert_eq!(rig.offer(10), 0);
    assert_eq!(rig.nics[0].link_speed(), None);
    assert_eq!(rig.account().link_down, 20);
    rig.model.borrow_mut().settle();
    assert_eq!(rig.nics[0].link_speed(), Some(LinkSpeed(10_000)));
    let account = rig.finish();
    assert_eq!((account.offered, account.link_down), (20, 20));
}

#[test]
fn frames_to_send_wait_for_a_lost_link() {
    let faults = Faults { link_flaps: 40, seed: 6, ..Faults::default() };
    let setup = Setup::default().with_rings(1, 64).with_faults(faults);
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    let mut waited = 0;
    for _ in 0..200 {
        rig.offer(30);
        rig.forward(32);
        let pending = |port: &Port<'_>| port.tx_pending();
        rig.transmit();
        let model = rig.model.borrow();
        waited += model.ports().iter().map(pending).sum::<u64>();
    }
    let account = rig.finish();
    assert!(waited > 0 && account.link_down > 0 && account.forwarder > 0);
    let lost = account.link_down + account.forwarder;
    assert_eq!(account.forwarded + lost, 200 * 60);
    assert_eq!(rig.mistakes(), [""; 0]);
    rig.check_buffers();
}

#[test]
fn head_registers_may_hold_anything() {
    let faults = Faults { wild_heads: true, seed: 1, ..Faults::default() };
    let setup = Setup::default().with_faults(faults);
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    let mut beyond = 0;
    for _ in 0..10 {
        rig.offer(100);
        let bar = rig.nics[0].bar();
        for head in [RDH, TDH] {
            beyond += u32::from(bar.read32(head.at(0)) >= 512);
        }
        rig.forward(32);
        rig.transmit();
    }
    assert!(beyond > 10);
    assert_eq!(rig.finish().forwarded, 2000);
    rig.check_buffers();
}

#[test]
fn a_port_that_stops_keeps_what_it_has_and_takes_nothing() {
    let faults = Faults { stops_within: 2000, seed: 1, ..Faults::default() };
    let setup = Setup::default().with_rings(1, 64).with_faults(faults);
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    for _ in 0..100 {
        rig.offer(30);
        rig.forward(32);
        rig.transmit();
    }
    let account = rig.finish();
    // Both have stopped by now; that they did so one after the other shows
    // in what the later one could not send to the earlier one.
    let loss = [0, 1].map(|port| rig.model.borrow().ports()[port].loss());
    assert!(loss.iter().all(|loss| loss.missed > 1000));
    assert_ne!(loss[0].missed, loss[1].missed);
    assert!(account.forwarder > 0);
    // A full transmit ring, but for sent packets of a group begun.
    assert!(account.inside >= 64 - 32);
    rig.model.borrow_mut().receive_ready(10);
    assert_eq!(rig.account().offered, account.offered);
    assert_eq!(rig.mistakes(), [""; 0]);
    rig.check_buffers();
}

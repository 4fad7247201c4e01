//! The corners of the rings (datasheet 7.1 and 7.2).

use driver::bar::Bar0;
use driver::desc::tx_cmd;
use driver::memory::Iova;
use driver::mempool::PktBuf;
use driver::regs::*;
use nic_model::{Access, SharedModel, TrappedBar};

use crate::rig::{Packets, Rig, Setup};

/// The tails that a driver wrote to `register` since access number `from`.
fn tails(accesses: &[Access], register: Offset) -> Vec<u32> {
    let tail = |access: &Access| match *access {
        Access::Write(at, value) if at == register.bytes() => Some(value),
        _ => None,
    };
    accesses.iter().filter_map(tail).collect()
}

#[test]
fn rings_wrap_in_both_directions() {
    let setup = Setup::default().with_rings(1, 64);
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    let log = rig.nics[0].bar().log();
    let start = log.accesses().len();
    for _ in 0..100 {
        assert_eq!(rig.offer(24), 48);
        assert_eq!(rig.round(32), 48);
        assert_eq!(rig.transmit(), 48);
    }
    assert_eq!(rig.finish().forwarded, 4800);
    let accesses = &log.accesses()[start..];
    let around: Vec<_> = (1..=100).map(|n| n * 24 % 64).collect();
    assert!(tails(accesses, TDT.at(0)).starts_with(&around));
    let behind: Vec<_> = (1..=100).map(|n| (n * 24 + 63) % 64).collect();
    assert_eq!(tails(accesses, RDT.at(0)), behind);
    assert_eq!(rig.mistakes(), [""; 0]);
    rig.check_buffers();
}

#[test]
fn held_frames_come_into_sight_as_they_are_written_back() {
    let setup = Setup::default().with_rings(1, 64).with_types(7);
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    for _ in 0..20 {
        let model: &SharedModel<'_> = &rig.model;
        assert_eq!(model.borrow_mut().receive_held(30), 60);
        let mut written = [0; 2];
        for (port, frames) in [(0, 1), (1, 20), (0, 0), (0, 27), (1, 9)] {
            assert_eq!(rig.forward(16), 0, "nothing beyond the write-backs");
            rig.model.borrow_mut().port_mut(port).write_back(frames);
            written[port] += u64::from(frames);
            assert_eq!(
                rig.model.borrow().ports()[port].held(),
                30 - written[port]
            );
            assert_eq!(rig.account().check(), Ok(()));
            assert_eq!(rig.forward(16), u64::from(frames));
        }
        // More than there are is as many as there are.
        rig.model.borrow_mut().settle();
        assert_eq!(rig.forward(16), 3);
        rig.transmit();
    }
    let account = rig.finish();
    assert_eq!((account.offered, account.forwarded), (1200, 1200));
    assert_eq!(rig.mistakes(), [""; 0]);
    rig.check_buffers();
}

#[test]
fn a_held_frame_is_written_back_as_any_other() {
    let setup = Setup::default().with_types(7);
    let words = |hold: bool| {
        let mut arena = setup.arena();
        let rig = setup.rig(&mut arena);
        if hold {
            rig.model.borrow_mut().receive_held(100);
            rig.model.borrow_mut().port_mut(0).write_back(100);
        } else {
            rig.offer(100);
        }
        let ring = rig.nics[0].rx_queues()[0].ring();
        let word = |i| {
            let desc = ring.desc(i);
            let info = desc.pkt_info().read();
            (info, desc.status_error().read(), desc.length_vlan().read())
        };
        (0..110).map(word).collect::<Vec<_>>()
    };
    assert_eq!(words(true), words(false));
}

#[test]
fn a_receive_ring_holds_one_frame_less_than_it_has_descriptors() {
    for entries in [64, 512, 4096] {
        let setup = Setup::default().with_rings(1, entries);
        let mut arena = setup.arena();
        let mut rig = setup.rig(&mut arena);
        let full = u32::from(entries) - 1;
        for _ in 0..3 {
            assert_eq!(rig.offer(2 * full), 2 * full);
            assert_eq!(rig.forward(4096), 2 * u64::from(full));
            rig.transmit();
        }
        let account = rig.finish();
        assert_eq!(account.offered, 12 * u64::from(full));
        assert_eq!(account.ring_empty, 6 * u64::from(full));
    }
}

#[test]
fn lost_frames_leave_a_gap_in_the_numbers() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    let number = |rig: &mut Rig<'_, _>| {
        let batch: Packets = rig.receive(0, 0, 1);
        let frame = rig.pool.data_mut(&batch.0[0]);
        let number = u16::from_le_bytes([frame[52], frame[53]]);
        rig.free(batch);
        number
    };
    rig.offer(600);
    (0..511).for_each(|n| assert_eq!(number(&mut rig), n));
    rig.offer(1);
    assert_eq!(number(&mut rig), 600);
}

#[test]
fn a_full_transmit_ring_takes_nothing_more() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    let outstanding =
        |rig: &Rig<'_, _>| rig.nics[1].tx_queues()[0].outstanding();
    for sent in [400, 111, 0, 0] {
        rig.offer(400);
        let mut batch = rig.receive(0, 0, 400);
        rig.touch(&mut batch);
        assert_eq!(rig.send(1, 0, &mut batch), sent);
        assert_eq!(batch.0.len(), usize::from(400 - sent));
        rig.dropped += u64::from(400 - sent);
        rig.free(batch);
    }
    assert_eq!(outstanding(&rig), 511);
    assert_eq!(rig.nics[1].tx_queues()[0].stats().sent, 511);
    assert_eq!(rig.transmit(), 511);
    assert_eq!(outstanding(&rig), 511);
    // All but the last 31, which do not fill a group, come back.
    assert_eq!(rig.send(1, 0, &mut none()), 0);
    assert_eq!(outstanding(&rig), 511 % 32);
    let account = rig.finish();
    assert_eq!(account.forwarder, 1600 - 511);
    rig.check_buffers();
}

#[test]
fn fewer_than_32_packets_stay_outstanding() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    for turn in 1..=64 {
        rig.offer(1);
        rig.round(8);
        rig.transmit();
        let outstanding = rig.nics[0].tx_queues()[0].outstanding();
        // A batch is sent after the look at what was sent before.
        assert_eq!(outstanding, (turn - 1) % 32 + 1);
    }
    rig.finish();
    rig.check_buffers();
}

fn none() -> Packets {
    driver::policy::Batch::with_capacity(0)
}

#[test]
fn a_group_of_32_comes_back_at_the_sight_of_its_last_descriptor() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    rig.offer(40);
    rig.pass(1, 0, 40);
    let mark = |rig: &Rig<'_, TrappedBar<'_>>, i: u16| {
        let desc = rig.nics[0].tx_queues()[0].ring().desc(i);
        desc.status().write(tx_cmd::DD);
    };
    let free = rig.pool.available();
    (0..31).for_each(|i| mark(&rig, i));
    (32..40).for_each(|i| mark(&rig, i));
    rig.send(0, 0, &mut none());
    assert_eq!(rig.pool.available(), free);
    mark(&rig, 31);
    rig.send(0, 0, &mut none());
    assert_eq!(rig.pool.available(), free + 32);
    assert_eq!(rig.nics[0].tx_queues()[0].outstanding(), 8);
}

#[test]
fn zero_packets_ring_only_the_transmit_doorbell_and_move_nothing() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    rig.offer(10);
    rig.forward(32);
    rig.transmit();
    let log = rig.nics[0].bar().log();
    let start = log.accesses().len();
    for _ in 0..3 {
        assert_eq!(rig.receive(0, 0, 32).0, []);
        assert_eq!(rig.send(0, 0, &mut none()), 0);
        assert_eq!(rig.transmit(), 0);
    }
    let tdt = Access::Write(TDT.at(0).bytes(), 10);
    assert_eq!(log.accesses()[start..], [tdt; 3]);
    assert_eq!(rig.finish().forwarded, 20);
    assert_eq!(rig.mistakes(), [""; 0]);
}

#[test]
fn a_batch_of_at_most_zero_receives_nothing() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    rig.offer(10);
    assert_eq!(rig.receive(0, 0, 0).0, []);
    assert_eq!(rig.finish().forwarded, 20);
}

#[test]
fn an_empty_pool_leaves_the_frames_in_the_ring() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    rig.offer(300);
    let mut held: Vec<_> = std::iter::from_fn(|| rig.pool.alloc()).collect();
    assert_eq!(rig.forward(32), 0);
    let account = rig.account();
    assert_eq!((account.inside, account.check()), (600, Ok(())));
    // As many packets are received as there are buffers.
    held.drain(..5).for_each(|buf| rig.pool.free(buf));
    assert_eq!(rig.pass(0, 0, 32), 5);
    assert_eq!(rig.pass(0, 0, 32), 0);
    assert_eq!(rig.account().check(), Ok(()));
    held.drain(..).for_each(|buf| rig.pool.free(buf));
    assert_eq!(rig.forward(32), 595);
    assert_eq!(rig.finish().forwarded, 600);
    rig.check_buffers();
}

#[test]
fn a_pool_that_cannot_fill_the_rings_is_refused() {
    let mut setup = Setup::default().with_rings(1, 512);
    for (buffers, enough) in [(1023, false), (1024, true)] {
        setup.config.buffers = buffers;
        let mut arena = setup.arena();
        let rig = setup.try_rig(&mut arena, &mut |_| ());
        match rig.err() {
            None => assert!(enough),
            Some(error) => {
                assert!(!enough);
                let text = "the pool cannot fill the receive rings";
                assert_eq!(error.to_string(), text);
            }
        }
    }
}

/// Writes a descriptor of `len` bytes at the start of the pool's first
/// buffer.
fn write_packet(rig: &mut Rig<'_, impl Bar0>, i: u16, command: u32, len: u32) {
    let buf = rig.pool.alloc().expect("a buffer");
    let desc = rig.nics[0].tx_queues()[0].ring().desc(i);
    desc.address().write(rig.pool.iova(&buf).value());
    desc.cmd_type_len().write(command | len);
    desc.olinfo_status().write(len << tx_cmd::PAYLEN_SHIFT);
    rig.pool.free(buf);
}

fn is_done(rig: &Rig<'_, impl Bar0>, i: u16) -> bool {
    let desc = rig.nics[0].tx_queues()[0].ring().desc(i);
    desc.status().read() & tx_cmd::DD != 0
}

#[test]
fn status_is_reported_where_it_is_asked_for_and_nowhere_else() {
    let setup = Setup::default().with_rings(1, 128);
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    for i in 0..96 {
        let report = if i % 32 == 31 { tx_cmd::RS } else { 0 };
        let command = tx_cmd::PACKET & !tx_cmd::RS | report;
        write_packet(&mut rig, i, command, 60);
    }
    rig.nics[0].bar().write32(TDT.at(0), 96);
    assert!((0..96).all(|i| !is_done(&rig, i)));
    assert_eq!(rig.transmit(), 96);
    let done: Vec<_> = (0..96).filter(|i| is_done(&rig, *i)).collect();
    assert_eq!(done, [31, 63, 95]);
}

#[test]
fn descriptors_at_and_behind_the_tail_are_left_alone() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    for i in 0..20 {
        write_packet(&mut rig, i, tx_cmd::PACKET, 60);
    }
    rig.nics[0].bar().write32(TDT.at(0), 10);
    assert_eq!(rig.transmit(), 10);
    let done: Vec<_> = (0..20).filter(|i| is_done(&rig, *i)).collect();
    assert_eq!(done, Vec::from_iter(0..10));
}

#[test]
fn a_malformed_descriptor_is_not_sent_and_spoils_the_account() {
    let packet = tx_cmd::PACKET;
    for (command, payload) in [
        (packet & !tx_cmd::EOP, 60),
        (packet & !tx_cmd::DEXT, 60),
        (packet & !tx_cmd::DTYP_DATA, 60),
        (packet, 61),
    ] {
        let setup = Setup::default();
        let mut arena = setup.arena();
        let mut rig = setup.rig(&mut arena);
        write_packet(&mut rig, 0, command, 60);
        let desc = rig.nics[0].tx_queues()[0].ring().desc(0);
        desc.olinfo_status().write(payload << tx_cmd::PAYLEN_SHIFT);
        rig.nics[0].bar().write32(TDT.at(0), 1);
        assert_eq!(rig.transmit(), 1);
        assert_eq!(rig.model.borrow().ports()[0].tx_counts().malformed, 1);
        assert_eq!(rig.model.borrow().ports()[0].tx_counts().sent, 0);
        assert_eq!(rig.account().spoiled, 1);
        assert!(rig.account().check().is_err());
        assert!(is_done(&rig, 0));
    }
}

#[test]
fn an_unmapped_transmit_address_is_a_counted_loss() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    let inside = rig.nics[0].tx_queues()[0].ring().iova().value();
    let pointer = &raw const setup as u64;
    let bad = [0, pointer, inside | 1 << 60, u64::MAX];
    for (i, address) in (0..).zip(bad) {
        write_packet(&mut rig, i, tx_cmd::PACKET, 60);
        let desc = rig.nics[0].tx_queues()[0].ring().desc(i);
        desc.address().write(Iova::new(address).value());
    }
    rig.nics[0].bar().write32(TDT.at(0), 4);
    assert_eq!(rig.transmit(), 4);
    assert_eq!(rig.account().dma_faults, 4);
    assert!((0..4).all(|i| is_done(&rig, i)));
}

#[test]
fn an_unmapped_receive_address_loses_frames_and_nothing_else() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    let desc = rig.nics[0].rx_queues()[0].ring().desc(5);
    desc.pkt_addr().write(0);
    rig.offer(20);
    assert_eq!(rig.forward(32), 25);
    rig.transmit();
    let account = rig.finish();
    assert_eq!((account.forwarded, account.dma_faults), (25, 15));
}

#[test]
fn every_pair_of_four_ports_forwards_on_its_own() {
    let setup = Setup { ports: 4, ..Setup::default() }.with_rings(2, 128);
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    for _ in 0..10 {
        rig.offer(100);
        rig.forward(32);
        rig.transmit();
    }
    assert_eq!(rig.finish().forwarded, 4000);
    for port in rig.model.borrow().ports() {
        assert_eq!(port.sink().counts().good, 1000);
    }
    let addresses: Vec<_> =
        rig.nics.iter().map(|nic| nic.mac_address()[5]).collect();
    assert_eq!(addresses, [0, 1, 2, 3]);
    assert_eq!(rig.mistakes(), [""; 0]);
    rig.check_buffers();
}

#[test]
fn what_is_received_is_what_was_sent_with_its_length() {
    for wire_bytes in [64, 65, 1500, 1518] {
        let setup = Setup::default().with_frames(wire_bytes);
        let mut arena = setup.arena();
        let mut rig = setup.rig(&mut arena);
        rig.offer(3);
        let batch = rig.receive(1, 0, 8);
        let numbers: Vec<_> = batch
            .0
            .iter()
            .map(|buf: &PktBuf| {
                let frame = rig.pool.data_mut(buf);
                assert_eq!(frame.len(), usize::from(wire_bytes) - 4);
                assert_eq!(frame[26..28], [10, 1], "the port's source address");
                frame[52]
            })
            .collect();
        assert_eq!(numbers, [0, 1, 2]);
        rig.free(batch);
    }
}

//! Several queues: frames are spread by flow (datasheet 7.1.2.8), and each
//! queue may have a driver of its own.

use driver::bar::Bar0;
use driver::regs::*;
use driver::rss::KEY;
use nic_model::frame::FrameMaker;
use nic_model::{Access, toeplitz};

use crate::rig::{Rig, Setup};

/// The number of a frame.
fn sequence(frame: &[u8]) -> u64 {
    u64::from_le_bytes(frame[52..60].try_into().expect("8 bytes"))
}

#[test]
fn a_frame_comes_to_the_queue_of_its_hash_and_brings_the_hash() {
    for (queues, types) in [(2, 1), (3, 1), (4, 32)] {
        let setup = Setup::default().with_rings(queues, 512).with_types(types);
        let mut arena = setup.arena();
        let mut rig = setup.rig(&mut arena);
        rig.offer(256);
        let mut seen = 0;
        for port in 0..2 {
            for n in 0..queues {
                let ring = *rig.nics[port].rx_queues()[usize::from(n)].ring();
                let marks: Vec<_> = (0..511)
                    .map(|i| ring.desc(i))
                    .take_while(|desc| desc.status_error().read() & 1 != 0)
                    .map(|desc| {
                        let hash = desc.rss_hash().read();
                        (hash, desc.pkt_info().read() as u16 & 0xF)
                    })
                    .collect();
                let batch = rig.receive(port, n.into(), 512);
                assert_eq!(batch.0.len(), marks.len());
                for (buf, mark) in batch.0.iter().zip(marks) {
                    let frame = rig.pool.data_mut(buf);
                    let hash = toeplitz(&KEY, &frame[26..38]);
                    assert_eq!(mark, (hash, 7));
                    assert_eq!(hash % 128 % u32::from(queues), n.into());
                    let number = sequence(frame);
                    let model = rig.model.borrow();
                    assert_eq!(model.ports()[port].queue_of(number), n);
                    seen += 1;
                }
                rig.free(batch);
            }
        }
        assert_eq!(seen, 512);
    }
}

#[test]
fn a_port_of_one_queue_is_not_asked_to_spread() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let rig = setup.rig(&mut arena);
    let bar = rig.nics[0].bar();
    assert_eq!(bar.read32(MRQC.offset()), 0);
    assert_eq!(rig.model.borrow().ports()[0].queue_of(12345), 0);
}

#[test]
fn frames_for_a_queue_that_does_not_run_are_lost_and_no_others() {
    let setup = Setup::default().with_rings(2, 512);
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    for nic in &rig.nics {
        nic.bar().write32(RXDCTL.at(1), 0);
    }
    let maker = FrameMaker::new(0, setup.traffic.format);
    let is_first = |n: &u64| {
        let hash = toeplitz(&KEY, &maker.frame(*n)[26..38]);
        hash.is_multiple_of(2)
    };
    let first = (0..200).filter(is_first).count() as u64;
    rig.offer(200);
    let port = rig.model.borrow().ports()[0].loss();
    assert_eq!((port.delivered, port.ring_empty), (first, 200 - first));
    rig.forward(64);
    rig.finish();
}

#[test]
fn an_unlimited_load_is_each_queues_own() {
    let setup = Setup::default().with_rings(2, 64);
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    let ready =
        |rig: &Rig<'_, _>, most| rig.model.borrow_mut().receive_ready(most);
    assert_eq!(ready(&rig, 1000), 2 * 2 * 63);
    for port in 0..2 {
        assert_eq!(rig.pass(port, 1, 10), 10);
    }
    // Queue 0 is full; queue 1 goes on.
    assert_eq!(ready(&rig, 6), 2 * 6);
    assert_eq!(ready(&rig, 1000), 2 * 4);
    for port in 0..2 {
        assert_eq!(rig.pass(port, 0, 64), 63);
        assert_eq!(rig.pass(port, 1, 64), 63);
    }
    // Frames in their order after those that were taken out of it.
    assert_eq!(rig.offer(8), 2 * 8);
    let account = rig.finish();
    assert_eq!((account.ring_empty, account.spoiled), (0, 0));
}

#[test]
fn queues_attached_by_themselves_forward_like_those_of_one_driver() {
    let setup = Setup::default().with_rings(3, 128);
    let mut arena = setup.arena();
    let mut rig = setup.card(&mut arena).attach(&mut |_| ());
    assert!(rig.model.borrow().ports().iter().all(|port| port.is_running()));
    for _ in 0..10 {
        assert_eq!(rig.offer(90), 180);
        assert_eq!(rig.forward(32), 180);
        rig.transmit();
    }
    assert_eq!(rig.finish().forwarded, 1800);
    // Every queue had its share.
    for nic in &rig.nics {
        assert!(nic.rx_queues()[0].stats().received > 200);
    }
    assert_eq!(rig.mistakes(), [""; 0]);
    rig.check_buffers();
}

#[test]
fn to_attach_a_queue_touches_no_register_of_another() {
    let setup = Setup::default().with_rings(3, 128);
    let mut arena = setup.arena();
    let rig = setup.card(&mut arena).attach(&mut |_| ());
    // All drivers of a port share its log: bring-up, then queue by queue.
    let accesses = rig.nics[0].bar().log().accesses();
    let last_of_bring_up = accesses
        .iter()
        .position(|a| matches!(a, Access::Read(at, _) if *at == 0x042A4))
        .expect("LINKS is read");
    let own = |at: u32, n: u16| {
        let (row, index) = find(at).expect("a register");
        row.count() > 1 && index == n
    };
    let mut queue = 0;
    for access in &accesses[last_of_bring_up + 1..] {
        let (Access::Read(at, _) | Access::Write(at, _)) = *access;
        if !own(at, queue) {
            queue += 1;
        }
        assert!(own(at, queue), "{} for queue {queue}", name(at));
    }
    assert_eq!(queue, 2);
}

#[test]
fn a_table_counts_as_it_is_when_a_queue_starts() {
    let setup = Setup::default().with_rings(2, 64);
    let mut arena = setup.arena();
    let rig = setup.rig(&mut arena);
    let queues = |rig: &Rig<'_, _>| {
        let model = rig.model.borrow();
        let port = &model.ports()[0];
        (0..1024).map(|n| port.queue_of(n)).sum::<u16>()
    };
    assert_eq!(queues(&rig), 512);
    let bar = rig.nics[0].bar();
    for n in 0..RETA.count() {
        bar.write32(RETA.at(n), 0);
    }
    bar.write32(RXDCTL.at(1), 0);
    bar.write32(RXDCTL.at(1), rxdctl::ENABLE);
    assert_eq!(queues(&rig), 0);
}

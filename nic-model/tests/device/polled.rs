//! Registers in shared memory, which the device can only poll.

use std::time::Duration;

use driver::bar::Bar0;
use driver::regs::{AUTOC, EERD, EIMS, MSCA, MSRWD, RDT, SWSM, TDT};
use nic_model::Faults;

use crate::rig::Setup;

#[test]
fn a_polled_device_comes_up_and_forwards() {
    let setup = Setup::default().with_rings(2, 128);
    let mut arena = setup.arena();
    let (mut rig, waits) = setup.polled_rig(&mut arena);
    // Per port: one until the reset is over, one for the 10 ms after it.
    assert_eq!(waits, 4);
    assert!(rig.model.borrow().ports().iter().all(|port| port.is_running()));
    for _ in 0..10 {
        assert_eq!(rig.offer(100), 200);
        assert_eq!(rig.forward(32), 200);
        assert_eq!(rig.transmit(), 200);
    }
    assert_eq!(rig.finish().forwarded, 2000);
    rig.check_buffers();
}

#[test]
fn a_polled_device_publishes_heads_and_counters_when_asked_to() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let (mut rig, _) = setup.polled_rig(&mut arena);
    rig.offer(10);
    rig.forward(32);
    rig.transmit();
    rig.model.borrow().ports().iter().for_each(|port| port.publish());
    let statistics = rig.nics[0].statistics();
    assert_eq!((statistics.rx_packets, statistics.tx_packets), (10, 10));
    assert_eq!((statistics.rx_bytes, statistics.tx_bytes), (640, 640));
}

#[test]
fn a_polled_device_answers_commands() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let card = setup.card(&mut arena);
    let bar = &card.bars[0];
    bar.write32(EERD.offset(), 0x3F << 2 | 1);
    bar.write32(MSCA.offset(), 0x4C01_0002);
    bar.write32(AUTOC.offset(), 0xC000_9000);
    bar.write32(SWSM.offset(), 2);
    bar.write32(EIMS.offset(), 5);
    card.model.borrow_mut().poll_control();
    let registers = [EERD, MSCA, MSRWD, AUTOC, SWSM, EIMS];
    assert_eq!(
        registers.map(|row| bar.read32(row.offset())),
        [0xBABA_00FE, 0x0C01_0002, 0xFFFF_0000, 0xC000_8000, 2, 5]
    );
}

#[test]
fn a_polled_device_that_never_ends_its_reset_runs_into_the_time_limit() {
    let faults = Faults { endless_reset: true, ..Faults::default() };
    let setup = Setup::default().with_faults(faults);
    let mut arena = setup.arena();
    let card = setup.card(&mut arena);
    let (bars, model) = (card.bars.clone(), card.model.clone());
    let mut waited = Duration::ZERO;
    let mut wait = |time: Duration| {
        waited += time;
        model.borrow_mut().poll_control();
    };
    assert!(card.open(bars, &mut wait).is_err());
    assert_eq!(waited, Duration::from_secs(1));
}

#[test]
fn a_polled_device_takes_nothing_from_a_tail_beyond_the_ring() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let (mut rig, _) = setup.polled_rig(&mut arena);
    for beyond in [512, 513, 0x1_0000, u32::MAX] {
        for nic in &rig.nics {
            nic.bar().write32(RDT.at(0), beyond);
            nic.bar().write32(TDT.at(0), beyond);
        }
        assert_eq!(rig.offer(10), 0);
        assert_eq!(rig.transmit(), 0);
        assert_eq!(rig.model.borrow_mut().receive_ready(10), 0);
    }
    // Tails that point into the ring again, and all is well.
    for nic in &rig.nics {
        nic.bar().write32(RDT.at(0), 511);
        nic.bar().write32(TDT.at(0), 0);
    }
    assert_eq!(rig.offer(10), 20);
    assert_eq!(rig.forward(32), 20);
    let account = rig.finish();
    assert_eq!((account.forwarded, account.ring_empty), (20, 80));
    rig.check_buffers();
}

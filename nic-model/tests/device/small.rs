//! Driver and device once more, with as little traffic as shows something:
//! what an interpreter has time for. Behind mapped registers, which make a
//! rig cheap.

use driver::bar::Bar0;
use driver::regs::{RDT, TDT};
use nic_model::Faults;

use crate::rig::Setup;

/// Rings of the least size and buffers for little more.
fn setup(faults: Faults) -> Setup {
    let mut setup = Setup::default().with_rings(1, 64).with_faults(faults);
    setup.config.buffers = 4 * 64;
    setup
}

#[test]
fn once_around_the_rings_no_frame_is_lost() {
    let setup = setup(Faults::default());
    let mut arena = setup.arena();
    let (mut rig, _) = setup.polled_rig(&mut arena);
    for _ in 0..3 {
        assert_eq!(rig.offer(24), 48);
        assert_eq!(rig.forward(8), 48);
        assert_eq!(rig.transmit(), 48);
    }
    assert_eq!(rig.finish().forwarded, 144);
    rig.check_buffers();
}

#[test]
fn full_rings_drop_and_count() {
    let setup = setup(Faults::default());
    let mut arena = setup.arena();
    let (mut rig, _) = setup.polled_rig(&mut arena);
    assert_eq!(rig.offer(70), 126);
    assert_eq!(rig.forward(64), 126);
    rig.offer(10);
    assert_eq!(rig.forward(64), 20);
    let account = rig.finish();
    assert_eq!((account.ring_empty, account.forwarder), (14, 20));
    assert_eq!(account.forwarded, 126);
    rig.check_buffers();
}

#[test]
fn all_faults_together_lose_neither_frame_nor_buffer() {
    let faults = Faults {
        seed: 5,
        late_write_back: 64,
        fragments: 64,
        bad_iova: 32,
        ..Faults::default()
    };
    let setup = setup(faults);
    let mut arena = setup.arena();
    let (mut rig, _) = setup.polled_rig(&mut arena);
    for _ in 0..4 {
        rig.offer(24);
        rig.forward(8);
        rig.transmit();
    }
    let account = rig.finish();
    assert_eq!(account.offered, 192);
    assert!(account.multi_descriptor > 0 && account.dma_faults > 0);
    rig.check_buffers();
}

#[test]
fn a_tail_beyond_the_ring_moves_nothing() {
    let setup = setup(Faults::default());
    let mut arena = setup.arena();
    let (rig, _) = setup.polled_rig(&mut arena);
    let bar = rig.nics[0].bar();
    bar.write32(RDT.at(0), 64);
    bar.write32(TDT.at(0), u32::MAX);
    assert_eq!(rig.offer(4), 4, "the other port's");
    assert_eq!(rig.transmit(), 0);
    let loss = rig.model.borrow().ports()[0].loss();
    assert_eq!((loss.delivered, loss.ring_empty), (0, 4));
}

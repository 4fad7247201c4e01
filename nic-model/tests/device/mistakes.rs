//! A driver that misuses the registers is caught.

use driver::bar::Bar0;
use driver::regs::*;

use crate::rig::Setup;

#[test]
fn a_doorbell_before_its_queue_runs_is_caught() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let bar = setup.card(&mut arena).model.bar(0);
    bar.write32(TDT.at(0), 0);
    bar.write32(RDT.at(0), 0);
    assert_eq!(bar.log().mistakes(), [""; 0]);
    bar.write32(TDT.at(0), 1);
    bar.write32(RDT.at(0), 511);
    let mistakes = [
        "TDT[0] written before its queue runs",
        "RDT[0] written before its queue runs",
    ];
    assert_eq!(bar.log().mistakes(), mistakes);
}

#[test]
fn a_tail_beyond_the_ring_is_caught_and_moves_nothing() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let rig = setup.rig(&mut arena);
    let bar = rig.nics[0].bar();
    for beyond in [512, 600, 0x1_0000, u32::MAX] {
        bar.write32(RDT.at(0), beyond);
        bar.write32(TDT.at(0), beyond);
        rig.offer(1);
        assert_eq!(rig.transmit(), 0);
        assert_eq!(rig.model.borrow().ports()[0].loss().delivered, 0);
    }
    let mistakes =
        ["RDT[0] points beyond the ring", "TDT[0] points beyond the ring"];
    assert_eq!(rig.mistakes(), mistakes.repeat(4));
}

#[test]
fn a_write_to_a_read_only_register_is_caught_and_changes_nothing() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let bar = setup.card(&mut arena).model.bar(1);
    let before = bar.read32(LINKS.offset());
    bar.write32(LINKS.offset(), !before);
    bar.write32(STATUS.offset(), 1);
    assert_eq!(bar.read32(LINKS.offset()), before);
    assert_eq!(bar.read32(STATUS.offset()), 0);
    let mistakes = ["LINKS is read-only", "STATUS is read-only"];
    assert_eq!(bar.log().mistakes(), mistakes);
}

#[test]
fn each_port_has_its_own_log() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let rig = setup.rig(&mut arena);
    rig.nics[1].bar().write32(LINKS.offset(), 0);
    assert_eq!(rig.nics[0].bar().log().mistakes(), [""; 0]);
    assert_eq!(rig.nics[1].bar().log().mistakes(), ["LINKS is read-only"]);
}

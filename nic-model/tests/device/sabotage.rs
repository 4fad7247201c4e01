//! Forwarders that do it wrong: the checks can fail.

use driver::bar::Bar0;
use driver::regs::{DMATXCTL, TDT};
use nic_model::frame::TOUCHED_BYTE;
use nic_model::wire::SinkCounts;
use nic_model::{Account, Faults, TrappedBar};

use crate::rig::{Packets, Rig, Setup};

type TrappedRig<'a> = Rig<'a, TrappedBar<'a>>;

/// Frames that enter at port 0.
const FRAMES: u64 = 40;

/// What port 1 makes of them when `spoil` has its way with them before they
/// are sent, and how many the account misses. It must not be in order.
fn spoilt(
    wire_bytes: u16,
    spoil: impl FnOnce(&mut TrappedRig<'_>, &mut Packets),
) -> (SinkCounts, i64) {
    let setup = Setup::default().with_frames(wire_bytes);
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    rig.offer(FRAMES as u32);
    let mut batch = rig.receive(0, 0, 64);
    rig.touch(&mut batch);
    spoil(&mut rig, &mut batch);
    rig.send(1, 0, &mut batch);
    assert_eq!(batch.0, []);
    rig.forward(64);
    rig.transmit();
    let account = rig.account();
    account.check().expect_err("a spoilt account");
    let counts = rig.model.borrow().ports()[1].sink().counts();
    (counts, account.remainder())
}

fn all_but(bad: u64) -> SinkCounts {
    SinkCounts { good: FRAMES - bad, ..SinkCounts::default() }
}

#[test]
fn nothing_is_wrong_when_nothing_is_spoilt() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    rig.offer(FRAMES as u32);
    rig.forward(64);
    let account = rig.finish();
    assert_eq!((account.forwarded, account.spoiled), (2 * FRAMES, 0));
}

#[test]
fn an_increment_of_any_other_byte_is_noticed() {
    for wire_bytes in [64, 67, 128, 1518] {
        let frame_bytes = usize::from(wire_bytes - 4);
        for byte in [0, 13, 26, 47, 49, 52, 59, 60, 62, frame_bytes - 1] {
            if byte >= frame_bytes {
                continue;
            }
            let spoil = |rig: &mut TrappedRig<'_>, batch: &mut Packets| {
                let frame = rig.pool.data_mut(&batch.0[7]);
                frame[TOUCHED_BYTE] = frame[TOUCHED_BYTE].wrapping_sub(1);
                frame[byte] = frame[byte].wrapping_add(1);
            };
            let wanted = SinkCounts { corrupt: 1, ..all_but(1) };
            assert_eq!(spoilt(wire_bytes, spoil), (wanted, 1), "{byte}");
        }
    }
}

#[test]
fn a_frame_that_was_not_touched_or_touched_twice_is_noticed() {
    for touches in [-1, 1] {
        let (counts, missing) = spoilt(64, |rig, batch| {
            let frame = rig.pool.data_mut(&batch.0[39]);
            let byte = &mut frame[TOUCHED_BYTE];
            *byte = byte.wrapping_add_signed(touches);
        });
        assert_eq!(counts, SinkCounts { corrupt: 1, ..all_but(1) });
        assert_eq!(missing, 1);
    }
}

#[test]
fn a_silent_drop_is_missed_in_the_account() {
    let (counts, missing) = spoilt(64, |rig, batch| {
        let buf = batch.0.remove(20);
        rig.pool.free(buf);
    });
    assert_eq!(counts, all_but(1));
    assert_eq!(missing, 1);
}

#[test]
fn a_frame_sent_twice_is_noticed() {
    let (counts, missing) = spoilt(64, |rig, batch| {
        let copy = copy_of(rig, batch, 20);
        batch.0.insert(21, copy);
    });
    assert_eq!(counts, SinkCounts { out_of_order: 1, ..all_but(0) });
    assert_eq!(missing, 0);
}

#[test]
fn a_drop_that_is_made_up_for_by_a_copy_is_noticed() {
    let (counts, missing) = spoilt(64, |rig, batch| {
        let copy = copy_of(rig, batch, 20);
        batch.0.insert(21, copy);
        let buf = batch.0.remove(5);
        rig.pool.free(buf);
    });
    assert_eq!(counts, SinkCounts { out_of_order: 1, ..all_but(1) });
    assert_eq!(missing, 1);
}

fn copy_of(
    rig: &mut TrappedRig<'_>,
    batch: &Packets,
    n: usize,
) -> driver::mempool::PktBuf {
    let frame = rig.pool.data_mut(&batch.0[n]).to_vec();
    let copy = rig.pool.alloc().expect("a free buffer");
    rig.pool.set_len(&copy, frame.len() as u16);
    rig.pool.data_mut(&copy).copy_from_slice(&frame);
    copy
}

#[test]
fn two_frames_in_the_wrong_order_are_noticed() {
    let (counts, missing) = spoilt(64, |_, batch| batch.0.swap(20, 21));
    assert_eq!(counts, SinkCounts { out_of_order: 1, ..all_but(1) });
    assert_eq!(missing, 1);
}

#[test]
fn a_batch_in_reverse_is_noticed() {
    let (counts, _) = spoilt(64, |_, batch| batch.0.reverse());
    let out_of_order = FRAMES - 1;
    assert_eq!(counts, SinkCounts { out_of_order, ..all_but(FRAMES - 1) });
}

#[test]
fn a_frame_that_was_cut_short_is_noticed() {
    for wire_bytes in [64, 1518] {
        let (counts, missing) = spoilt(wire_bytes, |rig, batch| {
            let buf = &batch.0[0];
            rig.pool.set_len(buf, wire_bytes - 5);
        });
        assert_eq!(counts, SinkCounts { wrong_length: 1, ..all_but(1) });
        assert_eq!(missing, 1);
    }
}

#[test]
fn frames_that_leave_where_they_entered_are_noticed() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    rig.offer(FRAMES as u32);
    let mut batch = rig.receive(0, 0, 64);
    rig.touch(&mut batch);
    rig.send(0, 0, &mut batch);
    rig.transmit();
    let account = rig.account();
    assert_eq!(account.spoiled, FRAMES);
    account.check().expect_err("frames left on the wrong side");
}

#[test]
fn a_frame_that_is_sent_again_later_is_noticed() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    rig.offer(FRAMES as u32);
    rig.forward(64);
    rig.transmit();
    assert_eq!(rig.account().check(), Ok(()));
    // Once around the ring without writing anything.
    let bar = rig.nics[1].bar();
    let tail = FRAMES as u32;
    bar.write32(TDT.at(0), tail - 1);
    rig.transmit();
    assert!(rig.account().spoiled > 0);
    rig.account().check().expect_err("old frames");
}

#[test]
fn frames_that_the_device_never_took_are_inside() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    rig.offer(FRAMES as u32);
    rig.forward(64);
    assert_eq!(rig.account().inside, 2 * FRAMES);
    assert_eq!(rig.account().check(), Ok(()));
    // A queue that is switched off loses them.
    rig.nics[1].bar().write32(DMATXCTL.offset(), 0);
    assert_eq!(rig.account().remainder(), FRAMES as i64);
}

#[test]
fn an_account_that_does_not_balance_says_where_frames_went() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    rig.offer(600);
    let batch = rig.receive(0, 0, 3);
    rig.free(batch);
    let unbalanced = rig.account().check().expect_err("three are gone");
    assert_eq!(
        unbalanced.to_string(),
        "packets do not balance: 1200 offered, 0 forwarded, 178 dropped at \
         the empty ring, 0 at unmapped addresses, 0 for their size, 0 by the \
         forwarder, 1019 inside, 0 spoiled; remainder 3"
    );
}

#[test]
fn an_account_names_what_faults_took() {
    let faults = Faults { link_flaps: 255, seed: 1, ..Faults::default() };
    let setup = Setup::default().with_faults(faults);
    let mut arena = setup.arena();
    let rig = setup.rig(&mut arena);
    rig.offer(10);
    let account = Account { offered: 21, ..rig.account() };
    let unbalanced = account.check().expect_err("one too many");
    assert_eq!(
        unbalanced.to_string(),
        "packets do not balance: 21 offered, 0 forwarded, 0 dropped at the \
         empty ring, 0 at unmapped addresses, 0 for their size, 0 by the \
         forwarder, 0 inside, 0 spoiled; 20 lost with the link, 0 missed by \
         a stopped device, 0 damaged by faults; remainder 1"
    );
}

//! What the registers hold and what an access to them does (datasheet 8.2).

use driver::bar::Bar0;
use driver::desc::tx_cmd;
use driver::nic::{LinkSpeed, Nic};
use driver::regs::*;
use driver::stats::Statistics;
use nic_model::{Faults, TrappedBar};
use proptest::prelude::*;

use crate::rig::{Rig, Setup};

/// What a register reads after a reset.
fn after_reset(row: &Register, n: u16) -> u32 {
    match (row.name, n) {
        ("EEC", _) => 0x0000_3300,
        ("RDRXCTL", _) => 0x0000_0008,
        ("SRRCTL", _) => 0x0000_0002,
        ("AUTOC", _) => 0xC000_8000,
        ("LINKS", _) => 0xF000_0000,
        ("ANLP1", _) => 0x000F_0000,
        ("FWSM", _) => 0x0000_8000,
        ("RXPBSIZE", 0) => 0x0008_0000,
        ("TXPBSIZE", 0) => 0x0002_8000,
        ("SECTXSTAT" | "SECRXSTAT", _) => 0x0000_0001,
        ("RAL", 0) => 0x9059_8202,
        ("RAH", 0) => 0x8000_0000,
        _ => 0,
    }
}

fn assert_reset(bar: &impl Bar0) {
    for row in ALL {
        for n in 0..row.count() {
            let wanted = after_reset(row, n);
            assert_eq!(bar.read32(row.at(n)), wanted, "{}[{n}]", row.name);
        }
    }
}

#[test]
fn a_card_powers_up_with_the_defaults() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let bar = setup.card(&mut arena).model.bar(0);
    assert_reset(&bar);
    assert_eq!(bar.log().mistakes(), [""; 0]);
}

#[test]
fn a_drop_at_the_empty_ring_is_counted_in_qprdc_until_it_is_read() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let rig = setup.rig(&mut arena);
    rig.offer(600);
    let dropped = rig.model.borrow().ports()[0].rx_counts().ring_empty;
    let bar = rig.nics[0].bar();
    assert!(dropped > 0);
    assert_eq!(u64::from(bar.read32(QPRDC.at(0))), dropped);
    assert_eq!(bar.read32(QPRDC.at(0)), 0);
}

#[test]
fn a_reset_brings_the_defaults_back_and_stops_every_queue() {
    let setup = Setup::default();
    for bit in [ctrl::RST, ctrl::LRST, ctrl::RST | ctrl::LRST] {
        let mut arena = setup.arena();
        let mut rig = setup.rig(&mut arena);
        rig.offer(10);
        rig.forward(32);
        let bar = rig.nics[0].bar();
        assert!(rig.model.borrow().ports()[0].is_running());
        for row in ALL.iter().filter(|row| row.name != CTRL.name) {
            (0..row.count()).for_each(|n| bar.write32(row.at(n), u32::MAX));
        }
        bar.write32(CTRL.offset(), bit);
        assert!(!rig.model.borrow().ports()[0].is_running());
        assert!(rig.model.borrow().ports()[1].is_running());
        assert_reset(bar);
    }
}

#[test]
fn no_queue_runs_unless_its_direction_is_enabled() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let rig = setup.rig(&mut arena);
    let bar = rig.nics[0].bar();
    let is_running = || rig.model.borrow().ports()[0].is_running();
    let switches = [
        (RXCTRL.offset(), rxctrl::RXEN),
        (DMATXCTL.offset(), dmatxctl::TE),
        (RXDCTL.at(0), rxdctl::ENABLE),
        (TXDCTL.at(0), txdctl::ENABLE),
    ];
    for (register, bit) in switches {
        assert!(is_running());
        bar.clear_bits(register, bit);
        assert!(!is_running(), "{}", name(register.bytes()));
        bar.set_bits(register, bit);
    }
    assert!(is_running());
}

#[test]
fn interrupts_are_masked_bit_by_bit() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let bar = setup.card(&mut arena).model.bar(0);
    let masked = || bar.read32(EIMS.offset());
    bar.write32(EIMS.offset(), 0b0101);
    bar.write32(EIMS.offset(), 0b0010);
    assert_eq!(masked(), 0b0111);
    bar.write32(EIMS.offset(), 0);
    assert_eq!(masked(), 0b0111);
    bar.write32(EIMC.offset(), 0b1001);
    assert_eq!(masked(), 0b0110);
    assert_eq!(bar.read32(EIMC.offset()), 0);
    bar.write32(EIMC.offset(), u32::MAX);
    assert_eq!(masked(), 0);
}

#[test]
fn vectors_are_masked_in_either_register() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let bar = setup.card(&mut arena).model.bar(0);
    let masks = || [EIMS.at(0), EIMS_EX.at(0), EIMS_EX.at(1)];
    let read = || masks().map(|at| bar.read32(at));
    bar.write32(EIMS.offset(), 0x0010_0005);
    assert_eq!(read(), [0x0010_0005, 0x0000_0005, 0]);
    bar.write32(EIMS_EX.at(0), 0x8000_0002);
    bar.write32(EIMS_EX.at(1), 0x0000_0001);
    assert_eq!(read(), [0x0010_0007, 0x8000_0007, 1]);
    bar.write32(EIMC_EX.at(0), 0x0010_0001);
    assert_eq!(read(), [0x0010_0006, 0x8000_0006, 1]);
    bar.write32(EIMC.offset(), u32::MAX);
    assert_eq!(read(), [0, 0x8000_0000, 1]);
}

#[test]
fn causes_are_set_by_software_and_cleared_by_reading_or_by_ones() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let bar = setup.card(&mut arena).model.bar(0);
    bar.write32(EICS.offset(), 0x0010_0003);
    bar.write32(EICS_EX.at(0), 0x0000_0004);
    bar.write32(EICR.offset(), 0x0000_0001);
    assert_eq!(bar.read32(EICS.offset()), 0);
    assert_eq!(bar.read32(EICR.offset()), 0x0010_0006);
    assert_eq!(bar.read32(EICR.offset()), 0);
}

#[test]
fn a_read_of_the_causes_masks_those_that_the_driver_chose() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let bar = setup.card(&mut arena).model.bar(0);
    bar.write32(EIAM.offset(), 0x0000_FFFF);
    bar.write32(EIMS.offset(), 0x0010_0003);
    bar.write32(EICS.offset(), 0x0010_0001);
    assert_eq!(bar.read32(EICR.offset()), 0x0010_0001);
    assert_eq!(bar.read32(EIMS.offset()), 0x0010_0002);
}

#[test]
fn the_eeprom_is_empty_and_its_checksum_right() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let bar = setup.card(&mut arena).model.bar(0);
    let word = |address: u32| {
        bar.write32(EERD.offset(), address << 2 | eerd::START);
        let answer = bar.read32(EERD.offset());
        assert_eq!(answer & 0xFFFF, address << 2 | eerd::DONE);
        answer >> 16
    };
    let sum = (0..0x40).map(word).sum::<u32>();
    assert_eq!(sum, 0xBABA);
    assert_eq!(word(0x3F), 0xBABA);
    assert_eq!(word(0x3FFF), 0);
}

#[test]
fn no_phy_answers() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let bar = setup.card(&mut arena).model.bar(0);
    // A read cycle of device 1, register 2.
    bar.write32(MSCA.offset(), 0x4C01_0002);
    assert_eq!(bar.read32(MSCA.offset()), 0x0C01_0002);
    assert_eq!(bar.read32(MSRWD.offset()), 0xFFFF_0000);
}

#[test]
fn a_semaphore_is_free_for_the_first_reader() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let bar = setup.card(&mut arena).model.bar(0);
    for _ in 0..2 {
        assert_eq!(bar.read32(SWSM.offset()), 0);
        assert_eq!(bar.read32(SWSM.offset()), swsm::SMBI);
        bar.set_bits(SWSM.offset(), swsm::SWESMBI);
        assert_eq!(bar.read32(SWSM.offset()), swsm::SMBI | swsm::SWESMBI);
        bar.write32(SWSM.offset(), 0);
    }
    bar.set_bits(SW_FW_SYNC.offset(), 0x0000_0021);
    assert_eq!(bar.read32(SW_FW_SYNC.offset()), 0x0000_0021);
}

#[test]
fn an_offset_without_a_register_is_memory_and_some_registers_have_two() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let model = setup.card(&mut arena).model;
    let mut model = model.borrow_mut();
    for offset in [0x0_0004, 0x0_5200, 0x1_FFFC] {
        model.write_register(0, offset, 0x1234_5678);
        assert_eq!(model.port_mut(0).read_register(offset), 0x1234_5678);
        assert_eq!(model.port_mut(1).read_register(offset), 0);
    }
    let port = model.port_mut(1);
    assert_eq!(port.read_register(0xA200), 0x9059_8202);
    assert_eq!(port.read_register(0xA204), 0x8000_0100);
    model.write_register(1, 0xA27C, 0x8000_4321);
    assert_eq!(model.port_mut(1).read_register(0x547C), 0x8000_4321);
}

#[test]
fn a_reset_by_the_bus_leaves_nothing_of_what_was_written() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let rig = setup.rig(&mut arena);
    for offset in [0x0_0004, 0x0_5200, 0x1_FFFC] {
        rig.model.borrow_mut().write_register(0, offset, 0x1234_5678);
    }
    rig.model.borrow_mut().port_mut(0).power_up();
    assert_reset(rig.nics[0].bar());
    let mut model = rig.model.borrow_mut();
    assert!(!model.ports()[0].is_running() && model.ports()[1].is_running());
    for offset in [0x0_0004, 0x0_5200, 0x1_FFFC] {
        assert_eq!(model.port_mut(0).read_register(offset), 0);
    }
}

#[test]
fn packets_are_counted_by_queue_until_they_are_read() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    rig.offer(20);
    rig.forward(32);
    rig.transmit();
    let bar = rig.nics[0].bar();
    for row in [QPRC, QPTC] {
        assert_eq!(bar.read32(row.at(0)), 20, "{}", row.name);
        assert_eq!(bar.read32(row.at(0)), 0, "{}", row.name);
        assert_eq!(bar.read32(row.at(1)), 0, "{}", row.name);
    }
}

#[test]
fn a_link_restart_clears_itself() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let bar = setup.card(&mut arena).model.bar(0);
    bar.write32(AUTOC.offset(), 0xC000_7000);
    assert_eq!(bar.read32(AUTOC.offset()), 0xC000_6000);
}

#[test]
fn heads_follow_the_device() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    rig.offer(20);
    rig.forward(32);
    let heads = |rig: &Rig<'_, TrappedBar<'_>>| {
        let bar = rig.nics[0].bar();
        (bar.read32(RDH.at(0)), bar.read32(TDH.at(0)))
    };
    assert_eq!(heads(&rig), (20, 0));
    rig.transmit();
    assert_eq!(heads(&rig), (20, 20));
}

#[test]
fn statistics_clear_on_reading() {
    let setup = Setup::default().with_frames(100);
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    rig.offer(300);
    rig.forward(32);
    rig.transmit();
    let bar = rig.nics[0].bar();
    for (row, value) in [
        (GPRC, 300),
        (GPTC, 300),
        (GORCL, 30_000),
        (GORCH, 0),
        (GOTCL, 30_000),
        (GOTCH, 0),
    ] {
        assert_eq!(bar.read32(row.offset()), value, "{}", row.name);
        assert_eq!(bar.read32(row.offset()), 0, "{}", row.name);
    }
}

#[test]
fn two_reads_of_the_statistics_add_up() {
    let setup = Setup::default().with_frames(1000);
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    for turn in 1..=3 {
        rig.offer(100);
        rig.forward(32);
        rig.transmit();
        let wanted = Statistics {
            rx_packets: 100 * turn,
            tx_packets: 100 * turn,
            rx_bytes: 100_000 * turn,
            tx_bytes: 100_000 * turn,
        };
        assert_eq!(rig.nics[1].statistics(), wanted);
        assert_eq!(rig.nics[1].statistics(), wanted);
    }
}

#[test]
fn frames_that_are_lost_at_the_empty_ring_are_not_received() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    rig.offer(600);
    assert_eq!(rig.nics[0].statistics().rx_packets, 511);
}

/// A port whose transmit ring is full of packets of 65531 bytes, without
/// RS, so that the descriptors stay as they are and can be sent for ever.
/// Calls `test` with a function that sends `n` of them.
fn with_large_packets(
    test: impl FnOnce(&mut Nic<'_, TrappedBar<'_>>, &mut dyn FnMut(u64)),
) {
    let setup = Setup::default().with_rings(1, 4096);
    let mut arena = setup.arena();
    let mut rig = setup.rig(&mut arena);
    let queue = &rig.nics[0].tx_queues()[0];
    let iova = queue.ring().iova().value() & !0xF_FFFF;
    for i in 0..4096 {
        let desc = queue.ring().desc(i);
        desc.address().write(iova - 0x10_0000);
        let command = tx_cmd::PACKET & !tx_cmd::RS;
        desc.cmd_type_len().write(command | 65531);
        desc.olinfo_status().write(65531 << tx_cmd::PAYLEN_SHIFT);
    }
    let (bar, model) = (rig.nics[0].bar().clone(), rig.model.clone());
    let mut tail = 0;
    let mut send = |mut packets: u64| {
        while packets > 0 {
            let step = packets.min(4095);
            tail = (tail + step) % 4096;
            bar.write32(TDT.at(0), tail as u32);
            assert_eq!(u64::from(model.borrow_mut().transmit()), step);
            packets -= step;
        }
    };
    test(&mut rig.nics[0], &mut send);
}

/// Bytes on the wire of each of them.
const LARGE: u64 = 65535;

#[test]
fn octets_are_counted_in_36_bits() {
    with_large_packets(|nic, send| {
        // 65538 * 65535 = 0x1_0000_FFFE.
        send(65538);
        assert_eq!(nic.bar().read32(GOTCL.offset()), 0x0000_FFFE);
        assert_eq!(nic.bar().read32(GOTCH.offset()), 1);
        assert_eq!(nic.bar().read32(GOTCH.offset()), 0);
        // 2^36 / 65535 is 1048592 and a bit.
        send(1_048_593);
        let wanted = 1_048_593 * LARGE - (1 << 36);
        assert_eq!(u64::from(nic.bar().read32(GOTCL.offset())), wanted);
        assert_eq!(nic.bar().read32(GOTCH.offset()), 0);
    });
}

#[test]
fn octets_of_many_reads_add_up_to_64_bits() {
    with_large_packets(|nic, send| {
        for turn in 1..=4 {
            send(70_000);
            let statistics = nic.statistics();
            assert_eq!(statistics.tx_packets, 70_000 * turn);
            assert_eq!(statistics.tx_bytes, 70_000 * LARGE * turn);
        }
    });
}

#[test]
fn a_look_at_the_heads_between_both_halves_of_a_counter_loses_nothing() {
    with_large_packets(|nic, send| {
        send(70_000);
        let bar = nic.bar();
        let low = u64::from(bar.read32(GOTCL.offset()));
        bar.read32(TDH.at(0));
        let high = u64::from(bar.read32(GOTCH.offset()));
        assert_eq!(low | high << 32, 70_000 * LARGE);
    });
}

#[test]
fn a_port_has_an_address_and_takes_another() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let rig = setup.rig(&mut arena);
    let address = |port: usize| rig.nics[port].mac_address();
    assert_eq!(address(0), [0x02, 0x82, 0x59, 0x90, 0x00, 0x00]);
    assert_eq!(address(1), [0x02, 0x82, 0x59, 0x90, 0x00, 0x01]);
    rig.nics[1].set_mac_address([1, 2, 3, 4, 5, 6]);
    assert_eq!(address(1), [1, 2, 3, 4, 5, 6]);
    assert_eq!(address(0), [0x02, 0x82, 0x59, 0x90, 0x00, 0x00]);
    let bar = rig.nics[1].bar();
    assert_eq!(bar.read32(RAL.at(0)), 0x0403_0201);
    assert_eq!(bar.read32(RAH.at(0)), 0x8000_0605);
}

#[test]
fn promiscuous_mode_is_two_bits_of_its_register() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let rig = setup.rig(&mut arena);
    let filter = || rig.nics[0].bar().read32(FCTRL.offset());
    assert_eq!(filter(), 0x0000_0700);
    rig.nics[0].set_promiscuous(false);
    assert_eq!(filter(), 0x0000_0400);
    rig.nics[0].set_promiscuous(true);
    assert_eq!(filter(), 0x0000_0700);
}

#[test]
fn the_link_has_a_speed_when_it_is_up() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let rig = setup.rig(&mut arena);
    let model = rig.model.clone();
    let speed = |links: u32| {
        model.borrow().ports()[0].regs().set(&LINKS, 0, links);
        rig.nics[0].link_speed()
    };
    assert_eq!(rig.nics[0].link_speed(), Some(LinkSpeed(10_000)));
    assert_eq!(speed(0x6000_0000), Some(LinkSpeed(1_000)));
    assert_eq!(speed(0x5000_0000), Some(LinkSpeed(100)));
    assert_eq!(speed(0x4000_0000), None);
    assert_eq!(speed(0x3000_0000), None);
}

/// Values that registers may be sensitive to.
fn values() -> impl Strategy<Value = u32> {
    prop_oneof![
        any::<u32>(),
        0..8192_u32,
        (0..32).prop_map(|bit| 1_u32 << bit),
        // Addresses inside the device's memory.
        (0..64_u32).prop_map(|n| 0x0040_0000 + n * 0x8000),
        Just(0x100),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        if cfg!(miri) { 2 } else { 100 }
    ))]

    #[test]
    fn no_value_in_any_register_brings_the_device_down(
        writes in proptest::collection::vec(
            (any::<proptest::sample::Index>(), 0..130_u16, values()), 1..300,
        ),
        late_write_back: u8, fragments: u8, bad_iova: u8, seed: u64,
    ) {
        let faults = Faults {
            late_write_back, fragments, bad_iova, seed, ..Faults::default()
        };
        let setup = Setup::default().with_rings(2, 64).with_faults(faults);
        let mut arena = setup.arena();
        let rig = setup.rig(&mut arena);
        let bar = rig.nics[0].bar();
        for (row, n, value) in writes {
            let row = row.get(ALL);
            let at = row.at(n % row.count().min(2));
            bar.write32(at, value);
            bar.read32(at);
            rig.offer(3);
            rig.transmit();
        }
    }
}

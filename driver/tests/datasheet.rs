//! The register table and the descriptors, held against the numbers in the
//! Intel 82599 10 GbE Controller Datasheet, sections 7.1.6, 7.2.3 and 8.2.

use std::collections::HashSet;

use driver::desc::{self, rx_info, rx_status, tx_cmd};
use driver::regs::*;

/// Registers `first` to `last` of a row lie at `from`, `from + stride`, …
/// `to`.
struct Run {
    first: u16,
    last: u16,
    from: u32,
    to: u32,
    stride: u32,
}

const fn one(at: u32) -> Run {
    Run { first: 0, last: 0, from: at, to: at, stride: 0 }
}

const fn run(first: u16, last: u16, from: u32, to: u32, stride: u32) -> Run {
    Run { first, last, from, to, stride }
}

const OFFSETS: &[(&str, &[Run])] = &[
    ("CTRL", &[one(0x00000)]),
    ("STATUS", &[one(0x00008)]),
    ("CTRL_EXT", &[one(0x00018)]),
    ("LEDCTL", &[one(0x00200)]),
    ("EEC", &[one(0x10010)]),
    ("EERD", &[one(0x10014)]),
    ("SWSM", &[one(0x10140)]),
    ("FWSM", &[one(0x10148)]),
    ("SW_FW_SYNC", &[one(0x10160)]),
    ("EICR", &[one(0x00800)]),
    ("EICS", &[one(0x00808)]),
    ("EIMS", &[one(0x00880)]),
    ("EIMC", &[one(0x00888)]),
    ("EIAC", &[one(0x00810)]),
    ("EIAM", &[one(0x00890)]),
    ("EICS_EX", &[run(0, 1, 0x00A90, 0x00A94, 4)]),
    ("EIMS_EX", &[run(0, 1, 0x00AA0, 0x00AA4, 4)]),
    ("EIMC_EX", &[run(0, 1, 0x00AB0, 0x00AB4, 4)]),
    ("EIAM_EX", &[run(0, 1, 0x00AD0, 0x00AD4, 4)]),
    (
        "EITR",
        &[run(0, 23, 0x00820, 0x0087C, 4), run(24, 128, 0x12300, 0x124A0, 4)],
    ),
    ("IVAR", &[run(0, 63, 0x00900, 0x009FC, 4)]),
    ("IVAR_MISC", &[one(0x00A00)]),
    ("GPIE", &[one(0x00898)]),
    ("FCTRL", &[one(0x05080)]),
    ("RXCSUM", &[one(0x05000)]),
    (
        "RAL",
        &[run(0, 15, 0x05400, 0x05478, 8), run(16, 127, 0x0A280, 0x0A5F8, 8)],
    ),
    (
        "RAH",
        &[run(0, 15, 0x05404, 0x0547C, 8), run(16, 127, 0x0A284, 0x0A5FC, 8)],
    ),
    ("MRQC", &[one(0x05818)]),
    ("RSSRK", &[run(0, 9, 0x05C80, 0x05CA4, 4)]),
    ("RETA", &[run(0, 31, 0x05C00, 0x05C7C, 4)]),
    (
        "RDBAL",
        &[
            run(0, 63, 0x01000, 0x01FC0, 0x40),
            run(64, 127, 0x0D000, 0x0DFC0, 0x40),
        ],
    ),
    (
        "RDBAH",
        &[
            run(0, 63, 0x01004, 0x01FC4, 0x40),
            run(64, 127, 0x0D004, 0x0DFC4, 0x40),
        ],
    ),
    (
        "RDLEN",
        &[
            run(0, 63, 0x01008, 0x01FC8, 0x40),
            run(64, 127, 0x0D008, 0x0DFC8, 0x40),
        ],
    ),
    (
        "RDH",
        &[
            run(0, 63, 0x01010, 0x01FD0, 0x40),
            run(64, 127, 0x0D010, 0x0DFD0, 0x40),
        ],
    ),
    (
        "RDT",
        &[
            run(0, 63, 0x01018, 0x01FD8, 0x40),
            run(64, 127, 0x0D018, 0x0DFD8, 0x40),
        ],
    ),
    (
        "RXDCTL",
        &[
            run(0, 63, 0x01028, 0x01FE8, 0x40),
            run(64, 127, 0x0D028, 0x0DFE8, 0x40),
        ],
    ),
    (
        "SRRCTL",
        &[
            run(0, 15, 0x02100, 0x0213C, 4),
            run(16, 63, 0x01414, 0x01FD4, 0x40),
            run(64, 127, 0x0D014, 0x0DFD4, 0x40),
        ],
    ),
    ("RDRXCTL", &[one(0x02F00)]),
    ("RXCTRL", &[one(0x03000)]),
    ("RXPBSIZE", &[run(0, 7, 0x03C00, 0x03C1C, 4)]),
    ("DTXMXSZRQ", &[one(0x08100)]),
    ("DMATXCTL", &[one(0x04A80)]),
    ("TDBAL", &[run(0, 127, 0x06000, 0x07FC0, 0x40)]),
    ("TDBAH", &[run(0, 127, 0x06004, 0x07FC4, 0x40)]),
    ("TDLEN", &[run(0, 127, 0x06008, 0x07FC8, 0x40)]),
    ("TDH", &[run(0, 127, 0x06010, 0x07FD0, 0x40)]),
    ("TDT", &[run(0, 127, 0x06018, 0x07FD8, 0x40)]),
    ("TXDCTL", &[run(0, 127, 0x06028, 0x07FE8, 0x40)]),
    ("RTTDCS", &[one(0x04900)]),
    ("TXPBSIZE", &[run(0, 7, 0x0CC00, 0x0CC1C, 4)]),
    ("SECTXSTAT", &[one(0x08804)]),
    ("SECRXSTAT", &[one(0x08D04)]),
    (
        "DCA_RXCTRL",
        &[
            run(0, 15, 0x02200, 0x0223C, 4),
            run(16, 63, 0x0140C, 0x01FCC, 0x40),
            run(64, 127, 0x0D00C, 0x0DFCC, 0x40),
        ],
    ),
    ("HLREG0", &[one(0x04240)]),
    ("MSCA", &[one(0x0425C)]),
    ("MSRWD", &[one(0x04260)]),
    ("AUTOC", &[one(0x042A0)]),
    ("LINKS", &[one(0x042A4)]),
    ("ANLP1", &[one(0x042B0)]),
    ("GPRC", &[one(0x04074)]),
    ("GPTC", &[one(0x04080)]),
    ("GORCL", &[one(0x04088)]),
    ("GORCH", &[one(0x0408C)]),
    ("GOTCL", &[one(0x04090)]),
    ("GOTCH", &[one(0x04094)]),
    ("MPC", &[run(0, 7, 0x03FA0, 0x03FBC, 4)]),
    ("QPRC", &[run(0, 15, 0x01030, 0x013F0, 0x40)]),
    ("QPRDC", &[run(0, 15, 0x01430, 0x017F0, 0x40)]),
    ("QPTC", &[run(0, 15, 0x06030, 0x063F0, 0x40)]),
];

const BITS: &[(&str, u32, u32)] = &[
    ("CTRL.LRST", ctrl::LRST, 0x0000_0008),
    ("CTRL.RST", ctrl::RST, 0x0400_0000),
    ("CTRL_EXT.NS_DIS", ctrl_ext::NS_DIS, 0x0001_0000),
    ("EEC.EE_PRES", eec::PRES, 0x0000_0100),
    ("EEC.AUTO_RD", eec::ARD, 0x0000_0200),
    ("EEC.EE_Size", eec::SIZE, 0x0000_7800),
    ("EEC.EE_Size: 4096 words", eec::SIZE_4096, 0x0000_3000),
    ("EERD.START", eerd::START, 0x0000_0001),
    ("EERD.DONE", eerd::DONE, 0x0000_0002),
    ("EERD.ADDR", eerd::ADDR, 0x0000_FFFC),
    ("EERD.ADDR: position", eerd::ADDR_SHIFT, 2),
    ("EERD.DATA: position", eerd::DATA_SHIFT, 16),
    ("SWSM.SMBI", swsm::SMBI, 0x0000_0001),
    ("SWSM.SWESMBI", swsm::SWESMBI, 0x0000_0002),
    ("FWSM.FW_Valid", fwsm::FW_VALID, 0x0000_8000),
    ("EICR.RTxQ", eicr::RTXQ, 0x0000_FFFF),
    ("EICR.LSC", eicr::LSC, 0x0010_0000),
    ("EITR: interval", eitr::INTERVAL, 0x0000_0FF8),
    ("EITR: interval's position", eitr::INTERVAL_SHIFT, 3),
    ("IVAR.INT_Alloc", ivar::ALLOC, 0x0000_003F),
    ("IVAR.INT_Alloc_val", ivar::VALID, 0x0000_0080),
    ("GPIE.Multiple_MSIX", gpie::MULTIPLE_MSIX, 0x0000_0010),
    ("GPIE.OCD", gpie::OCD, 0x0000_0020),
    ("GPIE.EIAME", gpie::EIAME, 0x4000_0000),
    ("GPIE.PBA_support", gpie::PBA_SUPPORT, 0x8000_0000),
    ("FCTRL.MPE", fctrl::MPE, 0x0000_0100),
    ("FCTRL.UPE", fctrl::UPE, 0x0000_0200),
    ("FCTRL.BAM", fctrl::BAM, 0x0000_0400),
    ("RXCSUM.PCSD", rxcsum::PCSD, 0x0000_2000),
    ("MRQC.MRQE", mrqc::MRQE, 0x0000_000F),
    ("MRQC.MRQE: RSS", mrqc::RSS, 0x0000_0001),
    ("MRQC: IPv4", mrqc::IPV4, 0x0002_0000),
    ("MRQC: UdpIPv4", mrqc::UDP_IPV4, 0x0040_0000),
    ("RAH.AV", rah::AV, 0x8000_0000),
    ("SRRCTL.BSIZEPACKET", srrctl::BSIZEPACKET, 0x0000_001F),
    ("SRRCTL.DESCTYPE", srrctl::DESCTYPE, 0x0E00_0000),
    ("SRRCTL: one buffer", srrctl::DESCTYPE_ADV_ONE_BUFFER, 0x0200_0000),
    ("SRRCTL.Drop_En", srrctl::DROP_EN, 0x1000_0000),
    ("RDRXCTL.CRCStrip", rdrxctl::CRC_STRIP, 0x0000_0002),
    ("RDRXCTL.DMAIDONE", rdrxctl::DMAIDONE, 0x0000_0008),
    ("RXCTRL.RXEN", rxctrl::RXEN, 0x0000_0001),
    ("RXDCTL.ENABLE", rxdctl::ENABLE, 0x0200_0000),
    ("DCA_RXCTRL bit 12", dca_rxctrl::CLEAR, 0x0000_1000),
    ("RTTDCS.ARBDIS", rttdcs::ARBDIS, 0x0000_0040),
    ("DMATXCTL.TE", dmatxctl::TE, 0x0000_0001),
    ("TXDCTL thresholds", txdctl::THRESHOLDS, 0x007F_7F7F),
    ("TXDCTL: 36, 8, 4", txdctl::THRESHOLDS_36_8_4, 0x0004_0824),
    ("TXDCTL.ENABLE", txdctl::ENABLE, 0x0200_0000),
    ("SECTXSTAT.SECTX_RDY", sectxstat::READY, 0x0000_0001),
    ("SECRXSTAT.SECRX_RDY", secrxstat::READY, 0x0000_0001),
    ("HLREG0.TXCRCEN", hlreg0::TXCRCEN, 0x0000_0001),
    ("HLREG0.RXCRCSTRP", hlreg0::RXCRCSTRP, 0x0000_0002),
    ("HLREG0.TXPADEN", hlreg0::TXPADEN, 0x0000_0400),
    ("AUTOC.10G_PMA_PMD", autoc::PMA_PMD_10G, 0x0000_0180),
    ("AUTOC.Restart_AN", autoc::RESTART_AN, 0x0000_1000),
    ("AUTOC.LMS", autoc::LMS, 0x0000_E000),
    ("AUTOC.LMS: 10G serial", autoc::LMS_10G_SFI, 0x0000_6000),
    ("MSCA.MDICMD", msca::MDICMD, 0x4000_0000),
    ("MSRWD: no PHY", msrwd::NOTHING, 0xFFFF_0000),
    ("ANLP1.ANAS", anlp1::ANAS, 0x000F_0000),
    ("LINKS: speed", links::SPEED, 0x3000_0000),
    ("LINKS: 100M", links::SPEED_100M, 0x1000_0000),
    ("LINKS: 1G", links::SPEED_1G, 0x2000_0000),
    ("LINKS: 10G", links::SPEED_10G, 0x3000_0000),
    ("LINKS: up", links::UP, 0x4000_0000),
    ("LINKS: negotiated", links::AN_COMPLETED, 0x8000_0000),
    ("receive descriptor: RSS type", rx_info::RSS_TYPE as u32, 0x0000_000F),
    ("receive descriptor: IPv4", rx_info::RSS_IPV4 as u32, 0x0000_0002),
    ("receive descriptor: UDP", rx_info::RSS_UDP_IPV4 as u32, 0x0000_0007),
    ("receive descriptor: packet type", rx_info::TYPE_SHIFT, 4),
    ("receive descriptor: DD", rx_status::DD, 0x0000_0001),
    ("receive descriptor: EOP", rx_status::EOP, 0x0000_0002),
    ("transmit descriptor: DTALEN", tx_cmd::DTALEN, 0x0000_FFFF),
    ("transmit descriptor: data", tx_cmd::DTYP_DATA, 0x0030_0000),
    ("transmit descriptor: EOP", tx_cmd::EOP, 0x0100_0000),
    ("transmit descriptor: IFCS", tx_cmd::IFCS, 0x0200_0000),
    ("transmit descriptor: RS", tx_cmd::RS, 0x0800_0000),
    ("transmit descriptor: DEXT", tx_cmd::DEXT, 0x2000_0000),
    ("transmit descriptor: packet", tx_cmd::PACKET, 0x2B30_0000),
    ("transmit descriptor: PAYLEN", tx_cmd::PAYLEN_SHIFT, 14),
    ("transmit descriptor: DD", tx_cmd::DD, 0x0000_0001),
];

fn row(name: &str) -> &'static Register {
    let row = ALL.iter().find(|row| row.name == name);
    row.unwrap_or_else(|| panic!("no row {name}"))
}

#[test]
fn every_register_lies_where_the_datasheet_puts_it() {
    for (name, runs) in OFFSETS {
        for Run { first, last, from, to, stride } in *runs {
            let at = |n| row(name).at(n).bytes();
            assert_eq!(at(*first), *from, "{name}[{first}]");
            assert_eq!(at(*last), *to, "{name}[{last}]");
            for n in *first..*last {
                assert_eq!(at(n + 1) - at(n), *stride, "{name}[{n}]");
            }
        }
    }
}

#[test]
fn every_row_is_held_against_the_datasheet() {
    let rows: Vec<_> = ALL.iter().map(|row| (row.name, row.count())).collect();
    let count = |runs: &[Run]| runs.iter().map(|r| r.last - r.first + 1).sum();
    let wanted: Vec<(_, u16)> =
        OFFSETS.iter().map(|(name, runs)| (*name, count(runs))).collect();
    assert_eq!(rows, wanted);
}

#[test]
fn every_bit_is_where_the_datasheet_puts_it() {
    for (name, ours, datasheet) in BITS {
        assert_eq!(ours, datasheet, "{name}");
    }
}

#[test]
fn only_these_registers_do_more_than_read_back() {
    let special = |kind| -> Vec<_> {
        let rows = ALL.iter().filter(|row| row.access == kind);
        rows.map(|row| row.name).collect()
    };
    let read_only =
        ["STATUS", "FWSM", "SECTXSTAT", "SECRXSTAT", "LINKS", "ANLP1"];
    assert_eq!(special(Access::ReadOnly), read_only);
    let write_only = ["EICS", "EIMC", "EICS_EX", "EIMC_EX"];
    assert_eq!(special(Access::WriteOnly), write_only);
    let self_clearing = ["CTRL", "EERD", "MSCA", "AUTOC"];
    assert_eq!(special(Access::SelfClearing), self_clearing);
    let clear_on_read = [
        "EICR", "GPRC", "GPTC", "GORCL", "GORCH", "GOTCL", "GOTCH", "MPC",
        "QPRC", "QPRDC", "QPTC",
    ];
    assert_eq!(special(Access::ReadClear), clear_on_read);
}

#[test]
fn every_offset_is_aligned_inside_the_bar_and_used_once() {
    let mut offsets = HashSet::new();
    for row in ALL {
        for n in 0..row.count() {
            let at = row.at(n).bytes();
            assert!(at.is_multiple_of(4), "{}[{n}]", row.name);
            assert!(at as usize + 4 <= BAR0_MIN_BYTES, "{}[{n}]", row.name);
            assert!(offsets.insert(at), "{}[{n}]", row.name);
        }
    }
    let highest = offsets.iter().max().expect("there are registers");
    assert_eq!(*highest as usize + 4, BAR0_MIN_BYTES);
    const { assert!(BAR0_MIN_BYTES <= BAR0_BYTES) };
}

#[test]
fn names_are_unique() {
    let names: HashSet<_> = ALL.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), ALL.len());
    let titles: HashSet<_> = ALL.iter().map(|row| row.title).collect();
    assert_eq!(titles.len(), ALL.len());
}

#[test]
fn every_offset_leads_back_to_its_register() {
    for row in ALL {
        for n in 0..row.count() {
            let at = row.at(n).bytes();
            assert_eq!(find(at), Some((row, n)));
            assert_eq!(row.index_of(at), Some(n));
            assert_eq!(find(at + 1), None);
            let wanted = match row.count() {
                1 => row.name.to_owned(),
                _ => format!("{}[{n}]", row.name),
            };
            assert_eq!(name(at), wanted);
        }
    }
}

#[test]
fn an_offset_without_a_register_is_named_by_its_number() {
    assert_eq!(find(0x0_0004), None);
    assert_eq!(name(0x0_0004), "0x00004");
    assert_eq!(name(0x1_FFFC), "0x1fffc");
}

#[test]
#[should_panic(expected = "register index out of range")]
fn there_is_no_queue_128() {
    RDT.at(128);
}

#[test]
fn a_descriptor_has_16_bytes() {
    assert_eq!(desc::BYTES, 16);
    assert_eq!(size_of::<desc::RxDescRead>(), 16);
    assert_eq!(size_of::<desc::RxDescWriteBack>(), 16);
    assert_eq!(size_of::<desc::TxDescRead>(), 16);
    assert_eq!(size_of::<desc::TxDescWriteBack>(), 16);
}

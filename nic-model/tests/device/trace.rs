//! What bringing a port up does to its registers (datasheet 4.6).

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;
use std::{env, fs};

use crate::rig::Setup;

/// All accesses of opening port 0, a line each, with single spaces.
fn trace(setup: &Setup) -> Vec<String> {
    let mut arena = setup.arena();
    let rig = setup.rig(&mut arena);
    assert_eq!(rig.mistakes(), [""; 0]);
    let squeeze =
        |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    rig.nics[0].bar().log().text().lines().map(squeeze).collect()
}

/// Each of `wanted`, the start of a line, comes after the one before it.
fn assert_order(trace: &[String], wanted: &[&str]) {
    let mut rest = trace.iter();
    for (n, start) in wanted.iter().enumerate() {
        let found = rest.any(|line| line.starts_with(start));
        assert!(found, "'{start}' does not come after {:?}", &wanted[..n]);
    }
}

fn place(trace: &[String], start: &str) -> usize {
    let place = trace.iter().position(|line| line.starts_with(start));
    place.unwrap_or_else(|| panic!("no '{start}'"))
}

fn last_place(trace: &[String], start: &str) -> usize {
    let place = trace.iter().rposition(|line| line.starts_with(start));
    place.unwrap_or_else(|| panic!("no '{start}'"))
}

/// Compares with a file, which `UPDATE_SNAPSHOTS=1` rewrites.
fn assert_snapshot(file: &str, text: &str) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots");
    let path = Path::new(folder).join(file);
    if env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, text).expect("snapshot is written");
    }
    let wanted = fs::read_to_string(&path).expect("snapshot is read");
    let pairs = text.lines().zip(wanted.lines());
    for (n, (seen, wanted)) in (1..).zip(pairs) {
        assert_eq!(seen, wanted, "{file}:{n}; UPDATE_SNAPSHOTS=1 accepts");
    }
    assert_eq!(text.len(), wanted.len(), "{file} ends elsewhere");
}

#[test]
#[cfg_attr(miri, ignore = "reads a file")]
fn opening_a_port_accesses_these_registers_in_this_order() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let mut waits = String::new();
    let mut wait = |time: Duration| writeln!(waits, "{time:?}").expect("text");
    let rig = setup.try_rig(&mut arena, &mut wait).expect("the ports come up");
    assert_snapshot("open.txt", &rig.nics[0].bar().log().text());
    // The datasheet's pause after a reset, once per port (4.6.3.2).
    assert_eq!(waits, "10ms\n10ms\n");
}

#[test]
#[cfg_attr(miri, ignore = "reads a file")]
fn opening_a_port_of_two_queues_does_the_same_for_each_queue() {
    let setup = Setup::default().with_rings(2, 64);
    let mut arena = setup.arena();
    let rig = setup.rig(&mut arena);
    assert_snapshot("open-2-queues.txt", &rig.nics[0].bar().log().text());
}

#[test]
fn reset_comes_first_between_two_rounds_of_disabled_interrupts() {
    let trace = trace(&Setup::default());
    assert_order(
        &trace,
        &[
            "write EIMS 0x00000000",
            "write EIMC 0xffffffff",
            "read EICR",
            "write CTRL 0x04000008",
            "read CTRL 0x00000000",
            "write EIMS 0x00000000",
            "write EIMC 0xffffffff",
            "read EICR",
            "read EEC 0x00003300",
            "read RDRXCTL 0x00000008",
            "write AUTOC 0xc0006000",
            "write AUTOC 0xc0007000",
            "read GPRC",
        ],
    );
    assert_eq!(place(&trace, "write EIMS"), 0);
}

#[test]
fn statistics_are_cleared_before_the_queues_are_set_up() {
    let trace = trace(&Setup::default());
    let start = place(&trace, "read GPRC");
    let lines = &trace[start..start + 6];
    let rows = ["GPRC", "GPTC", "GORCL", "GORCH", "GOTCL", "GOTCH"];
    assert_eq!(lines, rows.map(|row| format!("read {row} 0x00000000")));
    assert!(start + 6 <= place(&trace, "read RXCTRL"));
}

#[test]
fn receive_is_set_up_while_it_is_disabled() {
    let trace = trace(&Setup::default().with_rings(4, 128));
    assert_order(
        &trace,
        &[
            "write RXCTRL 0x00000000",
            "write RXPBSIZE[0] 0x00020000",
            "write RXPBSIZE[1] 0x00000000",
            "write RXPBSIZE[7] 0x00000000",
            "write HLREG0 0x00000002",
            "write RDRXCTL 0x0000000a",
            "write FCTRL 0x00000400",
            "write SRRCTL[0] 0x02000002",
            "write SRRCTL[0] 0x12000002",
            "write RDBAL[0]",
            "write RDBAH[0] 0x00000100",
            "write RDLEN[0] 0x00000800",
            "write RDH[0] 0x00000000",
            "write RDT[0] 0x00000000",
            "write SRRCTL[3] 0x12000002",
            "write RDT[3] 0x00000000",
            "write CTRL_EXT 0x00010000",
            "write DCA_RXCTRL[0] 0x00000000",
            "write DCA_RXCTRL[3] 0x00000000",
            "write RXCTRL 0x00000001",
        ],
    );
}

#[test]
fn transmit_is_enabled_after_its_set_up() {
    let trace = trace(&Setup::default().with_rings(3, 1024));
    assert_order(
        &trace,
        &[
            "write RXCTRL 0x00000001",
            "write HLREG0 0x00000403",
            "write TXPBSIZE[0] 0x0000a000",
            "write TXPBSIZE[7] 0x00000000",
            "write DTXMXSZRQ 0x0000ffff",
            "write RTTDCS 0x00000000",
            "write TDBAL[0]",
            "write TDBAH[0] 0x00000100",
            "write TDLEN[0] 0x00004000",
            "write TXDCTL[0] 0x00040824",
            "write TXDCTL[2] 0x00040824",
            "write DMATXCTL 0x00000001",
        ],
    );
    let enabled = place(&trace, "write DMATXCTL");
    assert!(last_place(&trace, "write TDLEN") < enabled);
    assert!(enabled < place(&trace, "write TXDCTL[0] 0x02040824"));
}

#[test]
fn each_queue_is_enabled_before_its_ring_is_handed_over() {
    let trace = trace(&Setup::default().with_rings(4, 256));
    for n in 0..4 {
        let receive = [
            format!("write RXDCTL[{n}] 0x02000000"),
            format!("read RXDCTL[{n}] 0x02000000"),
            format!("write RDH[{n}] 0x00000000"),
            format!("write RDT[{n}] 0x000000ff"),
        ];
        assert_order(&trace, &receive.each_ref().map(String::as_str));
        let transmit = [
            format!("write TDH[{n}] 0x00000000"),
            format!("write TDT[{n}] 0x00000000"),
            format!("write TXDCTL[{n}] 0x02040824"),
            format!("read TXDCTL[{n}] 0x02040824"),
        ];
        assert_order(&trace, &transmit.each_ref().map(String::as_str));
    }
}

#[test]
fn promiscuous_mode_and_the_link_come_last() {
    let trace = trace(&Setup::default());
    let [.., fctrl, links] = &trace[..] else {
        panic!("a trace of {} lines", trace.len());
    };
    assert_eq!(fctrl, "write FCTRL 0x00000700");
    assert_eq!(links, "read LINKS 0xf0000000");
}

#[test]
fn rings_do_not_share_an_address() {
    let trace = trace(&Setup::default().with_rings(4, 64));
    let mut bases: Vec<_> = trace
        .iter()
        .filter(|line| line.starts_with("write RDBAL"))
        .chain(trace.iter().filter(|line| line.starts_with("write TDBAL")))
        .filter_map(|line| line.rsplit(' ').next())
        .collect();
    bases.sort_unstable();
    bases.dedup();
    assert_eq!(bases.len(), 8);
}

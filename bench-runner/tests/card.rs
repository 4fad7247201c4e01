//! Commands with real cards, on machines that have none.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Addresses that no machine has cards at.
const NOWHERE: [&str; 2] = ["ffff:ff:1f.6", "ffff:ff:1f.7"];

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench-runner"))
        .args(arguments)
        .output()
        .expect("the program starts")
}

/// The line and the exit code that a command is refused with.
fn refusal(arguments: &[&str]) -> (String, Option<i32>) {
    let output = run(arguments);
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    (said, output.status.code())
}

#[test]
fn a_card_that_is_not_there_is_refused_in_a_line() {
    let pair = NOWHERE.join(",");
    let [first, second] = NOWHERE;
    for command in [&["sweep", "--nic", &pair][..], &["forward", first, second]]
    {
        let (line, code) = refusal(command);
        assert!(line.contains("ffff:ff:1f.6: no such PCI device"), "{line}");
        assert!(line.contains("lspci -D"), "{line}");
        assert_eq!(code, Some(4));
    }
}

#[test]
fn what_is_no_pair_of_ports_is_refused_in_a_line() {
    let pair = NOWHERE.join(",");
    let cases: [(&[&str], &str); 6] = [
        (&["sweep", "--nic", "eth0"], "name two ports"),
        (&["sweep", "--nic", "eth0,eth1"], "is no PCI address"),
        (&["sweep", "--nic", &pair, "--rate", "1M"], "--rate is for the"),
        (&["sweep", "--nic", &pair, "--generator", &pair], "name four ports"),
        (&["forward", NOWHERE[0]], "2 values required"),
        (&["forward", NOWHERE[0], "../.."], "is no PCI address"),
    ];
    for (arguments, hint) in cases {
        let (line, code) = refusal(arguments);
        assert!(line.contains(hint), "{line}");
        assert_eq!(code, Some(2), "{line}");
    }
}

#[test]
fn commands_that_know_the_model_alone_say_so() {
    let pair = NOWHERE.join(",");
    let commands: [&[&str]; 3] = [
        &["latency", "--variant", "baseline", "--nic", &pair],
        &["ndr", "--variant", "baseline", "--nic", &pair],
        &["check", "--nic", &pair],
    ];
    for arguments in commands {
        let (line, code) = refusal(arguments);
        assert!(line.contains("knows the model alone"), "{line}");
        assert_eq!(code, Some(2), "{line}");
    }
}

/// A port of an 82599 in a slot of four lanes.
fn port(root: &Path, address: &str) {
    let folder = root.join("sys/bus/pci/devices").join(address);
    fs::create_dir_all(&folder).expect("a folder");
    let mut config = [0; 64];
    config[..4].copy_from_slice(&[0x86, 0x80, 0xFB, 0x10]);
    config[0x0B] = 0x02;
    fs::write(folder.join("config"), config).expect("a file");
    for (name, text) in [
        ("current_link_speed", "5.0 GT/s PCIe\n"),
        ("current_link_width", "4\n"),
        ("max_link_speed", "5.0 GT/s PCIe\n"),
        ("max_link_width", "8\n"),
        ("numa_node", "-1\n"),
    ] {
        fs::write(folder.join(name), text).expect("a file");
    }
}

#[test]
fn doctor_says_what_is_wrong_with_a_card_and_what_to_cable() {
    let tree = TempDir::new().expect("a folder");
    NOWHERE.iter().for_each(|address| port(tree.path(), address));
    let root = tree.path().to_str().expect("a name");
    let pair = NOWHERE.join(",");
    let output = run(&["doctor", "--root", root, "--nic", &pair]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("text");
    let wanted = "ffff:ff:1f.6: 4 lanes at 5 GT/s of 8 lanes at 5 GT/s";
    assert!(text.contains(wanted), "{text}");
    assert!(text.contains("a slot with 8 lanes at 5 GT/s"), "{text}");
    assert!(text.contains("cable: one port of the generator to ffff:ff:1f.6"));
    let output = run(&["doctor", "--root", root, "--nic", &pair, "--json"]);
    let json: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("JSON");
    let conditions = json["conditions"].as_array().expect("a list");
    let slots = conditions.iter().filter(|c| c["name"] == "card slot");
    assert!(slots.clone().all(|slot| slot["grade"] == "poor"), "{json}");
    assert_eq!(slots.count(), 2);
    assert_eq!(json["cables"].as_array().map(Vec::len), Some(2));
}

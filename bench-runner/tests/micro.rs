//! Kernels without a driver, timed and counted by whole commands.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

fn micro(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench-runner"));
    command.arg("micro").args(line.split_whitespace());
    command
}

fn bench_runner(line: &str) -> Output {
    micro(line).output().expect("the program starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn json(line: &str) -> Value {
    let output = bench_runner(line);
    assert!(output.status.success(), "{line}: {}", stderr(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// A number of a kernel, by the kernel's name.
#[track_caller]
fn number(counted: &Value, name: &str, what: &str) -> f64 {
    let all = counted["counted"].as_array().expect("counts");
    let kernel = all.iter().find(|kernel| kernel["name"] == name);
    let kernel = kernel.unwrap_or_else(|| panic!("no {name} in {counted}"));
    kernel[what].as_f64().expect("a number")
}

fn has_valgrind() -> bool {
    let found = Command::new("valgrind").arg("--version").output().is_ok();
    if !found {
        eprintln!("SKIPPED: no valgrind to count with");
    }
    found
}

#[test]
fn a_unit_of_work_is_the_same_on_lists_of_any_length() {
    if !has_valgrind() {
        return;
    }
    let names = "walks/in-order/chase/16KiB walks/in-order/chase/128KiB \
                 walks/in-order/chase/10000-cells walks/shuffled/chase/16KiB \
                 walks/in-order/speculate4/10000-cells \
                 allocation/young/heap/two allocation/young/heap/two-hashed";
    let counted = json(&format!("{names} --count"));
    let lists = [
        ("walks/in-order/chase/16KiB", 1024.0),
        ("walks/in-order/chase/128KiB", 8192.0),
        ("walks/in-order/chase/10000-cells", 10_000.0),
        ("walks/shuffled/chase/16KiB", 1024.0),
    ];
    let each = number(&counted, "walks/in-order/chase/16KiB", "instructions");
    assert!((4.0..100.0).contains(&each), "{each}");
    for (name, cells) in lists {
        assert_eq!(number(&counted, name, "elements"), cells);
        // Exactly, and with nothing of what a call costs by itself.
        assert_eq!(number(&counted, name, "instructions"), each, "{name}");
        assert_eq!(number(&counted, name, "library_instructions"), 0.0);
        assert!(number(&counted, name, "branches") >= 1.0, "{name}");
    }
    // A second block is a second call of the allocator.
    let allocator = |name: &str| {
        let name = format!("allocation/young/heap/{name}");
        number(&counted, &name, "library_instructions")
    };
    assert!(allocator("two") > 10.0);
    assert_eq!(allocator("two-hashed"), 2.0 * allocator("two"));
}

#[test]
fn kernels_are_timed_side_by_side() {
    let line = "walks/in-order/chase/16KiB int32/set-get/word --rounds 3 \
                --processes 3";
    let timed = json(line);
    assert_eq!(timed["processes"], 3);
    let all = timed["timed"].as_array().expect("times");
    let names: Vec<_> = all.iter().map(|kernel| &kernel["name"]).collect();
    assert_eq!(names, ["walks/in-order/chase/16KiB", "int32/set-get/word"]);
    for kernel in all {
        for unit in ["ns", "cycles"] {
            let value = kernel[unit][0].as_f64().expect("a value");
            let [low, high] = [0, 1].map(|end| &kernel[unit][1][end]);
            let (low, high) = (low.as_f64(), high.as_f64());
            assert!(value > 0.0, "{kernel}");
            assert!(low <= Some(value) && Some(value) <= high, "{kernel}");
        }
    }
}

#[test]
fn an_unknown_kernel_gets_one_line() {
    let output = bench_runner("walks/in-order/chase/16kB");
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("nearest is walks/in-order/chase/16KiB"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn an_interruption_ends_a_measurement_and_its_process() {
    let line = "walks/in-order/chase/16KiB --rounds 1000000 --processes 2";
    let mut command = micro(line);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let parent = command.spawn().expect("the program starts");
    let children = format!("/proc/{0}/task/{0}/children", parent.id());
    let child = loop {
        std::thread::sleep(Duration::from_millis(20));
        let found = std::fs::read_to_string(&children).unwrap_or_default();
        if let Some(child) = found.split_whitespace().next() {
            break child.to_owned();
        }
    };
    let pid = Pid::from_child(&parent);
    kill_process(pid, Signal::INT).expect("it runs");
    let output = parent.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    let gone = !std::path::Path::new("/proc").join(&child).exists();
    assert!(gone, "process {child} is left");
}

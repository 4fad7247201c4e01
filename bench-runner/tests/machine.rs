//! `tune`, `restore` and `doctor` on trees that stand in for machines.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

#[allow(dead_code, reason = "the library's tests use the rest of it")]
#[path = "../src/environment/fixture/tree.rs"]
mod tree;

use tree::Tree;

const STATE: &str = "run/ringside/settings.json";
const PAGES: &str = "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";

/// A name and a tree of each kind of machine on which there is work to do.
fn machines() -> Vec<(&'static str, Tree)> {
    vec![
        ("no cpufreq", Tree::no_cpufreq()),
        ("intel_pstate", Tree::intel_pstate()),
        ("acpi-cpufreq", Tree::acpi_cpufreq()),
        ("amd-pstate", Tree::amd_pstate()),
        ("half offline", Tree::half_offline()),
    ]
}

/// Every file of a tree with its content, in order.
fn content(tree: &Tree) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![tree.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let entry = entry.expect("an entry");
            let kind = entry.file_type().expect("a kind");
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                let bytes = fs::read(entry.path()).expect("readable");
                found.push((entry.path(), bytes));
            }
        }
    }
    found.sort();
    found
}

fn command(tree: &Tree, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench-runner"));
    command.args(line.split_whitespace()).arg("--root").arg(tree.path());
    command
}

fn bench_runner(tree: &Tree, line: &str) -> Output {
    command(tree, line).output().expect("the program starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn succeeds(tree: &Tree, line: &str) -> String {
    let output = bench_runner(tree, line);
    assert!(output.status.success(), "{line}: {}", stderr(&output));
    stdout(&output)
}

#[track_caller]
fn refuses(tree: &Tree, line: &str, code: i32, words: &str) {
    let output = bench_runner(tree, line);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{line}: {said}");
    assert_eq!(said.lines().count(), 1, "{line}: {said}");
    assert!(said.contains(words), "{line}: {said}");
}

#[track_caller]
fn value(tree: &Tree, file: &str) -> String {
    let text = fs::read_to_string(tree.path().join(file)).expect("a file");
    text.trim().to_owned()
}

#[test]
fn every_machine_is_set_and_put_back_to_the_byte() {
    for (name, tree) in machines() {
        let before = content(&tree);
        let said = succeeds(&tree, "tune");
        assert!(said.contains("restore puts it back"), "{name}: {said}");
        assert_ne!(content(&tree), before, "{name}");
        assert_eq!(value(&tree, PAGES), "64", "{name}");
        // All that is wanted is there, so a second look finds no work.
        let again = succeeds(&tree, "tune");
        assert!(!again.contains(" set "), "{name}: {again}");
        succeeds(&tree, "restore");
        assert_eq!(content(&tree), before, "{name}");
    }
}

#[test]
fn each_machine_is_set_in_its_own_way() {
    let cpu = "sys/devices/system/cpu";
    for (name, tree) in machines() {
        let said = succeeds(&tree, "tune --core 1");
        let policy =
            |file: &str| value(&tree, &format!("{cpu}/cpufreq/policy1/{file}"));
        if name == "no cpufreq" {
            assert!(said.contains("chain of additions"), "{said}");
            continue;
        }
        assert_eq!(policy("scaling_governor"), "performance", "{name}");
        assert_eq!(
            policy("scaling_min_freq"),
            policy("scaling_max_freq"),
            "{name}"
        );
        match name {
            "acpi-cpufreq" => {
                assert_eq!(value(&tree, &format!("{cpu}/cpufreq/boost")), "0");
                assert_eq!(policy("scaling_max_freq"), "2300000");
            }
            "amd-pstate" => {
                assert_eq!(policy("boost"), "0");
                assert_eq!(policy("scaling_max_freq"), "3200000");
            }
            _ => {
                let file = format!("{cpu}/intel_pstate/no_turbo");
                assert_eq!(value(&tree, &file), "1");
                assert_eq!(policy("scaling_max_freq"), "2400000");
            }
        }
    }
}

#[test]
fn a_dry_run_changes_nothing_and_says_what_it_would() {
    for (name, tree) in machines() {
        let before = content(&tree);
        let said = succeeds(&tree, "tune --dry-run");
        assert!(said.contains("would set"), "{name}: {said}");
        assert_eq!(content(&tree), before, "{name}");
        assert!(!tree.path().join("run").exists(), "{name}");
    }
}

/// How `tune` or `restore` is made to end, and as what it then ends.
fn ended_as(output: &Output, how: &str) -> bool {
    let status = output.status;
    match how {
        "kill" => status.signal() == Some(9),
        "panic" => status.code() == Some(101),
        _ => status.code() == Some(130),
    }
}

#[test]
fn after_an_end_between_any_two_writes_everything_is_put_back() {
    for how in ["interrupt", "panic", "kill"] {
        for (name, tree) in machines() {
            let before = content(&tree);
            let mut ends = 0;
            for n in 1.. {
                let output =
                    bench_runner(&tree, &format!("tune --stop {n}:{how}"));
                let done = output.status.success();
                ends += u32::from(!done);
                let said = stderr(&output);
                assert!(done || ended_as(&output, how), "{name} {n} {said}");
                let said = succeeds(&tree, "restore");
                assert_eq!(content(&tree), before, "{name} {n}:{how} {said}");
                if done {
                    break;
                }
            }
            // Twice for the state file, then once for each setting; who is
            // interrupted behind the last one has nothing left to stop.
            assert!(ends >= 5, "{name} {how}: {ends}");
        }
    }
}

#[test]
fn a_restore_that_is_killed_between_any_two_writes_is_taken_up_again() {
    let tree = Tree::amd_pstate();
    let before = content(&tree);
    for n in 1.. {
        succeeds(&tree, "tune");
        let output = bench_runner(&tree, &format!("restore --stop {n}:kill"));
        let done = output.status.success();
        assert!(done || ended_as(&output, "kill"), "{n}");
        succeeds(&tree, "restore");
        assert_eq!(content(&tree), before, "{n}");
        if done {
            assert!(n > 10, "{n}");
            break;
        }
    }
}

#[test]
fn a_restore_is_not_stopped_by_ctrl_c() {
    let tree = Tree::intel_pstate();
    let before = content(&tree);
    succeeds(&tree, "tune");
    succeeds(&tree, "restore --stop 3:interrupt");
    assert_eq!(content(&tree), before);
}

#[test]
fn killed_or_interrupted_from_outside_at_any_moment_everything_is_put_back() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let tree = Tree::acpi_cpufreq();
    let before = content(&tree);
    for turn in 0..40 {
        let mut child = command(&tree, "tune")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        std::thread::sleep(Duration::from_micros(rng.u64(0..12_000)));
        let signal = if rng.bool() { Signal::KILL } else { Signal::INT };
        let pid = Pid::from_child(&child);
        // It is waited for below, so the number is still its own.
        let _ = kill_process(pid, signal);
        child.wait().expect("it ends");
        succeeds(&tree, "restore");
        assert_eq!(content(&tree), before, "turn {turn} of seed {seed}");
    }
}

#[test]
fn a_second_tune_keeps_the_oldest_values() {
    let tree = Tree::intel_pstate();
    let before = content(&tree);
    succeeds(&tree, "tune --core 3 --huge-pages 64");
    succeeds(&tree, "tune --core 2 --huge-pages 128");
    assert_eq!(value(&tree, PAGES), "128");
    succeeds(&tree, "restore");
    assert_eq!(content(&tree), before);
}

#[test]
fn a_state_file_that_cannot_be_trusted_is_refused_and_nothing_is_touched() {
    let tree = Tree::intel_pstate();
    succeeds(&tree, "tune");
    let path = tree.path().join(STATE);
    let whole = fs::read_to_string(&path).expect("a state");
    let json: Value = serde_json::from_str(&whole).expect("JSON");
    let with = |change: fn(&mut Value)| {
        let mut json = json.clone();
        change(&mut json);
        json.to_string()
    };
    let elsewhere = with(|json| json["root"] = "/elsewhere".into());
    for (text, words) in [
        (whole[..whole.len() / 2].to_owned(), "is damaged"),
        (String::new(), "is damaged"),
        ("{\"name\": \"something else\"}".to_owned(), "not by tune"),
        (with(|json| json["format"] = "version 9".into()), "another version"),
        (elsewhere, "is of /elsewhere"),
        (
            with(|json| json["files"][0]["file"] = "etc/passwd".into()),
            "etc/passwd",
        ),
        (
            with(|json| {
                json["files"][0]["file"] = "proc/irq/../../etc/passwd".into();
            }),
            "never changes",
        ),
    ] {
        fs::write(&path, &text).expect("written");
        let before = content(&tree);
        refuses(&tree, "restore", 2, words);
        refuses(&tree, "tune --huge-pages 100", 2, words);
        assert_eq!(content(&tree), before, "{words}");
    }
}

#[test]
fn a_state_of_an_earlier_boot_is_said_and_dropped() {
    let tree = Tree::intel_pstate();
    succeeds(&tree, "tune");
    tree.file("proc/sys/kernel/random/boot_id", "another\n");
    let tuned = value(&tree, PAGES);
    let said = succeeds(&tree, "restore");
    assert!(said.contains("earlier boot"), "{said}");
    assert!(!tree.path().join(STATE).exists());
    assert_eq!(value(&tree, PAGES), tuned);

    let before = content(&tree);
    succeeds(&tree, "tune --huge-pages 100");
    tree.file("proc/sys/kernel/random/boot_id", "a third\n");
    let output = bench_runner(&tree, "tune --huge-pages 200");
    assert!(stderr(&output).contains("earlier boot"), "{}", stderr(&output));
    succeeds(&tree, "restore");
    assert_eq!(value(&tree, PAGES), "100");
    assert_eq!(content(&tree).len(), before.len());
}

#[test]
fn what_is_gone_meanwhile_is_no_obstacle() {
    let tree = Tree::intel_pstate();
    succeeds(&tree, "tune");
    tree.remove("proc/irq/9/smp_affinity_list");
    let output = bench_runner(&tree, "restore");
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("1 of the files"), "{}", stderr(&output));
    assert!(!tree.path().join(STATE).exists());
}

#[test]
fn restore_without_a_tune_has_nothing_to_do() {
    let tree = Tree::intel_pstate();
    let before = content(&tree);
    let said = succeeds(&tree, "restore");
    assert!(said.contains("nothing to put back"), "{said}");
    assert_eq!(content(&tree), before);
}

#[test]
fn the_state_file_may_lie_elsewhere() {
    let tree = Tree::intel_pstate();
    let before = content(&tree);
    let path = tree.path().join("kept.json");
    let there = path.to_str().expect("plain");
    succeeds(&tree, &format!("tune --state {there}"));
    assert!(path.exists() && !tree.path().join("run").exists());
    succeeds(&tree, &format!("restore --state {there}"));
    assert_eq!(content(&tree), before);
}

#[test]
fn two_at_once_do_not_mix() {
    let tree = Tree::intel_pstate();
    succeeds(&tree, "tune");
    let folder = tree.path().join("run/ringside");
    let lock = fs::File::open(folder).expect("the folder");
    lock.try_lock().expect("it is free");
    refuses(&tree, "restore", 2, "another tune or restore");
    refuses(&tree, "tune --huge-pages 99", 2, "another tune or restore");
}

#[test]
fn mistakes_get_one_line() {
    let tree = Tree::half_offline();
    let before = content(&tree);
    refuses(&tree, "tune --core 3", 2, "core 3 is not available");
    refuses(&tree, "tune --model-core 9", 2, "may use cores 0-1");
    refuses(&tree, "tune --huge-pages many", 2, "many");
    refuses(&tree, "tune --stop soon", 2, "3:kill");
    refuses(&tree, "doctor --core 9999", 2, "core 9999 is not available");
    assert_eq!(content(&tree), before);
}

#[test]
fn doctor_grades_every_machine_for_people_and_programs() {
    for (name, tree) in machines() {
        let before = content(&tree);
        let said = succeeds(&tree, "doctor");
        let json = succeeds(&tree, "doctor --json");
        let json: Value = serde_json::from_str(&json).expect("JSON");
        let conditions = json["conditions"].as_array().expect("a list");
        assert_eq!(conditions.len(), 20, "{name}");
        for condition in conditions {
            let name = condition["name"].as_str().expect("a name");
            assert!(said.contains(name), "{name} in {said}");
            let grade = condition["grade"].as_str().expect("a grade");
            let known = ["good", "fair", "poor", "unknown"];
            assert!(known.contains(&grade), "{condition}");
        }
        assert!(json["claims"]["line"].is_string(), "{json}");
        let last = said.lines().last().expect("a line");
        assert!(last.contains("this machine carries"), "{last}");
        assert_eq!(content(&tree), before, "{name}");
    }
}

#[test]
fn doctor_needs_neither_rights_nor_a_second_core() {
    let program = env!("CARGO_BIN_EXE_bench-runner");
    let first = bench_runner::affinity::allowed_cores()[0].to_string();
    let output = Command::new("taskset")
        .args(["-c", &first, program, "doctor", "--json"])
        .output();
    let Ok(output) = output else {
        println!("skipped: no taskset here");
        return;
    };
    assert!(output.status.success(), "{}", stderr(&output));
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(json["other_core"].is_null(), "{json}");
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn on_a_read_only_system_nothing_is_set_and_the_reason_is_named() {
    let tree = Tree::intel_pstate();
    let before = content(&tree);
    let script = "mount --bind \"$1/sys\" \"$1/sys\" && \
                  mount -o remount,ro,bind \"$1/sys\" || exit 99; \
                  exec \"$0\" tune --root \"$1\"";
    let output = Command::new("unshare")
        .args(["-m", "sh", "-c", script, env!("CARGO_BIN_EXE_bench-runner")])
        .arg(tree.path())
        .output();
    let Ok(output) = output else {
        println!("skipped: no unshare here");
        return;
    };
    let said = stderr(&output);
    if !said.contains("bench-runner") {
        println!("skipped: nothing can be mounted here: {said}");
        return;
    }
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("not in a container"), "{said}");
    // The interrupts lie below proc, were set, and are put back.
    succeeds(&tree, "restore");
    assert_eq!(content(&tree), before);
}

#[test]
fn without_permission_nothing_is_set_and_root_is_advised() {
    let tree = Tree::intel_pstate();
    let before = content(&tree);
    let state = std::env::temp_dir()
        .join(format!("ringside-nobody-{}", std::process::id()));
    if !is_root() {
        println!("skipped: only root can become another user");
        return;
    }
    fs::create_dir_all(&state).expect("a folder");
    std::os::unix::fs::chown(&state, Some(65534), Some(65534))
        .expect("root may");
    // The program may lie where only root can reach it.
    let program = state.join("bench-runner");
    fs::copy(env!("CARGO_BIN_EXE_bench-runner"), &program).expect("a copy");
    let run = |more: &[&Path]| {
        Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&program)
            .args(["tune", "--root"])
            .arg(tree.path())
            .args(more)
            .output()
    };
    let kept = state.join("settings.json");
    let (bare, named) = (run(&[]), run(&[Path::new("--state"), &kept]));
    let left = kept.exists();
    fs::remove_dir_all(&state).expect("removed");
    let (Ok(bare), Ok(named)) = (bare, named) else {
        println!("skipped: no setpriv here");
        return;
    };
    for output in [bare, named] {
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(4), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("run as root"), "{said}");
    }
    assert!(!left, "nothing was set, so nothing is to be put back");
    assert_eq!(content(&tree), before);
}

//! `ndr` as a user types it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use bench_runner::affinity;
use bench_runner::load::Time;
use bench_runner::ndr::record::{FILE, Record};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench-runner"));
    command.arg("ndr");
    command
}

/// Runs `ndr` with arguments that are separated by spaces.
fn ndr(arguments: &str) -> Output {
    let words = arguments.split_whitespace();
    command().args(words).output().expect("the program starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn read(folder: &Path) -> Value {
    let text = fs::read_to_string(folder.join("ndr.json")).expect("a file");
    serde_json::from_str(&text).expect("JSON")
}

/// The lower bound of a row's goal.
fn lower(report: &Value, row: usize, goal: usize) -> f64 {
    let goal = &report["rows"][row]["goals"][goal];
    goal["lower_bound"].as_f64().expect("a bound")
}

#[test]
fn a_dear_variant_has_a_lower_ndr_and_pdr_is_above_ndr() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = command()
        .args("--variant baseline,reg=boxed --frame 64,imix".split(' '))
        .args("--batch 8 --virtual --seconds 0.01 --out".split(' '))
        .arg(folder.path())
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{}", stderr(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("model Mpps") && text.contains("imix"), "{text}");
    let report = read(folder.path());
    assert_eq!(report["rows"].as_array().map(Vec::len), Some(4));
    for row in 0..4 {
        let row = &report["rows"][row];
        assert_eq!(row["end"], "complete");
        for goal in row["goals"].as_array().expect("goals") {
            assert_eq!(goal["shape"], "regular");
            let number = |name: &str| goal[name].as_f64().expect("a number");
            assert!(number("lower_bound") < number("upper_bound"));
            let rate = number("conditional_throughput");
            assert!(rate <= number("lower_bound"), "{goal}");
        }
    }
    for frames in [0, 2] {
        let [baseline, boxed] = [frames, frames + 1];
        assert!(lower(&report, baseline, 0) > 2.0 * lower(&report, boxed, 0));
        assert!(lower(&report, baseline, 1) >= lower(&report, baseline, 0));
    }
    for chart in ["ndr-64-8.svg", "ndr-imix-8.svg"] {
        let svg = fs::read_to_string(folder.path().join("plots").join(chart));
        assert!(svg.expect("a chart").contains("Model NDR"));
    }
    // The file is read as strictly as it is written.
    let text = fs::read_to_string(folder.path().join(FILE)).expect("a file");
    let record: Record = serde_json::from_str(&text).expect("a record");
    assert_eq!(record.text(), text);
    assert_eq!(record.search.sum_seconds, 0.21);
    // What is there is not overwritten.
    let again = command()
        .args("--variant baseline --virtual --out".split(' '))
        .arg(folder.path())
        .output()
        .expect("the program starts");
    assert_eq!(again.status.code(), Some(2));
    assert_eq!(read(folder.path()), report);
}

#[test]
fn json_is_what_the_file_would_be() {
    let output = ndr("--variant baseline --batch 4 --seconds 0.01 --virtual \
                      --loss 0 --json");
    assert!(output.status.success(), "{}", stderr(&output));
    let record: Record =
        serde_json::from_slice(&output.stdout).expect("a record");
    let [goal] = &record.rows[0].goals[..] else { panic!("{record:?}") };
    assert_eq!(goal.name, "NDR");
}

#[test]
fn a_mistake_is_one_line() {
    for (arguments, said) in [
        ("--variant baseline --virtual --model-core 0", "--virtual"),
        ("--variant reg=boxd --virtual", "reg=boxed"),
        ("--variant floor=null --virtual", "forwards nothing"),
        ("--variant baseline --virtual --batch 0", "batch size 0"),
        ("--variant baseline --virtual --batch 8,0", "batch size 0"),
        ("--variant baseline --virtual --core 9999", "core 9999"),
        ("--variant baseline --virtual --batch 449", "batch size 449"),
        ("--variant baseline --virtual --frame 63", "imix"),
        ("--variant baseline --virtual --loss 100%", "share"),
        ("--variant baseline --virtual --width 0", "width"),
        ("--variant baseline --virtual --seconds 0", "--seconds"),
        ("--variant baseline --virtual --seconds nan", "--seconds"),
        ("--virtual", "--variant"),
    ] {
        let output = ndr(arguments);
        let line = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {line}");
        assert!(line.contains(said), "{arguments}: {line}");
        assert_eq!(line.trim_end().lines().count(), 1, "{line}");
        assert!(output.stdout.is_empty());
    }
}

/// On one core there is but a line.
fn is_alone(output: &Output) -> bool {
    if affinity::allowed_cores().len() > 1 {
        return false;
    }
    let line = stderr(output);
    assert_eq!(output.status.code(), Some(2), "{line}");
    assert!(line.contains("--virtual works on one"), "{line}");
    assert_eq!(line.trim_end().lines().count(), 1, "{line}");
    true
}

#[test]
fn on_the_wall_clock_it_says_so_everywhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = command()
        .args("--variant baseline --seconds 0.01 --loss 0.5% --out".split(' '))
        .arg(folder.path())
        .output()
        .expect("the program starts");
    if is_alone(&output) {
        return;
    }
    // A busy machine may leave a search without an answer.
    let said = stderr(&output);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{said}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("Model NDR"), "{text}");
    assert!(text.contains("on the wall clock"), "{text}");
    let text = fs::read_to_string(folder.path().join(FILE)).expect("a file");
    let record: Record = serde_json::from_str(&text).expect("a record");
    assert_eq!(record.search.time, Time::Wall);
    assert!(record.search.model_core.is_some());
    assert_eq!((record.search.replays, record.search.ghz), (None, None));
    let [row] = &record.rows[..] else { panic!("{text}") };
    assert!(row.trials >= 3, "{text}");
    let late = row.late_trials.expect("a number");
    assert!(late <= row.trials, "{text}");
    let notes = record.warnings.iter().filter(|n| n.contains("was late"));
    assert_eq!(notes.count(), usize::from(late > 0), "{text}");
    let [goal] = &row.goals[..] else { panic!("{text}") };
    assert_eq!(goal.name, "PDR 0.5%");
    if let (Some(low), Some(high)) = (goal.lower_bound, goal.upper_bound) {
        assert!(low < high, "{text}");
    }
    let chart = folder.path().join("plots/ndr-64-32.svg");
    let svg = fs::read_to_string(chart).expect("a chart");
    assert!(svg.contains("Model NDR on the wall clock"));
}

#[test]
fn interrupted_on_the_wall_clock_it_keeps_its_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = command()
        .args("--variant baseline,reg=boxed,batch=list,reg=bytes".split(' '))
        .args("--seconds 0.01 --loss 10% --width 10% --out".split(' '))
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let file = folder.path().join(FILE);
    let begun = Instant::now();
    while !file.exists() && begun.elapsed() < Duration::from_secs(300) {
        if child.try_wait().expect("a child").is_some() {
            break;
        }
        sleep(Duration::from_millis(5));
    }
    let pid = Pid::from_raw(child.id() as i32).expect("a process");
    // It may have ended already.
    let _ = kill_process(pid, Signal::INT);
    let output = child.wait_with_output().expect("it ends");
    if is_alone(&output) {
        return;
    }
    let said = stderr(&output);
    assert!(matches!(output.status.code(), Some(0 | 3 | 130)), "{said}");
    let text = fs::read_to_string(file).expect("a file");
    let record: Record = serde_json::from_str(&text).expect("a record");
    assert!(!record.rows.is_empty());
    if output.status.code() == Some(130) {
        assert!(said.contains("stopped"), "{said}");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("on the wall clock"), "{text}");
    }
}

#[test]
fn lines_over_frame_sizes_have_the_line_rate_beside_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = command()
        .args("--variant baseline --frame 64,1518 --batch 4".split(' '))
        .args("--virtual --seconds 0.01 --loss 0 --out".split(' '))
        .arg(folder.path())
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{}", stderr(&output));
    let plots = folder.path().join("plots");
    let svg = fs::read_to_string(plots.join("ndr-sizes-4.svg"));
    let svg = svg.expect("a chart");
    for words in ["baseline", "line rate of two 10 Gbit/s ports"] {
        assert!(svg.contains(words), "{words} in {svg}");
    }
    assert_eq!(fs::read_dir(plots).expect("charts").count(), 1);
}

#[test]
fn interrupted_before_there_is_an_answer_it_leaves_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let child = command()
        .args("--variant baseline --batch 448 --virtual --out".split(' '))
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // From when the folder is taken an interruption is waited for.
    let begun = Instant::now();
    while !folder.path().join(".lock").exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no start");
        sleep(Duration::from_millis(5));
    }
    let child_id = Pid::from_child(&child);
    kill_process(child_id, Signal::INT).expect("it still runs");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    assert!(output.stdout.is_empty() && !folder.path().join(FILE).exists());
}

#[test]
fn an_interrupted_search_keeps_what_was_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let child = command()
        .args("--variant baseline,reg=boxed,reg=bytes --batch 16".split(' '))
        .args("--frame 64,imix --virtual --seconds 0.1 --out".split(' '))
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let begun = Instant::now();
    while !folder.path().join("ndr.json").exists() {
        assert!(begun.elapsed() < Duration::from_secs(120), "no result");
        sleep(Duration::from_millis(5));
    }
    let child_id = Pid::from_child(&child);
    kill_process(child_id, Signal::INT).expect("it still runs");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    let report = read(folder.path());
    let rows = report["rows"].as_array().expect("rows");
    assert!((1..6).contains(&rows.len()), "{}", rows.len());
    assert_eq!(rows[0]["end"], "complete");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("baseline"), "{text}");
    let names = fs::read_dir(folder.path()).expect("a folder").flatten();
    for name in names.map(|entry| entry.file_name()) {
        assert!(!name.to_string_lossy().contains("partial"), "{name:?}");
    }
}

//! `reproduce` as a user types it.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use bench_runner::reproduce::record::{FILE, Record};
use rustix::process::{Pid, Signal, kill_process};

fn reproduce(arguments: &str, folder: Option<&Path>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench-runner"));
    command.arg("reproduce").args(arguments.split_whitespace());
    if let Some(folder) = folder {
        command.arg("--out").arg(folder);
    }
    command.output().expect("the program starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The one line of a refusal.
fn refusal(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[test]
fn every_figure_is_listed() {
    let output = reproduce("--list", None);
    assert!(output.status.success());
    let text = stdout(&output);
    for id in ["F1", "F2", "F5", "F9", "F12", "T1", "S1", "S6"] {
        let is_row = |line: &str| line.starts_with(&format!("{id} "));
        assert_eq!(text.lines().filter(|l| is_row(l)).count(), 1, "{text}");
    }
}

#[test]
fn a_figure_that_nobody_published_is_told_from_the_others() {
    let line = refusal(&reproduce("F77", None));
    assert!(line.contains("F77") && line.contains("F1, F2"), "{line}");
    let line = refusal(&reproduce("", None));
    assert!(line.contains("FIGURE") || line.contains("--list"), "{line}");
    let line = refusal(&reproduce("--resume", None));
    assert!(line.contains("--out"), "{line}");
}

#[test]
fn a_figure_has_a_page_a_chart_and_its_samples() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    let output = reproduce("f11 --quick --seed 7", Some(place));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(stdout(&output).contains("F11: Prefetch"), "{said}");

    let record = Record::load(place).expect("a record");
    assert!(record.is_finished());
    let figure = &record.figures[0];
    let how: Vec<_> = figure.ways.iter().map(|way| &*way.how).collect();
    assert!(how[0].contains("modelled doorbell"), "{how:?}");
    assert!(how[1].contains("lockstep"), "{how:?}");
    for way in &figure.ways {
        let [panel] = &way.panels[..] else { panic!("{way:?}") };
        assert_eq!(panel.series.len(), 3);
        for series in &panel.series {
            assert_eq!(series.points.len(), 9, "{}", series.name);
            assert!(series.points.iter().all(|p| p.y > 0.0));
        }
    }
    let page = fs::read_to_string(place.join("F11.md")).expect("a page");
    for part in ["**Published.**", "**Here.**", "## Numbers", "## Sources"] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let index = fs::read_to_string(place.join("README.md")).expect("a page");
    assert!(index.contains("[F11](F11.md)"), "{index}");
    for way in ["doorbell", "lockstep"] {
        let chart = place.join("plots").join(format!("F11-{way}.svg"));
        let svg = fs::read_to_string(chart).expect("a chart");
        assert!(svg.contains("Rust with prefetch (published)"));
        assert!(place.join("samples").join(way).join("run.json").exists());
    }

    // Nothing is written over what is there.
    let line = refusal(&reproduce("F11 --quick", Some(place)));
    assert!(line.contains("reproduction.json already"), "{line}");

    // One that was stopped goes on with the samples that there are.
    let stopped = Record { figures: Vec::new(), ..record.clone() };
    fs::write(place.join(FILE), stopped.text()).expect("written");
    let output = reproduce("--resume", Some(place));
    assert!(output.status.success());
    let again = Record::load(place).expect("a record");
    assert_eq!(again.figures, record.figures);
}

#[test]
fn kernels_stand_for_lists_in_ocaml() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = reproduce("S2 --quick", Some(folder.path()));
    assert!(output.status.success(), "{}", stdout(&output));
    let record = Record::load(folder.path()).expect("a record");
    let way = &record.figures[0].ways[0];
    let subjects: Vec<_> =
        way.panels[0].series.iter().map(|s| &*s.subject).collect();
    let kernel = |walk: &str| format!("walks/in-order/{walk}/10000-cells");
    let all = ["chase", "speculate", "speculate4"].map(kernel);
    assert_eq!(subjects, all);
}

#[test]
fn a_record_of_another_version_or_kind_is_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    for (text, word) in [
        ("", "empty"),
        ("{\"schema\": 99}", "newer"),
        ("{\"schema\": 1, \"command\": \"x\"", "cut off"),
        ("{\"schema\": 1, \"comand\": \"x\"}", "comand"),
    ] {
        fs::write(folder.path().join(FILE), text).expect("written");
        let line = refusal(&reproduce("--resume", Some(folder.path())));
        assert!(line.contains(word) && line.contains(FILE), "{line}");
    }
}

#[test]
fn what_was_stopped_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = Command::new(env!("CARGO_BIN_EXE_bench-runner"))
        .args(["reproduce", "F9", "--quick", "--out"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let samples = folder.path().join("samples/doorbell/run.json");
    let since = Instant::now();
    while !samples.exists() && since.elapsed() < Duration::from_secs(60) {
        sleep(Duration::from_millis(10));
    }
    let pid = Pid::from_raw(child.id() as i32).expect("a process");
    // It may have ended; then there is nothing to go on with.
    let _ = kill_process(pid, Signal::INT);
    let mut said = String::new();
    let mut stderr = child.stderr.take().expect("a pipe");
    stderr.read_to_string(&mut said).expect("text");
    let status = child.wait().expect("an end");
    assert_eq!(status.code(), Some(130), "{said}");
    assert!(said.contains("reproduce --resume --out"), "{said}");
    let output = reproduce("--resume", Some(folder.path()));
    assert!(output.status.success());
    assert!(Record::load(folder.path()).expect("a record").is_finished());
}

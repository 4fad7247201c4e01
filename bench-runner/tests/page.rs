//! `report` as a user types it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

use bench_runner::results::{Cell, Round, Run};
use tempfile::TempDir;

/// A small part of a recorded run.
fn run() -> Run {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../results/2026-11-21-amd-epyc-2");
    let mut run = Run::load(&recorded).expect("a recorded run");
    let few = ["baseline", "reg=boxed", "batch=arena", "walk=speculate"];
    let is_kept = |cell: &Cell| {
        let Cell { variant, batch, .. } = cell;
        few.contains(&&**variant) && [1, 32].contains(batch)
    };
    let kept: Vec<_> = run.cells.iter().map(is_kept).collect();
    fn filter<T: Clone>(all: &mut Vec<T>, kept: &[bool]) {
        let mut kept = kept.iter();
        all.retain(|_| kept.next() == Some(&true));
    }
    filter(&mut run.cells, &kept);
    for Round { ticks, device_ticks, .. } in
        run.processes.iter_mut().flat_map(|p| &mut p.rounds)
    {
        filter(ticks, &kept);
        device_ticks.iter_mut().for_each(|ticks| filter(ticks, &kept));
    }
    run
}

/// A folder with a small run.
fn recorded() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    run().save(folder.path()).expect("saved");
    folder
}

fn report(words: &[&str], at: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench-runner"))
        .arg("report")
        .args(words)
        .current_dir(at)
        .output()
        .expect("the program starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn read(path: PathBuf) -> String {
    fs::read_to_string(path).expect("a page")
}

#[test]
fn a_page_has_the_answer_the_code_and_the_environment() {
    let folder = recorded();
    let output = report(&["."], folder.path());
    assert!(output.status.success(), "{}", stderr(&output));
    let page = read(folder.path().join("report.html"));
    for words in [
        "At batch size 32, <code>reg=boxed</code> takes <strong>×12.86",
        "How does a 32-bit device word travel?",
        "Code of <code>walk=speculate</code>",
        "no cpufreq",
        "How it was measured",
        "bench-runner sweep",
        "git checkout dce0cd98fd",
    ] {
        assert!(page.contains(words), "{words}");
    }
    // The same again, byte for byte, wherever it goes.
    let other = folder.path().join("elsewhere.html");
    let output = report(&[".", "--out", "elsewhere.html"], folder.path());
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(read(other), page);
}

#[test]
fn without_a_name_it_is_the_newest_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let results = folder.path().join("results");
    let mut run = run();
    for (name, started) in [("b-old", "2025"), ("a-new", "2027")] {
        run.started = format!("{started}-01-01T00:00:00Z");
        run.save(&results.join(name)).expect("saved");
    }
    let output = report(&[], folder.path());
    assert!(output.status.success(), "{}", stderr(&output));
    let page = read(results.join("a-new/report.html"));
    assert!(page.contains("2027-01-01"));
    assert!(!results.join("b-old/report.html").exists());
    // A folder of runs is their history.
    let output = report(&["results"], folder.path());
    assert!(output.status.success(), "{}", stderr(&output));
    let page = read(results.join("report.html"));
    assert!(page.contains("id=\"history\"") && page.contains("2 runs"));
    fs::remove_dir_all(&results).expect("removed");
    let output = report(&[], folder.path());
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stderr(&output).lines().count(), 1);
}

#[test]
fn a_bad_file_is_one_line_with_place_and_remedy() {
    let folder = recorded();
    let good = read(folder.path().join("run.json"));
    let newer = good.replacen("\"schema\": 1", "\"schema\": 99", 1);
    let renamed = good.replacen("\"tick_hz\"", "\"tick_mhz\"", 1);
    let strange = good.replacen("\"rounds\": 120", "\"rounds\": true", 1);
    for (name, text, field, remedy) in [
        ("cut", &good[..good.len() / 2], "cut off", "measure again"),
        ("renamed", &renamed, "`tick_mhz`", "measure again"),
        ("strange", &strange, "boolean", "measure again"),
        ("newer", &newer, "schema 99", "update bench-runner"),
        ("empty", "", "empty", "measure again"),
        ("foreign", "PK\u{3}\u{4}", "not JSON", "run.json"),
        ("other", "{\"a\": 1}", "`schema`", "run.json"),
    ] {
        assert_ne!(text, good, "{name}");
        let place = folder.path().join(name);
        fs::create_dir(&place).expect("a folder");
        fs::write(place.join("run.json"), text).expect("written");
        let output = report(&[name], folder.path());
        let line = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{name}: {line}");
        assert_eq!(line.lines().count(), 1, "{line}");
        for word in [&*format!("{name}/run.json"), field, remedy] {
            assert!(line.contains(word), "{word} in {line}");
        }
        assert!(output.stdout.is_empty());
        let left = fs::read_dir(&place).expect("a folder").count();
        assert_eq!(left, 1, "{name}");
    }
    let output = report(&["nowhere"], folder.path());
    assert_eq!(output.status.code(), Some(2));
    let line = stderr(&output);
    assert!(line.contains("nowhere: no such file"), "{line}");
    let output = report(&[".", "--out", "no/where.html"], folder.path());
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no/where.html"));
}

#[test]
fn names_that_are_markup_are_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut run = run();
    for cell in &mut run.cells {
        if cell.variant == "reg=boxed" {
            cell.variant = "<script>alert(1)</script>".to_owned();
        }
    }
    run.warnings.push("</script><img src=x>".to_owned());
    run.save(folder.path()).expect("saved");
    let output = report(&["."], folder.path());
    assert!(output.status.success(), "{}", stderr(&output));
    let page = read(folder.path().join("report.html"));
    assert_eq!(page.matches("<script").count(), 1);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(!page.contains("<img"));
}

/// 60 variants at nine batch sizes with 960 samples each: how large the page
/// is and how long it takes.
#[test]
#[ignore = "measures the release build: ./ci.sh pages"]
fn a_large_run_is_a_small_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../results/2026-11-21-amd-epyc-2");
    let mut run = Run::load(&recorded).expect("a recorded run");
    let names = run.cells.iter().map(|cell| cell.variant.clone());
    let more = 60 - names.collect::<BTreeSet<_>>().len();
    let model: Vec<_> = (0..run.cells.len())
        .filter(|place| run.cells[*place].variant == "batch=vec")
        .collect();
    for number in 0..more {
        for &place in &model {
            let mut cell = run.cells[place].clone();
            cell.variant = format!("axis{}=answer{number}", number % 3);
            run.cells.push(cell);
        }
    }
    for Round { ticks, device_ticks, .. } in
        run.processes.iter_mut().flat_map(|p| &mut p.rounds)
    {
        for _ in 0..more {
            for &place in &model {
                ticks.push(ticks[place] + 1);
                if let Some(device) = device_ticks {
                    device.push(device[place]);
                }
            }
        }
    }
    run.save(folder.path()).expect("saved");
    let began = Instant::now();
    let output = report(&["."], folder.path());
    let took = began.elapsed();
    assert!(output.status.success(), "{}", stderr(&output));
    let page = fs::metadata(folder.path().join("report.html"));
    let bytes = page.expect("a page").len();
    eprintln!(
        "60 variants, {} cells: {:.2} s, {bytes} bytes",
        run.cells.len(),
        took.as_secs_f64()
    );
    assert!(bytes < 3_000_000, "{bytes}");
}

/// 10,000 small runs: how long their history takes.
#[test]
#[ignore = "measures the release build: ./ci.sh pages"]
fn a_long_history_is_a_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut run = run();
    for process in &mut run.processes {
        process.rounds.truncate(16);
    }
    run.setup.rounds = 16;
    for number in 0..10_000_u32 {
        let (day, minute) = (number / 100 % 28 + 1, number % 100);
        run.started = format!(
            "20{:02}-01-{day:02}T{:02}:{:02}:00Z",
            10 + number / 2800,
            minute / 60,
            minute % 60
        );
        let at = folder.path().join(format!("run-{number}"));
        fs::create_dir(&at).expect("a folder");
        let text = serde_json::to_string(&run).expect("JSON");
        fs::write(at.join("run.json"), text).expect("written");
    }
    let began = Instant::now();
    let output = report(&["."], folder.path());
    assert!(output.status.success(), "{}", stderr(&output));
    eprintln!("10000 runs: {:.2} s", began.elapsed().as_secs_f64());
    let page = read(folder.path().join("report.html"));
    assert!(page.contains("10000 runs of the newest run's"));
    assert!(page.len() < 3_000_000, "{}", page.len());
}

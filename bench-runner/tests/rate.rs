//! `sweep` and `run` at a rate, as a user types them. On one core there is
//! but a line.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use bench_runner::affinity;
use bench_runner::load::Rate;
use bench_runner::results::Run;

/// Runs a command line; words are separated by spaces, `@` is the folder.
fn bench_runner(line: &str, folder: &Path) -> Output {
    let words = line.split_whitespace().map(|word| match word {
        "@" => folder.as_os_str().to_owned(),
        word => word.into(),
    });
    Command::new(env!("CARGO_BIN_EXE_bench-runner"))
        .args(words)
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn refused(line: &str, folder: &Path, hint: &str) {
    let output = bench_runner(line, folder);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{line}: {said}");
    assert_eq!(said.lines().count(), 1, "{line}: {said}");
    assert!(said.contains(hint), "{line}: {said}");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_sweep_at_a_rate_says_so_everywhere_and_is_resumed_with_it() {
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = scratch.path().join("run");
    let line = "sweep --placement threaded --rate line --variants reg=boxed \
                --batch 8,32 --processes 2 --rounds 4 --out @";
    let output = bench_runner(line, &folder);
    if affinity::allowed_cores().len() < 2 {
        assert_eq!(output.status.code(), Some(4));
        return;
    }
    assert!(output.status.success(), "{}", text(&output.stderr));
    let run = Run::load(&folder).expect("a run");
    assert_eq!(run.setup.rate, Some(Rate::Line));
    let rounds = run.processes.iter().flat_map(|p| &p.rounds);
    let shares: Vec<_> =
        rounds.flat_map(|r| r.in_time.clone().expect("shares")).collect();
    assert_eq!(shares.len(), 2 * 4 * run.cells.len());
    assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)));
    let table = text(&output.stdout);
    assert!(table.contains("line rate offered, 29.76 Mpps"), "{table}");
    let chart = fs::read_to_string(folder.join("plots/throughput-reg.svg"));
    let chart = chart.expect("a chart");
    assert!(chart.contains("line rate offered, 29.76 Mpps with equal gaps"));

    // The last process anew.
    let mut part = run.clone();
    part.processes.truncate(1);
    part.save(&folder).expect("written");
    let resume = "sweep --resume --out @";
    refused(&format!("{resume} --rate 20M"), &folder, "begun with --rate line");
    refused(&format!("{resume} --rate none"), &folder, "leave out --rate");
    let output = bench_runner(resume, &folder);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let again = Run::load(&folder).expect("a run");
    assert_eq!(again.setup, run.setup);
    assert!(again.is_finished());
    let late = again.warnings.iter().filter(|w| w.contains("bottleneck"));
    assert!(late.count() <= 1, "{:?}", again.warnings);
}

#[test]
fn a_run_at_a_rate_that_nobody_can_offer_says_who_was_the_bottleneck() {
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = scratch.path().join("run");
    let line = "run --placement threaded --rate 1000M --variant reg=boxed \
                --processes 1 --rounds 4 --out @";
    let output = bench_runner(line, &folder);
    if affinity::allowed_cores().len() < 2 {
        assert_eq!(output.status.code(), Some(4));
        return;
    }
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("note: the tester was the bottleneck"), "{said}");
    let table = text(&output.stdout);
    assert!(table.contains("1000 Mpps offered"), "{table}");
    assert!(table.contains("°: less than 99.9 %"), "{table}");
}

#[test]
fn what_cannot_be_offered_is_one_line() {
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = scratch.path().join("run");
    for command in ["run --variant reg=boxed", "sweep --quick"] {
        let line = format!("{command} --out @");
        refused(&format!("{line} --rate line"), &folder, "only in threads");
        refused(&format!("{line} --rate 50%"), &folder, "such as 20M");
        refused(&format!("{line} --rate fast"), &folder, "line");
        if affinity::allowed_cores().len() < 2 {
            continue;
        }
        let line = format!("{line} --placement threaded --rate");
        refused(&format!("{line} 1"), &folder, "10752 packets/s or more");
        let tx = format!("{line} line --workload tx");
        refused(&tx, &folder, "receives nothing");
    }
    assert!(!folder.exists());
}

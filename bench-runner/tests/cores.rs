//! Several cores that forward, as a user asks for them. Whatever machine this
//! runs on: it takes as many as there are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bench_runner::affinity;
use bench_runner::results::Run;

/// A folder for one test, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let id = std::process::id();
        let path = std::env::temp_dir().join(format!("ringside-{id}-{name}"));
        fs::create_dir_all(&path).expect("a folder for temporary files");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

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

/// As many cores as the machine has and one more, of which all forward but
/// one.
fn all_cores() -> (String, Vec<u32>) {
    let allowed = affinity::allowed_cores();
    let more = allowed.iter().max().expect("a core") + 1;
    let asked = allowed.iter().chain([&more]).take(4);
    let names: Vec<_> = asked.map(u32::to_string).collect();
    (names.join(","), allowed)
}

/// Whether there are two cores; else there is but a line.
fn is_possible(output: &Output, allowed: &[u32]) -> bool {
    if allowed.len() > 1 {
        assert!(output.status.success(), "{}", text(&output.stderr));
        return true;
    }
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output.stderr).contains("needs two cores"));
    false
}

#[test]
fn a_sweep_measures_one_core_two_and_so_on_and_says_why_there_are_no_more() {
    let scratch = Scratch::new("sweep-cores");
    let folder = scratch.0.join("run");
    let (names, allowed) = all_cores();
    let line = format!(
        "sweep --placement threaded --cores {names} --variants \
         reg=boxed,floor=lean --batch 8,32 --processes 1 --rounds 4 --out @"
    );
    let output = bench_runner(&line, &folder);
    if !is_possible(&output, &allowed) {
        return;
    }
    let run = Run::load(&folder).expect("a run");
    let most = names.split(',').count().min(allowed.len() - 1) as u16;
    let counts: Vec<_> = (1..=most).map(Some).collect();
    assert_eq!(run.core_counts(), counts);
    assert_eq!(run.setup.cores.len(), usize::from(most));
    assert!(!run.setup.cores.contains(&run.setup.model_core));
    // Baseline, variant and copy at both batch sizes.
    assert_eq!(run.cells.len(), usize::from(most) * 3 * 2);
    assert!(run.is_finished());
    let said = text(&output.stderr);
    assert!(said.contains("without floor=lean, for one queue"), "{said}");
    if allowed.len() < names.split(',').count() + 1 {
        let wanted = format!(
            "note: {} cores: one polls as the card, so {}",
            allowed.len(),
            match most {
                1 => "one forwards".to_owned(),
                n => format!("{n} forward"),
            }
        );
        assert!(said.contains(&wanted), "{said}");
        assert!(run.warnings.iter().any(|w| wanted.contains(w)));
    }
    let table = text(&output.stdout);
    assert!(table.contains("Forwarding on 1 core"), "{table}");
    assert_eq!(table.contains("Mpps over cores"), most > 1, "{table}");
    let chart = folder.join("plots/scaling-batch-32.svg");
    assert_eq!(chart.exists(), most > 1);

    // The samples say all of it again.
    let again = bench_runner("reanalyse @", &folder);
    assert!(again.status.success(), "{}", text(&again.stderr));
}

#[test]
fn run_takes_all_cores_and_may_have_more_queues() {
    let scratch = Scratch::new("run-cores");
    let folder = scratch.0.join("run");
    let (names, allowed) = all_cores();
    let line = format!(
        "run --placement threaded --cores {names} --queues 5 --variant \
         buffer=refcount --ring 128 --processes 1 --rounds 2 --out @"
    );
    let output = bench_runner(&line, &folder);
    if !is_possible(&output, &allowed) {
        return;
    }
    let run = Run::load(&folder).expect("a run");
    let most = names.split(',').count().min(allowed.len() - 1) as u16;
    assert_eq!(run.core_counts(), [Some(most)]);
    assert_eq!(run.setup.queues, Some(5));
    let table = text(&output.stdout);
    assert!(table.contains("5 queues per port and direction"), "{table}");
}

#[test]
fn what_cannot_be_spread_over_cores_is_one_line() {
    let scratch = Scratch::new("no-cores");
    let folder = scratch.0.join("run");
    let first = affinity::allowed_cores()[0];
    let run = "run --variant reg=boxed --out @";
    for (more, hint) in [
        (format!("--cores {first}"), "--placement threaded"),
        (format!("--core {first} --cores {first}"), "--core"),
        ("--queues 2".to_owned(), "--cores"),
        ("--split".to_owned(), "--placement threaded"),
        (format!("--split --core {first}"), "--core"),
        ("--cores x".to_owned(), "'x'"),
    ] {
        refused(&format!("{run} {more}"), &folder, hint);
    }
    if affinity::allowed_cores().len() < 2 {
        return;
    }
    let many: Vec<_> = (0..17).map(|n| n.to_string()).collect();
    for (more, hint) in [
        (format!("--cores {first},{first}"), "named twice"),
        (format!("--cores {}", many.join(",")), "at most 16"),
        (format!("--cores {first},9999 --queues 1"), "from 2"),
        (format!("--cores {first} --queues 17"), "to 16"),
        (format!("--cores {first} --workload rx"), "--workload rx"),
        ("--cores 9999".to_owned(), "core 9999 is not available"),
    ] {
        let line = format!("{run} --placement threaded {more}");
        refused(&line, &folder, hint);
    }
    let line = "sweep --placement threaded --variants dispatch=dyn --cores";
    let line = format!("{line} {first} --out @");
    refused(&line, &folder, "dispatch=dyn cannot run it");
}

#[test]
fn split_measures_two_cores_or_says_that_there_are_too_few() {
    let scratch = Scratch::new("split");
    let folder = scratch.0.join("run");
    let line = "run --placement threaded --split --variant reg=boxed \
                --processes 1 --rounds 2 --out @";
    let output = bench_runner(line, &folder);
    let said = text(&output.stderr);
    if affinity::allowed_cores().len() < 3 {
        assert_eq!(output.status.code(), Some(4), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("--split needs three cores"), "{said}");
        assert!(!folder.exists());
        return;
    }
    assert!(output.status.success(), "{said}");
    let run = Run::load(&folder).expect("a run");
    assert!(run.setup.split && run.core_counts() == [Some(2)]);
    assert!(text(&output.stdout).contains("another one sends them"));
    let one = line.replace("reg=boxed", "buffer=arc");
    refused(&one, &scratch.0.join("none"), "buffer=arc cannot be split");
}

fn refused(line: &str, folder: &Path, hint: &str) {
    let output = bench_runner(line, folder);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{line}: {said}");
    assert_eq!(said.lines().count(), 1, "{line}: {said}");
    assert!(said.contains(hint), "{line}: {said}");
    assert!(!folder.exists(), "{line} made a folder");
}

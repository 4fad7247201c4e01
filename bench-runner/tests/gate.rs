//! `baseline` and `check` as people run them: what is kept, what is refused,
//! and how a check ends.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A store with a baseline of this program, of one cell.
struct Gate {
    place: TempDir,
}

impl Gate {
    fn empty() -> Self {
        Self { place: tempfile::tempdir().expect("a folder") }
    }

    fn with_baseline() -> Self {
        let gate = Self::empty();
        let output = gate.save("main", "");
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        gate
    }

    fn save(&self, name: &str, more: &str) -> Output {
        self.run(&format!(
            "baseline save --name {name} --tier timing --links 1 --seconds 30 \
             --variants baseline --batch 32 {more}"
        ))
    }

    /// A check of times alone, of this program as it is.
    fn check(&self, more: &str) -> Output {
        self.run(&format!(
            "check --tier timing,environment --links 1 --seconds 30 {more}"
        ))
    }

    fn run(&self, line: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_bench-runner"))
            .args(line.split_whitespace())
            .env("RINGSIDE_STORE", self.place.path().join("store"))
            .env_remove("GITHUB_ACTIONS")
            .current_dir(self.place.path())
            .output()
            .expect("the program starts")
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.place.path().join("store/main").join(name)
    }

    /// Changes what is said of the baseline.
    fn change(&self, change: impl FnOnce(&mut Value)) {
        let path = self.file("baseline.json");
        let text = fs::read_to_string(&path).expect("a manifest");
        let mut manifest = serde_json::from_str(&text).expect("JSON");
        change(&mut manifest);
        fs::write(&path, manifest.to_string()).expect("written");
    }

    /// What the store holds, with the size of each file.
    fn content(&self) -> Vec<(std::path::PathBuf, u64)> {
        fn collect(path: &Path, all: &mut Vec<(std::path::PathBuf, u64)>) {
            for entry in fs::read_dir(path).expect("a folder").flatten() {
                match entry.path() {
                    path if path.is_dir() => collect(&path, all),
                    path => all
                        .push((path, entry.metadata().expect("a file").len())),
                }
            }
        }
        let mut all = Vec::new();
        collect(&self.place.path().join("store"), &mut all);
        all.sort();
        all
    }

    /// Has to fail with one line and leave the baseline as it is.
    fn refused(&self, line: &str, code: i32, words: &[&str]) {
        let before = self.content();
        let output = self.run(line);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        for word in words {
            assert!(said.contains(word), "{word}: {said}");
        }
        assert_eq!(self.content(), before);
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const CHECK: &str = "check --against main --tier timing --links 1";

#[test]
fn a_baseline_is_saved_shown_and_listed_and_makes_way_only_by_force() {
    let gate = Gate::with_baseline();
    let output = gate.run("baseline show main --json");
    let shown: Value =
        serde_json::from_slice(&output.stdout).expect("valid JSON");
    assert_eq!(shown["usable"], "usable here");
    assert_eq!(shown["cells"][0]["cell"]["variant"], "baseline");
    let values = shown["cells"][0]["over_reference"].as_array();
    assert!(values.is_some_and(|values| values.len() >= 6), "{shown}");
    let text = printed(&gate.run("baseline show"));
    assert!(text.contains("usable here"), "{text}");

    let output = gate.save("main", "");
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("--force"), "{}", said(&output));
    let first = fs::read(gate.file("baseline.json")).expect("there");

    let output = gate.save("main", "--force");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("the former one is kept"));
    assert_ne!(fs::read(gate.file("baseline.json")).expect("new"), first);
    let listed = gate.run("baseline list --json");
    let listed: Value =
        serde_json::from_slice(&listed.stdout).expect("valid JSON");
    let names: Vec<_> =
        (0..2).map(|i| listed[i]["name"].as_str().unwrap_or("")).collect();
    assert_eq!(names[0], "main");
    assert!(names[1].starts_with("main@20"), "{names:?}");
    let former = gate.file("..").join(names[1]).join("baseline.json");
    assert_eq!(fs::read(former).expect("kept"), first);
    // The former one can be checked against, by its name.
    let output = gate.run(&format!("baseline show {}", names[1]));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn a_program_is_not_slower_than_itself() {
    let gate = Gate::with_baseline();
    let output = gate.check("--out out --history history");
    let code = output.status.code();
    assert!(matches!(code, Some(0 | 3 | 4)), "{}", said(&output));
    let out = gate.place.path().join("out");
    let read = |name: &str| fs::read_to_string(out.join(name)).expect(name);
    let record: Value =
        serde_json::from_str(&read("check.json")).expect("JSON");
    let word = record["verdict"].as_str().expect("a word");
    let wanted = match code {
        Some(0) => "fine",
        Some(3) => "inconclusive",
        _ => "environment",
    };
    assert_eq!(word, wanted);
    let time = &record["cells"][0]["time"];
    let effect = time["effect"].as_f64().expect("a number");
    let interval = [0, 1].map(|end| time["interval"][end].as_f64());
    let interval = interval.map(|end| end.expect("a number"));
    assert!(interval[0] <= effect && effect <= interval[1], "{time}");
    assert!(read("junit.xml").contains("<testcase"));
    assert!(read("summary.md").contains(word));
    assert!(out.join("first/run.json").is_file());
    let place = gate.place.path().join("history");
    let lines: Vec<_> = fs::read_dir(place)
        .expect("a history")
        .flatten()
        .filter(|file| file.path().extension().is_some_and(|e| e == "jsonl"))
        .map(|file| fs::read_to_string(file.path()).expect("text"))
        .collect();
    assert_eq!(lines.len(), 1);
    let line: Value = serde_json::from_str(lines[0].trim()).expect("a line");
    assert!(line["cells"][0]["ratio"].as_f64().is_some_and(|r| r > 0.0));
    let output = gate.run("trend history");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));

    // What is there is not written over.
    let output = gate.check("--out out");
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("check.json"), "{}", said(&output));
}

#[test]
fn a_baseline_that_cannot_be_used_is_one_line_and_stays_as_it_is() {
    let gate = Gate::with_baseline();
    gate.refused(
        "check --against nobody",
        2,
        &["no baseline nobody", "there are main", "baseline save"],
    );
    gate.refused("check --against ../main", 2, &["is no name"]);

    let manifest = gate.file("baseline.json");
    let whole = fs::read(&manifest).expect("a manifest");
    for half in [0, 1, whole.len() / 2, whole.len() - 3] {
        fs::write(&manifest, &whole[..half]).expect("written");
        gate.refused(CHECK, 2, &["main is damaged", "--force"]);
    }
    type Change = fn(&mut Value);
    let changes: [(Change, i32, &str); 8] = [
        (|m| m["schema"] = json!(99), 2, "newer bench-runner"),
        (|m| m["schema"] = json!(0), 2, "damaged"),
        (|m| m["cells"] = json!([]), 2, "damaged"),
        (
            |m| m["programs"][0]["file"] = json!("../../sh"),
            2,
            "is no file of it",
        ),
        (
            |m| m["build"]["apparatus"] = json!("another"),
            4,
            "the apparatus changed",
        ),
        (
            |m| m["build"]["target"] = json!("aarch64-unknown-linux-gnu"),
            4,
            "built for aarch64",
        ),
        (
            |m| m["build"]["flags"] = json!(["-Ctarget-cpu=znver4"]),
            4,
            "built otherwise: with -Ctarget-cpu=znver4",
        ),
        (
            |m| m["fingerprint"]["cpu"] = json!("Another CPU"),
            4,
            "another machine, and times of two are not compared: CPU Another",
        ),
    ];
    for (change, code, words) in changes {
        fs::write(&manifest, &whole).expect("written");
        gate.change(change);
        gate.refused(CHECK, code, &[words]);
    }
    fs::write(&manifest, &whole).expect("written");
    gate.refused(
        &format!("{CHECK} --variants reg=boxed"),
        2,
        &["none of these cells"],
    );
    gate.refused("check --tier environment", 2, &["--tier timing"]);
    gate.refused("check --links 2", 2, &["from 3 to 16, or 1"]);
    gate.refused("check --limit 0.1%", 2, &["margin"]);

    let program = gate.file("bench-runner");
    let bytes = fs::read(&program).expect("a program");
    fs::write(&program, &bytes[..bytes.len() / 2]).expect("written");
    gate.refused(CHECK, 2, &["damaged", "SHA-256"]);
    fs::remove_file(&program).expect("gone");
    gate.refused(CHECK, 2, &["damaged", "No such file"]);
}

#[test]
fn what_cannot_be_saved_leaves_nothing_behind() {
    let gate = Gate::empty();
    for (line, words) in [
        ("baseline save --name a/b", "is no name"),
        ("baseline save --name main@then", "took the place of"),
        ("baseline save --variants reg=boxd", "reg=boxed"),
        ("baseline save --batch 0", "batch size 0"),
        ("baseline save --links 17", "--links 17"),
        ("baseline save --tier fast", "counts, timing"),
    ] {
        let output = gate.run(line);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.lines().count() == 1 && said.contains(words), "{said}");
    }
    let store = gate.place.path().join("store");
    let left = fs::read_dir(store).map_or(0, Iterator::count);
    assert_eq!(left, 0);
    let text = printed(&gate.run("baseline list"));
    assert!(text.starts_with("No baselines"), "{text}");
}

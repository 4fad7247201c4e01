//! `bisect` as a whole, on commits whose programs are a script: a stand-in for
//! cargo puts it where a build would be, and it says what the commit's file
//! `state` has.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const CARGO: &str = r#"#!/bin/sh
case $1 in
metadata) echo "{\"target_directory\": \"$PWD/target\"}" ;;
build)
    if [ "$(cat state)" = broken ]; then
        echo "error: it does not build" >&2
        exit 101
    fi
    echo build >>"$LOG"
    mkdir -p "$CARGO_TARGET_DIR/release"
    cp program "$CARGO_TARGET_DIR/release/bench-runner"
    ;;
esac
"#;

const PROGRAM: &str = r#"#!/bin/sh
state=$(cat state)
case "$state $1" in
"old "*) exit 2 ;;
esac
[ "$2" = --help ] && exit 0
[ "$1" = baseline ] && exit 0
echo "check $state $*" >>"$LOG"
while [ $# -gt 0 ]; do
    [ "$1" = --out ] && out=$2
    shift
done
mkdir -p "$out"
case $state in
fine) verdict=fine cell=fine code=0 ;;
slow) verdict=regression cell=slower code=1 ;;
noise) verdict=inconclusive cell=inconclusive code=3 ;;
moved) echo "bench-runner: the apparatus changed" >&2; exit 4 ;;
mistake) echo "bench-runner: no such thing" >&2; exit 2 ;;
stop) kill -INT "$PPID"; exec sleep 20 ;;
esac
cat >"$out/check.json" <<JSON
{"schema": 1, "verdict": "$verdict", "line": "all of it is $state", "cells": [
    {"variant": "batch=vec", "batch": 32, "verdict": "$cell",
     "line": "batch=vec is $state", "cause": "a push more"},
    {"variant": "baseline", "batch": 32, "verdict": "fine", "line": "fine"}]}
JSON
exit $code
"#;

/// A checkout with a commit per state, and a folder for what comes of it.
struct Scratch {
    place: TempDir,
}

impl Scratch {
    fn new(states: &[&str]) -> Self {
        let scratch = Self { place: tempfile::tempdir().unwrap() };
        let top = scratch.path("checkout");
        fs::create_dir_all(scratch.path("bin")).unwrap();
        fs::create_dir_all(&top).unwrap();
        put(&scratch.path("bin").join("cargo"), CARGO);
        put(&top.join("program"), PROGRAM);
        scratch.git(&["init", "--quiet"]);
        for (number, state) in states.iter().enumerate() {
            fs::write(top.join("state"), state).unwrap();
            fs::write(top.join("number"), number.to_string()).unwrap();
            scratch.git(&["add", "--all"]);
            let message = format!("number {number}");
            scratch.git(&["commit", "--quiet", "-m", &message]);
        }
        scratch
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.place.path().join(name)
    }

    fn git(&self, words: &[&str]) -> String {
        let mut git = Command::new("git");
        git.arg("-C").arg(self.path("checkout"));
        git.args(["-c", "user.name=A", "-c", "user.email=a@b.example"]);
        let output = git.args(words).output().unwrap();
        assert!(output.status.success(), "{words:?} {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn bisect(&self, words: &[&str]) -> Output {
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", self.path("bin").display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_bench-runner"));
        command.current_dir(self.path("checkout"));
        command.env("PATH", path).env("LOG", self.path("log"));
        command.env("GIT_CEILING_DIRECTORIES", self.place.path());
        command.arg("bisect").args(words);
        command.arg("--out").arg(self.path("out"));
        command.output().unwrap()
    }

    fn log(&self, word: &str) -> usize {
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        log.lines().filter(|line| line.starts_with(word)).count()
    }

    /// Nothing of a bisection is left in the checkout.
    fn is_as_it_was(&self) {
        assert_eq!(self.git(&["status", "--porcelain"]), "");
        assert_eq!(self.git(&["worktree", "list"]).lines().count(), 1);
        assert_eq!(self.git(&["for-each-ref", "refs/bisect"]), "");
        assert!(!self.path("out/checkout").exists());
    }
}

fn put(path: &Path, script: &str) {
    fs::write(path, script).unwrap();
    let all = fs::Permissions::from_mode(0o755);
    fs::set_permissions(path, all).unwrap();
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

fn last_line(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    said.lines().next_back().unwrap_or_default().to_owned()
}

const TEN: [&str; 10] = [
    "fine", "fine", "fine", "fine", "fine", "fine", "slow", "slow", "slow",
    "slow",
];

#[test]
fn the_slow_one_of_ten_commits_is_found_and_a_second_call_builds_nothing() {
    let scratch = Scratch::new(&TEN);
    fs::write(scratch.path("checkout/mine"), "mine").unwrap();
    fs::write(scratch.path("checkout/.git/info/exclude"), "mine\n").unwrap();
    let output = scratch.bisect(&["HEAD~9", "HEAD"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let (_, end) = text.split_once("first bad commit:").unwrap();
    assert!(end.contains("number 6"), "{text}");
    assert!(end.contains("batch=vec is slow"), "{text}");
    assert!(end.contains("a push more"), "{text}");
    scratch.is_as_it_was();
    assert!(scratch.path("checkout/mine").exists());
    // All cells of BAD, then only the slow one.
    let log = fs::read_to_string(scratch.path("log")).unwrap();
    let on_the_way = log.matches("--variants batch=vec --batch 32").count();
    assert_eq!(on_the_way, scratch.log("check") - 1, "{log}");

    let (builds, checks) = (scratch.log("build"), scratch.log("check"));
    assert!(builds <= 6, "{log}");
    let output = scratch.bisect(&["HEAD~9", "HEAD", "--json"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["first_bad"][0]["subject"], "number 6");
    assert_eq!(json["cells"][0]["variant"], "batch=vec");
    assert_eq!(scratch.log("build"), builds);
    assert_eq!(scratch.log("check"), checks);
}

#[test]
fn what_cannot_be_decided_is_skipped_and_all_that_is_left_is_named() {
    let mut states = TEN;
    (states[5], states[6], states[4]) = ("noise", "broken", "moved");
    let scratch = Scratch::new(&states);
    let output = scratch.bisect(&["HEAD~9", "HEAD"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(3), "{text}");
    for number in 4..=7 {
        assert!(text.contains(&format!("  number {number}\n")), "{text}");
    }
    assert!(last_line(&output).contains("any of 4 commits"), "{text}");
    scratch.is_as_it_was();
    // What was undecided is looked at again, and may be decided then.
    let checks = scratch.log("check");
    scratch.bisect(&["HEAD~9", "HEAD"]);
    assert!(scratch.log("check") > checks);
}

#[test]
fn where_nothing_is_slower_there_is_nothing_to_find() {
    for (state, code, line) in [
        ("fine", 3, "no slowdown between GOOD and BAD"),
        ("noise", 3, "inconclusive"),
        ("moved", 4, "the apparatus changed"),
        ("mistake", 2, "no such thing"),
        ("broken", 2, "BAD: it cannot be built: error: it does not build"),
        ("old", 2, "BAD: its program has no 'check'"),
    ] {
        let scratch = Scratch::new(&["fine", "fine", state]);
        let output = scratch.bisect(&["HEAD~2", "HEAD"]);
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        let last = last_line(&output);
        assert!(last.contains(line), "{last}");
        scratch.is_as_it_was();
    }
}

#[test]
fn a_good_commit_that_cannot_be_one_is_a_line() {
    for (state, line) in [
        ("broken", "GOOD: it cannot be built"),
        ("old", "GOOD: its program has no 'baseline'"),
    ] {
        let scratch = Scratch::new(&[state, "slow"]);
        let output = scratch.bisect(&["HEAD~1", "HEAD"]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        let last = last_line(&output);
        assert!(last.contains(line), "{last}");
        scratch.is_as_it_was();
    }
}

#[test]
fn mistakes_are_answered_in_one_line_before_anything_is_made() {
    let scratch = Scratch::new(&["fine", "slow"]);
    for (words, line) in [
        (["nobody", "HEAD"], "no commit 'nobody'"),
        (["HEAD", "HEAD~0"], "one commit"),
        (["HEAD", "HEAD~1"], "HEAD is no ancestor of HEAD~1"),
    ] {
        let output = scratch.bisect(&words);
        assert_eq!(output.status.code(), Some(2));
        let text = said(&output);
        assert!(text.contains(line) && text.lines().count() == 1, "{text}");
        assert!(!scratch.path("out").exists());
    }
    fs::remove_dir_all(scratch.path("checkout/.git")).unwrap();
    let output = scratch.bisect(&["HEAD~1", "HEAD"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("git checkout"), "{}", said(&output));
}

#[test]
fn an_interruption_keeps_what_is_known_and_leaves_no_work_tree() {
    let scratch = Scratch::new(&["fine", "fine", "stop", "slow", "slow"]);
    let output = scratch.bisect(&["HEAD~4", "HEAD"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(last_line(&output).contains("the same command goes on"), "{text}");
    scratch.is_as_it_was();
    let (builds, checks) = (scratch.log("build"), scratch.log("check"));
    let output = scratch.bisect(&["HEAD~4", "HEAD"]);
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(scratch.log("build"), builds, "all of them were built");
    assert_eq!(scratch.log("check"), checks + 1, "BAD is known");
}

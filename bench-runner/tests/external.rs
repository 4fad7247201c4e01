//! The command `external`, as a user types it: programs of their own that
//! forward, and such that misbehave. As root, with huge pages, on two cores.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bench_runner::affinity;
use rustix::process::{Pid, Signal, geteuid, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Free huge pages that the largest of the programs wants, and some.
const HUGE_PAGES: u64 = 24;

/// A short run.
const USUAL: [&str; 4] =
    ["--name mine", "--repeat 1", "--warmup 0.1", "--seconds 0.3"];

/// How long the kernel may take to end a namespace.
const PATIENCE: Duration = Duration::from_secs(10);

/// A folder with the programs, and what the machine was like before.
struct Stand {
    scratch: TempDir,
    before: State,
    /// Programs want a core for themselves.
    _alone: MutexGuard<'static, ()>,
}

/// What a program must not change.
#[derive(Debug, PartialEq, Eq)]
struct State {
    mounts: String,
    free_huge_pages: Option<u64>,
    /// Processes of the programs in the folder.
    processes: BTreeSet<u32>,
}

impl Stand {
    /// Where there is all that it takes; a line says what is missing.
    fn new() -> Option<Self> {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let compiler = Command::new("cc").arg("--version").output();
        let missing = if !geteuid().is_root() {
            "no root for namespaces"
        } else if affinity::allowed_cores().len() < 2 {
            "no second core"
        } else if free_huge_pages().unwrap_or(0) < HUGE_PAGES {
            "no free huge pages, try 'bench-runner tune --huge-pages 64'"
        } else if !compiler.is_ok_and(|output| output.status.success()) {
            "no C compiler"
        } else {
            let scratch = tempfile::tempdir().expect("a folder");
            let before = State::of(scratch.path());
            return Some(Self { scratch, before, _alone: alone });
        };
        eprintln!("SKIPPED: {missing}");
        None
    }

    /// A program of C, compiled as the head of its source says.
    fn compiled(&self, source: &str) -> PathBuf {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
        let name = source.file_stem().expect("a file");
        let program = self.scratch.path().join(name);
        let status = Command::new("cc")
            .args(["-O2", "-Werror=format", "-o"])
            .args([&program, &source])
            .status();
        assert!(status.expect("a compiler").success(), "{source:?}");
        program
    }

    fn forwarder(&self) -> PathBuf {
        self.compiled("../variants/external/forward.c")
    }

    fn misbehaving(&self) -> PathBuf {
        self.compiled("tests/external/misbehave.c")
    }

    /// `external` with a short run of these words.
    fn command(&self, options: &str, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bench-runner"));
        command.arg("external");
        for usual in USUAL {
            let (option, value) = usual.split_once(' ').expect("two words");
            if !options.contains(option) {
                command.args([option, value]);
            }
        }
        command
            .args(options.split_whitespace())
            .arg("--out")
            .arg(self.out())
            .arg("--")
            .args(words)
            .args(["{port0}", "{port1}"])
            .stdin(Stdio::null());
        command
    }

    fn out(&self) -> PathBuf {
        self.scratch.path().join("out")
    }

    /// Runs it to its end, after which all is as before.
    fn run(&self, options: &str, words: &[&str]) -> Output {
        let _ = fs::remove_dir_all(self.out());
        let output = self.command(options, words).output();
        let output = output.expect("the program starts");
        self.is_as_before();
        output
    }

    /// What the program said.
    fn log(&self) -> String {
        let log = fs::read_to_string(self.out().join("mine.log"));
        log.unwrap_or_default()
    }

    fn is_as_before(&self) {
        let begin = Instant::now();
        loop {
            let now = State::of(self.scratch.path());
            if now == self.before {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "{now:?}\n{:?}", self.before);
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl State {
    fn of(folder: &Path) -> Self {
        Self {
            mounts: fs::read_to_string("/proc/self/mounts").expect("mounts"),
            free_huge_pages: free_huge_pages(),
            processes: processes(folder),
        }
    }
}

fn free_huge_pages() -> Option<u64> {
    let path = "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages";
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Processes with the folder in their command lines, by their numbers.
fn processes(folder: &Path) -> BTreeSet<u32> {
    let folder = folder.to_str().expect("plain text");
    let entries = fs::read_dir("/proc").expect("processes").flatten();
    entries
        .filter_map(|entry| {
            let words = fs::read(entry.path().join("cmdline")).ok()?;
            let words = String::from_utf8_lossy(&words).into_owned();
            let is_one = words.contains(folder);
            entry.file_name().to_str()?.parse().ok().filter(|_| is_one)
        })
        .collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The numbers of a line, in order.
fn numbers(line: &str) -> Vec<u64> {
    let words = line.split(|c: char| !c.is_ascii_digit());
    words.filter_map(|word| word.parse().ok()).collect()
}

/// Frames that came in, that came back, and the rest, as told.
fn account(output: &Output) -> [u64; 3] {
    let stderr = text(&output.stderr);
    let line = stderr.lines().find(|line| line.contains("frames came in"));
    let line = line.unwrap_or_else(|| panic!("no account: {stderr}"));
    numbers(line)[..3].try_into().expect("three numbers")
}

/// Every frame is in the program's own counts and in the card's.
fn forwards(stand: &Stand, words: &[&str]) {
    let output = stand.run("", words);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let [came_in, came_back, rest] = account(&output);
    assert!(came_back > 0);
    assert_eq!(came_in, came_back + rest);
    let log = stand.log();
    let counts = log.lines().find(|line| line.starts_with("forwarded"));
    let counts = numbers(counts.expect("its counts"));
    let [one, two, dropped_one, dropped_two] = counts[..] else {
        panic!("{log}")
    };
    assert!(one > 0 && two > 0, "{log}");
    assert_eq!(one + two, came_back, "{log}");
    // What it had not looked at yet lies in the receive rings.
    let kept = rest - dropped_one - dropped_two;
    assert!(kept <= 2 * 512, "{kept}");

    let run = fs::read(stand.out().join("run.json")).expect("a record");
    let run: Value = serde_json::from_slice(&run).expect("JSON");
    assert_eq!(run["setup"]["placement"], "external");
    assert_eq!(run["cells"][0]["variant"], "mine");
    let rounds = &run["processes"][0]["rounds"];
    let rounds = rounds.as_array().expect("rounds");
    assert_eq!(rounds.len(), 2);
    let all: u64 =
        rounds.iter().filter_map(|round| round["forwarded"][0].as_u64()).sum();
    assert!(all > 0 && all <= came_back, "{all}");
    assert!(text(&output.stdout).contains("mine"));
}

#[test]
fn a_program_in_c_forwards_and_every_frame_is_checked() {
    let Some(stand) = Stand::new() else { return };
    let forwarder = stand.forwarder();
    let forwarder = forwarder.to_str().expect("plain text");
    forwards(&stand, &[forwarder]);
}

#[test]
fn a_program_in_python_forwards_and_every_frame_is_checked() {
    let Some(stand) = Stand::new() else { return };
    let python = Command::new("python3").arg("--version").output();
    if !python.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: no python3");
        return;
    }
    let program = "../variants/external/forward.py";
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(program);
    forwards(&stand, &[program.to_str().expect("plain text")]);
}

#[test]
fn programs_that_measure_nothing_are_told_in_a_line() {
    let Some(stand) = Stand::new() else { return };
    let program = stand.misbehaving();
    let program = program.to_str().expect("plain text");
    for (how, wanted) in [
        ("exit", "ended with exit code 3; its last line: no card of mine"),
        ("leave", "ended with exit code 0"),
        ("crash", "was ended by signal 11"),
        ("hang", "registers that have changed: none"),
        ("no-queue", "registers that have changed: AUTOC"),
        ("no-queue", "queue 0 is not started: receive of port 0"),
        ("wild", "DMA to 0x4"),
        ("wild", "no memory of the program is there"),
        ("private", "in a private mapping"),
        ("wrong", "frames were changed beyond addresses and byte 48"),
    ] {
        let output = stand.run("--patience 3", &[program, how]);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{how}: {stderr}");
        let lines: Vec<_> = stderr.lines().collect();
        assert_eq!(lines.len(), 1, "{how}: {stderr}");
        assert!(lines[0].contains(wanted), "{how}: {stderr}");
        assert!(lines[0].contains("mine"), "{how}: {stderr}");
    }
}

#[test]
fn registers_are_logged_where_that_is_asked_for() {
    let Some(stand) = Stand::new() else { return };
    let program = stand.misbehaving();
    let program = program.to_str().expect("plain text");
    stand.run("--patience 3 --log-registers", &[program, "no-queue"]);
    let log = fs::read_to_string(stand.out().join("mine.registers.log"));
    let log = log.expect("a log");
    assert!(log.contains("port 0  AUTOC"), "{log}");
    assert!(!log.contains("RXDCTL"), "{log}");
}

#[test]
fn what_a_program_starts_ends_with_it() {
    let Some(stand) = Stand::new() else { return };
    let program = stand.misbehaving();
    let program = program.to_str().expect("plain text");
    let output = stand.run("", &[program, "family"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(account(&output)[1] > 0);
}

#[test]
fn memory_is_found_whatever_holds_it() {
    let Some(stand) = Stand::new() else { return };
    let program = stand.misbehaving();
    let program = program.to_str().expect("plain text");
    for how in ["anonymous", "memfd", "child"] {
        let output = stand.run("", &[program, how]);
        let stderr = text(&output.stderr);
        assert!(output.status.success(), "{how}: {stderr}");
        assert!(account(&output)[1] > 0, "{how}: {stderr}");
        assert!(!stderr.contains("refused"), "{how}: {stderr}");
    }
}

#[test]
fn memory_that_comes_late_is_found() {
    let Some(stand) = Stand::new() else { return };
    let program = stand.misbehaving();
    let program = program.to_str().expect("plain text");
    let output = stand.run("--warmup 1", &[program, "late"]);
    let stderr = text(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    // Its buffers move after 100,000 frames.
    assert!(account(&output)[1] > 300_000, "{stderr}");
    assert!(!stderr.contains("refused"), "{stderr}");
}

#[test]
fn an_interruption_leaves_the_machine_as_it_was() {
    let Some(stand) = Stand::new() else { return };
    for (signal, code) in [
        (Signal::INT, Some(130)),
        (Signal::TERM, Some(130)),
        (Signal::KILL, None),
    ] {
        let mut runner = running(&stand);
        let pid = Pid::from_child(&runner);
        kill_process(pid, signal).expect("a running program");
        let status = runner.wait().expect("an end");
        assert_eq!(status.code(), code, "{signal:?}");
        stand.is_as_before();
    }
}

/// A runner in the midst of a long run with a program that has a family.
fn running(stand: &Stand) -> Child {
    let _ = fs::remove_dir_all(stand.out());
    let program = stand.misbehaving();
    let program = program.to_str().expect("plain text");
    let runner = stand
        .command("--seconds 600", &[program, "family"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let begin = Instant::now();
    // The program, two that linger, process 1, and the runner's two.
    while processes(stand.scratch.path()).len() < 5 {
        assert!(begin.elapsed() < PATIENCE, "nothing is started");
        thread::sleep(Duration::from_millis(20));
    }
    // Into the measurement.
    thread::sleep(Duration::from_millis(500));
    assert_ne!(State::of(stand.scratch.path()), stand.before);
    runner
}

#[test]
fn what_is_asked_wrongly_is_told_in_a_line() {
    let Some(stand) = Stand::new() else { return };
    let forwarder = stand.forwarder();
    let forwarder = forwarder.to_str().expect("plain text");
    for (options, program, wanted) in [
        ("", "./no-such-program", "no such program"),
        ("", "no-such-program", "PATH"),
        ("--name baseline", forwarder, "the name of a variant"),
        ("--with reg=boxd", forwarder, "reg=boxed"),
        ("--pin 9999", forwarder, "9999"),
    ] {
        let output = stand.run(options, &[program]);
        let stderr = text(&output.stderr);
        assert!(!output.status.success(), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains(wanted), "{stderr}");
    }
}

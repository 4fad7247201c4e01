//! The command `soak`, as a user types it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bench_runner::affinity;
use bench_runner::soak::record::Record;

fn command(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench-runner"));
    command.arg("soak").args(line.split_whitespace());
    command
}

fn soak(line: &str) -> Output {
    command(line).output().expect("the program starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn has_two_cores() -> bool {
    affinity::allowed_cores().len() > 1
}

fn read(folder: &Path) -> Option<Record> {
    let text = fs::read(folder.join("soak.json")).ok()?;
    Some(serde_json::from_slice(&text).expect("a whole record"))
}

#[test]
fn a_soak_is_kept_interval_by_interval() {
    if !has_two_cores() {
        return;
    }
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = scratch.path().join("run");
    let line = format!(
        "--rate 100k --seconds 1 --interval 0.25 --flap 0.5:0.1 --out {}",
        folder.display()
    );
    let output = soak(&line);
    assert!(output.status.success(), "{}", stderr(&output));
    let record = read(&folder).expect("numbers");
    assert_eq!(record.intervals().count(), 4);
    // Intervals end with a frame, the last one within a hundredth of the time.
    let measured = record.measured();
    assert!((measured - 1.0).abs() < 0.01, "{measured}");
    let account = record.parts[0].account.expect("an end");
    assert_eq!(account.offered, 100_000);
    // A tenth of the time from the middle on.
    assert!(account.link_down > 0, "{account:?}");
    let known = account.forwarded
        + account.ring_full
        + account.dropped
        + account.link_down
        + account.unsent
        + account.inside;
    assert_eq!(account.offered, known);
    let sent: u64 = record.intervals().map(|(_, i)| i.sent).sum();
    assert_eq!(sent + account.unsent, account.offered);
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    for word in ["from s", "drift of the median", "part 1: 100000 offered"] {
        assert!(table.contains(word), "{word} in {table}");
    }
    for chart in ["soak-latency.svg", "soak-loss.svg"] {
        let svg = fs::read_to_string(folder.join("plots").join(chart));
        assert!(svg.expect(chart).ends_with("</svg>\n"));
    }
    let again = soak(&line);
    assert_eq!(again.status.code(), Some(2));
    assert!(stderr(&again).contains("--out"), "{}", stderr(&again));
    let finished = soak(&format!("--resume --out {}", folder.display()));
    assert!(finished.status.success(), "{}", stderr(&finished));
    assert_eq!(read(&folder).expect("numbers").parts, record.parts);
}

#[test]
fn an_interrupted_soak_goes_on() {
    if !has_two_cores() {
        return;
    }
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = scratch.path().join("run");
    let line = format!(
        "--rate 50k --seconds 3 --interval 0.1 --seed 7 --out {}",
        folder.display()
    );
    let child = command(&line)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let limit = Instant::now() + Duration::from_secs(60);
    let some = |record: Record| record.intervals().count() >= 3;
    while !read(&folder).is_some_and(some) {
        assert!(Instant::now() < limit, "no interval");
        thread::sleep(Duration::from_millis(20));
    }
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status();
    assert!(sent.expect("kill is there").success());
    let output = child.wait_with_output().expect("it ends");
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("soak --resume --out"), "{said}");
    let part = read(&folder).expect("numbers");
    assert!(part.measured() < 2.9, "{}", part.measured());
    assert!(part.parts[0].account.is_some());

    let resumed = soak(&format!("--resume --out {}", folder.display()));
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    let whole = read(&folder).expect("numbers");
    assert_eq!(whole.parts.len(), 2);
    assert_eq!(whole.parts[0], part.parts[0]);
    assert!(whole.measured() > 2.9, "{}", whole.measured());
}

#[test]
fn a_mistake_is_answered_in_one_line() {
    let scratch = tempfile::tempdir().expect("a folder");
    let nothing = format!("--resume --out {}", scratch.path().display());
    fs::write(scratch.path().join("other.json"), "{}").expect("written");
    for (line, words) in [
        ("", "--rate"),
        ("--rate 50%", "packets per second"),
        ("--rate 1M --seconds 0", "above 0"),
        ("--rate 1M --seconds nan", "above 0"),
        ("--rate 1M --interval 100", "--interval"),
        ("--rate 1M --flap 1:2", "EVERY:DOWN"),
        ("--rate 1M --variant floor=null", "forwards nothing"),
        ("--rate 1M --core 9999", "core"),
        ("--resume", "--out"),
        (&nothing, "soak.json"),
    ] {
        let output = soak(line);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{line}: {said}");
        assert_eq!(said.lines().count(), 1, "{line}: {said}");
        assert!(said.contains(words), "{line}: {said}");
    }
}

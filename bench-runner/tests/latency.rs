//! The command `latency`, as a user types it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use bench_runner::latency::record::{Record, SeriesRecord};

/// A folder for one test, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let id = std::process::id();
        let name = format!("ringside-latency-{id}-{name}");
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a folder for temporary files");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// On the wall clock.
fn wall(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench-runner"));
    command.args(["latency", "--variant"]);
    command.args(line.split_whitespace());
    command
}

/// In virtual time.
fn command(line: &str) -> Command {
    wall(&format!("{line} --virtual"))
}

fn latency(line: &str) -> Output {
    command(line).output().expect("the program starts")
}

/// Whether there is a second core, for the card.
fn has_two_cores() -> bool {
    bench_runner::affinity::allowed_cores().len() > 1
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What it prints as JSON.
fn record(line: &str) -> Record {
    let output = latency(&format!("{line} --json"));
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).expect("a record")
}

/// A percentile in nanoseconds.
fn ns(series: &SeriesRecord, percentile: f64) -> f64 {
    let mut all = series.percentiles.iter();
    let found = all.find(|p| p.percentile == percentile).expect("known");
    found.ns.expect("enough samples") as f64
}

/// The share of slices whose longest latency is above `limit`.
fn slices_above(series: &SeriesRecord, limit: f64) -> f64 {
    let all: Vec<_> = series.slice_max_ns.iter().flatten().collect();
    let above = all.iter().filter(|ns| ***ns as f64 > limit).count();
    above as f64 / all.len() as f64
}

#[test]
fn the_pause_of_deferred_is_in_the_tail_and_over_time_and_no_other_has_it() {
    let record = record(
        "buffer=freelist,buffer=deferred --rate 2M,50% --packets 200000 \
         --seed 7",
    );
    for pair in [[0, 2], [1, 3]] {
        let [freelist, deferred] = pair.map(|i| &record.series[i]);
        assert_eq!(freelist.variant, "baseline");
        assert_eq!(deferred.variant, "buffer=deferred");
        let rate = &deferred.rate;
        // The pause takes as long as some hundred packets.
        let (quiet, paused) = (ns(freelist, 99.9), ns(deferred, 99.9));
        assert!(paused > 3.0 * quiet, "{rate}: {paused} and {quiet}");
        // It comes and goes: slices with it and slices without.
        let limit = paused / 2.0;
        let with = slices_above(deferred, limit);
        assert!((0.01..0.9).contains(&with), "{rate}: {with}");
        assert!(slices_above(freelist, limit) < 0.02, "{rate}");
        // Who does not meet it is not slowed down.
        let half = ns(deferred, 50.0) / ns(freelist, 50.0);
        assert!(half < 5.0, "{rate}: {half}");
    }
}

#[test]
fn counts_are_the_same_each_time() {
    let line = "baseline --rate 1M --pattern poisson --packets 20000 --seed 3";
    let counts = || {
        let record = record(line);
        record.series.iter().map(|s| s.account).collect::<Vec<_>>()
    };
    let first = counts();
    assert_eq!(first, counts());
    let account = first[0];
    assert_eq!((account.offered, account.ring_full), (20_000, 0));
    assert_eq!((account.forwarded, account.inside), (20_000, 0));
}

#[test]
fn fills_of_a_light_load_repeat_to_the_last_batch() {
    let fills = || {
        let line = "baseline --rate 100k --packets 5000 --seed 3";
        record(line).series.swap_remove(0).fills
    };
    let first = fills();
    assert_eq!(first[1], 5000);
    assert_eq!(first, fills());
}

#[test]
fn what_is_too_much_is_lost_and_counted() {
    let record = record("reg=boxed --rate 200% --packets 100000 --batch 16");
    let account = record.series[0].account;
    assert_eq!(account.offered, 100_000);
    assert!(account.ring_full > 10_000, "{account:?}");
    let known = account.forwarded + account.ring_full + account.inside;
    assert_eq!(known, account.offered);
}

#[test]
fn mixed_sizes_are_forwarded_and_slow_their_wire() {
    // Two wires carry 6.7 Mpps of the mix, and 29.8 of small frames.
    let mix = record("baseline --frame imix --rate 6M,7M --packets 20000");
    let on_a_wire: Vec<_> = mix.series.iter().map(|s| s.on_a_wire).collect();
    assert_eq!(on_a_wire, [true, false]);
    assert!(mix.series.iter().all(|s| s.account.forwarded > 0));
    assert!(mix.warnings.iter().any(|line| line.contains("wires")));
}

#[test]
fn everything_is_kept_and_nothing_overwritten() {
    let scratch = Scratch::new("out");
    let folder = scratch.0.join("run");
    let line = format!(
        "buffer=deferred --rate 2M,50% --packets 20000 --out {}",
        folder.display()
    );
    let output = latency(&line);
    assert!(output.status.success(), "{}", stderr(&output));
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    for word in ["p99.99", "max", "packets/batch", "100 % are", "Seed"] {
        assert!(table.contains(word), "{word} in {table}");
    }
    let text = fs::read(folder.join("latency.json")).expect("numbers");
    let record: Record = serde_json::from_slice(&text).expect("a record");
    assert_eq!(record.series.len(), 2);
    for file in ["buffer-deferred-2M.hlog", "buffer-deferred-50-percent.hlog"] {
        let log = fs::read_to_string(folder.join(file)).expect(file);
        assert!(log.starts_with("#[Histogram log format version 1."), "{log}");
        assert!(log.contains("buffer=deferred at "), "{log}");
        assert!(log.contains("\n0.000,"), "{log}");
    }
    for chart in ["latency-rates.svg", "time-50-percent.svg"] {
        let svg = fs::read_to_string(folder.join("plots").join(chart));
        assert!(svg.expect(chart).ends_with("</svg>\n"));
    }
    let again = latency(&line);
    assert_eq!(again.status.code(), Some(2));
    assert!(stderr(&again).contains("--out"), "{}", stderr(&again));
    assert_eq!(fs::read(folder.join("latency.json")).expect("kept"), text);
}

#[test]
fn a_mistake_is_answered_in_one_line() {
    for (line, words) in [
        ("reg=boxd", "reg=boxed"),
        ("floor=null", "forwards nothing"),
        ("baseline --rate fast", "90%"),
        ("baseline --rate 0", "90%"),
        ("baseline --batch 0", "from 1 to 448"),
        ("baseline --batch 449", "from 1 to 448"),
        ("baseline --frame 63", "imix"),
        ("baseline --pattern saw", "burst:N"),
        ("baseline --seconds 0", "above 0"),
        ("baseline --seconds nan", "above 0"),
        ("baseline --seconds 100 --rate 1M", "--packets"),
        ("baseline --seconds 1 --packets 100", "--packets"),
        ("baseline --packets 1", "100"),
        ("baseline --core 9999", "core 9999"),
        ("baseline --model-core 0", "--model-core"),
    ] {
        let output = latency(line);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{line}: {said}");
        assert_eq!(said.lines().count(), 1, "{line}: {said}");
        assert!(said.contains(words), "{line}: {said}");
    }
}

#[test]
fn on_the_wall_clock_every_packet_is_in_the_books_and_in_the_histogram() {
    if !has_two_cores() {
        return;
    }
    let scratch = Scratch::new("wall");
    let folder = scratch.0.join("run");
    let line = format!(
        "buffer=deferred,baseline --rate 200k,10% --packets 20000 \
         --pattern poisson --json --out {}",
        folder.display()
    );
    let output = wall(&line).output().expect("the program starts");
    assert!(output.status.success(), "{}", stderr(&output));
    let record: Record =
        serde_json::from_slice(&output.stdout).expect("a record");
    assert_eq!(record.series.len(), 4);
    assert!(record.offered.model_core.is_some());
    assert_eq!(record.floor.cores.len(), 2);
    for one in &record.series {
        let account = one.account;
        assert!((19_999..=20_001).contains(&account.offered), "{account:?}");
        let known = account.forwarded
            + account.ring_full
            + account.dropped
            + account.unsent
            + account.link_down
            + account.inside;
        assert_eq!(account.offered, known);
        let threads = one.threads.as_ref().expect("of two threads");
        assert!((0.0..=1.0).contains(&threads.on_schedule));
        assert!(threads.round_trip_ns.iter().all(|ns| *ns > 0.0));
        let packets = |fills: &[u64]| -> u64 {
            fills.iter().zip(0..).map(|(batches, n)| batches * n).sum()
        };
        assert!(packets(&one.fills) > 0 || account.forwarded == 0);
    }
    for file in ["buffer-deferred-200k.hlog", "baseline-10-percent.hlog"] {
        assert!(folder.join(file).exists(), "{file}");
    }
    let chart = folder.join("plots/latency-rates.svg");
    let svg = fs::read_to_string(chart).expect("a chart");
    assert!(svg.contains("cores alone"), "{svg}");
}

#[test]
fn a_rate_that_no_machine_can_offer_is_said_to_be_one() {
    if !has_two_cores() {
        return;
    }
    let output = wall("baseline --rate 1000M --seconds 0.02")
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(said.contains("the tester was the bottleneck"), "{said}");
    assert!(said.contains("10 Gbit/s wires"), "{said}");
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(table.contains('°'), "{table}");
}

#[test]
fn one_core_has_virtual_time_and_a_line_for_the_rest() {
    let core = bench_runner::affinity::allowed_cores()[0].to_string();
    let on_one_core = |more: &[&str]| {
        Command::new("taskset")
            .args(["-c", &core, env!("CARGO_BIN_EXE_bench-runner")])
            .args(["latency", "--variant", "baseline", "--rate", "1M"])
            .args(more)
            .output()
    };
    let Ok(refused) = on_one_core(&[]) else {
        eprintln!("not run: no taskset");
        return;
    };
    assert_eq!(refused.status.code(), Some(2));
    let said = stderr(&refused);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("--virtual"), "{said}");
    let output = on_one_core(&["--virtual", "--packets", "2000"]);
    let output = output.expect("taskset was there");
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn an_interruption_ends_it_soon_and_damages_nothing() {
    let scratch = Scratch::new("interrupted");
    let folder = scratch.0.join("run");
    let line = format!(
        "baseline --rate 1M,2M,3M --packets 10000000 --out {}",
        folder.display()
    );
    let child = command(&line)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    std::thread::sleep(Duration::from_millis(1500));
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status();
    assert!(sent.expect("kill is there").success());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert_whole(&folder);
}

/// There is a whole record or none, and nothing half.
fn assert_whole(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(!name.ends_with(".partial"), "{name}");
    }
    if let Ok(text) = fs::read(folder.join("latency.json")) {
        let _: Record = serde_json::from_slice(&text).expect("a record");
    }
}

//! The command `trend`, as a user types it, and `report` on a history.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Output};

use bench_runner::fingerprint::Fingerprint;
use bench_runner::gate::record::{CellVerdict, Conclusion};
use bench_runner::history::{self, Line, Place, Point, SCHEMA};
use serde_json::Value;

fn command(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench-runner"))
        .args(words)
        .output()
        .expect("the program starts")
}

fn trend(words: &[&str]) -> Output {
    command(&[&["trend"], words].concat())
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What it prints when it ends well.
fn said(words: &[&str]) -> String {
    let output = trend(words);
    assert!(output.status.success(), "{words:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).expect("text")
}

fn machine(cpu: &str) -> Fingerprint {
    Fingerprint {
        cpu: cpu.to_owned(),
        microcode: Some("0x1".to_owned()),
        extensions: vec!["avx2".to_owned()],
        hypervisor: None,
        kernel: "6.1.0".to_owned(),
        clock_mhz: 2600,
        libc: None,
        valgrind: None,
    }
}

/// So many hours into 2026.
fn date(hour: u64) -> String {
    let seconds = 1_767_225_600 + hour * 3600;
    let since = std::time::Duration::from_secs(seconds);
    let time = std::time::UNIX_EPOCH + since;
    humantime::format_rfc3339_seconds(time).to_string()
}

/// A line of a commit with cells of these variants, batch sizes and ratios.
fn line(hour: u64, cpu: &str, cells: &[(&str, u16, f64)]) -> Line {
    let point = |&(variant, batch, ratio): &(&str, u16, f64)| Point {
        variant: variant.to_owned(),
        batch,
        ratio: Some(ratio),
        spread: Some(0.002),
        instructions: Some(100.0),
        verdict: CellVerdict::Fine,
    };
    Line {
        schema: SCHEMA,
        measured: date(hour),
        commit: format!("{:040x}", 0xabcd_0000_0000_u64 + hour),
        dirty: false,
        committed: Some(date(hour)),
        subject: Some(format!("Change {hour}")),
        fingerprint: machine(cpu),
        apparatus: "a".to_owned(),
        reference: Some("r".to_owned()),
        against: "main".to_owned(),
        verdict: Conclusion::Fine,
        moved: None,
        cells: cells.iter().map(point).collect(),
    }
}

/// A value around 0 of a deviation of 1, the same each time.
fn noise(number: u64) -> f64 {
    let mut random = fastrand::Rng::with_seed(number);
    (0..12).map(|_| random.f64()).sum::<f64>() - 6.0
}

/// Forty commits of which one is slower by 3 % at batch size 8.
fn with_step(folder: &Path) {
    for hour in 0..40 {
        let ratio = |level: f64, cell: u64| {
            level * (0.003 * noise(hour * 10 + cell)).exp()
        };
        let more = if hour < 25 { 1.0 } else { 1.03 };
        let cells = [
            ("baseline", 8, ratio(3.0, 0)),
            ("reg=boxed", 8, ratio(9.0 * more, 1)),
            ("reg=boxed", 32, ratio(8.0, 2)),
        ];
        let line = line(hour, "A CPU", &cells);
        let place = Place::Folder(folder.to_owned());
        history::append(&place, &line).expect("added");
    }
}

fn changes(json: &str) -> Vec<Value> {
    let trend: Value = serde_json::from_str(json).expect("JSON");
    let changes = trend["machines"][0]["changes"].as_array();
    changes.expect("changes").clone()
}

#[test]
fn a_step_is_found_at_its_commit_in_text_json_page_and_report() {
    let scratch = tempfile::tempdir().expect("a folder");
    let history = scratch.path().join("history");
    with_step(&history);
    let at = history.to_str().expect("a name");
    let text = said(&[at]);
    let row = text.lines().find(|line| line.contains("Change 25"));
    let row = row.unwrap_or_else(|| panic!("no change: {text}"));
    assert!(row.contains("reg=boxed") && row.contains("both"), "{row}");
    assert_eq!(text.matches("Change ").count(), 1, "{text}");

    let out = scratch.path().join("out");
    let to = out.to_str().expect("a name");
    let json = said(&[at, "--json", "--out", to]);
    let changes = changes(&json);
    assert_eq!(changes.len(), 1, "{json}");
    assert_eq!(changes[0]["commit"]["subject"], "Change 25");
    assert_eq!(changes[0]["batch"], 8);
    assert_eq!(changes[0]["opinion"], "both");
    let effect = changes[0]["effect"].as_f64().expect("a size");
    assert!((effect - 0.03).abs() < 0.005, "{effect}");
    assert_eq!(fs::read_to_string(out.join("trend.json")).expect("one"), json);
    let page = fs::read_to_string(out.join("trend.html")).expect("a page");
    for words in ["Change 25", "id=\"trend\"", "both opinions find 1 change"] {
        assert!(page.contains(words), "{words}");
    }
    let svg = fs::read_to_string(out.join("trend-1.svg")).expect("a chart");
    assert!(svg.contains("reg=boxed") && svg.ends_with("</svg>\n"));

    let output = command(&["report", at]);
    assert!(output.status.success(), "{}", stderr(&output));
    let report = fs::read_to_string(history.join("report.html"));
    let report = report.expect("a page");
    assert!(report.contains("Change 25"), "no change");
    // A report does not take the place of the history.
    assert_eq!(said(&[at]), text);
}

#[test]
fn cells_are_chosen_by_name_and_batch_size() {
    let scratch = tempfile::tempdir().expect("a folder");
    with_step(scratch.path());
    let at = scratch.path().to_str().expect("a name");
    let text = said(&[at, "--variants", "reg=boxed", "--batch", "32"]);
    assert!(text.contains("No change above 0.5 %"), "{text}");
    assert!(!text.contains("baseline"), "{text}");
}

#[test]
fn machines_have_a_part_each_and_are_not_joined() {
    let scratch = tempfile::tempdir().expect("a folder");
    for hour in 0..40 {
        let level = 4.0 * (0.003 * noise(hour)).exp();
        let (cpu, level) = match hour % 2 {
            0 => ("A CPU", level),
            _ => ("B CPU", 2.0 * level),
        };
        let line = line(hour, cpu, &[("reg=boxed", 8, level)]);
        let place = Place::Folder(scratch.path().to_owned());
        history::append(&place, &line).expect("added");
    }
    let at = scratch.path().to_str().expect("a name");
    let text = said(&[at]);
    let apart = "not joined with the first: CPU B CPU, here A CPU";
    assert!(text.contains(apart), "{text}");
    assert_eq!(text.matches("20 runs of 20 commits").count(), 2, "{text}");
    assert_eq!(text.matches("No change above").count(), 2, "{text}");
    let files = history::files_in(scratch.path()).expect("files");
    assert_eq!(files.len(), 2);
    // One of them alone.
    let text = said(&[files[0].to_str().expect("a name")]);
    assert!(text.contains("A CPU") && !text.contains("B CPU"), "{text}");
}

#[test]
fn a_torn_line_is_noted_and_passed_over() {
    let scratch = tempfile::tempdir().expect("a folder");
    with_step(scratch.path());
    let file = &history::files_in(scratch.path()).expect("files")[0];
    let text = fs::read(file).expect("lines");
    fs::write(file, &text[..text.len() - 20]).expect("written");
    let output = trend(&[scratch.path().to_str().expect("a name")]);
    assert!(output.status.success(), "{}", stderr(&output));
    let note = stderr(&output);
    assert_eq!(note.lines().count(), 1, "{note}");
    assert!(note.contains("line 40: cut off and passed over"), "{note}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("39 runs"), "{text}");
}

#[test]
fn a_mistake_is_answered_in_one_line() {
    let scratch = tempfile::tempdir().expect("a folder");
    let at = |name: &str| scratch.path().join(name).display().to_string();
    let good = at("good");
    with_step(Path::new(&good));
    let file = &history::files_in(Path::new(&good)).expect("files")[0];
    let line = fs::read_to_string(file).expect("lines");
    let line = line.lines().next().expect("a line");
    fs::create_dir(at("nothing")).expect("made");
    let newer = line.replace("\"schema\":1", "\"schema\":2");
    let renamed = line.replace("\"dirty\"", "\"dirt\"");
    let half = &line[..line.len() / 2];
    for (name, text) in [
        ("empty.jsonl", ""),
        ("foreign.jsonl", "hello\n"),
        ("other.jsonl", "{\"a\": 1}\n"),
        ("newer.jsonl", &format!("{line}\n{newer}\n")),
        ("novel.jsonl", "{\"schema\": 9, \"novel\": []}\n"),
        ("renamed.jsonl", &format!("{renamed}\n")),
        ("half.jsonl", half),
    ] {
        fs::write(at(name), text).expect("written");
    }
    let in_the_way = at("foreign.jsonl") + "/below";
    for (words, said) in [
        (&[&*at("nowhere")][..], "no such history"),
        (&[&*at("nothing")], "no history in it: name a folder"),
        (&[&*at("empty.jsonl")], "no line of a history"),
        (&[&*at("foreign.jsonl")], "foreign.jsonl, line 1: not JSON"),
        (&[&*at("other.jsonl")], "line 1: missing field `schema`"),
        (&[&*at("newer.jsonl")], "newer.jsonl, line 2: made by a newer"),
        (&[&*at("novel.jsonl")], "schema 9, this one reads 1): update"),
        (&[&*at("renamed.jsonl")], "line 1: unknown field `dirt`"),
        (&[&*at("half.jsonl")], "no line of a history"),
        (&[&*good, "--variants", "reg=boxd"], "did you mean reg=boxed?"),
        (&[&*good, "--batch", "7"], "no batch size 7 in the history"),
        (&[&*good, "--batch", "x"], "--batch"),
        (&[&*good, "--out", &*in_the_way], "cannot write to"),
        (&["--history-branch", "a..b"], "no name of a branch"),
        (&["--history-branch", "no-such-branch"], "no branch no-such"),
        (&[], "HISTORY"),
    ] {
        let output = trend(words);
        let line = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {line}");
        assert_eq!(line.lines().count(), 1, "{words:?}: {line}");
        assert!(line.contains(said), "{words:?}: {said} in {line}");
    }
}

/// 10,000 lines of 12 variants at 4 batch sizes, of which three have changes.
#[test]
fn ten_thousand_runs_make_a_page_of_a_few_megabytes() {
    const STEPS: [(u64, u64, f64); 3] =
        [(3, 2500, 0.03), (17, 6000, -0.05), (40, 9900, 0.10)];
    let scratch = tempfile::tempdir().expect("a folder");
    let names: Vec<_> = (0..12).map(|n| format!("axis{n}=other")).collect();
    let batches = [1u16, 8, 32, 256];
    let path = scratch.path().join("many.jsonl");
    let mut file = BufWriter::new(fs::File::create(&path).expect("a file"));
    for run in 0..10_000u64 {
        let cells = (0..48u64).map(|cell| {
            let name = &*names[cell as usize / 4];
            let done =
                |step: &&(u64, u64, f64)| step.0 == cell && step.1 <= run;
            let level: f64 =
                STEPS.iter().filter(done).map(|step| step.2.ln_1p()).sum();
            let value = level + 0.004 * noise(run * 48 + cell);
            (name, batches[cell as usize % 4], 5.0 * value.exp())
        });
        let cells: Vec<_> = cells.collect();
        let mut line = line(run, "A CPU", &cells);
        line.moved = Some(run % 500 == 77);
        let text = serde_json::to_string(&line).expect("a line");
        writeln!(file, "{text}").expect("written");
    }
    file.flush().expect("written");
    drop(file);
    let out = scratch.path().join("out");
    let at = path.to_str().expect("a name");
    let to = out.to_str().expect("a name");
    let json = said(&[at, "--json", "--out", to]);
    let changes = changes(&json);
    for (cell, at, effect) in STEPS {
        let name = &names[cell as usize / 4];
        let found = changes.iter().find(|change| {
            change["variant"] == **name
                && change["at"].as_u64().is_some_and(|a| a.abs_diff(at) <= 1)
        });
        let found = found.unwrap_or_else(|| panic!("{at}: {json}"));
        assert_eq!(found["opinion"], "both", "{found}");
        let size = found["effect"].as_f64().expect("a size");
        assert!((size - effect).abs() < 0.005, "{found}");
    }
    let both = changes.iter().filter(|change| change["opinion"] == "both");
    assert!(both.count() <= STEPS.len() + 2, "{json}");
    let page = fs::metadata(out.join("trend.html")).expect("a page").len();
    assert!(page < 5 << 20, "{page} bytes");
    assert!(page > 100_000, "{page} bytes");
    let svg = fs::read_to_string(out.join("trend-1.svg")).expect("a chart");
    assert!(svg.contains("the lowest and the highest are drawn"), "{svg}");
}

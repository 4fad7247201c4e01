//! Whole commands, as a user types them.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bench_runner::results::{Fill, Run};
use serde_json::Value;

/// A folder for one test, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let id = std::process::id();
        let path = std::env::temp_dir().join(format!("ringside-{id}-{name}"));
        fs::create_dir_all(&path).expect("a folder for temporary files");
        Self(path)
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs a command line; words are separated by spaces, `@` is the folder.
fn bench_runner(line: &str, folder: &Path) -> Output {
    let words = line.split(' ').map(|word| match word {
        "@" => folder.as_os_str().to_owned(),
        word => word.into(),
    });
    Command::new(env!("CARGO_BIN_EXE_bench-runner"))
        .args(words)
        .output()
        .expect("the program starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Arguments of a sweep that takes a second.
const SMALL: &str = "sweep --variants reg=halves,batch=list --batch 1,32 \
                     --processes 2 --rounds 4 --seed 7 --out @";

fn small() -> String {
    SMALL.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn list_names_every_axis_in_text_and_json() {
    let here = Path::new(".");
    let text = bench_runner("list", here);
    assert!(text.status.success());
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    let json = bench_runner("list --json", here);
    let json: Value = serde_json::from_slice(&json.stdout).expect("JSON");
    for axis in json["axes"].as_array().expect("axes") {
        assert!(text.contains(axis["name"].as_str().expect("a name")));
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut list = Command::new(env!("CARGO_BIN_EXE_bench-runner"))
        .args(["list", "--json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(list.stdout.take());
    let output = list.wait_with_output().expect("it ends");
    assert!(output.status.success());
    assert_eq!(stderr(&output), "");
}

#[test]
fn help_of_every_command_shows_an_example() {
    for command in [
        "list", "sweep", "run", "explain", "counters", "latency", "doctor",
        "tune", "restore",
    ] {
        let help = bench_runner(&format!("{command} --help"), Path::new("."));
        assert!(help.status.success());
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        assert!(help.contains("Example"), "{command}: {help}");
        assert!(help.contains(&format!("bench-runner {command}")));
    }
}

#[test]
fn a_sweep_leaves_samples_charts_and_a_page() {
    let scratch = Scratch::new("sweep");
    let folder = scratch.join("run");
    let output = bench_runner(&small(), &folder);
    assert!(output.status.success(), "{}", stderr(&output));
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    for word in ["reg=halves", "batch=list", "floor=null", "A/A", "Mpps"] {
        assert!(table.contains(word), "{word} in {table}");
    }
    let run = Run::load(&folder).expect("a run");
    assert!(run.is_finished());
    assert_eq!(run.cells.len(), 10);
    assert_eq!((run.setup.processes, run.setup.rounds), (2, 4));
    let arenas: Vec<_> =
        run.processes[0].rounds.iter().map(|r| r.arena).collect();
    assert_eq!(arenas, [0, 1, 2, 3]);
    let page = fs::read_to_string(folder.join("README.md")).expect("a page");
    assert!(page.contains(&run.command) && page.contains("![throughput-all"));
    for chart in ["throughput-all.svg", "cycles-reg.svg"] {
        let svg = fs::read_to_string(folder.join("plots").join(chart));
        assert!(svg.expect("a chart").contains("</svg>"));
    }
}

#[test]
fn a_run_is_not_overwritten() {
    let scratch = Scratch::new("overwrite");
    let folder = scratch.join("run");
    assert!(bench_runner(&small(), &folder).status.success());
    let before = fs::read(folder.join("run.json")).expect("samples");
    let output = bench_runner(&small(), &folder);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--resume"));
    assert_eq!(fs::read(folder.join("run.json")).expect("samples"), before);
}

#[test]
fn an_unfinished_sweep_goes_on_where_it_was_stopped() {
    let scratch = Scratch::new("resume");
    let folder = scratch.join("run");
    assert!(bench_runner(&small(), &folder).status.success());
    let mut run = Run::load(&folder).expect("a run");
    let first = run.processes[0].clone();
    run.processes[1].rounds.truncate(2);
    run.save(&folder).expect("saved");
    let output = bench_runner("sweep --resume --out @", &folder);
    assert!(output.status.success(), "{}", stderr(&output));
    let run = Run::load(&folder).expect("a run");
    assert!(run.is_finished());
    assert_eq!(run.processes[0], first);
    assert_eq!(run.processes[1].index, 1);
}

/// Arguments of a sweep of the axis that is measured with both fills.
fn status(more: &str) -> String {
    format!(
        "sweep --variants status=branchless,status=simd --batch 1,64 \
         --processes 2 --rounds 4 --seed 7 --out @{more}"
    )
}

#[test]
fn a_sweep_with_the_axis_status_measures_it_with_both_fills() {
    let scratch = Scratch::new("fills");
    let folder = scratch.join("run");
    let output = bench_runner(&status(""), &folder);
    assert!(output.status.success(), "{}", stderr(&output));
    let table = stdout(&output);
    assert!(table.contains("With random fill"), "{table}");
    let run = Run::load(&folder).expect("a run");
    let of = |fill| {
        let cells = run.cells.iter().filter(move |cell| cell.fill == fill);
        cells.map(|cell| (&*cell.variant, cell.batch)).collect::<HashSet<_>>()
    };
    // The same, all of them forwarded and accounted for.
    assert_eq!(of(Fill::Full), of(Fill::Random));
    assert_eq!(of(Fill::Random).len(), 8);
    let page = fs::read_to_string(folder.join("README.md")).expect("a page");
    assert!(page.contains("![throughput-status-random"), "{page}");

    // To go on with one of the two is another run.
    let mut run = run;
    run.processes[1].rounds.truncate(2);
    run.save(&folder).expect("saved");
    let other = "sweep --resume --fill full --out @";
    let output = bench_runner(other, &folder);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("full and random fill"), "{said}");
    let output = bench_runner("sweep --resume --out @", &folder);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(Run::load(&folder).expect("a run").is_finished());
}

#[test]
fn a_sweep_with_one_fill_measures_no_other() {
    let scratch = Scratch::new("fill");
    for (name, fill) in [("full", Fill::Full), ("random", Fill::Random)] {
        let folder = scratch.join(name);
        let output = bench_runner(&status(&format!(" --fill {name}")), &folder);
        assert!(output.status.success(), "{}", stderr(&output));
        let run = Run::load(&folder).expect("a run");
        assert_eq!(run.setup.fill, fill);
        assert!(run.cells.iter().all(|cell| cell.fill == fill));
        let table = stdout(&output);
        let said = table.contains("lockstep placement, random fill");
        assert_eq!(said, fill == Fill::Random, "{table}");
    }
}

#[test]
fn rings_of_every_size_are_filled_at_random() {
    for ring in ["64", "4096"] {
        let line = format!(
            "run --variant status=simd --batch 64 --ring {ring} --fill random \
             --processes 2 --rounds 4"
        );
        let output = bench_runner(&line, Path::new("."));
        assert!(output.status.success(), "{}", stderr(&output));
    }
}

#[test]
fn the_same_seed_gives_the_same_plan() {
    let scratch = Scratch::new("seed");
    let plan = |name: &str| {
        let folder = scratch.join(name);
        assert!(bench_runner(&small(), &folder).status.success());
        let run = Run::load(&folder).expect("a run");
        // Block lengths follow from the machine's speed; their draws do not.
        let order: Vec<_> = run.processes[0]
            .rounds
            .iter()
            .map(|round| round.length as f64 / f64::from(run.setup.phases))
            .collect();
        (run.cells, order)
    };
    let (first, second) = (plan("a"), plan("b"));
    assert_eq!(first.0, second.0);
    for (a, b) in first.1.iter().zip(&second.1) {
        assert!((a - b).abs() < 0.11, "{a} and {b}");
    }
}

#[test]
fn run_measures_one_variant_against_its_reference() {
    let output = bench_runner(
        "run --variant walk=speculate --batch 16 --processes 2 --rounds 4",
        Path::new("."),
    );
    assert!(output.status.success(), "{}", stderr(&output));
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(table.contains("walk=speculate") && table.contains("batch=arena"));
}

#[test]
fn other_rings_frames_and_a_modelled_doorbell_are_measured_and_labelled() {
    let output = bench_runner(
        "run --variant spread=stride2k --batch 64 --ring 64 --frame 1518 \
         --doorbell-cycles 280 --processes 2 --rounds 4",
        Path::new("."),
    );
    assert!(output.status.success(), "{}", stderr(&output));
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(table.contains("modelled doorbell of 280 cycles"), "{table}");
    assert!(table.contains("1518-byte frames"), "{table}");
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
#[cfg(target_arch = "x86_64")]
fn explain_shows_two_variants_side_by_side_and_counts_them() {
    let here = Path::new(".");
    let output = bench_runner("explain reg=unboxed reg=boxed", here);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    let head = text.lines().next().expect("a head");
    assert!(head.contains("baseline") && head.contains("reg=boxed"), "{head}");
    assert!(text.contains("loop .1") && text.contains("instructions"));
    let verdict = text.lines().last().expect("a verdict");
    assert!(verdict.starts_with("the machine code differs in"), "{verdict}");

    let output =
        bench_runner("explain walk=chase walk=speculate --batch 32", here);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("batch=arena") && text.contains("at batch 32"));
}

#[test]
#[cfg(target_arch = "x86_64")]
fn explain_finds_a_variant_to_have_the_code_of_itself() {
    let line = "explain baseline reg=unboxed";
    let text = stdout(&bench_runner(line, Path::new(".")));
    let verdict = text.lines().last().expect("a verdict");
    assert_eq!(verdict, "the machine code is the same");
}

#[test]
#[cfg(target_arch = "x86_64")]
fn explain_answers_programs_too() {
    let line = "explain status=masked status=branchy --json";
    let output = bench_runner(line, Path::new("."));
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["same"], false);
    assert_eq!(json["variants"][0]["variant"], "baseline");
    let counts = &json["variants"][1]["counts"];
    assert!(counts["branches"].as_u64().expect("a number") > 0, "{counts}");
    assert_eq!(
        json["rows"].as_array().map(Vec::len),
        json["of"].as_u64().map(|n| n as usize)
    );
}

#[test]
#[cfg(target_arch = "x86_64")]
fn explain_reads_the_code_of_every_variant() {
    // Whether equal bodies are declared is asked of the release build.
    let output = bench_runner("explain --all --json", Path::new("."));
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let variants = json["variants"].as_array().expect("variants");
    assert_eq!(variants.len(), variants::registry::variants().len());
    for variant in variants {
        let instructions = variant["counts"]["instructions"].as_u64();
        assert!(instructions > Some(0), "{variant}");
    }
}

fn has_valgrind() -> bool {
    let found = Command::new("valgrind").arg("--version").output().is_ok();
    if !found {
        eprintln!("SKIPPED: no valgrind to count with");
    }
    found
}

#[test]
fn counters_counts_the_same_each_time_and_every_allocation() {
    if !has_valgrind() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let line = "counters --variants batch=list --batch 1,32 --json";
    let kept = format!("{line} --out @");
    let output = bench_runner(&kept, folder.path());
    assert!(output.status.success(), "{}", stderr(&output));
    let file = fs::read(folder.path().join("counters.json")).expect("a file");
    assert_eq!(file, output.stdout);
    let again = bench_runner(line, Path::new("."));
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let again: Value = serde_json::from_slice(&again.stdout).expect("JSON");
    // What is modelled depends on addresses, what is timed on the moment.
    let exact = |json: &Value| {
        let mut counts = json["counts"].as_array().expect("counts").clone();
        for count in &mut counts {
            count["model"].take();
        }
        counts
    };
    assert_eq!(exact(&json), exact(&again));
    let counts = json["counts"].as_array().expect("counts");
    // The list, the baseline and the floor, at two sizes, on two fills.
    assert_eq!(counts.len(), 12);
    for count in counts {
        let number = |name: &str| count[name].as_u64().expect("a number");
        let list = count["variant"] == "batch=list";
        let wanted = if list { number("packets") } else { 0 };
        assert_eq!(number("allocations"), wanted, "{count}");
        let library = count["library"]["instructions"].as_u64();
        assert_eq!(library > Some(0), list, "{count}");
        let own = &count["own"];
        let own = ["instructions", "branches", "loads", "stores"]
            .map(|name| own[name].as_u64().expect("a number"));
        let [instructions, branches, loads, stores] = own;
        assert!(instructions >= branches && instructions >= loads, "{count}");
        if count["variant"] != "floor=null" {
            let packets = number("packets");
            assert!(branches > packets && loads > packets, "{count}");
            assert!(stores > packets, "{count}");
        }
    }
}

#[test]
fn counters_tells_full_rings_from_random_ones() {
    if !has_valgrind() {
        return;
    }
    let count = |fill: &str| {
        let line = format!(
            "counters --variants baseline --batch 256 --fill {fill} --json"
        );
        let output = bench_runner(&line, Path::new("."));
        assert!(output.status.success(), "{}", stderr(&output));
        let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let count = json["counts"][0].clone();
        assert_eq!(count["fill"], fill);
        ["packets", "batches"].map(|n| count[n].as_u64().expect("a number"))
    };
    // 448 packets per port and turn, as 256 and 192.
    assert_eq!(count("full"), [8 * 896, 8 * 4]);
    let [packets, batches] = count("random");
    // 128 runs per port, of 16 packets on average and now and then of none.
    assert!((200..=256).contains(&batches), "{batches}");
    assert!((12..=20).contains(&(packets / batches)), "{packets}");
}

#[test]
fn counters_says_what_is_missing_without_valgrind() {
    let counters = |line: &str| {
        Command::new(env!("CARGO_BIN_EXE_bench-runner"))
            .arg("counters")
            .args(line.split(' '))
            .env("PATH", "")
            .output()
            .expect("the program starts")
    };
    let output = counters("--self-test");
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("apt-get install valgrind"), "{said}");
    assert_eq!(stdout(&output), "");

    // What the kernel and the clock count is there nevertheless.
    let output = counters("--variants baseline --batch 32,8 --fill full");
    let said = stdout(&output);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(said.contains("apt-get install valgrind"), "{said}");
    let row = |name: &str| {
        let mut rows = said.lines().filter(|line| line.starts_with(name));
        let row = rows.next().expect("a row").split_whitespace();
        row.skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row("counter"), ["batch", "8", "batch", "32", "source"]);
    let cycles = row("cycles");
    let source = cycles.last().map(String::as_str);
    assert!(matches!(source, Some("estimate" | "hardware")), "{cycles:?}");
    assert!(cycles[0].parse::<f64>().expect("a number") > 0.0);
}

#[test]
fn counters_tells_for_each_number_where_it_is_from_or_why_there_is_none() {
    let line = "counters --variants baseline --fill full --json";
    let output = bench_runner(line, Path::new("."));
    assert!(output.status.success(), "{}", stderr(&output));
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packets = json["packets"].as_array().expect("packets");
    for packet in packets {
        let counters = packet["counters"].as_object().expect("counters");
        assert_eq!(counters.len(), 17, "{packet}");
        for (name, cell) in counters {
            let number = cell["per_packet"].is_number();
            let why = cell["unavailable"].as_str().unwrap_or("");
            assert!(number != (why.len() > 3), "{name}: {cell}");
            assert!(number == cell["source"].is_string(), "{name}: {cell}");
        }
    }
}

#[test]
fn counters_reads_one_instruction_more_per_packet_as_exactly_that() {
    if !has_valgrind() {
        return;
    }
    let output = bench_runner("counters --self-test", Path::new("."));
    assert!(output.status.success(), "{}", stderr(&output));
    let said = stdout(&output);
    assert_eq!(said.matches("reads as +1.0000, 3 runs").count(), 2, "{said}");
}

#[test]
#[cfg(debug_assertions)]
fn counters_checks_the_measured_build_and_no_other() {
    let output = bench_runner("counters --check", Path::new("."));
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cargo run --release"));
}

#[test]
fn bad_input_gets_one_line_and_touches_nothing() {
    let scratch = Scratch::new("bad");
    let damaged = scratch.join("damaged");
    fs::create_dir_all(&damaged).expect("a folder");
    let cut_off = "{\"schema\": 1, \"command\": \"bench";
    fs::write(damaged.join("run.json"), cut_off).expect("written");
    let file = scratch.join("file");
    fs::write(&file, "in the way").expect("written");
    let fresh = scratch.join("fresh");
    for (line, folder, hint) in [
        ("sweep --axis rgs --out @", &fresh, "reg"),
        ("sweep --variants reg=boxd --out @", &fresh, "reg=boxed"),
        ("sweep --batch 0 --out @", &fresh, "from 1 to the 512"),
        ("sweep --batch 100000 --out @", &fresh, "from 1 to the 512"),
        ("sweep --batch 1,x --out @", &fresh, "'x'"),
        ("sweep --core 9999 --out @", &fresh, "may use"),
        ("sweep --placement sideways --out @", &fresh, "threaded"),
        ("sweep --quik --out @", &fresh, "--quick"),
        ("sweep --fill half --out @", &fresh, "random"),
        (
            "sweep --placement threaded --fill random --out @",
            &fresh,
            "only in lockstep",
        ),
        ("sweep --frame 9000 --out @", &fresh, "1518"),
        ("sweep --ring 100 --out @", &fresh, "power of two"),
        ("sweep --quick --out @", &file, "--out"),
        ("sweep --resume --out @", &damaged, "run.json"),
        ("sweep --quick --out @", &damaged, "run.json"),
        ("run --variant nonsense", &fresh, "bench-runner list"),
        ("explain reg=boxd reg=bytes", &fresh, "reg=boxed"),
        ("explain reg=boxed", &fresh, "2 values"),
        ("explain", &fresh, "NAME"),
        ("explain --all reg=boxed reg=bytes", &fresh, "--all"),
        ("explain reg=boxed reg=bytes --batch 0", &fresh, "batch size 0"),
        ("counters --variants reg=boxd", &fresh, "reg=boxed"),
        ("counters --axis rgs", &fresh, "reg"),
        ("counters --axis reg --variants reg=boxed", &fresh, "one of the two"),
        ("counters --batch 0", &fresh, "from 1 to the 512"),
        ("counters --fill empty", &fresh, "full, random"),
        ("counters --check --batch 1", &fresh, "--batch"),
        ("counters --self-test --batch 1", &fresh, "--batch"),
        ("sweeep", &fresh, "sweep"),
    ] {
        let output = bench_runner(line, folder);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{line}: {said}");
        assert_eq!(said.lines().count(), 1, "{line}: {said}");
        assert!(said.contains(hint), "{line}: {said}");
        assert!(!fresh.exists(), "{line} made a folder");
    }
    let left = fs::read_to_string(damaged.join("run.json")).expect("kept");
    assert_eq!(left, cut_off);
}

/// Every file of a run's folder but its samples, in order.
fn drawn(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let plots = fs::read_dir(folder.join("plots")).expect("charts");
    let mut paths: Vec<_> = plots.map(|e| e.expect("a file").path()).collect();
    paths.push(folder.join("README.md"));
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).expect("a file");
        (path, bytes)
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn reanalysing_a_run_gives_the_same_bytes_each_time() {
    let scratch = Scratch::new("reanalyse");
    let folder = scratch.join("run");
    assert!(bench_runner(&small(), &folder).status.success());
    let (first, samples) = (drawn(&folder), fs::read(folder.join("run.json")));
    assert!(first.len() > 2);
    for (path, _) in &first[1..] {
        fs::remove_file(path).expect("a chart");
    }
    let by_file = folder.join("run.json");
    for run in [&folder, &by_file] {
        let output = bench_runner("reanalyse @", run);
        assert!(output.status.success(), "{}", stderr(&output));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("reg=halves"), "{text}");
        assert!(drawn(&folder) == first);
    }
    assert_eq!(samples.ok(), fs::read(&by_file).ok());
}

#[test]
fn reanalysing_what_is_no_run_is_one_line_and_leaves_nothing() {
    let scratch = Scratch::new("reanalyse-nothing");
    let nowhere = scratch.join("nowhere");
    let output = bench_runner("reanalyse @", &nowhere);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    assert!(stderr(&output).contains("nowhere"));
    assert!(!nowhere.exists());
}

/// A comparison that takes a second or two, of A and B.
fn compared(a_and_b: &str) -> Output {
    let line = format!(
        "compare {a_and_b} --batch 32 --processes 8 --rounds 16 --brief"
    );
    bench_runner(&line, Path::new("."))
}

#[test]
fn compare_says_slower_and_ends_well() {
    let output = compared("reg=unboxed reg=boxed --json");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let one = &json["comparisons"][0];
    assert_eq!(one["verdict"], "slower");
    assert_eq!(one["in_this_build_only"], true);
    assert!(one["effect"].as_f64().expect("a number") > 0.0);
    let line = one["line"].as_str().expect("a line");
    let words = "batch 32: reg=boxed is";
    assert!(line.starts_with(words) && line.contains("n = 8×16"), "{line}");
}

#[test]
fn compare_never_tells_a_variant_from_its_copy() {
    // Few samples may leave it open, which is exit code 3 and one line.
    let output = compared("reg=unboxed status=masked --json");
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let verdict = &json["comparisons"][0]["verdict"];
    assert!(verdict != "faster" && verdict != "slower", "{verdict}");
    let open = verdict == "inconclusive";
    assert_eq!(output.status.code(), Some(if open { 3 } else { 0 }));
    assert_eq!(stderr(&output).contains("inconclusive"), open);
}

#[test]
fn what_compare_cannot_do_is_one_line() {
    for (line, words) in [
        ("reg=unboxed reg=boxd", "reg=boxed"),
        ("status=bit dispatch=dyn", "no workload in common"),
        ("reg=unboxed reg=boxed --layouts 1", "from 2 to 64"),
    ] {
        let output = compared(line);
        assert_eq!(output.status.code(), Some(2), "{line}");
        let said = stderr(&output);
        assert!(said.lines().count() == 1 && said.contains(words), "{said}");
    }
}

/// A copy of the program in a folder, to compare with.
fn copied(scratch: &Scratch) -> String {
    let copy = scratch.join("bench-runner");
    // Not by this process: others that it starts meanwhile would hold the
    // file open for writing, and what is written to cannot be started.
    let program = env!("CARGO_BIN_EXE_bench-runner");
    let status = Command::new("cp").arg(program).arg(&copy).status();
    assert!(status.expect("cp starts").success());
    copy.into_os_string().into_string().expect("a plain path")
}

#[test]
fn a_program_and_its_copy_are_never_told_apart() {
    let scratch = Scratch::new("two-equal");
    let copy = copied(&scratch);
    let words = format!("{copy}:reg=unboxed status=masked --json");
    let output = compared(&words);
    assert!(!output.stdout.is_empty(), "{}", stderr(&output));
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let one = &json["comparisons"][0];
    let verdict = &one["verdict"];
    assert!(verdict != "faster" && verdict != "slower", "{one}");
    let line = one["line"].as_str().expect("a line");
    assert!(line.contains(&format!("baseline of {copy}")), "{line}");
    assert_eq!(json["other_build"]["path"], *copy);
    assert_eq!(json["other_build"]["program"], json["build"]["program"]);
}

#[test]
fn compare_of_two_programs_says_slower_and_keeps_samples() {
    let scratch = Scratch::new("two");
    let (copy, out) = (copied(&scratch), scratch.join("run"));
    let line = format!(
        "compare {copy}:reg=unboxed reg=boxed --batch 1,32 --processes 8 \
         --rounds 16 --out @"
    );
    let output = bench_runner(&line, &out);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let said = stdout(&output);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 3, "{said}");
    for (line, batch) in lines.iter().zip(["1", "32"]) {
        let words = format!("batch {batch}: reg=boxed is ");
        assert!(line.starts_with(&words), "{line}");
        assert!(line.contains("slower in this build"), "{line}");
    }
    assert!(lines[2].contains("of another program are not read"), "{said}");

    let run = Run::load(&out).expect("a run");
    let other = run.other_build.as_ref().expect("another build");
    assert_eq!(other.path.as_deref(), Some(&*copy));
    assert_eq!(other.program, run.build.program);
    assert_eq!(run.build.path, None);
    let others: Vec<_> = run.cells.iter().map(|cell| cell.other).collect();
    assert_eq!(others, [true, false, true, false]);
    assert!(run.is_finished());

    let output = bench_runner("reanalyse @", &out);
    assert!(output.status.success(), "{}", stderr(&output));
    let table = stdout(&output);
    assert!(table.contains(&format!("baseline of {copy}")), "{table}");
    for line in ["sweep --resume --out @", "sweep --resume --quick --out @"] {
        let output = bench_runner(line, &out);
        assert_eq!(output.status.code(), Some(2));
        let said = stderr(&output);
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("two programs"), "{said}");
    }
}

#[test]
fn what_two_programs_cannot_be_compared_for_is_one_line() {
    let scratch = Scratch::new("two-wrong");
    let copy = copied(&scratch);
    let plain = scratch.join("plain");
    fs::write(&plain, "no program").expect("written");
    let plain = plain.display();
    // An older program knows no such subcommand.
    let older = scratch.join("older");
    fs::write(&older, "#!/bin/sh\necho 'bench-runner: turns?' >&2\nexit 2\n")
        .expect("written");
    let later = scratch.join("later");
    let hello = "{\"Hello\": {\"protocol\": 999, \"build\": {}}}";
    fs::write(&later, format!("#!/bin/sh\necho '{hello}'\n")).expect("written");
    for script in [&older, &later] {
        use std::os::unix::fs::PermissionsExt;
        let all = fs::Permissions::from_mode(0o755);
        fs::set_permissions(script, all).expect("a program");
    }
    let (older, later) = (older.display(), later.display());
    for (line, words) in [
        ("nowhere/at-all:reg=unboxed reg=boxed", "no such program"),
        (&*format!("{plain}:reg=unboxed reg=boxed"), "cannot be started"),
        ("/bin/true:reg=unboxed reg=boxed", "is no bench-runner"),
        ("reg=unboxed /bin/cat:reg=boxed", "is no bench-runner"),
        (&*format!("{older}:reg=unboxed reg=boxed"), "another protocol"),
        (&*format!("{later}:reg=unboxed reg=boxed"), "another protocol"),
        (&*format!("{copy}:reg=unboxed reg=boxd"), "reg=boxed"),
        (
            &*format!("{copy}:reg=unboxed reg=boxed --layouts 2"),
            "--layouts links this program only",
        ),
        (
            &*format!("{copy}:reg=unboxed reg=boxed --placement threaded"),
            "in lockstep only",
        ),
    ] {
        let output = compared(line);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{line}: {said}");
        assert!(said.lines().count() == 1 && said.contains(words), "{said}");
    }
}

/// Numbers of the processes whose program is, or was, below `folder`.
fn running(folder: &Path) -> Vec<u32> {
    let all = fs::read_dir("/proc").expect("processes").flatten();
    let is_ours = |pid: &u32| {
        let program = fs::read_link(format!("/proc/{pid}/exe"));
        program.is_ok_and(|program| program.starts_with(folder))
    };
    let numbers = all.filter_map(|e| e.file_name().to_str()?.parse().ok());
    numbers.filter(is_ours).collect()
}

#[test]
fn a_killed_comparison_of_two_programs_leaves_no_process() {
    let scratch = Scratch::new("two-killed");
    let copy = copied(&scratch);
    let mut parent = Command::new(&copy)
        .args(["compare", &format!("{copy}:reg=unboxed"), "reg=boxed"])
        .args(["--processes", "8", "--rounds", "10000"])
        // Where the copies are that processes are started from.
        .env("TMPDIR", &scratch.0)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the program starts");
    let until = |wanted: usize| {
        let begin = std::time::Instant::now();
        while running(&scratch.0).len() != wanted {
            let now = running(&scratch.0);
            assert!(begin.elapsed().as_secs() < 60, "{now:?}");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    };
    // Itself and a process of each program.
    until(3);
    parent.kill().expect("killed");
    parent.wait().expect("gone");
    until(0);
}

use super::super::{
    Build, Cell, Fill, Placement, Round, Trace, Workload, example,
};
use super::*;
use crate::load::Rate;
use proptest::prelude::*;
use std::path::PathBuf;

/// A folder that goes when the test does.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let id = std::process::id();
        let path = std::env::temp_dir().join(format!("ringside-{name}-{id}"));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn small() -> Run {
    let mut run = example::run(&["baseline", "reg=boxed"], &[1, 32]);
    run.processes.truncate(2);
    for process in &mut run.processes {
        process.rounds.truncate(3);
    }
    run
}

/// What `load` says about a file with this text.
fn refusal(name: &str, text: impl AsRef<[u8]>) -> String {
    let folder = Folder::new(name);
    let path = folder.0.join(FILE);
    fs::write(&path, text).unwrap();
    let line = Run::load(&path).unwrap_err().to_string();
    assert!(!line.contains('\n'), "{line}");
    assert!(line.starts_with(&path.display().to_string()), "{line}");
    line[path.display().to_string().len() + 2..].to_owned()
}

/// What `load` says about the small run after a change to its text.
fn altered(name: &str, from: &str, to: &str) -> String {
    let text = text(&small()).unwrap();
    assert!(text.contains(from), "{from} is not in\n{text}");
    refusal(name, text.replacen(from, to, 1))
}

/// What `load` says about the small run after a change to a round.
fn contradicting(name: &str, change: impl Fn(&mut Run)) -> String {
    let mut run = small();
    change(&mut run);
    refusal(name, text(&run).unwrap())
}

fn round(run: &mut Run) -> &mut Round {
    &mut run.processes[1].rounds[2]
}

#[test]
fn a_saved_run_loads_from_its_folder_and_from_its_file() {
    let folder = Folder::new("round-trip");
    let run = small();
    run.save(&folder.0.join("deep")).unwrap();
    assert_eq!(Run::load(&folder.0.join("deep")).unwrap(), run);
    assert_eq!(Run::load(&folder.0.join("deep/run.json")).unwrap(), run);
}

#[test]
fn a_run_of_two_programs_loads_as_it_was_saved() {
    let folder = Folder::new("two-programs");
    let mut run = small();
    let path = Some("old/bench-runner".to_owned());
    run.other_build = Some(Build { path, ..run.build.clone() });
    let again = Cell { other: true, ..run.cells[0].clone() };
    run.cells[1] = again;
    run.save(&folder.0).unwrap();
    assert_eq!(Run::load(&folder.0).unwrap(), run);
    let orphan = |run: &mut Run| run.cells[0].other = true;
    let line = contradicting("no-other", orphan);
    assert!(line.contains("cells[0].other is true"), "{line}");
}

#[test]
fn a_run_from_before_there_were_fills_has_full_rings() {
    let folder = Folder::new("fills");
    let text = text(&small()).unwrap();
    let text = text.replace(",\"fill\":\"full\"", "");
    let text = text.replace("    \"fill\": \"full\",\n", "");
    assert!(!text.contains("fill"), "{text}");
    fs::write(folder.0.join(FILE), text).unwrap();
    assert_eq!(Run::load(&folder.0).unwrap(), small());
}

#[test]
fn a_variant_under_another_name_loads_as_it_was_saved() {
    let folder = Folder::new("same-code");
    let mut run = small();
    // Runs from before there were any have none.
    assert!(!text(&run).unwrap().contains("same_code"));
    example::add_same_code(&mut run, "reg=typed", "baseline");
    run.save(&folder.0).unwrap();
    assert_eq!(Run::load(&folder.0).unwrap(), run);
    assert_eq!(run.namesakes("baseline"), ["reg=typed"]);
    assert!(run.namesakes("reg=boxed").is_empty());
}

#[test]
fn a_run_from_before_there_were_workloads_forwards() {
    let folder = Folder::new("workloads");
    let mut run = small();
    let text = text(&run).unwrap();
    assert_eq!(text.matches("workload").count(), 1, "{text}");
    assert!(!text.contains("types") && !text.contains("trace"), "{text}");
    fs::write(folder.0.join(FILE), text).unwrap();
    assert_eq!(Run::load(&folder.0).unwrap(), run);
    run.setup.types = 8;
    run.setup.trace = Trace::Replayed;
    run.cells[0].workload = Workload::Classify;
    run.save(&folder.0).unwrap();
    assert_eq!(Run::load(&folder.0).unwrap(), run);
}

#[test]
fn a_threaded_run_loads_as_it_was_saved() {
    let folder = Folder::new("threaded");
    let mut run = small();
    run.setup.placement = Placement::Threaded;
    let ours = round(&mut run);
    ours.line_round_trip_ns = Some(61.5);
    ours.forwarded = Some(vec![3; ours.ticks.len()]);
    ours.model_busy = Some(vec![0.25; ours.ticks.len()]);
    run.save(&folder.0).unwrap();
    assert_eq!(Run::load(&folder.0).unwrap(), run);
}

#[test]
fn a_run_over_cores_loads_as_it_was_saved_and_none_is_before_there_were_any() {
    let folder = Folder::new("cores");
    assert!(!text(&small()).unwrap().contains("\"cores\": ["));
    assert!(!text(&small()).unwrap().contains("queues"));
    let mut run = example::over_cores(&["baseline"], &[32], 3);
    run.setup.queues = Some(6);
    run.save(&folder.0).unwrap();
    assert_eq!(Run::load(&folder.0).unwrap(), run);
    assert_eq!(run.core_counts(), [Some(1), Some(2), Some(3)]);
    assert_eq!(small().core_counts(), [None]);
}

#[test]
fn a_rate_loads_as_it_was_saved_and_none_is_before_there_were_any() {
    let folder = Folder::new("rate");
    assert!(!text(&small()).unwrap().contains("\"rate\""));
    let mut run = small();
    run.setup.placement = Placement::Threaded;
    run.setup.rate = Some(Rate::Line);
    let cells = run.cells.len();
    round(&mut run).in_time = Some(vec![1.0; cells]);
    run.save(&folder.0).unwrap();
    assert!(text(&run).unwrap().contains("\"rate\": \"line\""));
    assert_eq!(Run::load(&folder.0).unwrap(), run);
    for (change, hint) in [
        (
            &(|run: &mut Run| run.setup.placement = Placement::Lockstep)
                as &dyn Fn(&mut Run),
            "lockstep",
        ),
        (&|run| run.setup.rate = Some(Rate::Percent(5.0)), "5%"),
        (&|run| run.cells[0].workload = Workload::Tx, "receives nothing"),
        (&|run| round(run).in_time = Some(vec![2.0; cells]), "not 0 to 1"),
        (&|run| round(run).in_time = Some(Vec::new()), "in_time has 0"),
    ] {
        let mut run = run.clone();
        change(&mut run);
        let line = refusal("no-rate", text(&run).unwrap());
        assert!(line.contains(hint), "{line}");
    }
}

#[test]
fn cores_that_contradict_each_other_are_refused() {
    let refused = |change: &dyn Fn(&mut Run)| {
        let mut run = example::over_cores(&["baseline"], &[32], 3);
        change(&mut run);
        refusal("no-cores", text(&run).unwrap())
    };
    for change in [
        &(|run: &mut Run| run.setup.cores[1] = 1) as &dyn Fn(&mut Run),
        &|run| run.setup.cores[2] = run.setup.model_core,
        &|run| run.setup.core = 2,
        &|run| run.setup.placement = Placement::Lockstep,
    ] {
        let line = refused(change);
        assert!(line.contains("setup.cores contradicts"), "{line}");
    }
    let line = refused(&|run| run.setup.split = true);
    assert!(line.contains("setup.split is true"), "{line}");
    for queues in [0, 2, 17] {
        let line = refused(&|run| run.setup.queues = Some(queues));
        assert!(line.contains("not 3 to 16"), "{line}");
    }
    for cores in [0, 4] {
        let line = refused(&|run| run.cells[1].cores = Some(cores));
        assert!(line.contains("but setup.cores has 3"), "{line}");
    }
    let line = refused(&|run| run.cells[1].workload = Workload::Rx);
    assert!(line.contains("its workload is rx"), "{line}");
}

#[test]
fn numbers_load_as_they_were_saved() {
    let folder = Folder::new("numbers");
    let mut run = small();
    let mut numbers = fastrand::Rng::with_seed(3);
    for round in run.processes.iter_mut().flat_map(|p| &mut p.rounds) {
        round.chain_ghz = 4.0 + numbers.f64();
        let busy = run.cells.iter().map(|_| numbers.f64());
        round.model_busy = Some(busy.collect());
    }
    run.save(&folder.0).unwrap();
    assert_eq!(Run::load(&folder.0).unwrap(), run);
}

#[test]
fn saving_leaves_nothing_but_the_run() {
    let folder = Folder::new("clean");
    small().save(&folder.0).unwrap();
    small().save(&folder.0).unwrap();
    let names: Vec<_> = fs::read_dir(&folder.0)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, [FILE]);
}

#[test]
fn every_round_has_a_line_of_its_own() {
    let text = text(&small()).unwrap();
    let rounds = text.lines().filter(|line| line.contains("\"ticks\""));
    assert_eq!(rounds.count(), 6);
    let cells = text.lines().filter(|line| line.contains("\"batch\""));
    assert_eq!(cells.count(), small().cells.len());
}

#[test]
fn a_run_without_samples_loads() {
    let folder = Folder::new("bare");
    let mut run = small();
    run.processes.clear();
    run.cells.clear();
    run.save(&folder.0).unwrap();
    assert_eq!(Run::load(&folder.0).unwrap(), run);
}

#[test]
fn a_failed_save_names_the_file_and_leaves_no_partial_one() {
    let folder = Folder::new("blocked");
    let blocked = folder.0.join(FILE);
    fs::create_dir_all(blocked.join("in the way")).unwrap();
    let line = small().save(&folder.0).unwrap_err().to_string();
    assert!(line.starts_with(&blocked.display().to_string()), "{line}");
    assert!(line.ends_with("choose another folder"), "{line}");
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
}

#[test]
fn a_run_that_contradicts_itself_is_not_written() {
    let folder = Folder::new("contradiction");
    let mut run = small();
    round(&mut run).chain_ghz = f64::NAN;
    let line = run.save(&folder.0).unwrap_err().to_string();
    assert!(line.contains("processes[1].rounds[2].chain_ghz is NaN"));
    assert!(!folder.0.join(FILE).exists());
}

#[test]
fn a_missing_file_is_called_missing() {
    let folder = Folder::new("missing");
    let path = folder.0.join(FILE).display().to_string();
    let want =
        format!("{path}: no such file: name a run's folder or its run.json");
    for path in [folder.0.clone(), folder.0.join(FILE)] {
        assert_eq!(Run::load(&path).unwrap_err().to_string(), want);
    }
}

#[test]
fn an_empty_file_is_called_empty() {
    assert_eq!(
        refusal("empty", ""),
        "the file is empty: restore the file or measure again"
    );
}

#[test]
fn a_file_cut_short_is_called_cut_off() {
    let text = text(&small()).unwrap();
    for share in 1..10 {
        let line = refusal("cut", &text[..text.len() * share / 10]);
        assert!(line.starts_with("cut off in line "), "{line}");
    }
}

#[test]
fn a_file_of_another_kind_is_called_that() {
    for other in ["not json", "a,b\n1,2\n", "{\"schema\": 1,}", "\u{feff}{}"] {
        let line = refusal("kind", other);
        assert!(line.starts_with("not JSON, "), "{line}");
    }
    let line = refusal("binary", b"\x7fELF\xff\xfe\0");
    assert!(line.starts_with("not JSON, "), "{line}");
    let line = refusal("other-json", "{\"name\": \"x\"}");
    assert!(line.starts_with("missing field `schema`"), "{line}");
}

#[test]
fn another_schema_is_told_before_any_field() {
    assert_eq!(
        refusal("newer", "{\"schema\": 7, \"novel\": []}"),
        "made by a newer bench-runner (schema 7, this one reads 1): \
         update bench-runner"
    );
    assert_eq!(
        refusal("older", "{\"schema\": 0}"),
        "made by an older bench-runner (schema 0, this one reads 1): \
         read it with that version or measure again"
    );
}

#[test]
fn unknown_and_renamed_fields_are_named_with_their_line() {
    let line = altered("unknown", "\"tick_hz\"", "\"hz\": 1, \"tick_hz\"");
    assert!(line.starts_with("unknown field `hz`"), "{line}");
    assert!(line.contains(" at line 26 "), "{line}");
    let line = altered("renamed", "\"chain_ghz\"", "\"ghz\"");
    assert!(line.starts_with("unknown field `ghz`"), "{line}");
}

#[test]
fn a_missing_field_is_named() {
    let line = altered("no-command", "\"command\": \"test\",", "");
    assert!(line.starts_with("missing field `command`"), "{line}");
}

#[test]
fn a_value_of_the_wrong_type_is_named_with_its_line() {
    let line = altered("type", "\"seed\": 1,", "\"seed\": \"one\",");
    assert!(line.starts_with("invalid type: string \"one\""), "{line}");
    assert!(line.contains(" at line "), "{line}");
    let line = altered("infinite", "\"chain_ghz\":4.0", "\"chain_ghz\":1e999");
    assert!(line.contains("number out of range at line "), "{line}");
}

#[test]
fn a_line_break_in_a_field_name_stays_on_the_line() {
    let line = altered("break", "\"seed\"", "\"se\\ned\"");
    assert!(line.starts_with("unknown field `se\\ned`"), "{line}");
}

#[test]
fn contradictions_are_named_by_field() {
    let line = contradicting("ticks", |run| {
        round(run).ticks.pop();
    });
    assert_eq!(
        line,
        "processes[1].rounds[2].ticks has 5 entries for 6 cells: restore \
         the file or measure again"
    );
    let line = contradicting("arena", |run| round(run).arena = 4);
    assert!(line.starts_with(
        "processes[1].rounds[2].arena is 4, but setup.arenas is 4:"
    ));
    let line = contradicting("length", |run| round(run).length = 0);
    assert!(line.contains("rounds[2].length is 0, not 1 to "), "{line}");
    let line = contradicting("ghz", |run| round(run).chain_ghz = 0.0);
    assert!(line.contains("chain_ghz is 0, not a number above 0"));
    let line = contradicting("forwarded", |run| {
        round(run).forwarded = Some(vec![]);
    });
    assert!(line.contains("forwarded has 0 entries for 6 cells"));
    let line = contradicting("busy", |run| {
        round(run).model_busy = Some(vec![1.5; 6]);
    });
    assert!(line.contains("model_busy holds 1.5, not 0 to 1"), "{line}");
    let line = contradicting("batch", |run| run.cells[1].batch = 0);
    assert!(line.starts_with("cells[1].batch is 0"), "{line}");
    let line = contradicting("twice", |run| {
        run.cells[1] = run.cells[0].clone();
    });
    assert!(
        line.contains(
            "cells[1]: baseline at batch size 1, full fill is listed"
        )
    );
    let line = contradicting("random", |run| {
        run.setup.placement = Placement::Threaded;
        run.cells[2].fill = Fill::Random;
    });
    assert!(line.starts_with("cells[2].fill is random, but"), "{line}");
    let line = contradicting("full", |run| run.setup.fill = Fill::Random);
    assert!(line.starts_with("cells[0].fill is full, but"), "{line}");
    let line = contradicting("arenas", |run| run.setup.arenas = u32::MAX);
    assert!(line.starts_with("setup.arenas is 4294967295"), "{line}");
    let line = contradicting("phase", |run| {
        run.setup.packets_per_phase = 0;
    });
    assert!(line.starts_with("setup.packets_per_phase is 0"), "{line}");
    let line = contradicting("tick", |run| run.machine.tick_hz = -1.0);
    assert!(line.starts_with("machine.tick_hz is -1"), "{line}");
    let same = |variant, as_in| {
        contradicting("same", |run| {
            example::add_same_code(run, variant, as_in);
        })
    };
    let line = same("reg=boxed", "baseline");
    assert!(line.contains("reg=boxed is measured twice"), "{line}");
    let line = same("reg=typed", "reg=bytes");
    assert!(line.contains("as_in: reg=bytes has no cells"), "{line}");
}

#[test]
fn what_is_no_regular_file_is_not_read() {
    let line = Run::load(Path::new("/dev/zero")).unwrap_err().to_string();
    assert!(line.starts_with("/dev/zero: no regular file"), "{line}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn reading_changed_bytes_never_panics_and_is_one_line(
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), any::<u8>()), 0..8),
        end in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = text(&small()).unwrap().into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cut {
            bytes.truncate(end.index(bytes.len()));
        }
        let read = Run::parse(Path::new(FILE), &bytes);
        if let Err(error) = &read {
            let line = error.to_string();
            prop_assert!(!line.contains('\n'), "{line}");
            prop_assert!(line.starts_with("run.json: "), "{line}");
            prop_assert!(line.matches(": ").count() >= 2, "{line}");
        }
        // Nothing behind the last bracket can be missed.
        let whole = text(&small()).unwrap();
        prop_assert!(!cut || bytes.len() + 1 >= whole.len() || read.is_err());
    }
}

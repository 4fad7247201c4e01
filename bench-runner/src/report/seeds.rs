//! Small records of every kind, from which fuzzing begins: `fuzz/seeds/`.

use std::fs;
use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Material, csv, html, markdown};
use crate::analysis::analyse;
use crate::folder::reference;
use crate::history::{self, Loaded};
use crate::latency::{self, example as latencies};
use crate::ndr::{self, Shape, example as ndrs};
use crate::plot;
use crate::reproduce::published::Place;
use crate::reproduce::record::{
    Asked, MeasuredFinding, MeasuredPanel, MeasuredPoint, MeasuredSeries,
    Record, Reproduced, SCHEMA, Way,
};
use crate::results::{Run, example, parse};
use crate::soak::{self, example as soaks};
use crate::trend::{self, record::Trend};

/// A run that is short in every direction.
fn small(mut run: Run) -> Run {
    run.processes.truncate(3);
    for process in &mut run.processes {
        process.rounds.truncate(4);
    }
    (run.setup.processes, run.setup.rounds) = (3, 4);
    run
}

/// A run with all that one in lockstep may have.
fn lockstep() -> Run {
    let variants =
        ["baseline", "reg=boxed", "walk=speculate", "batch=arena", "persona=x"];
    let mut run = small(example::run(&variants, &[1, 32]));
    example::add_random(&mut run, &["baseline", "reg=boxed"]);
    example::add_same_code(&mut run, "reg=typed", "baseline");
    run
}

/// A line of a history.
fn lines() -> String {
    let cells = [("baseline", 8, 3.0), ("reg=boxed", 32, 9.5)];
    let line = crate::history::example::line(1, &cells);
    serde_json::to_string(&line).expect("a line") + "\n"
}

/// What a history of these bytes says.
fn trend(bytes: &[u8]) -> Option<Trend> {
    let mut loaded = Loaded::default();
    history::parse("a.jsonl", bytes, &mut loaded).ok()?;
    Some(trend::series::of(&loaded))
}

/// A record of two figures.
fn reproduction() -> Record {
    let Run { started, build, machine, .. } =
        example::run(&["baseline"], &[32]);
    let point =
        |x, y| MeasuredPoint { x, y, low: Some(y * 0.9), high: Some(y * 1.1) };
    let series = MeasuredSeries {
        name: "C".to_owned(),
        subject: "baseline".to_owned(),
        points: vec![
            point(Place::Number(1.0), 9.0),
            point(Place::Number(32.0), 28.0),
            point(Place::Name("C".to_owned()), 1.0),
        ],
    };
    let finding = MeasuredFinding {
        id: "E01".to_owned(),
        what: "words".to_owned(),
        value: 1.5,
        low: None,
        high: None,
    };
    let way = Way {
        how: "lockstep".to_owned(),
        projected: true,
        panels: vec![MeasuredPanel { panel: 0, series: vec![series] }],
        findings: vec![finding],
    };
    let figure = |id: &str| Reproduced {
        id: id.to_owned(),
        ways: vec![way.clone()],
        absent: vec!["It needs a card.".to_owned()],
    };
    Record {
        schema: SCHEMA,
        command: "bench-runner reproduce all".to_owned(),
        started,
        build,
        machine,
        asked: Asked {
            figures: vec!["F1".to_owned(), "S6".to_owned()],
            seed: 1,
            core: None,
            model_core: None,
            quick: false,
        },
        figures: vec![figure("F1"), figure("S6")],
        warnings: vec!["a warning".to_owned()],
    }
}

/// Name and text of every seed.
fn seeds() -> Vec<(&'static str, String)> {
    fn json(record: &impl Serialize) -> String {
        serde_json::to_string_pretty(record).expect("string keys") + "\n"
    }
    let cores = example::over_cores(&["baseline", "reg=boxed"], &[32], 2);
    let two = small(example::run(&["baseline", "reg=boxed"], &[32]));
    vec![
        ("run/lockstep", json(&lockstep())),
        ("run/two", json(&two)),
        ("run/cores", json(&small(cores))),
        ("latency/virtual", json(&latencies::record().0)),
        ("latency/wall", json(&latencies::wall_record().0)),
        ("ndr/virtual", json(&ndrs::record(Shape::Regular))),
        ("ndr/wall", json(&ndrs::on_the_wall_clock(Shape::NoUpper))),
        ("soak/short", json(&soaks::record(3))),
        ("reproduction/two", json(&reproduction())),
        ("history/line", lines()),
    ]
}

#[test]
fn the_committed_seeds_are_those_of_these_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
    for (name, seed) in seeds() {
        let path = folder.join(format!("{name}.json"));
        if std::env::var_os("UPDATE_SCHEMA").is_some_and(|set| set == "1") {
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(&path, &seed).expect("written");
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == seed,
            "fuzz/seeds/{name}.json differs from the types: run this test \
             with UPDATE_SCHEMA=1"
        );
    }
}

#[test]
fn seeds_are_read_and_shown() {
    let mut all = Material::default();
    for (name, seed) in seeds() {
        let (bytes, path) = (seed.as_bytes(), Path::new(name));
        let (kind, _) = name.split_once('/').expect("a kind");
        match kind {
            "run" => all.runs.push(Run::parse(path, bytes).expect(name)),
            "latency" => all
                .latencies
                .push(parse(path, bytes, latency::record::SCHEMA).expect(name)),
            "ndr" => all
                .ndrs
                .push(parse(path, bytes, ndr::record::SCHEMA).expect(name)),
            "soak" => all
                .soaks
                .push(parse(path, bytes, soak::record::SCHEMA).expect(name)),
            "history" => all.trend = trend(bytes),
            _ => {
                all.reproductions.push(parse(path, bytes, SCHEMA).expect(name))
            }
        }
    }
    let said = markdown::text(&all);
    let titles = [
        "## Latency in µs, in virtual time",
        "## Latency in µs, on the wall clock",
        "## Model NDR, in virtual time",
        "## Soaks",
        "## Published figures",
    ];
    for title in titles {
        assert!(said.contains(title), "{title} in {said}");
    }
    let trend = all.trend.as_ref().expect("a history");
    assert_eq!(trend.machines[0].cells.len(), 2);
    assert!(csv::text(&all).expect("cells").lines().count() > 10);
}

/// Values at the edge of what a field may say, or beyond.
fn edges() -> Vec<Value> {
    vec![
        json!(0),
        json!(1),
        json!(65_535),
        json!(u32::MAX),
        json!(u64::MAX),
        json!(-1),
        json!(0.5),
        json!(5e-324),
        json!(1e308),
        json!(true),
        json!(null),
        json!([]),
        json!({}),
        json!(""),
        json!("<script>|`\n"),
        json!("baseline"),
        json!("line"),
    ]
}

/// Pointers to every value that has none below it (RFC 6901).
fn leaves(value: &Value, at: &str, all: &mut Vec<String>) {
    match value {
        Value::Array(list) if !list.is_empty() => {
            for (place, value) in list.iter().enumerate() {
                leaves(value, &format!("{at}/{place}"), all);
            }
        }
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                leaves(value, &format!("{at}/{name}"), all);
            }
        }
        _ => all.push(at.to_owned()),
    }
}

/// The record with another value in one place.
fn change(record: &mut Value, place: &str, to: Value) {
    // What is below a place that has changed is no longer there.
    if let Some(value) = record.pointer_mut(place) {
        *value = to;
    }
}

/// What is read of a changed seed is shown.
fn shown(kind: &str, bytes: &[u8]) -> bool {
    let path = Path::new(kind);
    let mut all = Material::default();
    match kind {
        "run" => all.runs.extend(Run::parse(path, bytes)),
        "latency" => {
            all.latencies.extend(parse(path, bytes, latency::record::SCHEMA));
        }
        "ndr" => all.ndrs.extend(parse(path, bytes, ndr::record::SCHEMA)),
        "soak" => all.soaks.extend(parse(path, bytes, soak::record::SCHEMA)),
        "history" => all.trend = trend(bytes),
        _ => all.reproductions.extend(parse(path, bytes, SCHEMA)),
    }
    let is_read = all != Material::default();
    let said = markdown::text(&all);
    assert!(!said.contains("<script"), "{said}");
    if let Some(trend) = &all.trend {
        let page = html::page(&all);
        assert_eq!(page.matches("<script").count(), 1, "{page}");
        assert!(trend::text::text(trend).ends_with('\n'));
    }
    for run in &all.runs {
        csv::text(&all).expect("cells");
        let charts = plot::charts(run, &analyse(run, &reference), &reference);
        assert!(charts.iter().all(|(_, svg)| !svg.contains("<script")));
    }
    is_read
}

#[test]
fn many_changed_records_are_still_read() {
    for (name, text) in seeds() {
        let record: Value = serde_json::from_str(&text).expect("JSON");
        let (kind, _) = name.split_once('/').expect("a kind");
        let (mut places, edges) = (Vec::new(), edges());
        leaves(&record, "", &mut places);
        let read = (0..200).filter(|number| {
            let mut record = record.clone();
            let place = &places[number * 7919 % places.len()];
            let edge = edges[number % edges.len()].clone();
            change(&mut record, place, edge);
            shown(kind, record.to_string().as_bytes())
        });
        assert!(read.count() > 20, "{name}: most are refused");
    }
}

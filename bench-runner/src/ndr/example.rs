//! Made-up results for tests.

use super::goal::Goal;
use super::mlrsearch::{End, Found, GoalResult, Shape};
use super::record::{Record, Row, Search};
use crate::load::{SizesArg, Time};
use crate::results::example;

/// NDRs of that shape for two variants at two frame sizes, and no PDRs.
pub fn record(shape: Shape) -> Record {
    let run = example::run(&["reg=boxed"], &[32]);
    let search = Search {
        time: Time::Virtual,
        seed: 7,
        core: 1,
        model_core: None,
        ring_entries: 512,
        buffer_bytes: 2048,
        replays: Some(24),
        ghz: Some(2.5),
        chain_ghz: 4.0,
        final_seconds: 0.1,
        sum_seconds: 2.1,
        exceed_ratio: 0.5,
        width: 0.005,
    };
    let command = "bench-runner ndr".to_owned();
    let mut record = Record::new(command, run.started, run.machine, search);
    record.build = run.build;
    for (variant, frame, rate) in [
        ("baseline", "64", 200e6),
        ("reg=boxed", "64", 20e6),
        ("baseline", "imix", 180e6),
    ] {
        let goals = vec![
            result(Goal::NDR, shape, Some(rate)),
            result(Goal::PDR, Shape::NoLower, None),
        ];
        let (end, trials) = (End::Complete, Vec::new());
        let found = Found { goals, end, trials };
        let frame: SizesArg = frame.parse().expect("sizes");
        record.rows.push(Row::new(variant.to_owned(), frame, 32, &found));
    }
    record
}

/// The same on the wall clock, with a tester that was late at times.
pub fn on_the_wall_clock(shape: Shape) -> Record {
    let mut record = record(shape);
    record.search = Search {
        time: Time::Wall,
        model_core: Some(2),
        replays: None,
        ghz: None,
        ..record.search
    };
    for row in &mut record.rows {
        row.late_trials = Some(3);
    }
    record
}

fn result(goal: Goal, shape: Shape, rate: Option<f64>) -> GoalResult {
    GoalResult {
        goal,
        shape,
        lower: rate,
        upper: rate.map(|rate| rate * 1.004),
        conditional_throughput: rate,
    }
}

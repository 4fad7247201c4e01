//! What was found, as charts.

use super::record::{GoalRecord, Record, Row};
use super::table::conditions;
use crate::plot::{Bar, Bars, machine_of, origin_of};

/// Every chart, as file name and SVG text: one for each frame size and batch
/// size.
pub fn charts(record: &Record) -> Vec<(String, String)> {
    let mut charts: Vec<(String, Bars)> = Vec::new();
    for row in &record.rows {
        let file = format!("ndr-{}-{}.svg", row.frame, row.batch);
        let bars = match charts.iter_mut().find(|(f, _)| *f == file) {
            Some((_, bars)) => bars,
            None => {
                charts.push((file, empty(record, row)));
                &mut charts.last_mut().expect("just pushed").1
            }
        };
        let mpps = |goal: &GoalRecord| goal.lower_bound.map(|r| r / 1e6);
        let note = |goal: &GoalRecord| goal.note().to_owned();
        bars.bars.push(Bar {
            name: row.variant.clone(),
            values: row.goals.iter().map(mpps).collect(),
            notes: row.goals.iter().map(note).collect(),
        });
    }
    charts.into_iter().map(|(name, bars)| (name, bars.draw())).collect()
}

/// A chart without bars for those that share frames and batch size with
/// `row`.
fn empty(record: &Record, row: &Row) -> Bars {
    let frames = match row.frame.as_str() {
        "imix" => "imix".to_owned(),
        bytes => format!("{bytes} bytes"),
    };
    Bars {
        title: format!("Model NDR, frames of {frames}, batch {}", row.batch),
        subtitle: caption(record),
        x_label: "Mpps, lower bound, both directions".to_owned(),
        keys: row.goals.iter().map(|goal| goal.name.clone()).collect(),
        bars: Vec::new(),
    }
}

/// How the numbers were made, on what, when and by what.
fn caption(record: &Record) -> String {
    let machine = machine_of(&record.machine, None);
    let origin = origin_of(&record.build, &record.started);
    format!("{} {machine} {origin}", conditions(record))
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::super::mlrsearch::Shape;
    use super::*;

    #[test]
    fn a_chart_for_each_frame_size_and_batch_size() {
        let record = example::record(Shape::NoUpper);
        let charts = charts(&record);
        let names: Vec<_> = charts.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["ndr-64-32.svg", "ndr-imix-32.svg"]);
        let svg = &charts[0].1;
        for text in ["Model NDR", "reg=boxed", "no upper bound", "PDR 0.5%"] {
            assert!(svg.contains(text), "{text}");
        }
        assert_eq!(charts, super::charts(&record));
    }
}

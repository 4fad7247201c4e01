//! What was found, as charts.

use super::record::{GoalRecord, Record, Row};
use super::table::conditions;
use crate::load::Time;
use crate::plot::{
    Bar, Bars, Curve, Curves, LineRate, Scale, machine_of, origin_of,
};

/// Bytes between two points of the line rate.
const EVERY: usize = 4;

/// Every chart, as file name and SVG text: one over frame sizes for each batch
/// size, and bars for a frame size that is the only one, and for `imix`.
pub fn charts(record: &Record) -> Vec<(String, String)> {
    let mut charts = Vec::new();
    let all: Vec<_> = record.rows.iter().filter_map(Row::bytes).collect();
    let is_alone = |row: &&Row| match row.bytes() {
        Some(bytes) => all.iter().all(|other| *other == bytes),
        None => true,
    };
    let alone: Vec<_> = record.rows.iter().filter(is_alone).collect();
    for (frame, batch) in keys(&alone, |row| (row.frame.clone(), row.batch)) {
        let is_one = |row: &&&Row| row.frame == frame && row.batch == batch;
        let rows: Vec<_> = alone.iter().filter(is_one).copied().collect();
        let name = format!("ndr-{frame}-{batch}.svg");
        charts.push((name, bars(record, &rows).draw()));
    }
    let several = |row: &&Row| !is_alone(row);
    let several: Vec<_> = record.rows.iter().filter(several).collect();
    for batch in keys(&several, |row| row.batch) {
        let is_one = |row: &&&Row| row.batch == batch;
        let rows: Vec<_> = several.iter().filter(is_one).copied().collect();
        let name = format!("ndr-sizes-{batch}.svg");
        charts.push((name, over_sizes(record, &rows).draw()));
    }
    charts
}

/// What rows have for a key, each once.
fn keys<K: PartialEq>(rows: &[&Row], of: impl Fn(&Row) -> K) -> Vec<K> {
    let mut keys = Vec::new();
    for row in rows {
        let key = of(row);
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// The first goal's answer of each row, a line for each variant.
fn over_sizes(record: &Record, rows: &[&Row]) -> Curves {
    let variants = keys(rows, |row| row.variant.clone());
    let mut curves = Vec::new();
    for (number, variant) in variants.iter().enumerate() {
        let ours = rows.iter().filter(|row| row.variant == *variant);
        let point = |row: &&Row| {
            let mpps = row.goals.first()?.lower_bound? / 1e6;
            Some((f64::from(row.bytes()?), mpps))
        };
        let mut points: Vec<_> = ours.filter_map(point).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let name = variant.clone();
        curves.push(Curve {
            name,
            kin: Some((number, 0)),
            thin: false,
            points,
            ..Curve::default()
        });
    }
    let sizes = || rows.iter().filter_map(|row| row.bytes());
    let (least, most) = (sizes().min(), sizes().max());
    let ends = least.unwrap_or_default()..=most.unwrap_or_default();
    let rate = |bytes: u16| (f64::from(bytes), LineRate::ten_gbe(bytes).mpps);
    let line = ends.clone().step_by(EVERY).chain(most).map(rate);
    curves.push(Curve {
        name: "line rate of two 10 Gbit/s ports".to_owned(),
        kin: None,
        thin: true,
        points: line.collect(),
        ..Curve::default()
    });
    let first = rows.first();
    let goal = first.and_then(|row| row.goals.first());
    let goal = goal.map_or_else(String::new, |goal| goal.name.clone());
    let batch = first.map_or(0, |row| row.batch);
    Curves {
        title: format!(
            "Model {goal}{} by frame size, batch {batch}",
            clock(record)
        ),
        subtitle: format!(
            "{} The line rate is no limit here.",
            caption(record)
        ),
        y_label: "Mpps, lower bound, both directions".to_owned(),
        y_scale: Scale::Log,
        x_label: "frame size on the wire with its checksum, bytes".to_owned(),
        x_scale: Scale::Linear,
        curves,
    }
}

/// The answers to all goals of rows that share frames and batch size.
fn bars(record: &Record, rows: &[&Row]) -> Bars {
    let bar = |row: &&Row| {
        let mpps = |goal: &GoalRecord| goal.lower_bound.map(|r| r / 1e6);
        let note = |goal: &GoalRecord| goal.note().to_owned();
        Bar {
            name: row.variant.clone(),
            values: row.goals.iter().map(mpps).collect(),
            intervals: Vec::new(),
            notes: row.goals.iter().map(note).collect(),
        }
    };
    let bars = rows.iter().map(bar).collect();
    Bars { bars, ..empty(record, rows[0]) }
}

/// A chart without bars for those that share frames and batch size with
/// `row`.
fn empty(record: &Record, row: &Row) -> Bars {
    let frames = match row.frame.as_str() {
        "imix" => "imix".to_owned(),
        bytes => format!("{bytes} bytes"),
    };
    Bars {
        title: format!(
            "Model NDR{}, frames of {frames}, batch {}",
            clock(record),
            row.batch
        ),
        subtitle: caption(record),
        x_label: "Mpps, lower bound, both directions".to_owned(),
        keys: row.goals.iter().map(|goal| goal.name.clone()).collect(),
        bars: Vec::new(),
    }
}

/// What a title says of the time; nothing of virtual time.
fn clock(record: &Record) -> &'static str {
    match record.search.time {
        Time::Virtual => "",
        Time::Wall => " on the wall clock",
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
        let wall = example::on_the_wall_clock(Shape::Regular);
        for (_, svg) in super::charts(&wall) {
            assert!(svg.contains("Model NDR on the wall clock, frames of"));
        }
    }

    #[test]
    fn several_frame_sizes_are_a_line_for_each_variant() {
        let mut record = example::record(Shape::Regular);
        let mut larger = record.rows[0].clone();
        larger.frame = "512".to_owned();
        larger.goals[0].lower_bound = Some(150e6);
        record.rows.push(larger);
        let charts = charts(&record);
        let names: Vec<_> = charts.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["ndr-imix-32.svg", "ndr-sizes-32.svg"]);
        let rows: Vec<_> = record.rows.iter().collect();
        let chart = over_sizes(&record, &rows);
        let [baseline, boxed, line] = &chart.curves[..] else {
            panic!("{chart:?}")
        };
        assert_eq!(baseline.points, [(64.0, 200.0), (512.0, 150.0)]);
        assert_eq!(boxed.points, [(64.0, 20.0)]);
        // 84 bytes of a wire's time are 672 bits (IEEE 802.3).
        let (bytes, mpps) = line.points[0];
        assert!(bytes == 64.0 && (mpps - 29.76).abs() < 0.01, "{mpps}");
        assert_eq!(line.points.last().map(|(bytes, _)| *bytes), Some(512.0));
    }
}

//! A row per cell, as RFC 4180 has it but for the ends of lines, which are
//! single line feeds.

use csv::{Writer, WriterBuilder};

use crate::analysis::{CellResult, analyse, axis};
use crate::failure::Failure;
use crate::folder::reference;
use crate::report::Material;
use crate::results::{Placement, Run, bare};
use crate::stats::Estimate;

/// Names of the columns.
const HEAD: [&str; 25] = [
    "started",
    "commit",
    "placement",
    "variant",
    "reference",
    "axis",
    "batch",
    "fill",
    "cores",
    "copy",
    "ns_per_packet",
    "ns_low",
    "ns_high",
    "cycles_per_packet",
    "cycles_low",
    "cycles_high",
    "mpps",
    "mpps_low",
    "mpps_high",
    "ratio",
    "ratio_low",
    "ratio_high",
    "verdict",
    "processes",
    "model_bound",
];

/// The whole text. A number that is not there is an empty field.
///
/// # Errors
///
/// When there is no run, which alone has cells.
pub fn text(material: &Material) -> Result<String, Failure> {
    if material.runs.is_empty() {
        return Err(Failure::error(
            "no run.json among what was named, and nothing else has cells: \
             choose --format md",
        ));
    }
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    write(&mut writer, &material.runs).map_err(Failure::error)?;
    let bytes = writer.into_inner().map_err(Failure::error)?;
    String::from_utf8(bytes).map_err(Failure::error)
}

fn write(writer: &mut Writer<Vec<u8>>, runs: &[Run]) -> csv::Result<()> {
    writer.write_record(HEAD)?;
    for run in runs {
        for result in &analyse(run, &reference) {
            writer.write_record(row(run, result))?;
        }
    }
    Ok(())
}

fn row(run: &Run, result: &CellResult) -> Vec<String> {
    let name = result.variant.as_str();
    let is_other = bare(name) != name;
    let build = match &run.other_build {
        Some(other) if is_other => other,
        _ => &run.build,
    };
    let placement = match run.setup.placement {
        Placement::Lockstep => "lockstep",
        Placement::Threaded => "threaded",
        Placement::Card => "card",
        Placement::External => "external",
    };
    let against = match result.cost_ratio {
        Some(_) => reference(name),
        None => "",
    };
    let verdict = result.finding.map_or("", |f| f.verdict.word());
    let mut row = vec![
        inert(&run.started),
        inert(&build.commit),
        placement.to_owned(),
        inert(name),
        inert(against),
        inert(axis(name)),
        result.batch.to_string(),
        result.fill.to_string(),
        result.cores.map_or(String::new(), |cores| cores.to_string()),
        result.copy.to_string(),
    ];
    row.extend(numbers(Some(result.ns)));
    row.extend(numbers(Some(result.cycles)));
    row.extend(numbers(result.mpps));
    row.extend(numbers(result.cost_ratio));
    row.extend([
        verdict.to_owned(),
        result.processes.to_string(),
        result.hollow.to_string(),
    ]);
    row
}

/// A value and its interval.
fn numbers(estimate: Option<Estimate>) -> [String; 3] {
    let number = |value: f64| format!("{value:.5}");
    let (low, high) = estimate.and_then(|e| e.interval).unzip();
    [estimate.map(|e| e.value), low, high]
        .map(|value| value.map_or(String::new(), number))
}

/// A text that no spreadsheet takes for a formula: a quote stands before what
/// begins like one (OWASP, CSV Injection). It is on one line.
fn inert(text: &str) -> String {
    let line = text.replace(char::is_control, " ");
    let formula = line
        .trim_start()
        .starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if formula { format!("'{line}") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::example;
    use proptest::prelude::*;

    fn table(runs: Vec<Run>) -> Vec<Vec<String>> {
        let material = Material { runs, ..Material::default() };
        let text = text(&material).expect("a table");
        assert!(!text.contains('\r'), "{text}");
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(text.as_bytes());
        let rows = reader.records().map(|row| {
            let row = row.expect("as long as the head");
            row.iter().map(str::to_owned).collect()
        });
        rows.collect()
    }

    fn column(name: &str) -> usize {
        HEAD.iter().position(|c| *c == name).expect("a column")
    }

    #[test]
    fn every_cell_has_a_row_with_its_numbers() {
        let run = example::fourteen();
        let cells = run.cells.len();
        let rows = table(vec![run]);
        assert_eq!(rows[0], HEAD);
        assert_eq!(rows.len(), cells + 1);
        let boxed = rows
            .iter()
            .find(|r| r[column("variant")] == "reg=boxed")
            .expect("a row");
        let number = |name: &str| -> f64 {
            boxed[column(name)].parse().expect("a number")
        };
        assert!(number("ratio_low") <= number("ratio"));
        assert!(number("ratio") <= number("ratio_high"));
        assert!((number("ns_per_packet") * number("mpps") - 1e3).abs() < 0.1);
        assert_eq!(boxed[column("reference")], "baseline");
        assert_eq!(boxed[column("axis")], "reg");
        assert_eq!(boxed[column("verdict")], "slower");
        assert_eq!(boxed[column("copy")], "false");
    }

    #[test]
    fn what_is_compared_with_nothing_has_empty_fields() {
        let rows = table(vec![example::run(&["baseline"], &[32])]);
        assert_eq!(rows[1][column("ratio")], "");
        assert_eq!(rows[1][column("reference")], "");
        assert_eq!(rows[2][column("copy")], "true");
    }

    #[test]
    fn formulas_are_not_executed_and_names_stay() {
        let names = ["=cmd|x", "+1", "-1", "@A1", " =1", "reg=boxed", "a\"b,c"];
        let rows = table(vec![example::run(&names, &[32])]);
        let found: Vec<_> =
            rows[1..].iter().map(|row| &row[column("variant")]).collect();
        let wanted =
            ["'=cmd|x", "'+1", "'-1", "'@A1", "' =1", "reg=boxed", "a\"b,c"];
        assert_eq!(found, wanted);
    }

    #[test]
    fn without_a_run_there_is_no_table() {
        let refused = text(&Material::default()).expect_err("refused");
        assert!(refused.to_string().contains("--format md"), "{refused}");
    }

    proptest! {
        #[test]
        fn any_name_stays_in_its_field(name in ".{1,20}") {
            let names = ["baseline", name.as_str()];
            let rows = table(vec![example::run(&names, &[32])]);
            for row in &rows {
                prop_assert_eq!(row.len(), HEAD.len());
            }
            let text = &rows.last().expect("rows")[column("variant")];
            prop_assert!(!text.starts_with(['=', '+', '-', '@', '\t']));
        }
    }
}

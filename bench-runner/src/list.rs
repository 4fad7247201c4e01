//! `list`: axes and variants.

use comfy_table::{Table, presets};
use serde_json::{Value, json};
use variants::registry::{self, AXES, FLOOR};
use variants::workload::Workload;

use crate::build_info;
use crate::cli::ListArgs;
use crate::failure::Failure;
use crate::output;
use crate::plan;

/// Prints what can be measured.
pub fn command(args: &ListArgs) -> Result<(), Failure> {
    if args.json {
        output::line(format_args!("{:#}", as_json()));
    } else {
        output::print(format_args!("{}", as_text()));
    }
    Ok(())
}

fn as_json() -> Value {
    let axes: Vec<_> = AXES
        .iter()
        .map(|axis| {
            let answers: Vec<_> = axis
                .answers
                .iter()
                .map(|answer| {
                    let name = format!("{}={}", axis.name, answer.name);
                    json!({
                        "name": answer.name,
                        "idea": answer.idea,
                        "measured_as": registry::canonical(&name),
                    })
                })
                .collect();
            json!({
                "name": axis.name,
                "question": axis.question,
                "reference": axis.reference,
                "workload": axis.workload().name(),
                "answers": answers,
            })
        })
        .collect();
    let floors: Vec<_> =
        floors().map(|v| json!({ "name": v.name(), "idea": v.idea })).collect();
    let missing = registry::missing().into_iter().flat_map(|(names, why)| {
        names.iter().map(move |name| json!({ "name": name, "why": why }))
    });
    let missing: Vec<_> = missing.collect();
    let build = build_info::build();
    json!({
        "axes": axes,
        "floors": floors,
        "missing": missing,
        "c_compiler": build.c_compiler,
        "c_flags": build.c_flags,
        "workloads": Workload::ALL.map(Workload::name),
        "placements": ["lockstep", "threaded"],
        "fills": ["full", "random"],
    })
}

fn floors() -> impl Iterator<Item = registry::Variant> {
    registry::variants().into_iter().filter(|v| v.axis() == FLOOR)
}

fn as_text() -> String {
    let mut text = String::new();
    for axis in AXES {
        text += &format!("{}  {}\n", axis.name, axis.question);
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        for (i, answer) in axis.answers.iter().enumerate() {
            let mark = if i == 0 { "★" } else { " " };
            let name = format!("{}={}", axis.name, answer.name);
            table.add_row([mark, &name, answer.idea]);
        }
        text += &format!("{table}\n\n");
    }
    text += "floor  What do the harness and the memory cost?\n";
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for floor in floors() {
        table.add_row([" ", &floor.name(), floor.idea]);
    }
    text += &format!("{table}\n\n");
    text += "workloads\n";
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for workload in Workload::ALL {
        table.add_row([" ", workload.name(), workload.idea()]);
    }
    text += &format!("{table}\n\n");
    text += "★ the reference of its axis; all of them together are the \
             baseline, the walk axis builds on batch=arena, and the dispatch \
             axis has the workload classify\n";
    if let Some(line) = plan::missing(&[]) {
        text += &format!("\n{line}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_listed_with_the_name_it_is_measured_under() {
        let json = as_json();
        let axes = json["axes"].as_array().expect("axes");
        assert_eq!(axes.len(), AXES.len());
        for axis in axes {
            for answer in axis["answers"].as_array().expect("answers") {
                assert!(answer["measured_as"].is_string(), "{answer}");
            }
        }
        let text = as_text();
        let lacking = registry::missing().map_or(&[][..], |(names, _)| names);
        assert_eq!(
            json["missing"].as_array().map(Vec::len),
            Some(lacking.len())
        );
        assert!(lacking.iter().all(|name| text.contains(name)), "{text}");
        assert_eq!(json["c_compiler"].is_null(), !lacking.is_empty());
        for variant in registry::variants() {
            let name = variant.name();
            assert!(name == "baseline" || text.contains(&name), "{name}");
        }
    }
}

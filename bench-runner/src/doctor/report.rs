//! What was seen, for people and for programs.

use serde_json::json;

use super::condition::{Condition, Grade};
use super::{Claims, Machine};
use crate::failure::Failure;
use crate::output;

/// Columns in front of what was seen.
const INDENT: usize = 37;

/// Prints the conditions and what the machine can carry.
pub fn print(
    machine: &Machine<'_>,
    conditions: &[Condition],
    cables: &[String],
    as_json: bool,
) -> Result<(), Failure> {
    let claims = Claims::of(conditions);
    if as_json {
        let mut json = json!({
            "core": machine.core,
            "other_core": machine.other_core,
            "conditions": conditions,
            "claims": claims,
        });
        if !cables.is_empty() {
            json["cables"] = json!(cables);
        }
        output::line(format_args!("{json:#}"));
    } else {
        output::print(text(conditions, &claims));
        cables.iter().for_each(output::line);
    }
    Ok(())
}

/// A line for each condition; below one that is not good, why and what to do.
pub fn text(conditions: &[Condition], claims: &Claims) -> String {
    let mut text = String::new();
    for condition in conditions {
        text += &format!(
            "{:<9}{:<28}{}\n",
            condition.grade.name(),
            condition.name,
            condition.seen
        );
        if matches!(condition.grade, Grade::Fair | Grade::Poor) {
            text += &format!("{:INDENT$}why: {}\n", "", condition.why);
        }
        if let Some(fix) = &condition.fix {
            text += &format!("{:INDENT$}fix: {fix}\n", "");
        }
    }
    text + &format!("\n{}\n", claims.line)
}

//! Where a difference comes from: the machine code, and what it does per
//! packet.

use std::collections::HashSet;

use variants::registry::Variant;

use super::contender::Pair;
use crate::counters;
use crate::explain;
use crate::failure::Failure;
use crate::measure::Turns;
use crate::plan;

/// Lines about a pair's machine code and its counts.
pub fn lines(pairs: &[Pair]) -> Result<Vec<String>, Failure> {
    if pairs.iter().any(|pair| pair.a.other || pair.b.other) {
        let line = "machine code and counts of another program are not read: \
                    its own explain and counters show them";
        return Ok(vec![line.to_owned()]);
    }
    let mut lines = Vec::new();
    let mut seen = HashSet::new();
    for Pair { a, b, .. } in pairs {
        let names = (a.variant.clone(), b.variant.clone());
        if a.variant != b.variant && seen.insert(names) {
            let (a, b) = (plan::find(&a.variant)?, plan::find(&b.variant)?);
            lines.push(code(&a, &b));
        }
    }
    for pair in pairs.iter().filter(|pair| !pair.b.copy) {
        lines.push(count(pair)?);
    }
    Ok(lines)
}

/// What `explain` says of two variants, in a line.
fn code(a: &Variant, b: &Variant) -> String {
    let said = explain::in_short(a, b);
    let (a, b) = (a.name(), b.name());
    match said {
        Ok(said) => format!("{said}: bench-runner explain {a} {b}"),
        Err(failure) => format!("machine code unread: {failure}"),
    }
}

/// What callgrind counts for both, in a line.
fn count(pair: &Pair) -> Result<String, Failure> {
    let cells = [&pair.a, &pair.b];
    let mut counts = Vec::new();
    for cell in cells {
        let turns = Turns { batch: cell.batch, fill: cell.fill };
        let variant = plan::find(&cell.variant)?;
        match counters::of(&variant, turns) {
            Ok(count) => counts.push(count),
            Err(failure) => return Ok(format!("not counted: {failure}")),
        }
    }
    let [a, b] = &counts[..] else { return Ok(String::new()) };
    let of = |what: &str, number: fn(&counters::Count) -> u64| {
        let (a, b) = (a.per_packet(number(a)), b.per_packet(number(b)));
        format!("{a:.1} and {b:.1} {what}")
    };
    let numbers = [
        of("instructions", |c| c.own.instructions + c.library.instructions),
        of("branches", |c| c.own.branches + c.library.branches),
        of("loads", |c| c.own.loads + c.library.loads),
        of("stores", |c| c.own.stores + c.library.stores),
        of("allocations", |c| c.allocations),
    ];
    let (first, second) = pair.names();
    Ok(format!(
        "batch {}: {first} and {second} take {} per packet (callgrind)",
        pair.b.batch,
        numbers.join(", "),
    ))
}

//! Counts as tables and as JSON, per packet.

use comfy_table::CellAlignment;
use serde_json::{Value, json};

use super::check::Fault;
use super::{Count, Events};
use crate::measure::Turns;
use crate::results::Fill;
use crate::table;

/// A table for each of the turns.
pub fn text(turns: &[Turns], counts: &[Count]) -> String {
    let mut text = String::new();
    for &turns in turns {
        let rings = match turns.fill {
            Fill::Full => "full rings",
            Fill::Random => "random rings",
        };
        text += &format!("per packet, batch {}, {rings}\n", turns.batch);
        text += &table(counts.iter().filter(|count| count.turns == turns));
        text.push('\n');
    }
    text += "Instructions, branches (conditional ones), loads and stores are \
             the variant's own;\nthe last column has those of the allocator \
             and of other libraries.\n";
    text
}

fn table<'a>(counts: impl Iterator<Item = &'a Count>) -> String {
    let titles = [
        "variant",
        "instructions",
        "branches",
        "loads",
        "stores",
        "allocations",
        "in libraries",
    ];
    let mut table = table::table(titles.into_iter());
    if let Some(column) = table.column_mut(0) {
        column.set_cell_alignment(CellAlignment::Left);
    }
    for count in counts {
        let Events { instructions, branches, loads, stores } = count.own;
        let numbers = [
            (instructions, 2),
            (branches, 3),
            (loads, 2),
            (stores, 2),
            (count.allocations, 3),
            (count.library.instructions, 2),
        ];
        let numbers = numbers.map(|(number, places)| {
            format!("{:.places$}", count.per_packet(number))
        });
        table.add_row([count.variant.clone()].into_iter().chain(numbers));
    }
    table.trim_fmt() + "\n"
}

/// All counts, whole and per packet.
pub fn json(source: &str, counts: &[Count], faults: &[Fault]) -> Value {
    let counts = counts.iter().map(|count| {
        let per_packet = |events: Events| {
            json!({
                "instructions": count.per_packet(events.instructions),
                "branches": count.per_packet(events.branches),
                "loads": count.per_packet(events.loads),
                "stores": count.per_packet(events.stores),
            })
        };
        json!({
            "variant": count.variant,
            "batch": count.turns.batch,
            "fill": count.turns.fill,
            "packets": count.times.packets,
            "batches": count.times.batches,
            "own": count.own,
            "library": count.library,
            "allocations": count.allocations,
            "per_packet": {
                "own": per_packet(count.own),
                "library": per_packet(count.library),
                "allocations": count.per_packet(count.allocations),
            },
        })
    });
    let counts: Vec<_> = counts.collect();
    json!({ "source": source, "counts": counts, "faults": faults })
}

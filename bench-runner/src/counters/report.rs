//! Counts as tables and as JSON, per packet.

use comfy_table::CellAlignment;
use serde_json::{Value, json};

use super::check::Fault;
use super::{ByCode, Count, Events, Modelled, SCHEMA};
use crate::build_info;
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
             the variant's own;\n\"in libraries\" has the instructions of \
             the allocator and of other libraries.\nWhat is marked \"model\" \
             is what callgrind's caches and predictors make of it,\n\
             libraries included, and no count of this processor.\n";
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
        "mispredicts (model)",
        "L1 misses (model)",
        "LL misses (model)",
    ];
    let mut table = table::table(titles.into_iter());
    if let Some(column) = table.column_mut(0) {
        column.set_cell_alignment(CellAlignment::Left);
    }
    for count in counts {
        let Events { instructions, branches, loads, stores } = count.own;
        let ByCode { own, library } = count.model;
        let model = [own, library];
        let sum = |of: &dyn Fn(&Modelled) -> u64| model.iter().map(of).sum();
        let numbers = [
            (instructions, 2),
            (branches, 3),
            (loads, 2),
            (stores, 2),
            (count.allocations, 3),
            (count.library.instructions, 2),
            (sum(&|m| m.mispredicts), 3),
            (sum(&|m| m.l1_load_misses + m.l1_store_misses), 3),
            (sum(&|m| m.ll_load_misses + m.ll_store_misses), 3),
        ];
        let numbers = numbers.map(|(number, places)| {
            format!("{:.places$}", count.per_packet(number))
        });
        table.add_row([count.variant.clone()].into_iter().chain(numbers));
    }
    table.trim_fmt() + "\n"
}

/// All counts, whole and per packet.
pub fn json(source: Option<&str>, counts: &[Count], faults: &[Fault]) -> Value {
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
            "model": count.model,
            "per_packet": {
                "own": per_packet(count.own),
                "library": per_packet(count.library),
                "allocations": count.per_packet(count.allocations),
            },
        })
    });
    let counts: Vec<_> = counts.collect();
    json!({
        "schema": SCHEMA,
        "build": build_info::build(),
        "source": source,
        "counts": counts,
        "faults": faults,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Times;
    use crate::report::Counted;

    #[test]
    fn a_report_reads_what_is_kept() {
        let own =
            Events { instructions: 250, branches: 50, ..Events::default() };
        let count = Count {
            variant: "reg=boxed".to_owned(),
            turns: Turns { batch: 32, fill: Fill::Full },
            times: Times { packets: 100, batches: 4 },
            own,
            library: Events::default(),
            allocations: 300,
            model: ByCode::default(),
        };
        let text = json(Some("valgrind-3"), &[count], &[]).to_string();
        let kept: Counted = serde_json::from_str(&text).expect("counts");
        let count = kept.of("reg=boxed", 32).expect("a count");
        assert_eq!(count.per_packet.own.instructions, 2.5);
        assert_eq!(count.per_packet.allocations, 3.0);
        assert_eq!(kept.of("reg=boxed", 8), None);
        assert_eq!(kept.build, build_info::build());
    }
}

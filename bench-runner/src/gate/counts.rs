//! Tier 0: counts per packet, exact and anywhere.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use variants::registry::Variant;

use super::record::{CellVerdict, Counts, PerPacket};
use crate::counters::{self, Count, Events};
use crate::failure::Failure;
use crate::measure::Turns;
use crate::plan;
use crate::results::Cell;

/// Instructions have risen by so many per packet at least.
const RISE: f64 = 1.0;

/// And by this share at least.
const RISE_SHARE: f64 = 0.005;

/// What a cell takes per packet.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// In this program's code.
    pub own: PerPacket,
    /// In code of libraries: the allocator, copies.
    pub library: PerPacket,
}

/// Counts every cell twice.
///
/// # Errors
///
/// Without valgrind, and when two counts of a cell differ: what is counted is
/// then not the code alone.
pub fn count(cells: &[Cell]) -> Result<Vec<Counted>, Failure> {
    let (first, again) = (once(cells)?, once(cells)?);
    let differs = cells.iter().zip(first.iter().zip(&again));
    for (cell, (first, again)) in differs {
        if first != again {
            let of = |c: &Counted| c.own.instructions + c.library.instructions;
            return Err(Failure::error(format!(
                "{cell}: two counts differ, {} and {} instructions per \
                 packet: something in it depends on more than the code",
                of(first),
                of(again)
            )));
        }
    }
    Ok(first)
}

fn once(cells: &[Cell]) -> Result<Vec<Counted>, Failure> {
    let mut names: Vec<&str> = Vec::new();
    let mut turns: Vec<Turns> = Vec::new();
    for cell in cells {
        if !names.contains(&&*cell.variant) {
            names.push(&cell.variant);
        }
        let one = Turns { batch: cell.batch, fill: cell.fill };
        if !turns.contains(&one) {
            turns.push(one);
        }
    }
    let variants = names.iter().map(|name| plan::find(name));
    let variants: Vec<Variant> = variants.collect::<Result<_, _>>()?;
    let counts = counters::exact(&variants, &turns)?;
    let by_cell: HashMap<_, _> = counts
        .iter()
        .map(|count| ((&*count.variant, count.turns.batch), count))
        .collect();
    cells
        .iter()
        .map(|cell| {
            let count = by_cell.get(&(&*cell.variant, cell.batch));
            count.map(|count| Counted::of(count)).ok_or_else(|| {
                Failure::error(format!("{cell}: nothing was counted"))
            })
        })
        .collect()
}

impl Counted {
    fn of(count: &Count) -> Self {
        let events = |events: &Events, allocations: u64| PerPacket {
            instructions: count.per_packet(events.instructions),
            branches: count.per_packet(events.branches),
            loads: count.per_packet(events.loads),
            stores: count.per_packet(events.stores),
            allocations: count.per_packet(allocations),
        };
        Self {
            own: events(&count.own, count.allocations),
            library: events(&count.library, 0),
        }
    }

    /// All of it.
    #[must_use]
    pub fn whole(&self) -> PerPacket {
        let (a, b) = (&self.own, &self.library);
        PerPacket {
            instructions: a.instructions + b.instructions,
            branches: a.branches + b.branches,
            loads: a.loads + b.loads,
            stores: a.stores + b.stores,
            allocations: a.allocations + b.allocations,
        }
    }

    /// The candidate's against the baseline's.
    #[must_use]
    pub fn against(&self, baseline: &Self, with_libraries: bool) -> Counts {
        let of = |one: &Self| match with_libraries {
            true => one.whole(),
            false => one.own,
        };
        let (baseline, candidate) = (of(baseline), of(self));
        let (before, now) = (baseline.instructions, candidate.instructions);
        let beyond = |less: f64, more: f64| {
            more - less >= RISE && more - less >= RISE_SHARE * less
        };
        Counts {
            baseline,
            candidate,
            risen: beyond(before, now),
            with_libraries,
        }
    }
}

/// What counts say alone.
#[must_use]
pub fn verdict(counts: &Counts) -> CellVerdict {
    let less = counts.baseline.instructions - counts.candidate.instructions;
    let share = RISE_SHARE * counts.baseline.instructions;
    match counts.risen {
        true => CellVerdict::Slower,
        false if less >= RISE && less >= share => CellVerdict::Faster,
        false => CellVerdict::Fine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(own: f64, library: f64) -> Counted {
        let of =
            |instructions| PerPacket { instructions, ..PerPacket::default() };
        Counted { own: of(own), library: of(library) }
    }

    #[test]
    fn a_rise_is_an_instruction_and_half_a_per_cent() {
        let against = |before: f64, now: f64| {
            counted(now, 0.0).against(&counted(before, 0.0), true)
        };
        assert!(against(100.0, 101.0).risen);
        assert!(!against(100.0, 100.9).risen);
        assert!(!against(400.0, 401.5).risen);
        assert!(against(400.0, 402.0).risen);
        assert!(!against(100.0, 90.0).risen);
        let says = |before, now| verdict(&against(before, now));
        assert_eq!(says(100.0, 101.0), CellVerdict::Slower);
        assert_eq!(says(100.0, 90.0), CellVerdict::Faster);
        assert_eq!(says(100.0, 99.5), CellVerdict::Fine);
    }

    #[test]
    fn libraries_count_where_both_have_the_same_ones() {
        let (before, now) = (counted(50.0, 10.0), counted(50.0, 40.0));
        assert!(now.against(&before, true).risen);
        assert!(!now.against(&before, false).risen);
    }
}

//! Events per packet in the shape of the published table: a row per counter,
//! a column per batch size, for each variant. Each number says where it is
//! from, and where there is none stands why.

use std::fmt;

use comfy_table::CellAlignment;
use serde::Serialize;
use serde_json::{Value, json};
use variants::registry::Variant;

use super::Count;
use super::reading::{Quantity, Reading};
use super::tally::Tally;
use crate::measure::Turns;
use crate::table;

/// What a packet takes with one variant in some turns.
#[derive(Clone, Debug, PartialEq)]
pub struct Packet {
    variant: String,
    turns: Turns,
    rows: Vec<(&'static str, Cell)>,
    /// Counters that cannot be had, and why, whatever stands in their place.
    missing: Vec<(&'static str, String)>,
}

/// Where a number is from, the best source first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The processor's counters.
    Hardware,
    /// The kernel's own counters.
    Software,
    /// Callgrind, to the last one.
    Exact,
    /// Callgrind's models of caches and predictors.
    Model,
    /// Time and frequency.
    Estimate,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hardware => "hardware",
            Self::Software => "software",
            Self::Exact => "exact",
            Self::Model => "model",
            Self::Estimate => "estimate",
        })
    }
}

/// A number, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum Cell {
    Number {
        per_packet: f64,
        source: Source,
        /// Share of the time that a shared counter ran.
        #[serde(skip_serializing_if = "Option::is_none")]
        running: Option<f64>,
    },
    Unavailable {
        unavailable: String,
    },
}

impl Cell {
    fn number(per_packet: f64, source: Source) -> Self {
        Self::Number { per_packet, source, running: None }
    }

    /// A reading over `packets`.
    fn read(reading: &Reading, packets: u64, source: Source) -> Self {
        let packets = packets.max(1) as f64;
        match reading {
            Reading::Measured { count } => {
                Self::number(count / packets, source)
            }
            Reading::Multiplexed { count, running } => Self::Number {
                per_packet: count / packets,
                source,
                running: Some(*running),
            },
            Reading::Unavailable { reason } => {
                Self::Unavailable { unavailable: reason.clone() }
            }
        }
    }

    /// This one, or what else there is.
    fn or(self, other: impl FnOnce() -> Option<Self>) -> Self {
        match self {
            Self::Number { .. } => self,
            Self::Unavailable { .. } => other().unwrap_or(self),
        }
    }
}

impl Packet {
    /// The variant's name.
    pub fn variant(&self) -> &str {
        &self.variant
    }

    /// Upper limit of packets per receive call.
    pub fn batch(&self) -> u16 {
        self.turns.batch
    }

    /// A counter per packet by the name of its row, and where it is from.
    pub fn number(&self, name: &str) -> Option<(f64, Source)> {
        let row = self.rows.iter().find(|(row, _)| *row == name);
        row.and_then(|(_, cell)| match cell {
            Cell::Number { per_packet, source, .. } => {
                Some((*per_packet, *source))
            }
            Cell::Unavailable { .. } => None,
        })
    }

    /// Whether there is a number in it.
    pub fn has_numbers(&self) -> bool {
        self.rows.iter().any(|(_, cell)| matches!(cell, Cell::Number { .. }))
    }

    /// Why a number is missing, if one is.
    pub fn reason(&self) -> Option<&str> {
        self.rows.iter().find_map(|(_, cell)| match cell {
            Cell::Unavailable { unavailable } => Some(&**unavailable),
            Cell::Number { .. } => None,
        })
    }
}

/// What all sources together have: the processor's counters first, then what
/// callgrind and the clock say instead.
pub fn rows(
    variants: &[Variant],
    turns: &[Turns],
    exact: &Result<&[Count], String>,
    tallies: &[Vec<Tally>],
) -> Vec<Packet> {
    let mut packets = Vec::new();
    for (variant, tallies) in variants.iter().zip(tallies) {
        let variant = variant.name();
        for (&turns, tally) in turns.iter().zip(tallies) {
            let is = |c: &&Count| c.variant == variant && c.turns == turns;
            let exact = match exact {
                Ok(counts) => counts
                    .iter()
                    .find(is)
                    .ok_or_else(|| "callgrind did not count it".to_owned()),
                Err(why) => Err(why.clone()),
            };
            let rows = packet(exact.as_ref().copied(), tally);
            let variant = variant.clone();
            let missing = missing(tally);
            packets.push(Packet { variant, turns, rows, missing });
        }
    }
    packets
}

fn missing(tally: &Tally) -> Vec<(&'static str, String)> {
    let readings = tally.readings.iter();
    let missing = readings.filter_map(|(quantity, reading)| match reading {
        Reading::Unavailable { reason } => {
            Some((quantity.name(), reason.clone()))
        }
        Reading::Measured { .. } | Reading::Multiplexed { .. } => None,
    });
    missing.collect()
}

fn packet(
    exact: Result<&Count, &String>,
    tally: &Tally,
) -> Vec<(&'static str, Cell)> {
    let mut rows: Vec<(&'static str, Cell)> = Vec::new();
    for quantity in Quantity::ALL {
        let cell = cell(quantity, exact, tally);
        let instructions = quantity == Quantity::Instructions;
        rows.push((quantity.name(), cell));
        if instructions {
            let ipc = ipc(&rows[0].1, &rows[1].1);
            rows.push(("ipc", ipc));
        }
    }
    rows
}

fn cell(
    quantity: Quantity,
    exact: Result<&Count, &String>,
    tally: &Tally,
) -> Cell {
    use Quantity::*;
    let packets = tally.times.packets;
    let software = matches!(
        quantity,
        TaskClockNs | PageFaults | ContextSwitches | Migrations
    );
    let source = if software { Source::Software } else { Source::Hardware };
    let cell = match tally.readings.get(&quantity) {
        Some(reading) => Cell::read(reading, packets, source),
        None => {
            let unavailable = "nobody looked".to_owned();
            Cell::Unavailable { unavailable }
        }
    };
    cell.or(|| {
        if quantity == Cycles {
            let cycles = tally.cycles.as_ref()?;
            let cell = Cell::read(cycles, packets, Source::Estimate);
            return matches!(cell, Cell::Number { .. }).then_some(cell);
        }
        let count = exact.ok()?;
        let (number, source) = instead(quantity, count)?;
        Some(Cell::number(count.per_packet(number), source))
    })
    .because(quantity, exact)
}

impl Cell {
    /// Adds to the reason why the processor has no number why callgrind has
    /// none, where it could have one.
    fn because(
        self,
        quantity: Quantity,
        exact: Result<&Count, &String>,
    ) -> Self {
        use Quantity::*;
        let Self::Unavailable { unavailable } = self else { return self };
        let why = match (quantity, exact) {
            (LoadL2Hits | LoadL2Misses | LoadL3Hits, Ok(_)) => {
                "; callgrind models the first and the last level only"
            }
            (
                Instructions | Branches | BranchMispredicts | StoreUops
                | LoadUops | LoadL1Hits | LoadL1Misses | LoadL2Hits
                | LoadL2Misses | LoadL3Hits | LoadL3Misses,
                Err(why),
            ) => &format!("; {why}"),
            _ => "",
        };
        Self::Unavailable { unavailable: unavailable + why }
    }
}

/// What callgrind has in place of a counter of the processor. All code
/// counts, as it does there.
fn instead(quantity: Quantity, count: &Count) -> Option<(u64, Source)> {
    use Quantity::*;
    let Count { own, library, model, .. } = count;
    let loads = own.loads + library.loads;
    let l1_misses = model.own.l1_load_misses + model.library.l1_load_misses;
    Some(match quantity {
        Instructions => {
            (own.instructions + library.instructions, Source::Exact)
        }
        Branches => (own.branches + library.branches, Source::Exact),
        LoadUops => (loads, Source::Exact),
        StoreUops => (own.stores + library.stores, Source::Exact),
        BranchMispredicts => {
            let sum = model.own.mispredicts + model.library.mispredicts;
            (sum, Source::Model)
        }
        LoadL1Hits => (loads.saturating_sub(l1_misses), Source::Model),
        LoadL1Misses => (l1_misses, Source::Model),
        LoadL3Misses => {
            let sum = model.own.ll_load_misses + model.library.ll_load_misses;
            (sum, Source::Model)
        }
        _ => return None,
    })
}

/// Instructions per cycle, no better than the worse of the two.
fn ipc(cycles: &Cell, instructions: &Cell) -> Cell {
    match (cycles, instructions) {
        (
            &Cell::Number { per_packet: cycles, source, running },
            &Cell::Number {
                per_packet: instructions,
                source: other,
                running: also,
            },
        ) if cycles > 0.0 => Cell::Number {
            per_packet: instructions / cycles,
            source: source.max(other),
            running: match (running, also) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (one, other) => one.or(other),
            },
        },
        (Cell::Unavailable { unavailable }, _)
        | (_, Cell::Unavailable { unavailable }) => {
            Cell::Unavailable { unavailable: unavailable.clone() }
        }
        _ => Cell::Unavailable { unavailable: "there are no cycles".into() },
    }
}

/// A table for each variant and kind of ring, and below them the reasons for
/// what is not there.
pub fn text(packets: &[Packet], turns: &[Turns]) -> String {
    let mut text = String::new();
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut fills: Vec<_> = Vec::new();
    for turns in turns {
        if !fills.contains(&turns.fill) {
            fills.push(turns.fill);
        }
    }
    for &fill in &fills {
        let mut rest: Vec<&Packet> =
            packets.iter().filter(|p| p.turns.fill == fill).collect();
        while let Some(first) = rest.first() {
            let name = first.variant.clone();
            let (of, others): (Vec<_>, Vec<_>) =
                rest.into_iter().partition(|p| p.variant == name);
            rest = others;
            text += &format!("\n{name}, per packet, {fill} rings\n");
            text += &table_of(&of);
        }
    }
    let mut note =
        |why, name| match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => reasons.push((why, vec![name])),
        };
    for packet in packets {
        for (name, why) in &packet.missing {
            note(why, name);
        }
        for (name, cell) in &packet.rows {
            if let Cell::Unavailable { unavailable } = cell {
                note(unavailable, name);
            }
        }
    }
    text += "\nhardware: the processor's counters. software: the kernel's. \
             exact: counted by callgrind.\nmodel: callgrind's caches and \
             predictors. estimate: from time and the core's frequency.\n";
    for (why, names) in reasons {
        text += &format!("no counter for {}: {why}\n", names.join(", "));
    }
    text
}

/// A row per counter, a column per batch size.
fn table_of(packets: &[&Packet]) -> String {
    let batches: Vec<String> =
        packets.iter().map(|p| format!("batch {}", p.turns.batch)).collect();
    let titles = ["counter"].into_iter();
    let titles = titles.chain(batches.iter().map(|batch| &**batch));
    let mut table = table::table(titles.chain(["source"]));
    let last = packets.len() + 1;
    for column in [0, last] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Left);
        }
    }
    let Some(first) = packets.first() else { return String::new() };
    for (i, (name, _)) in first.rows.iter().enumerate() {
        let cells = packets.iter().map(|packet| &packet.rows[i].1);
        let numbers = cells.clone().map(|cell| match cell {
            Cell::Number { per_packet, .. } => short(*per_packet),
            Cell::Unavailable { .. } => "unavailable".to_owned(),
        });
        let mut sources: Vec<String> = Vec::new();
        for cell in cells {
            let Cell::Number { source, running, .. } = cell else { continue };
            let mut source = source.to_string();
            if let Some(running) = running {
                source += &format!(", ran {:.0} % of it", running * 100.0);
            }
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        let row = [(*name).to_owned()].into_iter().chain(numbers);
        table.add_row(row.chain([sources.join("; ")]));
    }
    table.trim_fmt() + "\n"
}

/// Enough places to tell a rare event from none.
fn short(number: f64) -> String {
    match number {
        0.0 => "0".to_owned(),
        n if n < 0.001 => format!("{n:.1e}"),
        n if n < 10.0 => format!("{n:.3}"),
        n => format!("{n:.1}"),
    }
}

/// The same for programs.
pub fn json(packets: &[Packet]) -> Value {
    let packets = packets.iter().map(|packet| {
        let rows = packet.rows.iter();
        let rows = rows.map(|(name, cell)| ((*name).to_owned(), json!(cell)));
        let missing = packet.missing.iter();
        let missing =
            missing.map(|(name, why)| ((*name).to_owned(), json!(why)));
        json!({
            "variant": packet.variant,
            "batch": packet.turns.batch,
            "fill": packet.turns.fill,
            "counters": rows.collect::<serde_json::Map<_, _>>(),
            "missing": missing.collect::<serde_json::Map<_, _>>(),
        })
    });
    packets.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::{ByCode, Events, Modelled};
    use crate::measure::Times;
    use crate::results::Fill;
    use Quantity::*;

    const TURNS: Turns = Turns { batch: 32, fill: Fill::Full };

    fn count() -> Count {
        let events = |n: u64| Events {
            instructions: 40 * n,
            branches: 5 * n,
            loads: 10 * n,
            stores: 8 * n,
        };
        let model = Modelled {
            mispredicts: 1,
            l1_load_misses: 100,
            ll_load_misses: 4,
            ..Modelled::default()
        };
        Count {
            variant: "baseline".to_owned(),
            turns: TURNS,
            times: Times { packets: 100, batches: 4 },
            own: events(100),
            library: events(10),
            allocations: 0,
            model: ByCode { own: model, library: Modelled::default() },
        }
    }

    /// Without a PMU, at 1000 packets.
    fn tally() -> Tally {
        let none = |q| (q, Reading::unavailable("no PMU"));
        let mut readings: std::collections::BTreeMap<_, _> =
            Quantity::ALL.map(none).into();
        readings.insert(PageFaults, Reading::Measured { count: 2.0 });
        Tally {
            times: Times { packets: 1000, batches: 40 },
            readings,
            cycles: Some(Reading::Measured { count: 22_000.0 }),
        }
    }

    fn find(rows: &[(&str, Cell)], name: &str) -> Cell {
        let row = rows.iter().find(|(row, _)| *row == name);
        row.expect("a row").1.clone()
    }

    #[test]
    fn without_a_pmu_the_others_are_named_as_what_they_are() {
        let count = count();
        let rows = packet(Ok(&count), &tally());
        let number = |n, source| Cell::number(n, source);
        let row = |name| find(&rows, name);
        assert_eq!(row("cycles"), number(22.0, Source::Estimate));
        assert_eq!(row("instructions"), number(44.0, Source::Exact));
        assert_eq!(row("ipc"), number(2.0, Source::Estimate));
        assert_eq!(row("load_l1_hits"), number(10.0, Source::Model));
        assert_eq!(row("load_l3_misses"), number(0.04, Source::Model));
        assert_eq!(row("page_faults"), number(0.002, Source::Software));
        let Cell::Unavailable { unavailable } = row("load_l2_hits") else {
            panic!("{rows:?}");
        };
        assert!(unavailable.starts_with("no PMU; callgrind"));
    }

    #[test]
    fn the_processors_own_counters_come_first() {
        let mut tally = tally();
        let shared = Reading::Multiplexed { count: 30_000.0, running: 0.5 };
        tally.readings.insert(Cycles, shared);
        let all = Reading::Measured { count: 60_000.0 };
        tally.readings.insert(Instructions, all);
        let count = count();
        let rows = packet(Ok(&count), &tally);
        let flagged = |per_packet| Cell::Number {
            per_packet,
            source: Source::Hardware,
            running: Some(0.5),
        };
        assert_eq!(find(&rows, "cycles"), flagged(30.0));
        assert_eq!(find(&rows, "ipc"), flagged(2.0));
        let packet = Packet {
            variant: "baseline".to_owned(),
            turns: TURNS,
            rows,
            missing: missing(&tally),
        };
        let text = text(&[packet], &[TURNS]);
        assert!(text.contains("hardware, ran 50 % of it"), "{text}");
    }

    #[test]
    fn nothing_at_all_is_no_zero() {
        let mut tally = tally();
        let none = Reading::unavailable("not allowed");
        tally.readings.insert(PageFaults, none.clone());
        tally.cycles = Some(none);
        let why = "no valgrind".to_owned();
        let rows = packet(Err(&why), &tally);
        let cells = rows.iter().map(|(_, cell)| cell);
        for cell in cells.clone() {
            assert!(matches!(cell, Cell::Unavailable { .. }), "{cell:?}");
        }
        let packet = Packet {
            variant: "baseline".to_owned(),
            turns: TURNS,
            rows,
            missing: missing(&tally),
        };
        assert!(!packet.has_numbers());
        assert_eq!(packet.reason(), Some("no PMU"));
        let text = text(&[packet], &[TURNS]);
        assert!(text.contains("no PMU; no valgrind"), "{text}");
        assert!(!text.contains(" 0 "), "{text}");
    }

    #[test]
    fn rows_are_those_of_the_published_table_in_its_order() {
        let published = [
            "cycles",
            "instructions",
            "ipc",
            "branches",
            "branch_mispredicts",
            "store_uops",
            "load_uops",
            "load_l1_hits",
            "load_l2_hits",
            "load_l3_hits",
            "load_l3_misses",
        ];
        let count = count();
        let rows = packet(Ok(&count), &tally());
        let names = rows.iter().map(|(name, _)| *name);
        let names: Vec<_> = names.filter(|n| published.contains(n)).collect();
        assert_eq!(names, published);
    }

    #[test]
    fn a_rare_event_is_not_shown_as_none() {
        assert_eq!(short(0.0), "0");
        assert_eq!(short(0.000_02), "2.0e-5");
        assert_eq!(short(0.05), "0.050");
        assert_eq!(short(127.04), "127.0");
    }
}

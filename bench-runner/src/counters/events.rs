//! Which event of which processor counts what.
//!
//! Cycles, instructions and branches have names in the kernel. Loads, stores
//! and cache levels have none that mean the same everywhere, so they are raw:
//! a row each, with its name in the vendor's manual. Intel's are in the
//! Software Developer's Manual, volume 3B, "Performance Monitoring Events",
//! and in its event files (`perfmon`), AMD's in the Processor Programming
//! Reference of each family, "Core Performance Monitor Counters". Both are
//! also in the kernel, below `tools/perf/pmu-events/arch/x86`.

use super::microarchitecture::Microarchitecture::{self, *};
use super::reading::Quantity::{self, *};

/// What the kernel is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// An event that the kernel has a name for.
    Named(Quantity),
    /// An event by number: event select in bits 0 to 7, unit mask in bits 8
    /// to 15, the same place on Intel and AMD.
    Raw(u64),
}

/// An event that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it counts.
    pub quantity: Quantity,
    /// What the kernel is asked for.
    pub ask: Ask,
    /// Its name, where numbers are asked for the vendor's.
    pub name: &'static str,
}

/// What is counted at the same time. No processor of the table has fewer than
/// four counters for a thread.
pub const GROUPS: [[Quantity; 4]; 4] = [
    [TaskClockNs, PageFaults, ContextSwitches, Migrations],
    [Cycles, Instructions, Branches, BranchMispredicts],
    [LoadUops, StoreUops, LoadL1Hits, LoadL1Misses],
    [LoadL2Hits, LoadL2Misses, LoadL3Hits, LoadL3Misses],
];

/// The event for a quantity, or why there is none.
pub fn event(
    quantity: Quantity,
    cpu: &Result<Microarchitecture, String>,
) -> Result<Event, String> {
    let named = |name| Event { quantity, ask: Ask::Named(quantity), name };
    match quantity {
        Cycles => Ok(named("PERF_COUNT_HW_CPU_CYCLES")),
        Instructions => Ok(named("PERF_COUNT_HW_INSTRUCTIONS")),
        Branches => Ok(named("PERF_COUNT_HW_BRANCH_INSTRUCTIONS")),
        BranchMispredicts => Ok(named("PERF_COUNT_HW_BRANCH_MISSES")),
        TaskClockNs => Ok(named("PERF_COUNT_SW_TASK_CLOCK")),
        PageFaults => Ok(named("PERF_COUNT_SW_PAGE_FAULTS")),
        ContextSwitches => Ok(named("PERF_COUNT_SW_CONTEXT_SWITCHES")),
        Migrations => Ok(named("PERF_COUNT_SW_CPU_MIGRATIONS")),
        _ => {
            let cpu = cpu.clone()?;
            let mut rows = RAW.iter().filter(|row| row.of.contains(&cpu));
            let row = rows.find(|row| row.quantity == quantity);
            let row = row.ok_or_else(|| {
                format!("{cpu} has no event for {}", quantity.name())
            })?;
            let config = u64::from(row.select) | u64::from(row.unit_mask) << 8;
            Ok(Event { quantity, ask: Ask::Raw(config), name: row.name })
        }
    }
}

/// A raw event.
struct Row {
    quantity: Quantity,
    of: &'static [Microarchitecture],
    select: u8,
    unit_mask: u8,
    /// Names in the vendor's manual; several are counted together.
    name: &'static str,
}

const fn row(
    quantity: Quantity,
    of: &'static [Microarchitecture],
    select: u8,
    unit_mask: u8,
    name: &'static str,
) -> Row {
    Row { quantity, of, select, unit_mask, name }
}

const IVY: &[Microarchitecture] = &[IvyBridge];
const LAKES: &[Microarchitecture] = &[Skylake, IceLake];
const ZENS: &[Microarchitecture] = &[Zen2, Zen3, Zen4, Zen5];
const ZEN3_4: &[Microarchitecture] = &[Zen3, Zen4];

/// AMD counts lines that a demand access brought into the first level, by
/// where they came from, and has no event for loads that hit there.
const RAW: &[Row] = &[
    // Intel, Ivy Bridge.
    row(LoadUops, IVY, 0xD0, 0x81, "MEM_UOPS_RETIRED.ALL_LOADS"),
    row(StoreUops, IVY, 0xD0, 0x82, "MEM_UOPS_RETIRED.ALL_STORES"),
    row(LoadL1Hits, IVY, 0xD1, 0x01, "MEM_LOAD_UOPS_RETIRED.L1_HIT"),
    row(LoadL1Misses, IVY, 0xD1, 0x08, "MEM_LOAD_UOPS_RETIRED.L1_MISS"),
    row(LoadL2Hits, IVY, 0xD1, 0x02, "MEM_LOAD_UOPS_RETIRED.L2_HIT"),
    row(LoadL2Misses, IVY, 0xD1, 0x10, "MEM_LOAD_UOPS_RETIRED.L2_MISS"),
    row(LoadL3Hits, IVY, 0xD1, 0x04, "MEM_LOAD_UOPS_RETIRED.LLC_HIT"),
    row(LoadL3Misses, IVY, 0xD1, 0x20, "MEM_LOAD_UOPS_RETIRED.LLC_MISS"),
    // Intel, from Skylake on.
    row(LoadUops, LAKES, 0xD0, 0x81, "MEM_INST_RETIRED.ALL_LOADS"),
    row(StoreUops, LAKES, 0xD0, 0x82, "MEM_INST_RETIRED.ALL_STORES"),
    row(LoadL1Hits, LAKES, 0xD1, 0x01, "MEM_LOAD_RETIRED.L1_HIT"),
    row(LoadL1Misses, LAKES, 0xD1, 0x08, "MEM_LOAD_RETIRED.L1_MISS"),
    row(LoadL2Hits, LAKES, 0xD1, 0x02, "MEM_LOAD_RETIRED.L2_HIT"),
    row(LoadL2Misses, LAKES, 0xD1, 0x10, "MEM_LOAD_RETIRED.L2_MISS"),
    row(LoadL3Hits, LAKES, 0xD1, 0x04, "MEM_LOAD_RETIRED.L3_HIT"),
    row(LoadL3Misses, LAKES, 0xD1, 0x20, "MEM_LOAD_RETIRED.L3_MISS"),
    // AMD, PMCx029: loads or stores, and operations that are both.
    row(LoadUops, ZENS, 0x29, 0x05, "LsDispatch: LdDispatch, LdStDispatch"),
    row(StoreUops, ZENS, 0x29, 0x06, "LsDispatch: StoreDispatch, LdStDispatch"),
    // AMD, PMCx043: demand fills. Bit 0 is the core's second level, bit 1 its
    // complex, the others what is farther away.
    row(LoadL2Hits, ZENS, 0x43, 0x01, "LsDmndFillsFromSys: local L2"),
    row(LoadL3Hits, ZENS, 0x43, 0x02, "LsDmndFillsFromSys: local complex"),
    row(LoadL1Misses, &[Zen2], 0x43, 0x5B, "LsRefillsFromSys: all"),
    row(LoadL1Misses, ZEN3_4, 0x43, 0x5F, "LsDmndFillsFromSys: all"),
    row(LoadL1Misses, &[Zen5], 0x43, 0xDF, "LsDmndFillsFromSys: all"),
    row(LoadL2Misses, &[Zen2], 0x43, 0x5A, "LsRefillsFromSys: all but L2"),
    row(LoadL2Misses, ZEN3_4, 0x43, 0x5E, "LsDmndFillsFromSys: all but L2"),
    row(LoadL2Misses, &[Zen5], 0x43, 0xDE, "LsDmndFillsFromSys: all but L2"),
    row(LoadL3Misses, &[Zen2], 0x43, 0x58, "LsRefillsFromSys: beyond L3"),
    row(LoadL3Misses, ZEN3_4, 0x43, 0x5C, "LsDmndFillsFromSys: beyond L3"),
    row(LoadL3Misses, &[Zen5], 0x43, 0xDC, "LsDmndFillsFromSys: beyond L3"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quantity_is_in_one_group() {
        let mut grouped = GROUPS.concat();
        grouped.sort_unstable();
        let mut all = Quantity::ALL;
        all.sort_unstable();
        assert_eq!(grouped, all);
    }

    #[test]
    fn a_quantity_has_one_row_at_most_and_amd_alone_lacks_first_level_hits() {
        let cpus = [IvyBridge, Skylake, IceLake, Zen2, Zen3, Zen4, Zen5];
        for cpu in cpus {
            for quantity in Quantity::ALL {
                let of = |row: &&Row| {
                    row.quantity == quantity && row.of.contains(&cpu)
                };
                let rows = RAW.iter().filter(of).count();
                assert!(rows <= 1, "{cpu}: {}", quantity.name());
                let found = event(quantity, &Ok(cpu));
                let lacks = ZENS.contains(&cpu) && quantity == LoadL1Hits;
                assert_eq!(found.is_err(), lacks, "{cpu}: {found:?}");
            }
        }
    }

    #[test]
    fn misses_of_a_level_are_hits_and_misses_of_the_next_on_amd() {
        for cpu in ZENS {
            let mask = |quantity| match event(quantity, &Ok(*cpu)) {
                Ok(Event { ask: Ask::Raw(config), .. }) => config >> 8,
                other => panic!("{other:?}"),
            };
            let sum = mask(LoadL2Hits) | mask(LoadL2Misses);
            assert_eq!(mask(LoadL1Misses), sum, "{cpu}");
            let sum = mask(LoadL3Hits) | mask(LoadL3Misses);
            assert_eq!(mask(LoadL2Misses), sum, "{cpu}");
        }
    }

    #[test]
    fn numbers_are_those_of_the_manuals() {
        let config = |quantity, cpu| event(quantity, &Ok(cpu)).unwrap().ask;
        assert_eq!(config(LoadL3Misses, IvyBridge), Ask::Raw(0x20D1));
        assert_eq!(config(StoreUops, IceLake), Ask::Raw(0x82D0));
        assert_eq!(config(LoadL2Hits, Zen5), Ask::Raw(0x0143));
    }

    #[test]
    fn an_unknown_processor_still_counts_what_the_kernel_has_a_name_for() {
        let unknown = Err("unknown".to_owned());
        assert!(event(Cycles, &unknown).is_ok());
        assert!(event(TaskClockNs, &unknown).is_ok());
        assert_eq!(event(LoadUops, &unknown), Err("unknown".to_owned()));
    }
}

//! Which event of which processor counts what.
//!
//! Cycles, instructions and branches have names in the kernel. Loads, stores
//! and cache levels have none that mean the same everywhere, so they are raw:
//! a row each, by the name in an event file. Intel's are its own
//! (`intel/perfmon`, the `*_core.json` of each processor), AMD's the kernel's:
//! `amdzen2/memory.json`, `amdzen3/memory.json`, `amdzen4/memory.json` and
//! `cache.json`, and `amdzen5/load-store.json`, below
//! `tools/perf/pmu-events/arch/x86`. Where no event counts a quantity there is
//! no row.

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
/// four counters for a thread; of these, an Ivy Bridge with two threads per
/// core lends the memory events two at a time.
pub const GROUPS: [&[Quantity]; 6] = [
    &[TaskClockNs, PageFaults, ContextSwitches, Migrations],
    &[Cycles, Instructions, Branches, BranchMispredicts],
    &[LoadUops, StoreUops],
    &[LoadL1Hits, LoadL1Misses],
    &[LoadL2Hits, LoadL2Misses],
    &[LoadL3Hits, LoadL3Misses],
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
    /// Its name in the event file. After a colon stand those of the bits of
    /// the unit mask; several are counted together.
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
const ZEN4_5: &[Microarchitecture] = &[Zen4, Zen5];

/// From Skylake on Intel counts instructions, on Ivy Bridge operations of
/// them; there a load counts as one that the last level had if no other core
/// had to be asked. AMD counts operations that are dispatched, and lines that
/// a demand access, be it a load or a store, brought into the first level, by
/// where they came from; it has no event for loads that hit there.
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
    // AMD: loads or stores, and operations that are both.
    row(LoadUops, ZENS, 0x29, 0x05, "ls_dispatch: ld_dispatch, ld_st_dispatch"),
    row(
        StoreUops,
        ZENS,
        0x29,
        0x06,
        "ls_dispatch: store_dispatch, ld_st_dispatch",
    ),
    // AMD, Zen 2: demand fills. Its `ls_mabresp_lcl_cache` is the third level
    // or any other cache of the die, so that nothing tells the third level.
    row(
        LoadL1Misses,
        &[Zen2],
        0x43,
        0x5B,
        "ls_refills_from_sys: ls_mabresp_lcl_l2, ls_mabresp_lcl_cache, \
         ls_mabresp_lcl_dram, ls_mabresp_rmt_cache, ls_mabresp_rmt_dram",
    ),
    row(
        LoadL2Hits,
        &[Zen2],
        0x43,
        0x01,
        "ls_refills_from_sys: ls_mabresp_lcl_l2",
    ),
    row(
        LoadL2Misses,
        &[Zen2],
        0x43,
        0x5A,
        "ls_refills_from_sys: ls_mabresp_lcl_cache, ls_mabresp_lcl_dram, \
         ls_mabresp_rmt_cache, ls_mabresp_rmt_dram",
    ),
    // AMD, from Zen 3 on: demand fills. What counts as the third level is it
    // or a second level of the same complex.
    row(
        LoadL1Misses,
        &[Zen3],
        0x43,
        0x5F,
        "ls_dmnd_fills_from_sys: lcl_l2, int_cache, ext_cache_local, \
         mem_io_local, ext_cache_remote, mem_io_remote",
    ),
    row(LoadL2Hits, &[Zen3], 0x43, 0x01, "ls_dmnd_fills_from_sys: lcl_l2"),
    row(
        LoadL2Misses,
        &[Zen3],
        0x43,
        0x5E,
        "ls_dmnd_fills_from_sys: int_cache, ext_cache_local, mem_io_local, \
         ext_cache_remote, mem_io_remote",
    ),
    row(LoadL3Hits, &[Zen3], 0x43, 0x02, "ls_dmnd_fills_from_sys: int_cache"),
    row(
        LoadL3Misses,
        &[Zen3],
        0x43,
        0x5C,
        "ls_dmnd_fills_from_sys: ext_cache_local, mem_io_local, \
         ext_cache_remote, mem_io_remote",
    ),
    row(
        LoadL1Misses,
        ZEN4_5,
        0x43,
        0xDF,
        "ls_dmnd_fills_from_sys: local_l2, local_ccx, near_cache, \
         dram_io_near, far_cache, dram_io_far, alternate_memories",
    ),
    row(LoadL2Hits, ZEN4_5, 0x43, 0x01, "ls_dmnd_fills_from_sys: local_l2"),
    row(
        LoadL2Misses,
        ZEN4_5,
        0x43,
        0xDE,
        "ls_dmnd_fills_from_sys: local_ccx, near_cache, dram_io_near, \
         far_cache, dram_io_far, alternate_memories",
    ),
    row(LoadL3Hits, ZEN4_5, 0x43, 0x02, "ls_dmnd_fills_from_sys: local_ccx"),
    row(
        LoadL3Misses,
        ZEN4_5,
        0x43,
        0xDC,
        "ls_dmnd_fills_from_sys: near_cache, dram_io_near, far_cache, \
         dram_io_far, alternate_memories",
    ),
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
    fn a_quantity_has_one_row_at_most_and_amd_alone_lacks_some() {
        let cpus = [IvyBridge, Skylake, IceLake, Zen2, Zen3, Zen4, Zen5];
        for cpu in cpus {
            for quantity in Quantity::ALL {
                let of = |row: &&Row| {
                    row.quantity == quantity && row.of.contains(&cpu)
                };
                let rows = RAW.iter().filter(of).count();
                assert!(rows <= 1, "{cpu}: {}", quantity.name());
                let found = event(quantity, &Ok(cpu));
                let lacks = match quantity {
                    LoadL1Hits => ZENS.contains(&cpu),
                    LoadL3Hits | LoadL3Misses => cpu == Zen2,
                    _ => false,
                };
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
            if *cpu == Zen2 {
                continue;
            }
            let sum = mask(LoadL3Hits) | mask(LoadL3Misses);
            assert_eq!(mask(LoadL2Misses), sum, "{cpu}");
        }
    }

    #[test]
    fn numbers_are_those_of_the_manuals() {
        let config = |quantity, cpu| event(quantity, &Ok(cpu)).unwrap().ask;
        assert_eq!(config(LoadL3Misses, IvyBridge), Ask::Raw(0x20D1));
        assert_eq!(config(StoreUops, IceLake), Ask::Raw(0x82D0));
        assert_eq!(config(LoadL2Misses, Zen2), Ask::Raw(0x5A43));
        assert_eq!(config(LoadL1Misses, Zen3), Ask::Raw(0x5F43));
        assert_eq!(config(LoadL3Misses, Zen4), Ask::Raw(0xDC43));
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

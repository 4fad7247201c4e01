//! Every policy of the registry on a device with one fault at a time.
//!
//! What the device does and what a driver must do is the table at the head of
//! `nic_model::fault`. A law that does not hold names the fault and the
//! variant.

use std::cell::{Cell, RefCell};

use driver::regs::{RDH, TDH};
use nic_model::{Access, Arena, Faults, Mishaps};
use proptest::prelude::*;
use proptest::sample::select;

use super::policies::all_do_as;
use super::run::{Outcome, Registers, arena, run};
use super::scenario::{Phase, Scenario, scenarios};
use super::{Broken, Verdict, at_most, hold, naive};
use crate::registry::variants;
use crate::workload::Quota;

/// Runs of every variant per fault.
const CASES: u32 = 12;

const REGISTERS: [Registers; 3] =
    [Registers::Trapped, Registers::Mapped, Registers::Costed];

/// Whether every variant does what the reference does in `scenarios`, and
/// `struck` says of some of them that the fault was there.
fn ridden_out(
    fault: &str,
    scenarios: impl Strategy<Value = Scenario>,
    struck: impl Fn(&Outcome) -> bool,
) -> Verdict {
    let arena = RefCell::new(arena());
    let strikes = Cell::new(0);
    let inputs = (scenarios, select(&REGISTERS[..]));
    let law = |(scenario, behind): (Scenario, Registers)| {
        let arena = &mut arena.borrow_mut();
        let reference = run(&scenario, arena, Registers::Trapped, naive::open)
            .map_err(TestCaseError::fail)?;
        strikes.set(strikes.get() + u32::from(struck(&reference)));
        all_do_as(&reference, &scenario, arena, behind)
    };
    let verdict = match hold(CASES, inputs, law) {
        Err(Broken(why)) => Err(why),
        Ok(()) if strikes.get() == 0 => Err("it never struck".to_owned()),
        Ok(()) => Ok(()),
    };
    verdict.map_err(|why| Broken(format!("{fault}: {why}")))
}

/// Scenarios with one fault, put in by `with`: now and then, or often.
fn with_share(with: fn(u8) -> Faults) -> impl Strategy<Value = Scenario> {
    let share = prop_oneof![1..32_u8, 32..=255_u8];
    (busy(), share, any::<u64>()).prop_map(move |(scenario, share, seed)| {
        let faults = Faults { seed, ..with(share) };
        Scenario { faults, ..scenario }
    })
}

/// Scenarios without faults in which there is something to do.
fn busy() -> impl Strategy<Value = Scenario> {
    scenarios().prop_map(|mut scenario| {
        scenario.faults = Faults::default();
        scenario.phases.push(full(&scenario, true));
        scenario
    })
}

/// A phase with a full receive ring, all of which is to be forwarded.
fn full(scenario: &Scenario, transmits: bool) -> Phase {
    let entries = u32::from(scenario.ring_entries);
    let quota = Quota { packets: 2 * u64::from(entries), patience: 1 };
    Phase { transmits, offered: entries, quota }
}

/// `faults` struck, by the count that `of` reads.
fn struck(of: fn(&Mishaps) -> u64) -> impl Fn(&Outcome) -> bool {
    move |seen| of(&seen.mishaps) > 0
}

#[test]
#[cfg_attr(miri, ignore = "takes hours")]
fn late_write_backs_are_ridden_out() -> Verdict {
    let with = |share| Faults { late_write_back: share, ..Faults::default() };
    let struck = struck(|mishaps| mishaps.late_write_back);
    ridden_out("late write-back", with_share(with), struck)
}

#[test]
#[cfg_attr(miri, ignore = "takes hours")]
fn write_backs_out_of_order_are_ridden_out() -> Verdict {
    let with = |share| Faults { out_of_order: share, ..Faults::default() };
    let struck = struck(|mishaps| mishaps.out_of_order);
    ridden_out("DD out of order", with_share(with), struck)
}

#[test]
#[cfg_attr(miri, ignore = "takes hours")]
fn fragments_are_ridden_out() -> Verdict {
    let with = |share| Faults { fragments: share, ..Faults::default() };
    let dropped = |seen: &Outcome| seen.account.multi_descriptor > 0;
    ridden_out("DD without EOP", with_share(with), dropped)
}

#[test]
#[cfg_attr(miri, ignore = "takes hours")]
fn frames_of_length_0_are_ridden_out() -> Verdict {
    let with = |share| Faults { zero_length: share, ..Faults::default() };
    let damaged = |seen: &Outcome| seen.account.damaged > 0;
    ridden_out("zero length", with_share(with), damaged)
}

#[test]
#[cfg_attr(miri, ignore = "takes hours")]
fn lengths_above_the_buffer_are_ridden_out() -> Verdict {
    let with = |share| Faults { oversize: share, ..Faults::default() };
    let damaged = |seen: &Outcome| seen.account.damaged > 0;
    ridden_out("oversize length", with_share(with), damaged)
}

#[test]
#[cfg_attr(miri, ignore = "takes hours")]
fn error_bits_are_ridden_out() -> Verdict {
    let with = |share| Faults { error_bits: share, ..Faults::default() };
    let struck = struck(|mishaps| mishaps.error_bits);
    ridden_out("error bits", with_share(with), struck)
}

#[test]
#[cfg_attr(miri, ignore = "takes hours")]
fn unmapped_addresses_are_ridden_out() -> Verdict {
    let with = |share| Faults { bad_iova: share, ..Faults::default() };
    let dropped = |seen: &Outcome| seen.account.dma_faults > 0;
    ridden_out("bad IOVA", with_share(with), dropped)
}

#[test]
#[cfg_attr(miri, ignore = "takes hours")]
fn a_link_that_comes_and_goes_is_ridden_out() -> Verdict {
    let with = |share| Faults { link_flaps: share, ..Faults::default() };
    let lost = |seen: &Outcome| seen.account.link_down > 0;
    ridden_out("link down and up", with_share(with), lost)
}

#[test]
#[cfg_attr(miri, ignore = "takes hours")]
fn a_slow_link_is_ridden_out() -> Verdict {
    let with =
        |share: u8| Faults { slow_link: share.min(90), ..Faults::default() };
    let forwarded = |seen: &Outcome| seen.account.forwarded > 0;
    ridden_out("slow link", with_share(with), forwarded)
}

#[test]
#[cfg_attr(miri, ignore = "takes hours")]
fn head_registers_that_hold_anything_are_ridden_out() -> Verdict {
    let with = |_| Faults { wild_heads: true, ..Faults::default() };
    let forwarded = |seen: &Outcome| seen.account.forwarded > 0;
    ridden_out("heads beyond the ring", with_share(with), forwarded)
}

#[test]
#[cfg_attr(miri, ignore = "takes hours")]
fn a_device_that_stops_is_ridden_out() -> Verdict {
    let stop = (busy(), 8..16_u32, any::<u64>()).prop_map(
        |(mut scenario, rings, seed)| {
            let stops_within = rings * u32::from(scenario.ring_entries);
            scenario.faults =
                Faults { seed, stops_within, ..Faults::default() };
            // Enough to fill the transmit ring of the port whose other one
            // stops first, most times.
            let phase = full(&scenario, true);
            scenario.phases.extend([phase; 16]);
            scenario
        },
    );
    let stopped = |seen: &Outcome| seen.account.missed > 0;
    ridden_out("a device that stops", stop, stopped)
}

#[test]
#[cfg_attr(miri, ignore = "takes hours")]
fn an_empty_pool_is_ridden_out() -> Verdict {
    let poor = (busy(), 0..64_u32).prop_map(|(scenario, spare_buffers)| {
        Scenario { spare_buffers, ..scenario }
    });
    let empty = |seen: &Outcome| {
        seen.free_buffers.is_empty() && seen.account.ring_empty > 0
    };
    ridden_out("an empty pool", poor, empty)
}

#[test]
#[cfg_attr(miri, ignore = "takes hours")]
fn a_full_transmit_ring_is_ridden_out() -> Verdict {
    let slow = busy().prop_map(|mut scenario| {
        let phase = full(&scenario, false);
        scenario.phases.extend([phase; 3]);
        scenario.spare_buffers =
            2 * u32::from(scenario.ring_entries) + u32::from(scenario.batch);
        scenario
    });
    let dropped = |seen: &Outcome| seen.account.forwarder > 0;
    ridden_out("a full transmit ring", slow, dropped)
}

/// What is seen of the reference with and without faults that must not show.
fn shows_nothing(faults: Faults) -> Result<(), String> {
    let arena = &mut arena();
    let plain = Scenario::plain();
    let scenario = Scenario { faults, ..Scenario::plain() };
    let mut see =
        |scenario| run(scenario, arena, Registers::Trapped, naive::open);
    let without = see(&plain)?;
    let with = see(&scenario)?;
    let without = Outcome { mishaps: with.mishaps, ..without };
    without.same_packets(&with)?;
    without.same_buffers(&with)?;
    without.same_accesses(&with)
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn some_faults_do_not_show() {
    let seed = 3;
    let error_bits = Faults { seed, error_bits: 100, ..Faults::default() };
    assert_eq!(shows_nothing(error_bits), Ok(()));
    let wild_heads = Faults { seed, wild_heads: true, ..Faults::default() };
    assert_eq!(shows_nothing(wild_heads), Ok(()));
    let slow_link = Faults { seed, slow_link: 50, ..Faults::default() };
    assert_eq!(shows_nothing(slow_link), Ok(()));
    let zero_length = Faults { seed, zero_length: 100, ..Faults::default() };
    shows_nothing(zero_length).unwrap_err();
}

/// The variants and what they make of `scenario`.
fn every_variant(
    scenario: &Scenario,
    arena: &mut Arena,
    behind: Registers,
) -> Vec<(String, Result<Outcome, String>)> {
    let run = |open| run(scenario, arena, behind, open);
    let names = variants().into_iter().map(|variant| variant.name());
    let runs = variants().into_iter().map(|variant| variant.open()).map(run);
    names.zip(runs).collect()
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn no_variant_reads_a_head() {
    let scenario = Scenario::plain();
    let heads = [RDH, TDH].map(|row| row.at(0).bytes());
    let reads_head = |access: &Access| match access {
        Access::Read(at, _) => heads.contains(at),
        Access::Write(..) => false,
    };
    let all = every_variant(&scenario, &mut arena(), Registers::Trapped);
    for (name, seen) in all {
        let seen = seen.unwrap_or_else(|why| panic!("{name}: {why}"));
        let accesses = seen.bring_up.iter().chain(&seen.accesses).flatten();
        assert!(accesses.clone().count() > 100, "{name}: no log");
        assert!(!accesses.clone().any(reads_head), "{name} reads a head");
    }
}

/// Whether every variant reports that `register` does not change.
fn reported(fault: &str, faults: Faults, register: &str) {
    let scenario = Scenario { faults, ..Scenario::small() };
    let arena = &mut arena();
    for behind in &REGISTERS[..at_most(3, 1) as usize] {
        for (name, seen) in every_variant(&scenario, arena, *behind) {
            let error = seen.err().unwrap_or_default();
            let says = format!("{register} reads");
            assert!(error.starts_with(&says), "{fault}, {name}: {error:?}");
            assert!(error.contains("gave up"), "{fault}, {name}: {error:?}");
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn a_reset_without_end_is_reported() {
    let faults = Faults { endless_reset: true, ..Faults::default() };
    reported("endless reset", faults, "CTRL");
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn a_link_that_stays_down_is_reported() {
    let down = Faults { link_down: true, ..Faults::default() };
    reported("link down", down, "LINKS");
    let slow = Faults { slow_link: 255, ..Faults::default() };
    reported("slow link", slow, "LINKS");
}

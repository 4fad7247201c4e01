//! Every policy of the registry against the reference forwarder.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nic_model::Arena;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::run::{Outcome, Registers, arena, run};
use super::scenario::{Scenario, scenarios};
use super::{Verdict, hold, naive};
use crate::registry::{FLOOR, variants};

#[test]
#[cfg_attr(miri, ignore = "takes hours")]
fn behind_trapped_registers_every_variant_does_what_the_reference_does()
-> Verdict {
    every_variant_conforms(160, Registers::Trapped)
}

#[test]
#[cfg_attr(miri, ignore = "takes hours")]
fn behind_mapped_registers_every_variant_does_what_the_reference_does()
-> Verdict {
    every_variant_conforms(160, Registers::Mapped)
}

#[test]
#[cfg_attr(miri, ignore = "takes hours")]
fn behind_costly_registers_every_variant_does_what_the_reference_does()
-> Verdict {
    every_variant_conforms(48, Registers::Costed)
}

/// The one run that an interpreter has time for.
#[test]
fn once_around_the_rings_every_variant_does_what_the_reference_does()
-> TestCaseResult {
    all_conform(&Scenario::small(), &mut arena(), Registers::Mapped)
}

fn every_variant_conforms(cases: u32, behind: Registers) -> Verdict {
    let arena = RefCell::new(arena());
    hold(cases, scenarios(), |scenario| {
        all_conform(&scenario, &mut arena.borrow_mut(), behind)
    })
}

fn all_conform(
    scenario: &Scenario,
    arena: &mut Arena,
    behind: Registers,
) -> TestCaseResult {
    let reference = run(scenario, arena, Registers::Trapped, naive::open)
        .map_err(|why| fail("reference", behind, why))?;
    all_do_as(&reference, scenario, arena, behind)
}

fn fail(who: &str, behind: Registers, why: String) -> TestCaseError {
    TestCaseError::fail(format!("{who}, {behind:?}: {why}"))
}

/// Variants that come to hold other buffers than the reference: they clean
/// before they receive, or give buffers back at another time.
const OTHER_BUFFERS: &[&str] = &[
    "batch=iter",
    "batch=callback",
    "pass=fused",
    "buffer=heap",
    "buffer=deferred",
    "pool=bulk",
    "persona=fastest",
];

/// Whether every variant does what the reference did.
pub fn all_do_as(
    reference: &Outcome,
    scenario: &Scenario,
    arena: &mut Arena,
    behind: Registers,
) -> TestCaseResult {
    let ample = scenario.pool_is_ample();
    for variant in variants() {
        let floor = variant.axis() == FLOOR;
        let name = variant.name();
        let other_buffers = floor || OTHER_BUFFERS.contains(&name.as_str());
        // A floor does no more than it was made for: it survives the rest.
        let survives_only = (floor
            && !(variant.forwards && ample && is_smooth(reference)))
            // Packets on the heap need no buffer between the rings.
            || (name == "buffer=heap" && !ample);
        let conforms = caught(|| {
            let seen = run(scenario, arena, behind, variant.open())?;
            if survives_only {
                return Ok(());
            }
            reference.same_packets(&seen)?;
            if !other_buffers {
                reference.same_buffers(&seen)?;
            }
            if behind == Registers::Trapped {
                reference.same_accesses(&seen)?;
            }
            Ok(())
        });
        conforms.map_err(|why| fail(&variant.name(), behind, why))?;
    }
    Ok(())
}

/// Whether a run was one in which `floor=lean` can do the same: it stops at a
/// fragment and receives no more than it can send.
fn is_smooth(reference: &Outcome) -> bool {
    let counts = reference.counts;
    counts.multi_descriptor == 0 && counts.dropped == 0
}

/// A panic is an error like any other.
pub fn caught(run: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let literal = || panic.downcast_ref::<&str>().map(|s| s.to_string());
        let text = panic.downcast_ref::<String>().cloned().or_else(literal);
        Err(text.unwrap_or_else(|| "a panic without words".to_owned()))
    })
}

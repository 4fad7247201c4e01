//! Every variant on the workloads that receive only or send only.

use std::cell::RefCell;
use std::ptr::NonNull;

use driver::regs::{RDT, TDT};
use nic_model::frame::FrameMaker;
use nic_model::wire::Sink;
use nic_model::{Access, Arena, Faults, FrameFormat};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::policies::caught;
use super::run::{Outcome, Registers, arena, run_on};
use super::scenario::{Scenario, scenarios};
use super::{Verdict, hold, naive};
use crate::registry::{Variant, variants};
use crate::workload::{Open, Workload};

/// The variants that have something to do on `workload`.
fn on(workload: Workload) -> impl Iterator<Item = (Variant, Open)> {
    let cases = move |v: Variant| Some((v, v.on(workload)?.open));
    variants().into_iter().filter(|v| v.forwards).filter_map(cases)
}

fn touches(accesses: &[Vec<Access>], register: driver::regs::Offset) -> bool {
    accesses.iter().flatten().any(|access| match *access {
        Access::Read(offset, _) | Access::Write(offset, _) => {
            offset == register.bytes()
        }
    })
}

fn receiving_conforms(
    scenario: &Scenario,
    arena: &mut Arena,
    behind: Registers,
) -> TestCaseResult {
    let rx = Workload::Rx;
    let trapped = Registers::Trapped;
    let reference = run_on(rx, scenario, arena, trapped, naive::open_rx)
        .map_err(TestCaseError::fail)?;
    let ample = scenario.pool_is_ample();
    for (variant, open) in on(rx) {
        let name = variant.name();
        let conforms = caught(|| {
            let seen = run_on(rx, scenario, arena, behind, open)?;
            // Packets on the heap need no buffer while they are in hand, and
            // abandoned ones are found when the pool is nearly empty.
            if !ample && name.starts_with("buffer=") {
                return Ok(());
            }
            reference.same_packets(&seen)?;
            if behind == Registers::Trapped {
                reference.same_accesses(&seen)?;
            }
            Ok(())
        });
        conforms
            .map_err(|why| TestCaseError::fail(format!("{name}: {why}")))?;
    }
    prop_assert_eq!(reference.arrived, [0, 0]);
    prop_assert!(!touches(&reference.accesses, TDT.at(0)));
    let account = reference.account;
    prop_assert_eq!(account.consumed, reference.counts.received);
    Ok(())
}

#[test]
#[cfg_attr(miri, ignore = "takes hours")]
fn whoever_only_receives_does_what_the_reference_does() -> Verdict {
    let arena = RefCell::new(arena());
    hold(96, scenarios(), |scenario| {
        let arena = &mut arena.borrow_mut();
        receiving_conforms(&scenario, arena, Registers::Trapped)?;
        receiving_conforms(&scenario, arena, Registers::Mapped)
    })
}

#[test]
fn once_around_the_rings_whoever_only_receives_conforms() -> TestCaseResult {
    let (scenario, behind) = (Scenario::small(), Registers::Mapped);
    receiving_conforms(&scenario, &mut arena(), behind)
}

/// What the wire behind a port has seen of `frames` frames.
fn digest(scenario: &Scenario, frames: u64) -> Option<u64> {
    let (format, first) = (scenario.format, scenario.first_sequence);
    let maker = FrameMaker::new(0, format);
    let mut sink = Sink::new(0, format, 0, 1, first).with_digest();
    for sequence in first..first + frames {
        let mut frame = maker.frame(sequence);
        let at = NonNull::from_mut(frame.as_mut_slice()).cast();
        // SAFETY: the vector is as long as the maker says.
        unsafe { sink.accept(0, at, maker.bytes()) };
    }
    sink.digest()
}

fn sending_conforms(
    scenario: &Scenario,
    arena: &mut Arena,
    behind: Registers,
) -> TestCaseResult {
    let format = FrameFormat { types: 1, one_flow: true, ..scenario.format };
    let faults = Faults::default();
    let scenario = Scenario { format, faults, ..scenario.clone() };
    let mut first: Option<Outcome> = None;
    for (variant, open) in on(Workload::Tx) {
        let name = variant.name();
        let conforms = caught(|| {
            let tx = Workload::Tx;
            let seen = run_on(tx, &scenario, arena, behind, open)?;
            let made: u64 = seen.received.iter().sum();
            let went = [seen.counts.generated, seen.counts.sent];
            if went != [made, made] || seen.arrived.iter().sum::<u64>() != made
            {
                return Err(format!("{made} of {seen:?}"));
            }
            for (frames, wire) in seen.arrived.into_iter().zip(seen.digests) {
                if wire.is_some() && wire != digest(&scenario, frames) {
                    return Err(format!("other bytes than {frames} frames"));
                }
            }
            if touches(&seen.accesses, RDT.at(0)) {
                return Err("a doorbell of a receive ring".to_owned());
            }
            let Some(first) = &first else {
                first = Some(seen);
                return Ok(());
            };
            // Who holds buffers longer or copies them has others free.
            if scenario.pool_is_ample() {
                first.same_packets(&seen)?;
                first.same_accesses(&seen)?;
            }
            Ok(())
        });
        conforms
            .map_err(|why| TestCaseError::fail(format!("{name}: {why}")))?;
    }
    Ok(())
}

#[test]
#[cfg_attr(miri, ignore = "takes hours")]
fn whoever_only_sends_sends_the_frames_of_the_maker_in_order() -> Verdict {
    let arena = RefCell::new(arena());
    hold(96, scenarios(), |mut scenario| {
        // Who makes frames makes none that do not fit.
        let wire_bytes = &mut scenario.format.wire_bytes;
        *wire_bytes = (*wire_bytes).min(scenario.buffer_bytes);
        let arena = &mut arena.borrow_mut();
        sending_conforms(&scenario, arena, Registers::Trapped)?;
        sending_conforms(&scenario, arena, Registers::Mapped)
    })
}

#[test]
fn once_around_the_rings_whoever_only_sends_conforms() -> TestCaseResult {
    let (scenario, behind) = (Scenario::small(), Registers::Mapped);
    sending_conforms(&scenario, &mut arena(), behind)
}

#[test]
#[cfg_attr(miri, ignore = "takes ten minutes")]
fn a_sender_meets_its_quota_exactly() -> TestCaseResult {
    let mut scenario = Scenario::plain();
    scenario.format.one_flow = true;
    // Odd, of two ports, and no more than the rings take at once.
    for phase in &mut scenario.phases {
        phase.quota.packets = 33;
    }
    let wanted = vec![33; scenario.phases.len()];
    let mut arena = arena();
    for (variant, open) in on(Workload::Tx) {
        let (tx, behind) = (Workload::Tx, Registers::Trapped);
        let seen = run_on(tx, &scenario, &mut arena, behind, open)
            .map_err(TestCaseError::fail)?;
        prop_assert_eq!(&seen.received, &wanted, "{}", variant.name());
        prop_assert_eq!(seen.arrived, [51, 48]);
    }
    Ok(())
}

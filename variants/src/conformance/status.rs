//! Laws of axis `status`.

use std::cell::RefCell;

use driver::desc::BYTES;
use driver::policy::{RegAccess, StatusCheck};
use driver::ring::RxRing;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::{Verdict, at_most, bytes_of, hold, memory};
use crate::bounds::Checked;
use crate::reg;

/// Makes tests of the laws of axis `status`.
#[macro_export]
#[doc(hidden)]
macro_rules! status_conformance {
    ($style:ty) => {
        use $crate::conformance::{Verdict, status};

        #[test]
        fn a_run_ends_at_the_first_descriptor_without_dd_or_eop() -> Verdict {
            status::runs_are_counted::<$style>()
        }

        #[test]
        fn a_limit_beyond_the_ring_does_no_harm() -> Verdict {
            status::limits_are_only_limits::<$style>()
        }
    };
}

type Run = fn(&RxRing<'_>, u16, u16) -> u16;

/// The check with every reg style, by the style's name.
pub fn with_every_reg<S: StatusCheck>() -> Vec<(&'static str, Run)> {
    fn with<S: StatusCheck, R: RegAccess>() -> (&'static str, Run) {
        (R::NAME, S::done_run::<R, Checked>)
    }
    vec![
        with::<S, reg::Unboxed>(),
        with::<S, reg::Boxed>(),
        with::<S, reg::Bytes>(),
        with::<S, reg::Halves>(),
        #[cfg(have_cc)]
        with::<S, reg::Foreign>(),
        with::<S, reg::Tagged>(),
        with::<S, reg::Typed>(),
        with::<S, reg::Wide>(),
    ]
}

/// The status of every descriptor of a ring, mostly in long runs of done
/// ones: in all of them DD and EOP, except in some, which have but one bit of
/// the two or none. The other bits are anything.
fn statuses() -> impl Strategy<Value = Vec<u32>> {
    let holes = vec((any::<Index>(), 0..3_u32), 0..10);
    (6..=at_most(10, 6), holes, any::<u32>()).prop_map(|(log, holes, noise)| {
        let other = |i: u32| noise.rotate_left(i) & !3;
        let mut ring: Vec<u32> = (0..1 << log).map(|i| other(i) | 3).collect();
        for (hole, bits) in holes {
            let hole = hole.index(ring.len());
            ring[hole] = ring[hole] & !3 | bits;
        }
        ring
    })
}

/// The law, word by word.
fn naive(statuses: &[u32], first: usize, max: usize) -> usize {
    let mut run = 0;
    while run < max {
        let status = statuses[(first + run) % statuses.len()];
        let (done, whole) = (status & 1 == 1, status & 2 == 2);
        if !(done && whole) {
            break;
        }
        run += 1;
    }
    run
}

/// With every reg style a check counts what is counted here, and writes
/// nothing.
pub fn runs_are_counted<S: StatusCheck>() -> Verdict {
    let inputs = (statuses(), any::<Index>(), any::<Index>());
    counts::<S, _>(inputs.prop_map(|(statuses, first, max)| {
        let first = first.index(statuses.len());
        let max = max.index(statuses.len() + 1);
        (statuses, first, max)
    }))
}

/// The same for any limit, where some descriptor is not done: the driver
/// never gives the last one away.
pub fn limits_are_only_limits<S: StatusCheck>() -> Verdict {
    let max = prop_oneof![any::<u16>(), Just(u16::MAX)];
    let inputs = (statuses(), any::<Index>(), max);
    counts::<S, _>(inputs.prop_map(|(mut statuses, first, max)| {
        let first = first.index(statuses.len());
        let last = (first + statuses.len() - 1) % statuses.len();
        statuses[last] &= !1;
        (statuses, first, max.into())
    }))
}

fn counts<S, I>(inputs: I) -> Verdict
where
    S: StatusCheck,
    I: Strategy<Value = (Vec<u32>, usize, usize)>,
{
    let region = RefCell::new(memory(1));
    hold(192, inputs, |(statuses, first, max)| {
        let mut region = region.borrow_mut();
        let memory = region.carve().take(statuses.len() * BYTES, 128);
        // Every bit is set, so that a look at another word is noticed.
        let view = memory.window();
        let ring = RxRing::new(memory);
        for (i, status) in (0..).zip(&statuses) {
            ring.desc(i).status_error().write(*status);
        }
        let before = bytes_of(view);
        let wanted = naive(&statuses, first, max);
        for (reg, run) in with_every_reg::<S>() {
            let counted = run(&ring, first as u16, max as u16);
            prop_assert_eq!(usize::from(counted), wanted, "reg={}", reg);
        }
        prop_assert!(bytes_of(view) == before, "the ring was written to");
        Ok(())
    })
}

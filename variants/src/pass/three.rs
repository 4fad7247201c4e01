//! `pass=three`: receive all, work on all, send all.
//!
//! *Idea.* Driver and application meet at a batch: each step is a loop over
//! it, and none knows of the others.
//!
//! *Cost.* Handles are written to the batch and read again, twice, and what a
//! step knew of a packet is looked up by the next.
//!
//! *Origin.* All published drivers of the ixy family.
//!
//! *Compare.* `fused.rs`.

use driver::bar::Bar0;
use driver::pass::{Passed, Route, three_passes};
use driver::policy::{Pass, Policy};

/// Receive all, work on all, send all.
pub struct Three;

impl Pass for Three {
    const NAME: &'static str = "three";
    const IDEA: &'static str = "receive all, work on all, send all";

    #[inline(always)]
    fn forward<P: Policy, B: Bar0>(
        route: Route<'_, '_, P, B>,
        work: impl FnMut(&mut [u8]),
    ) -> Passed {
        three_passes::<P, B>(route, work)
    }
}

#[cfg(test)]
mod tests {
    crate::pass_conformance!(super::Three);
}

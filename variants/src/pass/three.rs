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

use driver::mempool::Mempool;
use driver::pass::{Passed, Route, Sink, Source, three_passes};
use driver::policy::{Packet, Pass, Policy};

/// Receive all, work on all, send all.
pub struct Three;

impl Pass for Three {
    const NAME: &'static str = "three";
    const IDEA: &'static str = "receive all, work on all, send all";

    #[inline(always)]
    fn forward<P: Policy, S: Source<P>, D: Sink<P>>(
        route: Route<'_, '_, P, S, D>,
        work: impl FnMut(&mut Mempool<'_, P>, &mut Packet<P>),
    ) -> Passed {
        let Route { source, sink, pool, batch, max } = route;
        three_passes(source, sink, pool, batch, max, work)
    }
}

#[cfg(test)]
mod tests {
    crate::pass_conformance!(super::Three);
}

//! `pass=fused`: one loop receives, works on and sends each packet.
//!
//! *Idea.* A packet's handle stays in a register from one ring to the other;
//! the doorbells still ring once per batch. There is no batch to hold.
//!
//! *Cost.* Driver and application are one loop: whoever writes the
//! application writes it into the driver.
//!
//! *Origin.* What a compiler cannot do to three loops over rings that a
//! device writes.
//!
//! *Compare.* `three.rs`.

use driver::mempool::Mempool;
use driver::pass::{Passed, Route, Sink, Source, one_pass};
use driver::policy::{Packet, Pass, Policy};

/// One loop receives, works on and sends each packet.
pub struct Fused;

impl Pass for Fused {
    const NAME: &'static str = "fused";
    const IDEA: &'static str = "one loop does all to each packet";

    #[inline(always)]
    fn forward<P: Policy, S: Source<P>, D: Sink<P>>(
        route: Route<'_, '_, P, S, D>,
        work: impl FnMut(&mut Mempool<'_, P>, &mut Packet<P>),
    ) -> Passed {
        let Route { source, sink, pool, max, .. } = route;
        one_pass(source, sink, pool, max, work)
    }
}

#[cfg(test)]
mod tests {
    crate::pass_conformance!(super::Fused);
}

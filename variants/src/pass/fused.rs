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

use driver::bar::Bar0;
use driver::pass::{Passed, Route, one_pass};
use driver::policy::{Pass, Policy};

/// One loop receives, works on and sends each packet.
pub struct Fused;

impl Pass for Fused {
    const NAME: &'static str = "fused";
    const IDEA: &'static str = "one loop does all to each packet";

    #[inline(always)]
    fn forward<P: Policy, B: Bar0>(
        route: Route<'_, '_, P, B>,
        work: impl FnMut(&mut [u8]),
    ) -> Passed {
        one_pass::<P, B>(route, work)
    }
}

#[cfg(test)]
mod tests {
    crate::pass_conformance!(super::Fused);
}

//! `status=branchy`: DD, then EOP, each a bool of its own.
//!
//! *Idea.* Each bit is asked for by name, and each answer is branched on.
//!
//! *Cost.* One load and two branches per descriptor.
//!
//! *Origin.* The published C and Rust drivers: leave the loop without DD,
//! abort without EOP.
//!
//! *Compare.* `masked.rs`, `branchless.rs`.

use driver::desc::rx_status::{DD, EOP};
use driver::opaque;
use driver::policy::{Bounds, RegAccess, StatusCheck};
use driver::ring::RxRing;

/// DD, then EOP, each a bool of its own.
pub struct Branchy;

impl StatusCheck for Branchy {
    const NAME: &'static str = "branchy";
    const IDEA: &'static str = "DD, then EOP, a bool and a branch each";

    #[inline(always)]
    fn done_run<R: RegAccess, G: Bounds>(
        ring: &RxRing<'_>,
        first: u16,
        max: u16,
    ) -> u16 {
        let mut done = 0;
        while done < max {
            let desc = ring.desc_after::<G>(first, done);
            let status = R::value(R::load(desc.status_error()));
            // Opaque, or the two tests become the one of `masked`.
            let is_done = opaque::word(status & DD) != 0;
            if !is_done {
                break;
            }
            let is_whole = opaque::word(status & EOP) != 0;
            if !is_whole {
                break;
            }
            done += 1;
        }
        done
    }
}

#[cfg(test)]
mod tests {
    crate::status_conformance!(super::Branchy);
}

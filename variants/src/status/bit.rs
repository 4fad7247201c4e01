//! `status=bit`: the answer stays an integer, never a bool.
//!
//! *Idea.* Shift and mask bring DD and EOP onto each other; what is left is 1
//! or 0, and is all there is to look at.
//!
//! *Cost.* One load, a shift, two masks and one branch per descriptor.
//!
//! *Origin.* The advice to ixy.ml's author that a bool made of a boxed
//! integer costs more than the integer.
//!
//! *Compare.* `masked.rs`, `branchy.rs`, `branchless.rs`.

use driver::desc::rx_status::{DD, EOP};
use driver::opaque;
use driver::policy::{Bounds, RegAccess, StatusCheck};
use driver::ring::RxRing;

/// The answer stays an integer, never a bool.
pub struct Bit;

const _: () = assert!(DD == 1 && EOP == DD << 1);

impl StatusCheck for Bit {
    const NAME: &'static str = "bit";
    const IDEA: &'static str = "DD and EOP shifted onto each other";

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
            // Opaque, or the integer becomes the compare of `masked`.
            let bit = opaque::word(status & (status >> 1) & 1);
            if bit == 0 {
                break;
            }
            done += 1;
        }
        done
    }
}

#[cfg(test)]
mod tests {
    crate::status_conformance!(super::Bit);
}

//! `status=branchless`: the run of done descriptors counted without a branch.
//!
//! *Idea.* Eight descriptors at a time: each one's answer becomes a bit of a
//! mask, and the run is the number of ones at the mask's low end.
//!
//! *Cost.* Eight loads per group, also where fewer are done, and one branch
//! per group instead of one per descriptor.
//!
//! *Origin.* The advice to ixy.ml's author to compute on the bits instead of
//! testing them.
//!
//! *Compare.* `masked.rs`, `branchy.rs`.

use driver::desc::rx_status::{DD, EOP};
use driver::policy::{Bounds, RegAccess, StatusCheck};
use driver::ring::RxRing;

/// The run of done descriptors counted without a branch.
pub struct Branchless;

/// Descriptors per branch.
const GROUP: u16 = 8;

impl StatusCheck for Branchless {
    const NAME: &'static str = "branchless";
    const IDEA: &'static str =
        "eight descriptors per branch, as bits of a mask";

    #[inline(always)]
    fn done_run<R: RegAccess, G: Bounds>(
        ring: &RxRing<'_>,
        first: u16,
        max: u16,
    ) -> u16 {
        let mut done = 0;
        while done < max {
            let mut lacking = 1_u32 << GROUP;
            for step in 0..GROUP {
                let desc = ring.desc_after::<G>(first, done + step);
                let status = R::value(R::load(desc.status_error()));
                let lacks = status & (DD | EOP) != DD | EOP;
                lacking |= u32::from(lacks) << step;
            }
            if lacking != 1 << GROUP {
                done += lacking.trailing_zeros() as u16;
                break;
            }
            done += GROUP;
        }
        done.min(max)
    }
}

#[cfg(test)]
mod tests {
    crate::status_conformance!(super::Branchless);
}

//! `writeback=every32`: one descriptor in 32 asks for a write-back.
//!
//! *Idea.* RS on the last packet of each group that is cleaned together, the
//! only one whose DD is looked at.
//!
//! *Cost.* A test of the index per packet; the device writes one descriptor
//! back instead of 32.
//!
//! *Origin.* DPDK's ixgbe driver, whose transmit threshold is 32.
//!
//! *Compare.* `every.rs`.

use driver::policy::WriteBack;
use driver::tx::CLEAN_GROUP;

/// One descriptor in 32 asks for a write-back.
pub struct Every32;

impl WriteBack for Every32 {
    const NAME: &'static str = "every32";
    const IDEA: &'static str = "RS on the last of 32 descriptors";

    #[inline(always)]
    fn reports(i: u16) -> bool {
        i % CLEAN_GROUP == CLEAN_GROUP - 1
    }
}

#[cfg(test)]
mod tests {
    crate::writeback_conformance!(super::Every32);
}

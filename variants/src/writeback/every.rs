//! `writeback=every`: each descriptor asks for a write-back.
//!
//! *Idea.* RS on every packet; the driver may look at any descriptor's DD.
//!
//! *Cost.* The device writes every descriptor back, and most of it is never
//! looked at.
//!
//! *Origin.* All published drivers of the ixy family.
//!
//! *Compare.* `every32.rs`.

use driver::policy::WriteBack;

/// Each descriptor asks for a write-back.
pub struct Every;

impl WriteBack for Every {
    const NAME: &'static str = "every";
    const IDEA: &'static str = "RS on each descriptor";

    #[inline(always)]
    fn reports(_i: u16) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    crate::writeback_conformance!(super::Every);
}

//! `bounds=checked`: an index is compared with the size of its table.
//!
//! *Idea.* What Rust does unless it is told otherwise.
//!
//! *Cost.* A compare and a branch per access, well predicted, where the
//! compiler cannot see that the index is good.
//!
//! *Origin.* All memory-safe languages of the comparison.
//!
//! *Compare.* `unchecked.rs`, `overflow.rs`.

use driver::policy::Bounds;
use num_traits::{CheckedAdd, WrappingAdd};

/// An index is compared with the size of its table.
pub struct Checked;

impl Bounds for Checked {
    const NAME: &'static str = "checked";
    const IDEA: &'static str = "every index against its table";

    #[inline(always)]
    unsafe fn within(i: usize, len: usize) {
        assert!(i < len, "index beyond its table");
    }

    #[inline(always)]
    fn add<N: CheckedAdd + WrappingAdd>(a: N, b: N) -> N {
        a.wrapping_add(&b)
    }
}

#[cfg(test)]
mod tests {
    crate::bounds_conformance!(super::Checked);
}

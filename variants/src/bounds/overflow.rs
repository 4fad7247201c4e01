//! `bounds=overflow`: sums are checked as well.
//!
//! *Idea.* An index or a counter that leaves its type's range stops the
//! program, as in a debug build.
//!
//! *Cost.* A branch per sum on top of one per index.
//!
//! *Origin.* The Rust driver with overflow checks, which the published
//! comparison measured on their own.
//!
//! *Compare.* `checked.rs`, `unchecked.rs`.

use driver::policy::Bounds;
use num_traits::{CheckedAdd, WrappingAdd};

/// Sums are checked as well.
pub struct Overflow;

impl Bounds for Overflow {
    const NAME: &'static str = "overflow";
    const IDEA: &'static str = "every index and every sum";

    #[inline(always)]
    unsafe fn within(i: usize, len: usize) {
        assert!(i < len, "index beyond its table");
    }

    #[inline(always)]
    fn add<N: CheckedAdd + WrappingAdd>(a: N, b: N) -> N {
        a.checked_add(&b).expect("no sum overflows")
    }
}

#[cfg(test)]
mod tests {
    crate::bounds_conformance!(super::Overflow);
}

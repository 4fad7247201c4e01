//! `bounds=unchecked`: an index is taken at its word.
//!
//! *Idea.* The driver's own indices come out of a mask and out of its own
//! tables. Whoever trusts that need not look.
//!
//! *Cost.* None, and whatever a wrong index destroys.
//!
//! *Origin.* C.
//!
//! *Compare.* `checked.rs`, `overflow.rs`.

use core::hint;

use driver::policy::Bounds;
use num_traits::{CheckedAdd, WrappingAdd};

/// An index is taken at its word.
pub struct Unchecked;

impl Bounds for Unchecked {
    const NAME: &'static str = "unchecked";
    const IDEA: &'static str = "no index is looked at";

    #[inline(always)]
    unsafe fn within(i: usize, len: usize) {
        // SAFETY: what the caller promises.
        unsafe { hint::assert_unchecked(i < len) };
    }

    #[inline(always)]
    fn add<N: CheckedAdd + WrappingAdd>(a: N, b: N) -> N {
        a.wrapping_add(&b)
    }
}

#[cfg(test)]
mod tests {
    crate::bounds_conformance!(super::Unchecked);
}

//! `spread=stride2k`: buffers start every 2 KiB.
//!
//! *Idea.* A buffer's address is its index times its size.
//!
//! *Cost.* All first lines fall into a few sets of the cache, and into the
//! same places of their pages, so that they push each other out.
//!
//! *Origin.* All published drivers of the ixy family.
//!
//! *Compare.* `coloured.rs`.

use driver::policy::Spread;

/// Buffers start every 2 KiB, or whatever their size is.
pub struct Stride2k;

impl Spread for Stride2k {
    const NAME: &'static str = "stride2k";
    const IDEA: &'static str = "every 2 KiB, without padding";

    fn stride(buffer_bytes: usize) -> usize {
        buffer_bytes
    }
}

#[cfg(test)]
mod tests {
    crate::spread_conformance!(super::Stride2k);
}

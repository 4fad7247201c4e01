//! `spread=coloured`: buffers start in every set of the cache.
//!
//! *Idea.* A cache line of padding after each buffer, so that the first lines
//! of neighbours fall into neighbouring sets of the cache.
//!
//! *Cost.* 64 bytes per buffer.
//!
//! *Origin.* DPDK's memory pools, which pad objects to spread them over
//! memory channels.
//!
//! *Compare.* `stride2k.rs`.

use driver::policy::Spread;

/// Buffers start in every set of the cache.
pub struct Coloured;

impl Spread for Coloured {
    const NAME: &'static str = "coloured";
    const IDEA: &'static str = "a cache line of padding between buffers";

    fn stride(buffer_bytes: usize) -> usize {
        buffer_bytes + 64
    }
}

#[cfg(test)]
mod tests {
    crate::spread_conformance!(super::Coloured);
}

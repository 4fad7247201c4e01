//! `meta=side`: in a table beside the pool.
//!
//! *Idea.* Lengths and addresses of all buffers lie close together, four
//! rows to a cache line, and apart from what the device writes.
//!
//! *Cost.* A row and a packet are two places; the table competes with the
//! rings for the first cache.
//!
//! *Origin.* The Rust driver, whose packets are structs beside the pool.
//!
//! *Compare.* `header.rs`.

use driver::policy::Meta;

/// In a table beside the pool.
pub struct Side;

impl Meta for Side {
    const NAME: &'static str = "side";
    const IDEA: &'static str = "a table beside the pool";

    const HEADROOM: usize = 0;
}

#[cfg(test)]
mod tests {
    crate::meta_conformance!(super::Side);
}

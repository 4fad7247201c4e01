//! `persona=ixy-rs-style`: how the Rust driver is written.
//!
//! *Idea.* A batch is a `VecDeque` of packets, each of which holds on to its
//! pool by an `Rc`; DD and EOP are tested one after the other; every index is
//! checked; buffers start every 2 KiB.
//!
//! *Origin.* S. Ellmann, "Writing Network Drivers in Rust" (2018), and the driver's
//! sources: `rx_batch`, `Packet`, `Mempool`.
//!
//! *Compare.* `ixy_c_style.rs`.

use super::Persona;
use crate::batch::Deque;
use crate::buffer::Counted;
use crate::meta::Side;
use crate::reg::Unboxed;
use crate::registry::Join;
use crate::spread::Stride2k;
use crate::status::Branchy;
use crate::walk::Chase;

/// How the Rust driver is written.
pub struct IxyRsStyle;

impl Persona for IxyRsStyle {
    const NAME: &'static str = "ixy-rs-style";
    const IDEA: &'static str = "branchy, VecDeque, Rc of the pool, every 2 KiB";

    type Policy = Join<Unboxed, Deque, Branchy, Chase, Counted, Side, Stride2k>;
}

#[cfg(test)]
mod tests {
    crate::persona_conformance!(super::IxyRsStyle);
}

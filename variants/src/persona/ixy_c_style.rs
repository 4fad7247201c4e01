//! `persona=ixy-c-style`: how the C driver is written.
//!
//! *Idea.* A word is a word and an array is an array: DD and EOP are tested one
//! after the other, a packet's metadata lies in 64 bytes in front of it, buffers
//! start every 2 KiB, and nobody looks at an index twice.
//!
//! *Origin.* P. Emmerich and others, "User Space Network Drivers" (2019), and the
//! driver's sources: `rx_batch`, `struct pkt_buf`, `memory_allocate_mempool`.
//!
//! *Compare.* `ixy_rs_style.rs`, and `language=c`, which is the baseline in C.

use super::Persona;
use crate::batch::Slice;
use crate::bounds::Unchecked;
use crate::buffer::Freelist;
use crate::meta::Header;
use crate::reg::Unboxed;
use crate::registry::Join;
use crate::spread::Stride2k;
use crate::status::Branchy;
use crate::walk::Chase;

/// How the C driver is written.
pub struct IxyCStyle;

impl Persona for IxyCStyle {
    const NAME: &'static str = "ixy-c-style";
    const IDEA: &'static str =
        "branchy, 64-byte headers, every 2 KiB, unchecked";

    type Policy = Join<
        Unboxed,
        Slice,
        Branchy,
        Chase,
        Freelist,
        Header,
        Stride2k,
        Unchecked,
    >;
}

#[cfg(test)]
mod tests {
    crate::persona_conformance!(super::IxyCStyle);
}

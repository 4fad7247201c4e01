//! `meta=header`: in front of the packet.
//!
//! *Idea.* One pointer leads to the packet and to all that is known about
//! it, and an address needs no lookup.
//!
//! *Cost.* A cache line per packet that the device does not bring along.
//!
//! *Origin.* `struct pkt_buf` of the C driver, 64 bytes in front of the data;
//! DPDK's mbufs.
//!
//! *Compare.* `side.rs`.

use driver::policy::Meta;

/// In front of the packet.
pub struct Header;

impl Meta for Header {
    const NAME: &'static str = "header";
    const IDEA: &'static str = "64 bytes in front of the packet";

    const HEADROOM: usize = 64;
}

#[cfg(test)]
mod tests {
    crate::meta_conformance!(super::Header);
}

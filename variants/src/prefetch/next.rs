//! `prefetch=next`: packet data is fetched when its descriptor is received.
//!
//! *Idea.* A packet will be looked at when the whole batch is there; until
//! then there is time to fetch it.
//!
//! *Cost.* An instruction per packet and the address that it needs; at batch
//! size 1 there is nothing to be ahead of.
//!
//! *Origin.* The Rust driver with and without prefetching, 2019.
//!
//! *Compare.* `none.rs`.

use driver::mempool::PacketAddress;
use driver::policy::Prefetch;

/// Packet data is fetched when its descriptor is received.
pub struct Next;

impl Prefetch for Next {
    const NAME: &'static str = "next";
    const IDEA: &'static str = "fetched when the descriptor is received";

    #[inline(always)]
    fn expect(packet: PacketAddress<'_>) {
        packet.prefetch();
    }
}

#[cfg(test)]
mod tests {
    crate::prefetch_conformance!(super::Next);
}

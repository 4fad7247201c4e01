//! `prefetch=none`: packet data comes when it is asked for.
//!
//! *Idea.* The forwarder's first look at a packet fetches it.
//!
//! *Cost.* Whatever the wait is, as far as the processor cannot overlap it.
//!
//! *Origin.* The published drivers, as they were compared.
//!
//! *Compare.* `next.rs`.

use driver::mempool::PacketAddress;
use driver::policy::Prefetch;

/// Packet data comes when it is asked for.
pub struct Nothing;

impl Prefetch for Nothing {
    const NAME: &'static str = "none";
    const IDEA: &'static str = "data comes when it is asked for";

    #[inline(always)]
    fn expect(_packet: PacketAddress<'_>) {}
}

#[cfg(test)]
mod tests {
    crate::prefetch_conformance!(super::Nothing);
}

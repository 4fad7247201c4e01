//! `buffer=deferred`: buffers nobody uses pile up and are swept at once.
//!
//! *Idea.* A buffer that nobody needs is left lying. When the pool has too few
//! for what is to be received, everything stops, and all buffers are looked
//! at for those that can be used again.
//!
//! *Cost.* A pause, now and then, that grows with the pool.
//!
//! *Origin.* What a tracing collector does to a forwarder: the throughput is
//! hardly touched, the latency of whoever waits is.
//!
//! *Compare.* `freelist.rs`.

use driver::mempool::{Mempool, PktBuf};
use driver::policy::{Ownership, Policy};

/// Buffers nobody uses pile up and are swept at once.
pub struct Deferred;

impl Ownership for Deferred {
    const NAME: &'static str = "deferred";
    const IDEA: &'static str = "left lying, and swept in one pause";

    type Shared = ();
    type Packet = PktBuf;
    type InFlight = PktBuf;

    #[inline(always)]
    fn reserve<P: Policy<Buffer = Self>>(pool: &mut Mempool<'_, P>, n: u16) {
        if pool.available() < usize::from(n) {
            pool.sweep();
        }
    }

    #[inline(always)]
    fn receive<P: Policy<Buffer = Self>>(
        _pool: &mut Mempool<'_, P>,
        buf: PktBuf,
    ) -> PktBuf {
        buf
    }

    #[inline(always)]
    fn bytes<'p, P: Policy<Buffer = Self>>(
        pool: &'p mut Mempool<'_, P>,
        packet: &'p mut PktBuf,
    ) -> &'p mut [u8] {
        pool.data_mut(packet)
    }

    #[inline(always)]
    fn send<P: Policy<Buffer = Self>>(
        _pool: &mut Mempool<'_, P>,
        packet: PktBuf,
    ) -> PktBuf {
        packet
    }

    #[inline(always)]
    fn buffer(in_flight: &PktBuf) -> &PktBuf {
        in_flight
    }

    #[inline(always)]
    fn sent<P: Policy<Buffer = Self>>(
        pool: &mut Mempool<'_, P>,
        in_flight: PktBuf,
    ) {
        pool.abandon(in_flight);
    }

    #[inline(always)]
    fn dropped<P: Policy<Buffer = Self>>(
        pool: &mut Mempool<'_, P>,
        packet: PktBuf,
    ) {
        pool.abandon(packet);
    }
}

#[cfg(test)]
mod tests {
    crate::buffer_conformance!(super::Deferred);
}

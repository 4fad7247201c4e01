//! `buffer=freelist`: whoever holds the buffer's number owns the buffer.
//!
//! *Idea.* A packet is the number of its buffer. The number moves from ring
//! to batch to ring, and when nobody needs it any more, it is pushed on the
//! stack of the free ones.
//!
//! *Cost.* A store to push it, a load to take it.
//!
//! *Origin.* The published drivers: `free_stack` in the C driver's mempool.
//!
//! *Compare.* `refcount.rs`, `heap.rs`, `deferred.rs`.

use driver::mempool::{Mempool, PktBuf};
use driver::policy::{Ownership, Policy};

/// Whoever holds the buffer's number owns the buffer.
pub struct Freelist;

impl Ownership for Freelist {
    const NAME: &'static str = "freelist";
    const IDEA: &'static str = "a number that moves, a stack of free ones";

    type Shared = ();
    type Packet = PktBuf;
    type InFlight = PktBuf;

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
        pool.free(in_flight);
    }

    #[inline(always)]
    fn sent_group<P: Policy<Buffer = Self>>(
        pool: &mut Mempool<'_, P>,
        group: &mut [PktBuf],
    ) {
        pool.free_group(group);
    }

    #[inline(always)]
    fn dropped<P: Policy<Buffer = Self>>(
        pool: &mut Mempool<'_, P>,
        packet: PktBuf,
    ) {
        pool.free(packet);
    }
}

#[cfg(test)]
mod tests {
    crate::buffer_conformance!(super::Freelist);
}

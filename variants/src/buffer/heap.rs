//! `buffer=heap`: a packet is an allocation of its own.
//!
//! *Idea.* Buffers belong to the rings. A received packet is copied out of
//! its buffer into memory from the heap, and into another buffer to be sent.
//!
//! *Cost.* An allocation, a release and two copies per packet.
//!
//! *Origin.* Network stacks with packets of their own kind, and languages
//! whose memory the device cannot reach.
//!
//! *Compare.* `freelist.rs`, `refcount.rs`.

use driver::mempool::{Mempool, PktBuf};
use driver::policy::{Ownership, Policy};

/// A packet is an allocation of its own.
pub struct Heap;

impl Ownership for Heap {
    const NAME: &'static str = "heap";
    const IDEA: &'static str = "copied to the heap and back";

    type Shared = ();
    type Packet = Box<[u8]>;
    type InFlight = PktBuf;

    #[inline(always)]
    fn receive<P: Policy<Buffer = Self>>(
        pool: &mut Mempool<'_, P>,
        buf: PktBuf,
    ) -> Box<[u8]> {
        let packet = Box::from(&*pool.data_mut(&buf));
        pool.free(buf);
        packet
    }

    #[inline(always)]
    fn bytes<'p, P: Policy<Buffer = Self>>(
        _pool: &'p mut Mempool<'_, P>,
        packet: &'p mut Box<[u8]>,
    ) -> &'p mut [u8] {
        packet
    }

    #[inline(always)]
    fn sendable<P: Policy<Buffer = Self>>(
        pool: &Mempool<'_, P>,
        n: u16,
    ) -> u16 {
        n.min(pool.available().try_into().unwrap_or(u16::MAX))
    }

    #[inline(always)]
    fn send<P: Policy<Buffer = Self>>(
        pool: &mut Mempool<'_, P>,
        packet: Box<[u8]>,
    ) -> PktBuf {
        let buf = pool.alloc().expect("as many buffers as are sendable");
        pool.set_len(&buf, packet.len() as u16);
        pool.data_mut(&buf).copy_from_slice(&packet);
        buf
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
    fn dropped<P: Policy<Buffer = Self>>(
        _pool: &mut Mempool<'_, P>,
        packet: Box<[u8]>,
    ) {
        drop(packet);
    }
}

#[cfg(test)]
mod tests {
    crate::buffer_conformance!(super::Heap);
}

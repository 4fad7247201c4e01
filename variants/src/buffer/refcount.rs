//! `buffer=refcount`: a counted handle of the pool, `Rc`.
//!
//! *Idea.* A packet holds on to its pool by a counted handle, so that neither
//! can go before the other. The count rises when a packet is received and
//! falls when it is sent or dropped.
//!
//! *Cost.* The count goes up and down once per packet, and every packet that is
//! forgotten in a table is tested for its handle.
//!
//! *Origin.* The Rust driver, whose packets carry an `Rc` of their pool.
//!
//! *Compare.* `freelist.rs`, `arc.rs`.

use std::rc::Rc;

use driver::mempool::{Mempool, PktBuf};
use driver::policy::{Ownership, Policy};

/// A counted handle of the pool.
pub struct Counted;

/// A buffer and the handle of its pool.
#[derive(Default)]
pub struct Packet {
    buf: PktBuf,
    pool: Option<Rc<()>>,
}

impl Ownership for Counted {
    const NAME: &'static str = "refcount";
    const IDEA: &'static str = "each packet holds an Rc of its pool";

    type Shared = Rc<()>;
    type Packet = Packet;
    type InFlight = Packet;

    #[inline(always)]
    fn receive<P: Policy<Buffer = Self>>(
        pool: &mut Mempool<'_, P>,
        buf: PktBuf,
    ) -> Packet {
        Packet { buf, pool: Some(Rc::clone(pool.shared())) }
    }

    #[inline(always)]
    fn bytes<'p, P: Policy<Buffer = Self>>(
        pool: &'p mut Mempool<'_, P>,
        packet: &'p mut Packet,
    ) -> &'p mut [u8] {
        pool.data_mut(&packet.buf)
    }

    #[inline(always)]
    fn send<P: Policy<Buffer = Self>>(
        _pool: &mut Mempool<'_, P>,
        packet: Packet,
    ) -> Packet {
        packet
    }

    #[inline(always)]
    fn buffer(in_flight: &Packet) -> &PktBuf {
        &in_flight.buf
    }

    #[inline(always)]
    fn sent<P: Policy<Buffer = Self>>(
        pool: &mut Mempool<'_, P>,
        in_flight: Packet,
    ) {
        drop(in_flight.pool);
        pool.free(in_flight.buf);
    }

    #[inline(always)]
    fn dropped<P: Policy<Buffer = Self>>(
        pool: &mut Mempool<'_, P>,
        packet: Packet,
    ) {
        drop(packet.pool);
        pool.free(packet.buf);
    }
}

#[cfg(test)]
mod tests {
    crate::buffer_conformance!(super::Counted);
}

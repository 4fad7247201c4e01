//! `buffer=arc`: a counted handle of the pool, `Arc`.
//!
//! *Idea.* A packet holds on to its pool by a counted handle, so that neither
//! can go before the other. The count rises when a packet is received and
//! falls when it is sent or dropped.
//!
//! *Cost.* As `refcount`, and each change of the count is an atomic one.
//!
//! *Origin.* `std::shared_ptr` in the C++ driver, compared with a raw pointer in 2020;
//! the Rust driver with `Arc` instead of `Rc`.
//!
//! *Compare.* `freelist.rs`, `refcount.rs`.

use std::sync::Arc;

use driver::mempool::{Mempool, PktBuf};
use driver::policy::{Ownership, Policy};

/// A handle of the pool that is counted atomically.
pub struct Shared;

/// A buffer and the handle of its pool.
#[derive(Default)]
pub struct Packet {
    buf: PktBuf,
    pool: Option<Arc<()>>,
}

impl Ownership for Shared {
    const NAME: &'static str = "arc";
    const IDEA: &'static str = "each packet holds an Arc of its pool";

    type Shared = Arc<()>;
    type Packet = Packet;
    type InFlight = Packet;

    #[inline(always)]
    fn receive<P: Policy<Buffer = Self>>(
        pool: &mut Mempool<'_, P>,
        buf: PktBuf,
    ) -> Packet {
        Packet { buf, pool: Some(Arc::clone(pool.shared())) }
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
    crate::buffer_conformance!(super::Shared);
}

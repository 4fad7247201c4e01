//! `buffer=arc`: a counted handle, `Arc`.
//!
//! *Idea.* A packet is a counted handle. The ring gets a handle of its own,
//! the caller's is dropped, and the last one to go takes the buffer back to
//! the pool.
//!
//! *Cost.* As `refcount`, and each change of the count is an atomic one.
//!
//! *Origin.* `std::shared_ptr` in the C++ driver, as it was compared in 2020.
//!
//! *Compare.* `freelist.rs`, `refcount.rs`.

use std::sync::Arc;

use driver::mempool::{Mempool, PktBuf};
use driver::policy::{Ownership, Policy};

/// A handle that is counted atomically.
pub struct Shared;

impl Ownership for Shared {
    const NAME: &'static str = "arc";
    const IDEA: &'static str = "an Arc per packet";

    type Packet = Option<Arc<PktBuf>>;
    type InFlight = Option<Arc<PktBuf>>;

    #[inline(always)]
    fn receive<P: Policy>(
        _pool: &mut Mempool<'_, P>,
        buf: PktBuf,
    ) -> Option<Arc<PktBuf>> {
        Some(Arc::new(buf))
    }

    #[inline(always)]
    fn bytes<'p, P: Policy>(
        pool: &'p mut Mempool<'_, P>,
        packet: &'p mut Option<Arc<PktBuf>>,
    ) -> &'p mut [u8] {
        pool.data_mut(Self::buffer(packet))
    }

    #[inline(always)]
    fn send<P: Policy>(
        pool: &mut Mempool<'_, P>,
        packet: Option<Arc<PktBuf>>,
    ) -> Option<Arc<PktBuf>> {
        let in_flight = packet.clone();
        Self::dropped(pool, packet);
        in_flight
    }

    #[inline(always)]
    fn buffer(in_flight: &Option<Arc<PktBuf>>) -> &PktBuf {
        in_flight.as_ref().expect("a packet")
    }

    #[inline(always)]
    fn sent<P: Policy>(
        pool: &mut Mempool<'_, P>,
        in_flight: Option<Arc<PktBuf>>,
    ) {
        Self::dropped(pool, in_flight);
    }

    #[inline(always)]
    fn dropped<P: Policy>(
        pool: &mut Mempool<'_, P>,
        packet: Option<Arc<PktBuf>>,
    ) {
        if let Some(buf) = packet.and_then(Arc::into_inner) {
            pool.free(buf);
        }
    }
}

#[cfg(test)]
mod tests {
    crate::buffer_conformance!(super::Shared);
}

//! `buffer=refcount`: a counted handle, `Rc`.
//!
//! *Idea.* A packet is a counted handle. The ring gets a handle of its own,
//! the caller's is dropped, and the last one to go takes the buffer back to
//! the pool.
//!
//! *Cost.* An allocation and a release of the count, and changes of it, per packet.
//!
//! *Origin.* The C++ driver with shared pointers, before they became atomic.
//!
//! *Compare.* `freelist.rs`, `arc.rs`.

use std::rc::Rc;

use driver::mempool::{Mempool, PktBuf};
use driver::policy::{Ownership, Policy};

/// A counted handle.
pub struct Counted;

impl Ownership for Counted {
    const NAME: &'static str = "refcount";
    const IDEA: &'static str = "an Rc per packet";

    type Packet = Option<Rc<PktBuf>>;
    type InFlight = Option<Rc<PktBuf>>;

    #[inline(always)]
    fn receive<P: Policy>(
        _pool: &mut Mempool<'_, P>,
        buf: PktBuf,
    ) -> Option<Rc<PktBuf>> {
        Some(Rc::new(buf))
    }

    #[inline(always)]
    fn bytes<'p, P: Policy>(
        pool: &'p mut Mempool<'_, P>,
        packet: &'p mut Option<Rc<PktBuf>>,
    ) -> &'p mut [u8] {
        pool.data_mut(Self::buffer(packet))
    }

    #[inline(always)]
    fn send<P: Policy>(
        pool: &mut Mempool<'_, P>,
        packet: Option<Rc<PktBuf>>,
    ) -> Option<Rc<PktBuf>> {
        let in_flight = packet.clone();
        Self::dropped(pool, packet);
        in_flight
    }

    #[inline(always)]
    fn buffer(in_flight: &Option<Rc<PktBuf>>) -> &PktBuf {
        in_flight.as_ref().expect("a packet")
    }

    #[inline(always)]
    fn sent<P: Policy>(
        pool: &mut Mempool<'_, P>,
        in_flight: Option<Rc<PktBuf>>,
    ) {
        Self::dropped(pool, in_flight);
    }

    #[inline(always)]
    fn dropped<P: Policy>(
        pool: &mut Mempool<'_, P>,
        packet: Option<Rc<PktBuf>>,
    ) {
        if let Some(buf) = packet.and_then(Rc::into_inner) {
            pool.free(buf);
        }
    }
}

#[cfg(test)]
mod tests {
    crate::buffer_conformance!(super::Counted);
}

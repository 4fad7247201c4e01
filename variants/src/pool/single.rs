//! `pool=single`: one at a time.
//!
//! *Idea.* Each descriptor that is filled asks the pool for a buffer, and
//! each that is cleaned gives one back.
//!
//! *Cost.* The height of the stack is loaded, changed and stored per buffer,
//! twice per packet.
//!
//! *Origin.* The published drivers.
//!
//! *Compare.* `bulk.rs`.

use std::mem;

use driver::mempool::{Mempool, PktBuf};
use driver::policy::{Exchange, InFlight, Ownership, Policy};

/// One at a time.
pub struct Single;

impl Exchange for Single {
    const NAME: &'static str = "single";
    const IDEA: &'static str = "one buffer at a time";

    type Taken = ();

    #[inline(always)]
    fn begin<P: Policy>(_pool: &mut Mempool<'_, P>, _n: u16) {}

    #[inline(always)]
    fn next<P: Policy>(pool: &mut Mempool<'_, P>, _taken: &mut ()) -> PktBuf {
        pool.alloc().expect("the pool has as many")
    }

    #[inline(always)]
    fn give_back<P: Policy>(
        pool: &mut Mempool<'_, P>,
        group: &mut [InFlight<P>],
    ) {
        for packet in group {
            P::Buffer::sent(pool, mem::take(packet));
        }
    }
}

#[cfg(test)]
mod tests {
    crate::pool_conformance!(super::Single);
}

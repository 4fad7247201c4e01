//! `pool=bulk`: a group at a time.
//!
//! *Idea.* As many buffers as a batch needs are taken off the stack at once
//! and then handed out from where they lie; a group of sent ones is copied
//! on it in one go.
//!
//! *Cost.* The height of the stack changes once per batch and group.
//!
//! *Origin.* DPDK's `rte_mempool_get_bulk` and its receive queues, which are
//! refilled 32 descriptors at a time.
//!
//! *Compare.* `single.rs`.

use driver::mempool::{Apart, Mempool, PktBuf};
use driver::policy::{Exchange, InFlight, Ownership, Policy};

/// A group at a time.
pub struct Bulk;

impl Exchange for Bulk {
    const NAME: &'static str = "bulk";
    const IDEA: &'static str = "a group of buffers at a time";

    type Taken = Apart;

    #[inline(always)]
    fn begin<P: Policy>(pool: &mut Mempool<'_, P>, n: u16) -> Apart {
        pool.set_apart(n)
    }

    #[inline(always)]
    fn next<P: Policy>(pool: &mut Mempool<'_, P>, taken: &mut Apart) -> PktBuf {
        pool.next_apart(taken)
    }

    #[inline(always)]
    fn give_back<P: Policy>(
        pool: &mut Mempool<'_, P>,
        group: &mut [InFlight<P>],
    ) {
        P::Buffer::sent_group(pool, group);
    }
}

#[cfg(test)]
mod tests {
    crate::pool_conformance!(super::Bulk);
}

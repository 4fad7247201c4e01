//! `pool=bulk`: a group at a time.
//!
//! *Idea.* As many buffers as a group of descriptors needs are copied off
//! the stack, and on it, in one go.
//!
//! *Cost.* A small array that is filled and emptied; at batch size 1 it
//! holds one buffer.
//!
//! *Origin.* DPDK's `rte_mempool_get_bulk` and its receive queues, which are
//! refilled 32 descriptors at a time.
//!
//! *Compare.* `single.rs`.

use std::array;
use std::mem;

use driver::mempool::{Mempool, PktBuf};
use driver::policy::{Exchange, InFlight, Ownership, Policy};

/// A group at a time.
pub struct Bulk;

/// Buffers per group.
const GROUP: usize = 32;

/// Buffers off the stack, the next one at the end, and how many are to come.
pub struct Taken {
    bufs: [PktBuf; GROUP],
    here: usize,
    to_come: usize,
}

impl Exchange for Bulk {
    const NAME: &'static str = "bulk";
    const IDEA: &'static str = "32 buffers at a time";

    type Taken = Taken;

    #[inline(always)]
    fn begin<P: Policy>(_pool: &mut Mempool<'_, P>, n: u16) -> Taken {
        let bufs = array::from_fn(|_| PktBuf::default());
        Taken { bufs, here: 0, to_come: n.into() }
    }

    #[inline(always)]
    fn next<P: Policy>(pool: &mut Mempool<'_, P>, taken: &mut Taken) -> PktBuf {
        if taken.here == 0 {
            let n = taken.to_come.min(GROUP);
            taken.here = pool.alloc_group(&mut taken.bufs[..n]);
            taken.to_come -= taken.here;
        }
        taken.here -= 1;
        mem::take(&mut taken.bufs[taken.here % GROUP])
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

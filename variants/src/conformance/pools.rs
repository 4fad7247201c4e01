//! Pools for the laws of the axes that have to do with one.

use core::cell::RefCell;

use driver::memory::{DmaWindow, HUGE_PAGE};
use driver::mempool::{Mempool, PktBuf};
use driver::policy::Policy;

use super::memory;

/// Runs `law` on a pool, and on the memory that its packets lie in.
pub fn with_pool<P: Policy, R>(
    buffers: u32,
    buffer_bytes: u16,
    law: impl FnOnce(&mut Mempool<'_, P>, DmaWindow<'_>) -> R,
) -> R {
    let needed = Mempool::<P>::dma_bytes(buffers, buffer_bytes);
    let region = RefCell::new(memory(needed + HUGE_PAGE));
    let mut region = region.borrow_mut();
    let mut tables = region.carve();
    let packets = tables.split_off(needed).take(needed, HUGE_PAGE);
    let view = packets.window();
    let mut pool = Mempool::new(buffers, buffer_bytes, packets, &mut tables);
    law(&mut pool, view)
}

/// Every free buffer, in the order in which the pool hands them out.
pub fn take_all<P: Policy>(pool: &mut Mempool<'_, P>) -> Vec<PktBuf> {
    core::iter::from_fn(|| pool.alloc()).collect()
}

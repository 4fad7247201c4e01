//! A batch from one port to another: in three passes over it, or in one.

use crate::bar::Bar0;
use crate::mempool::{Mempool, PktBuf};
use crate::policy::{Batch, BatchStyle, Policy};
use crate::rx::{self, RxQueue, rx_batch};
use crate::tx::{self, TxQueue, tx_batch};

/// Where packets come from, where they go, and what they lie in.
pub struct Route<'r, 'a, P: Policy, B> {
    /// Registers and receive queue of the port they come from.
    pub from: (&'r B, &'r mut RxQueue<'a>),
    /// Registers and transmit queue of the port they go to.
    pub to: (&'r B, &'r mut TxQueue<'a>),
    /// The pool of both ports.
    pub pool: &'r mut Mempool<'a>,
    /// What holds a batch between passes.
    pub batch: &'r mut <P::Batch as BatchStyle>::Of<PktBuf>,
    /// Upper limit of packets per receive call.
    pub max: u16,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Packets received.
    pub received: u16,
    /// Packets dropped for want of room in the transmit ring.
    pub dropped: u16,
}

/// Receives a batch, works on every packet, sends the batch.
#[inline(always)]
pub fn three_passes<P: Policy, B: Bar0>(
    route: Route<'_, '_, P, B>,
    mut work: impl FnMut(&mut [u8]),
) -> Passed {
    let Route { from, to, pool, batch, max } = route;
    let received = rx_batch::<P, B>(from.0, from.1, pool, batch, max);
    batch.for_each::<P::Walk>(|buf| work(pool.data_mut(buf)));
    tx_batch::<P, B>(to.0, to.1, pool, batch);
    let dropped = batch.len();
    batch.take::<P::Walk>(dropped, |buf| pool.free(buf));
    Passed { received, dropped }
}

/// Receives, works on and sends one packet after the other, and rings both
/// doorbells at the end. Holds no batch.
#[inline(always)]
pub fn one_pass<P: Policy, B: Bar0>(
    route: Route<'_, '_, P, B>,
    mut work: impl FnMut(&mut [u8]),
) -> Passed {
    let Route { from: (rx_bar, rx), to: (tx_bar, tx), pool, max, .. } = route;
    let received = rx::ready::<P, B>(rx_bar, rx, pool, max);
    tx::clean::<P>(tx, pool);
    let sent = received.min(tx.room());
    let (mut rx_index, mut tx_index) = (rx.index(), tx.index());
    for _ in 0..sent {
        let buf = rx::receive::<P>(rx, pool, rx_index);
        work(pool.data_mut(&buf));
        tx::send::<P>(tx, pool, tx_index, buf);
        rx_index = rx.ring().wrap(rx_index, 1);
        tx_index = tx.ring().wrap(tx_index, 1);
    }
    for _ in sent..received {
        let buf = rx::receive::<P>(rx, pool, rx_index);
        work(pool.data_mut(&buf));
        pool.free(buf);
        rx_index = rx.ring().wrap(rx_index, 1);
    }
    if received > 0 {
        rx::finish::<P, B>(rx_bar, rx, received, rx_index);
    }
    tx::finish::<P, B>(tx_bar, tx, sent, tx_index);
    Passed { received, dropped: received - sent }
}

//! Transmit: the driver's half of a transmit ring (datasheet 7.2).

use core::mem;

use crate::bar::Bar0;
use crate::barrier;
use crate::desc::tx_cmd;
use crate::mempool::{Mempool, PktBuf};
use crate::policy::{Batch, BatchStyle, Policy, RegAccess, WriteBack};
use crate::regs::{self, Offset};
use crate::ring::TxRing;

/// Packets whose buffers are given back together, at the sight of the last
/// one's DD.
pub const CLEAN_GROUP: u16 = 32;

/// A transmit queue.
#[derive(Debug)]
pub struct TxQueue<'a> {
    ring: TxRing<'a>,
    /// The buffer that each descriptor in flight points to.
    bufs: &'a mut [PktBuf],
    /// Next descriptor to write.
    tx_index: u16,
    /// Oldest descriptor whose buffer has not been given back.
    clean_index: u16,
    tdt: Offset,
    stats: TxStats,
}

/// What a transmit queue did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TxStats {
    /// Packets handed to the device.
    pub sent: u64,
}

impl<'a> TxQueue<'a> {
    /// Queue `n` with an empty ring; nothing is written to the device.
    pub fn new(n: u16, ring: TxRing<'a>, bufs: &'a mut [PktBuf]) -> Self {
        assert_eq!(bufs.len(), usize::from(ring.entries()));
        Self {
            ring,
            bufs,
            tx_index: 0,
            clean_index: 0,
            tdt: regs::TDT.at(n),
            stats: TxStats::default(),
        }
    }

    /// The descriptors.
    pub fn ring(&self) -> &TxRing<'a> {
        &self.ring
    }

    /// The descriptors and the buffers behind them.
    pub fn into_parts(self) -> (TxRing<'a>, &'a mut [PktBuf]) {
        (self.ring, self.bufs)
    }

    /// What the queue did so far.
    pub fn stats(&self) -> TxStats {
        self.stats
    }

    /// Next descriptor to write.
    #[inline(always)]
    pub(crate) fn index(&self) -> u16 {
        self.tx_index
    }

    /// Descriptors that can be written. One slot stays empty: head meeting
    /// tail means an empty ring.
    #[inline(always)]
    pub fn room(&self) -> u16 {
        self.ring.entries() - 1 - self.outstanding()
    }

    /// Descriptors whose buffers have not been given back.
    #[inline(always)]
    pub fn outstanding(&self) -> u16 {
        self.tx_index.wrapping_sub(self.clean_index) & (self.ring.entries() - 1)
    }
}

/// Gives back the buffers of sent packets, in groups of [`CLEAN_GROUP`].
#[inline(always)]
pub(crate) fn clean<P: Policy>(
    queue: &mut TxQueue<'_>,
    pool: &mut Mempool<'_>,
) {
    while queue.outstanding() >= CLEAN_GROUP {
        let last = queue.ring.wrap(queue.clean_index, CLEAN_GROUP - 1);
        let status = P::Reg::load(queue.ring.desc(last).status());
        if P::Reg::value(status) & tx_cmd::DD == 0 {
            break;
        }
        // No barrier: the device wrote nothing else that could be read, and
        // no store comes before the branch on DD.
        for step in 0..CLEAN_GROUP {
            let i = queue.ring.wrap(queue.clean_index, step);
            pool.free(mem::take(&mut queue.bufs[usize::from(i)]));
        }
        queue.clean_index = queue.ring.wrap(queue.clean_index, CLEAN_GROUP);
    }
}

/// Sends packets from the front of `batch` until the ring is full; returns
/// how many. What did not fit stays in the batch.
#[inline(always)]
pub fn tx_batch<P: Policy, B: Bar0>(
    bar: &B,
    queue: &mut TxQueue<'_>,
    pool: &mut Mempool<'_>,
    batch: &mut <P::Batch as BatchStyle>::Of<PktBuf>,
) -> u16 {
    clean::<P>(queue, pool);
    let n = batch.len().min(queue.room());
    let mut tx_index = queue.tx_index;
    batch.take::<P::Walk>(n, |buf| {
        send::<P>(queue, pool, tx_index, buf);
        tx_index = queue.ring.wrap(tx_index, 1);
    });
    finish::<P, B>(bar, queue, n, tx_index);
    n
}

/// Puts a packet into descriptor `i`, which is free.
#[inline(always)]
pub(crate) fn send<P: Policy>(
    queue: &mut TxQueue<'_>,
    pool: &Mempool<'_>,
    i: u16,
    buf: PktBuf,
) {
    let desc = queue.ring.desc(i);
    let len = pool.len(&buf);
    let silent = if P::WriteBack::reports(i) { 0 } else { tx_cmd::RS };
    let command = P::Reg::word(tx_cmd::PACKET & !silent | len);
    let payload = P::Reg::word(len << tx_cmd::PAYLEN_SHIFT);
    P::Reg::store_address(desc.address(), pool.iova(&buf).value());
    P::Reg::store(desc.cmd_type_len(), command);
    P::Reg::store(desc.olinfo_status(), payload);
    queue.bufs[usize::from(i)] = buf;
}

/// Notes that `n` packets were sent and `tx_index` is next, and tells the
/// device.
#[inline(always)]
pub(crate) fn finish<P: Policy, B: Bar0>(
    bar: &B,
    queue: &mut TxQueue<'_>,
    n: u16,
    tx_index: u16,
) {
    queue.tx_index = tx_index;
    queue.stats.sent += u64::from(n);
    barrier::before_doorbell();
    P::Reg::write(bar, queue.tdt, P::Reg::word(tx_index.into()));
}

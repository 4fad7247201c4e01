//! Transmit: the driver's half of a transmit ring (datasheet 7.2).

use crate::bar::Bar0;
use crate::barrier;
use crate::desc::tx_cmd;
use crate::memory::Table;
use crate::mempool::Mempool;
use crate::pass::Sink;
use crate::policy::{
    Batch, Bounds, Exchange, InFlight, Ownership, Packet, Policy, RegAccess,
    WriteBack,
};
use crate::regs::{self, Offset};
use crate::ring::TxRing;

/// Packets whose buffers are given back together, at the sight of the last
/// one's DD.
pub const CLEAN_GROUP: u16 = 32;

/// A transmit queue, of packets that are held as `T` while they are in the
/// ring.
#[derive(Debug)]
pub struct TxQueue<'a, T> {
    ring: TxRing<'a>,
    /// The packet of each descriptor in flight.
    packets: Table<'a, T>,
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

impl<'a, T> TxQueue<'a, T> {
    /// Queue `n` with an empty ring; nothing is written to the device.
    pub fn new(n: u16, ring: TxRing<'a>, packets: Table<'a, T>) -> Self {
        assert_eq!(packets.len(), usize::from(ring.entries()));
        Self {
            ring,
            packets,
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

    /// The descriptors and the packets behind them.
    pub fn into_parts(self) -> (TxRing<'a>, Table<'a, T>) {
        (self.ring, self.packets)
    }

    /// What the queue did so far.
    pub fn stats(&self) -> TxStats {
        self.stats
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
fn clean<P: Policy>(
    queue: &mut TxQueue<'_, InFlight<P>>,
    pool: &mut Mempool<'_, P>,
) {
    while queue.outstanding() >= CLEAN_GROUP {
        let first = queue.clean_index;
        let last = queue.ring.desc_after::<P::Bounds>(first, CLEAN_GROUP - 1);
        let status = P::Reg::load(last.status());
        if P::Reg::value(status) & tx_cmd::DD == 0 {
            break;
        }
        // No barrier: the device wrote nothing else that could be read, and
        // no store comes before the branch on DD.
        let end = P::Bounds::add(first, CLEAN_GROUP);
        // SAFETY: groups start at multiples of their size, of which the
        // number of descriptors is one.
        unsafe { P::Bounds::within(end.into(), queue.packets.len() + 1) };
        let group = &mut queue.packets[first.into()..end.into()];
        P::Pool::give_back::<P>(pool, group);
        queue.clean_index = queue.ring.wrap(end, 0);
    }
}

/// Sends packets from the front of `batch` until there is no more room;
/// returns how many. What did not fit stays in the batch.
#[inline(always)]
pub fn tx_batch<P: Policy, D: Sink<P>>(
    mut sink: D,
    pool: &mut Mempool<'_, P>,
    batch: &mut impl Batch<Packet<P>>,
) -> u16 {
    let n = batch.len().min(sink.room(pool));
    batch.take::<P::Walk>(n, |packet| sink.send(pool, packet));
    sink.finish(n);
    n
}

/// The transmit side of a port, for one batch.
pub struct TxPort<'q, 'a, B, T> {
    bar: &'q B,
    queue: &'q mut TxQueue<'a, T>,
    ring: TxRing<'a>,
    tx_index: u16,
}

impl<'q, 'a, B, T> TxPort<'q, 'a, B, T> {
    /// Sends through `queue` behind `bar`.
    #[inline(always)]
    pub fn new(bar: &'q B, queue: &'q mut TxQueue<'a, T>) -> Self {
        let (ring, tx_index) = (queue.ring, queue.tx_index);
        Self { bar, queue, ring, tx_index }
    }
}

impl<P: Policy, B: Bar0> Sink<P> for TxPort<'_, '_, B, InFlight<P>> {
    #[inline(always)]
    fn room(&mut self, pool: &mut Mempool<'_, P>) -> u16 {
        clean::<P>(self.queue, pool);
        P::Buffer::sendable(pool, self.queue.room())
    }

    #[inline(always)]
    fn send(&mut self, pool: &mut Mempool<'_, P>, packet: Packet<P>) {
        let (i, queue) = (self.tx_index, &mut *self.queue);
        // SAFETY: `tx_index` goes around the ring.
        let desc = unsafe { self.ring.desc_within::<P::Bounds>(i) };
        let packet = P::Buffer::send(pool, packet);
        let buf = P::Buffer::buffer(&packet);
        let len = u32::from(pool.len(buf));
        let silent = if P::WriteBack::reports(i) { 0 } else { tx_cmd::RS };
        let command = P::Reg::word(tx_cmd::PACKET & !silent | len);
        let payload = P::Reg::word(len << tx_cmd::PAYLEN_SHIFT);
        P::Reg::store_tx(desc, pool.iova(buf).value(), command, payload);
        // SAFETY: the table is as long as the ring.
        unsafe { *P::Bounds::entry(&mut queue.packets, i.into()) = packet };
        self.tx_index = self.ring.after::<P::Bounds>(i, 1);
    }

    #[inline(always)]
    fn finish(self, n: u16) {
        let Self { bar, queue, tx_index, .. } = self;
        queue.tx_index = tx_index;
        queue.stats.sent = P::Bounds::add(queue.stats.sent, n.into());
        barrier::before_doorbell();
        P::Reg::write(bar, queue.tdt, P::Reg::word(tx_index.into()));
    }
}

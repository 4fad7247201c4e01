//! Receive: the driver's half of a receive ring (datasheet 7.1).

use core::mem;

use crate::bar::Bar0;
use crate::barrier;
use crate::desc::rx_status::{DD, EOP};
use crate::memory::{Iova, Table};
use crate::mempool::{Mempool, PktBuf};
use crate::pass::Source;
use crate::policy::{
    Batch, Bounds, Exchange, Ownership, Packet, Policy, Prefetch, RegAccess,
    StatusCheck,
};
use crate::regs::{self, Offset};
use crate::ring::{RxDesc, RxRing};

/// A receive queue.
#[derive(Debug)]
pub struct RxQueue<'a> {
    ring: RxRing<'a>,
    /// The buffer that each descriptor points to: the device destroys the
    /// address when it writes the descriptor back.
    bufs: Table<'a, PktBuf>,
    /// Next descriptor to look at.
    rx_index: u16,
    /// A frame longer than a buffer has begun and not ended.
    in_fragments: bool,
    rdt: Offset,
    stats: RxStats,
}

/// What a receive queue did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RxStats {
    /// Frames handed to the caller.
    pub received: u64,
    /// Frames dropped because they span several descriptors.
    pub multi_descriptor: u64,
}

impl<'a> RxQueue<'a> {
    /// Queue `n` with an empty ring; nothing is written to the device.
    pub fn new(n: u16, ring: RxRing<'a>, bufs: Table<'a, PktBuf>) -> Self {
        assert_eq!(bufs.len(), usize::from(ring.entries()));
        Self {
            ring,
            bufs,
            rx_index: 0,
            in_fragments: false,
            rdt: regs::RDT.at(n),
            stats: RxStats::default(),
        }
    }

    /// The descriptors.
    pub fn ring(&self) -> &RxRing<'a> {
        &self.ring
    }

    /// The descriptors and the buffers behind them.
    pub fn into_parts(self) -> (RxRing<'a>, Table<'a, PktBuf>) {
        (self.ring, self.bufs)
    }

    /// What the queue did so far.
    pub fn stats(&self) -> RxStats {
        self.stats
    }

    /// Puts a buffer behind every descriptor. `None` when there are no more.
    pub fn fill(
        &mut self,
        lend: &mut dyn FnMut() -> Option<(PktBuf, Iova)>,
    ) -> Option<()> {
        for i in 0..self.ring.entries() {
            let (buf, iova) = lend()?;
            arm_plain(self.ring.desc(i), iova);
            self.bufs[usize::from(i)] = buf;
        }
        self.rx_index = 0;
        Some(())
    }

    /// Frames that the device has written back and nobody has received yet.
    pub fn pending(&self) -> u16 {
        let entries = self.ring.entries();
        (0..entries)
            .map(|step| self.ring.desc(self.ring.wrap(self.rx_index, step)))
            .map(|desc| desc.status_error().read())
            .take_while(|status| status & DD != 0)
            .filter(|status| status & EOP != 0)
            .count() as u16
    }

    /// Gives the buffers of frames that span several descriptors back to the
    /// device. Jumbo frames are larger than a buffer and are not supported.
    #[cold]
    #[inline(never)]
    fn drop_fragments<P: Policy, B: Bar0>(
        &mut self,
        bar: &B,
        pool: &Mempool<'_, P>,
    ) {
        let first = self.rx_index;
        loop {
            let desc = self.ring.desc(self.rx_index);
            let status = desc.status_error().read();
            let whole = status & EOP != 0 && !self.in_fragments;
            if status & DD == 0 || whole {
                break;
            }
            self.in_fragments = status & EOP == 0;
            if !self.in_fragments {
                self.stats.multi_descriptor += 1;
            }
            let buf = &self.bufs[usize::from(self.rx_index)];
            arm_plain(desc, pool.iova(buf));
            self.rx_index = self.ring.wrap(self.rx_index, 1);
        }
        if self.rx_index != first {
            barrier::before_doorbell();
            bar.write32(self.rdt, self.ring.before(self.rx_index).into());
        }
    }

    #[inline(always)]
    fn starts_with_fragment(&self) -> bool {
        let status = self.ring.desc(self.rx_index).status_error().read();
        status & (DD | EOP) == DD
    }
}

/// Points a descriptor at a buffer, outside the measured path.
fn arm_plain(desc: RxDesc<'_>, iova: Iova) {
    desc.pkt_addr().write(iova.value());
    desc.hdr_addr().write(0);
}

/// Receives up to `max` packets into `batch`, which must be empty.
///
/// Each received buffer is replaced by a fresh one from the pool; with an
/// empty pool nothing is received, and the frames stay in the ring.
#[inline(always)]
pub fn rx_batch<P: Policy, S: Source<P>>(
    mut source: S,
    pool: &mut Mempool<'_, P>,
    batch: &mut impl Batch<Packet<P>>,
    max: u16,
) -> u16 {
    let n = source.ready(pool, max);
    if n == 0 {
        return 0;
    }
    let mut taken = P::Pool::begin(pool, n);
    batch.fill(n, || source.receive(pool, &mut taken));
    source.finish(n);
    n
}

/// The receive side of a port, for one batch; with `TYPED` it notes packet
/// types.
pub struct RxPort<'q, 'a, B, const TYPED: bool = false> {
    bar: &'q B,
    queue: &'q mut RxQueue<'a>,
    ring: RxRing<'a>,
    rx_index: u16,
}

impl<'q, 'a, B> RxPort<'q, 'a, B> {
    /// Receives from `queue` behind `bar`.
    #[inline(always)]
    pub fn new(bar: &'q B, queue: &'q mut RxQueue<'a>) -> Self {
        let (ring, rx_index) = (queue.ring, queue.rx_index);
        Self { bar, queue, ring, rx_index }
    }

    /// Notes the packet types as well.
    #[inline(always)]
    pub fn typed(self) -> RxPort<'q, 'a, B, true> {
        let Self { bar, queue, ring, rx_index } = self;
        RxPort { bar, queue, ring, rx_index }
    }
}

impl<P: Policy, B: Bar0, const TYPED: bool> Source<P>
    for RxPort<'_, '_, B, TYPED>
{
    #[inline(always)]
    fn ready(&mut self, pool: &mut Mempool<'_, P>, max: u16) -> u16 {
        let queue = &mut *self.queue;
        if queue.in_fragments {
            queue.drop_fragments(self.bar, pool);
            self.rx_index = queue.rx_index;
            if queue.in_fragments {
                return 0;
            }
        }
        let first = queue.rx_index;
        let done =
            P::Status::done_run::<P::Reg, P::Bounds>(&queue.ring, first, max);
        if done == 0 {
            if queue.starts_with_fragment() {
                queue.drop_fragments(self.bar, pool);
            }
            return 0;
        }
        // One for all of them: the rest of a descriptor is read after its DD.
        barrier::after_done();
        P::Buffer::reserve(pool, done);
        done.min(pool.available().try_into().unwrap_or(u16::MAX))
    }

    #[inline(always)]
    fn receive(
        &mut self,
        pool: &mut Mempool<'_, P>,
        taken: &mut <P::Pool as Exchange>::Taken,
    ) -> Packet<P> {
        let (i, queue) = (self.rx_index, &mut *self.queue);
        // SAFETY: `rx_index` goes around the ring.
        let desc = unsafe { self.ring.desc_within::<P::Bounds>(i) };
        let length_vlan = P::Reg::value(P::Reg::load(desc.length_vlan()));
        let packet_type = match TYPED {
            true => P::Reg::value(P::Reg::load(desc.pkt_info())) as u16 >> 4,
            false => 0,
        };
        let fresh = P::Pool::next(pool, taken);
        P::Reg::store_rx(desc, pool.iova(&fresh).value());
        // SAFETY: the table is as long as the ring.
        let buf = unsafe { P::Bounds::entry(&mut queue.bufs, i.into()) };
        let buf = mem::replace(buf, fresh);
        P::Prefetch::expect(pool.address(&buf));
        pool.set_len(&buf, length_vlan as u16);
        if TYPED {
            pool.set_packet_type(&buf, packet_type);
        }
        self.rx_index = self.ring.after::<P::Bounds>(i, 1);
        P::Buffer::receive(pool, buf)
    }

    #[inline(always)]
    fn finish(self, n: u16) {
        let Self { bar, queue, rx_index, .. } = self;
        queue.rx_index = rx_index;
        queue.stats.received = P::Bounds::add(queue.stats.received, n.into());
        // RDT stays one behind, so that head never meets tail on a full ring.
        barrier::before_doorbell();
        let tail = queue.ring.before(rx_index);
        P::Reg::write(bar, queue.rdt, P::Reg::word(tail.into()));
    }
}

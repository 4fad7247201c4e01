//! Receive: the driver's half of a receive ring (datasheet 7.1).

use core::mem;

use crate::bar::Bar0;
use crate::barrier;
use crate::desc::rx_status::{DD, EOP};
use crate::mempool::{Mempool, PktBuf};
use crate::policy::{
    Batch, BatchStyle, Policy, Prefetch, RegAccess, StatusCheck,
};
use crate::regs::{self, Offset};
use crate::ring::{RxDesc, RxRing};

/// A receive queue.
#[derive(Debug)]
pub struct RxQueue<'a> {
    ring: RxRing<'a>,
    /// The buffer that each descriptor points to: the device destroys the
    /// address when it writes the descriptor back.
    bufs: &'a mut [PktBuf],
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
    pub fn new(n: u16, ring: RxRing<'a>, bufs: &'a mut [PktBuf]) -> Self {
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

    /// Next descriptor to look at.
    #[inline(always)]
    pub(crate) fn index(&self) -> u16 {
        self.rx_index
    }

    /// The descriptors and the buffers behind them.
    pub fn into_parts(self) -> (RxRing<'a>, &'a mut [PktBuf]) {
        (self.ring, self.bufs)
    }

    /// What the queue did so far.
    pub fn stats(&self) -> RxStats {
        self.stats
    }

    /// Puts a buffer from the pool behind every descriptor. `None` when the
    /// pool runs out.
    pub fn fill(&mut self, pool: &mut Mempool<'_>) -> Option<()> {
        for i in 0..self.ring.entries() {
            let buf = pool.alloc()?;
            arm_plain(self.ring.desc(i), pool, &buf);
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
    fn drop_fragments<B: Bar0>(&mut self, bar: &B, pool: &Mempool<'_>) {
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
            arm_plain(desc, pool, &self.bufs[usize::from(self.rx_index)]);
            self.rx_index = self.ring.wrap(self.rx_index, 1);
        }
        if self.rx_index != first {
            barrier::before_doorbell();
            bar.write32(self.rdt, self.ring.before(self.rx_index).into());
        }
    }

    fn starts_with_fragment(&self) -> bool {
        let status = self.ring.desc(self.rx_index).status_error().read();
        status & (DD | EOP) == DD
    }
}

/// Points a descriptor at a buffer, outside the measured path.
fn arm_plain(desc: RxDesc<'_>, pool: &Mempool<'_>, buf: &PktBuf) {
    desc.pkt_addr().write(pool.iova(buf).value());
    desc.hdr_addr().write(0);
}

/// Receives up to `max` packets into `batch`, which must be empty.
///
/// Each received buffer is replaced by a fresh one from the pool; with an
/// empty pool nothing is received, and the frames stay in the ring.
#[inline(always)]
pub fn rx_batch<P: Policy, B: Bar0>(
    bar: &B,
    queue: &mut RxQueue<'_>,
    pool: &mut Mempool<'_>,
    batch: &mut <P::Batch as BatchStyle>::Of<PktBuf>,
    max: u16,
) -> u16 {
    let n = ready::<P, B>(bar, queue, pool, max);
    if n == 0 {
        return 0;
    }
    let mut rx_index = queue.rx_index;
    batch.fill(n, || {
        let buf = receive::<P>(queue, pool, rx_index);
        rx_index = queue.ring.wrap(rx_index, 1);
        buf
    });
    finish::<P, B>(bar, queue, n, rx_index);
    n
}

/// How many packets there are to receive and fresh buffers to replace them,
/// at most `max`.
#[inline(always)]
pub(crate) fn ready<P: Policy, B: Bar0>(
    bar: &B,
    queue: &mut RxQueue<'_>,
    pool: &Mempool<'_>,
    max: u16,
) -> u16 {
    if queue.in_fragments {
        queue.drop_fragments(bar, pool);
        if queue.in_fragments {
            return 0;
        }
    }
    let done = P::Status::done_run::<P::Reg>(&queue.ring, queue.rx_index, max);
    if done == 0 {
        if queue.starts_with_fragment() {
            queue.drop_fragments(bar, pool);
        }
        return 0;
    }
    // One for all of them: the rest of a descriptor is read after its DD.
    barrier::after_done();
    done.min(pool.available().try_into().unwrap_or(u16::MAX))
}

/// Takes the packet of descriptor `i`, which is ready, and leaves a fresh
/// buffer in its place.
#[inline(always)]
pub(crate) fn receive<P: Policy>(
    queue: &mut RxQueue<'_>,
    pool: &mut Mempool<'_>,
    i: u16,
) -> PktBuf {
    let desc = queue.ring.desc(i);
    let length_vlan = P::Reg::value(P::Reg::load(desc.length_vlan()));
    let fresh = pool.alloc().expect("the pool has n buffers");
    P::Reg::store_address(desc.pkt_addr(), pool.iova(&fresh).value());
    P::Reg::store_address(desc.hdr_addr(), 0);
    let buf = mem::replace(&mut queue.bufs[usize::from(i)], fresh);
    P::Prefetch::expect(pool.address(&buf));
    pool.set_len(&buf, length_vlan & 0xFFFF);
    buf
}

/// Notes that `n` packets were received and `rx_index` is next, and tells the
/// device.
#[inline(always)]
pub(crate) fn finish<P: Policy, B: Bar0>(
    bar: &B,
    queue: &mut RxQueue<'_>,
    n: u16,
    rx_index: u16,
) {
    queue.rx_index = rx_index;
    queue.stats.received += u64::from(n);
    // RDT stays one behind, so that head never meets tail on a full ring.
    barrier::before_doorbell();
    let tail = queue.ring.before(rx_index);
    P::Reg::write(bar, queue.rdt, P::Reg::word(tail.into()));
}

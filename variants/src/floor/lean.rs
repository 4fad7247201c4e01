//! `floor=lean`: the leanest loop that does the baseline's memory work.
//!
//! *Idea.* The same descriptors, tables, free stack and packet bytes are read
//! and written as often as by the baseline, in one loop per batch, with the
//! indices in registers. Nothing is generic, and the batch is held in no
//! container. How far the baseline lies above it is what the driver's
//! structure costs. It takes no more than it can send, so it drops nothing,
//! and it stops at a frame that spans descriptors: a floor, not a driver.
//!
//! *Compare.* `null.rs`, the floor of the harness.

use core::mem;

use driver::bar::Bar0;
use driver::barrier;
use driver::desc::rx_status::{DD, EOP};
use driver::desc::tx_cmd;
use driver::memory::{HUGE_PAGE, Table};
use driver::mempool::{Mempool, PktBuf};
use driver::nic::{InitError, Nic};
use driver::regs::{RDT, TDT};
use driver::ring::{RxRing, TxRing};
use driver::tx::CLEAN_GROUP;
use driver::wait::Wait;

use crate::registry::Baseline;
use crate::workload::{
    Counts, Forwarder, PORTS, Queues, Quota, Site, TOUCHED_BYTE,
};

/// A forwarder without structure.
pub struct Lean<'a, B> {
    bars: [B; PORTS],
    rx: [Rx<'a>; PORTS],
    tx: [Tx<'a>; PORTS],
    pool: Mempool<'a, Baseline>,
    batch_size: u16,
    received: u64,
    sent: u64,
}

struct Rx<'a> {
    ring: RxRing<'a>,
    bufs: Table<'a, PktBuf>,
    index: u16,
}

struct Tx<'a> {
    ring: TxRing<'a>,
    bufs: Table<'a, PktBuf>,
    index: u16,
    clean: u16,
}

impl<'a, B: Bar0> Lean<'a, B> {
    /// Brings both ports up and takes their rings over.
    ///
    /// # Panics
    ///
    /// When it is to share the ports with others: it knows queue 0 only.
    pub fn open(
        site: Site<'a, B>,
        wait: &mut dyn Wait,
    ) -> Result<Self, InitError> {
        assert_eq!(site.queues, Queues::All, "all ports are its own");
        let Site { bars, config, batch, mut tables, mut dma, .. } = site;
        let (buffers, bytes) = (config.buffers, config.buffer_bytes);
        let packets =
            dma.take(Mempool::<Baseline>::dma_bytes(buffers, bytes), HUGE_PAGE);
        let mut pool = Mempool::new(buffers, bytes, packets, &mut tables);
        let mut up = |bar| {
            let lend = &mut || pool.lend();
            let nic =
                Nic::open(bar, &config, &mut dma, &mut tables, lend, wait)?;
            let (bar, mut rx, mut tx) = nic.into_parts();
            let (ring, bufs) = rx.swap_remove(0).into_parts();
            let rx = Rx { ring, bufs, index: 0 };
            let (ring, bufs) = tx.swap_remove(0).into_parts();
            let tx = Tx { ring, bufs, index: 0, clean: 0 };
            Ok::<_, InitError>((bar, rx, tx))
        };
        let [first, second] = bars;
        let (bar0, rx0, tx0) = up(first)?;
        let (bar1, rx1, tx1) = up(second)?;
        Ok(Self {
            bars: [bar0, bar1],
            rx: [rx0, rx1],
            tx: [tx0, tx1],
            pool,
            batch_size: batch,
            received: 0,
            sent: 0,
        })
    }

    #[inline(always)]
    fn pass(&mut self, from: usize) -> u16 {
        let to = 1 - from;
        let (rx, tx, pool) =
            (&mut self.rx[from], &mut self.tx[to], &mut self.pool);
        tx.clean(pool);
        let most = self.batch_size.min(tx.room());
        let (mut i, mut o, mut n) = (rx.index, tx.index, 0);
        while n < most {
            let received = rx.ring.desc(i);
            let status = received.status_error().read();
            if status & (DD | EOP) != DD | EOP {
                break;
            }
            barrier::after_done();
            let len = received.length_vlan().read() as u16;
            let len = len.min(pool.longest());
            let Some(fresh) = pool.alloc() else {
                break;
            };
            received.pkt_addr().write(pool.iova(&fresh).value());
            received.hdr_addr().write(0);
            let buf = mem::replace(&mut rx.bufs[usize::from(i)], fresh);
            pool.set_len(&buf, len);
            if let Some(byte) = pool.data_mut(&buf).get_mut(TOUCHED_BYTE) {
                *byte = byte.wrapping_add(1);
            }
            let sent = tx.ring.desc(o);
            let len = u32::from(len);
            sent.address().write(pool.iova(&buf).value());
            sent.cmd_type_len().write(tx_cmd::PACKET | len);
            sent.olinfo_status().write(len << tx_cmd::PAYLEN_SHIFT);
            tx.bufs[usize::from(o)] = buf;
            i = rx.ring.wrap(i, 1);
            o = tx.ring.wrap(o, 1);
            n += 1;
        }
        (rx.index, tx.index) = (i, o);
        barrier::before_doorbell();
        if n > 0 {
            let tail = rx.ring.before(i);
            self.bars[from].write32(RDT.at(0), tail.into());
        }
        self.bars[to].write32(TDT.at(0), o.into());
        self.received += u64::from(n);
        self.sent += u64::from(n);
        n
    }
}

impl Tx<'_> {
    #[inline(always)]
    fn outstanding(&self) -> u16 {
        self.index.wrapping_sub(self.clean) & (self.ring.entries() - 1)
    }

    #[inline(always)]
    fn room(&self) -> u16 {
        self.ring.entries() - 1 - self.outstanding()
    }

    #[inline(always)]
    fn clean(&mut self, pool: &mut Mempool<'_, Baseline>) {
        while self.outstanding() >= CLEAN_GROUP {
            let last = self.ring.wrap(self.clean, CLEAN_GROUP - 1);
            let status = self.ring.desc(last).status().read();
            if status & tx_cmd::DD == 0 {
                break;
            }
            for step in 0..CLEAN_GROUP {
                let i = self.ring.wrap(self.clean, step);
                pool.free(mem::take(&mut self.bufs[usize::from(i)]));
            }
            self.clean = self.ring.wrap(self.clean, CLEAN_GROUP);
        }
    }
}

impl<B: Bar0> Forwarder for Lean<'_, B> {
    #[inline(never)]
    fn forward(&mut self, quota: Quota) -> u64 {
        let mut received = 0;
        let mut patience = quota.patience;
        while received < quota.packets && patience > 0 {
            let mut n = 0;
            for from in 0..PORTS {
                n += u64::from(self.pass(from));
            }
            received += n;
            patience = if n == 0 { patience - 1 } else { quota.patience };
        }
        received
    }

    fn counts(&self) -> Counts {
        let (received, sent) = (self.received, self.sent);
        Counts { received, sent, ..Counts::default() }
    }

    fn pending(&self) -> u64 {
        let frames = |rx: &Rx<'_>| {
            (0..rx.ring.entries())
                .map(|step| rx.ring.desc(rx.ring.wrap(rx.index, step)))
                .map(|desc| desc.status_error().read())
                .take_while(|status| status & DD != 0)
                .filter(|status| status & EOP != 0)
                .count() as u64
        };
        self.rx.iter().map(frames).sum()
    }

    fn free_buffers(&self) -> Vec<u32> {
        self.pool.free_slots()
    }
}

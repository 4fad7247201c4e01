//! `language=c`: the baseline's hot path in C.
//!
//! *Idea.* `variants/c/driver.c` has the same functions as the driver core,
//! for the same rings, tables and pool, and the same laws: what Rust's types
//! and checks hold, C holds by care. This file sets it up and calls it.
//!
//! *Cost.* No checks of indices. A call per timed turn; none per packet.
//!
//! *Origin.* ixy, the C driver that the others of its family were written
//! after.
//!
//! *Compare.* `rust.rs`, and `driver/src/rx.rs` with `variants/c/driver.c`.

use std::ffi::c_void;
use std::mem::offset_of;
use std::{ptr, slice};

use driver::bar::Bar0;
use driver::desc::rx_status::{DD, EOP};
use driver::memory::HUGE_PAGE;
use driver::mempool::{Mempool, PktBuf, RawMempool};
use driver::nic::{InitError, Nic};
use driver::regs::{CTRL, Offset, RDT, Register, TDT};
use driver::ring::{RxRing, TxRing};
use driver::wait::Wait;

use super::Language;
use crate::registry::Baseline;
use crate::workload::{
    Counts, Forwarder, MappedSite, PORTS, Queues, Quota, Site,
};

/// The baseline's hot path in C.
pub struct C;

impl Language for C {
    const NAME: &'static str = "c";
    const IDEA: &'static str = "C: the same functions, unchecked";

    fn open<'a>(
        site: MappedSite<'a>,
        wait: &mut dyn Wait,
    ) -> Result<Box<dyn Forwarder + 'a>, InitError> {
        Ok(match site {
            MappedSite::Plain(site) => Box::new(InC::open(site, wait)?),
            MappedSite::Costed(site) => Box::new(InC::open(site, wait)?),
            #[cfg(test)]
            MappedSite::Trapped(site) => Box::new(InC::open(site, wait)?),
        })
    }

    fn entry() -> *const () {
        ringside_forward as *const ()
    }
}

unsafe extern "C" {
    /// Forwards through mapped registers.
    fn ringside_forward(
        forward: &mut Forward<'_>,
        packets: u64,
        patience: u32,
    ) -> u64;

    /// Forwards through registers behind calls.
    fn ringside_forward_by_calls(
        forward: &mut Forward<'_>,
        packets: u64,
        patience: u32,
    ) -> u64;
}

/// `struct bar`.
#[repr(C)]
struct Bar {
    base: *mut u8,
    object: *const c_void,
    write32: extern "C" fn(*const c_void, u32, u32),
}

/// `struct rx_queue`.
#[repr(C)]
struct RxQueue {
    ring: *mut u8,
    bufs: *mut PktBuf,
    received: u64,
    multi_descriptor: u64,
    entries: u16,
    rx_index: u16,
    in_fragments: bool,
}

/// `struct tx_queue`.
#[repr(C)]
struct TxQueue {
    ring: *mut u8,
    bufs: *mut PktBuf,
    sent: u64,
    entries: u16,
    tx_index: u16,
    clean_index: u16,
}

/// `struct port`.
#[repr(C)]
struct Port {
    bar: Bar,
    rx: RxQueue,
    tx: TxQueue,
}

/// `struct forward`: what C works on.
#[repr(C)]
struct Forward<'a> {
    ports: [Port; PORTS],
    pool: RawMempool<'a>,
    batch: *mut u32,
    dropped: u64,
    batch_size: u16,
}

// The same numbers are asserted in `driver.c`.
const _: () = {
    assert!(offset_of!(Port, rx) == 24);
    assert!(offset_of!(RxQueue, in_fragments) == 36);
    assert!(offset_of!(Port, tx) == 64);
    assert!(offset_of!(TxQueue, clean_index) == 28);
    assert!(offset_of!(Forward<'_>, pool) == 192);
    assert!(offset_of!(RawMempool<'_>, longest) == 32);
    assert!(offset_of!(Forward<'_>, batch) == 232);
    assert!(offset_of!(Forward<'_>, batch_size) == 248);
    assert!(size_of::<Forward<'_>>() == 256);
};

impl RxQueue {
    fn new(ring: &RxRing<'_>, bufs: &mut [PktBuf]) -> Self {
        assert_eq!(bufs.len(), ring.entries().into());
        Self {
            ring: ring.base().as_ptr(),
            bufs: bufs.as_mut_ptr(),
            received: 0,
            multi_descriptor: 0,
            entries: ring.entries(),
            rx_index: 0,
            in_fragments: false,
        }
    }
}

impl TxQueue {
    fn new(ring: &TxRing<'_>, bufs: &mut [PktBuf]) -> Self {
        assert_eq!(bufs.len(), ring.entries().into());
        Self {
            ring: ring.base().as_ptr(),
            bufs: bufs.as_mut_ptr(),
            sent: 0,
            entries: ring.entries(),
            tx_index: 0,
            clean_index: 0,
        }
    }
}

/// Registers of a port, of which C knows those of queue 0.
struct Registers<B> {
    bar: B,
    /// The queue that is meant.
    queue: u16,
}

impl<B: Bar0> Registers<B> {
    /// Where C finds registers that are memory: so far on that it meets the
    /// tails of the queue in the place of those of queue 0.
    fn base(&self) -> *mut u8 {
        let steps = [RDT, TDT]
            .map(|row| row.at(self.queue).bytes() - row.at(0).bytes());
        assert_eq!(steps[0], steps[1], "tails are equally far apart");
        let base = self.bar.mapped(CTRL.offset());
        // SAFETY: the tails of the queue lie further on in the registers.
        base.map_or(ptr::null_mut(), |at| unsafe {
            at.cast::<u8>().add(steps[0] as usize).as_ptr()
        })
    }

    /// The tail that C means by an offset.
    fn tail(&self, bytes: u32) -> Offset {
        let is_meant = |row: &&Register| row.at(0).bytes() == bytes;
        let row = [&RDT, &TDT].into_iter().find(is_meant);
        row.expect("C writes the two tails only").at(self.queue)
    }
}

/// Writes a register that is more than memory.
extern "C" fn write32<B: Bar0>(object: *const c_void, at: u32, value: u32) {
    // SAFETY: `forward` has put registers there that outlive its call.
    let registers = unsafe { &*object.cast::<Registers<B>>() };
    registers.bar.write32(registers.tail(at), value);
}

/// A forwarder in C.
struct InC<'a, B> {
    forward: Forward<'a>,
    rx_rings: [RxRing<'a>; PORTS],
    registers: [Registers<B>; PORTS],
    batch: Box<[u32]>,
    mapped: bool,
}

impl<'a, B: Bar0> InC<'a, B> {
    /// Brings both ports up, or starts a queue of each, and hands their rings
    /// to C.
    fn open(site: Site<'a, B>, wait: &mut dyn Wait) -> Result<Self, InitError> {
        let Site { bars, queues, config, batch, .. } = site;
        let (mut tables, mut dma) = (site.tables, site.dma);
        let queue = match queues {
            Queues::All => 0,
            Queues::One(n) => n,
        };
        let (buffers, bytes) = (config.buffers, config.buffer_bytes);
        let packets =
            dma.take(Mempool::<Baseline>::dma_bytes(buffers, bytes), HUGE_PAGE);
        let mut pool =
            Mempool::<Baseline>::new(buffers, bytes, packets, &mut tables);
        let mut up = |bar: B| {
            let lend = &mut || pool.lend();
            let nic: Nic<'_, _> =
                queues.open(bar, &config, &mut dma, &mut tables, lend, wait)?;
            let (bar, mut rx, mut tx) = nic.into_parts();
            let (rx_ring, bufs) = rx.swap_remove(0).into_parts();
            let rx = RxQueue::new(&rx_ring, bufs.leak());
            let (tx_ring, bufs) = tx.swap_remove(0).into_parts();
            let tx = TxQueue::new(&tx_ring, bufs.leak());
            let registers = Registers { bar, queue };
            let base = registers.base();
            let write32 = write32::<B>;
            let object = ptr::null();
            let port = Port { bar: Bar { base, object, write32 }, rx, tx };
            Ok::<_, InitError>((registers, rx_ring, port))
        };
        let [first, second] = bars;
        let (registers0, rx_ring0, port0) = up(first)?;
        let (registers1, rx_ring1, port1) = up(second)?;
        let ports = [port0, port1];
        let mapped = ports.iter().all(|port| !port.bar.base.is_null());
        Ok(Self {
            forward: Forward {
                ports,
                pool: pool.into_raw(),
                batch: ptr::null_mut(),
                dropped: 0,
                batch_size: batch,
            },
            rx_rings: [rx_ring0, rx_ring1],
            registers: [registers0, registers1],
            batch: vec![0; batch.into()].into_boxed_slice(),
            mapped,
        })
    }
}

impl<B: Bar0> Forwarder for InC<'_, B> {
    fn forward(&mut self, quota: Quota) -> u64 {
        let Quota { packets, patience } = quota;
        let forward = &mut self.forward;
        forward.batch = self.batch.as_mut_ptr();
        let both = forward.ports.iter_mut().zip(&self.registers);
        for (port, registers) in both {
            port.bar.object = ptr::from_ref(registers).cast();
        }
        // SAFETY: rings, tables and pool are this forwarder's alone and as
        // large as they say, the batch holds `batch_size` indices, registers
        // are mapped where `mapped` says so, and `object` is as `write32` wants it.
        unsafe {
            if self.mapped {
                ringside_forward(forward, packets, patience)
            } else {
                ringside_forward_by_calls(forward, packets, patience)
            }
        }
    }

    fn counts(&self) -> Counts {
        let mut counts =
            Counts { dropped: self.forward.dropped, ..Counts::default() };
        for Port { rx, tx, .. } in &self.forward.ports {
            counts.received += rx.received;
            counts.multi_descriptor += rx.multi_descriptor;
            counts.sent += tx.sent;
        }
        counts
    }

    fn port_counts(&self) -> Option<[Counts; PORTS]> {
        let of = |Port { rx, tx, .. }: &Port| Counts {
            received: rx.received,
            multi_descriptor: rx.multi_descriptor,
            sent: tx.sent,
            ..Counts::default()
        };
        Some(self.forward.ports.each_ref().map(of))
    }

    fn pending(&self) -> u64 {
        let frames = |(ring, port): (&RxRing<'_>, &Port)| {
            (0..ring.entries())
                .map(|step| ring.desc(ring.wrap(port.rx.rx_index, step)))
                .map(|desc| desc.status_error().read())
                .take_while(|status| status & DD != 0)
                .filter(|status| status & EOP != 0)
                .count() as u64
        };
        self.rx_rings.iter().zip(&self.forward.ports).map(frames).sum()
    }

    fn free_buffers(&self) -> Vec<u32> {
        let pool = &self.forward.pool;
        // SAFETY: the front of the stack, which C has returned from.
        let free = unsafe {
            slice::from_raw_parts(pool.free.as_ptr(), pool.available)
        };
        let mut free = free.to_vec();
        free.sort_unstable();
        free
    }
}

#[cfg(test)]
mod tests {
    crate::language_conformance!(super::C);
}

//! What a packet costs the card, by how it finds the driver's memory.
//!
//! *Shows.* Time per packet through both ports: the card writes frames, the
//! least possible driver hands each to the other port, the card takes and
//! checks them. The driver's share is the same in all ways; the difference
//! between them is the card's.
//!
//! *Ways.* `linear`: all memory is one region, as that of a driver in the
//! same process. `scattered`: every huge page is a region of its own, at
//! addresses in no order, as the physical addresses of another process.
//! `forwarded`: the same, and frames may come back with other addresses.

use core::ptr::NonNull;
use core::time::Duration;

use criterion::{Criterion, Throughput};
use driver::desc::tx_cmd::{PACKET, PAYLEN_SHIFT};
use driver::memory::{DmaRegion, DmaWindow, HUGE_PAGE, Iova};
use driver::regs::*;
use nic_model::dma::DmaMap;
use nic_model::{Faults, Model, RegisterFile, Traffic};

/// Descriptors per ring.
const ENTRIES: usize = 512;

/// Frames towards each port per turn.
const FRAMES: u32 = 448;

/// Bytes from one buffer to the next: colours over the sets of a cache.
const STRIDE: usize = 2048 + 64;

const PORTS: usize = 2;

/// Buffers of both ports, in rings of which each holds every buffer once.
const BUFFERS: usize = PORTS * ENTRIES;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let mut group = criterion.benchmark_group("device");
    group.throughput(Throughput::Elements(u64::from(FRAMES) * PORTS as u64));
    for (name, is_scattered, takes_changes) in [
        ("linear", false, false),
        ("scattered", true, false),
        ("forwarded", true, true),
    ] {
        let mut memory = Memory::new(is_scattered);
        let mut rig = Rig::new(&mut memory, takes_changes);
        group.bench_function(name, |bencher| bencher.iter(|| rig.turn()));
        let account = rig.model.account();
        assert_eq!((account.spoiled, account.dma_faults), (0, 0), "{name}");
        assert_eq!(account.forwarded, account.offered, "{name}");
    }
    group.finish();
    criterion.final_summary();
}

/// Registers, and the memory of a driver.
struct Memory {
    registers: DmaRegion,
    packets: DmaRegion,
    is_scattered: bool,
}

impl Memory {
    fn new(is_scattered: bool) -> Self {
        let bytes = BUFFERS * STRIDE + HUGE_PAGE;
        let allocate = |bytes| {
            DmaRegion::allocate(bytes, Iova::new(1 << 40)).expect("memory")
        };
        Self {
            registers: allocate(PORTS * BAR0_BYTES),
            packets: allocate(bytes),
            is_scattered,
        }
    }

    /// The device's address of what lies `at` bytes from the start.
    fn iova(&self, at: usize) -> Iova {
        match self.is_scattered {
            false => self.packets.iova().offset(at),
            true => {
                let page = (at / HUGE_PAGE) as u64;
                let place = page * 37 % 101 * HUGE_PAGE as u64;
                Iova::new((1 << 36) + place).offset(at % HUGE_PAGE)
            }
        }
    }

    fn at(&self, at: usize) -> NonNull<u8> {
        // SAFETY: inside the region.
        unsafe { self.packets.base().add(at) }
    }

    fn map(&mut self) -> DmaMap<'_> {
        if !self.is_scattered {
            return DmaMap::of(self.packets.carve().window());
        }
        let mut map = DmaMap::empty();
        for at in (0..self.packets.bytes()).step_by(HUGE_PAGE) {
            // SAFETY: a huge page of the region, which outlives the map.
            map.add(unsafe {
                DmaWindow::new(self.at(at), self.iova(at), HUGE_PAGE)
            });
        }
        map
    }
}

/// A card, and a driver of a few lines.
struct Rig<'a> {
    model: Model<'a>,
    registers: [RegisterFile<'a>; PORTS],
    /// Of both ports, the receive ring and the transmit ring.
    rings: [[NonNull<[u64; 2]>; 2]; PORTS],
    /// The device's address of the buffer in each receive descriptor, and
    /// where it is.
    buffers: [Vec<(u64, NonNull<u8>)>; PORTS],
    head: usize,
}

impl<'a> Rig<'a> {
    fn new(memory: &'a mut Memory, takes_changes: bool) -> Self {
        let start = memory.registers.base();
        let registers = [0, 1].map(|n| {
            // SAFETY: a part of the region, which outlives the rig, for each.
            unsafe { RegisterFile::new(start.add(n * BAR0_BYTES)) }
        });
        let traffic =
            Traffic { touches: 1, takes_changes, ..Traffic::default() };
        // Rings lie behind the buffers, in one huge page.
        let rings_at = (BUFFERS * STRIDE).next_multiple_of(HUGE_PAGE);
        let ring_at = |port: usize, ring: usize| {
            rings_at + (port * 2 + ring) * ENTRIES * 16
        };
        let buffer = |n: usize| {
            let at = n * STRIDE;
            // None lies across two pages.
            let end = (at + STRIDE) / HUGE_PAGE * HUGE_PAGE;
            if end > at { end } else { at }
        };
        let buffers = [0, 1].map(|port| {
            let numbers = port * ENTRIES..(port + 1) * ENTRIES;
            let one =
                |n| (memory.iova(buffer(n)).value(), memory.at(buffer(n)));
            numbers.map(one).collect::<Vec<_>>()
        });
        let rings = [0, 1]
            .map(|port| [0, 1].map(|n| memory.at(ring_at(port, n)).cast()));
        let iovas =
            [0, 1].map(|port| [0, 1].map(|n| memory.iova(ring_at(port, n))));
        let model =
            Model::new(&registers, memory.map(), 1, traffic, Faults::default());
        let mut rig = Self { model, registers, rings, buffers, head: 0 };
        for (port, [rx, tx]) in iovas.into_iter().enumerate() {
            let regs = &rig.registers[port];
            regs.set(&RDBAL, 0, rx.low());
            regs.set(&RDBAH, 0, rx.high());
            regs.set(&RDLEN, 0, ENTRIES as u32 * 16);
            regs.set(&TDBAL, 0, tx.low());
            regs.set(&TDBAH, 0, tx.high());
            regs.set(&TDLEN, 0, ENTRIES as u32 * 16);
            regs.set(&RXCTRL, 0, rxctrl::RXEN);
            regs.set(&DMATXCTL, 0, dmatxctl::TE);
            regs.set(&RXDCTL, 0, rxdctl::ENABLE);
            regs.set(&TXDCTL, 0, txdctl::ENABLE);
            for n in 0..ENTRIES {
                rig.refill(port, n);
            }
            rig.registers[port].set(&RDT, 0, ENTRIES as u32 - 1);
        }
        rig.model.poll_control();
        rig
    }

    fn refill(&mut self, port: usize, n: usize) {
        let [ring, _] = self.rings[port];
        let (iova, _) = self.buffers[port][n];
        // SAFETY: a descriptor of the ring, which the driver owns now.
        unsafe { ring.add(n).write_volatile([iova, 0]) };
    }

    /// Frames come, go from each port to the other, and leave.
    fn turn(&mut self) {
        self.model.receive(FRAMES);
        let (start, frames) = (self.head, FRAMES as usize);
        let command = PACKET;
        for port in 0..PORTS {
            let [_, out] = self.rings[port ^ 1];
            for n in (start..start + frames).map(|n| n % ENTRIES) {
                let (iova, at) = self.buffers[port][n];
                let second = u64::from(command | 60)
                    | u64::from(60_u32 << PAYLEN_SHIFT) << 32;
                // SAFETY: a frame that the driver owns, and a descriptor of
                // the other port's ring, whose packet has left.
                unsafe {
                    let byte = at.add(48);
                    byte.write_volatile(byte.read_volatile().wrapping_add(1));
                    out.add(n).write_volatile([iova, second]);
                }
            }
        }
        self.head = (start + frames) % ENTRIES;
        for regs in &self.registers {
            regs.set(&TDT, 0, self.head as u32);
        }
        self.model.transmit();
        for port in 0..PORTS {
            for n in start..start + frames {
                self.refill(port, n % ENTRIES);
            }
            let last = (self.head + ENTRIES - 1) % ENTRIES;
            self.registers[port].set(&RDT, 0, last as u32);
        }
    }
}

//! One piece of memory that holds everything a run touches.
//!
//! ```text
//! registers of each port | driver's tables | packet buffers, rings
//!                                          ^ the device reaches this part
//! ```
//!
//! Whoever runs on an arena owns no better place in memory than whoever ran
//! on it before.

use std::fs::File;

use driver::bar::MappedBar;
use driver::memory::{Carver, DmaRegion, HUGE_PAGE, Iova, OutOfMemory, Pages};
use driver::nic::Config;
use driver::regs::BAR0_BYTES;

use crate::dma::DmaMap;
use crate::regfile::RegisterFile;

/// Bytes beyond a pool's own tables that a port's driver may ask for.
const SPARE_TABLE_BYTES: usize = 64 << 10;

/// Bytes of the table rows of one packet buffer, at most.
const TABLE_BYTES_PER_BUFFER: usize = 64;

/// Device address of arena 0; each arena starts at another multiple. Far
/// from anything that a pointer looks like.
const IOVA_STEP: u64 = 0x100_0000_0000;

/// Bytes from one arena to the next in a file that several programs map: far
/// more than one has, so that they need not agree on its size.
pub const FILE_STEP: u64 = 1 << 30;

/// Bytes that the device does not reach.
fn front_bytes(ports: usize, config: &Config) -> usize {
    let tables = table_bytes(ports, config);
    (ports * BAR0_BYTES + tables).next_multiple_of(HUGE_PAGE)
}

/// Bytes of the tables of a driver that has `ports` ports.
pub fn table_bytes(ports: usize, config: &Config) -> usize {
    ports * (config.table_bytes() + SPARE_TABLE_BYTES)
        + config.buffers as usize * TABLE_BYTES_PER_BUFFER
}

fn iova(index: u32) -> Iova {
    Iova::new(IOVA_STEP * (u64::from(index) + 1))
}

/// One piece of memory that holds everything a run touches.
#[derive(Debug)]
pub struct Arena {
    region: DmaRegion,
    ports: usize,
    front_bytes: usize,
}

/// The parts of an arena.
pub struct Parts<'a> {
    /// Registers of each port, as the driver sees them.
    pub bars: Vec<MappedBar<'a>>,
    /// The same, as the device sees them.
    pub registers: Vec<RegisterFile<'a>>,
    /// Memory for the driver's own tables.
    pub tables: Carver<'a>,
    /// Memory that the device reaches.
    pub dma: Carver<'a>,
    /// The device's view of it.
    pub memory: DmaMap<'a>,
}

/// What an arena is made for that `n` drivers divide, each of which is set up
/// with `config` and has `packet_bytes` of packet buffers.
pub fn among(n: u16, config: &Config, packet_bytes: usize) -> (Config, usize) {
    let all = Config {
        rx_queues: n * config.rx_queues,
        tx_queues: n * config.tx_queues,
        buffers: u32::from(n) * config.buffers,
        ..*config
    };
    // Buffers start at a huge page, and rings take less than one.
    let each = packet_bytes.next_multiple_of(HUGE_PAGE) + HUGE_PAGE;
    (all, usize::from(n) * each)
}

impl<'a> Parts<'a> {
    /// Memory for the tables, and memory that the device reaches, of each of
    /// `n` drivers; the arena was made for as many ([`among`]).
    pub fn divide(
        tables: Carver<'a>,
        dma: Carver<'a>,
        n: u16,
    ) -> Vec<(Carver<'a>, Carver<'a>)> {
        let tables = tables.divide(n.into(), 4096);
        let dma = dma.divide(n.into(), HUGE_PAGE);
        tables.into_iter().zip(dma).collect()
    }
}

impl Arena {
    /// Arena number `index`, for `ports` ports that are set up with `config`
    /// and have `packet_bytes` of packet buffers between them.
    pub fn allocate(
        index: u32,
        ports: usize,
        config: &Config,
        packet_bytes: usize,
    ) -> Result<Self, OutOfMemory> {
        let front_bytes = front_bytes(ports, config);
        let bytes = Self::bytes(ports, config, packet_bytes);
        let region = DmaRegion::allocate(bytes, iova(index))?;
        Ok(Self { region, ports, front_bytes })
    }

    /// The same in a file in memory, which other processes map as well: the
    /// arena lies at `index` times [`FILE_STEP`].
    ///
    /// # Errors
    ///
    /// When there is not as much memory, the arena does not fit into a step,
    /// or the file cannot be mapped.
    ///
    /// # Safety
    ///
    /// Nobody else reads or writes the arena in the file while this call lasts
    /// or parts of it are in use, and nobody makes the file shorter for as
    /// long as there is an arena in it.
    pub unsafe fn shared(
        file: &File,
        index: u32,
        ports: usize,
        config: &Config,
        packet_bytes: usize,
    ) -> Result<Self, OutOfMemory> {
        let front_bytes = front_bytes(ports, config);
        let bytes = Self::bytes(ports, config, packet_bytes);
        if bytes as u64 > FILE_STEP {
            let reason = "more than an arena in a file may have".to_owned();
            return Err(OutOfMemory { bytes, reason });
        }
        let offset = u64::from(index) * FILE_STEP;
        // SAFETY: as the caller promises; arenas of other numbers lie beyond
        // the step.
        let region =
            unsafe { DmaRegion::shared(file, offset, bytes, iova(index)) }?;
        Ok(Self { region, ports, front_bytes })
    }

    /// Bytes of an arena, for `ports` ports that are set up with `config` and
    /// have `packet_bytes` of packet buffers between them.
    pub fn bytes(ports: usize, config: &Config, packet_bytes: usize) -> usize {
        front_bytes(ports, config) + packet_bytes + ports * config.ring_bytes()
    }

    /// What its memory consists of.
    pub fn pages(&self) -> Pages {
        self.region.pages()
    }

    /// Hands all parts out.
    pub fn split(&mut self) -> Parts<'_> {
        let mut carver = self.region.carve();
        let blocks: Vec<_> =
            (0..self.ports).map(|_| carver.take(BAR0_BYTES, 4096)).collect();
        let used = self.ports * BAR0_BYTES;
        let tables = carver.split_off(self.front_bytes - used);
        let memory = DmaMap::of(carver.window());
        // SAFETY: each block is BAR0_BYTES long, aligned to a page, borrowed
        // from the arena, and nothing else is made of it than these two
        // views, neither of which makes references.
        let (bars, registers) = unsafe {
            (
                blocks.iter().map(|b| MappedBar::new(b.base())).collect(),
                blocks.iter().map(|b| RegisterFile::new(b.base())).collect(),
            )
        };
        Parts { bars, registers, tables, dma: carver, memory }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver::bar::Bar0;
    use driver::regs::{RAL, RDT};

    fn arena(index: u32) -> Arena {
        let config = Config { buffers: 100, ..Config::default() };
        Arena::allocate(index, 2, &config, 1 << 20).expect("memory")
    }

    #[test]
    fn driver_and_device_see_the_same_registers_port_by_port() {
        let mut arena = arena(0);
        let Parts { bars, registers, .. } = arena.split();
        bars[0].write32(RDT.at(3), 0x1234_5678);
        registers[1].set(&RAL, 0, 0x9ABC_DEF0);
        assert_eq!(registers[0].get(&RDT, 3), 0x1234_5678);
        assert_eq!(registers[1].get(&RDT, 3), 0);
        assert_eq!(bars[1].read32(RAL.at(0)), 0x9ABC_DEF0);
        assert_eq!(bars[0].read32(RAL.at(0)), 0);
    }

    #[test]
    fn the_device_reaches_buffers_and_rings_and_nothing_else() {
        let mut arena = arena(0);
        let Parts { mut tables, mut dma, memory, .. } = arena.split();
        let whole = dma.window();
        let ring = dma.take(8192, 128);
        assert_eq!(memory.translate(ring.iova(), 8192), Some(ring.base()));
        assert!(memory.translate(whole.iova(), whole.bytes() as u32).is_some());
        assert_eq!(memory.translate(tables.take(64, 64).iova(), 64), None);
        let pointer = Iova::new(ring.base().as_ptr().addr() as u64);
        assert_eq!(memory.translate(pointer, 1), None);
    }

    #[test]
    fn two_arenas_share_no_device_address() {
        let (mut first, mut second) = (arena(0), arena(1));
        let (first, second) = (first.split(), second.split());
        let (a, b) = (first.dma.window(), second.dma.window());
        assert_eq!(first.memory.translate(b.iova(), 1), None);
        assert_eq!(second.memory.translate(a.iova(), 1), None);
    }
}

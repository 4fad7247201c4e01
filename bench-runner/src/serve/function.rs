//! One port of the model as a PCI function that a guest is given.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::time::Instant;

use driver::regs::BAR0_BYTES;
use nic_model::cable::{Delivery, Plug};
use nic_model::interrupts::Interrupts;
use nic_model::wire::{Sink, Source};
use nic_model::{Faults, Port, RegisterFile};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap};
use vfio_bindings::bindings::vfio::{
    VFIO_PCI_BAR0_REGION_INDEX, VFIO_PCI_BAR4_REGION_INDEX,
    VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_NUM_REGIONS,
    VFIO_REGION_INFO_FLAG_MMAP, VFIO_REGION_INFO_FLAG_READ,
    VFIO_REGION_INFO_FLAG_WRITE, vfio_region_info,
    vfio_region_sparse_mmap_area,
};
use vfio_user::{ServerRegion, SparseArea};

use super::config_space::{self, ConfigSpace, MSIX_BAR_BYTES};
use super::irqs::Irqs;
use super::memory::GuestMemory;

/// Pages of BAR 0 that a guest maps and the model polls: rings 0 to 63 of
/// either direction. All others trap.
const HOT_PAGES: [u64; 2] = [0x1000, 0x6000];
const PAGE: u64 = 0x1000;

/// A port and all that belongs to it on the bus.
#[derive(Debug)]
pub struct Function {
    port: Port<'static>,
    plug: Plug,
    interrupts: Interrupts,
    config: ConfigSpace,
    memory: GuestMemory,
    irqs: Irqs,
    /// Table and pending bits of MSI-X, which the guest's side acts on.
    msix: Vec<u8>,
    registers: OwnedFd,
    begin: Instant,
    /// Whether a guest is there.
    pub is_attached: bool,
    /// Accesses that were trapped.
    pub traps: Traps,
    /// Frames that came by cable.
    pub arrived: Arrived,
}

/// Accesses to BAR 0 outside its hot pages.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traps {
    /// Loads.
    pub reads: u64,
    /// Stores.
    pub writes: u64,
}

/// What became of frames that came by cable.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arrived {
    /// In the driver's memory.
    pub delivered: u64,
    /// For other addresses.
    pub filtered: u64,
    /// Without link, descriptor or memory.
    pub lost: u64,
}

impl Function {
    /// Port `number`, with so many queues, between `source` and `sink`.
    pub fn new(
        number: u8,
        queues: u16,
        source: Source,
        sink: Sink,
    ) -> io::Result<Self> {
        let file = memfd_create("bar0", MemfdFlags::CLOEXEC)?;
        ftruncate(&file, BAR0_BYTES as u64)?;
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping, where the kernel finds room for it. It is
        // never unmapped.
        let regs = unsafe {
            let shared = MapFlags::SHARED;
            let len = BAR0_BYTES;
            let base = mmap(ptr::null_mut(), len, prot, shared, &file, 0)?;
            let base = NonNull::new(base.cast());
            RegisterFile::new(base.expect("no mapping is at zero"))
        };
        let faults = Faults::default();
        let port = Port::new(number, queues, regs, source, sink, faults);
        Ok(Self {
            plug: Plug::new(queues),
            interrupts: Interrupts::new(&port),
            port,
            config: ConfigSpace::new(),
            memory: GuestMemory::new(),
            irqs: Irqs::default(),
            msix: vec![0; MSIX_BAR_BYTES],
            registers: file,
            begin: Instant::now(),
            is_attached: false,
            traps: Traps::default(),
            arrived: Arrived::default(),
        })
    }

    /// The port.
    pub fn port(&self) -> &Port<'static> {
        &self.port
    }

    /// Interrupts that the guest was sent.
    pub fn interrupts_sent(&self) -> u64 {
        self.irqs.sent
    }

    /// What a guest is told of its regions.
    pub fn regions(&self) -> Vec<ServerRegion> {
        let region = |index: u32| {
            let size = match index {
                VFIO_PCI_BAR0_REGION_INDEX => BAR0_BYTES,
                VFIO_PCI_BAR4_REGION_INDEX => MSIX_BAR_BYTES,
                VFIO_PCI_CONFIG_REGION_INDEX => config_space::BYTES,
                _ => 0,
            };
            let hot = index == VFIO_PCI_BAR0_REGION_INDEX;
            let mut flags = 0;
            if size > 0 {
                flags |= VFIO_REGION_INFO_FLAG_READ;
                flags |= VFIO_REGION_INFO_FLAG_WRITE;
            }
            let mut sparse_areas = Vec::new();
            if hot {
                flags |= VFIO_REGION_INFO_FLAG_MMAP;
                let area = |offset| SparseArea {
                    area: vfio_region_sparse_mmap_area { offset, size: PAGE },
                };
                sparse_areas.extend(HOT_PAGES.map(area));
            }
            let region_info = vfio_region_info {
                argsz: size_of::<vfio_region_info>() as u32,
                flags,
                index,
                size: size as u64,
                ..Default::default()
            };
            let mmap_fd = hot.then(|| self.registers.as_raw_fd());
            ServerRegion { region_info, sparse_areas, mmap_fd }
        };
        (0..VFIO_PCI_NUM_REGIONS).map(region).collect()
    }

    /// Reads from a region.
    pub fn read(
        &mut self,
        region: u32,
        offset: u64,
        data: &mut [u8],
    ) -> io::Result<()> {
        let at = offset as usize;
        data.fill(0);
        match region {
            VFIO_PCI_BAR0_REGION_INDEX => {
                let at = register_at(offset, data.len())?;
                for (n, bytes) in (0..).zip(data.as_chunks_mut().0) {
                    let value = self.port.read_register(at + 4 * n);
                    *bytes = u32::to_le_bytes(value);
                    self.traps.reads += 1;
                }
                self.raise();
            }
            VFIO_PCI_BAR4_REGION_INDEX => {
                let own = self.msix.get(at..).unwrap_or_default();
                for (byte, own) in data.iter_mut().zip(own) {
                    *byte = *own;
                }
            }
            VFIO_PCI_CONFIG_REGION_INDEX => self.config.read(at, data),
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        }
        Ok(())
    }

    /// Writes to a region.
    pub fn write(
        &mut self,
        region: u32,
        offset: u64,
        data: &[u8],
    ) -> io::Result<()> {
        let at = offset as usize;
        match region {
            VFIO_PCI_BAR0_REGION_INDEX => {
                let at = register_at(offset, data.len())?;
                for (n, bytes) in (0..).zip(data.as_chunks().0) {
                    let value = u32::from_le_bytes(*bytes);
                    let memory = self.memory.map();
                    self.port.write_register(memory, at + 4 * n, value);
                    self.traps.writes += 1;
                }
                self.raise();
            }
            VFIO_PCI_BAR4_REGION_INDEX => {
                let own = self.msix.get_mut(at..).unwrap_or_default();
                for (own, byte) in own.iter_mut().zip(data) {
                    *own = *byte;
                }
            }
            VFIO_PCI_CONFIG_REGION_INDEX => {
                if self.config.write(at, data) {
                    self.reset();
                }
            }
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        }
        Ok(())
    }

    /// Lets the port reach memory of the guest. What comes without a file
    /// cannot be shared and stays out of reach.
    pub fn map_memory(
        &mut self,
        file: Option<&File>,
        offset: u64,
        iova: u64,
        len: u64,
    ) -> io::Result<()> {
        match file {
            Some(file) => self.memory.add(file, offset, iova, len),
            None => Ok(()),
        }
    }

    /// Takes memory of the guest back.
    pub fn unmap_memory(&mut self, iova: u64, len: u64) {
        self.memory.remove(&mut self.port, iova, len);
    }

    /// Hears of the guest's event descriptors.
    pub fn set_irqs(
        &mut self,
        index: u32,
        flags: u32,
        start: u32,
        count: u32,
        files: Vec<File>,
    ) -> io::Result<()> {
        if self.irqs.set(index, flags, start, count, files)? {
            self.interrupts.unmasked();
            self.raise();
        }
        Ok(())
    }

    /// A reset of the function, as by its bus.
    pub fn reset(&mut self) {
        self.port.power_up();
        self.interrupts = Interrupts::new(&self.port);
        self.plug = Plug::new(self.port.queues());
    }

    /// The guest is gone: nothing of it is kept.
    pub fn detach(&mut self) {
        self.reset();
        self.config = ConfigSpace::new();
        self.msix.fill(0);
        self.irqs.clear();
        self.memory.clear(&mut self.port);
        self.is_attached = false;
    }

    /// Acts on what the driver wrote to hot pages.
    pub fn poll_control(&mut self) {
        self.port.poll_control(self.memory.map());
    }

    /// Sends the interrupts that are due.
    pub fn raise(&mut self) {
        let irqs = &mut self.irqs;
        let now = self.begin.elapsed();
        self.interrupts.turn(&self.port, now, |vector| irqs.send(vector));
    }

    /// As many frames of the source as there is room for, at most `most`, and
    /// all that was sent to the sink; returns how many frames that were.
    pub fn exchange(&mut self, most: u32) -> u32 {
        if !self.config.is_bus_master() {
            return 0;
        }
        let memory = self.memory.map();
        self.port.receive_ready(memory, most) + self.port.transmit(memory)
    }

    /// All that was sent, at most `most` frames of each queue.
    pub fn take(&mut self, most: u32, accept: impl FnMut(&[u8])) -> u32 {
        if !self.config.is_bus_master() {
            return 0;
        }
        let memory = self.memory.map();
        self.plug.take(&mut self.port, memory, most, accept)
    }

    /// A frame that comes by cable.
    pub fn give(&mut self, frame: &[u8]) {
        let what = if self.config.is_bus_master() {
            let memory = self.memory.map();
            self.plug.give(&mut self.port, memory, frame)
        } else {
            Delivery::Lost
        };
        match what {
            Delivery::Delivered => self.arrived.delivered += 1,
            Delivery::Filtered => self.arrived.filtered += 1,
            Delivery::Lost => self.arrived.lost += 1,
        }
    }
}

/// The offset of an access to registers: whole ones, inside the BAR.
fn register_at(offset: u64, len: usize) -> io::Result<u32> {
    let end = offset.saturating_add(len as u64);
    let whole = offset.is_multiple_of(4) && len.is_multiple_of(4);
    match whole && end <= BAR0_BYTES as u64 {
        true => Ok(offset as u32),
        false => Err(io::ErrorKind::InvalidInput.into()),
    }
}

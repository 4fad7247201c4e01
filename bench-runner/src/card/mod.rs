//! A card that is no thread of this program: a real one, or whatever else
//! passes for one below `/sys/bus/pci/devices`.

use std::path::{Path, PathBuf};

use driver::bar::MappedBar;
use driver::memory::{DmaRegion, Iova};
use driver::nic::{self, Config};
use driver::pci::PciDevice;
use driver::physical;
use variants::registry;
use variants::workload::{Frame, MappedSite, PORTS, Queues, Site};

use crate::environment::Root;
use crate::failure::Failure;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Below it lie `/proc` and `/sys`.
    pub root: &'a Root,
    /// Two PCI addresses, such as `0000:03:00.0`.
    pub addresses: [&'a str; PORTS],
    /// Folder for files of huge pages; the first one mounted, or none at all,
    /// where absent.
    pub huge_pages: Option<&'a Path>,
    /// What the driver is set up with.
    pub config: Config,
}

/// Two ports, and memory for a driver of both.
#[derive(Debug)]
pub struct Card {
    ports: [Port; PORTS],
    config: Config,
    tables: DmaRegion,
    dma: DmaRegion,
}

/// A port of a card.
#[derive(Debug)]
struct Port {
    device: PciDevice,
    bar: MappedBar<'static>,
}

impl Card {
    /// Takes two ports from whoever has them.
    ///
    /// # Errors
    ///
    /// When there are no such cards, or no memory for them.
    pub fn open(request: &Request<'_>) -> Result<Self, Failure> {
        let Request { root, addresses, config, .. } = request;
        let [first, second] = addresses;
        if first == second {
            return Err(Failure::error(format!(
                "{first} is named twice: name two ports"
            )));
        }
        let devices = root.path().join("sys/bus/pci/devices");
        let found = [
            PciDevice::find(&devices, first),
            PciDevice::find(&devices, second),
        ];
        let [first, second] = found.map(|card| card.map_err(refused));
        let (first, second) = (first?, second?);
        let bytes = registry::pool_bytes(config.buffers, config.buffer_bytes)
            + PORTS * config.ring_bytes();
        let folder = match request.huge_pages {
            Some(folder) => Some(folder.to_owned()),
            None => mounted(root),
        };
        let dma = physical::allocate(folder.as_deref(), bytes)
            .map_err(Failure::environment)?;
        let tables = tables(config)?;
        let ports = [Port::open(first)?, Port::open(second)?];
        Ok(Self { ports, config: *config, tables, dma })
    }

    /// A place for a driver that receives at most `batch` packets at once.
    pub fn site(&mut self, batch: u16, frame: Frame) -> MappedSite<'_> {
        let Self { ports, config, tables, dma } = self;
        MappedSite::Plain(Site {
            bars: ports.each_ref().map(|port| port.bar),
            queues: Queues::All,
            config: *config,
            batch,
            tables: tables.carve(),
            dma: dma.carve(),
            frame,
        })
    }
}

impl Port {
    fn open(device: PciDevice) -> Result<Self, Failure> {
        device.unbind().map_err(refused)?;
        device.enable_bus_master().map_err(refused)?;
        let bar = device.map_bar0().map_err(refused)?;
        Ok(Self { device, bar })
    }
}

impl Drop for Port {
    /// Before its memory goes, the card is kept from it.
    fn drop(&mut self) {
        nic::silence(&self.bar);
        if let Err(error) = self.device.disable_bus_master() {
            eprintln!("note: {error}");
        }
    }
}

/// Memory that only the driver uses.
fn tables(config: &Config) -> Result<DmaRegion, Failure> {
    let bytes = nic_model::table_bytes(PORTS, config);
    DmaRegion::allocate(bytes, Iova::default()).map_err(Failure::environment)
}

/// The folder of huge pages that is mounted first.
fn mounted(root: &Root) -> Option<PathBuf> {
    physical::mounted(&root.read("proc/mounts")?)
}

fn refused(error: driver::pci::PciError) -> Failure {
    Failure::environment(error)
}

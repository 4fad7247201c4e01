//! A card that is no thread of this program: a real one, or whatever else
//! passes for one below `/sys/bus/pci/devices`.

mod address;
mod binding;
mod guard;
mod interrupts;
pub mod ports;

pub use address::{Address, Pair};
pub use binding::VFIO;
pub use guard::Through;
pub use interrupts::Interrupts;

use std::path::{Path, PathBuf};

use driver::bar::MappedBar;
use driver::memory::{DmaRegion, HUGE_PAGE, Iova, Pages};
use driver::nic::{self, Config};
use driver::pci::{Bar0Mapping, PciDevice, PciError};
use driver::physical;
use driver::vfio::{self, Container, VfioError};
use driver::wait::Sleep;
use rustix::process::geteuid;
use variants::registry;
use variants::workload::{Frame, MappedSite, PORTS, Queues, Site};

use crate::environment::Root;
use crate::failure::Failure;
use binding::{Held, Sysfs};

/// Where memory lies for a card behind an IOMMU: beyond what 32 bits reach,
/// and below what any IOMMU has.
const IOVA: Iova = Iova::new(4 << 30);

/// From one region to the next: more than any has.
const IOVA_STEP: usize = 1 << 30;

/// How far off a driver is that is told a wrong address.
const WRONG_BY: usize = 64 << 30;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Below it lie `/proc`, `/sys`, `/run` and `/dev`.
    pub root: &'a Root,
    /// Two PCI addresses, such as `0000:03:00.0`.
    pub addresses: [&'a str; PORTS],
    /// How they are reached; found out where absent.
    pub through: Option<Through>,
    /// Folder for files of huge pages; the first one mounted, or none at all,
    /// where absent.
    pub huge_pages: Option<&'a Path>,
    /// Takes cards that this machine is reached by, too.
    pub force: bool,
    /// Has the driver use addresses that the IOMMU does not know, for tests.
    pub wrong_iova: bool,
    /// What the driver is set up with.
    pub config: Config,
    /// Pieces of memory for drivers that take turns.
    pub regions: u32,
}

/// Two cards that nobody else has. In the end they go back to whom they were
/// taken from.
#[derive(Debug)]
pub struct Claim {
    through: Through,
    _held: Vec<Held<Sysfs>>,
}

/// Two ports, and memory for a driver of both. In the end they are silenced
/// before their memory goes.
#[derive(Debug)]
pub struct Card {
    ports: [Port; PORTS],
    _container: Option<Container>,
    config: Config,
    regions: Vec<Region>,
}

/// Memory of a driver.
#[derive(Debug)]
struct Region {
    tables: DmaRegion,
    dma: DmaRegion,
}

/// A port of a card.
#[derive(Debug)]
struct Port {
    bar: Bar0Mapping,
    hold: Hold,
}

/// By what a port is held.
#[derive(Debug)]
enum Hold {
    Sysfs(PciDevice),
    Vfio(vfio::Device),
}

/// What a driver, and who waits for it, are made of.
pub struct Place<'a> {
    /// For the driver.
    pub site: MappedSite<'a>,
    /// The registers of both ports.
    pub bars: [MappedBar<'a>; PORTS],
    /// The ports through VFIO, where that is the way.
    pub devices: Option<[&'a vfio::Device; PORTS]>,
}

impl Claim {
    /// Takes two cards from whoever has them.
    ///
    /// # Errors
    ///
    /// When there are no such cards, they are needed elsewhere, or a look at
    /// the machine says that there is no memory for them.
    pub fn new(request: &Request<'_>) -> Result<Self, Failure> {
        let Request { root, addresses, .. } = request;
        let [first, second] = addresses;
        find(request)?;
        if root.is_real() && !geteuid().is_root() {
            return Err(Failure::environment(format!(
                "{first} and {second} are root's to use: run as root"
            )));
        }
        for line in binding::recover(root, Sysfs)? {
            eprintln!("note: {line}");
        }
        if !request.force {
            guard::spare(root, first)?;
            guard::spare(root, second)?;
        }
        let way = |address| guard::way(root, address, request.through);
        let through = way(first)?;
        if through != way(second)? {
            return Err(Failure::environment(format!(
                "only one of {first} and {second} is in an IOMMU group: name \
                 two ports of one card"
            )));
        }
        let driver = match through {
            Through::Resource0 => {
                // Before a card is taken: is there memory at all?
                physical::allocate(folder(request).as_deref(), HUGE_PAGE)
                    .map_err(Failure::environment)?;
                None
            }
            Through::Vfio => Some(VFIO),
        };
        let hold = |address: &&str| binding::hold(root, Sysfs, address, driver);
        let held = addresses.iter().map(hold).collect::<Result<_, _>>()?;
        Ok(Self { through, _held: held })
    }

    /// How they are reached.
    pub fn through(&self) -> Through {
        self.through
    }
}

impl Card {
    /// Opens two cards that were claimed, by this process or the one that
    /// started it.
    ///
    /// # Errors
    ///
    /// When there is no memory for them, or they cannot be reached.
    ///
    /// # Panics
    ///
    /// When the request does not say how they are reached.
    pub fn take(request: &Request<'_>) -> Result<Self, Failure> {
        let found = find(request)?;
        let config = Config { media: found[0].media(), ..request.config };
        let bytes = registry::pool_bytes(config.buffers, config.buffer_bytes)
            + PORTS * config.ring_bytes();
        let through = request.through.expect("a way that was claimed");
        let dma = |n: u32| match through {
            Through::Resource0 => {
                physical::allocate(folder(request).as_deref(), bytes)
                    .map_err(Failure::environment)
            }
            Through::Vfio => {
                let wrong = if request.wrong_iova { WRONG_BY } else { 0 };
                let iova = iova(n).offset(wrong);
                DmaRegion::allocate(bytes, iova).map_err(Failure::environment)
            }
        };
        let region = |n| {
            Ok::<_, Failure>(Region { tables: tables(&config)?, dma: dma(n)? })
        };
        let regions =
            (0..request.regions).map(region).collect::<Result<Vec<_>, _>>()?;
        let (ports, container) = match through {
            Through::Resource0 => {
                let [first, second] = found.map(Port::sysfs);
                ([first?, second?], None)
            }
            Through::Vfio => {
                let (ports, container) = Port::behind_iommu(request, &regions)?;
                (ports, Some(container))
            }
        };
        Ok(Self { ports, _container: container, config, regions })
    }

    /// What its memory consists of, the poorest of it.
    pub fn pages(&self) -> Pages {
        let pages = self.regions.iter().map(|region| region.dma.pages());
        pages.max().unwrap_or(Pages::Huge)
    }

    /// What the driver is set up with.
    pub fn config(&self) -> Config {
        self.config
    }

    /// A place for a driver on one of the regions, that receives at most
    /// `batch` packets at once.
    pub fn place(
        &mut self,
        region: usize,
        batch: u16,
        queues: Queues,
        frame: Frame,
    ) -> Place<'_> {
        let Self { ports, config, regions, .. } = self;
        let ports = &*ports;
        let Region { tables, dma } = &mut regions[region];
        let bars = ports.each_ref().map(|port| port.bar.bar());
        let devices = match ports.each_ref().map(|port| &port.hold) {
            [Hold::Vfio(first), Hold::Vfio(second)] => Some([first, second]),
            _ => None,
        };
        let site = MappedSite::Plain(Site {
            bars,
            queues,
            config: *config,
            batch,
            tables: tables.carve(),
            dma: dma.carve(),
            frame,
        });
        Place { site, bars, devices }
    }
}

/// The two cards, of one kind.
fn find(request: &Request<'_>) -> Result<[PciDevice; PORTS], Failure> {
    let devices = request.root.path().join("sys/bus/pci/devices");
    let find = |address| {
        PciDevice::find(&devices, address).map_err(Failure::environment)
    };
    let [first, second] = request.addresses;
    if first == second {
        return Err(Failure::error(format!(
            "{first} is named twice: name two ports"
        )));
    }
    let found = [find(first)?, find(second)?];
    if found[0].media() != found[1].media() {
        return Err(Failure::environment(format!(
            "{first} is an {} and {second} an {}, which are set up \
             differently: name two ports of one kind",
            found[0].name(),
            found[1].name()
        )));
    }
    Ok(found)
}

/// The folder for files of huge pages.
fn folder(request: &Request<'_>) -> Option<PathBuf> {
    let named = request.huge_pages.map(Path::to_owned);
    named.or_else(|| mounted(request.root))
}

/// Where the IOMMU has region `n`.
fn iova(n: u32) -> Iova {
    IOVA.offset(n as usize * IOVA_STEP)
}

impl Port {
    fn sysfs(device: PciDevice) -> Result<Self, Failure> {
        let open = || {
            device.enable_bus_master()?;
            device.map_bar0()
        };
        let bar = open().map_err(|e: PciError| Failure::environment(e))?;
        Ok(Self { bar, hold: Hold::Sysfs(device) })
    }

    /// Both ports, which find regions where the IOMMU says.
    fn behind_iommu(
        request: &Request<'_>,
        regions: &[Region],
    ) -> Result<([Self; PORTS], Container), Failure> {
        let Request { root, addresses, .. } = request;
        let folder = root.path().join(vfio::FOLDER.trim_start_matches('/'));
        let open = || {
            let mut container = Container::open(&folder)?;
            let groups = addresses.map(|address| {
                let group = root.iommu_group(address);
                group.expect("a card in a group is reached through VFIO")
            });
            for group in groups {
                container.join(group)?;
            }
            for (n, region) in (0..).zip(regions) {
                container.map(&region.dma, iova(n))?;
            }
            let port = |n: usize| {
                let device = container.device(groups[n], addresses[n])?;
                let bar = device.map_bar0()?;
                device.enable_bus_master()?;
                Ok(Self { bar, hold: Hold::Vfio(device) })
            };
            let ports = [port(0)?, port(1)?];
            Ok((ports, container))
        };
        open().map_err(|e: VfioError| Failure::environment(e))
    }
}

impl Drop for Port {
    /// Before its memory goes, the card is kept from it. Closing a device of
    /// VFIO does the same once more.
    fn drop(&mut self) {
        nic::silence(&self.bar.bar(), &mut Sleep);
        if let Hold::Sysfs(device) = &self.hold
            && let Err(error) = device.disable_bus_master()
        {
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

#[cfg(test)]
pub(crate) mod tests;

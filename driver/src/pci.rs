//! A card under `/sys/bus/pci/devices`: checks, bus mastering, BAR 0.

use core::fmt;
use core::ptr::{NonNull, null_mut};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::bar::MappedBar;
use crate::nic::Media;
use crate::regs::BAR0_MIN_BYTES;

/// Intel's vendor id.
pub const VENDOR_INTEL: u16 = 0x8086;

/// Device ids whose register set this driver speaks, with their names: those
/// of Linux's `ixgbe_type.h` but for cards whose link needs more of a driver
/// (82599 with an external PHY) and for those with other registers (X553).
pub const DEVICES: &[(u16, &str, Media)] = &[
    (0x10F7, "82599 KX4", Media::Stored),
    (0x10F8, "82599 backplane", Media::Stored),
    (0x10F9, "82599 CX4", Media::Stored),
    (0x10FB, "82599 SFP+", Media::Sfi),
    (0x10FC, "82599 XAUI/BX4", Media::Stored),
    (0x1507, "82599 SFP+ EM", Media::Sfi),
    (0x1514, "82599 KX4 mezzanine", Media::Stored),
    (0x1517, "82599 KR", Media::Stored),
    (0x1528, "X540-AT2", Media::Phy),
    (0x1529, "82599 SFP+ FCoE", Media::Sfi),
    (0x152A, "82599 backplane FCoE", Media::Stored),
    (0x154A, "82599 SFP+, four ports", Media::Sfi),
    (0x154D, "82599 SFP+ SF2", Media::Sfi),
    (0x1557, "82599EN SFP+", Media::Sfi),
    (0x1558, "82599 QSFP+, four ports", Media::Sfi),
    (0x1560, "X540-AT1", Media::Phy),
    (0x1563, "X550T", Media::Phy),
    (0x15AA, "X552 KX4", Media::Phy),
    (0x15AB, "X552 KR", Media::Phy),
    (0x15AC, "X552 SFP+", Media::Phy),
    (0x15AD, "X552 10GBASE-T", Media::Phy),
    (0x15D1, "X550T1", Media::Phy),
];

/// Command register of the configuration space and its bus master bit.
const COMMAND: u64 = 0x04;
const BUS_MASTER: u16 = 1 << 2;
const CLASS: u64 = 0x0B;
const CLASS_NETWORK: u8 = 0x02;

/// A card that cannot be used.
#[derive(Debug)]
pub enum PciError {
    /// No such address.
    Missing(PathBuf),
    /// A file of the device cannot be used.
    File(PathBuf, io::Error),
    /// Not a network card.
    NotNetwork(String, u8),
    /// Not one of [`DEVICES`].
    UnknownDevice(String, u16, u16),
    /// BAR 0 is too small for an 82599.
    SmallBar(PathBuf, u64),
}

impl fmt::Display for PciError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path) => write!(
                f,
                "{}: no such PCI device; `lspci -D` lists addresses",
                path.display()
            ),
            Self::File(path, error) => {
                write!(f, "{}: {error}", path.display())?;
                if error.kind() == ErrorKind::PermissionDenied {
                    f.write_str("; run as root")?;
                }
                Ok(())
            }
            Self::NotNetwork(address, class) => write!(
                f,
                "{address}: PCI class {class:#04x} is not a network card"
            ),
            Self::UnknownDevice(address, vendor, device) => write!(
                f,
                "{address}: {vendor:04x}:{device:04x} is no card of the \
                 82599, X540 or X550 families"
            ),
            Self::SmallBar(path, len) => write!(
                f,
                "{}: {len} bytes, an 82599 has at least {BAR0_MIN_BYTES}",
                path.display()
            ),
        }
    }
}

impl std::error::Error for PciError {}

/// A supported network card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PciDevice {
    dir: PathBuf,
    address: String,
    device: u16,
}

impl PciDevice {
    /// Finds the card at `address`, such as `0000:03:00.0`, below `devices`,
    /// usually `/sys/bus/pci/devices`.
    pub fn find(devices: &Path, address: &str) -> Result<Self, PciError> {
        let dir = devices.join(address);
        if !dir.is_dir() {
            return Err(PciError::Missing(dir));
        }
        let config = dir.join("config");
        let fail = |e| PciError::File(config.clone(), e);
        let file = File::open(&config).map_err(fail)?;
        let vendor = read_u16(&file, 0).map_err(fail)?;
        let device = read_u16(&file, 2).map_err(fail)?;
        let mut class = [0];
        file.read_exact_at(&mut class, CLASS).map_err(fail)?;
        let address = address.to_owned();
        if class[0] != CLASS_NETWORK {
            return Err(PciError::NotNetwork(address, class[0]));
        }
        let known = DEVICES.iter().any(|(id, ..)| *id == device);
        if vendor != VENDOR_INTEL || !known {
            return Err(PciError::UnknownDevice(address, vendor, device));
        }
        Ok(Self { dir, address, device })
    }

    /// The card's name.
    pub fn name(&self) -> &'static str {
        self.row().1
    }

    /// What brings its link up.
    pub fn media(&self) -> Media {
        self.row().2
    }

    fn row(&self) -> &'static (u16, &'static str, Media) {
        let row = DEVICES.iter().find(|(id, ..)| *id == self.device);
        row.expect("a device of the list")
    }

    /// Takes the card away from the kernel's driver, if it has one.
    pub fn unbind(&self) -> Result<(), PciError> {
        let path = self.dir.join("driver/unbind");
        match fs::write(&path, &self.address) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                Err(PciError::File(path, e))
            }
            _ => Ok(()),
        }
    }

    /// Its address, such as `0000:03:00.0`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Lets the card read and write memory.
    pub fn enable_bus_master(&self) -> Result<(), PciError> {
        self.change_command(|command| command | BUS_MASTER)
    }

    /// Keeps the card from memory.
    pub fn disable_bus_master(&self) -> Result<(), PciError> {
        self.change_command(|command| command & !BUS_MASTER)
    }

    fn change_command(&self, to: fn(u16) -> u16) -> Result<(), PciError> {
        let path = self.dir.join("config");
        let change = || {
            let file = OpenOptions::new().read(true).write(true).open(&path)?;
            let command = to(read_u16(&file, COMMAND)?);
            file.write_all_at(&command.to_le_bytes(), COMMAND)
        };
        change().map_err(|e| PciError::File(path.clone(), e))
    }

    /// Maps the registers.
    pub fn map_bar0(&self) -> Result<Bar0Mapping, PciError> {
        let path = self.dir.join("resource0");
        let fail = |e: io::Error| PciError::File(path.clone(), e);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(fail)?;
        let len = file.metadata().map_err(fail)?.len();
        Bar0Mapping::new(&file, &path, 0, len)
    }
}

/// The registers of a card, mapped for as long as this lives.
#[derive(Debug)]
pub struct Bar0Mapping {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping is reached by volatile accesses alone, which any thread
// may make.
unsafe impl Send for Bar0Mapping {}

impl Bar0Mapping {
    /// Maps `len` bytes of `file` from `offset` on; `path` names the file in
    /// messages.
    ///
    /// # Errors
    ///
    /// When it is too small for an 82599 or cannot be mapped.
    pub fn new(
        file: &File,
        path: &Path,
        offset: u64,
        len: u64,
    ) -> Result<Self, PciError> {
        if len < BAR0_MIN_BYTES as u64 {
            return Err(PciError::SmallBar(path.to_owned(), len));
        }
        let len = len as usize;
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a fresh mapping touches no other memory.
        let base = unsafe {
            mmap(null_mut(), len, prot, MapFlags::SHARED, file, offset)
        };
        let base =
            base.map_err(|e| PciError::File(path.to_owned(), e.into()))?;
        let base = NonNull::new(base.cast()).expect("mmap is not null");
        Ok(Self { base, len })
    }

    /// The registers.
    pub fn bar(&self) -> MappedBar<'_> {
        // SAFETY: at least BAR0_MIN_BYTES are mapped, at a page, for as long
        // as this is borrowed.
        unsafe { MappedBar::new(self.base) }
    }
}

impl Drop for Bar0Mapping {
    fn drop(&mut self) {
        // SAFETY: nothing borrows the mapping any more.
        let result = unsafe { munmap(self.base.as_ptr().cast(), self.len) };
        debug_assert!(result.is_ok());
    }
}

fn read_u16(file: &File, at: u64) -> io::Result<u16> {
    let mut bytes = [0; 2];
    file.read_exact_at(&mut bytes, at)?;
    Ok(u16::from_le_bytes(bytes))
}

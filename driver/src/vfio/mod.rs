//! A card through VFIO: behind an IOMMU, at device addresses of our choice
//! (Linux, `Documentation/driver-api/vfio.rst`).

mod abi;

use core::fmt;
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::memory::{DmaRegion, Iova};
use crate::pci::{Bar0Mapping, PciError};

/// The folder of groups and of the container.
pub const FOLDER: &str = "/dev/vfio";

/// Command register of the configuration space.
const COMMAND: u64 = 0x04;
/// Of [`COMMAND`]: the card answers accesses to its memory.
const MEMORY: u16 = 1 << 1;
/// Of [`COMMAND`]: the card may read and write memory.
const BUS_MASTER: u16 = 1 << 2;

/// A card that VFIO does not hand out.
#[derive(Debug)]
pub enum VfioError {
    /// A file cannot be opened.
    Open(PathBuf, io::Error),
    /// A call failed.
    Call(&'static str, io::Error),
    /// The kernel has another version of VFIO, or no IOMMU of type 1.
    Unsupported(&'static str),
    /// Another device of the group has a driver of the kernel.
    NotViable(u32),
    /// BAR 0 cannot be mapped.
    Bar(PciError),
}

impl fmt::Display for VfioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(path, error) => {
                write!(f, "{}: {error}", path.display())?;
                f.write_str(match error.kind() {
                    ErrorKind::PermissionDenied => "; run as root",
                    ErrorKind::NotFound => "; modprobe vfio-pci",
                    ErrorKind::ResourceBusy => "; another program has it",
                    _ => "",
                })
            }
            Self::Call(call, error) => write!(f, "{call}: {error}"),
            Self::Unsupported(what) => write!(
                f,
                "this kernel's VFIO lacks {what}: use --through resource0"
            ),
            Self::NotViable(group) => write!(
                f,
                "IOMMU group {group} has a device that a driver of the kernel \
                 has: unbind all devices in /sys/kernel/iommu_groups/{group}/\
                 devices"
            ),
            Self::Bar(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for VfioError {}

/// Groups of devices that share device addresses.
#[derive(Debug)]
pub struct Container {
    file: File,
    folder: PathBuf,
    groups: Vec<(u32, File)>,
}

impl Container {
    /// A container without groups, by the files in `folder`.
    ///
    /// # Errors
    ///
    /// When there is no VFIO here that this driver knows how to use.
    pub fn open(folder: &Path) -> Result<Self, VfioError> {
        let file = open(&folder.join("vfio"))?;
        let ask = |call, number| {
            abi::with_number(&file, call, number)
                .map_err(|e| VfioError::Call("VFIO_CHECK_EXTENSION", e.into()))
        };
        if ask(abi::GET_API_VERSION, 0)? != abi::API_VERSION {
            return Err(VfioError::Unsupported("API version 0"));
        }
        if ask(abi::CHECK_EXTENSION, abi::TYPE1V2_IOMMU)? != 1 {
            return Err(VfioError::Unsupported("an IOMMU of type 1"));
        }
        let (folder, groups) = (folder.to_owned(), Vec::new());
        Ok(Self { file, folder, groups })
    }

    /// Takes a group in, unless it is there already.
    ///
    /// # Errors
    ///
    /// When the group is in use.
    pub fn join(&mut self, number: u32) -> Result<(), VfioError> {
        if self.groups.iter().any(|(known, _)| *known == number) {
            return Ok(());
        }
        let group = open(&self.folder.join(number.to_string()))?;
        let mut status = abi::GroupStatus {
            argsz: size_of::<abi::GroupStatus>() as u32,
            flags: 0,
        };
        // SAFETY: this call takes this structure.
        unsafe { abi::with(&group, abi::GROUP_GET_STATUS, &mut status) }
            .map_err(|e| VfioError::Call("VFIO_GROUP_GET_STATUS", e.into()))?;
        if status.flags & abi::GROUP_VIABLE == 0 {
            return Err(VfioError::NotViable(number));
        }
        let mut container = self.file.as_raw_fd();
        // SAFETY: this call takes the number of a container's file.
        unsafe { abi::with(&group, abi::GROUP_SET_CONTAINER, &mut container) }
            .map_err(|e| {
                VfioError::Call("VFIO_GROUP_SET_CONTAINER", e.into())
            })?;
        if self.groups.is_empty() {
            abi::with_number(&self.file, abi::SET_IOMMU, abi::TYPE1V2_IOMMU)
                .map_err(|e| VfioError::Call("VFIO_SET_IOMMU", e.into()))?;
        }
        self.groups.push((number, group));
        Ok(())
    }

    /// Lets the devices of all groups reach a region at the device address
    /// `iova`. The kernel keeps its pages in memory until the container is
    /// closed.
    ///
    /// # Errors
    ///
    /// When the IOMMU has no such addresses, or too little memory may be
    /// locked.
    pub fn map(&self, region: &DmaRegion, iova: Iova) -> Result<(), VfioError> {
        let mut map = abi::DmaMap {
            argsz: size_of::<abi::DmaMap>() as u32,
            flags: abi::DMA_READ | abi::DMA_WRITE,
            vaddr: region.base().addr().get() as u64,
            iova: iova.value(),
            size: region.bytes() as u64,
        };
        // SAFETY: this call takes this structure; the region is mapped, and
        // is there to be reached by a device.
        unsafe { abi::with(&self.file, abi::IOMMU_MAP_DMA, &mut map) }
            .map(drop)
            .map_err(|e| VfioError::Call("VFIO_IOMMU_MAP_DMA", e.into()))
    }

    /// The device at a PCI address, of a group that was taken in.
    ///
    /// # Errors
    ///
    /// When it is not bound to vfio-pci.
    ///
    /// # Panics
    ///
    /// When there is no such group.
    pub fn device(
        &self,
        group: u32,
        address: &str,
    ) -> Result<Device, VfioError> {
        let group = self.groups.iter().find(|(known, _)| *known == group);
        let (_, group) = group.expect("a group that was taken in");
        let name = CString::new(address).expect("an address");
        let name = name.as_ptr().cast_mut();
        // SAFETY: this call reads a name that ends in a zero.
        let file = unsafe { abi::with(group, abi::GROUP_GET_DEVICE_FD, name) }
            .map_err(|e| {
                VfioError::Call("VFIO_GROUP_GET_DEVICE_FD", e.into())
            })?;
        // SAFETY: the kernel just opened it for us.
        let file = File::from(unsafe { OwnedFd::from_raw_fd(file) });
        let path = self.folder.join(address);
        Ok(Device { file, path })
    }
}

/// A device; closing it resets the card.
#[derive(Debug)]
pub struct Device {
    file: File,
    /// Its name in messages.
    path: PathBuf,
}

impl Device {
    fn region(&self, index: u32) -> Result<abi::RegionInfo, VfioError> {
        let mut info = abi::RegionInfo {
            argsz: size_of::<abi::RegionInfo>() as u32,
            index,
            ..abi::RegionInfo::default()
        };
        // SAFETY: this call takes this structure.
        unsafe {
            abi::with(&self.file, abi::DEVICE_GET_REGION_INFO, &mut info)
        }
        .map_err(|e| {
            VfioError::Call("VFIO_DEVICE_GET_REGION_INFO", e.into())
        })?;
        Ok(info)
    }

    /// Maps the registers.
    ///
    /// # Errors
    ///
    /// When BAR 0 is none of an 82599.
    pub fn map_bar0(&self) -> Result<Bar0Mapping, VfioError> {
        let region = self.region(abi::BAR0)?;
        if region.flags & abi::REGION_MMAP == 0 {
            return Err(VfioError::Unsupported("the mapping of BAR 0"));
        }
        let (offset, len) = (region.offset, region.size);
        Bar0Mapping::new(&self.file, &self.path, offset, len)
            .map_err(VfioError::Bar)
    }

    /// Lets the card answer, and read and write memory.
    ///
    /// # Errors
    ///
    /// When its configuration space cannot be written.
    pub fn enable_bus_master(&self) -> Result<(), VfioError> {
        let config = self.region(abi::CONFIG)?.offset;
        let enable = || {
            let mut command = [0; 2];
            self.file.read_exact_at(&mut command, config + COMMAND)?;
            let command = u16::from_le_bytes(command) | MEMORY | BUS_MASTER;
            let command = command.to_le_bytes();
            self.file.write_all_at(&command, config + COMMAND)
        };
        enable().map_err(|e| VfioError::Call("configuration space", e))
    }

    /// Has the first MSI-X interrupt of the card signal an eventfd; the
    /// others stay off.
    ///
    /// # Errors
    ///
    /// When the card has no MSI-X.
    pub fn signal(&self, event: BorrowedFd<'_>) -> Result<(), VfioError> {
        let mut set = abi::IrqSet {
            argsz: size_of::<abi::IrqSet>() as u32,
            flags: abi::IRQ_EVENTFD | abi::IRQ_TRIGGER,
            index: abi::MSIX,
            start: 0,
            count: 1,
            data: event.as_fd().as_raw_fd(),
        };
        // SAFETY: this call takes this structure; the kernel keeps the
        // eventfd by itself.
        unsafe { abi::with(&self.file, abi::DEVICE_SET_IRQS, &mut set) }
            .map(drop)
            .map_err(|e| VfioError::Call("VFIO_DEVICE_SET_IRQS", e.into()))
    }
}

fn open(path: &Path) -> Result<File, VfioError> {
    let file = OpenOptions::new().read(true).write(true).open(path);
    file.map_err(|error| VfioError::Open(path.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_without_vfio_gets_one_line_with_the_remedy() {
        let nowhere = Path::new("/proc/self/nowhere");
        let line = Container::open(nowhere).expect_err("no folder").to_string();
        assert!(line.contains("nowhere/vfio"), "{line}");
        assert!(line.ends_with("modprobe vfio-pci"), "{line}");
    }

    #[test]
    #[cfg_attr(miri, ignore = "makes a call that Miri does not know")]
    fn a_file_that_is_no_container_is_refused() {
        let folder = std::env::temp_dir()
            .join(format!("ringside-vfio-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        File::create(folder.join("vfio")).expect("a file");
        let refused = Container::open(&folder).expect_err("an ordinary file");
        std::fs::remove_dir_all(&folder).expect("a folder");
        assert!(matches!(refused, VfioError::Call(..)), "{refused}");
    }
}

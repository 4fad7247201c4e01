//! What a program finds where the kernel usually shows PCI devices: two ports
//! of a card, in memory, and huge pages.
//!
//! Runs in a mount namespace that nobody else is in. Directories that are not
//! there are made on a file system in memory, which takes the place of the
//! nearest directory that is; what was in that one is mounted again.

use std::fs::{self, FileType};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use driver::pci::{DEVICES, VENDOR_INTEL};
use rustix::fs::{CWD, Mode, mkfifoat};
use rustix::mount::{
    MountFlags, MoveMountFlags, OpenTreeFlags, mount, move_mount, open_tree,
};

/// Where the kernel shows PCI devices and drivers.
pub const BUS: &str = "/sys/bus/pci";

/// Where it shows the devices of its drivers in user space.
const UIO: &str = "/sys/class/uio";

/// Addresses of the two ports.
pub const ADDRESSES: [&str; 2] = ["0000:01:00.0", "0000:01:00.1"];

/// Bytes of BAR 0, as of an 82599.
pub const BAR0_BYTES: u64 = 512 << 10;

/// An 82599 without optical modules, which strict drivers would look for.
const DEVICE: u16 = DEVICES[0].0;

/// Class of an Ethernet controller.
const CLASS: u32 = 0x02_0000;

/// Where the first BAR would lie in physical memory.
const BAR0_AT: u64 = 0xF000_0000;

/// The driver that ports are shown to be bound to.
const DRIVER: &str = "uio_pci_generic";

/// The kernel's own driver of such a card: some take the ports from it by its
/// folder, whether it has them or not.
const KERNEL_DRIVER: &str = "ixgbe";

/// Makes all of it.
///
/// # Errors
///
/// A line that says what cannot be had.
pub fn build(huge_pages: &[PathBuf]) -> Result<(), String> {
    let bus = Path::new(BUS);
    memory_at(bus).map_err(|e| told(bus, &e))?;
    let make = || {
        for driver in [DRIVER, KERNEL_DRIVER] {
            let driver = bus.join("drivers").join(driver);
            fs::create_dir_all(&driver)?;
            for file in ["bind", "unbind", "new_id"] {
                fs::write(driver.join(file), "")?;
            }
        }
        for (n, address) in ADDRESSES.iter().enumerate() {
            device(&bus.join("devices").join(address), n as u64)?;
        }
        Ok(())
    };
    make().map_err(|e: io::Error| told(bus, &e))?;
    uio().map_err(|e| told(Path::new(UIO), &e))?;
    // What a program leaves there is not to stay.
    for place in ["/dev/shm", "/run/dpdk", "/run/ringside"].map(Path::new) {
        memory_at(place).map_err(|e| told(place, &e))?;
    }
    let mut places = huge_pages.to_vec();
    places.extend(mounted("hugetlbfs"));
    for place in &places {
        huge_pages_at(place).map_err(|e| told(place, &e))?;
    }
    Ok(())
}

fn told(place: &Path, error: &io::Error) -> String {
    format!("cannot make {}: {error}", place.display())
}

/// What drivers look for that ask for the kernel's `uio_pci_generic`: a class
/// with the ports, and a file for each to wait on, which never says anything.
fn uio() -> io::Result<()> {
    let class = Path::new(UIO);
    memory_at(class)?;
    shadow(Path::new("/dev"))?;
    for (n, address) in ADDRESSES.iter().enumerate() {
        let name = format!("uio{n}");
        let device = Path::new(BUS).join("devices").join(address);
        fs::create_dir_all(device.join("uio").join(&name))?;
        fs::create_dir(class.join(&name))?;
        symlink(&device, class.join(&name).join("device"))?;
        let file = Path::new("/dev").join(&name);
        // A card of this machine may have it.
        let _ = fs::remove_file(&file);
        mkfifoat(CWD, &file, Mode::RUSR | Mode::WUSR)?;
    }
    Ok(())
}

/// An empty file system in memory at a place.
fn memory_at(place: &Path) -> io::Result<()> {
    provide(place)?;
    Ok(mount("ringside", place, "tmpfs", MountFlags::empty(), None)?)
}

/// Huge pages of 2 MiB at a place: files in there end with the namespace.
fn huge_pages_at(place: &Path) -> io::Result<()> {
    provide(place)?;
    let size = c"pagesize=2M";
    // Named after its kind: there are programs that look for that.
    let kind = "hugetlbfs";
    Ok(mount(kind, place, kind, MountFlags::empty(), size)?)
}

/// Where file systems of a kind are mounted.
fn mounted(kind: &str) -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let place = |line: &str| {
        let mut words = line.split(' ').skip(1);
        let (place, found) = (words.next()?, words.next()?);
        (found == kind).then(|| place.into())
    };
    mounts.lines().filter_map(place).collect()
}

/// Makes a directory where there is none, on no disk.
fn provide(place: &Path) -> io::Result<()> {
    if place.is_dir() {
        return Ok(());
    }
    let mut above = place.ancestors();
    let nearest = above.find(|above| above.is_dir());
    match nearest {
        Some(nearest) if nearest != Path::new("/") => shadow(nearest)?,
        _ => return Err(io::ErrorKind::NotFound.into()),
    }
    fs::create_dir_all(place)
}

/// Puts a file system in memory over a directory, and what is in there into
/// it.
fn shadow(directory: &Path) -> io::Result<()> {
    let mut entries: Vec<(PathBuf, FileType, OwnedFd)> = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_RECURSIVE
            | OpenTreeFlags::AT_SYMLINK_NOFOLLOW;
        let path = entry.path();
        let tree = open_tree(CWD, &path, flags)?;
        entries.push((path, entry.file_type()?, tree));
    }
    let links: Vec<_> = entries
        .iter()
        .map(|(path, kind, _)| {
            kind.is_symlink().then(|| fs::read_link(path)).transpose()
        })
        .collect::<io::Result<_>>()?;
    mount("ringside", directory, "tmpfs", MountFlags::empty(), None)?;
    for ((path, kind, tree), link) in entries.iter().zip(links) {
        if let Some(target) = link {
            symlink(target, path)?;
            continue;
        }
        match kind.is_dir() {
            true => fs::create_dir(path)?,
            false => fs::write(path, "")?,
        }
        let from_tree = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
        move_mount(tree, "", CWD, path, from_tree)?;
    }
    Ok(())
}

/// The files of port `n`.
fn device(folder: &Path, n: u64) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let file = |name: &str, text: &str| fs::write(folder.join(name), text);
    let hex = |value: u16| format!("{value:#06x}\n");
    file("vendor", &hex(VENDOR_INTEL))?;
    file("device", &hex(DEVICE))?;
    file("subsystem_vendor", &hex(VENDOR_INTEL))?;
    file("subsystem_device", &hex(DEVICE))?;
    file("class", &format!("{CLASS:#08x}\n"))?;
    file("revision", "0x01\n")?;
    file("irq", "0\n")?;
    file("numa_node", "-1\n")?;
    file("max_vfs", "0\n")?;
    file("enable", "1\n")?;
    let start = BAR0_AT + n * BAR0_BYTES;
    let end = start + BAR0_BYTES - 1;
    // A memory resource (linux/ioport.h, IORESOURCE_MEM).
    let mut resource = format!("{start:#018x} {end:#018x} {:#018x}\n", 0x200);
    resource += &format!("{0:#018x} {0:#018x} {0:#018x}\n", 0).repeat(5);
    file("resource", &resource)?;
    fs::write(folder.join("config"), config(start))?;
    let bar0 = fs::File::create(folder.join("resource0"))?;
    bar0.set_len(BAR0_BYTES)?;
    let bound = Path::new("../../drivers").join(DRIVER);
    symlink(bound, folder.join("driver"))
}

/// The configuration space: what the header says of a card (PCI Local Bus
/// Specification 3.0, 6.1), and nothing of capabilities.
fn config(bar0: u64) -> Vec<u8> {
    let mut space = vec![0; 4096];
    let mut put = |at: usize, bytes: &[u8]| {
        space[at..at + bytes.len()].copy_from_slice(bytes);
    };
    put(0x00, &VENDOR_INTEL.to_le_bytes());
    put(0x02, &DEVICE.to_le_bytes());
    // Memory space is enabled.
    put(0x04, &2_u16.to_le_bytes());
    put(0x08, &[1]);
    put(0x09, &CLASS.to_le_bytes()[..3]);
    // A function of several.
    put(0x0E, &[0x80]);
    // A memory BAR of 64 bits.
    put(0x10, &(bar0 | 4).to_le_bytes());
    put(0x2C, &VENDOR_INTEL.to_le_bytes());
    put(0x2E, &DEVICE.to_le_bytes());
    space
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver::pci::PciDevice;

    #[test]
    fn our_own_driver_finds_a_card_where_the_files_are() {
        let place = tempfile::tempdir().expect("a folder");
        let [address, _] = ADDRESSES;
        device(&place.path().join(address), 0).expect("files");
        let card = PciDevice::find(place.path(), address).expect("a card");
        card.enable_bus_master().expect("a file that takes it");
        let config = fs::read(place.path().join(address).join("config"));
        assert_eq!(config.expect("a file")[4] & 4, 4);
        assert!(card.map_bar0().is_ok());
    }
}

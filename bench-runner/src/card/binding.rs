//! Which driver has a card: taken from one, and given back in the end.
//!
//! What was there is kept in a file before the first change, a file per card,
//! locked for as long as the card is taken. A file that nobody holds was left
//! by a process that was killed: the next one puts its card back.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use driver::pci::PciDevice;
use serde::{Deserialize, Serialize};

use crate::environment::Root;
use crate::failure::Failure;

/// The driver through which programs have a card behind an IOMMU.
pub const VFIO: &str = "vfio-pci";

/// What the files call themselves.
const FORMAT: &str = "ringside card in use, version 1";

/// The folder of devices below the root.
const DEVICES: &str = "sys/bus/pci/devices";

/// The folder of the files below the root.
const FOLDER: &str = "run/ringside/cards";

/// How a card was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Before {
    format: String,
    /// What tells that boot from others: bindings do not outlive it.
    boot: Option<String>,
    address: String,
    /// The driver it was bound to.
    driver: Option<String>,
    /// The content of `driver_override`, where there is such a file.
    only: Option<String>,
}

/// Writes to files of the kernel.
pub trait Kernel {
    /// Writes a text to a file that is there.
    ///
    /// # Errors
    ///
    /// When the file is not there or the kernel refuses.
    fn write(&self, path: &Path, text: &str) -> io::Result<()>;
}

/// The kernel of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sysfs;

impl Kernel for Sysfs {
    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(path)?;
        file.write_all(text.as_bytes())
    }
}

/// A card that was taken; it is put back when this is dropped.
#[derive(Debug)]
pub struct Held<K: Kernel> {
    bus: Bus<K>,
    before: Before,
    /// Locked.
    _file: File,
    path: PathBuf,
}

/// The PCI bus below a root.
#[derive(Clone, Debug)]
struct Bus<K> {
    root: Root,
    kernel: K,
}

/// Takes a card for `driver`, or from any driver where there is none.
///
/// # Errors
///
/// When another process has it, or the kernel does not play along.
pub fn hold<K: Kernel>(
    root: &Root,
    kernel: K,
    address: &str,
    driver: Option<&str>,
) -> Result<Held<K>, Failure> {
    let bus = Bus { root: root.clone(), kernel };
    let path = bus.file_of(address);
    let file = locked(&path)?.ok_or_else(|| {
        Failure::environment(format!(
            "{address} is in use by another bench-runner: wait until it has \
             ended"
        ))
    })?;
    let before = Before {
        format: FORMAT.to_owned(),
        boot: root.boot_id(),
        address: address.to_owned(),
        driver: root.driver_of(address),
        only: root.read(&format!("{}/driver_override", device(address))),
    };
    let text = serde_json::to_string(&before).map_err(Failure::error)?;
    file.set_len(0)
        .and_then(|()| (&file).write_all(text.as_bytes()))
        .and_then(|()| file.sync_all())
        .map_err(|error| denied(&path, &error))?;
    // From here on it is put back, whatever happens.
    let held = Held { bus, before, _file: file, path };
    held.bus.bind(address, driver)?;
    Ok(held)
}

impl<K: Kernel> Drop for Held<K> {
    fn drop(&mut self) {
        match self.bus.put_back(&self.before) {
            Ok(()) => drop(fs::remove_file(&self.path)),
            // The file stays: the next start tries again.
            Err(error) => eprintln!("note: {error}"),
        }
    }
}

/// Puts back every card that a killed process left; returns a line for each.
///
/// # Errors
///
/// When one cannot be put back.
pub fn recover<K: Kernel + Clone>(
    root: &Root,
    kernel: K,
) -> Result<Vec<String>, Failure> {
    let folder = root.path().join(FOLDER);
    let bus = Bus { root: root.clone(), kernel };
    let mut lines = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return Ok(lines) };
    for entry in entries.flatten() {
        let path = entry.path();
        let Some(mut file) = locked(&path)? else { continue };
        let mut text = String::new();
        let read = file.read_to_string(&mut text);
        read.map_err(|error| denied(&path, &error))?;
        // Killed before it was written, when nothing had been changed yet.
        if let Ok(before) = serde_json::from_str::<Before>(&text)
            && before.format == FORMAT
            && before.boot == root.boot_id()
            && entry.file_name() == before.address.as_str()
        {
            bus.put_back(&before)?;
            let Before { address, driver, .. } = before;
            let whom = driver.map_or("no driver".to_owned(), |d| d);
            lines.push(format!(
                "an earlier run was killed and left {address} behind: it is \
                 back with {whom}"
            ));
        }
        fs::remove_file(&path).map_err(|error| denied(&path, &error))?;
    }
    Ok(lines)
}

impl<K: Kernel> Bus<K> {
    fn file_of(&self, address: &str) -> PathBuf {
        self.root.path().join(FOLDER).join(address)
    }

    /// Gives a card to a driver, or to none.
    fn bind(&self, address: &str, driver: Option<&str>) -> Result<(), Failure> {
        let now = self.root.driver_of(address);
        if now.as_deref() == driver {
            return Ok(());
        }
        if let Some(driver) = driver {
            let only = format!("{}/driver_override", device(address));
            self.write(&only, driver)?;
        }
        if now.is_some() {
            self.write(&format!("{}/driver/unbind", device(address)), address)?;
        }
        let Some(driver) = driver else { return Ok(()) };
        self.write("sys/bus/pci/drivers_probe", address)?;
        match self.root.driver_of(address) {
            Some(now) if now == driver => Ok(()),
            now => Err(Failure::environment(format!(
                "{address} does not go to {driver}, it is with {}: modprobe \
                 {driver}, and look at dmesg",
                now.as_deref().unwrap_or("no driver")
            ))),
        }
    }

    /// A card as it was found.
    fn put_back(&self, before: &Before) -> Result<(), Failure> {
        let Before { address, driver, only, .. } = before;
        let now = self.root.driver_of(address);
        let at_home = now == *driver;
        if !at_home && now.is_some() {
            self.write(&format!("{}/driver/unbind", device(address)), address)?;
        }
        if let Some(only) = only {
            let path = format!("{}/driver_override", device(address));
            if self.root.read(&path).as_ref() != Some(only) {
                // The kernel says (null) where there is none.
                let none = only.trim() == "(null)" || only.trim().is_empty();
                self.write(&path, if none { "\n" } else { only })?;
            }
        }
        if self.root.driver_of(address).is_none()
            && let Ok(card) =
                PciDevice::find(&self.root.path().join(DEVICES), address)
        {
            // Whoever drove it may have been killed: memory is not its own
            // any more.
            let _ = card.disable_bus_master();
        }
        match driver {
            Some(driver) if !at_home => self
                .write(&format!("sys/bus/pci/drivers/{driver}/bind"), address),
            _ => Ok(()),
        }
    }

    fn write(&self, path: &str, text: &str) -> Result<(), Failure> {
        let path = self.root.path().join(path);
        self.kernel.write(&path, text).map_err(|error| denied(&path, &error))
    }
}

fn device(address: &str) -> String {
    format!("{DEVICES}/{address}")
}

/// The file, empty at the start if it was not there, held against others;
/// nothing where another process holds it.
fn locked(path: &Path) -> Result<Option<File>, Failure> {
    let fail = |error: io::Error| denied(path, &error);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    loop {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(fail)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(fail(error)),
        }
        file.rewind().map_err(fail)?;
        // Whoever held it may have removed it meanwhile.
        let same = |there: &fs::Metadata| {
            file.metadata().is_ok_and(|mine| mine.ino() == there.ino())
        };
        if fs::metadata(path).is_ok_and(|there| same(&there)) {
            return Ok(Some(file));
        }
    }
}

fn denied(path: &Path, error: &io::Error) -> Failure {
    let remedy = match error.kind() {
        ErrorKind::PermissionDenied => "; run as root",
        _ => "",
    };
    Failure::environment(format!("{}: {error}{remedy}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::fixture::Tree;
    use std::cell::RefCell;
    use std::rc::Rc;

    const ADDRESS: &str = "0000:03:00.0";

    /// A kernel that moves links as the real one does.
    #[derive(Clone)]
    struct Played {
        root: Root,
        writes: Rc<RefCell<Vec<String>>>,
        /// Whether there is vfio-pci.
        has_vfio: bool,
    }

    impl Played {
        fn new(tree: &Tree) -> Self {
            let (root, writes) = (tree.root(), Rc::default());
            Self { root, writes, has_vfio: true }
        }

        fn give(&self, driver: &str) {
            let link = self.root.path().join(device(ADDRESS)).join("driver");
            let target = format!("../../../bus/pci/drivers/{driver}");
            std::os::unix::fs::symlink(target, link).expect("unbound");
        }
    }

    impl Kernel for Played {
        fn write(&self, path: &Path, text: &str) -> io::Result<()> {
            let root = self.root.path();
            let name = path.strip_prefix(root).expect("below the root");
            let name = name.to_str().expect("a name");
            let short = name.replace("sys/bus/pci/", "");
            self.writes.borrow_mut().push(format!("{short}: {text:?}"));
            let folder = root.join(device(ADDRESS));
            match path.file_name().and_then(|n| n.to_str()) {
                Some("driver_override") => {
                    let text = match text {
                        "\n" => "(null)\n".to_owned(),
                        text => format!("{}\n", text.trim()),
                    };
                    fs::write(path, text)?;
                }
                Some("unbind") => fs::remove_file(folder.join("driver"))?,
                Some("bind") => {
                    let driver = path.parent().and_then(Path::file_name);
                    self.give(driver.and_then(|d| d.to_str()).expect("one"));
                }
                Some("drivers_probe") if self.has_vfio => self.give(VFIO),
                _ => {}
            }
            Ok(())
        }
    }

    fn tree() -> Tree {
        let tree = Tree::new();
        tree.file("proc/sys/kernel/random/boot_id", "b007\n");
        tree.file(&format!("{}/driver_override", device(ADDRESS)), "(null)\n");
        tree.link(
            &format!("{}/driver", device(ADDRESS)),
            "../../../bus/pci/drivers/ixgbe",
        );
        tree
    }

    fn now(tree: &Tree) -> (Option<String>, String) {
        let root = tree.root();
        let only = root.read(&format!("{}/driver_override", device(ADDRESS)));
        (root.driver_of(ADDRESS), only.unwrap_or_default())
    }

    fn files(tree: &Tree) -> usize {
        fs::read_dir(tree.path().join(FOLDER)).map_or(0, Iterator::count)
    }

    #[test]
    fn a_card_is_given_to_vfio_and_back() {
        let (tree, vfio) = (tree(), Some(VFIO));
        let kernel = Played::new(&tree);
        let held = hold(&tree.root(), kernel.clone(), ADDRESS, vfio);
        let held = held.expect("taken");
        let with_vfio = (Some(VFIO.to_owned()), format!("{VFIO}\n"));
        assert_eq!(now(&tree), with_vfio);
        assert_eq!(files(&tree), 1);
        let again = hold(&tree.root(), kernel.clone(), ADDRESS, vfio);
        let line = again.err().expect("refused").to_string();
        assert!(line.contains("in use by another"), "{line}");
        drop(held);
        assert_eq!(now(&tree), (Some("ixgbe".into()), "(null)\n".into()));
        assert_eq!(files(&tree), 0);
        let device = format!("devices/{ADDRESS}");
        let wanted = [
            format!("{device}/driver_override: \"vfio-pci\""),
            format!("{device}/driver/unbind: \"{ADDRESS}\""),
            format!("drivers_probe: \"{ADDRESS}\""),
            format!("{device}/driver/unbind: \"{ADDRESS}\""),
            format!("{device}/driver_override: \"\\n\""),
            format!("drivers/ixgbe/bind: \"{ADDRESS}\""),
        ];
        assert_eq!(*kernel.writes.borrow(), wanted);
    }

    #[test]
    fn a_card_is_taken_from_its_driver_and_given_back() {
        let tree = tree();
        let kernel = Played::new(&tree);
        let held = hold(&tree.root(), kernel.clone(), ADDRESS, None);
        assert_eq!(now(&tree), (None, "(null)\n".into()));
        drop(held);
        assert_eq!(now(&tree), (Some("ixgbe".into()), "(null)\n".into()));
    }

    #[test]
    fn what_is_as_it_should_be_is_left_alone() {
        let tree = tree();
        tree.link(
            &format!("{}/driver", device(ADDRESS)),
            &format!("../../../bus/pci/drivers/{VFIO}"),
        );
        let kernel = Played::new(&tree);
        drop(hold(&tree.root(), kernel.clone(), ADDRESS, Some(VFIO)));
        assert!(kernel.writes.borrow().is_empty());
        tree.remove(&format!("{}/driver", device(ADDRESS)));
        drop(hold(&tree.root(), kernel.clone(), ADDRESS, None));
        assert!(kernel.writes.borrow().is_empty());
    }

    #[test]
    fn without_vfio_the_card_goes_home_with_a_line() {
        let tree = tree();
        let kernel = Played { has_vfio: false, ..Played::new(&tree) };
        let held = hold(&tree.root(), kernel, ADDRESS, Some(VFIO));
        let line = held.err().expect("refused").to_string();
        assert!(line.contains("modprobe vfio-pci"), "{line}");
        assert_eq!(now(&tree), (Some("ixgbe".into()), "(null)\n".into()));
        assert_eq!(files(&tree), 0);
    }

    #[test]
    fn what_a_killed_process_left_is_put_back_by_the_next() {
        let tree = tree();
        let kernel = Played::new(&tree);
        let held = hold(&tree.root(), kernel.clone(), ADDRESS, Some(VFIO));
        let mut held = held.expect("taken");
        // Killed: the lock is gone, the rest is as it was.
        held._file = File::open("/dev/null").expect("a file");
        std::mem::forget(held);
        let lines = recover(&tree.root(), kernel.clone()).expect("put back");
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert!(line.contains("0000:03:00.0") && line.contains("ixgbe"));
        assert_eq!(now(&tree), (Some("ixgbe".into()), "(null)\n".into()));
        assert_eq!(files(&tree), 0);
        assert_eq!(recover(&tree.root(), kernel), Ok(Vec::new()));
    }

    #[test]
    fn whatever_was_written_in_part_or_before_a_boot_changes_nothing() {
        let tree = tree();
        let kernel = Played::new(&tree);
        let file = format!("{FOLDER}/{ADDRESS}");
        let earlier = serde_json::to_string(&Before {
            format: FORMAT.to_owned(),
            boot: Some("01d".to_owned()),
            address: ADDRESS.to_owned(),
            driver: Some("other".to_owned()),
            only: None,
        });
        for text in ["", "{\"format\":", &earlier.expect("text")] {
            tree.file(&file, text);
            assert_eq!(recover(&tree.root(), kernel.clone()), Ok(Vec::new()));
            assert!(kernel.writes.borrow().is_empty());
            assert_eq!(files(&tree), 0);
        }
    }
}

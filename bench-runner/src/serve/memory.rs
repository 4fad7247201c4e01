//! A guest's memory, as far as it has shared it with a port.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ptr::{self, NonNull};

use driver::memory::{DmaWindow, Iova};
use nic_model::Port;
use nic_model::dma::DmaMap;
use rustix::fs::fstat;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// The files that hold a guest's memory, and which of it a port may reach.
#[derive(Debug)]
pub struct GuestMemory {
    map: DmaMap<'static>,
    /// By their first device address.
    windows: BTreeMap<u64, DmaWindow<'static>>,
    files: Vec<MappedFile>,
}

/// A file that is mapped whole, until the guest is gone. A window comes and
/// goes without a mapping of its own, so that nothing the device may still
/// look at is ever unmapped.
#[derive(Debug)]
struct MappedFile {
    identity: (u64, u64),
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping is owned, and nothing in it is tied to a thread.
unsafe impl Send for MappedFile {}
// SAFETY: windows are addresses; what makes their use sound is stated at each
// access through them.
unsafe impl Send for GuestMemory {}

impl MappedFile {
    fn new(file: &File, identity: (u64, u64), len: usize) -> io::Result<Self> {
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping, where the kernel finds room for it.
        let base = unsafe {
            mmap(ptr::null_mut(), len, prot, MapFlags::SHARED, file, 0)
        }?;
        let base = NonNull::new(base.cast()).expect("no mapping is at zero");
        Ok(Self { identity, base, len })
    }
}

impl Drop for MappedFile {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`; whoever drops it has stopped the port and
        // taken all windows back.
        let _ = unsafe { munmap(self.base.as_ptr().cast(), self.len) };
    }
}

impl GuestMemory {
    /// None at all.
    pub fn new() -> Self {
        Self {
            map: DmaMap::empty(),
            windows: BTreeMap::new(),
            files: Vec::new(),
        }
    }

    /// The device's view of it.
    pub fn map(&self) -> &DmaMap<'static> {
        &self.map
    }

    /// Lets the port reach `len` bytes of `file`, from `offset` on, at the
    /// device address `iova`.
    pub fn add(
        &mut self,
        file: &File,
        offset: u64,
        iova: u64,
        len: u64,
    ) -> io::Result<()> {
        let end = offset.checked_add(len).ok_or(io::ErrorKind::InvalidInput)?;
        let last = iova.checked_add(len).ok_or(io::ErrorKind::InvalidInput)?;
        let before = self.windows.range(..last).next_back();
        let overlaps =
            before.is_some_and(|(start, w)| start + w.bytes() as u64 > iova);
        if overlaps {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let base = self.mapped(file, end)?;
        // SAFETY: the file is mapped as far as `end`, and until the guest is
        // gone, when all windows are taken back before.
        let window = unsafe {
            let at = base.add(offset as usize);
            DmaWindow::new(at, Iova::new(iova), len as usize)
        };
        self.windows.insert(iova, window);
        self.map.add(window);
        Ok(())
    }

    /// Where a file is mapped, at least as far as `end`.
    fn mapped(&mut self, file: &File, end: u64) -> io::Result<NonNull<u8>> {
        let stat = fstat(file)?;
        let identity = (stat.st_dev, stat.st_ino);
        let reaches = |one: &&MappedFile| {
            one.identity == identity && one.len as u64 >= end
        };
        if let Some(one) = self.files.iter().find(reaches) {
            return Ok(one.base);
        }
        let len = stat.st_size as u64;
        if end > len {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let one = MappedFile::new(file, identity, len as usize)?;
        let base = one.base;
        self.files.push(one);
        Ok(base)
    }

    /// Takes back what begins at `len` device addresses from `iova` on. Queues
    /// of `port` whose rings lie in there stop.
    pub fn remove(&mut self, port: &mut Port<'_>, iova: u64, len: u64) {
        let end = iova.saturating_add(len);
        let gone: Vec<_> =
            self.windows.range(iova..end).map(|(start, _)| *start).collect();
        for start in gone {
            let window = self.windows.remove(&start).expect("found above");
            port.forget(&window);
        }
        self.map.remove(Iova::new(iova), len);
    }

    /// Takes everything back: the guest is gone.
    pub fn clear(&mut self, port: &mut Port<'_>) {
        self.remove(port, 0, u64::MAX);
        self.files.clear();
    }
}

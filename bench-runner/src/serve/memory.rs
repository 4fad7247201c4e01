//! A guest's memory, as far as it has shared it with a port.
//!
//! It is laid out here as the device sees it: what lies side by side for the
//! device does so in this process, too, however scattered it is in the guest.
//! So a ring is one piece of memory behind an IOMMU as well.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::mem;
use std::ptr::{self, NonNull};
use std::sync::{Arc, Mutex, PoisonError};

use driver::memory::{DmaWindow, Iova};
use nic_model::Port;
use nic_model::dma::{DmaMap, Source};
use rustix::fs::fstat;
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};

/// Device addresses that one reservation is for: no ring crosses from one of
/// them to the next.
const RESERVED: u64 = 1 << 40;

/// The memory of a guest, and which of it a port may reach.
#[derive(Debug)]
pub struct GuestMemory {
    map: DmaMap<'static>,
    /// What the guest has shared: bytes by first device address.
    windows: BTreeMap<u64, u64>,
    /// The same with neighbours joined, as the map has it.
    runs: BTreeMap<u64, u64>,
    /// By device address over [`RESERVED`].
    reservations: BTreeMap<u64, Reservation>,
    missed: Missed,
}

/// Addresses of this process that nothing else is put at.
#[derive(Debug)]
struct Reservation(NonNull<u8>);

// SAFETY: nothing in it is tied to a thread.
unsafe impl Send for Reservation {}

impl Reservation {
    fn new() -> io::Result<Self> {
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        let len = RESERVED as usize;
        // SAFETY: a new mapping, where the kernel finds room for it.
        let base = unsafe {
            mmap_anonymous(ptr::null_mut(), len, ProtFlags::empty(), flags)
        }?;
        Ok(Self(NonNull::new(base.cast()).expect("no mapping is at zero")))
    }

    /// Where device address `iova` is.
    fn at(&self, iova: u64) -> NonNull<u8> {
        // SAFETY: inside the reservation.
        unsafe { self.0.add((iova % RESERVED) as usize) }
    }

    /// Puts `len` bytes of `file` at `iova`.
    fn share(
        &self,
        file: &File,
        offset: u64,
        iova: u64,
        len: u64,
    ) -> io::Result<()> {
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::SHARED | MapFlags::FIXED | MapFlags::NORESERVE;
        let at = self.at(iova).as_ptr().cast();
        // SAFETY: takes the place of reserved memory that nobody uses.
        unsafe { mmap(at, len as usize, prot, flags, file, offset) }?;
        Ok(())
    }

    /// Takes the guest's memory away from `iova`.
    fn take_back(&self, iova: u64, len: u64) {
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        let at = self.at(iova).as_ptr().cast();
        let none = ProtFlags::empty();
        // SAFETY: takes the place of memory that the map does not have any
        // more, and no running ring.
        let _ = unsafe { mmap_anonymous(at, len as usize, none, flags) };
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`; whoever drops it has stopped the port and
        // taken all windows back.
        let _ = unsafe { munmap(self.0.as_ptr().cast(), RESERVED as usize) };
    }
}

/// Addresses that a port could not reach, each of them once.
#[derive(Clone, Debug, Default)]
struct Missed(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    all: BTreeSet<u64>,
    fresh: Vec<u64>,
}

/// As many as are noted of one guest.
const MOST_MISSED: usize = 64;

// SAFETY: there is no memory to be had here, only a note to be made.
unsafe impl Source for Missed {
    fn look(&mut self, missed: Iova) -> Vec<DmaWindow<'static>> {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = noted.all.len() < MOST_MISSED;
        if has_room && noted.all.insert(missed.value()) {
            noted.fresh.push(missed.value());
        }
        Vec::new()
    }
}

impl GuestMemory {
    /// None at all.
    pub fn new() -> Self {
        let missed = Missed::default();
        let mut map = DmaMap::empty();
        map.set_source(missed.clone());
        Self {
            map,
            windows: BTreeMap::new(),
            runs: BTreeMap::new(),
            reservations: BTreeMap::new(),
            missed,
        }
    }

    /// Addresses that the port could not reach and that no call has told
    /// before, the first of them.
    pub fn missed(&self) -> Vec<u64> {
        let noted = &self.missed.0;
        let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
        mem::take(&mut noted.fresh)
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
        let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
        let end = iova.checked_add(len).ok_or_else(invalid)?;
        let file_end = offset.checked_add(len).ok_or_else(invalid)?;
        let number = iova / RESERVED;
        let inside = len > 0 && (end - 1) / RESERVED == number;
        if !inside || file_end > fstat(file)?.st_size as u64 {
            return Err(invalid());
        }
        let before = self.windows.range(..end).next_back();
        if before.is_some_and(|(start, bytes)| start + bytes > iova) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !self.reservations.contains_key(&number) {
            self.reservations.insert(number, Reservation::new()?);
        }
        self.reservations[&number].share(file, offset, iova, len)?;
        self.windows.insert(iova, len);
        let (mut start, mut end) = (iova, end);
        let before = self.runs.range(..start).next_back();
        if let Some((&first, &bytes)) = before
            && first + bytes == start
            && first / RESERVED == number
        {
            self.drop_run(first);
            start = first;
        }
        if end / RESERVED == number
            && let Some(&bytes) = self.runs.get(&end)
        {
            self.drop_run(end);
            end += bytes;
        }
        self.keep_run(start, end);
        Ok(())
    }

    /// The memory at some device addresses.
    fn window(&self, start: u64, end: u64) -> DmaWindow<'static> {
        let base = self.reservations[&(start / RESERVED)].at(start);
        // SAFETY: shared, all of it, until it is taken back, when the map has
        // lost it before.
        unsafe {
            DmaWindow::new(base, Iova::new(start), (end - start) as usize)
        }
    }

    fn keep_run(&mut self, start: u64, end: u64) {
        if start < end {
            self.runs.insert(start, end - start);
            self.map.add(self.window(start, end));
        }
    }

    fn drop_run(&mut self, start: u64) {
        self.runs.remove(&start);
        self.map.remove(Iova::new(start), 1);
    }

    /// Takes back what begins at `len` device addresses from `iova` on. Queues
    /// of `port` whose rings lie in there stop.
    pub fn remove(&mut self, port: &mut Port<'_>, iova: u64, len: u64) {
        let end = iova.saturating_add(len);
        let gone: Vec<_> = self
            .windows
            .range(iova..end)
            .map(|(&at, &len)| (at, len))
            .collect();
        for (at, len) in gone {
            self.windows.remove(&at);
            port.forget(&self.window(at, at + len));
            let run = self.runs.range(..=at).next_back();
            let (&start, &bytes) = run.expect("a window is in a run");
            self.drop_run(start);
            self.keep_run(start, at);
            self.keep_run(at + len, start + bytes);
            self.reservations[&(at / RESERVED)].take_back(at, len);
        }
    }

    /// Takes everything back: the guest is gone.
    pub fn clear(&mut self, port: &mut Port<'_>) {
        self.remove(port, 0, u64::MAX);
        self.reservations.clear();
        let noted = &self.missed.0;
        let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
        *noted = Noted::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::function::port;

    const PAGE: u64 = 4096;

    /// A file of pages, each full of its number.
    fn pages(n: u8) -> File {
        let file = tempfile::tempfile().expect("a file");
        let bytes: Vec<_> =
            (0..n).flat_map(|n| vec![n; PAGE as usize]).collect();
        std::os::unix::fs::FileExt::write_all_at(&file, &bytes, 0)
            .expect("written");
        file
    }

    /// The first byte of what can be reached of `len` bytes at `iova`.
    fn first(memory: &GuestMemory, iova: u64, len: u32) -> Option<u8> {
        let at = memory.map().translate(Iova::new(iova), len)?;
        // SAFETY: translated just now.
        Some(unsafe { at.read_volatile() })
    }

    #[test]
    fn scattered_pages_are_one_piece_to_the_device() {
        let (mut memory, file) = (GuestMemory::new(), pages(4));
        let at = 0xFFFF_0000;
        for (n, page) in [3, 0, 2].into_iter().enumerate() {
            let iova = at + n as u64 * PAGE;
            memory.add(&file, page * PAGE, iova, PAGE).expect("shared");
        }
        assert_eq!(first(&memory, at, 3 * PAGE as u32), Some(3));
        assert_eq!(first(&memory, at + PAGE, 1), Some(0));
        assert_eq!(first(&memory, at + 2 * PAGE, 1), Some(2));
        assert_eq!(first(&memory, at, 3 * PAGE as u32 + 1), None);
    }

    #[test]
    fn what_is_taken_back_is_gone_and_its_neighbours_are_not() {
        let (mut memory, file) = (GuestMemory::new(), pages(4));
        let mut port = port();
        for n in 0..4 {
            memory.add(&file, n * PAGE, n * PAGE, PAGE).expect("shared");
        }
        memory.remove(&mut port, PAGE, PAGE);
        let seen = [0, 1, 2, 3].map(|n| first(&memory, n * PAGE, 1));
        assert_eq!(seen, [Some(0), None, Some(2), Some(3)]);
        assert_eq!(first(&memory, 2 * PAGE, 2 * PAGE as u32), Some(2));
        memory.add(&file, 0, PAGE, PAGE).expect("shared");
        assert_eq!(first(&memory, 0, 4 * PAGE as u32), Some(0));
        memory.clear(&mut port);
        assert_eq!(first(&memory, 0, 1), None);
    }

    #[test]
    fn no_memory_comes_of_too_short_files_and_overlaps() {
        let (mut memory, file) = (GuestMemory::new(), pages(2));
        let kind = |result: io::Result<()>| result.unwrap_err().kind();
        let mut add = |offset, iova, len| memory.add(&file, offset, iova, len);
        let invalid = io::ErrorKind::InvalidInput;
        assert_eq!(kind(add(0, 0, 3 * PAGE)), invalid);
        assert_eq!(kind(add(u64::MAX, 0, PAGE)), invalid);
        assert_eq!(kind(add(0, u64::MAX, PAGE)), invalid);
        assert_eq!(kind(add(0, RESERVED - PAGE, 2 * PAGE)), invalid);
        assert_eq!(kind(add(0, 0, 0)), invalid);
        add(0, PAGE, PAGE).expect("shared");
        let exists = io::ErrorKind::AlreadyExists;
        assert_eq!(kind(add(0, 0, 2 * PAGE)), exists);
        assert_eq!(kind(add(0, PAGE, PAGE)), exists);
        add(0, 2 * PAGE, PAGE).expect("shared");
    }

    #[test]
    fn an_address_out_of_reach_is_told_once() {
        let mut memory = GuestMemory::new();
        for iova in [0x5000, 0x6000, 0x5000] {
            assert_eq!(first(&memory, iova, 4), None);
        }
        assert_eq!(memory.missed(), [0x5000, 0x6000]);
        assert_eq!(first(&memory, 0x5000, 4), None);
        assert_eq!(memory.missed(), [0; 0]);
        memory.clear(&mut port());
        assert_eq!(first(&memory, 0x5000, 4), None);
        assert_eq!(memory.missed(), [0x5000]);
    }
}

//! Memory that the device reaches, and addresses as the device sees them.

use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use std::fs::File;

/// An address as the device sees it (I/O virtual address). Never a pointer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Iova(u64);

impl Iova {
    /// The address `value`.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The address as a number.
    #[inline(always)]
    pub const fn value(self) -> u64 {
        self.0
    }

    /// The lower 32 bits.
    pub const fn low(self) -> u32 {
        self.0 as u32
    }

    /// The upper 32 bits.
    pub const fn high(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The address `bytes` further on.
    pub const fn offset(self, bytes: usize) -> Self {
        Self(self.0 + bytes as u64)
    }
}

impl fmt::LowerHex for Iova {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.0, f)
    }
}

/// What a region's memory consists of, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pages {
    /// Huge pages of 2 MiB, set aside by the administrator.
    Huge,
    /// Ordinary memory that the kernel was asked to back by huge pages.
    Transparent,
    /// Ordinary pages of 4 KiB.
    Plain,
    /// The program's heap, for interpreters without `mmap`.
    Heap,
}

impl Pages {
    /// In a word or three.
    pub fn name(self) -> &'static str {
        match self {
            Pages::Huge => "huge pages",
            Pages::Transparent => "transparent huge pages",
            Pages::Plain => "plain pages",
            Pages::Heap => "heap",
        }
    }
}

/// Memory could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutOfMemory {
    /// Bytes asked for.
    pub bytes: usize,
    /// What the kernel said.
    pub reason: String,
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, reason } = self;
        write!(f, "cannot map {bytes} bytes of DMA memory: {reason}")
    }
}

impl std::error::Error for OutOfMemory {}

/// Size and alignment of a huge page.
pub const HUGE_PAGE: usize = 2 << 20;

/// A mapping of zeroed memory, aligned to 2 MiB, that the device may reach.
#[derive(Debug)]
pub struct DmaRegion {
    base: NonNull<u8>,
    len: usize,
    iova: Iova,
    /// Where the device finds each huge page; empty where it finds them one
    /// behind the other.
    frames: Vec<Iova>,
    pages: Pages,
    mapping: platform::Mapping,
}

// SAFETY: the region owns its mapping; nothing in it is tied to a thread.
unsafe impl Send for DmaRegion {}

impl DmaRegion {
    /// Maps `len` bytes, rounded up to whole huge pages, at the device
    /// address `iova`: huge pages where there are any, else transparent
    /// ones, else plain pages.
    pub fn allocate(len: usize, iova: Iova) -> Result<Self, OutOfMemory> {
        let len = len.next_multiple_of(HUGE_PAGE);
        let (mapping, base, pages) = platform::map(len)?;
        Ok(Self::of(base, len, iova, pages, mapping))
    }

    fn of(
        base: NonNull<u8>,
        len: usize,
        iova: Iova,
        pages: Pages,
        mapping: platform::Mapping,
    ) -> Self {
        Self { base, len, iova, frames: Vec::new(), pages, mapping }
    }

    /// Maps `len` bytes of huge pages, rounded up to whole ones, that other
    /// processes can map as well: none but huge pages will do.
    ///
    /// # Errors
    ///
    /// When there are not as many; always in interpreters without `mmap`.
    pub fn huge(len: usize, iova: Iova) -> Result<Self, OutOfMemory> {
        let len = len.next_multiple_of(HUGE_PAGE);
        let (mapping, base, pages) = platform::map_huge(len)?;
        Ok(Self::of(base, len, iova, pages, mapping))
    }

    /// The same memory, whose huge pages the device finds wherever `frames`
    /// says: as many as there are pages, in their order.
    ///
    /// # Panics
    ///
    /// When they are fewer or more.
    #[must_use]
    pub fn scattered(self, frames: Vec<Iova>) -> Self {
        assert_eq!(frames.len(), self.len / HUGE_PAGE, "one for each page");
        let mut region = self;
        region.iova = frames.first().copied().unwrap_or(region.iova);
        region.frames = frames;
        region
    }

    /// Keeps the memory where it is: it is not swapped out.
    ///
    /// # Errors
    ///
    /// When the kernel refuses, for want of a permission or of memory that
    /// may be locked.
    pub fn lock(&self) -> Result<(), OutOfMemory> {
        platform::lock(self.base, self.len)
    }

    /// Maps `len` bytes of a file in memory, from `offset` on, both rounded up
    /// to whole huge pages, and zeroes them. The file grows as far as needed;
    /// whoever maps the same bytes sees the same memory.
    ///
    /// # Errors
    ///
    /// When there is not as much memory, or the file cannot be mapped; always
    /// in interpreters without `mmap`.
    ///
    /// # Safety
    ///
    /// Nobody else reads or writes these bytes of the file while this call
    /// lasts or anything carved from the region is in use, and nobody makes
    /// the file shorter for as long as there is a region of it.
    pub unsafe fn shared(
        file: &File,
        offset: u64,
        len: usize,
        iova: Iova,
    ) -> Result<Self, OutOfMemory> {
        let len = len.next_multiple_of(HUGE_PAGE);
        let offset = offset.next_multiple_of(HUGE_PAGE as u64);
        let (mapping, base, pages) = platform::map_file(file, offset, len)?;
        Ok(Self::of(base, len, iova, pages, mapping))
    }

    /// First byte.
    pub fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Size in bytes.
    pub fn bytes(&self) -> usize {
        self.len
    }

    /// First byte as the device sees it. The others follow it, unless the
    /// region is [`scattered`](Self::scattered).
    pub fn iova(&self) -> Iova {
        self.iova
    }

    /// What the memory consists of.
    pub fn pages(&self) -> Pages {
        self.pages
    }

    /// Hands the region out from its start, for as long as it is borrowed.
    pub fn carve(&mut self) -> Carver<'_> {
        Carver {
            base: self.base,
            iova: self.iova,
            frames: Frames { base: self.base, pages: &self.frames },
            len: self.len,
            used: 0,
            region: PhantomData,
        }
    }
}

/// Where the device finds the huge pages of a scattered region.
#[derive(Clone, Copy, Debug)]
struct Frames<'a> {
    /// First byte of the region.
    base: NonNull<u8>,
    /// None where all bytes follow the first one.
    pages: &'a [Iova],
}

impl Frames<'_> {
    /// Where the device finds a byte of the region.
    fn iova(self, byte: NonNull<u8>) -> Option<Iova> {
        let at = byte.addr().get() - self.base.addr().get();
        let page = self.pages.get(at / HUGE_PAGE)?;
        Some(page.offset(at % HUGE_PAGE))
    }

    /// Bytes to leave out before `byte`, so that the device finds `len` bytes
    /// one behind the other, if that is possible at all.
    fn gap(self, byte: NonNull<u8>, len: usize) -> usize {
        let at = byte.addr().get() - self.base.addr().get();
        let room = HUGE_PAGE - at % HUGE_PAGE;
        let fits = self.pages.is_empty() || len <= room || len > HUGE_PAGE;
        if fits { 0 } else { room }
    }
}

impl Drop for DmaRegion {
    fn drop(&mut self) {
        platform::unmap(&mut self.mapping);
    }
}

/// A piece of a region, seen from both sides; whoever holds it owns it.
#[derive(Debug)]
pub struct DmaSlice<'a>(DmaWindow<'a>);

impl<'a> DmaSlice<'a> {
    /// The device's view of it.
    pub fn window(&self) -> DmaWindow<'a> {
        self.0
    }

    /// First byte.
    pub fn base(&self) -> NonNull<u8> {
        self.0.base
    }

    /// First byte as the device sees it. The others follow it in what fits
    /// into a huge page.
    pub fn iova(&self) -> Iova {
        self.0.iova
    }

    /// The byte at `offset` as the device sees it.
    pub fn iova_at(&self, offset: usize) -> Iova {
        assert!(offset < self.0.len, "a byte of the piece");
        // SAFETY: the byte lies inside the piece.
        let byte = unsafe { self.0.base.add(offset) };
        let found = self.0.frames.iova(byte);
        found.unwrap_or_else(|| self.0.iova.offset(offset))
    }

    /// Size in bytes.
    pub fn bytes(&self) -> usize {
        self.0.len
    }
}

/// The device's view of memory that the driver owns.
#[derive(Clone, Copy, Debug)]
pub struct DmaWindow<'a> {
    base: NonNull<u8>,
    iova: Iova,
    frames: Frames<'a>,
    len: usize,
    region: PhantomData<&'a ()>,
}

impl DmaWindow<'_> {
    /// Memory that a driver in another process shares with the device: `len`
    /// bytes from `base` on, which it knows by the device address `iova`.
    ///
    /// # Safety
    ///
    /// The bytes stay mapped, readable and writable, for the lifetime of the
    /// value, and no reference points into them.
    pub unsafe fn new(base: NonNull<u8>, iova: Iova, len: usize) -> Self {
        let frames = Frames { base, pages: &[] };
        Self { base, iova, frames, len, region: PhantomData }
    }

    /// The same in pieces that the device finds in one each: a single one, or
    /// the huge pages of a scattered region.
    pub fn pieces(self) -> impl Iterator<Item = Self> {
        let whole = self.frames.pages.is_empty();
        let step = if whole { self.len.max(1) } else { HUGE_PAGE };
        (0..self.len).step_by(step).map(move |at| {
            // SAFETY: the byte lies inside.
            let base = unsafe { self.base.add(at) };
            let iova = self.frames.iova(base).unwrap_or(self.iova);
            let frames = Frames { base, pages: &[] };
            let len = step.min(self.len - at);
            Self { base, iova, frames, len, region: PhantomData }
        })
    }

    /// First byte. No reference may be made to what the device does not own.
    pub fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// First byte as the device sees it.
    pub fn iova(&self) -> Iova {
        self.iova
    }

    /// Size in bytes.
    pub fn bytes(&self) -> usize {
        self.len
    }
}

/// Hands a region out piece by piece; no two pieces overlap.
#[derive(Debug)]
pub struct Carver<'a> {
    base: NonNull<u8>,
    iova: Iova,
    frames: Frames<'a>,
    len: usize,
    used: usize,
    region: PhantomData<&'a mut [u8]>,
}

// SAFETY: what is left of the region is the carver's alone, as a mutable
// borrow of it would be.
unsafe impl Send for Carver<'_> {}

impl<'a> Carver<'a> {
    /// The next `len` bytes that start at a multiple of `align`, counted
    /// from the start of the region. In a scattered region what fits into a
    /// huge page lies in one.
    ///
    /// # Panics
    ///
    /// When the region is used up: its owner computed its size.
    pub fn take(&mut self, len: usize, align: usize) -> DmaSlice<'a> {
        assert!(align.is_power_of_two() && align <= HUGE_PAGE);
        let at = self.used.next_multiple_of(align);
        let gap = self.gap(at, len);
        self.take_at(at + gap, len)
    }

    /// Bytes to leave out at `at` before a piece of `len` bytes.
    fn gap(&self, at: usize, len: usize) -> usize {
        // No pointer is made of what may lie beyond the region.
        match at < self.len {
            // SAFETY: `at` lies inside the region.
            true => self.frames.gap(unsafe { self.base.add(at) }, len),
            false => 0,
        }
    }

    fn take_at(&mut self, at: usize, len: usize) -> DmaSlice<'a> {
        let end = at.checked_add(len).filter(|end| *end <= self.len);
        self.used = end.expect("DMA region is too small");
        // SAFETY: `at + len` lies inside the region.
        let base = unsafe { self.base.add(at) };
        let iova = self.iova_of(base, at);
        let (frames, region) = (self.frames, PhantomData);
        DmaSlice(DmaWindow { base, iova, frames, len, region })
    }

    /// Where the device finds `byte`, which is `at` bytes from the start.
    fn iova_of(&self, byte: NonNull<u8>, at: usize) -> Iova {
        let found = self.frames.iova(byte);
        found.unwrap_or_else(|| self.iova.offset(at))
    }

    /// A table of `n` entries that only the driver uses.
    pub fn table<T: Default>(&mut self, n: usize) -> Table<'a, T> {
        const { assert!(align_of::<T>() <= 64) };
        let bytes = n.checked_mul(size_of::<T>()).expect("a sane size");
        let first: NonNull<T> = self.take(bytes, 64).base().cast();
        for i in 0..n {
            // SAFETY: entry `i` lies inside the piece and is aligned.
            unsafe { first.add(i).write(T::default()) };
        }
        let entries = NonNull::slice_from_raw_parts(first, n);
        Table { entries, owned: PhantomData }
    }

    /// The next `len` bytes, to be handed out on their own; what follows
    /// them stays here and is counted from their end.
    pub fn split_off(&mut self, len: usize) -> Self {
        let piece = self.take_at(self.used, len);
        let rest = self.len - self.used;
        // SAFETY: `used` is at most the size of the region.
        let base = unsafe { self.base.add(self.used) };
        self.iova = self.iova_of(base, self.used);
        self.base = base;
        self.len = rest;
        self.used = 0;
        Self {
            base: piece.base(),
            iova: piece.iova(),
            frames: self.frames,
            len: piece.bytes(),
            used: 0,
            region: PhantomData,
        }
    }

    /// What is left in `n` pieces of one size, a multiple of `align`, at which
    /// they start, too, if what is left does.
    pub fn divide(mut self, n: usize, align: usize) -> Vec<Self> {
        let each = (self.len - self.used) / n / align * align;
        (0..n).map(|_| self.split_off(each)).collect()
    }

    /// The device's view of all that is and will be handed out here.
    pub fn window(&self) -> DmaWindow<'a> {
        DmaWindow {
            base: self.base,
            iova: self.iova,
            frames: self.frames,
            len: self.len,
            region: PhantomData,
        }
    }
}

/// A table in a region, with entries that are dropped with it.
#[derive(Debug)]
pub struct Table<'a, T> {
    entries: NonNull<[T]>,
    owned: PhantomData<&'a mut [T]>,
}

impl<'a, T> Table<'a, T> {
    /// The entries, which are then not dropped.
    pub fn leak(self) -> &'a mut [T] {
        let mut entries = ManuallyDrop::new(self).entries;
        // SAFETY: the entries are initialised, and nobody else reaches the
        // piece of the region that they lie in for as long as it is borrowed.
        unsafe { entries.as_mut() }
    }
}

// SAFETY: a table owns its entries, as a boxed slice would.
unsafe impl<T: Send> Send for Table<'_, T> {}

impl<T> Deref for Table<'_, T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: the entries are initialised, and only the table reaches
        // the piece of the region that they lie in.
        unsafe { self.entries.as_ref() }
    }
}

impl<T> DerefMut for Table<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and the table is borrowed for as long.
        unsafe { self.entries.as_mut() }
    }
}

impl<T> Drop for Table<'_, T> {
    fn drop(&mut self) {
        // SAFETY: the entries are initialised, and nobody sees them again.
        unsafe { self.entries.drop_in_place() };
    }
}

#[cfg(not(miri))]
mod platform {
    use super::{File, HUGE_PAGE, NonNull, OutOfMemory, Pages};
    use core::ffi::{c_int, c_void};
    use core::ptr::null_mut;
    use rustix::fs::{FallocateFlags, fallocate, fstatfs};
    use rustix::io::Errno;
    use rustix::mm::{
        Advice, MapFlags, ProtFlags, madvise as advise, mlock, mmap,
        mmap_anonymous, munmap,
    };
    use std::io;

    /// The kind of a file of huge pages, `HUGETLBFS_MAGIC`.
    const HUGE_FILE: u64 = 0x9584_58f6;

    /// What to hand back to the kernel.
    #[derive(Debug)]
    pub struct Mapping {
        start: *mut c_void,
        len: usize,
    }

    pub fn map(
        len: usize,
    ) -> Result<(Mapping, NonNull<u8>, Pages), OutOfMemory> {
        if let Ok(start) = anonymous(len, HUGE | MapFlags::PRIVATE) {
            let base = NonNull::new(start.cast()).expect("mmap is not null");
            return Ok((Mapping { start, len }, base, Pages::Huge));
        }
        let (mapping, base) = aligned(len).map_err(|errno| OutOfMemory {
            bytes: len,
            reason: errno.to_string(),
        })?;
        let pages = touch(base, len);
        Ok((mapping, base, pages))
    }

    /// Huge pages, or nothing.
    const HUGE: MapFlags =
        MapFlags::HUGETLB.union(MapFlags::HUGE_2MB).union(MapFlags::POPULATE);

    pub fn map_huge(
        len: usize,
    ) -> Result<(Mapping, NonNull<u8>, Pages), OutOfMemory> {
        let start = anonymous(len, HUGE | MapFlags::SHARED);
        let start = start.map_err(|errno| OutOfMemory {
            bytes: len,
            reason: errno.to_string(),
        })?;
        let base = NonNull::new(start.cast()).expect("mmap is not null");
        Ok((Mapping { start, len }, base, Pages::Huge))
    }

    pub fn lock(base: NonNull<u8>, len: usize) -> Result<(), OutOfMemory> {
        // SAFETY: the range is mapped; locking changes nothing that a program
        // sees.
        let locked = unsafe { mlock(base.as_ptr().cast(), len) };
        locked.map_err(|errno| OutOfMemory {
            bytes: len,
            reason: format!("it cannot be locked: {errno}"),
        })
    }

    pub fn map_file(
        file: &File,
        offset: u64,
        len: usize,
    ) -> Result<(Mapping, NonNull<u8>, Pages), OutOfMemory> {
        let fail = |what: io::Error| OutOfMemory {
            bytes: len,
            reason: what.to_string(),
        };
        let huge = grow(file, offset, len).map_err(fail)?;
        let (mut mapping, base) = aligned(len).map_err(|e| fail(e.into()))?;
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::SHARED | MapFlags::FIXED;
        // SAFETY: takes the place of memory that was mapped just now and that
        // nobody else knows of.
        let mapped = unsafe {
            mmap(base.as_ptr().cast(), len, prot, flags, file, offset)
        };
        if let Err(errno) = mapped {
            unmap(&mut mapping);
            return Err(fail(errno.into()));
        }
        let pages = match touch(base, len) {
            _ if huge => Pages::Huge,
            Pages::Plain => collapse(base, len),
            pages => pages,
        };
        Ok((mapping, base, pages))
    }

    /// Makes a file long enough; says whether it consists of huge pages,
    /// which are then taken from those set aside: a lack of them would be
    /// noticed too late.
    fn grow(file: &File, offset: u64, len: usize) -> io::Result<bool> {
        let end = offset + len as u64;
        let huge = fstatfs(file)?.f_type as u64 == HUGE_FILE;
        if huge {
            fallocate(file, FallocateFlags::empty(), offset, len as u64)?;
        } else if file.metadata()?.len() < end {
            file.set_len(end)?;
        }
        Ok(huge)
    }

    /// Fresh memory that starts at a multiple of a huge page: a page more is
    /// mapped, and the start lies inside it.
    fn aligned(len: usize) -> Result<(Mapping, NonNull<u8>), Errno> {
        let total = len + HUGE_PAGE;
        let start = anonymous(total, MapFlags::PRIVATE)?;
        let skip = start.addr().next_multiple_of(HUGE_PAGE) - start.addr();
        // SAFETY: `skip` is below HUGE_PAGE, so `base + len` is mapped.
        let base = unsafe { start.cast::<u8>().add(skip) };
        let base = NonNull::new(base).expect("mmap is not null");
        Ok((Mapping { start, len: total }, base))
    }

    /// Asks for huge pages and zeroes the range: every page is touched once,
    /// so that no page fault falls into a measurement. The range is mapped and
    /// nobody else's.
    fn touch(base: NonNull<u8>, len: usize) -> Pages {
        let base = base.as_ptr();
        // SAFETY: advice changes nothing that a program sees.
        let advised =
            unsafe { advise(base.cast(), len, Advice::LinuxHugepage) };
        // SAFETY: both callers mapped the range just now, and nobody else
        // reaches it.
        unsafe { base.write_bytes(0, len) };
        match advised {
            Ok(()) if transparent(base.addr(), len) => Pages::Transparent,
            _ => Pages::Plain,
        }
    }

    fn anonymous(len: usize, flags: MapFlags) -> Result<*mut c_void, Errno> {
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a fresh anonymous mapping touches no other memory.
        unsafe { mmap_anonymous(null_mut(), len, prot, flags) }
    }

    // The wrapper that the standard library links; rustix does not know the
    // advice.
    unsafe extern "C" {
        fn madvise(start: *mut c_void, len: usize, advice: c_int) -> c_int;
    }

    /// `MADV_COLLAPSE`, since Linux 6.1.
    const COLLAPSE: c_int = 25;

    /// Has the kernel put what is there into huge pages now: to files in
    /// memory it gives none by itself, unless the administrator lets it. A
    /// kernel that cannot leaves things as they are.
    fn collapse(base: NonNull<u8>, len: usize) -> Pages {
        // SAFETY: the range is mapped; bytes stay as they are.
        unsafe { madvise(base.as_ptr().cast(), len, COLLAPSE) };
        match transparent(base.as_ptr().addr(), len) {
            true => Pages::Transparent,
            false => Pages::Plain,
        }
    }

    /// Whether the kernel backs the whole range by huge pages by now.
    fn transparent(start: usize, len: usize) -> bool {
        let Ok(maps) = std::fs::read_to_string("/proc/self/smaps") else {
            return false;
        };
        let mut inside = false;
        let mut huge_kib = 0;
        for line in maps.lines() {
            let first = line.split(' ').next().unwrap_or_default();
            if let Some((from, to)) = first.split_once('-') {
                let parse = |hex| usize::from_str_radix(hex, 16);
                inside = matches!(
                    (parse(from), parse(to)),
                    (Ok(from), Ok(to)) if from < start + len && to > start
                );
            } else if inside
                && ["AnonHugePages:", "ShmemPmdMapped:"].contains(&first)
            {
                let kib = line.split_whitespace().nth(1);
                huge_kib +=
                    kib.and_then(|k| k.parse::<usize>().ok()).unwrap_or(0);
            }
        }
        huge_kib * 1024 >= len
    }

    pub fn unmap(mapping: &mut Mapping) {
        // SAFETY: the owner is being dropped and nothing borrows it.
        let result = unsafe { munmap(mapping.start, mapping.len) };
        debug_assert!(result.is_ok());
    }
}

#[cfg(miri)]
mod platform {
    use super::{File, HUGE_PAGE, NonNull, OutOfMemory, Pages};
    use std::alloc::{Layout, alloc_zeroed, dealloc};

    /// What to hand back to the heap.
    #[derive(Debug)]
    pub struct Mapping {
        base: NonNull<u8>,
        layout: Layout,
    }

    pub fn map(
        len: usize,
    ) -> Result<(Mapping, NonNull<u8>, Pages), OutOfMemory> {
        let fail = |reason: &str| OutOfMemory {
            bytes: len,
            reason: reason.to_owned(),
        };
        let layout = Layout::from_size_align(len, HUGE_PAGE)
            .map_err(|_| fail("size overflow"))?;
        // SAFETY: `len` is at least one huge page.
        let base = NonNull::new(unsafe { alloc_zeroed(layout) })
            .ok_or_else(|| fail("heap is full"))?;
        Ok((Mapping { base, layout }, base, Pages::Heap))
    }

    pub fn map_huge(
        len: usize,
    ) -> Result<(Mapping, NonNull<u8>, Pages), OutOfMemory> {
        let reason = "there are no huge pages here".to_owned();
        Err(OutOfMemory { bytes: len, reason })
    }

    pub fn lock(_base: NonNull<u8>, _len: usize) -> Result<(), OutOfMemory> {
        Ok(())
    }

    pub fn map_file(
        _file: &File,
        _offset: u64,
        len: usize,
    ) -> Result<(Mapping, NonNull<u8>, Pages), OutOfMemory> {
        let reason = "no files are mapped here".to_owned();
        Err(OutOfMemory { bytes: len, reason })
    }

    pub fn unmap(mapping: &mut Mapping) {
        // SAFETY: allocated by `map` with this very layout.
        unsafe { dealloc(mapping.base.as_ptr(), mapping.layout) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_divided_region_is_in_pieces_of_one_size() {
        let iova = Iova::new(0x7_0000_0000);
        let mut region = DmaRegion::allocate(1, iova).expect("memory");
        let mut whole = region.carve();
        whole.take(4096, 4096);
        let mut pieces = whole.divide(3, 4096);
        let starts: Vec<_> =
            pieces.iter_mut().map(|p| p.take(64, 64).iova()).collect();
        let each = (HUGE_PAGE - 4096) / 3 / 4096 * 4096;
        let wanted = [0, 1, 2].map(|n| iova.offset(4096 + n * each));
        assert_eq!(starts, wanted);
        assert!(pieces.iter().all(|p| p.window().bytes() == each));
    }

    #[test]
    fn a_region_is_zeroed_and_aligned() {
        let region =
            DmaRegion::allocate(5000, Iova::new(1 << 40)).expect("memory");
        assert_eq!(region.base().as_ptr().addr() % HUGE_PAGE, 0);
        assert_eq!(region.bytes(), HUGE_PAGE);
        // SAFETY: inside the region.
        assert_eq!(unsafe { region.base().add(4999).read() }, 0);
    }

    #[test]
    #[cfg(not(miri))]
    fn a_shared_region_mapped_twice_is_the_same_memory() {
        use rustix::fs::{MemfdFlags, memfd_create};
        let file = memfd_create("regions", MemfdFlags::CLOEXEC);
        let file = File::from(file.expect("a file in memory"));
        let at = 1 << 30;
        // SAFETY: accesses below follow one another, and the file stays.
        let map =
            || unsafe { DmaRegion::shared(&file, at, 5000, Iova::new(7)) };
        let first = map().expect("memory");
        let byte = |region: &DmaRegion, n| {
            // SAFETY: inside the region.
            unsafe { region.base().add(n) }
        };
        // SAFETY: inside the region, which nobody else uses meanwhile.
        unsafe { byte(&first, 4999).write(1) };
        let second = map().expect("memory");
        for region in [&first, &second] {
            assert_eq!(region.base().as_ptr().addr() % HUGE_PAGE, 0);
            assert_eq!(region.bytes(), HUGE_PAGE);
            assert_eq!(region.iova(), Iova::new(7));
            // SAFETY: inside the region; the second mapping zeroed it.
            assert_eq!(unsafe { byte(region, 4999).read() }, 0);
        }
        assert_ne!(first.base(), second.base());
        // SAFETY: as above.
        unsafe { byte(&second, 64).write(9) };
        // SAFETY: as above.
        assert_eq!(unsafe { byte(&first, 64).read() }, 9);
        drop(first);
        // SAFETY: as above.
        assert_eq!(unsafe { byte(&second, 64).read() }, 9);
        assert_eq!(file.metadata().expect("known").len(), at + (2 << 20));
    }

    #[test]
    #[cfg(not(miri))]
    fn a_file_that_cannot_be_mapped_is_an_error() {
        let file = File::open("/proc/self/stat").expect("a file");
        // SAFETY: nothing is mapped.
        let region = unsafe { DmaRegion::shared(&file, 0, 1, Iova::new(0)) };
        assert!(region.is_err());
    }

    #[test]
    fn pieces_do_not_overlap_and_keep_their_iova() {
        let mut region = DmaRegion::allocate(HUGE_PAGE, Iova::new(0x1000_0000))
            .expect("memory");
        let base = region.base().as_ptr().addr();
        let mut carver = region.carve();
        let ring = carver.take(8192, 128);
        let mut table = carver.table::<u32>(100);
        table.fill(7);
        let next = carver.take(64, 4096);
        assert_eq!(ring.iova(), Iova::new(0x1000_0000));
        assert_eq!(table.as_ptr().addr() - base, 8192);
        assert_eq!(next.iova(), Iova::new(0x1000_0000 + 12288));
        assert_eq!(next.base().as_ptr().addr() - base, 12288);
    }

    /// A region of three huge pages that the device finds in another order.
    fn scattered() -> DmaRegion {
        let region = DmaRegion::allocate(3 * HUGE_PAGE, Iova::new(0));
        let frames = [0x8000_0000, 0x4000_0000, 0xC000_0000].map(Iova::new);
        region.expect("memory").scattered(frames.to_vec())
    }

    #[test]
    fn in_a_scattered_region_a_small_piece_lies_in_one_huge_page() {
        let mut region = scattered();
        let base = region.base().addr();
        let mut carver = region.carve();
        let place = |piece: &DmaSlice<'_>| {
            (piece.base().addr().get() - base.get(), piece.iova().value())
        };
        let first = carver.take(HUGE_PAGE - 4096, 128);
        assert_eq!(place(&first), (0, 0x8000_0000));
        // It would cross the end of the first page by half.
        let second = carver.take(8192, 128);
        assert_eq!(place(&second), (HUGE_PAGE, 0x4000_0000));
        assert_eq!(second.iova_at(8191), Iova::new(0x4000_1FFF));
        let third = carver.split_off(HUGE_PAGE);
        let rest = carver.take(64, 64);
        assert_eq!(place(&rest), (2 * HUGE_PAGE + 8192, 0xC000_2000));
        let mut third = third;
        let inside = third.take(HUGE_PAGE - 8192, 4096);
        assert_eq!(place(&inside), (HUGE_PAGE + 8192, 0x4000_2000));
    }

    #[test]
    fn a_large_piece_of_a_scattered_region_is_found_page_by_page() {
        let mut region = scattered();
        let mut carver = region.carve();
        let pieces: Vec<_> = carver
            .window()
            .pieces()
            .map(|piece| (piece.iova().value(), piece.bytes()))
            .collect();
        let wanted = [0x8000_0000, 0x4000_0000, 0xC000_0000];
        assert_eq!(pieces, wanted.map(|iova| (iova, HUGE_PAGE)));
        let all = carver.take(3 * HUGE_PAGE, HUGE_PAGE);
        assert_eq!(all.iova_at(HUGE_PAGE + 5), Iova::new(0x4000_0005));
        assert_eq!(all.iova_at(3 * HUGE_PAGE - 1), Iova::new(0xC01F_FFFF));
    }

    #[test]
    #[should_panic(expected = "too small")]
    fn no_piece_lies_beyond_the_end_of_a_scattered_region() {
        let mut region = scattered();
        let mut carver = region.carve();
        carver.take(3 * HUGE_PAGE - 64, 64);
        carver.take(128, 64);
    }

    #[test]
    #[should_panic(expected = "too small")]
    fn a_region_does_not_hand_out_more_than_it_has() {
        let mut region =
            DmaRegion::allocate(1, Iova::default()).expect("memory");
        region.carve().take(HUGE_PAGE + 1, 64);
    }
}

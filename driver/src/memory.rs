//! Memory that the device reaches, and addresses as the device sees them.

use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

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
        Ok(Self { base, len, iova, pages, mapping })
    }

    /// First byte.
    pub fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Size in bytes.
    pub fn bytes(&self) -> usize {
        self.len
    }

    /// First byte as the device sees it.
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
            len: self.len,
            used: 0,
            region: PhantomData,
        }
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

    /// First byte as the device sees it.
    pub fn iova(&self) -> Iova {
        self.0.iova
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
    len: usize,
    region: PhantomData<&'a ()>,
}

impl DmaWindow<'_> {
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
    len: usize,
    used: usize,
    region: PhantomData<&'a mut [u8]>,
}

impl<'a> Carver<'a> {
    /// The next `len` bytes that start at a multiple of `align`, counted
    /// from the start of the region.
    ///
    /// # Panics
    ///
    /// When the region is used up: its owner computed its size.
    pub fn take(&mut self, len: usize, align: usize) -> DmaSlice<'a> {
        assert!(align.is_power_of_two() && align <= HUGE_PAGE);
        let at = self.used.next_multiple_of(align);
        let end = at.checked_add(len).filter(|end| *end <= self.len);
        self.used = end.expect("DMA region is too small");
        DmaSlice(DmaWindow {
            // SAFETY: `at + len` lies inside the region.
            base: unsafe { self.base.add(at) },
            iova: self.iova.offset(at),
            len,
            region: PhantomData,
        })
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
        let piece = self.take(len, 1);
        let rest = self.len - self.used;
        // SAFETY: `used` is at most the size of the region.
        self.base = unsafe { self.base.add(self.used) };
        self.iova = self.iova.offset(self.used);
        self.len = rest;
        self.used = 0;
        Self {
            base: piece.base(),
            iova: piece.iova(),
            len: piece.bytes(),
            used: 0,
            region: PhantomData,
        }
    }

    /// The device's view of all that is and will be handed out here.
    pub fn window(&self) -> DmaWindow<'a> {
        DmaWindow {
            base: self.base,
            iova: self.iova,
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
    use super::{HUGE_PAGE, NonNull, OutOfMemory, Pages};
    use core::ffi::c_void;
    use core::ptr::null_mut;
    use rustix::io::Errno;
    use rustix::mm::{
        Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap,
    };

    /// What to hand back to the kernel.
    #[derive(Debug)]
    pub struct Mapping {
        start: *mut c_void,
        len: usize,
    }

    pub fn map(
        len: usize,
    ) -> Result<(Mapping, NonNull<u8>, Pages), OutOfMemory> {
        let huge = MapFlags::HUGETLB | MapFlags::HUGE_2MB | MapFlags::POPULATE;
        if let Ok(start) = anonymous(len, huge) {
            let base = NonNull::new(start.cast()).expect("mmap is not null");
            return Ok((Mapping { start, len }, base, Pages::Huge));
        }
        // Alignment by hand: map a page more and start inside it.
        let total = len + HUGE_PAGE;
        let start = anonymous(total, MapFlags::empty()).map_err(|errno| {
            OutOfMemory { bytes: len, reason: errno.to_string() }
        })?;
        let skip = start.addr().next_multiple_of(HUGE_PAGE) - start.addr();
        // SAFETY: `skip` is below HUGE_PAGE, so `base + len` is mapped.
        let base: *mut u8 = unsafe { start.cast::<u8>().add(skip) };
        // SAFETY: the range was mapped just now.
        let advised =
            unsafe { madvise(base.cast(), len, Advice::LinuxHugepage) };
        // SAFETY: as above; every page is touched once, so that no page
        // fault falls into a measurement.
        unsafe { base.write_bytes(0, len) };
        let pages = match advised {
            Ok(()) if transparent(base.addr(), len) => Pages::Transparent,
            _ => Pages::Plain,
        };
        let base = NonNull::new(base).expect("mmap is not null");
        Ok((Mapping { start, len: total }, base, pages))
    }

    fn anonymous(len: usize, flags: MapFlags) -> Result<*mut c_void, Errno> {
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        let flags = flags | MapFlags::PRIVATE;
        // SAFETY: a fresh anonymous mapping touches no other memory.
        unsafe { mmap_anonymous(null_mut(), len, prot, flags) }
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
            } else if inside && first == "AnonHugePages:" {
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
    use super::{HUGE_PAGE, NonNull, OutOfMemory, Pages};
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

    pub fn unmap(mapping: &mut Mapping) {
        // SAFETY: allocated by `map` with this very layout.
        unsafe { dealloc(mapping.base.as_ptr(), mapping.layout) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    #[should_panic(expected = "too small")]
    fn a_region_does_not_hand_out_more_than_it_has() {
        let mut region =
            DmaRegion::allocate(1, Iova::default()).expect("memory");
        region.carve().take(HUGE_PAGE + 1, 64);
    }
}

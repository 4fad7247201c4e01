//! The device's view of memory: every address is translated and checked.

use core::cell::{Cell, RefCell};
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use driver::memory::{DmaWindow, HUGE_PAGE, Iova};

/// Translations kept at hand, a power of two: each of them covers
/// [`HUGE_PAGE`] bytes of device addresses.
const SLOTS: usize = 256;

/// The regions that the device may reach.
pub struct DmaMap<'a> {
    /// Where nearly every address lies, if the driver's memory is in one
    /// piece.
    first: Region,
    others: RefCell<Vec<Region>>,
    /// Huge pages of the others, each where its address says.
    slots: [Cell<Slot>; SLOTS],
    source: RefCell<Option<Box<dyn Source>>>,
    memory: PhantomData<&'a ()>,
}

/// Where memory comes from that nobody announced.
///
/// # Safety
///
/// What [`look`](Self::look) returned stays valid until the source is
/// dropped.
pub unsafe trait Source: Send {
    /// Memory that was not there before, or nothing, because the device has
    /// met an address that it cannot reach. The device waits meanwhile; how
    /// often it is worth looking is the source's business.
    fn look(&mut self, missed: Iova) -> Vec<DmaWindow<'static>>;
}

/// Consecutive device addresses and what they stand for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Region {
    iova: u64,
    len: u64,
    base: NonNull<u8>,
}

/// A huge page's worth of device addresses.
#[derive(Clone, Copy)]
struct Slot {
    /// The address over the size of a huge page; one that no address has
    /// where the slot is empty.
    page: u64,
    base: NonNull<u8>,
}

impl Slot {
    const EMPTY: Self = Self { page: u64::MAX, base: NonNull::dangling() };
}

// SAFETY: the map holds addresses; what makes their use sound is stated at
// each access through them.
unsafe impl Send for DmaMap<'_> {}

impl fmt::Debug for DmaMap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, others, .. } = self;
        let mut map = f.debug_struct("DmaMap");
        map.field("first", first).field("others", others).finish()
    }
}

impl Region {
    /// No address at all.
    const NONE: Self = Self { iova: 0, len: 0, base: NonNull::dangling() };

    fn of(memory: DmaWindow<'_>) -> Self {
        Self {
            iova: memory.iova().value(),
            len: memory.bytes() as u64,
            base: memory.base(),
        }
    }

    /// Where `len` bytes at `iova` are, if all of them lie in the region.
    #[inline(always)]
    pub fn translate(&self, iova: Iova, len: u32) -> Option<NonNull<u8>> {
        let at = iova.value().wrapping_sub(self.iova);
        let fits = at < self.len && u64::from(len) <= self.len - at;
        // SAFETY: `at` lies inside the region.
        fits.then(|| unsafe { self.base.add(at as usize) })
    }
}

impl<'a> DmaMap<'a> {
    /// A map of nothing but `memory`.
    pub fn of(memory: DmaWindow<'a>) -> Self {
        Self { first: Region::of(memory), ..Self::empty() }
    }

    /// A map of nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            first: Region::NONE,
            others: RefCell::default(),
            slots: [const { Cell::new(Slot::EMPTY) }; SLOTS],
            source: RefCell::default(),
            memory: PhantomData,
        }
    }

    /// Says where more is to be had when an address is not known.
    pub fn set_source(&mut self, source: impl Source + 'static) {
        *self.source.get_mut() = Some(Box::new(source));
    }

    /// Lets the device reach `memory`, too.
    pub fn add(&mut self, memory: DmaWindow<'a>) {
        self.others.get_mut().push(Region::of(memory));
    }

    /// Takes back what was added at device addresses from `iova` on, `bytes`
    /// of them: regions that lie in there.
    pub fn remove(&mut self, iova: Iova, bytes: u64) {
        let end = iova.value().saturating_add(bytes);
        let inside = |one: &Region| one.iova >= iova.value() && one.iova < end;
        self.others.get_mut().retain(|one| !inside(one));
        self.slots.iter().for_each(|slot| slot.set(Slot::EMPTY));
    }

    /// The region to try before the map, for a loop to keep at hand.
    #[inline(always)]
    pub(crate) fn first(&self) -> Region {
        self.first
    }

    /// Where `len` bytes at the device address `iova` are, if the device may
    /// reach all of them.
    pub fn translate(&self, iova: Iova, len: u32) -> Option<NonNull<u8>> {
        let first = self.first.translate(iova, len);
        first.or_else(|| self.beyond(iova, len))
    }

    /// Whether there is a region that nearly every address lies in.
    #[inline(always)]
    pub(crate) fn is_linear(&self) -> bool {
        self.first.len > 0
    }

    /// The same, for a loop that keeps the first region at hand, or knows
    /// that there is none.
    #[inline(always)]
    pub(crate) fn with<const LINEAR: bool>(
        &self,
        first: &Region,
        iova: Iova,
        len: u32,
    ) -> Option<NonNull<u8>> {
        let found = if LINEAR { first.translate(iova, len) } else { None };
        found.or_else(|| self.beyond(iova, len))
    }

    /// The same for what is not in the first region.
    #[inline(always)]
    fn beyond(&self, iova: Iova, len: u32) -> Option<NonNull<u8>> {
        let page = iova.value() / HUGE_PAGE as u64;
        let at = iova.value() as usize % HUGE_PAGE;
        let slot = self.slots[page as usize % SLOTS].get();
        if slot.page == page && at + len as usize <= HUGE_PAGE {
            // SAFETY: the slot's page is in memory, all of it.
            return Some(unsafe { slot.base.add(at) });
        }
        self.search(iova, len)
    }

    #[cold]
    #[inline(never)]
    fn search(&self, iova: Iova, len: u32) -> Option<NonNull<u8>> {
        self.find(iova, len).or_else(|| {
            let mut source = self.source.borrow_mut();
            let found = source.as_mut()?.look(iova);
            let found = found.into_iter().map(Region::of);
            self.others.borrow_mut().extend(found);
            self.find(iova, len)
        })
    }

    /// Looks at every region, and keeps the huge page at hand if it is one.
    fn find(&self, iova: Iova, len: u32) -> Option<NonNull<u8>> {
        let others = self.others.borrow();
        let mut all = std::iter::once(&self.first).chain(others.iter());
        let (region, at) = all
            .find_map(|region| Some((region, region.translate(iova, len)?)))?;
        let page = iova.value() / HUGE_PAGE as u64;
        let start = Iova::new(page * HUGE_PAGE as u64);
        if let Some(base) = region.translate(start, HUGE_PAGE as u32) {
            self.slots[page as usize % SLOTS].set(Slot { page, base });
        }
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver::memory::DmaRegion;

    #[test]
    fn only_whole_accesses_inside_a_region_are_translated() {
        let start = Iova::new(0x7_0000_0000);
        let mut region = DmaRegion::allocate(1, start).expect("memory");
        let base = region.base();
        let map = DmaMap::of(region.carve().window());
        let end = HUGE_PAGE as u32;
        assert_eq!(map.translate(start, 64), Some(base));
        assert!(map.translate(start.offset(HUGE_PAGE - 64), 64).is_some());
        assert!(map.translate(start.offset(HUGE_PAGE - 64), 65).is_none());
        assert!(map.translate(start.offset(HUGE_PAGE), 0).is_none());
        assert!(map.translate(start, end).is_some());
        assert!(map.translate(start, end + 1).is_none());
        assert!(map.translate(Iova::new(0), 1).is_none());
        assert!(map.translate(Iova::new(u64::MAX), u32::MAX).is_none());
        let pointer = base.as_ptr().addr() as u64;
        assert!(map.translate(Iova::new(pointer), 1).is_none());
    }

    /// Two regions of two huge pages, of which one starts in the middle of a
    /// huge page of device addresses.
    fn pieces() -> [DmaRegion; 2] {
        let at = [0x4000_0000, 0x8010_0000].map(Iova::new);
        at.map(|at| DmaRegion::allocate(2 * HUGE_PAGE, at).expect("memory"))
    }

    /// What is to come of an access, by the first bytes of the regions.
    fn wanted(
        starts: &[(u64, NonNull<u8>)],
        iova: u64,
        len: usize,
    ) -> Option<NonNull<u8>> {
        starts.iter().find_map(|(start, base)| {
            let at = iova.checked_sub(*start)? as usize;
            let bytes = 2 * HUGE_PAGE;
            let inside = at < bytes && at + len <= bytes;
            // SAFETY: inside the region.
            inside.then(|| unsafe { base.add(at) })
        })
    }

    #[test]
    fn a_translation_at_hand_is_the_one_that_a_search_finds() {
        let mut regions = pieces();
        let start = |r: &DmaRegion| (r.iova().value(), r.base());
        let starts = [0, 1].map(|n: usize| start(&regions[n]));
        let mut map = DmaMap::empty();
        regions.iter_mut().for_each(|r| map.add(r.carve().window()));
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..20_000 {
            let start = rng.choice([0x3FF0_0000, 0x8000_0000]);
            let iova = start.expect("one") + rng.u64(..0x60_0000);
            let len = rng.usize(..4096);
            let found = map.translate(Iova::new(iova), len as u32);
            assert_eq!(found, wanted(&starts, iova, len), "{iova:x} {len}");
        }
    }

    #[test]
    fn what_was_taken_back_is_out_of_reach() {
        let mut regions = pieces();
        let [first, second] = [0, 1].map(|n: usize| regions[n].iova());
        let mut map = DmaMap::empty();
        regions.iter_mut().for_each(|r| map.add(r.carve().window()));
        let reached = |map: &DmaMap<'_>| {
            [first, second].map(|iova| map.translate(iova, 64).is_some())
        };
        assert_eq!(reached(&map), [true, true]);
        map.remove(first, 2 * HUGE_PAGE as u64);
        assert_eq!(reached(&map), [false, true]);
    }

    /// Memory that is there from the second look on.
    struct Late {
        region: DmaRegion,
        looks: u32,
    }

    // SAFETY: the region is dropped with the source.
    unsafe impl Source for Late {
        fn look(&mut self, _: Iova) -> Vec<DmaWindow<'static>> {
            self.looks += 1;
            if self.looks != 2 {
                return Vec::new();
            }
            let (base, iova) = (self.region.base(), self.region.iova());
            // SAFETY: all of the region, which lives as long as the source.
            vec![unsafe { DmaWindow::new(base, iova, self.region.bytes()) }]
        }
    }

    #[test]
    fn memory_that_appears_later_is_found_when_it_is_needed() {
        let iova = Iova::new(0x1_0000_0000);
        let region = DmaRegion::allocate(1, iova).expect("memory");
        let base = region.base();
        let mut map = DmaMap::empty();
        map.set_source(Late { region, looks: 0 });
        assert_eq!(map.translate(iova, 64), None);
        assert_eq!(map.translate(iova, 64), Some(base));
        assert_eq!(map.translate(Iova::new(0), 64), None);
        assert_eq!(map.translate(iova, 64), Some(base));
    }
}

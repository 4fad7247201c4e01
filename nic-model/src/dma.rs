//! The device's view of memory: every address is translated and checked.

use core::marker::PhantomData;
use core::ptr::NonNull;

use driver::memory::{DmaWindow, Iova};

/// The regions that the device may reach.
#[derive(Clone, Debug)]
pub struct DmaMap<'a> {
    /// Where nearly every address lies.
    first: Region,
    others: Vec<Region>,
    memory: PhantomData<&'a ()>,
}

/// Consecutive device addresses and what they stand for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Region {
    iova: u64,
    len: u64,
    base: NonNull<u8>,
}

// SAFETY: the map holds addresses; what makes their use sound is stated at
// each access through them.
unsafe impl Send for DmaMap<'_> {}

impl Region {
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
        Self {
            first: Region::of(memory),
            others: Vec::new(),
            memory: PhantomData,
        }
    }

    /// Lets the device reach `memory`, too.
    pub fn add(&mut self, memory: DmaWindow<'a>) {
        self.others.push(Region::of(memory));
    }

    /// The region to try before the map, for a loop to keep at hand.
    #[inline(always)]
    pub(crate) fn first(&self) -> Region {
        self.first
    }

    /// Where `len` bytes at the device address `iova` are, if the device may
    /// reach all of them.
    #[inline(always)]
    pub fn translate(&self, iova: Iova, len: u32) -> Option<NonNull<u8>> {
        let first = self.first.translate(iova, len);
        first.or_else(|| self.search(iova, len))
    }

    #[cold]
    fn search(&self, iova: Iova, len: u32) -> Option<NonNull<u8>> {
        self.others.iter().find_map(|region| region.translate(iova, len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver::memory::{DmaRegion, HUGE_PAGE};

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
}

//! A descriptor ring from the device's side.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use driver::desc::BYTES;
use driver::memory::{DmaWindow, Iova};

use crate::dma::DmaMap;

/// A ring that a driver has enabled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ring {
    base: NonNull<u8>,
    entries: u16,
    /// The device's index.
    pub head: u16,
}

// SAFETY: descriptors are reached by atomic accesses only.
unsafe impl Send for Ring {}

impl Ring {
    /// The ring of `bytes` bytes at `iova`, when the device may reach it and
    /// its size is one that a ring can have.
    pub fn open(memory: &DmaMap<'_>, iova: Iova, bytes: u32) -> Option<Self> {
        let entries = bytes / BYTES as u32;
        let sized =
            entries.is_power_of_two() && (8..=1 << 15).contains(&entries);
        let base = memory.translate(iova, bytes)?;
        let aligned = base.addr().get().is_multiple_of(128);
        (sized && aligned).then_some(Self {
            base,
            entries: entries as u16,
            head: 0,
        })
    }

    /// Whether it begins in `memory`.
    pub fn lies_in(&self, memory: &DmaWindow<'_>) -> bool {
        let at =
            self.base.addr().get().wrapping_sub(memory.base().addr().get());
        at < memory.bytes()
    }

    /// Descriptors from the head to `tail`, which the device owns; `None`
    /// for a tail beyond the ring.
    #[inline(always)]
    pub fn owned(&self, tail: u32) -> Option<u16> {
        let tail = u16::try_from(tail).ok().filter(|t| *t < self.entries)?;
        Some(tail.wrapping_sub(self.head) & (self.entries - 1))
    }

    /// Moves the head on by one.
    #[inline(always)]
    pub fn advance(&mut self) {
        self.head = (self.head + 1) & (self.entries - 1);
    }

    #[inline(always)]
    fn at(&self, i: u16, byte: usize) -> NonNull<u8> {
        let i = i & (self.entries - 1);
        // SAFETY: descriptor `i` lies inside the ring.
        unsafe { self.base.add(usize::from(i) * BYTES + byte) }
    }

    /// Quadword `Q` of descriptor `i`.
    #[inline(always)]
    pub fn quad<const Q: usize>(&self, i: u16) -> u64 {
        const { assert!(Q < 2) };
        // SAFETY: inside the ring and aligned.
        let quad =
            unsafe { AtomicU64::from_ptr(self.at(i, Q * 8).as_ptr().cast()) };
        u64::from_le(quad.load(Ordering::Relaxed))
    }

    /// Writes a receive descriptor back, the word with DD last.
    #[inline(always)]
    pub fn write_back(&self, i: u16, low: u64, high: u64) {
        // SAFETY: inside the ring and aligned.
        let (first, last) = unsafe {
            (
                AtomicU64::from_ptr(self.at(i, 0).as_ptr().cast()),
                AtomicU64::from_ptr(self.at(i, 8).as_ptr().cast()),
            )
        };
        first.store(low.to_le(), Ordering::Relaxed);
        last.store(high.to_le(), Ordering::Release);
    }

    /// Writes the status of a transmit descriptor back.
    #[inline(always)]
    pub fn write_status(&self, i: u16, status: u32) {
        // SAFETY: inside the ring and aligned.
        let word =
            unsafe { AtomicU32::from_ptr(self.at(i, 12).as_ptr().cast()) };
        word.store(status.to_le(), Ordering::Release);
    }
}

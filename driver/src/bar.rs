//! BAR 0: where driver and device meet.

use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::regs::{BAR0_MIN_BYTES, Offset};

/// A block of 32-bit device registers.
///
/// Each call is exactly one 32-bit access, in program order with the others.
pub trait Bar0 {
    /// Reads the register at `offset`.
    fn read32(&self, offset: Offset) -> u32;

    /// Writes the register at `offset`.
    fn write32(&self, offset: Offset, value: u32);

    /// Where the register lies, for code in another language, if an access
    /// to it is a volatile one to memory and nothing else.
    #[inline(always)]
    fn mapped(&self, _offset: Offset) -> Option<NonNull<u32>> {
        None
    }

    /// Sets the bits of `mask`.
    fn set_bits(&self, offset: Offset, mask: u32) {
        self.write32(offset, self.read32(offset) | mask);
    }

    /// Clears the bits of `mask`.
    fn clear_bits(&self, offset: Offset, mask: u32) {
        self.write32(offset, self.read32(offset) & !mask);
    }
}

/// Registers in mapped memory: a card's `resource0`, a VFIO region or the
/// page that a software device polls. The machine code is the same for all.
#[derive(Clone, Copy, Debug)]
pub struct MappedBar<'a> {
    base: NonNull<u8>,
    mapping: PhantomData<&'a ()>,
}

// SAFETY: the pointer is only ever used for volatile accesses to device
// memory, which any thread may make.
unsafe impl Send for MappedBar<'_> {}

impl MappedBar<'_> {
    /// Takes the registers that start at `base`.
    ///
    /// # Safety
    ///
    /// `base` must be aligned to 4 KiB and point to at least
    /// [`BAR0_MIN_BYTES`] bytes that stay mapped, readable and writable, for
    /// the lifetime of the value, and that no reference points into.
    pub unsafe fn new(base: NonNull<u8>) -> Self {
        assert!(
            base.as_ptr().addr().is_multiple_of(4096),
            "BAR 0 is page-aligned"
        );
        Self { base, mapping: PhantomData }
    }

    #[inline(always)]
    fn register(&self, offset: Offset) -> NonNull<u32> {
        let bytes = offset.bytes() as usize;
        debug_assert!(bytes + 4 <= BAR0_MIN_BYTES);
        // SAFETY: every `Offset` comes from the register table, whose rows
        // lie below BAR0_MIN_BYTES (asserted in this crate's tests).
        unsafe { self.base.add(bytes).cast() }
    }
}

impl Bar0 for MappedBar<'_> {
    #[inline(always)]
    fn read32(&self, offset: Offset) -> u32 {
        // SAFETY: mapped and aligned, by `new` and `register`.
        u32::from_le(unsafe { self.register(offset).read_volatile() })
    }

    #[inline(always)]
    fn write32(&self, offset: Offset, value: u32) {
        // SAFETY: mapped and aligned, by `new` and `register`.
        unsafe { self.register(offset).write_volatile(value.to_le()) }
    }

    #[inline(always)]
    fn mapped(&self, offset: Offset) -> Option<NonNull<u32>> {
        Some(self.register(offset))
    }
}

/// A [`MappedBar`] on which each access takes a while, as over PCIe.
///
/// To a software device a doorbell is an ordinary store; to a card it is an
/// uncached one of a hundred cycles and more. Whatever is measured through
/// this is labelled "modelled doorbell".
#[derive(Clone, Copy, Debug)]
pub struct CostedBar<'a> {
    bar: MappedBar<'a>,
    cycles: u32,
}

impl<'a> CostedBar<'a> {
    /// Makes each access to `bar` take about `cycles` core cycles longer.
    pub fn new(bar: MappedBar<'a>, cycles: u32) -> Self {
        Self { bar, cycles }
    }

    /// A dependent chain of one-cycle additions.
    #[inline(always)]
    fn spend(&self) {
        let mut chain = 0;
        for _ in 0..self.cycles {
            chain = crate::opaque::word(chain + 1);
        }
    }
}

impl Bar0 for CostedBar<'_> {
    #[inline(always)]
    fn read32(&self, offset: Offset) -> u32 {
        self.spend();
        self.bar.read32(offset)
    }

    #[inline(always)]
    fn write32(&self, offset: Offset, value: u32) {
        self.spend();
        self.bar.write32(offset, value);
    }
}

/// Registers without a device behind them, for tests.
#[cfg(test)]
pub(crate) mod fake {
    use super::{Bar0, Offset};
    use core::cell::RefCell;
    use std::collections::BTreeMap;

    /// Reads back what was written, and zero where nothing was.
    #[derive(Default)]
    pub struct FakeBar(RefCell<BTreeMap<Offset, u32>>);

    impl Bar0 for FakeBar {
        fn read32(&self, offset: Offset) -> u32 {
            self.0.borrow().get(&offset).copied().unwrap_or(0)
        }

        fn write32(&self, offset: Offset, value: u32) {
            self.0.borrow_mut().insert(offset, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{DmaRegion, Iova};
    use crate::regs::{CTRL, EEC, RDT};

    fn region() -> DmaRegion {
        DmaRegion::allocate(BAR0_MIN_BYTES, Iova::new(0)).expect("memory")
    }

    #[test]
    fn a_mapped_register_is_a_little_endian_word_at_its_offset() {
        let region = region();
        // SAFETY: the region is aligned to 2 MiB and outlives the bar.
        let bar = unsafe { MappedBar::new(region.base()) };
        bar.write32(EEC.offset(), 0x1122_3344);
        assert_eq!(bar.read32(EEC.offset()), 0x1122_3344);
        // SAFETY: inside the region.
        let bytes: [u8; 4] =
            unsafe { region.base().add(0x10010).cast().read() };
        assert_eq!(bytes, [0x44, 0x33, 0x22, 0x11]);
        let at = bar.mapped(EEC.offset()).expect("plain memory");
        // SAFETY: a register of the region.
        assert_eq!(unsafe { at.read_volatile() }, 0x1122_3344);
    }

    #[test]
    fn setting_and_clearing_bits_leaves_the_others_alone() {
        let bar = fake::FakeBar::default();
        bar.write32(CTRL.offset(), 0xF0F0_0000);
        bar.set_bits(CTRL.offset(), 0x0000_0013);
        assert_eq!(bar.read32(CTRL.offset()), 0xF0F0_0013);
        bar.clear_bits(CTRL.offset(), 0x00F0_0001);
        assert_eq!(bar.read32(CTRL.offset()), 0xF000_0012);
    }

    #[test]
    fn a_costed_bar_passes_every_value_through() {
        let region = region();
        // SAFETY: the region is aligned to 2 MiB and outlives the bars.
        let plain = unsafe { MappedBar::new(region.base()) };
        for cycles in [0, 1, 1000] {
            let costed = CostedBar::new(plain, cycles);
            costed.write32(RDT.at(0), 7 + cycles);
            assert_eq!(plain.read32(RDT.at(0)), 7 + cycles);
            plain.write32(RDT.at(1), 9 + cycles);
            assert_eq!(costed.read32(RDT.at(1)), 9 + cycles);
            assert_eq!(costed.mapped(RDT.at(1)), None);
        }
    }

    #[test]
    #[should_panic(expected = "page-aligned")]
    fn registers_start_at_a_page() {
        let region = region();
        // SAFETY: inside the region; nothing is accessed.
        let _ = unsafe { MappedBar::new(region.base().add(64)) };
    }
}

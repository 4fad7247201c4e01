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
    fn register(&self, offset: Offset) -> *mut u32 {
        let bytes = offset.bytes() as usize;
        debug_assert!(bytes + 4 <= BAR0_MIN_BYTES);
        // SAFETY: every `Offset` comes from the register table, whose rows
        // lie below BAR0_MIN_BYTES (asserted in this crate's tests).
        unsafe { self.base.as_ptr().add(bytes).cast() }
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

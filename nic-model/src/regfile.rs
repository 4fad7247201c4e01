//! The registers of one port, in memory.

use core::marker::PhantomData;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering};

use driver::regs::*;

/// A port's registers: 128 KiB that the driver maps or is trapped on.
#[derive(Clone, Copy, Debug)]
pub struct RegisterFile<'a> {
    base: NonNull<u8>,
    mapping: PhantomData<&'a ()>,
}

// SAFETY: the registers are reached by atomic accesses only.
unsafe impl Send for RegisterFile<'_> {}

impl RegisterFile<'_> {
    /// The registers that lie at `base`.
    ///
    /// # Safety
    ///
    /// `base` is aligned to 4 KiB and points to [`BAR0_BYTES`] bytes that
    /// stay mapped for the lifetime of the value, and that no reference
    /// points into.
    pub unsafe fn new(base: NonNull<u8>) -> Self {
        Self { base, mapping: PhantomData }
    }

    #[inline(always)]
    fn register(&self, offset: u32) -> &AtomicU32 {
        let at = offset as usize;
        assert!(at.is_multiple_of(4) && at < BAR0_BYTES, "no such register");
        // SAFETY: aligned and inside the file.
        unsafe { AtomicU32::from_ptr(self.base.as_ptr().add(at).cast()) }
    }

    /// Reads the register at `offset`; what the driver wrote before it is
    /// visible afterwards.
    #[inline(always)]
    pub fn load(&self, offset: u32) -> u32 {
        u32::from_le(self.register(offset).load(Ordering::Acquire))
    }

    /// Writes the register at `offset`; what was written before is visible
    /// to a driver that sees the value.
    #[inline(always)]
    pub fn store(&self, offset: u32, value: u32) {
        self.register(offset).store(value.to_le(), Ordering::Release);
    }

    /// Reads register `n` of a row.
    #[inline(always)]
    pub fn get(&self, row: &Register, n: u16) -> u32 {
        self.load(row.at(n).bytes())
    }

    /// Writes register `n` of a row.
    #[inline(always)]
    pub fn set(&self, row: &Register, n: u16, value: u32) {
        self.store(row.at(n).bytes(), value);
    }

    /// What LINKS says of a link that is up or down.
    pub(crate) fn show_link(&self, up: bool) {
        let bits = if up { links::UP | links::SPEED_10G } else { 0 };
        self.set(&LINKS, 0, bits);
    }

    /// Every register as after a reset (datasheet 8.2.3), CTRL last, for a
    /// driver waits for that one.
    pub fn reset(&self, mac: [u8; 6], link_up: bool) {
        for row in ALL.iter().filter(|row| row.name != CTRL.name) {
            let value = default(row);
            for n in 0..row.count().min(RESET_PER_ROW) {
                self.set(row, n, value);
            }
        }
        let [a, b, c, d, e, f] = mac;
        self.set(&RAL, 0, u32::from_le_bytes([a, b, c, d]));
        self.set(&RAH, 0, u32::from_le_bytes([e, f, 0, 0]) | rah::AV);
        self.show_link(link_up);
        self.set(&CTRL, 0, 0);
    }
}

/// Registers of a row that a reset writes: all of them, but in an interpreter,
/// which takes seconds for 128 queues, those of the queues that tests use.
const RESET_PER_ROW: u16 = if cfg!(miri) { 4 } else { QUEUES };

/// The value of a register after a reset.
fn default(row: &Register) -> u32 {
    match row.name {
        name if name == EEC.name => eec::ARD,
        name if name == RDRXCTL.name => rdrxctl::DMAIDONE,
        name if name == SRRCTL.name => 2,
        name if name == AUTOC.name => 0xC000_8000,
        _ => 0,
    }
}

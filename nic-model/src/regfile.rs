//! The registers of one port, in memory.

use core::marker::PhantomData;
use core::ops::Range;
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
        let bits = links::UP | links::SPEED_10G | links::AN_COMPLETED;
        let bits = if up { bits } else { 0 };
        self.set(&LINKS, 0, bits);
    }

    /// Zero everywhere, also where no register is known.
    pub(crate) fn erase(&self) {
        for offset in (0..BAR0_BYTES as u32).step_by(4) {
            self.store(offset, 0);
        }
    }

    /// Every register as after a reset (datasheet 8.2.3), CTRL last, for a
    /// driver waits for that one.
    pub fn reset(&self, mac: [u8; 6], link_up: bool) {
        for row in ALL.iter().filter(|row| row.name != CTRL.name) {
            let value = default(row);
            for n in 0..reset_count(row) {
                self.set(row, n, value);
            }
        }
        // All packet memory belongs to the first buffer.
        self.set(&RXPBSIZE, 0, 512 << 10);
        self.set(&TXPBSIZE, 0, 160 << 10);
        let [a, b, c, d, e, f] = mac;
        let low = u32::from_le_bytes([a, b, c, d]);
        let high = u32::from_le_bytes([e, f, 0, 0]) | rah::AV;
        self.set(&RAL, 0, low);
        self.set(&RAH, 0, high);
        self.store(ALIASES.start, low);
        self.store(ALIASES.start + 4, high);
        self.show_link(link_up);
        self.set(&CTRL, 0, 0);
    }
}

/// Second offsets of RAL(0) to RAH(15) (datasheet 8.2.3.7.9). In memory that is
/// only polled, they hold what a reset left there.
const ALIASES: Range<u32> = 0xA200..0xA280;

/// The offset in the table for one that may be a second offset.
pub(crate) fn canonical(offset: u32) -> u32 {
    if ALIASES.contains(&offset) {
        offset - ALIASES.start + RAL.offset().bytes()
    } else {
        offset
    }
}

/// Registers of a row that a reset writes: all of them, but in an interpreter,
/// which takes seconds for 128 queues, those of the queues that tests use.
fn reset_count(row: &Register) -> u16 {
    if cfg!(miri) { row.count().min(4) } else { row.count() }
}

/// The value of a register after a reset.
fn default(row: &Register) -> u32 {
    match row.name {
        name if name == EEC.name => eec::PRES | eec::ARD | eec::SIZE_4096,
        name if name == FWSM.name => fwsm::FW_VALID,
        name if name == SECTXSTAT.name => sectxstat::READY,
        name if name == SECRXSTAT.name => secrxstat::READY,
        // A partner that has answered.
        name if name == ANLP1.name => anlp1::ANAS,
        name if name == RDRXCTL.name => rdrxctl::DMAIDONE,
        name if name == SRRCTL.name => 2,
        name if name == AUTOC.name => 0xC000_8000,
        _ => 0,
    }
}

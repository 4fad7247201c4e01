//! `reg=foreign`: each access to a device word is a call into C.
//!
//! *Idea.* The language cannot reach memory as the device wants it, so a few
//! lines of another language do, through a foreign function interface.
//!
//! *Cost.* A call per word, which nothing is inlined across.
//!
//! *Origin.* The second contender of the int32 experiment of 2013, "C via
//! FFI". An interface that switches stacks or tells a collector about the
//! call, as OCaml's does by default, costs more than this one.
//!
//! *Compare.* `unboxed.rs`, and `variants/c/foreign.c`.

use std::ptr::NonNull;

use driver::bar::Bar0;
use driver::policy::RegAccess;
use driver::regs::Offset;
use driver::ring::{Field32, Field64};

/// A device word is a `u32` that C brings and takes away.
pub struct Foreign;

impl RegAccess for Foreign {
    const NAME: &'static str = "foreign";
    const IDEA: &'static str = "a call into C per read and per write";

    type Word = u32;

    #[inline(always)]
    fn word(value: u32) -> u32 {
        value
    }

    #[inline(always)]
    fn value(word: u32) -> u32 {
        word
    }

    #[inline(always)]
    fn load(field: Field32<'_>) -> u32 {
        // SAFETY: a field is aligned and lies in a ring.
        u32::from_le(unsafe { ringside_load32(field.as_ptr()) })
    }

    #[inline(always)]
    fn store(field: Field32<'_>, word: u32) {
        // SAFETY: as in `load`.
        unsafe { ringside_store32(field.as_ptr(), word.to_le()) };
    }

    #[inline(always)]
    fn store_address(field: Field64<'_>, address: u64) {
        // SAFETY: as in `load`.
        unsafe { ringside_store64(field.as_ptr(), address.to_le()) };
    }

    #[inline(always)]
    fn write<B: Bar0>(bar: &B, register: Offset, word: u32) {
        match bar.mapped(register).map(NonNull::as_ptr) {
            // SAFETY: a register is aligned and mapped.
            Some(at) => unsafe { ringside_store32(at, word.to_le()) },
            // More than memory, with more to pay for than a call.
            None => bar.write32(register, word),
        }
    }
}

unsafe extern "C" {
    /// Reads 32 bits in one access.
    pub fn ringside_load32(word: *const u32) -> u32;
    /// Reads 64 bits in one access.
    pub fn ringside_load64(word: *const u64) -> u64;
    /// Writes 32 bits in one access.
    pub fn ringside_store32(word: *mut u32, value: u32);
    /// Writes 64 bits in one access.
    pub fn ringside_store64(word: *mut u64, value: u64);
}

#[cfg(test)]
mod tests {
    crate::reg_conformance!(super::Foreign);
}

//! `reg=tagged`: an access to a device word is a value of a sum type.
//!
//! *Idea.* One function carries out every kind of access. The caller builds a
//! value that says which, with a payload; the function matches on it.
//!
//! *Cost.* Per access a tag and a payload written and read back, and a jump
//! on the tag. Nothing is allocated: a language that keeps such values on the
//! heap pays for that, too.
//!
//! *Origin.* The registers of ixy.ml, a variant with payloads.
//!
//! *Compare.* `typed.rs`, `unboxed.rs`.

use driver::bar::{Bar0, MappedBar};
use driver::opaque;
use driver::policy::RegAccess;
use driver::regs::Offset;
use driver::ring::{Field32, Field64};

/// A device word is a `u32`, an access to it a value of an `enum`.
pub struct Tagged;

/// An access to a device word.
enum Access<'a, B> {
    /// Reads a word of a descriptor.
    Load(Field32<'a>),
    /// Writes a word of a descriptor.
    Store(Field32<'a>, u32),
    /// Writes an address of a descriptor.
    StoreAddress(Field64<'a>, u64),
    /// Writes a register.
    Write(&'a B, Offset, u32),
}

impl<B: Bar0> Access<'_, B> {
    /// Returns what was read, or 0.
    #[inline(always)]
    fn carry_out(self) -> u32 {
        // With a tag that it knows, the compiler would leave one arm only.
        match *opaque::reference(&self) {
            Self::Load(field) => return field.read(),
            Self::Store(field, word) => field.write(word),
            Self::StoreAddress(field, address) => field.write(address),
            Self::Write(bar, register, word) => bar.write32(register, word),
        }
        0
    }
}

/// An access to a descriptor, which lies behind no register.
type InRing<'a> = Access<'a, MappedBar<'a>>;

impl RegAccess for Tagged {
    const NAME: &'static str = "tagged";
    const IDEA: &'static str = "an enum per access, matched at run time";

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
        InRing::Load(field).carry_out()
    }

    #[inline(always)]
    fn store(field: Field32<'_>, word: u32) {
        InRing::Store(field, word).carry_out();
    }

    #[inline(always)]
    fn store_address(field: Field64<'_>, address: u64) {
        InRing::StoreAddress(field, address).carry_out();
    }

    #[inline(always)]
    fn write<B: Bar0>(bar: &B, register: Offset, word: u32) {
        Access::Write(bar, register, word).carry_out();
    }
}

#[cfg(test)]
mod tests {
    crate::reg_conformance!(super::Tagged);
}

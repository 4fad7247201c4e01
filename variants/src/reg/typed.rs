//! `reg=typed`: each kind of access to a device word is a type.
//!
//! *Idea.* One function carries out every kind of access. Which one it is
//! says the type of what it is given, and so the compiler knows.
//!
//! *Cost.* None expected: what is matched on is gone before the program runs.
//!
//! *Origin.* The advice ixy.ml's author was given in 2019: a type parameter
//! (a GADT) in place of a payload, which need not be built.
//!
//! *Compare.* `tagged.rs`, `unboxed.rs`.

use driver::bar::Bar0;
use driver::policy::RegAccess;
use driver::regs::Offset;
use driver::ring::{Field32, Field64};

/// A device word is a `u32`, an access to it a type.
pub struct Typed;

/// An access to a device word.
trait Access {
    /// What it returns.
    type Seen;

    /// Returns what was read.
    fn carry_out(self) -> Self::Seen;
}

/// Reads a word of a descriptor.
struct Load<'a>(Field32<'a>);

/// Writes a word of a descriptor.
struct Store<'a>(Field32<'a>, u32);

/// Writes an address of a descriptor.
struct StoreAddress<'a>(Field64<'a>, u64);

/// Writes a register.
struct Write<'a, B>(&'a B, Offset, u32);

impl Access for Load<'_> {
    type Seen = u32;

    #[inline(always)]
    fn carry_out(self) -> u32 {
        self.0.read()
    }
}

impl Access for Store<'_> {
    type Seen = ();

    #[inline(always)]
    fn carry_out(self) {
        self.0.write(self.1);
    }
}

impl Access for StoreAddress<'_> {
    type Seen = ();

    #[inline(always)]
    fn carry_out(self) {
        self.0.write(self.1);
    }
}

impl<B: Bar0> Access for Write<'_, B> {
    type Seen = ();

    #[inline(always)]
    fn carry_out(self) {
        self.0.write32(self.1, self.2);
    }
}

impl RegAccess for Typed {
    const NAME: &'static str = "typed";
    const IDEA: &'static str = "a type per access, resolved when compiled";

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
        Load(field).carry_out()
    }

    #[inline(always)]
    fn store(field: Field32<'_>, word: u32) {
        Store(field, word).carry_out();
    }

    #[inline(always)]
    fn store_address(field: Field64<'_>, address: u64) {
        StoreAddress(field, address).carry_out();
    }

    #[inline(always)]
    fn write<B: Bar0>(bar: &B, register: Offset, word: u32) {
        Write(bar, register, word).carry_out();
    }
}

#[cfg(test)]
mod tests {
    crate::reg_conformance!(super::Typed);
}

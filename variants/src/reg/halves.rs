//! `reg=halves`: a device word is two 16-bit halves.
//!
//! *Idea.* The language has unboxed accesses of 16 bits and integers wide
//! enough to join two of them.
//!
//! *Cost.* Two accesses per word instead of one, with a shift between them.
//!
//! *Origin.* The advice ixy.ml's author was given in January 2019: read
//! `get16` twice, where `get32` would box.
//!
//! *Compare.* `unboxed.rs`, `bytes.rs`.

use driver::policy::RegAccess;
use driver::ring::{Field32, Field64};

/// A device word is two halves, the lower first.
pub struct Halves;

impl RegAccess for Halves {
    const NAME: &'static str = "halves";
    const IDEA: &'static str = "two 16-bit words, shift and mask";

    type Word = [u16; 2];

    #[inline(always)]
    fn word(value: u32) -> [u16; 2] {
        [value as u16, (value >> 16) as u16]
    }

    #[inline(always)]
    fn value(word: [u16; 2]) -> u32 {
        u32::from(word[0]) | u32::from(word[1]) << 16
    }

    #[inline(always)]
    fn load(field: Field32<'_>) -> [u16; 2] {
        [field.read_half::<0>(), field.read_half::<1>()]
    }

    #[inline(always)]
    fn store(field: Field32<'_>, word: [u16; 2]) {
        field.write_half::<0>(word[0]);
        field.write_half::<1>(word[1]);
    }

    #[inline(always)]
    fn store_address(field: Field64<'_>, address: u64) {
        field.write_half::<0>(address as u16);
        field.write_half::<1>((address >> 16) as u16);
        field.write_half::<2>((address >> 32) as u16);
        field.write_half::<3>((address >> 48) as u16);
    }
}

#[cfg(test)]
mod tests {
    crate::reg_conformance!(super::Halves);
}

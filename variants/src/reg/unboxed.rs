//! `reg=unboxed`: a device word is a `u32`.
//!
//! *Idea.* The language has the device's type, so a word is one load or one
//! store and lives in a register in between.
//!
//! *Cost.* One volatile access per word.
//!
//! *Origin.* C and Rust drivers; ixy.ml since February 2019, after its author
//! taught the OCaml compiler to keep such words unboxed.
//!
//! *Compare.* `boxed.rs`, `bytes.rs`, `halves.rs`.

use driver::policy::RegAccess;
use driver::ring::{Field32, Field64};

/// A device word is a `u32`.
pub struct Unboxed;

impl RegAccess for Unboxed {
    const NAME: &'static str = "unboxed";
    const IDEA: &'static str = "a volatile u32";

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
        field.read()
    }

    #[inline(always)]
    fn store(field: Field32<'_>, word: u32) {
        field.write(word);
    }

    #[inline(always)]
    fn store_address(field: Field64<'_>, address: u64) {
        field.write(address);
    }
}

#[cfg(test)]
mod tests {
    crate::reg_conformance!(super::Unboxed);
}

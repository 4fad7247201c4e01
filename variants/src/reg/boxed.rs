//! `reg=boxed`: a device word is a `Box<u32>`.
//!
//! *Idea.* The language's own integers are a bit short of 32, so a word is an
//! object on the heap: every read makes one, every write takes one.
//!
//! *Cost.* An allocation and a release per word on top of the access.
//!
//! *Origin.* OCaml's `Int32`, as ixy.ml used it until February 2019.
//!
//! *Compare.* `unboxed.rs`.

use driver::opaque;
use driver::policy::RegAccess;
use driver::ring::{Field32, Field64};

/// A device word is a `Box<u32>`.
pub struct Boxed;

impl RegAccess for Boxed {
    const NAME: &'static str = "boxed";
    const IDEA: &'static str = "a Box<u32> per read and per write";

    type Word = Box<u32>;

    #[inline(always)]
    fn word(value: u32) -> Box<u32> {
        opaque::boxed(Box::new(value))
    }

    #[inline(always)]
    fn value(word: Box<u32>) -> u32 {
        *word
    }

    #[inline(always)]
    fn load(field: Field32<'_>) -> Box<u32> {
        Self::word(field.read())
    }

    #[inline(always)]
    fn store(field: Field32<'_>, word: Box<u32>) {
        field.write(*word);
    }

    #[inline(always)]
    fn store_address(field: Field64<'_>, address: u64) {
        field.write(*opaque::boxed(Box::new(address)));
    }
}

#[cfg(test)]
mod tests {
    crate::reg_conformance!(super::Boxed);
}

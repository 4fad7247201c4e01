//! `reg=bytes`: a device word is four bytes.
//!
//! *Idea.* The language's buffers are strings of bytes, so a word is put
//! together from four reads and taken apart for four writes.
//!
//! *Cost.* Four accesses per word instead of one, with shifts between them.
//!
//! *Origin.* The plain way to a 32-bit integer in an OCaml string; the first
//! contender of the int32 experiment of 2013.
//!
//! *Compare.* `unboxed.rs`, `halves.rs`.

use driver::policy::RegAccess;
use driver::ring::{Field32, Field64};

/// A device word is four bytes, the lowest first.
pub struct Bytes;

impl RegAccess for Bytes {
    const NAME: &'static str = "bytes";
    const IDEA: &'static str = "four bytes, shift and mask";

    type Word = [u8; 4];

    #[inline(always)]
    fn word(value: u32) -> [u8; 4] {
        value.to_le_bytes()
    }

    #[inline(always)]
    fn value(word: [u8; 4]) -> u32 {
        u32::from_le_bytes(word)
    }

    #[inline(always)]
    fn load(field: Field32<'_>) -> [u8; 4] {
        [
            field.read_byte::<0>(),
            field.read_byte::<1>(),
            field.read_byte::<2>(),
            field.read_byte::<3>(),
        ]
    }

    #[inline(always)]
    fn store(field: Field32<'_>, word: [u8; 4]) {
        field.write_byte::<0>(word[0]);
        field.write_byte::<1>(word[1]);
        field.write_byte::<2>(word[2]);
        field.write_byte::<3>(word[3]);
    }

    #[inline(always)]
    fn store_address(field: Field64<'_>, address: u64) {
        let bytes = address.to_le_bytes();
        field.write_byte::<0>(bytes[0]);
        field.write_byte::<1>(bytes[1]);
        field.write_byte::<2>(bytes[2]);
        field.write_byte::<3>(bytes[3]);
        field.write_byte::<4>(bytes[4]);
        field.write_byte::<5>(bytes[5]);
        field.write_byte::<6>(bytes[6]);
        field.write_byte::<7>(bytes[7]);
    }
}

#[cfg(test)]
mod tests {
    crate::reg_conformance!(super::Bytes);
}

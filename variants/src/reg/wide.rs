//! `reg=wide`: a descriptor is one word of 128 bits.
//!
//! *Idea.* What the driver writes to a descriptor it writes in one access,
//! put together in a vector register. What it reads is a word of 32 bits.
//!
//! *Cost.* One store per descriptor instead of two or three, and a shift and
//! an insertion to put it together.
//!
//! *Origin.* The vector receive of DPDK's ixgbe driver, which arms
//! descriptors so.
//!
//! *Compare.* `unboxed.rs`.

use driver::policy::RegAccess;
use driver::ring::{Field32, Field64, RxDesc, TxDesc};

/// A descriptor is one word of 128 bits.
pub struct Wide;

impl RegAccess for Wide {
    const NAME: &'static str = "wide";
    const IDEA: &'static str = "a descriptor written in one access";

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

    #[inline(always)]
    fn store_rx(desc: RxDesc<'_>, pkt_addr: u64) {
        desc.write(pkt_addr, 0);
    }

    #[inline(always)]
    fn store_tx(
        desc: TxDesc<'_>,
        address: u64,
        cmd_type_len: u32,
        olinfo_status: u32,
    ) {
        desc.write(address, cmd_type_len, olinfo_status);
    }
}

#[cfg(test)]
mod tests {
    crate::reg_conformance!(super::Wide);
}

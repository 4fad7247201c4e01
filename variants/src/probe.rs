//! The baseline with instructions that do nothing, to try an instrument on.
//!
//! What counts exactly tells `probe=nop1` from `probe=nop2` by one
//! instruction per packet. These are no styles: no list, sweep or chart has
//! them.

use core::arch::asm;

use driver::mempool::PacketAddress;
use driver::policy::Prefetch;

/// `N` instructions without an effect for each packet that is received, in
/// the loop that receives it.
pub struct Nops<const N: usize>;

impl<const N: usize> Prefetch for Nops<N> {
    const NAME: &'static str = "nops";
    const IDEA: &'static str = "instructions without an effect per packet";

    #[inline(always)]
    fn expect(_packet: PacketAddress<'_>) {
        // SAFETY: an instruction that does nothing touches nothing.
        unsafe {
            asm!(
                ".rept {n}",
                "nop",
                ".endr",
                n = const N,
                options(nomem, nostack, preserves_flags),
            );
        }
    }
}

//! The two barriers that a ring needs.
//!
//! Driver and device hand descriptors and buffers to each other: towards the
//! driver by the DD bit, towards the device by the tail. What was written
//! before either of them has to be there for whoever sees it, and a machine
//! with a weak memory order has to be told so.
//!
//! The other side is a device, so a barrier between cores is not enough. On
//! AArch64 `fence` stands for `dmb ish`, whose domain is that of the cores;
//! DMA is in the outer shareable domain, and its barriers are Linux's
//! `dma_rmb` and `dma_mb`. `dmb` suffices towards device registers as well,
//! without the completion that `dsb` waits for: a store that one observer
//! sees is seen by all (Linux 22ec71615d82, "arm64: io: Relax implicit
//! barriers in default I/O accessors").
//!
//! x86-64 keeps loads in order, and stores in order, and no store overtakes
//! an earlier load. There both are barriers for the compiler and cost no
//! instruction, as long as BAR 0 is not mapped write-combining. Elsewhere, and
//! in Miri and loom, both are fences between threads, which is what a device in
//! software needs.

#[cfg(all(any(not(target_arch = "aarch64"), miri), not(all(loom, test))))]
use core::sync::atomic::{Ordering, fence};
#[cfg(all(loom, test))]
use loom::sync::atomic::{Ordering, fence};

/// To stand between the sight of DD and everything that relies on it: reads
/// of the descriptor's other words and of the packet.
#[inline(always)]
pub fn after_done() {
    #[cfg(all(target_arch = "aarch64", not(any(miri, all(loom, test)))))]
    // SAFETY: a barrier changes neither registers nor memory.
    unsafe {
        core::arch::asm!("dmb oshld", options(nostack, preserves_flags));
    }
    #[cfg(any(not(target_arch = "aarch64"), miri, all(loom, test)))]
    fence(Ordering::Acquire);
}

/// To stand between the last access to what the device is given, descriptors
/// and buffers, and the write of a tail.
///
/// Orders reads, too: a buffer that goes back to the device has been read
/// before the device writes to it.
#[inline(always)]
pub fn before_doorbell() {
    #[cfg(all(target_arch = "aarch64", not(any(miri, all(loom, test)))))]
    // SAFETY: a barrier changes neither registers nor memory.
    unsafe {
        core::arch::asm!("dmb osh", options(nostack, preserves_flags));
    }
    #[cfg(any(not(target_arch = "aarch64"), miri, all(loom, test)))]
    fence(Ordering::Release);
}

#[cfg(all(loom, test))]
mod under_loom;

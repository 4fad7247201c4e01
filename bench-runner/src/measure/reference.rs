//! The reference kernel: a walk around a ring of descriptors that nothing in
//! `driver` and `variants` has a part in.
//!
//! Its time is the unit of times that are compared over months: it follows the
//! machine as the forwarders do, and no commit makes it faster. It stays as it
//! is. [`digest`] says whether a compiler made other machine code of it.

use std::hint::black_box;

use nic_model::Arena;

use crate::clock::stamp;
use crate::explain;
use crate::failure::Failure;

/// Descriptors of the ring.
const ENTRIES: usize = 512;

/// Buffers that no descriptor has.
const FREE: usize = 32;

/// Words from one buffer to the next: a cache line more than 2 KiB.
const STRIDE: usize = 264;

/// Turns around the ring before those that are timed, and of those.
const WARM_UP: u32 = 2;
const TURNS: u32 = 24;

/// Steps that are timed.
pub const STEPS: u64 = TURNS as u64 * ENTRIES as u64;

/// The bit of a status that says done.
const DONE: u64 = 1;

/// Bytes of all of it.
const BYTES: usize = ENTRIES * 16 + (ENTRIES + FREE) * (STRIDE * 8 + 2);

/// Ticks of [`STEPS`] steps on the memory of an arena, whose content is lost;
/// none where that is too small.
pub fn ticks(arena: &mut Arena) -> Option<u64> {
    let mut dma = arena.split().dma;
    if dma.window().bytes() < BYTES {
        return None;
    }
    let mut ring = dma.table::<[u64; 2]>(ENTRIES);
    let mut buffers = dma.table::<u64>((ENTRIES + FREE) * STRIDE);
    let mut free = dma.table::<u16>(FREE);
    for (i, descriptor) in ring.iter_mut().enumerate() {
        *descriptor = [i as u64, DONE];
    }
    for (i, index) in free.iter_mut().enumerate() {
        *index = (ENTRIES + i) as u16;
    }
    let mut top = FREE;
    let mut turn = || walk(&mut ring, &mut buffers, &mut free, &mut top);
    (0..WARM_UP).for_each(|_| _ = black_box(turn()));
    let start = stamp();
    (0..TURNS).for_each(|_| _ = black_box(turn()));
    Some(stamp() - start)
}

/// One turn: of each descriptor the status is looked at, its buffer touched
/// and given back, and another one taken.
#[inline(never)]
fn walk(
    ring: &mut [[u64; 2]],
    buffers: &mut [u64],
    free: &mut [u16],
    top: &mut usize,
) -> u64 {
    let mut seen = 0;
    for descriptor in ring {
        let [buffer, status] = *descriptor;
        if status & DONE == 0 {
            break;
        }
        let first = &mut buffers[buffer as usize * STRIDE];
        *first = first.wrapping_add(1);
        seen += *first;
        *top -= 1;
        let next = free[*top];
        free[*top] = buffer as u16;
        *top += 1;
        *descriptor = [u64::from(next), DONE];
    }
    seen
}

/// A digest of the kernel's machine code in this program.
///
/// # Errors
///
/// On another processor than x86-64, and without symbols.
pub fn digest() -> Result<String, Failure> {
    explain::digest_of(walk as *const (), "the reference kernel")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_descriptor_is_taken_and_every_buffer_comes_back() {
        let mut ring: Vec<_> = (0..8).map(|i| [i, DONE]).collect();
        let mut buffers = vec![0; 16 * STRIDE];
        let mut free: Vec<u16> = (8..16).collect();
        let mut top = 8;
        for turn in 1..=100 {
            walk(&mut ring, &mut buffers, &mut free, &mut top);
            let touched: u64 = buffers.iter().sum();
            assert_eq!((touched, top), (8 * turn, 8));
            let mut all: Vec<_> = ring.iter().map(|d| d[0]).collect();
            all.extend(free.iter().map(|&index| u64::from(index)));
            all.sort_unstable();
            assert_eq!(all, (0..16).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_descriptor_that_is_not_done_ends_the_turn() {
        let mut ring = vec![[0, DONE], [1, 0], [2, DONE]];
        let mut buffers = vec![0; 6 * STRIDE];
        let mut free = vec![3, 4, 5];
        let mut top = 3;
        assert_eq!(walk(&mut ring, &mut buffers, &mut free, &mut top), 1);
        assert_eq!(ring[1..], [[1, 0], [2, DONE]]);
    }
}

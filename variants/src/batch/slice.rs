//! `batch=slice`: the caller's array, filled in place.
//!
//! *Idea.* The caller owns an array for as long as it runs; receiving fills
//! its front.
//!
//! *Cost.* One store per packet in, one load and one store out.
//!
//! *Origin.* The C driver: `struct pkt_buf* bufs[BATCH_SIZE]` on the stack.
//!
//! *Compare.* `vec.rs`, `reused.rs`, `deque.rs`.

use std::mem;

use driver::policy::{Batch, BatchStyle, Walk};

/// The caller's array, filled in place.
pub struct Slice;

impl BatchStyle for Slice {
    const NAME: &'static str = "slice";
    const IDEA: &'static str = "the caller's array, filled in place";

    type Of<T: Default> = SliceBatch<T>;
}

/// An array of which the front is in use.
pub struct SliceBatch<T> {
    packets: Box<[T]>,
    first: u16,
    end: u16,
}

impl<T: Default> Batch<T> for SliceBatch<T> {
    fn with_capacity(max: u16) -> Self {
        let packets = (0..max).map(|_| T::default()).collect();
        Self { packets, first: 0, end: 0 }
    }

    #[inline(always)]
    fn fill(&mut self, n: u16, mut draw: impl FnMut() -> T) {
        for slot in &mut self.packets[..usize::from(n)] {
            *slot = draw();
        }
        self.first = 0;
        self.end = n;
    }

    #[inline(always)]
    fn len(&self) -> u16 {
        self.end - self.first
    }

    #[inline(always)]
    fn for_each<W: Walk>(&mut self, mut visit: impl FnMut(&mut T)) {
        let used = usize::from(self.first)..usize::from(self.end);
        for packet in &mut self.packets[used] {
            visit(packet);
        }
    }

    #[inline(always)]
    fn take<W: Walk>(&mut self, n: u16, mut visit: impl FnMut(T)) {
        let end = self.first + n;
        let taken = usize::from(self.first)..usize::from(end);
        for packet in &mut self.packets[taken] {
            visit(mem::take(packet));
        }
        self.first = end;
    }
}

#[cfg(test)]
mod tests {
    crate::batch_conformance!(super::Slice);
}

//! `batch=reused`: one Vec, cleared and refilled.
//!
//! *Idea.* The caller owns a Vec for as long as it runs; receiving pushes,
//! sending drains.
//!
//! *Cost.* A store per packet in, a load out, and the length kept in memory.
//!
//! *Origin.* The idiom for a scratch Vec in Rust.
//!
//! *Compare.* `slice.rs`, `vec.rs`, `deque.rs`.

use driver::policy::{Batch, BatchStyle, Walk};

/// One Vec, cleared and refilled.
pub struct Reused;

impl BatchStyle for Reused {
    const NAME: &'static str = "reused";
    const IDEA: &'static str = "one Vec, cleared and refilled";

    type Of<T: Default> = ReusedBatch<T>;
}

/// A Vec that keeps its capacity.
pub struct ReusedBatch<T> {
    packets: Vec<T>,
}

impl<T: Default> Batch<T> for ReusedBatch<T> {
    fn with_capacity(max: u16) -> Self {
        Self { packets: Vec::with_capacity(max.into()) }
    }

    #[inline(always)]
    fn fill(&mut self, n: u16, mut draw: impl FnMut() -> T) {
        self.packets.clear();
        for _ in 0..n {
            self.packets.push(draw());
        }
    }

    #[inline(always)]
    fn len(&self) -> u16 {
        self.packets.len() as u16
    }

    #[inline(always)]
    fn for_each<W: Walk>(&mut self, mut visit: impl FnMut(&mut T)) {
        for packet in &mut self.packets {
            visit(packet);
        }
    }

    #[inline(always)]
    fn take<W: Walk>(&mut self, n: u16, mut visit: impl FnMut(T)) {
        for packet in self.packets.drain(..usize::from(n)) {
            visit(packet);
        }
    }
}

#[cfg(test)]
mod tests {
    crate::batch_conformance!(super::Reused);
}

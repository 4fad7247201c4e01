//! `batch=deque`: a VecDeque, pushed at the back and popped at the front.
//!
//! *Idea.* A queue of packets, whose order is part of its type.
//!
//! *Cost.* As `reused`, and each push and pop wraps its index.
//!
//! *Origin.* The published Rust driver.
//!
//! *Compare.* `slice.rs`, `vec.rs`, `reused.rs`.

use std::collections::VecDeque;

use driver::policy::{Batch, BatchStyle, Walk};

/// A VecDeque, pushed at the back and popped at the front.
pub struct Deque;

impl BatchStyle for Deque {
    const NAME: &'static str = "deque";
    const IDEA: &'static str = "a VecDeque, pushed and popped";

    type Of<T: Default> = DequeBatch<T>;
}

/// A queue that keeps its capacity.
pub struct DequeBatch<T> {
    packets: VecDeque<T>,
}

impl<T: Default> Batch<T> for DequeBatch<T> {
    fn with_capacity(max: u16) -> Self {
        Self { packets: VecDeque::with_capacity(max.into()) }
    }

    #[inline(always)]
    fn fill(&mut self, n: u16, mut draw: impl FnMut() -> T) {
        for _ in 0..n {
            self.packets.push_back(draw());
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
        for _ in 0..n {
            if let Some(packet) = self.packets.pop_front() {
                visit(packet);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    crate::batch_conformance!(super::Deque);
}

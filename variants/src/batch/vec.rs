//! `batch=vec`: a fresh Vec per batch.
//!
//! *Idea.* Receiving returns a new array of just the right size; sending uses
//! it up.
//!
//! *Cost.* An allocation and a release per batch, on top of a store per
//! packet in and a load out.
//!
//! *Origin.* ixy.ml until February 2019, which its author suspected of being
//! expensive.
//!
//! *Compare.* `slice.rs`, `reused.rs`, `deque.rs`.

use std::vec::IntoIter;

use driver::policy::{Batch, BatchStyle, Walk};

/// A fresh Vec per batch.
pub struct Fresh;

impl BatchStyle for Fresh {
    const NAME: &'static str = "vec";
    const IDEA: &'static str = "a fresh Vec per batch";

    type Of<T: Default> = FreshBatch<T>;
}

/// A Vec that is used up from its front.
pub struct FreshBatch<T> {
    packets: IntoIter<T>,
}

impl<T: Default> Batch<T> for FreshBatch<T> {
    fn with_capacity(_max: u16) -> Self {
        Self { packets: Vec::new().into_iter() }
    }

    #[inline(always)]
    fn fill(&mut self, n: u16, mut draw: impl FnMut() -> T) {
        let packets: Vec<T> = (0..n).map(|_| draw()).collect();
        self.packets = packets.into_iter();
    }

    #[inline(always)]
    fn len(&self) -> u16 {
        self.packets.len() as u16
    }

    #[inline(always)]
    fn for_each<W: Walk>(&mut self, mut visit: impl FnMut(&mut T)) {
        for packet in self.packets.as_mut_slice() {
            visit(packet);
        }
    }

    #[inline(always)]
    fn take<W: Walk>(&mut self, n: u16, mut visit: impl FnMut(T)) {
        for packet in self.packets.by_ref().take(n.into()) {
            visit(packet);
        }
    }
}

#[cfg(test)]
mod tests {
    crate::batch_conformance!(super::Fresh);
}

//! `batch=inline`: a fixed array on the stack.
//!
//! *Idea.* The forwarder's own frame holds a batch of up to 512 packets, and
//! nothing of it is touched but the front that is used.
//!
//! *Cost.* One store per packet in, one load and one store out, and a look
//! whether there is room; larger batches come in pieces.
//!
//! *Origin.* `struct pkt_buf* bufs[BATCH_SIZE]` in the forwarder that comes
//! with the C driver.
//!
//! *Compare.* `slice.rs`, which reaches the same array through a pointer.

use std::mem;

use arrayvec::ArrayVec;
use driver::mempool::Mempool;
use driver::pass::{Passed, Route, Sink, Source, three_passes};
use driver::policy::{Batch, BatchStyle, Packet, Pass, Policy, Walk};

/// A fixed array on the stack.
pub struct Inline;

/// Most packets of a batch.
const MOST: usize = 512;

impl BatchStyle for Inline {
    const NAME: &'static str = "inline";
    const IDEA: &'static str = "a fixed array on the stack";

    type Of<T: Default> = InlineBatch<T>;
}

impl Pass for Inline {
    const NAME: &'static str = <Self as BatchStyle>::NAME;
    const IDEA: &'static str = <Self as BatchStyle>::IDEA;

    #[inline(always)]
    fn forward<P: Policy, S: Source<P>, D: Sink<P>>(
        route: Route<'_, '_, P, S, D>,
        work: impl FnMut(&mut Mempool<'_, P>, &mut Packet<P>),
    ) -> Passed {
        let Route { source, sink, pool, max, .. } = route;
        let max = max.min(MOST as u16);
        let mut batch = InlineBatch::with_capacity(max);
        three_passes(source, sink, pool, &mut batch, max, work)
    }
}

/// An array of which the front is in use.
pub struct InlineBatch<T> {
    packets: ArrayVec<T, MOST>,
    first: u16,
}

impl<T: Default> Batch<T> for InlineBatch<T> {
    #[inline(always)]
    fn with_capacity(_max: u16) -> Self {
        Self { packets: ArrayVec::new(), first: 0 }
    }

    #[inline(always)]
    fn fill(&mut self, n: u16, mut draw: impl FnMut() -> T) {
        self.packets.clear();
        for _ in 0..n {
            self.packets.push(draw());
        }
        self.first = 0;
    }

    #[inline(always)]
    fn len(&self) -> u16 {
        self.packets.len() as u16 - self.first
    }

    #[inline(always)]
    fn for_each<W: Walk>(&mut self, mut visit: impl FnMut(&mut T)) {
        for packet in &mut self.packets[usize::from(self.first)..] {
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
    crate::batch_conformance!(super::Inline);
}

//! `batch=arena`: cons cells from a bump arena, laid out in order.
//!
//! *Idea.* A batch is a singly linked list whose cells come from an arena
//! that is emptied when the batch is gone: an allocation moves an index.
//!
//! *Cost.* A store of a link per packet in, and links to follow, one after
//! the other (axis `walk`).
//!
//! *Origin.* What a generational collector's nursery does for ixy.ml's
//! lists. Links are indices, so that safe Rust can follow them.
//!
//! *Compare.* `list.rs`, which asks the heap for each cell.

use std::mem;

use driver::policy::{Batch, BatchStyle, Cell, NIL, Walk};

/// Cons cells from a bump arena, laid out in order.
pub struct Arena;

impl BatchStyle for Arena {
    const NAME: &'static str = "arena";
    const IDEA: &'static str = "cons cells from a bump arena, in order";

    type Of<T: Default> = ArenaBatch<T>;
}

/// A list in an arena.
pub struct ArenaBatch<T> {
    cells: Box<[Cell<T>]>,
    head: u32,
    len: u16,
}

impl<T: Default> Batch<T> for ArenaBatch<T> {
    fn with_capacity(max: u16) -> Self {
        let cell = |_| Cell { item: T::default(), next: NIL };
        Self { cells: (0..max).map(cell).collect(), head: NIL, len: 0 }
    }

    #[inline(always)]
    fn fill(&mut self, n: u16, mut draw: impl FnMut() -> T) {
        let cells = &mut self.cells[..usize::from(n)];
        for (next, cell) in (1..).zip(cells.iter_mut()) {
            *cell = Cell { item: draw(), next };
        }
        if let Some(last) = cells.last_mut() {
            last.next = NIL;
            self.head = 0;
        }
        self.len = n;
    }

    #[inline(always)]
    fn len(&self) -> u16 {
        self.len
    }

    #[inline(always)]
    fn for_each<W: Walk>(&mut self, visit: impl FnMut(&mut T)) {
        W::walk(&mut self.cells, self.head, self.len, visit);
    }

    #[inline(always)]
    fn take<W: Walk>(&mut self, n: u16, mut visit: impl FnMut(T)) {
        let out = |packet: &mut T| visit(mem::take(packet));
        self.head = W::walk(&mut self.cells, self.head, n, out);
        self.len -= n;
    }
}

#[cfg(test)]
mod tests {
    crate::batch_conformance!(super::Arena);
}

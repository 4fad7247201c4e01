//! `batch=list`: a cons cell per packet, from the heap.
//!
//! *Idea.* A batch is a singly linked list; receiving appends, sending takes
//! cells off its front.
//!
//! *Cost.* An allocation and a release per packet, and links to follow.
//!
//! *Origin.* ixy.ml since February 2019, where lists beat fresh arrays, for
//! its allocator only moves a pointer. Rust's heap is another matter.
//!
//! *Compare.* `arena.rs`, which lays the same cells out by moving a pointer.

use driver::policy::{Batch, BatchStyle, Walk};

/// A cons cell per packet, from the heap.
pub struct List;

impl BatchStyle for List {
    const NAME: &'static str = "list";
    const IDEA: &'static str = "a cons cell per packet from the heap";

    type Of<T: Default> = ListBatch<T>;
}

type Link<T> = Option<Box<Cons<T>>>;

struct Cons<T> {
    packet: T,
    next: Link<T>,
}

/// A singly linked list.
pub struct ListBatch<T> {
    head: Link<T>,
    len: u16,
}

impl<T: Default> Batch<T> for ListBatch<T> {
    fn with_capacity(_max: u16) -> Self {
        Self { head: None, len: 0 }
    }

    #[inline(always)]
    fn fill(&mut self, n: u16, mut draw: impl FnMut() -> T) {
        let mut tail = &mut self.head;
        for _ in 0..n {
            let cons = Box::new(Cons { packet: draw(), next: None });
            tail = &mut tail.insert(cons).next;
        }
        self.len = n;
    }

    #[inline(always)]
    fn len(&self) -> u16 {
        self.len
    }

    #[inline(always)]
    fn for_each<W: Walk>(&mut self, mut visit: impl FnMut(&mut T)) {
        let mut at = &mut self.head;
        while let Some(cons) = at {
            visit(&mut cons.packet);
            at = &mut cons.next;
        }
    }

    #[inline(always)]
    fn take<W: Walk>(&mut self, n: u16, mut visit: impl FnMut(T)) {
        for _ in 0..n {
            if let Some(cons) = self.head.take() {
                let Cons { packet, next } = *cons;
                self.head = next;
                visit(packet);
            }
        }
        self.len -= n;
    }
}

#[cfg(test)]
mod tests {
    crate::batch_conformance!(super::List);
}

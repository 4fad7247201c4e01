//! `walk=chase`: each cell is found through the one before it.
//!
//! *Idea.* A list is walked by following its links.
//!
//! *Cost.* The load of each link waits for the load of the link before: four
//! cycles and more per cell, whatever else there is to do.
//!
//! *Origin.* Every list ever.
//!
//! *Compare.* `speculate.rs`, `speculate4.rs`.

use driver::policy::{Cell, NIL, Walk};

/// Each cell is found through the one before it.
pub struct Chase;

impl Walk for Chase {
    const NAME: &'static str = "chase";
    const IDEA: &'static str = "follow the links";

    #[inline(always)]
    fn walk<T>(
        cells: &mut [Cell<T>],
        from: u32,
        n: u16,
        mut visit: impl FnMut(&mut T),
    ) -> u32 {
        let mut at = from;
        for _ in 0..n {
            if at == NIL {
                break;
            }
            let cell = &mut cells[at as usize];
            at = cell.next;
            visit(&mut cell.item);
        }
        at
    }
}

#[cfg(test)]
mod tests {
    crate::walk_conformance!(super::Chase);
}

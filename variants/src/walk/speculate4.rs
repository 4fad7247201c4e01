//! `walk=speculate4`: guess four cells, correct the guess by one branch.
//!
//! *Idea.* As `speculate`, but the links of four cells are compared with four
//! guesses and the outcome is branched on once.
//!
//! *Cost.* A quarter of the branches of `speculate`; a cell at a time where
//! the list is not in order or ends.
//!
//! *Origin.* The unrolled walk of the same experiments.
//!
//! *Compare.* `chase.rs`, `speculate.rs`.

use driver::opaque;
use driver::policy::{Cell, NIL, Walk};

/// Guess four cells, correct the guess by one branch.
pub struct Speculate4;

impl Walk for Speculate4 {
    const NAME: &'static str = "speculate4";
    const IDEA: &'static str = "the same, four cells per guess";

    #[inline(always)]
    fn walk<T>(
        cells: &mut [Cell<T>],
        from: u32,
        n: u16,
        mut visit: impl FnMut(&mut T),
    ) -> u32 {
        let mut at = from;
        let mut left = n;
        while left > 0 && at != NIL {
            let four = at as usize..(at as usize).saturating_add(4);
            if left >= 4
                && let Some([a, b, c, d]) = cells.get_mut(four)
                && (a.next ^ (at + 1)) | (b.next ^ (at + 2)) == 0
                && (c.next ^ (at + 3)) | (d.next ^ (at + 4)) == 0
            {
                visit(&mut a.item);
                visit(&mut b.item);
                visit(&mut c.item);
                visit(&mut d.item);
                // Opaque, or the compiler takes the fourth link for the sum,
                // which is equal, and waits.
                at = opaque::word(at) + 4;
                left -= 4;
            } else {
                let cell = &mut cells[at as usize];
                visit(&mut cell.item);
                // Opaque, or the two arms become one move that waits.
                at = opaque::word(cell.next);
                left -= 1;
            }
        }
        at
    }
}

#[cfg(test)]
mod tests {
    crate::walk_conformance!(super::Speculate4);
}

//! `walk=speculate`: guess the next cell, correct the guess by a branch.
//!
//! *Idea.* Cells that were laid out in order lie one step apart. The guess
//! needs no load, so the walk goes on at once; the link is loaded all the
//! same and compared, and the predictor learns that it always agrees.
//!
//! *Cost.* An addition, a compare and a branch more per cell; a misprediction
//! where the list is not in order.
//!
//! *Origin.* P. Vognsen and F. Mazzoli, "Beating the L1 cache with value
//! speculation" (2021), and its retelling for OCaml lists.
//!
//! *Compare.* `chase.rs`, `speculate4.rs`.

use driver::opaque;
use driver::policy::{Cell, NIL, Walk};

/// Guess the next cell, correct the guess by a branch.
pub struct Speculate;

impl Walk for Speculate {
    const NAME: &'static str = "speculate";
    const IDEA: &'static str = "guess the next cell, check it by a branch";

    #[inline(always)]
    fn walk<T>(
        cells: &mut [Cell<T>],
        from: u32,
        n: u16,
        mut visit: impl FnMut(&mut T),
    ) -> u32 {
        let mut at = from;
        let mut step = 1;
        for _ in 0..n {
            if at == NIL {
                break;
            }
            let guess = at.wrapping_add(step);
            let cell = &mut cells[at as usize];
            let next = cell.next;
            visit(&mut cell.item);
            if next == guess {
                at = guess;
            } else {
                // Opaque, or the two arms become one move that waits.
                step = opaque::word(next).wrapping_sub(at);
                at = next;
            }
        }
        at
    }
}

#[cfg(test)]
mod tests {
    crate::walk_conformance!(super::Speculate);
}

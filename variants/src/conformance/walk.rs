//! Laws of axis `walk`.

use driver::policy::{Cell, NIL, Walk};
use proptest::prelude::*;
use proptest::sample::Index;

use super::{Verdict, hold};

/// Makes tests of the laws of axis `walk`.
#[macro_export]
#[doc(hidden)]
macro_rules! walk_conformance {
    ($style:ty) => {
        use $crate::conformance::{Verdict, walk};

        #[test]
        fn a_list_is_walked_in_its_own_order_wherever_its_cells_lie() -> Verdict
        {
            walk::links_are_followed::<$style>()
        }
    };
}

/// A list in an arena, and a walk over it.
#[derive(Clone, Debug)]
struct Path {
    /// Cells of the arena.
    cells: usize,
    /// The cells of the list, in its order.
    list: Vec<u32>,
    /// Where on the list the walk starts.
    start: usize,
    /// Cells to visit at most.
    n: usize,
}

/// Lists of runs of neighbours, from all in order to all shuffled, in either
/// direction, that end anywhere.
fn paths() -> impl Strategy<Value = Path> {
    let order = (1..96_u32, 1..24_usize, any::<bool>())
        .prop_map(|(cells, run, backwards)| {
            let mut order: Vec<u32> = (0..cells).collect();
            if backwards {
                order.reverse();
            }
            order.chunks(run).map(<[u32]>::to_vec).collect::<Vec<_>>()
        })
        .prop_flat_map(|runs| Just(runs).prop_shuffle())
        .prop_map(|runs| runs.concat());
    (order, any::<[Index; 3]>()).prop_map(|(mut list, [len, start, n])| {
        let cells = list.len();
        list.truncate(len.index(cells + 1));
        let start = start.index(list.len() + 1);
        Path { cells, start, n: n.index(list.len() * 2 + 1), list }
    })
}

/// A walk goes where the links lead, as far as it may and no further.
pub fn links_are_followed<W: Walk>() -> Verdict {
    hold(512, paths(), |Path { cells, list, start, n }| {
        // Cells outside the list are linked to their neighbours, where a
        // guess would lead.
        let cell = |i| Cell { item: i, next: i + 1 };
        let mut arena: Vec<Cell<u32>> = (0..cells as u32).map(cell).collect();
        let end = [NIL];
        for (i, next) in list.iter().zip(list.iter().chain(&end).skip(1)) {
            arena[*i as usize].next = *next;
        }
        let stop = list.len().min(start + n);
        let at = |place: usize| list.get(place).copied().unwrap_or(NIL);
        let mut wanted = arena.clone();
        for i in &list[start..stop] {
            wanted[*i as usize].item += 1000;
        }
        let mut seen = Vec::new();
        let next = W::walk(&mut arena, at(start), n as u16, |item| {
            seen.push(*item);
            *item += 1000;
        });
        prop_assert_eq!(&seen[..], &list[start..stop], "cells visited");
        prop_assert_eq!(next, at(stop), "the cell after them");
        prop_assert_eq!(arena, wanted, "the cells afterwards");
        Ok(())
    })
}

//! List walks, in order and shuffled, from the first cache to memory.
//!
//! *Shows.* Why fewer instructions are not less time. A plain walk waits for
//! each link before it can ask for the next: some four cycles per cell out of
//! the nearest cache, however little there is to do. A walk that guesses does
//! more and waits for nothing, while the guess is right. Where cells are
//! shuffled there is nothing to guess, and all walks wait alike.
//!
//! *Ways.* `chase`, `speculate` and `speculate4` are the answers of the axis
//! `walk`. `nested` is the fourth in use: an inner loop that runs along
//! neighbours and an outer one that follows a link where the run ends.
//!
//! *Groups.* `in-order` has each cell next to the one before; `shuffled` has
//! the same cells in one random circle. Lists take 16 KiB to 64 MiB. The
//! work is a sum.
//!
//! *Origin.* F. Mazzoli, "Beating the L1 cache with value speculation"
//! (2021), after P. Vognsen, with cells of 16 bytes as here: 3.9 cycles for a
//! plain walk of 16 kB, 2.0 and 1.3 for two that guess; `5000kB` is a size of
//! theirs. Retold for OCaml's lists by L. Pluvinage, four cells per guess
//! among them, on a list of `10000-cells`.
//!
//! *Honest.* A shuffled walk of 64 MiB takes a second, so a call goes at most
//! 16384 cells further around the circle. Links are indices and checked, as
//! on the axis; a shift turns one into an address, a cycle that a list of
//! pointers does not have.

use driver::policy::{Cell, NIL, Walk};

use super::{Kernel, Memory, Random, Run};
use crate::walk::{Chase, Speculate, Speculate4};

const KIB: u32 = 1 << 10;
const MIB: u32 = 1 << 20;

/// Bytes of a cell.
const CELL: u32 = size_of::<Cell<u64>>() as u32;

/// Bytes of the lists.
const BYTES: [(u32, &str); 7] = [
    (16 * KIB, "16KiB"),
    (128 * KIB, "128KiB"),
    (10_000 * CELL, "10000-cells"),
    (MIB, "1MiB"),
    (5_000_000, "5000kB"),
    (8 * MIB, "8MiB"),
    (64 * MIB, "64MiB"),
];

/// Most cells that a call is for.
const STRETCH: u32 = 1 << 14;

const _: () = assert!(2 * STRETCH <= u16::MAX as u32, "a walk can be told");

/// The walks of both groups.
pub fn kernels() -> Vec<Kernel> {
    let in_order = |cells| (0..cells).collect();
    let shuffled = |cells| {
        let mut random = Random::new(1);
        let mut order: Vec<u32> = (0..cells).collect();
        for end in (1..cells).rev() {
            order.swap(end as usize, random.below(end + 1) as usize);
        }
        order
    };
    let mut kernels = walks("walks/in-order", in_order);
    kernels.extend(walks("walks/shuffled", shuffled));
    kernels
}

/// Along neighbours in an inner loop, over a link in an outer one.
struct Nested;

impl Walk for Nested {
    const NAME: &'static str = "nested";
    const IDEA: &'static str = "run along neighbours, follow a link at the end";

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
            // The place of the next neighbour comes from the slice. Were it
            // an index, the compiler would take the link for it, which is
            // equal, and wait.
            for (cell, neighbour) in
                cells[at as usize..].iter_mut().zip(at + 1..)
            {
                visit(&mut cell.item);
                at = cell.next;
                left -= 1;
                if at != neighbour || left == 0 {
                    break;
                }
            }
        }
        at
    }
}

/// Where the cell of each turn is to be found.
type Order = fn(u32) -> Vec<u32>;

fn walks(group: &'static str, order: Order) -> Vec<Kernel> {
    let of_a_size = |(bytes, size): (u32, &str)| {
        let cells = bytes / CELL;
        [
            walk::<Chase>(group, size, cells, order),
            walk::<Speculate>(group, size, cells, order),
            walk::<Speculate4>(group, size, cells, order),
            walk::<Nested>(group, size, cells, order),
        ]
    };
    BYTES.into_iter().flat_map(of_a_size).collect()
}

fn walk<W: Walk>(
    group: &'static str,
    size: &str,
    cells: u32,
    order: Order,
) -> Kernel {
    let prepare = move |memory: &mut Memory| {
        let list = memory.list(group, cells, || circle(&order(cells)));
        let mut at = 0;
        let run = move |n: u32| {
            let sum;
            (at, sum) = sum_of::<W>(&mut list.borrow_mut(), at, n as u16);
            assert_eq!(sum, u64::from(n), "not every cell was visited");
        };
        Box::new(run) as Run
    };
    Kernel {
        group,
        name: format!("{}/{size}", W::NAME),
        elements: cells.min(STRETCH),
        lap: cells.div_ceil(STRETCH),
        entry: sum_of::<W> as *const (),
        prepare: Box::new(prepare),
    }
}

/// Cells that are linked in the given order; the last leads to the first.
/// Each holds 1, so that a sum says how many were visited.
fn circle(order: &[u32]) -> Vec<Cell<u64>> {
    let mut cells = vec![Cell { item: 1, next: NIL }; order.len()];
    let nexts = order.iter().cycle().skip(1);
    for (at, next) in order.iter().zip(nexts) {
        cells[*at as usize].next = *next;
    }
    cells
}

/// The sum of `n` cells from `at` on, and where the next one is.
#[inline(never)]
fn sum_of<W: Walk>(cells: &mut [Cell<u64>], at: u32, n: u16) -> (u32, u64) {
    let mut sum = 0;
    let at = W::walk(cells, at, n, |item| sum += *item);
    (at, sum)
}

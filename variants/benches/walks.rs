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
//! plain walk of 16 kB, 2.0 and 1.3 for two that guess. Retold for OCaml's
//! lists by L. Pluvinage, four cells per guess among them.
//!
//! *Honest.* A shuffled walk of 64 MiB takes a second, so an iteration goes
//! at most 32768 cells further around the circle. Links are indices and
//! checked, as on the axis.

mod common;

use std::cell::{LazyCell, RefCell};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use driver::policy::{Cell, NIL, Walk};
use variants::walk::{Chase, Speculate, Speculate4};

use common::Random;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Bytes of the lists.
const BYTES: [(usize, &str); 5] = [
    (16 * KIB, "16KiB"),
    (128 * KIB, "128KiB"),
    (MIB, "1MiB"),
    (8 * MIB, "8MiB"),
    (64 * MIB, "64MiB"),
];

/// Most cells that are visited per iteration.
const STRETCH: usize = 1 << 15;

fn main() {
    common::run(&[in_order, shuffled]);
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

fn in_order(criterion: &mut Criterion) {
    walks(criterion, "walks/in-order", |cells| (0..cells).collect());
}

fn shuffled(criterion: &mut Criterion) {
    walks(criterion, "walks/shuffled", |cells| {
        let mut random = Random::new(1);
        let mut order: Vec<u32> = (0..cells).collect();
        for end in (1..cells).rev() {
            order.swap(end as usize, random.below(end + 1) as usize);
        }
        order
    });
}

fn walks(criterion: &mut Criterion, name: &str, order: fn(u32) -> Vec<u32>) {
    let mut group = criterion.benchmark_group(name);
    for (bytes, size) in BYTES {
        let cells = bytes / size_of::<Cell<u64>>();
        // Made when it is needed, for a filter may leave this size out.
        let list = LazyCell::new(|| RefCell::new(circle(&order(cells as u32))));
        group.throughput(Throughput::Elements(cells.min(STRETCH) as u64));
        walk::<Chase>(&mut group, size, &list);
        walk::<Speculate>(&mut group, size, &list);
        walk::<Speculate4>(&mut group, size, &list);
        walk::<Nested>(&mut group, size, &list);
    }
    group.finish();
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

fn walk<W: Walk>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    size: &str,
    list: &LazyCell<
        RefCell<Vec<Cell<u64>>>,
        impl FnOnce() -> RefCell<Vec<Cell<u64>>>,
    >,
) {
    let mut at = 0;
    group.bench_function(BenchmarkId::new(W::NAME, size), |b| {
        let mut cells = list.borrow_mut();
        let n = cells.len().min(STRETCH) as u16;
        b.iter(|| {
            let mut sum = 0_u64;
            at = W::walk(&mut cells, at, n, |item| sum += *item);
            assert_eq!(sum, u64::from(n), "not every cell was visited");
        });
    });
}

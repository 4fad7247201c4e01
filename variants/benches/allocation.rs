//! Allocation of a variant with one and with two arguments.
//!
//! *Shows.* What it costs to make a value that is matched once and thrown
//! away, and one that is kept for a while: where it is put matters more than
//! how large it is, and a second block costs a second time.
//!
//! *Ways.* `heap` asks Rust's allocator for each value. `arena` moves an
//! index, as OCaml's minor heap does, and starts again at the front when the
//! arena is used up. `in-place` writes the value where it is wanted, which
//! needs no allocation at all.
//!
//! *Groups.* `young` values are matched and dropped at once. `kept` ones are
//! 1024 that live together, are then matched one after the other, and go. An
//! arena has to be emptied some time, so it moves those that are kept to a
//! place of their own, as a collector does. `one` and `two` are the number of
//! arguments; `two-apart` puts the arguments into a block of their own.
//!
//! *Origin.* "Are there performance implications with using polymorphic
//! variants?" on the OCaml forum (2017). There, one and two arguments of an
//! ordinary variant cost 1.1 and 1.6 ns; those of a polymorphic one, which
//! puts two arguments into a block of their own, 1.8 and 3.2 ns.
//!
//! *Honest.* The compiler removes an allocation it can see through, so each
//! address passes a register-only barrier, and so do the arguments. The
//! release of a value is part of its cost.

mod common;

use std::array;
use std::mem;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use driver::opaque;

/// Values per iteration, and values that are kept together.
const VALUES: usize = 1024;

/// Values that the arena has room for.
const ARENA: usize = 256;

fn main() {
    common::run(&[young, kept]);
}

/// A variant of two cases.
trait Variant: Default + 'static {
    /// The `i`th value, of either case.
    fn new(i: u32) -> Self;

    /// Which case it is, and what its arguments add up to.
    fn matched(&self) -> u64;
}

enum One {
    Even(u64),
    Odd(u64),
}

impl Default for One {
    fn default() -> Self {
        Self::Even(0)
    }
}

impl Variant for One {
    #[inline(always)]
    fn new(i: u32) -> Self {
        let i = opaque::word(i);
        if i.is_multiple_of(2) {
            Self::Even(i.into())
        } else {
            Self::Odd(i.into())
        }
    }

    #[inline(always)]
    fn matched(&self) -> u64 {
        match self {
            Self::Even(a) => *a,
            Self::Odd(a) => a + 1,
        }
    }
}

enum Two {
    Even(u64, u64),
    Odd(u64, u64),
}

impl Default for Two {
    fn default() -> Self {
        Self::Even(0, 0)
    }
}

impl Variant for Two {
    #[inline(always)]
    fn new(i: u32) -> Self {
        let i = opaque::word(i);
        if i.is_multiple_of(2) {
            Self::Even(i.into(), 0)
        } else {
            Self::Odd(i.into(), 1)
        }
    }

    #[inline(always)]
    fn matched(&self) -> u64 {
        match self {
            Self::Even(a, b) => a + b,
            Self::Odd(a, b) => a + b,
        }
    }
}

enum TwoApart {
    Even(Box<(u64, u64)>),
    Odd(Box<(u64, u64)>),
}

impl Default for TwoApart {
    fn default() -> Self {
        Self::Even(Box::default())
    }
}

impl Variant for TwoApart {
    #[inline(always)]
    fn new(i: u32) -> Self {
        let i = opaque::word(i);
        let both = (i.into(), (i % 2).into());
        let both = opaque::boxed(Box::new(both));
        if i.is_multiple_of(2) { Self::Even(both) } else { Self::Odd(both) }
    }

    #[inline(always)]
    fn matched(&self) -> u64 {
        match self {
            Self::Even(both) | Self::Odd(both) => both.0 + both.1,
        }
    }
}

/// What the values of an iteration add up to: those of odd numbers count one
/// more.
const SUM: u64 = (VALUES * (VALUES - 1) / 2 + VALUES / 2) as u64;

fn young(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("allocation/young");
    group.throughput(Throughput::Elements(VALUES as u64));
    bench(&mut group, "heap/one", (), young_on_the_heap::<One>);
    bench(&mut group, "heap/two", (), young_on_the_heap::<Two>);
    bench(&mut group, "heap/two-apart", (), young_on_the_heap::<TwoApart>);
    bench(&mut group, "arena/one", table::<One, _>(), young_in_the_arena);
    bench(&mut group, "arena/two", table::<Two, _>(), young_in_the_arena);
    bench(&mut group, "in-place/one", Box::default(), young_in_place::<One>);
    bench(&mut group, "in-place/two", Box::default(), young_in_place::<Two>);
    group.finish();
}

fn kept(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("allocation/kept");
    group.throughput(Throughput::Elements(VALUES as u64));
    let none = || Vec::with_capacity(VALUES);
    bench(&mut group, "heap/one", none(), kept_on_the_heap::<One>);
    let none = || Vec::with_capacity(VALUES);
    bench(&mut group, "heap/two", none(), kept_on_the_heap::<Two>);
    let none = || Vec::with_capacity(VALUES);
    bench(&mut group, "heap/two-apart", none(), kept_on_the_heap::<TwoApart>);
    let both = (table::<One, _>(), table::<One, _>());
    bench(&mut group, "arena/one", both, kept_in_the_arena);
    let both = (table::<Two, _>(), table::<Two, _>());
    bench(&mut group, "arena/two", both, kept_in_the_arena);
    bench(&mut group, "in-place/one", table::<One, _>(), kept_in_place);
    bench(&mut group, "in-place/two", table::<Two, _>(), kept_in_place);
    group.finish();
}

/// Runs `life` of all values in `memory`, which it hands back with the sum.
fn bench<M>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    memory: M,
    life: impl Fn(M) -> (M, u64),
) {
    let mut memory = Some(memory);
    group.bench_function(name, |b| {
        b.iter(|| {
            let (back, sum) = life(memory.take().expect("it was handed back"));
            memory = Some(back);
            assert_eq!(sum, SUM, "other values were found");
        });
    });
}

/// A place for each of `N` values.
fn table<V: Variant, const N: usize>() -> Box<[V; N]> {
    Box::new(array::from_fn(|_| V::default()))
}

fn values() -> impl Iterator<Item = u32> {
    0..VALUES as u32
}

fn young_on_the_heap<V: Variant>((): ()) -> ((), u64) {
    let mut sum = 0;
    for i in values() {
        let value = opaque::boxed(Box::new(V::new(i)));
        sum += value.matched();
    }
    ((), sum)
}

fn young_in_the_arena<V: Variant>(
    mut arena: Box<[V; ARENA]>,
) -> (Box<[V; ARENA]>, u64) {
    let mut sum = 0;
    let mut used = 0;
    for i in values() {
        if used == ARENA {
            used = 0;
        }
        arena[used] = V::new(i);
        arena = opaque::boxed(arena);
        sum += arena[used].matched();
        used += 1;
    }
    (arena, sum)
}

fn young_in_place<V: Variant>(mut place: Box<V>) -> (Box<V>, u64) {
    let mut sum = 0;
    for i in values() {
        *place = V::new(i);
        place = opaque::boxed(place);
        sum += place.matched();
    }
    (place, sum)
}

type Boxes<V> = Vec<Box<V>>;

fn kept_on_the_heap<V: Variant>(mut kept: Boxes<V>) -> (Boxes<V>, u64) {
    for i in values() {
        kept.push(opaque::boxed(Box::new(V::new(i))));
    }
    let sum = kept.drain(..).map(|value| value.matched()).sum();
    (kept, sum)
}

type ArenaAndKept<V> = (Box<[V; ARENA]>, Box<[V; VALUES]>);

fn kept_in_the_arena<V: Variant>(
    (mut arena, mut kept): ArenaAndKept<V>,
) -> (ArenaAndKept<V>, u64) {
    let (mut used, mut moved) = (0, 0);
    let mut values = values();
    while moved < VALUES {
        // The arena is full, or all is done: what is kept has to move.
        if used == ARENA {
            arena = opaque::boxed(arena);
            for value in arena.iter_mut() {
                kept[moved] = mem::take(value);
                moved += 1;
            }
            used = 0;
        }
        if let Some(i) = values.next() {
            arena[used] = V::new(i);
            used += 1;
        }
    }
    kept = opaque::boxed(kept);
    let sum = kept.iter().map(V::matched).sum();
    ((arena, kept), sum)
}

fn kept_in_place<V: Variant>(
    mut kept: Box<[V; VALUES]>,
) -> (Box<[V; VALUES]>, u64) {
    for (place, i) in kept.iter_mut().zip(values()) {
        *place = V::new(i);
    }
    kept = opaque::boxed(kept);
    let sum = kept.iter().map(V::matched).sum();
    (kept, sum)
}

const _: () = assert!(VALUES.is_multiple_of(ARENA), "the arena fills up");

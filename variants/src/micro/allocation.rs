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
//! `one-hashed` and `two-hashed` have the words of OCaml's polymorphic
//! variants: a header and a hash before one argument, and before the address
//! of a block with a header and two. `control` makes no value at all.
//!
//! *Origin.* "Are there performance implications with using polymorphic
//! variants?" on the OCaml forum (2017). There, one and two arguments of an
//! ordinary variant cost 1.1 and 1.6 ns; those of a polymorphic one, which
//! puts two arguments into a block of their own, 1.8 and 3.2 ns.
//!
//! *Honest.* The compiler removes an allocation it can see through, so each
//! address passes a register-only barrier, and so do the arguments. The
//! release of a value is part of its cost. Two blocks that are made together
//! are one move of the arena's index, as they are of OCaml's minor heap; the
//! way from one to the other is an index and checked.

use std::array;
use std::mem;

use driver::opaque;

use super::matching::hash;
use super::{Kernel, Memory, Run};

/// Values that a call is for.
const VALUES: u32 = 1024;

/// Values that are kept together, at most.
const KEPT: usize = 2 * VALUES as usize;

/// Values that the arena has room for.
const ARENA: usize = 256;

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
            Self::Odd(i.into(), 0)
        }
    }

    #[inline(always)]
    fn matched(&self) -> u64 {
        match self {
            Self::Even(a, b) => a + b,
            Self::Odd(a, b) => a + b + 1,
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
        let both = opaque::boxed(Box::new((i.into(), 0)));
        if i.is_multiple_of(2) { Self::Even(both) } else { Self::Odd(both) }
    }

    #[inline(always)]
    fn matched(&self) -> u64 {
        match self {
            Self::Even(both) => both.0 + both.1,
            Self::Odd(both) => both.0 + both.1 + 1,
        }
    }
}

/// The hashes of both cases, as OCaml makes them of names.
const EVEN: u64 = hash("Even") as u64;
const ODD: u64 = hash("Odd") as u64;

/// What OCaml writes before a block of so many words.
const fn header(words: u64) -> u64 {
    words << 10
}

/// The hash of the case that `i` belongs to.
#[inline(always)]
fn case_of(i: u32) -> u64 {
    if i.is_multiple_of(2) { EVEN } else { ODD }
}

/// Three words.
#[derive(Default)]
struct OneHashed {
    _header: u64,
    hash: u64,
    argument: u64,
}

impl Variant for OneHashed {
    #[inline(always)]
    fn new(i: u32) -> Self {
        let i = opaque::word(i);
        Self { _header: header(2), hash: case_of(i), argument: i.into() }
    }

    #[inline(always)]
    fn matched(&self) -> u64 {
        match self.hash {
            EVEN => self.argument,
            _ => self.argument + 1,
        }
    }
}

/// Three words, and three elsewhere.
#[derive(Default)]
struct TwoHashed {
    _header: u64,
    hash: u64,
    /// A header and two arguments.
    arguments: Box<[u64; 3]>,
}

impl Variant for TwoHashed {
    #[inline(always)]
    fn new(i: u32) -> Self {
        let i = opaque::word(i);
        let arguments = Box::new([header(2), i.into(), 0]);
        let arguments = opaque::boxed(arguments);
        Self { _header: header(2), hash: case_of(i), arguments }
    }

    #[inline(always)]
    fn matched(&self) -> u64 {
        let [_, a, b] = *self.arguments;
        match self.hash {
            EVEN => a + b,
            _ => a + b + 1,
        }
    }
}

/// The same six words side by side, as they lie in a minor heap: a header, a
/// hash, where the arguments are, a header, two arguments.
#[derive(Default)]
struct TwoHashedSideBySide([u64; 6]);

impl Variant for TwoHashedSideBySide {
    #[inline(always)]
    fn new(i: u32) -> Self {
        let i = opaque::word(i);
        let arguments = opaque::word(4).into();
        let hash = case_of(i);
        Self([header(2), hash, arguments, header(2), i.into(), 0])
    }

    #[inline(always)]
    fn matched(&self) -> u64 {
        let [_, hash, arguments, ..] = self.0;
        let &[a, b] =
            self.0[arguments as usize..].first_chunk().expect("two arguments");
        match hash {
            EVEN => a + b,
            _ => a + b + 1,
        }
    }
}

/// What `n` values add up to: those of odd numbers count one more.
fn sum(n: u32) -> u64 {
    let n = u64::from(n);
    n * (n - 1) / 2 + n / 2
}

/// Both groups.
pub fn kernels() -> Vec<Kernel> {
    vec![
        young("control", || (), young_control),
        young("heap/one", || (), young_on_the_heap::<One>),
        young("heap/one-hashed", || (), young_on_the_heap::<OneHashed>),
        young("heap/two", || (), young_on_the_heap::<Two>),
        young("heap/two-apart", || (), young_on_the_heap::<TwoApart>),
        young("heap/two-hashed", || (), young_on_the_heap::<TwoHashed>),
        young("arena/one", table, young_in_the_arena::<One>),
        young("arena/one-hashed", table, young_in_the_arena::<OneHashed>),
        young("arena/two", table, young_in_the_arena::<Two>),
        young(
            "arena/two-hashed",
            table,
            young_in_the_arena::<TwoHashedSideBySide>,
        ),
        young("in-place/one", Box::default, young_in_place::<One>),
        young("in-place/two", Box::default, young_in_place::<Two>),
        kept("heap/one", none, kept_on_the_heap::<One>),
        kept("heap/two", none, kept_on_the_heap::<Two>),
        kept("heap/two-apart", none, kept_on_the_heap::<TwoApart>),
        kept("arena/one", tables, kept_in_the_arena::<One>),
        kept("arena/two", tables, kept_in_the_arena::<Two>),
        kept("in-place/one", table, kept_in_place::<One>),
        kept("in-place/two", table, kept_in_place::<Two>),
    ]
}

/// The life of so many values in some memory, which comes back with what the
/// values add up to.
type Life<M> = fn(M, u32) -> (M, u64);

fn young<M: 'static>(name: &str, memory: fn() -> M, life: Life<M>) -> Kernel {
    kernel("allocation/young", name, memory, life)
}

fn kept<M: 'static>(name: &str, memory: fn() -> M, life: Life<M>) -> Kernel {
    kernel("allocation/kept", name, memory, life)
}

fn kernel<M: 'static>(
    group: &'static str,
    name: &str,
    memory: fn() -> M,
    life: Life<M>,
) -> Kernel {
    let prepare = move |_: &mut Memory| {
        let mut memory = Some(memory());
        let run = move |n| {
            let place = memory.take().expect("it was handed back");
            let (back, found) = life(place, n);
            memory = Some(back);
            assert_eq!(found, sum(n), "other values were found");
        };
        Box::new(run) as Run
    };
    Kernel {
        group,
        name: name.to_owned(),
        elements: VALUES,
        lap: 1,
        entry: life as *const (),
        prepare: Box::new(prepare),
    }
}

/// A place for each of `N` values.
fn table<V: Variant, const N: usize>() -> Box<[V; N]> {
    Box::new(array::from_fn(|_| V::default()))
}

/// An arena, and places for what is kept.
fn tables<V: Variant>() -> ArenaAndKept<V> {
    (table(), table())
}

/// Room for what is kept.
fn none<V: Variant>() -> Boxes<V> {
    Vec::with_capacity(KEPT)
}

#[inline(never)]
fn young_control((): (), n: u32) -> ((), u64) {
    let mut sum = 0;
    for i in 0..n {
        let i = opaque::word(i);
        sum += u64::from(i) + u64::from(opaque::word(i % 2));
    }
    ((), sum)
}

#[inline(never)]
fn young_on_the_heap<V: Variant>((): (), n: u32) -> ((), u64) {
    let mut sum = 0;
    for i in 0..n {
        let value = opaque::boxed(Box::new(V::new(i)));
        sum += value.matched();
    }
    ((), sum)
}

type Arena<V> = Box<[V; ARENA]>;

#[inline(never)]
fn young_in_the_arena<V: Variant>(
    mut arena: Arena<V>,
    n: u32,
) -> (Arena<V>, u64) {
    let mut sum = 0;
    let mut used = 0;
    for i in 0..n {
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

#[inline(never)]
fn young_in_place<V: Variant>(mut place: Box<V>, n: u32) -> (Box<V>, u64) {
    let mut sum = 0;
    for i in 0..n {
        *place = V::new(i);
        place = opaque::boxed(place);
        sum += place.matched();
    }
    (place, sum)
}

type Boxes<V> = Vec<Box<V>>;

#[inline(never)]
fn kept_on_the_heap<V: Variant>(mut kept: Boxes<V>, n: u32) -> (Boxes<V>, u64) {
    for i in 0..n {
        kept.push(opaque::boxed(Box::new(V::new(i))));
    }
    let sum = kept.drain(..).map(|value| value.matched()).sum();
    (kept, sum)
}

type ArenaAndKept<V> = (Arena<V>, Box<[V; KEPT]>);

/// `n` fills the arena some times over.
#[inline(never)]
fn kept_in_the_arena<V: Variant>(
    (mut arena, mut kept): ArenaAndKept<V>,
    n: u32,
) -> (ArenaAndKept<V>, u64) {
    let (mut used, mut moved) = (0, 0);
    let mut values = 0..n;
    while moved < n as usize {
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
    let sum = kept[..n as usize].iter().map(V::matched).sum();
    ((arena, kept), sum)
}

#[inline(never)]
fn kept_in_place<V: Variant>(
    mut kept: Box<[V; KEPT]>,
    n: u32,
) -> (Box<[V; KEPT]>, u64) {
    for (place, i) in kept.iter_mut().zip(0..n) {
        *place = V::new(i);
    }
    kept = opaque::boxed(kept);
    let sum = kept[..n as usize].iter().map(V::matched).sum();
    (kept, sum)
}

const _: () = assert!((VALUES / 2).is_multiple_of(ARENA as u32), "it fills");

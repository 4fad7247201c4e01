//! Matching a value over 2 to 128 cases: jump table against comparisons.
//!
//! *Shows.* That what a match costs is what the predictors do not know. A
//! jump table has one indirect jump to mispredict, for any number of cases;
//! comparisons grow with that number's logarithm, and each may be mispredicted.
//! Where the trace is known by heart, both come for next to nothing.
//!
//! *Ways.* `table` matches an enum numbered from zero, as OCaml's ordinary
//! variants are, by a jump through a table (below four cases, by comparing).
//! `tree` matches an enum numbered by hashes of its names, as OCaml's
//! polymorphic variants are, by a binary search made of comparisons. `none`
//! does all but match.
//!
//! *Groups.* `in-turn` goes through the cases one after the other, `replayed`
//! through the same 1024 values again and again. `drawn` draws each value from
//! a generator inside the timed loop.
//!
//! *Origin.* "Are there performance implications with using polymorphic
//! variants?" on the OCaml forum (2017): trees up to fifteen times faster in
//! turn and replayed, near parity with a generator in the loop. Predictors
//! have learnt to follow indirect jumps since. A large tree has more branches
//! in 1024 values than some of them remember.
//!
//! *Honest.* Arms that only return a value become an array that is looked
//! up, so each arm hides its value behind a register-only barrier. How much
//! of a trace is known by heart differs from machine to machine, and with
//! what else runs on it.

use std::hint::black_box;

use super::{Kernel, Memory, Random, Run};

/// Values that a call is for, and length of a trace.
const VALUES: u32 = 1024;

/// A value that can be matched.
trait Variant: Copy + 'static {
    /// Every case once.
    const CASES: &'static [Self];

    /// Finds the case by matching; returns its number.
    fn matched(self) -> u32;

    /// Its number, without matching.
    fn number(self) -> u32;
}

/// FNV-1a, in 31 bits, the width of the hashes of OCaml's polymorphic
/// variants.
pub(super) const fn hash(name: &str) -> u32 {
    let name = name.as_bytes();
    let mut hash = 0x811C_9DC5_u32;
    let mut i = 0;
    while i < name.len() {
        hash = (hash ^ name[i] as u32).wrapping_mul(0x0100_0193);
        i += 1;
    }
    hash >> 1
}

/// Makes a module with both enums for each size, which has the cases of the
/// sizes before it and its own.
macro_rules! sizes {
    ([$($old:ident)*]) => {};
    ([$($old:ident)*] $size:ident: $($new:ident)*; $($rest:tt)*) => {
        mod $size {
            enums!($($old)* $($new)*);
        }
        sizes!([$($old)* $($new)*] $($rest)*);
    };
}

macro_rules! enums {
    ($($case:ident)*) => {
        #[derive(Clone, Copy)]
        #[repr(u32)]
        pub enum Table {
            $($case,)*
        }

        #[derive(Clone, Copy)]
        #[repr(u32)]
        pub enum Tree {
            $($case = super::hash(stringify!($case)),)*
        }

        variant!(Table: $($case)*);
        variant!(Tree: $($case)*);
    };
}

macro_rules! variant {
    ($name:ident: $($case:ident)*) => {
        impl super::Variant for $name {
            const CASES: &'static [Self] = &[$(Self::$case),*];

            #[inline(always)]
            fn matched(self) -> u32 {
                match self {
                    $(Self::$case => {
                        driver::opaque::word(Self::$case as u32)
                    })*
                }
            }

            #[inline(always)]
            fn number(self) -> u32 {
                driver::opaque::word(self as u32)
            }
        }
    };
}

sizes! {
    []
    two: A0 A1;
    four: A2 A3;
    eight: A4 A5 A6 A7;
    sixteen: B0 B1 B2 B3 B4 B5 B6 B7;
    thirty_two: C0 C1 C2 C3 C4 C5 C6 C7 D0 D1 D2 D3 D4 D5 D6 D7;
    sixty_four:
        E0 E1 E2 E3 E4 E5 E6 E7 F0 F1 F2 F3 F4 F5 F6 F7
        G0 G1 G2 G3 G4 G5 G6 G7 H0 H1 H2 H3 H4 H5 H6 H7;
    hundred_twenty_eight:
        I0 I1 I2 I3 I4 I5 I6 I7 J0 J1 J2 J3 J4 J5 J6 J7
        K0 K1 K2 K3 K4 K5 K6 K7 L0 L1 L2 L3 L4 L5 L6 L7
        M0 M1 M2 M3 M4 M5 M6 M7 N0 N1 N2 N3 N4 N5 N6 N7
        O0 O1 O2 O3 O4 O5 O6 O7 P0 P1 P2 P3 P4 P5 P6 P7;
}

/// What is done with each value. A type, not a function that is passed on:
/// the compiler would call some and inline others.
trait Way {
    fn of<V: Variant>(value: V) -> u32;
}

struct Match;

impl Way for Match {
    #[inline(always)]
    fn of<V: Variant>(value: V) -> u32 {
        value.matched()
    }
}

struct NoMatch;

impl Way for NoMatch {
    #[inline(always)]
    fn of<V: Variant>(value: V) -> u32 {
        value.number()
    }
}

/// Calls a function with each of the enums.
macro_rules! with_every {
    ($kernel:ident) => {
        vec![
            $kernel::<two::Table, Match>("table"),
            $kernel::<four::Table, Match>("table"),
            $kernel::<eight::Table, Match>("table"),
            $kernel::<sixteen::Table, Match>("table"),
            $kernel::<thirty_two::Table, Match>("table"),
            $kernel::<sixty_four::Table, Match>("table"),
            $kernel::<hundred_twenty_eight::Table, Match>("table"),
            $kernel::<two::Tree, Match>("tree"),
            $kernel::<four::Tree, Match>("tree"),
            $kernel::<eight::Tree, Match>("tree"),
            $kernel::<sixteen::Tree, Match>("tree"),
            $kernel::<thirty_two::Tree, Match>("tree"),
            $kernel::<sixty_four::Tree, Match>("tree"),
            $kernel::<hundred_twenty_eight::Tree, Match>("tree"),
            $kernel::<hundred_twenty_eight::Table, NoMatch>("none"),
        ]
    };
}

/// Every way to match, on every kind of trace.
pub fn kernels() -> Vec<Kernel> {
    let all = [with_every!(turn), with_every!(replay), with_every!(draw)];
    all.into_iter().flatten().collect()
}

fn turn<V: Variant, W: Way>(way: &str) -> Kernel {
    trace::<V, W>("matching/in-turn", way, || {
        V::CASES.iter().copied().cycle().take(VALUES as usize).collect()
    })
}

fn replay<V: Variant, W: Way>(way: &str) -> Kernel {
    trace::<V, W>("matching/replayed", way, || {
        let mut random = Random::new(1);
        let mut case = || random.below(V::CASES.len() as u32) as usize;
        (0..VALUES).map(|_| V::CASES[case()]).collect()
    })
}

/// Matches the values that `make` makes, over and over.
fn trace<V: Variant, W: Way>(
    group: &'static str,
    way: &str,
    make: fn() -> Vec<V>,
) -> Kernel {
    let prepare = move |_: &mut Memory| {
        check::<V, W>();
        let values = make().repeat(2);
        let run = move |n: u32| {
            let values = &black_box(&values)[..n as usize];
            black_box(sum_of::<V, W>(values));
        };
        Box::new(run) as Run
    };
    Kernel {
        group,
        name: name::<V>(way),
        elements: VALUES,
        lap: 1,
        entry: sum_of::<V, W> as *const (),
        prepare: Box::new(prepare),
    }
}

/// Matches values that are drawn for each call anew.
fn draw<V: Variant, W: Way>(way: &str) -> Kernel {
    let prepare = |_: &mut Memory| {
        check::<V, W>();
        let mut random = Random::new(1);
        let run = move |n| {
            let cases = black_box(V::CASES);
            black_box(sum_of_drawn::<V, W>(cases, &mut random, n));
        };
        Box::new(run) as Run
    };
    Kernel {
        group: "matching/drawn",
        name: name::<V>(way),
        elements: VALUES,
        lap: 1,
        entry: sum_of_drawn::<V, W> as *const (),
        prepare: Box::new(prepare),
    }
}

/// The way and the number of cases.
fn name<V: Variant>(way: &str) -> String {
    format!("{way}/{}", V::CASES.len())
}

/// Every value finds its own case.
fn check<V: Variant, W: Way>() {
    assert!(V::CASES.iter().all(|case| W::of(*case) == case.number()));
}

/// What the cases of all values add up to.
#[inline(never)]
fn sum_of<V: Variant, W: Way>(values: &[V]) -> u32 {
    let mut sum = 0_u32;
    for value in values {
        sum = sum.wrapping_add(W::of(*value));
    }
    sum
}

/// What `n` cases add up to that are drawn.
#[inline(never)]
fn sum_of_drawn<V: Variant, W: Way>(
    cases: &[V],
    random: &mut Random,
    n: u32,
) -> u32 {
    let mut sum = 0_u32;
    for _ in 0..n {
        let case = random.below(cases.len() as u32);
        sum = sum.wrapping_add(W::of(cases[case as usize]));
    }
    sum
}

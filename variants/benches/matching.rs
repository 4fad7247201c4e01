//! Matching a value over 2 to 128 cases: jump table against comparisons.
//!
//! *Shows.* Why a jump table loses on a trace that is replayed and wins on
//! one that is drawn. Its one indirect jump costs the same for any number of
//! cases. Comparisons need the logarithm of that number, yet a predictor
//! that has seen the trace before takes them for nothing; when it cannot
//! know, each of them may be wrong.
//!
//! *Ways.* `table` matches an enum numbered from zero, as OCaml's ordinary
//! variants are, by a jump through a table (below four cases, by comparing).
//! `tree` matches an enum numbered by hashes of its names, as OCaml's
//! polymorphic variants are, by a binary search made of comparisons. `none`
//! does all but match.
//!
//! *Groups.* `replayed` goes through the same 1024 values again and again.
//! `drawn` draws each value from a generator inside the timed loop.
//!
//! *Origin.* "Are there performance implications with using polymorphic
//! variants?" on the OCaml forum (2017): up to fifteen times faster trees on
//! a replayed trace, near parity with a generator in the loop.
//!
//! *Honest.* Arms that only return a value become an array that is looked
//! up, so each arm hides its value behind a register-only barrier. What
//! predictors make of 1024 values differs from machine to machine.

mod common;

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};

use common::Random;

/// Values per iteration, and length of the trace that is replayed.
const VALUES: usize = 1024;

fn main() {
    common::run(&[replayed, drawn]);
}

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
const fn hash(name: &str) -> u32 {
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

/// Calls a bench with each of the enums.
macro_rules! with_every {
    ($bench:ident, $group:expr) => {
        $bench::<two::Table>($group, "table", Variant::matched);
        $bench::<four::Table>($group, "table", Variant::matched);
        $bench::<eight::Table>($group, "table", Variant::matched);
        $bench::<sixteen::Table>($group, "table", Variant::matched);
        $bench::<thirty_two::Table>($group, "table", Variant::matched);
        $bench::<sixty_four::Table>($group, "table", Variant::matched);
        $bench::<hundred_twenty_eight::Table>(
            $group,
            "table",
            Variant::matched,
        );
        $bench::<two::Tree>($group, "tree", Variant::matched);
        $bench::<four::Tree>($group, "tree", Variant::matched);
        $bench::<eight::Tree>($group, "tree", Variant::matched);
        $bench::<sixteen::Tree>($group, "tree", Variant::matched);
        $bench::<thirty_two::Tree>($group, "tree", Variant::matched);
        $bench::<sixty_four::Tree>($group, "tree", Variant::matched);
        $bench::<hundred_twenty_eight::Tree>($group, "tree", Variant::matched);
        $bench::<hundred_twenty_eight::Tree>($group, "none", Variant::number);
    };
}

fn replayed(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("matching/replayed");
    group.throughput(Throughput::Elements(VALUES as u64));
    with_every!(replay, &mut group);
    group.finish();
}

fn drawn(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("matching/drawn");
    group.throughput(Throughput::Elements(VALUES as u64));
    with_every!(draw, &mut group);
    group.finish();
}

/// Every value finds its own case.
fn check<V: Variant>(of: impl Fn(V) -> u32) {
    assert!(V::CASES.iter().all(|case| of(*case) == case.number()));
}

fn replay<V: Variant>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    way: &str,
    of: impl Fn(V) -> u32,
) {
    check(&of);
    let mut random = Random::new(1);
    let mut case = || V::CASES[random.below(V::CASES.len() as u32) as usize];
    let trace: Vec<V> = (0..VALUES).map(|_| case()).collect();
    group.bench_function(BenchmarkId::new(way, V::CASES.len()), |b| {
        b.iter(|| {
            let mut sum = 0_u32;
            for value in black_box(&trace) {
                sum = sum.wrapping_add(of(*value));
            }
            sum
        });
    });
}

fn draw<V: Variant>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    way: &str,
    of: impl Fn(V) -> u32,
) {
    check(&of);
    let mut random = Random::new(1);
    group.bench_function(BenchmarkId::new(way, V::CASES.len()), |b| {
        b.iter(|| {
            let cases = black_box(V::CASES);
            let mut sum = 0_u32;
            for _ in 0..VALUES {
                let case = random.below(cases.len() as u32);
                sum = sum.wrapping_add(of(cases[case as usize]));
            }
            sum
        });
    });
}

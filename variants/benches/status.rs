//! Status checks on full, part-full and random rings.
//!
//! *Shows.* That the best way to look for done descriptors depends on how
//! the ring is found. On a full ring nothing is ever mispredicted, and wide
//! checks are ahead; where runs end unforeseeably each call pays for one
//! misprediction, and the check that does the least beyond the end is ahead.
//!
//! *Ways.* The answers of the axis `status`, which say themselves what they
//! are (`variants/src/status/`), with `reg=unboxed`. `none` draws the runs
//! and prepares the ring, and checks nothing.
//!
//! *Groups.* A call asks for at most 64 descriptors, the next call begins
//! where the run ended, in a ring of 512. `full` finds 64 each time,
//! `part-full` 24, and `random` 0 to 64, drawn anew for each call inside the
//! timed loop, 32 on average. An element is a done descriptor.
//!
//! *Origin.* The OCaml forum thread on ixy.ml (2019), whose author gained
//! about 20 % by testing DD and EOP at once, and was advised to compute on
//! bits instead of branching on them.
//!
//! *Honest.* The ring lies in DMA memory and is read by the driver's volatile
//! accesses. Before each call the end of the run before is closed and that of
//! the next one opened: two stores, in `none` too, and the load that follows
//! one of them is part of the cost.

mod common;

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use driver::desc::{BYTES, rx_status::DD, rx_status::EOP};
use driver::memory::{DmaRegion, Iova};
use driver::policy::StatusCheck;
use driver::ring::RxRing;
use variants::bounds::Checked;
use variants::micro::Random;
use variants::reg::Unboxed;
use variants::status::{Bit, Branchless, Branchy, Masked, Simd};

/// Descriptors that a call asks for.
const MAX: u16 = 64;

/// Descriptors of the ring.
const ENTRIES: u16 = 512;

/// Calls per iteration.
const CALLS: u16 = 64;

fn main() {
    common::run(&[full, part_full, random]);
}

fn full(criterion: &mut Criterion) {
    let run = black_box(MAX);
    checks(criterion, "status/full", MAX, || move || run);
}

fn part_full(criterion: &mut Criterion) {
    let run = black_box(24);
    checks(criterion, "status/part-full", 24, || move || run);
}

fn random(criterion: &mut Criterion) {
    checks(criterion, "status/random", MAX / 2, || {
        let mut random = Random::new(1);
        move || random.below(u32::from(MAX) + 1) as u16
    });
}

/// Every check on rings whose runs are `runs()` long, `mean` on average.
fn checks<R: FnMut() -> u16>(
    criterion: &mut Criterion,
    name: &str,
    mean: u16,
    runs: impl Fn() -> R,
) {
    let mut group = criterion.benchmark_group(name);
    let done = u64::from(CALLS) * u64::from(mean);
    let max = black_box(MAX);
    group.throughput(Throughput::Elements(done));
    check(&mut group, Branchy::NAME, runs(), move |ring, first, _| {
        Branchy::done_run::<Unboxed, Checked>(ring, first, max)
    });
    check(&mut group, Masked::NAME, runs(), move |ring, first, _| {
        Masked::done_run::<Unboxed, Checked>(ring, first, max)
    });
    check(&mut group, Branchless::NAME, runs(), move |ring, first, _| {
        Branchless::done_run::<Unboxed, Checked>(ring, first, max)
    });
    check(&mut group, Bit::NAME, runs(), move |ring, first, _| {
        Bit::done_run::<Unboxed, Checked>(ring, first, max)
    });
    check(&mut group, Simd::NAME, runs(), move |ring, first, _| {
        Simd::done_run::<Unboxed, Checked>(ring, first, max)
    });
    check(&mut group, "none", runs(), |_, _, run| black_box(run));
    group.finish();
}

fn check(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    mut runs: impl FnMut() -> u16,
    done_run: impl Fn(&RxRing<'_>, u16, u16) -> u16,
) {
    let bytes = usize::from(ENTRIES) * BYTES;
    let mut region = DmaRegion::allocate(bytes, Iova::new(0)).expect("memory");
    let ring = RxRing::new(region.carve().take(bytes, 128));
    for i in 0..ENTRIES {
        ring.desc(i).status_error().write(DD | EOP);
    }
    let mut first = 0;
    group.bench_function(name, |b| {
        b.iter(|| {
            let mut wrong = 0;
            for _ in 0..CALLS {
                let run = runs();
                let end = ring.wrap(first, run);
                ring.desc(first).status_error().write(DD | EOP);
                ring.desc(end).status_error().write(0);
                let done = done_run(&ring, first, run);
                wrong |= done ^ run;
                first = ring.wrap(first, done);
            }
            assert_eq!(wrong, 0, "a run of another length was found");
        });
    });
}

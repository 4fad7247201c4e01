//! Batch containers by size, without a driver around them.
//!
//! *Shows.* What the container alone costs a packet: put in, visited, taken
//! out. In the sweeps of `bench-runner` the same containers meet rings,
//! buffers and doorbells; the difference between the two says how much of
//! a container's cost the rest of the driver hides.
//!
//! *Ways.* The answers of the axis `batch`, which say themselves what they
//! are (`variants/src/batch/`). List walks are plain ones.
//!
//! *Origin.* "Using OCaml to write network interface drivers" on the OCaml
//! forum (2019): the author of ixy.ml suspected his fresh arrays, tried lists
//! and gained 0.5 Mpps per direction. A heap cell per packet is dear in Rust,
//! whose allocator does not just move a pointer; `arena` is what a nursery
//! makes of a list.
//!
//! *Honest.* Packets pass a register-only barrier when they are drawn,
//! visited and taken, as a descriptor's volatile accesses would have it. With
//! less the array would be filled and summed up eight packets at a time.

mod common;

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use driver::opaque;
use driver::policy::{Batch, BatchStyle};
use variants::batch::{Arena, Deque, Fresh, List, Reused, Slice};
use variants::walk::Chase;

/// Packets per iteration, in batches.
const PACKETS: u16 = 256;

/// Packets per batch.
const SIZES: [u16; 4] = [1, 8, 32, 256];

fn main() {
    common::run(&[containers]);
}

fn containers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("containers");
    group.throughput(Throughput::Elements(PACKETS.into()));
    for size in SIZES {
        container::<Slice>(&mut group, size);
        container::<Fresh>(&mut group, size);
        container::<Reused>(&mut group, size);
        container::<Deque>(&mut group, size);
        container::<List>(&mut group, size);
        container::<Arena>(&mut group, size);
    }
    group.finish();
}

fn container<B: BatchStyle>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    size: u16,
) {
    let mut batch = B::Of::<u32>::with_capacity(size);
    group.bench_function(BenchmarkId::new(B::NAME, size), |b| {
        b.iter(|| {
            let mut sum = 0;
            for _ in 0..PACKETS / size {
                sum += turn(&mut batch, black_box(size));
            }
            // The packets of a batch are 0, 1, …; each was counted up once.
            let one = u32::from(size) * (u32::from(size) + 1) / 2;
            assert_eq!(sum, one * u32::from(PACKETS / size), "packets differ");
        });
    });
}

/// Receives, touches and sends one batch.
#[inline(always)]
fn turn(batch: &mut impl Batch<u32>, size: u16) -> u32 {
    let mut next = 0;
    batch.fill(size, || {
        let packet = opaque::word(next);
        next += 1;
        packet
    });
    batch.for_each::<Chase>(|packet| *packet = opaque::word(*packet) + 1);
    let mut sum = 0;
    batch.take::<Chase>(size, |packet| sum += opaque::word(packet));
    sum
}

//! What the benches share: how long each is measured, and how the kernels of
//! `variants::micro` are.

#![allow(dead_code, reason = "not every bench is of kernels")]

use std::time::Duration;

use criterion::{Criterion, Throughput};
use variants::micro::{Kernel, Memory};

/// Runs a bench's groups with the options of the command line.
///
/// A point takes about a second and a half, so that all benches together
/// stay well below ten minutes. `--measurement-time` and its like ask for
/// more.
pub fn run(groups: &[fn(&mut Criterion)]) {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(900))
        .sample_size(30)
        .nresamples(10_000)
        .configure_from_args();
    for group in groups {
        group(&mut criterion);
    }
    criterion.final_summary();
}

/// Measures kernels, groups of them together.
pub fn kernels(criterion: &mut Criterion, kernels: &[Kernel]) {
    for kernels in kernels.chunk_by(|a, b| a.group == b.group) {
        let mut group = criterion.benchmark_group(kernels[0].group);
        let mut memory = Memory::default();
        for kernel in kernels {
            group.throughput(Throughput::Elements(kernel.elements.into()));
            // Made when it is needed, for a filter may leave it out.
            let mut run = None;
            group.bench_function(&*kernel.name, |b| {
                let run =
                    run.get_or_insert_with(|| kernel.prepare(&mut memory));
                b.iter(|| run(kernel.elements));
            });
        }
        group.finish();
    }
}

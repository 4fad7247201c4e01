//! The clock of the samples, its rate, its price, and the core's frequency.
//!
//! On x86-64 a tick is one count of the time-stamp counter, elsewhere one
//! nanosecond of `CLOCK_MONOTONIC_RAW`. A tick is never a core cycle: the
//! counter keeps its rate while the core changes its own, which is what
//! [`chain_ghz`] is for.

use std::path::Path;

use crate::stats;

/// Dependent instructions in one chain.
const CHAIN: u32 = 1 << 16;

/// Dependent instructions per turn of a chain's loop.
#[cfg(target_arch = "x86_64")]
const UNROLLED: u32 = 64;

/// Runs of a chain; the shortest counts, for an interruption only adds.
const CHAIN_RUNS: u32 = 3;

/// Chains that a frequency is the median of.
const CHAINS: usize = 101;

/// Core cycles that one dependent 64-bit multiplication takes on every
/// x86-64 core of the last ten years.
const IMUL_CYCLES: u32 = 3;

/// Pairs of stamps that the cost of the clock is the median of.
const COST_PAIRS: usize = 4095;

/// Reads the clock. Work before the call is finished and work after it has
/// not begun when the counter is read.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[must_use]
pub fn stamp() -> u64 {
    use std::arch::x86_64::{_mm_lfence, _rdtsc};
    // SAFETY: `lfence` is part of SSE2 and `rdtsc` of every x86-64; neither
    // touches memory.
    unsafe {
        _mm_lfence();
        let ticks = _rdtsc();
        _mm_lfence();
        ticks
    }
}

/// Reads the clock. Work before the call is finished and work after it has
/// not begun when the counter is read.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
#[must_use]
pub fn stamp() -> u64 {
    raw_ns()
}

/// Ticks per second of [`stamp`], measured against `CLOCK_MONOTONIC_RAW` for
/// 100 ms.
#[cfg(target_arch = "x86_64")]
#[must_use]
pub fn tick_hz() -> f64 {
    (0..5)
        .map(|_| Window::measure(std::time::Duration::from_millis(20)))
        .min_by(|a, b| a.doubt.total_cmp(&b.doubt))
        .map_or(1e9, |window| window.tick_hz)
}

/// Ticks per second of [`stamp`], which counts nanoseconds here.
#[cfg(not(target_arch = "x86_64"))]
#[must_use]
pub fn tick_hz() -> f64 {
    1e9
}

/// What a pair of stamps with nothing between them reads, in ticks.
#[must_use]
pub fn clock_cost_ticks() -> u32 {
    let mut costs = vec![0; COST_PAIRS];
    for cost in &mut costs {
        let start = stamp();
        *cost = stamp() - start;
    }
    let (_, median, _) = costs.select_nth_unstable(COST_PAIRS / 2);
    u32::try_from(*median).unwrap_or(u32::MAX)
}

/// The core's present frequency in GHz: 64k additions, each of which waits
/// for the one before, at one cycle each. Off x86-64 a step takes an unknown
/// number of cycles, and only changes of the figure mean something.
#[must_use]
pub fn chain_ghz(tick_hz: f64) -> f64 {
    ghz(add_chain, 1, tick_hz)
}

/// The core's frequency in GHz over some milliseconds: the median of chains
/// one after the other.
#[must_use]
pub fn core_ghz(tick_hz: f64) -> f64 {
    let chains: Vec<_> = (0..CHAINS).map(|_| chain_ghz(tick_hz)).collect();
    stats::median(&chains).unwrap_or(1.0)
}

/// The core's present frequency in GHz by multiplications of three cycles,
/// the cross-check of [`chain_ghz`].
#[must_use]
pub fn imul_chain_ghz(tick_hz: f64) -> f64 {
    ghz(imul_chain, IMUL_CYCLES, tick_hz)
}

/// Whether the time-stamp counter keeps one rate through all frequencies and
/// sleep states. False where `proc/cpuinfo` below `root` does not say so.
#[must_use]
pub fn invariant_tsc(root: &Path) -> bool {
    let cpuinfo = std::fs::read_to_string(root.join("proc/cpuinfo"));
    let cpuinfo = cpuinfo.unwrap_or_default();
    let Some(flags) = cpuinfo.lines().find(|line| line.starts_with("flags"))
    else {
        return false;
    };
    let has = |name| flags.split_whitespace().any(|flag| flag == name);
    has("constant_tsc") && has("nonstop_tsc")
}

/// `CLOCK_MONOTONIC_RAW` in nanoseconds.
fn raw_ns() -> u64 {
    use rustix::time::{ClockId, clock_gettime};
    let now = clock_gettime(ClockId::MonotonicRaw);
    // Neither part is ever negative: the clock counts from the boot.
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// One comparison of the two clocks.
#[cfg(target_arch = "x86_64")]
struct Window {
    tick_hz: f64,
    /// Ticks between which the ends may lie.
    doubt: f64,
}

#[cfg(target_arch = "x86_64")]
impl Window {
    /// Sleeps, because a counter that stops in sleep must show it.
    fn measure(length: std::time::Duration) -> Self {
        let (start, start_ns, start_doubt) = both_clocks();
        std::thread::sleep(length);
        let (end, end_ns, end_doubt) = both_clocks();
        Self {
            tick_hz: (end - start) * 1e9 / (end_ns - start_ns),
            doubt: start_doubt + end_doubt,
        }
    }
}

/// The tick and the nanosecond of one moment, and the ticks between which it
/// lies: the tightest of several readings.
#[cfg(target_arch = "x86_64")]
fn both_clocks() -> (f64, f64, f64) {
    let (before, ns, after) = (0..16)
        .map(|_| (stamp(), raw_ns(), stamp()))
        .min_by_key(|(before, _, after)| after - before)
        .unwrap_or_default();
    let doubt = (after - before) as f64;
    (before as f64 + doubt / 2.0, ns as f64, doubt)
}

fn ghz(chain: fn(), cycles_each: u32, tick_hz: f64) -> f64 {
    let ticks = (0..CHAIN_RUNS)
        .map(|_| {
            let start = stamp();
            chain();
            stamp() - start
        })
        .min()
        .unwrap_or(0)
        .max(1);
    let cycles = f64::from(CHAIN) * f64::from(cycles_each);
    cycles / (ticks as f64 / tick_hz) / 1e9
}

/// Adds a register: newer cores fold additions of constants away while they
/// rename registers.
#[cfg(target_arch = "x86_64")]
fn add_chain() {
    // SAFETY: only registers and flags are touched, all of them declared.
    unsafe {
        std::arch::asm!(
            "2:",
            ".rept {unrolled}",
            "add {sum}, {step}",
            ".endr",
            "dec {turns:e}",
            "jnz 2b",
            unrolled = const UNROLLED,
            sum = inout(reg) 0_u64 => _,
            step = in(reg) 1_u64,
            turns = inout(reg) CHAIN / UNROLLED => _,
            options(nomem, nostack),
        );
    }
}

#[cfg(target_arch = "x86_64")]
fn imul_chain() {
    // SAFETY: only registers and flags are touched, all of them declared.
    unsafe {
        std::arch::asm!(
            "2:",
            ".rept {unrolled}",
            "imul {product}, {factor}",
            ".endr",
            "dec {turns:e}",
            "jnz 2b",
            unrolled = const UNROLLED,
            product = inout(reg) 1_u64 => _,
            factor = in(reg) 3_u64,
            turns = inout(reg) CHAIN / UNROLLED => _,
            options(nomem, nostack),
        );
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn add_chain() {
    let mut sum = 0_u64;
    for _ in 0..CHAIN {
        sum = std::hint::black_box(sum).wrapping_add(1);
    }
    std::hint::black_box(sum);
}

#[cfg(not(target_arch = "x86_64"))]
fn imul_chain() {
    let mut product = 1_u64;
    for _ in 0..CHAIN {
        product = std::hint::black_box(product).wrapping_mul(3);
    }
    std::hint::black_box(product);
}

/// How long the calling thread has had a core since it began, in nanoseconds.
#[must_use]
pub fn thread_ns() -> u64 {
    use rustix::time::{ClockId, clock_gettime};
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::fixture::Tree;

    #[test]
    fn stamps_never_run_backwards() {
        let mut last = stamp();
        for _ in 0..10_000 {
            let now = stamp();
            assert!(now >= last);
            last = now;
        }
    }

    #[test]
    fn a_pair_of_stamps_is_cheap_beside_a_block() {
        let cost = f64::from(clock_cost_ticks());
        assert!(cost / tick_hz() < 50e-6, "{cost} ticks");
    }

    #[test]
    fn two_calibrations_agree() {
        let ratio = tick_hz() / tick_hz();
        assert!((0.98..1.02).contains(&ratio), "{ratio}");
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn additions_and_multiplications_tell_the_same_frequency() {
        let hz = tick_hz();
        // Boost and neighbours change from one chain to the next: one good
        // reading out of many is enough to show that the lengths are right.
        let ratios: Vec<f64> =
            (0..50).map(|_| chain_ghz(hz) / imul_chain_ghz(hz)).collect();
        assert!(
            ratios.iter().any(|ratio| (0.8..1.25).contains(ratio)),
            "{ratios:?}"
        );
    }

    #[test]
    fn the_counter_is_trusted_only_with_both_flags() {
        let line = |flags: &str| format!("processor\t: 0\nflags\t\t: {flags}");
        let tree = Tree::new();
        assert!(!invariant_tsc(tree.path()));
        tree.file("proc/cpuinfo", &line("tsc constant_tsc sse2"));
        assert!(!invariant_tsc(tree.path()));
        tree.file("proc/cpuinfo", &line("tsc constant_tsc nonstop_tsc sse2"));
        assert!(invariant_tsc(tree.path()));
    }
}

//! What every variant must do, against naive references.
//!
//! An axis has its laws in a file of its own, with a macro that makes tests
//! of them; each variant's file ends with one line that uses it. Whole
//! policies, as the registry lists them, run in `policies` against a
//! forwarder without style, and in `faults` with a fault of each kind.

pub mod batch;
pub mod bounds;
mod broken;
pub mod buffer;
pub mod dispatch;
mod faults;
pub mod language;
pub mod meta;
mod naive;
mod names;
pub mod pass;
pub mod persona;
mod policies;
pub mod pool;
mod pools;
pub mod prefetch;
mod queues;
pub mod reg;
mod run;
mod scenario;
mod split;
pub mod spread;
pub mod status;
pub mod walk;
mod workloads;
pub mod writeback;

use core::fmt;

use driver::memory::{DmaRegion, DmaWindow, Iova};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseResult, TestRunner};

/// Whether a law holds.
pub type Verdict = Result<(), Broken>;

/// A law does not hold: why, and for what input.
pub struct Broken(String);

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `many`, or `few` for an interpreter.
const fn at_most(many: u32, few: u32) -> u32 {
    if cfg!(miri) { few } else { many }
}

/// Tries `law` on `cases` of `inputs`, or on one in an interpreter.
fn hold<S: Strategy>(
    cases: u32,
    inputs: S,
    law: impl Fn(S::Value) -> TestCaseResult,
) -> Verdict {
    let cases = at_most(cases, 1);
    let config =
        Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&inputs, law)
        .map_err(|why| Broken(why.to_string()))
}

/// Memory for a law to play with.
fn memory(bytes: usize) -> DmaRegion {
    DmaRegion::allocate(bytes, Iova::new(0x7_0000_0000)).expect("memory")
}

/// What lies in `memory`.
fn bytes_of(memory: DmaWindow<'_>) -> Vec<u8> {
    let at = memory.base().as_ptr();
    // SAFETY: the slice is `len` bytes of mapped memory that no device
    // writes to.
    (0..memory.bytes()).map(|i| unsafe { at.add(i).read_volatile() }).collect()
}

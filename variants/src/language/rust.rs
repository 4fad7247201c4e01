//! `language=rust`: the driver core, generic over styles.
//!
//! *Idea.* The hot path is written once over traits and compiled for each
//! policy; indices are checked, and a buffer is a number nobody can copy.
//!
//! *Cost.* A check per descriptor, per table row and per step of the free
//! stack, where the compiler cannot see that it holds.
//!
//! *Origin.* This project; ixy.rs before it.
//!
//! *Compare.* `c.rs` and `variants/c/driver.c`.

use driver::nic::InitError;
use driver::wait::Wait;

use super::Language;
use crate::registry::Baseline;
use crate::workload::{Forwarder, MappedSite, forward};

/// The driver core, generic over styles.
pub struct Rust;

impl Language for Rust {
    const NAME: &'static str = "rust";
    const IDEA: &'static str = "Rust: the driver core, generic over styles";

    fn open<'a>(
        site: MappedSite<'a>,
        wait: &mut dyn Wait,
    ) -> Result<Box<dyn Forwarder + 'a>, InitError> {
        forward::open::<Baseline>(site, wait)
    }

    fn entry() -> *const () {
        forward::entry::<Baseline>()
    }
}

#[cfg(test)]
mod tests {
    crate::language_conformance!(super::Rust);
}

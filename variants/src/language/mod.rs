//! Axis `language`: in what language is the hot path written?
//!
//! An answer is a whole policy, with the baseline's answer to every other
//! question.

#[cfg(have_cc)]
mod c;
mod rust;

#[cfg(have_cc)]
pub use c::C;
pub use rust::Rust;

use driver::nic::InitError;
use driver::wait::Wait;

use crate::workload::{Forwarder, MappedSite};

/// A language.
///
/// Law: does with packets, rings, buffers and registers what the baseline
/// does.
pub trait Language: 'static {
    /// The answer's name.
    const NAME: &'static str;

    /// The answer in half a line.
    const IDEA: &'static str;

    /// Sets the workload up.
    fn open<'a>(
        site: MappedSite<'a>,
        wait: &mut dyn Wait,
    ) -> Result<Box<dyn Forwarder + 'a>, InitError>;

    /// Where the machine code begins.
    fn entry() -> *const ();
}

//! `external`: drivers that nobody here wrote, unmodified, on our card.
//!
//! Each runs in namespaces of its own, where it finds the card under
//! `/sys/bus/pci/devices`. The card's registers are memory that one core
//! polls; the program's own memory is found by its physical addresses.

pub mod confine;
mod contender;
mod mapped;
mod memory;
mod paced;
mod plan;
mod program;
mod registers;
mod stage;
mod start;
mod throughput;
mod turns;

use crate::cli::ExternalArgs;
use crate::failure::Failure;
use crate::process;
use plan::{Kind, Plan, plan_of};

/// Measures a program, and variants of our own in turn with it.
///
/// # Errors
///
/// A line for what was asked wrongly, cannot be measured or written.
pub fn command(args: &ExternalArgs) -> Result<(), Failure> {
    // From here on an interruption keeps what there is.
    process::interrupted();
    let (plan, setup) = plan_of(args)?;
    match &args.rate[..] {
        [] => throughput::measure(args, &plan, setup),
        _ => paced::measure(args, &plan, &setup),
    }
}

//! `doctor`: every condition of the machine that moves a number.

mod cards;
mod claims;
mod condition;
mod cores;
mod frequency;
mod kernel;
mod memory;
mod neighbours;
mod report;
mod samples;

pub use claims::{Carries, Claims};
pub use condition::{Condition, Grade, Spoils};
pub use samples::Samples;

use rustix::process::geteuid;

use crate::affinity;
use crate::cli::DoctorArgs;
use crate::counters;
use crate::environment::Root;
use crate::failure::Failure;
use crate::results::{Examination, Placement, Seen, Setup};

/// What conditions are judged by.
#[derive(Clone, Copy, Debug)]
pub struct Machine<'a> {
    /// What the kernel says.
    pub root: &'a Root,
    /// What was measured.
    pub samples: &'a Samples,
    /// Cores that this process may use.
    pub allowed: &'a [u32],
    /// Core of the forwarder.
    pub core: u32,
    /// Core of the model in threads; absent where there is none.
    pub other_core: Option<u32>,
    /// Whether the process has all rights.
    pub is_root: bool,
    /// Valgrind's version, or why it cannot be used.
    pub valgrind: &'a Result<String, String>,
}

/// All conditions, in the order in which they are shown.
const CONDITIONS: [fn(&Machine<'_>) -> Condition; 20] = [
    cores::affinity,
    cores::isolation,
    cores::interrupts,
    cores::smt_sibling,
    frequency::governor,
    frequency::limits,
    frequency::turbo,
    frequency::measured,
    frequency::clock,
    neighbours::steal,
    neighbours::run_delay,
    neighbours::pressure,
    neighbours::jitter,
    memory::huge_pages,
    memory::randomisation,
    memory::line_transfer,
    kernel::mitigations,
    kernel::counters,
    kernel::valgrind,
    kernel::virtualisation,
];

/// Looks at the machine and says what it saw.
pub fn command(args: &DoctorArgs) -> Result<(), Failure> {
    let root = args.root.clone().map_or_else(Root::default, Root);
    let allowed = affinity::allowed_cores();
    let (core, other_core) = chosen(args, &allowed)?;
    look_at(&root, core, other_core, |machine| {
        let mut conditions = examine(machine);
        let mut cables = Vec::new();
        if let Some(ports) = &args.nic {
            conditions.extend(cards::examine(&root, core, ports));
            cables.extend(cards::cables(ports));
        }
        report::print(machine, &conditions, &cables, args.json)
    })?
}

/// What a run keeps of the machine's condition before it.
pub fn record(setup: &Setup) -> Result<Examination, Failure> {
    let Setup { core, model_core, .. } = *setup;
    let other_core = (core != model_core).then_some(model_core);
    look_at(&Root::default(), core, other_core, |machine| {
        let conditions = examine(machine);
        let Claims { carries, line } = Claims::of(&conditions);
        let seen = |Condition { name, grade, seen, .. }: Condition| Seen {
            name: name.to_owned(),
            grade,
            seen,
        };
        let conditions = conditions.into_iter().map(seen).collect();
        Examination { carries, line, conditions }
    })
}

/// Measures what has to be measured, and has somebody look at it all.
fn look_at<T>(
    root: &Root,
    core: u32,
    other_core: Option<u32>,
    look: impl FnOnce(&Machine<'_>) -> T,
) -> Result<T, Failure> {
    // First of all: what the program does itself is pressure too.
    let samples = Samples::take(root, core, other_core)?;
    let valgrind = counters::valgrind_version().map_err(|why| why.to_string());
    Ok(look(&Machine {
        root,
        samples: &samples,
        allowed: &affinity::allowed_cores(),
        core,
        other_core,
        is_root: geteuid().is_root(),
        valgrind: &valgrind,
    }))
}

/// Every condition of a machine.
#[must_use]
pub fn examine(machine: &Machine<'_>) -> Vec<Condition> {
    CONDITIONS.iter().map(|condition| condition(machine)).collect()
}

/// The cores that a threaded run with these options would take, or the one
/// that there is.
fn chosen(
    args: &DoctorArgs,
    allowed: &[u32],
) -> Result<(u32, Option<u32>), Failure> {
    let placement = match allowed {
        [_] if args.model_core.is_none() => Placement::Lockstep,
        _ => Placement::Threaded,
    };
    let (core, other) = affinity::choose(placement, args.core, args.model_core)
        .map_err(Failure::error)?;
    Ok((core, (core != other).then_some(other)))
}

#[cfg(test)]
mod tests;

//! How a gate measures: what all of its commands have in common.

use nic_model::arrivals::Sizes;

use super::timing::{Effort, Pace};
use crate::cli::GateArgs;
use crate::doctor;
use crate::environment::Root;
use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::load::SizesArg;
use crate::plan::{self, Contenders};
use crate::results::{Cell, Placement, Run};
use crate::sweep::{now, prepare};

/// Share of the time that the look at all cells may take.
const FIRST: f64 = 0.55;

/// Looks at the machine, and how long blocks have to be: a run without
/// samples.
pub fn of(args: &GateArgs, cells: &[Cell]) -> Result<Run, Failure> {
    let frame = SizesArg(Sizes::One(64));
    let cores = [args.core, None];
    let lockstep = Placement::Lockstep;
    let setup = plan::under_load(lockstep, cores, args.seed, frame)?;
    let examination = doctor::record(&setup)?;
    let contenders = Contenders {
        variants: Vec::new(),
        same_code: Vec::new(),
        warnings: Vec::new(),
    };
    let effort = plan::Effort::of_pair(lockstep);
    let mut run = prepare(setup, effort, cells.to_vec(), contenders, now())?;
    run.examination = Some(examination);
    Ok(run)
}

/// The effort of a look at all cells for which there is time.
pub fn effort(pace: &Pace, args: &GateArgs) -> Result<Effort, Failure> {
    let seconds = f64::from(args.seconds) * FIRST;
    pace.effort(1.0, seconds, args.links, u32::MAX).ok_or_else(|| {
        Failure::error(format!(
            "--seconds {}: too few for so many cells, which take {:.0}; or \
             choose fewer --variants and --batch",
            args.seconds,
            (pace.least(1.0, args.links) / FIRST).ceil() + 1.0
        ))
    })
}

/// What this machine is like.
#[must_use]
pub fn fingerprint() -> Fingerprint {
    let root = Root::default();
    let machine = root.machine(0);
    Fingerprint::of(&root, &machine)
}

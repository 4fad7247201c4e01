//! How a gate measures: what all of its commands have in common.

use nic_model::arrivals::Sizes;

use super::timing::Pace;
use crate::cli::GateArgs;
use crate::doctor;
use crate::environment::Root;
use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::load::SizesArg;
use crate::plan::{self, Contenders, Effort};
use crate::results::{Cell, Placement, Run};
use crate::sweep::{now, prepare};

/// A machine that was looked at, and a run on it without samples.
pub struct Setting {
    pub run: Run,
}

/// Looks at the machine, and how long blocks have to be.
pub fn of(args: &GateArgs, cells: &[Cell]) -> Result<Setting, Failure> {
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
    let effort = Effort::of_pair(lockstep);
    let mut run = prepare(setup, effort, cells.to_vec(), contenders, now())?;
    run.examination = Some(examination);
    Ok(Setting { run })
}

/// Rounds for which there is time.
pub fn rounds(pace: &Pace, pairs: u32, seconds: f64) -> Result<u32, Failure> {
    pace.rounds(pairs, 1.0, seconds).ok_or_else(|| {
        Failure::error(format!(
            "{seconds:.0} s are too few for so many cells: --seconds {:.0}, \
             or fewer --variants and --batch",
            (pace.least(pairs, 1.0) / super::check::FIRST).ceil()
        ))
    })
}

/// What this machine is like.
pub fn fingerprint() -> Fingerprint {
    let root = Root::default();
    let machine = root.machine(0);
    Fingerprint::of(&root, &machine)
}

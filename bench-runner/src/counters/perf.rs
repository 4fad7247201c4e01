//! The kernel's counters: a worker process per variant, one at a time.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::Ordering;

use variants::registry::Variant;

use super::callgrind;
use super::tally::Tally;
use super::worker::{Order, PerfOrder};
use crate::affinity;
use crate::clock;
use crate::failure::Failure;
use crate::measure::Turns;
use crate::process;
use crate::results::Placement;

/// Repeats of the turns for each group of counters: some half a million
/// packets on full rings, beside which warm-up and the counters' own
/// switching are small.
const REPEATS: u32 = 64;

/// The core that counts, and its clock.
pub struct Perf {
    program: PathBuf,
    order: PerfOrder,
}

impl Perf {
    /// Picks the core that a sweep would take.
    pub fn find() -> Result<Self, Failure> {
        let program = env::current_exe().map_err(Failure::environment)?;
        let cores = affinity::choose(Placement::Lockstep, None, None);
        let (core, _) = cores.map_err(Failure::environment)?;
        let tick_hz = clock::tick_hz();
        let order = PerfOrder { core, tick_hz, repeats: REPEATS };
        Ok(Self { program, order })
    }

    /// Counts every variant in each of the turns, in this order.
    pub fn tally_all(
        &self,
        variants: &[Variant],
        turns: &[Turns],
    ) -> Result<Vec<Vec<Tally>>, Failure> {
        let tally =
            |variant| match process::interrupted().load(Ordering::Relaxed) {
                true => Err(Failure::interrupted("stopped")),
                false => self.tally(variant, turns),
            };
        variants.iter().map(tally).collect()
    }

    fn tally(
        &self,
        variant: &Variant,
        turns: &[Turns],
    ) -> Result<Vec<Tally>, Failure> {
        let name = variant.name();
        let fault = |what: String| {
            Failure::error(format!("counting {name} failed: {what}"))
        };
        let mut command = Command::new(&self.program);
        process::bare_environment(&mut command);
        command.arg("counted");
        let order = Order {
            variant: name.clone(),
            turns: turns.to_vec(),
            perf: Some(self.order),
        };
        let output = callgrind::run(&mut command, &order);
        let output = output.map_err(|error| {
            Failure::environment(format!("cannot start a worker: {error}"))
        })?;
        if process::interrupted().load(Ordering::Relaxed) {
            return Err(Failure::interrupted("stopped"));
        }
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(fault(format!("{}: {said}", output.status)));
        }
        let tallies: Vec<Tally> = serde_json::from_slice(&output.stdout)
            .map_err(|error| fault(error.to_string()))?;
        match tallies.len() == turns.len() {
            true => Ok(tallies),
            false => Err(fault("turns are missing".to_owned())),
        }
    }
}

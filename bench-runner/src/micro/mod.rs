//! Loops without a driver, timed and counted: the kernels of
//! [`variants::micro`].

mod count;
mod time;
pub mod worker;

use serde_json::{Value, json};
use variants::micro::{self, Kernel};

use crate::affinity;
use crate::cli::MicroArgs;
use crate::failure::Failure;
use crate::output;
use crate::plan;
use crate::results::Placement;
use crate::stats::Estimate;

pub use count::{Counted, count};
pub use time::{Measured, Timings, measure};

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// Fresh processes.
    pub processes: u32,
    /// Rounds per process, in each of which every kernel has a block.
    pub rounds: u32,
    /// Length of a block, in seconds.
    pub block: f64,
    /// Seed of every order.
    pub seed: u64,
}

impl Default for Effort {
    fn default() -> Self {
        Self { processes: 8, rounds: 100, block: 150e-6, seed: 0 }
    }
}

/// Kernels by name, in the order of [`micro::kernels`], each once: the names
/// of kernels, or of groups and what else kernels' names begin with, such as
/// `walks/in-order/chase`.
pub fn find(names: &[String]) -> Result<Vec<Kernel>, Failure> {
    let mut kernels = micro::kernels();
    let ids: Vec<_> = kernels.iter().map(Kernel::id).collect();
    for name in names {
        if !ids.iter().any(|id| is_in(id, name)) {
            let near = plan::nearest(name, ids.iter().map(String::as_str));
            return Err(Failure::error(format!(
                "unknown kernel {name:?}; nearest is {near}"
            )));
        }
    }
    let asked =
        |kernel: &Kernel| names.iter().any(|name| is_in(&kernel.id(), name));
    kernels.retain(asked);
    Ok(kernels)
}

/// Whether a kernel goes by a name, or lies in the group of that name.
fn is_in(id: &str, name: &str) -> bool {
    let rest = id.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Times or counts kernels, as JSON.
pub fn command(args: &MicroArgs) -> Result<(), Failure> {
    let kernels = find(&args.names)?;
    let ids: Vec<_> = kernels.iter().map(Kernel::id).collect();
    let json = match args.count {
        true => {
            let counted = count(&ids)?;
            json!({ "counted": counted })
        }
        false => {
            let cores = affinity::choose(Placement::Lockstep, args.core, None);
            let (core, _) = cores.map_err(Failure::environment)?;
            let effort = Effort {
                processes: args.processes,
                rounds: args.rounds,
                ..Effort::default()
            };
            let timings = measure(&ids, &effort, core)?;
            let all = timings.kernels.iter().map(Measured::json);
            let all: Vec<_> = all.collect();
            let processes = timings.processes();
            json!({ "processes": processes, "ghz": timings.ghz, "timed": all })
        }
    };
    output::line(format_args!("{json:#}"));
    Ok(())
}

impl Measured {
    fn json(&self) -> Value {
        let estimate = |e: &Estimate| json!([e.value, e.interval]);
        json!({
            "name": self.name,
            "elements": self.elements,
            "ns": estimate(&self.ns),
            "cycles": estimate(&self.cycles),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str]) -> Result<Vec<String>, Failure> {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let kernels = find(&names)?;
        Ok(kernels.iter().map(Kernel::id).collect())
    }

    #[test]
    fn a_kernel_is_found_by_its_name_and_by_its_groups() {
        let one = "walks/in-order/chase/16KiB";
        assert_eq!(found(&[one]), Ok(vec![one.to_owned()]));
        assert_eq!(found(&[one, one]), Ok(vec![one.to_owned()]));
        let all = found(&["walks/in-order/chase"]).expect("some");
        assert!(all.len() > 1 && all.contains(&one.to_owned()), "{all:?}");
        // `speculate` is not in `speculate4`, nor the other way round.
        let all = found(&["walks/in-order/speculate"]).expect("some");
        assert!(!all.iter().any(|id| id.contains("speculate4")), "{all:?}");
    }

    #[test]
    fn an_unknown_kernel_gets_the_nearest_one() {
        for name in ["walks/in-order/chase/16KB", "walks/in-order/chase/16"] {
            let failure = found(&[name]).expect_err("unknown").to_string();
            assert!(failure.contains("chase/16KiB"), "{failure}");
        }
    }
}

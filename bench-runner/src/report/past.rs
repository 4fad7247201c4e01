//! What is kept of each of many runs.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{panic, thread};

use crate::analysis;
use crate::failure::Failure;
use crate::folder::reference;
use crate::results::{Fill, Machine, Run, Setup};
use crate::stats::Estimate;

/// How many runs are kept whole, the newest ones.
const WHOLE: usize = 16;

/// A run without its samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    /// The name of its folder.
    pub name: String,
    /// When it began, RFC 3339, UTC.
    pub started: String,
    /// The commit of the program that measured.
    pub commit: String,
    /// The machine it ran on.
    pub machine: Machine,
    /// What was asked for.
    pub setup: Setup,
    /// What its comparisons cost.
    pub costs: Vec<Cost>,
}

/// A cell's cost against its reference.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    /// What was measured.
    pub of: Place,
    /// Time per packet against that of the reference.
    pub ratio: Estimate,
}

/// A comparison that runs have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Name of the variant.
    pub variant: String,
    /// Upper limit of packets per receive call.
    pub batch: u16,
    /// Whether rings were filled at random.
    pub random: bool,
    /// Cores that forwarded, where several may.
    pub cores: Option<u16>,
}

impl Past {
    fn of(run: &Run, path: &Path) -> Self {
        let results = analysis::analyse(run, &reference);
        let costs = results.into_iter().filter(|r| !r.copy).filter_map(|r| {
            let of = Place {
                variant: r.variant,
                batch: r.batch,
                random: r.fill == Fill::Random,
                cores: r.cores,
            };
            Some(Cost { of, ratio: r.cost_ratio? })
        });
        let name = path.parent().and_then(Path::file_name).unwrap_or_default();
        Self {
            name: name.to_string_lossy().into_owned(),
            started: run.started.clone(),
            commit: run.build.commit.clone(),
            machine: run.machine.clone(),
            setup: run.setup.clone(),
            costs: costs.collect(),
        }
    }

    /// Its cost at a place.
    pub fn cost(&self, of: &Place) -> Option<Estimate> {
        let cost = self.costs.iter().find(|cost| cost.of == *of);
        cost.map(|cost| cost.ratio)
    }
}

/// Some of the runs that one thread has read.
#[derive(Default)]
struct Read {
    whole: Vec<(usize, Run)>,
    past: Vec<(usize, Past)>,
    failed: Option<(usize, Failure)>,
}

/// Reads runs, the newest first, on as many threads as there are cores: the
/// newest ones whole, and of all what they say.
///
/// # Errors
///
/// A line for the first of the files that cannot be read or trusted.
pub fn load(paths: &[PathBuf]) -> Result<(Vec<Run>, Vec<Past>), Failure> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut read = Read::default();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = paths.get(place) else { break read };
            match Run::load(path) {
                Ok(run) => {
                    read.past.push((place, Past::of(&run, path)));
                    read.whole.push((place, run));
                    keep_newest(&mut read.whole);
                }
                Err(why) => {
                    // Those before it are read by others; go no further.
                    next.store(paths.len(), Ordering::Relaxed);
                    read.failed = Some((place, Failure::error(why)));
                    break read;
                }
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let parts = thread::scope(|scope| {
        let hands = (0..cores.min(paths.len())).map(|_| scope.spawn(work));
        let hands: Vec<_> = hands.collect();
        let parts = hands.into_iter().map(|hand| {
            hand.join().unwrap_or_else(|why| panic::resume_unwind(why))
        });
        parts.collect::<Vec<_>>()
    });
    let mut all = Read::default();
    let mut failed = Vec::new();
    for part in parts {
        all.whole.extend(part.whole);
        all.past.extend(part.past);
        failed.extend(part.failed);
    }
    let first = failed.into_iter().min_by_key(|(place, _)| *place);
    if let Some((_, failure)) = first {
        return Err(failure);
    }
    keep_newest(&mut all.whole);
    all.past.sort_by(|(n, a), (m, b)| {
        b.started.cmp(&a.started).then_with(|| n.cmp(m))
    });
    let whole = all.whole.into_iter().map(|(_, run)| run);
    let past = all.past.into_iter().map(|(_, past)| past);
    Ok((whole.collect(), past.collect()))
}

/// Sorts runs, the newest first, and lets go of old ones.
fn keep_newest(runs: &mut Vec<(usize, Run)>) {
    runs.sort_by(|(n, a), (m, b)| {
        b.started.cmp(&a.started).then_with(|| n.cmp(m))
    });
    runs.truncate(WHOLE);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::example;

    #[test]
    fn many_runs_are_kept_in_short_and_a_few_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut run = example::run(&["baseline", "reg=boxed"], &[32]);
        let paths = (0..20).map(|day| {
            run.started = format!("2026-01-{:02}T00:00:00Z", day + 1);
            let path = folder.path().join(format!("run-{day}"));
            run.save(&path).expect("saved");
            path.join("run.json")
        });
        let paths: Vec<_> = paths.collect();
        let (whole, past) = load(&paths).expect("read");
        assert_eq!((whole.len(), past.len()), (WHOLE, 20));
        assert_eq!(past[0].started, whole[0].started);
        assert_eq!((&*past[0].name, &*past[19].name), ("run-19", "run-0"));
        let of = Place {
            variant: "reg=boxed".to_owned(),
            batch: 32,
            random: false,
            cores: None,
        };
        let ratio = past[3].cost(&of).expect("a cost");
        assert!(ratio.value > 1.5, "{ratio:?}");
        assert_eq!(past[3].costs.len(), 1);
    }

    #[test]
    fn the_first_bad_file_is_the_one_that_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = ["a.json", "b.json"].map(|n| folder.path().join(n));
        std::fs::write(&paths[0], "{").expect("written");
        let line = load(&paths).expect_err("damaged").to_string();
        assert!(line.contains("a.json: cut off in line 1"), "{line}");
    }
}

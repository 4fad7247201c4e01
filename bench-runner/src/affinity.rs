//! Which cores there are, which ones a run takes, and staying on one.

use crate::results::Placement;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::fmt;

/// Why a run cannot have the cores it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The core does not exist, or the process may not use it.
    Unavailable {
        /// The core asked for.
        core: u32,
        /// The cores there are.
        allowed: Vec<u32>,
    },
    /// The threaded placement has no second core.
    OneCore {
        /// The only core.
        core: u32,
    },
    /// Both sides were put on one core in the threaded placement.
    SameCore {
        /// The core asked for twice.
        core: u32,
    },
    /// A core was named twice.
    Twice {
        /// The core.
        core: u32,
    },
    /// The model was given a core of its own in the lockstep placement.
    ModelCoreInLockstep,
    /// The system tells no core that this process may use.
    NoCore,
    /// The system let the thread stay elsewhere.
    NotPinned {
        /// The core asked for.
        core: u32,
        /// What the system said, or the cores it left.
        reason: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable { core, allowed } => write!(
                f,
                "core {core} is not available: this process may use {}",
                core_list(allowed)
            ),
            Self::OneCore { core } => write!(
                f,
                "threaded placement needs two cores and this process may use \
                 one (core {core}): use --placement lockstep"
            ),
            Self::SameCore { core } => write!(
                f,
                "threaded placement needs two cores and both sides were given \
                 core {core}"
            ),
            Self::Twice { core } => write!(f, "core {core} is named twice"),
            Self::ModelCoreInLockstep => write!(
                f,
                "lockstep runs the model on the forwarder's core: leave the \
                 model's core out or use --placement threaded"
            ),
            Self::NoCore => {
                write!(f, "the system names no core that this process may use")
            }
            Self::NotPinned { core, reason } => {
                write!(f, "cannot stay on core {core}: {reason}")
            }
        }
    }
}

impl std::error::Error for Error {}

/// The cores that the calling thread may run on, in order. After [`pin`] that
/// is one; empty when the system does not tell.
#[must_use]
pub fn allowed_cores() -> Vec<u32> {
    sched_getaffinity(None).map(|set| cores_of(&set)).unwrap_or_default()
}

/// Keeps the calling thread on one core, and looks whether it worked.
pub fn pin(core: u32) -> Result<(), Error> {
    let index = core as usize;
    if index >= CpuSet::MAX_CPU {
        return Err(Error::Unavailable { core, allowed: allowed_cores() });
    }
    let failed = |reason| Error::NotPinned { core, reason };
    let mut wanted = CpuSet::new();
    wanted.set(index);
    sched_setaffinity(None, &wanted).map_err(|e| failed(e.to_string()))?;
    let got = sched_getaffinity(None).map_err(|e| failed(e.to_string()))?;
    if got != wanted {
        return Err(failed(format!("left on {}", core_list(&cores_of(&got)))));
    }
    Ok(())
}

/// The forwarder's and the model's core. What is not given is taken from the
/// end of the allowed cores: the first one takes most interrupts.
pub fn choose(
    placement: Placement,
    core: Option<u32>,
    model_core: Option<u32>,
) -> Result<(u32, u32), Error> {
    choose_among(&allowed_cores(), placement, core, model_core)
}

/// A core for whoever only watches: none of those that are taken, or else not
/// the first of them. None where the calling thread may run on no other.
#[must_use]
pub fn aside(taken: &[u32]) -> Option<u32> {
    let cores = allowed_cores();
    let free = |taken: &[u32]| {
        cores.iter().rev().find(|core| !taken.contains(core)).copied()
    };
    free(taken).or_else(|| free(&taken[..1.min(taken.len())]))
}

/// Cores of several forwarders and of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Several {
    /// The forwarders' cores.
    pub cores: Vec<u32>,
    /// The model's core.
    pub model_core: u32,
    /// Why there are fewer than were asked for.
    pub note: Option<String>,
}

/// The cores that forward and the model's, as many of those that are asked for
/// as there are.
pub fn choose_several(
    asked: &[u32],
    model_core: Option<u32>,
) -> Result<Several, Error> {
    several_among(&allowed_cores(), asked, model_core)
}

/// A list of cores as a sentence takes it: `core 0`, `cores 0-3,8`.
#[must_use]
pub fn core_list(cores: &[u32]) -> String {
    let noun = if cores.len() == 1 { "core" } else { "cores" };
    if cores.is_empty() {
        return "no core".to_string();
    }
    format!("{noun} {}", spans(cores))
}

/// A list of cores as the kernel takes it: `0-3,8`.
#[must_use]
pub fn spans(cores: &[u32]) -> String {
    let spans: Vec<String> = cores
        .chunk_by(|a, b| a + 1 == *b)
        .map(|span| match span {
            [only] => only.to_string(),
            [first, .., last] => format!("{first}-{last}"),
            [] => String::new(),
        })
        .collect();
    spans.join(",")
}

fn cores_of(set: &CpuSet) -> Vec<u32> {
    (0..CpuSet::MAX_CPU)
        .filter(|&index| set.is_set(index))
        .filter_map(|index| u32::try_from(index).ok())
        .collect()
}

fn choose_among(
    allowed: &[u32],
    placement: Placement,
    core: Option<u32>,
    model_core: Option<u32>,
) -> Result<(u32, u32), Error> {
    for core in [core, model_core].into_iter().flatten() {
        if !allowed.contains(&core) {
            let allowed = allowed.to_vec();
            return Err(Error::Unavailable { core, allowed });
        }
    }
    let last_but = |taken: Option<u32>| {
        allowed.iter().rev().copied().find(|&core| Some(core) != taken)
    };
    match placement {
        Placement::Lockstep | Placement::Card => {
            let core = core.or_else(|| last_but(None)).ok_or(Error::NoCore)?;
            if model_core.is_some_and(|model_core| model_core != core) {
                return Err(Error::ModelCoreInLockstep);
            }
            Ok((core, core))
        }
        Placement::Threaded | Placement::External => {
            if let [core] = *allowed {
                return Err(Error::OneCore { core });
            }
            let core =
                core.or_else(|| last_but(model_core)).ok_or(Error::NoCore)?;
            let model_core = model_core
                .or_else(|| last_but(Some(core)))
                .ok_or(Error::NoCore)?;
            if core == model_core {
                return Err(Error::SameCore { core });
            }
            Ok((core, model_core))
        }
    }
}

fn several_among(
    allowed: &[u32],
    asked: &[u32],
    model_core: Option<u32>,
) -> Result<Several, Error> {
    if let [core] = *allowed {
        return Err(Error::OneCore { core });
    }
    let twice = |(n, core): &(usize, &u32)| asked[..*n].contains(core);
    if let Some((_, &core)) = asked.iter().enumerate().find(twice) {
        return Err(Error::Twice { core });
    }
    let unavailable = |core: &&u32| !allowed.contains(*core);
    let enough = allowed.len() > asked.len();
    // Where there are too few anyway, names are wishes.
    let named = asked.iter().filter(|_| enough);
    if let Some(&core) = named.chain(&model_core).find(unavailable) {
        let allowed = allowed.to_vec();
        return Err(Error::Unavailable { core, allowed });
    }
    let from_end = || allowed.iter().rev().copied();
    let model_core = match model_core {
        Some(core) if enough && asked.contains(&core) => {
            return Err(Error::SameCore { core });
        }
        Some(core) => core,
        None => {
            let free = from_end().find(|core| !asked.contains(core));
            free.or_else(|| allowed.first().copied()).ok_or(Error::NoCore)?
        }
    };
    let mut cores = asked.to_vec();
    cores.retain(|core| allowed.contains(core) && *core != model_core);
    let others: Vec<_> = from_end()
        .filter(|core| *core != model_core && !cores.contains(core))
        .collect();
    cores.extend(others);
    cores.truncate(asked.len());
    let note = (cores.len() < asked.len()).then(|| {
        let forward = match cores.len() {
            1 => "one forwards".to_owned(),
            n => format!("{n} forward"),
        };
        let all = allowed.len();
        format!("{all} cores: one polls as the card, so {forward}")
    });
    Ok(Several { cores, model_core, note })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Placement::{Lockstep, Threaded};

    #[test]
    fn lists_of_cores_are_short() {
        assert_eq!(core_list(&[]), "no core");
        assert_eq!(core_list(&[3]), "core 3");
        assert_eq!(core_list(&[0, 1]), "cores 0-1");
        assert_eq!(core_list(&[0, 1, 2, 5, 8, 9]), "cores 0-2,5,8-9");
    }

    #[test]
    fn without_a_wish_the_last_cores_are_taken() {
        let four = [0, 1, 2, 3];
        assert_eq!(choose_among(&four, Lockstep, None, None), Ok((3, 3)));
        assert_eq!(choose_among(&four, Threaded, None, None), Ok((3, 2)));
        assert_eq!(choose_among(&[0], Lockstep, None, None), Ok((0, 0)));
        assert_eq!(choose_among(&[0, 1], Threaded, None, None), Ok((1, 0)));
    }

    #[test]
    fn a_wish_is_kept_and_the_other_side_moves_away() {
        let four = [0, 1, 2, 3];
        assert_eq!(choose_among(&four, Lockstep, Some(1), None), Ok((1, 1)));
        assert_eq!(choose_among(&four, Threaded, Some(1), None), Ok((1, 3)));
        assert_eq!(choose_among(&four, Threaded, None, Some(3)), Ok((2, 3)));
        assert_eq!(choose_among(&four, Threaded, Some(0), Some(2)), Ok((0, 2)));
    }

    #[test]
    fn each_refusal_is_one_line_that_says_what_to_do() {
        let message = |allowed: &[u32], placement, core, model_core| {
            choose_among(allowed, placement, core, model_core)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            message(&[0], Threaded, None, None),
            "threaded placement needs two cores and this process may use one \
             (core 0): use --placement lockstep"
        );
        assert_eq!(
            message(&[0, 1], Lockstep, Some(99), None),
            "core 99 is not available: this process may use cores 0-1"
        );
        assert_eq!(
            message(&[2], Threaded, None, Some(0)),
            "core 0 is not available: this process may use core 2"
        );
        assert_eq!(
            message(&[0, 1], Threaded, Some(1), Some(1)),
            "threaded placement needs two cores and both sides were given \
             core 1"
        );
        assert_eq!(
            message(&[0, 1], Lockstep, Some(1), Some(0)),
            "lockstep runs the model on the forwarder's core: leave the \
             model's core out or use --placement threaded"
        );
        assert_eq!(
            message(&[], Lockstep, None, None),
            "the system names no core that this process may use"
        );
    }

    #[test]
    fn several_cores_are_those_that_were_asked_for() {
        let eight = [0, 1, 2, 3, 4, 5, 6, 7];
        let chosen = |asked: &[u32], model_core| {
            let Several { cores, model_core, note } =
                several_among(&eight, asked, model_core).unwrap();
            assert_eq!(note, None);
            (cores, model_core)
        };
        assert_eq!(chosen(&[2, 3, 4], None), (vec![2, 3, 4], 7));
        assert_eq!(chosen(&[7, 2], None), (vec![7, 2], 6));
        assert_eq!(chosen(&[4], Some(0)), (vec![4], 0));
        let seven = [7, 6, 5, 4, 3, 2, 1];
        assert_eq!(chosen(&seven, None), (seven.to_vec(), 0));
    }

    #[test]
    fn with_fewer_cores_as_many_forward_as_there_are_and_a_line_says_why() {
        let chosen = |allowed: &[u32], asked: &[u32], model_core| {
            let several = several_among(allowed, asked, model_core).unwrap();
            (several.cores, several.model_core, several.note.unwrap())
        };
        let (cores, model_core, note) = chosen(&[0, 1], &[2, 3, 4], None);
        assert_eq!((cores, model_core), (vec![0], 1));
        assert_eq!(note, "2 cores: one polls as the card, so one forwards");
        let (cores, model_core, _) = chosen(&[0, 1], &[0, 1], None);
        assert_eq!((cores, model_core), (vec![1], 0));
        let (cores, model_core, _) = chosen(&[0, 1], &[0, 1], Some(1));
        assert_eq!((cores, model_core), (vec![0], 1));
        let (cores, model_core, note) = chosen(&[4, 5, 6], &[6, 4, 9], None);
        assert_eq!((cores, model_core), (vec![6, 4], 5));
        assert_eq!(note, "3 cores: one polls as the card, so 2 forward");
    }

    #[test]
    fn several_cores_that_cannot_be_are_refused_in_one_line() {
        let message = |allowed: &[u32], asked: &[u32], model_core| {
            several_among(allowed, asked, model_core).unwrap_err().to_string()
        };
        assert_eq!(
            message(&[0], &[0, 1], None),
            "threaded placement needs two cores and this process may use one \
             (core 0): use --placement lockstep"
        );
        assert_eq!(
            message(&[0, 1, 2, 3], &[1, 9], None),
            "core 9 is not available: this process may use cores 0-3"
        );
        assert_eq!(
            message(&[0, 1], &[0, 1, 2], Some(7)),
            "core 7 is not available: this process may use cores 0-1"
        );
        assert_eq!(message(&[0, 1, 2], &[1, 1], None), "core 1 is named twice");
        assert_eq!(
            message(&[0, 1, 2, 3], &[1, 2], Some(2)),
            "threaded placement needs two cores and both sides were given \
             core 2"
        );
    }

    #[test]
    fn a_pinned_thread_has_one_core_and_a_missing_core_is_refused() {
        // A thread of its own, so that other tests keep their cores.
        std::thread::spawn(|| {
            let allowed = allowed_cores();
            let core = *allowed.last().unwrap();
            assert_eq!(pin(core), Ok(()));
            assert_eq!(allowed_cores(), [core]);
            assert!(matches!(pin(1023), Err(Error::NotPinned { .. })));
            assert!(matches!(pin(100_000), Err(Error::Unavailable { .. })));
        })
        .join()
        .unwrap();
    }
}

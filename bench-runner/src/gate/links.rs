//! The programs that are measured: this one, and more links of it.

use std::path::{Path, PathBuf};

use super::archive::Baseline;
use crate::build_info;
use crate::failure::Failure;
use crate::layouts::{self, Alignment, Layout, MOST};
use crate::measurement::{Pair, Program};

/// A link of this program.
pub struct Link {
    /// Seed of the order of its sections; absent for the program itself.
    pub seed: Option<u32>,
    /// The program.
    pub program: PathBuf,
}

/// Fewest links over which something can be said of all, and most.
const LINKS: std::ops::RangeInclusive<u32> = 3..=16;

/// Whether so many links can be asked for.
pub fn check(count: u32) -> Result<(), Failure> {
    match count == 1 || LINKS.contains(&count) {
        true => Ok(()),
        false => Err(Failure::error(format!(
            "--links {count}: must be from {} to {}, or 1 for the program as \
             it is",
            LINKS.start(),
            LINKS.end()
        ))),
    }
}

/// More links of this program in orders that the seed decides, those of
/// another number being others.
///
/// # Errors
///
/// When it cannot be linked again, or its sources are not what they were.
pub fn of_this_program(
    count: u32,
    seed: u64,
    number: u64,
    folder: &Path,
) -> Result<Vec<Link>, Failure> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let mut rng = fastrand::Rng::with_seed(seed ^ (number << 48));
    let mut seeds: Vec<u32> = Vec::new();
    while seeds.len() < count as usize {
        // Beyond those of `compare --layouts`.
        let seed = rng.u32(MOST..1_000_000);
        if !seeds.contains(&seed) {
            seeds.push(seed);
        }
    }
    let layouts = layouts::link(&seeds, Alignment::AsBuilt, folder);
    let layouts = layouts.map_err(|failure| {
        Failure::of(
            failure.exit,
            format!("{failure}; --links 1 measures the program as it is"),
        )
    })?;
    let mut links = Vec::new();
    for Layout { seed, program } in layouts {
        let built = Program::named(&program, "a link")?.build;
        let ours = build_info::build();
        if (&built.sources, &built.flags) != (&ours.sources, &ours.flags) {
            return Err(Failure::error(
                "sources or flags are not those that this program was built \
                 with: build it again, with the same RUSTFLAGS",
            ));
        }
        links.push(Link { seed: Some(seed), program });
    }
    Ok(links)
}

/// This program as it is.
pub fn this_program() -> Result<Link, Failure> {
    let program = std::env::current_exe().map_err(Failure::environment)?;
    Ok(Link { seed: None, program })
}

impl Link {
    /// As a program to be measured.
    pub fn program(&self, name: &str) -> Result<Program, Failure> {
        Program::named(&self.program, name)
    }
}

/// Pairs of links, to be measured in turn.
pub fn pairs(first: Vec<Program>, other: Vec<Program>) -> Vec<Pair> {
    let both = first.into_iter().zip(other);
    both.map(|(first, other)| Pair { first, other }).collect()
}

/// All programs of a baseline.
pub fn of_baseline(baseline: &Baseline) -> Result<Vec<Program>, Failure> {
    let name = format!("baseline {}", baseline.manifest.name);
    let programs = baseline.manifest.programs.iter();
    programs
        .map(|program| Program::named(&baseline.path_of(program)?, &name))
        .collect()
}

//! The programs that are measured: this one, and more links of it.

use std::path::Path;

use super::archive::Baseline;
use crate::build_info;
use crate::failure::Failure;
use crate::layouts::{self, Alignment, MOST};
use crate::measurement::Program;

/// A link of this program.
pub struct Link {
    /// Seed of the order of its sections; absent for the program itself.
    pub seed: Option<u32>,
    /// The program.
    pub program: std::path::PathBuf,
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

/// This program and as many links of it as make `count`, in orders that the
/// seed decides.
///
/// # Errors
///
/// When it cannot be linked again, or its sources are not what they were.
pub fn of_this_program(
    count: u32,
    seed: u64,
    folder: &Path,
) -> Result<Vec<Link>, Failure> {
    let this = std::env::current_exe().map_err(Failure::environment)?;
    let mut links = vec![Link { seed: None, program: this }];
    if count == 1 {
        return Ok(links);
    }
    let mut rng = fastrand::Rng::with_seed(seed);
    // Beyond those of `compare --layouts`.
    let seeds = (1..count).map(|_| rng.u32(MOST..1_000_000));
    let seeds: Vec<_> = seeds.collect();
    let layouts = layouts::link(&seeds, Alignment::AsBuilt, folder);
    let layouts = layouts.map_err(|failure| {
        Failure::of(
            failure.exit,
            format!("{failure}; --links 1 measures the program as it is"),
        )
    })?;
    for layout in layouts {
        let program = Program::named(&layout.program, "a link")?;
        if program.build.sources != build_info::build().sources {
            return Err(Failure::error(
                "the sources are not those that this program was built from: \
                 build it again",
            ));
        }
        let (seed, program) = (Some(layout.seed), layout.program);
        links.push(Link { seed, program });
    }
    Ok(links)
}

/// Links as programs to be measured, called by one name.
pub fn programs(links: &[Link], name: &str) -> Result<Vec<Program>, Failure> {
    let all = links.iter();
    all.map(|link| Program::named(&link.program, name)).collect()
}

/// The programs of a baseline, at most `count` of them.
pub fn of_baseline(
    baseline: &Baseline,
    count: u32,
) -> Result<Vec<Program>, Failure> {
    let name = format!("baseline {}", baseline.manifest.name);
    let programs = baseline.manifest.programs.iter().take(count as usize);
    programs
        .map(|program| Program::named(&baseline.path_of(program)?, &name))
        .collect()
}

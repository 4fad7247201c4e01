//! `bisect`: the first commit that is slower than a good one.
//!
//! Git chooses which commit to look at. Each is built in a work tree of its
//! own and checked by its own program against the good one's baseline.

mod child;
mod git;
mod look;
mod programs;
mod report;
mod search;

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::cli::BisectArgs;
use crate::failure::Failure;
use crate::fingerprint::hex;
use crate::folder::Folder;
use crate::output;
use crate::process;
use git::{Repository, Tree};
use programs::Programs;

/// Searches.
pub fn command(args: &BisectArgs) -> Result<(), Failure> {
    // From here on a signal leaves no work tree behind.
    process::interrupted();
    let repository = Repository::here()?;
    let good = repository.commit(&args.good)?;
    let bad = repository.commit(&args.bad)?;
    if good == bad {
        return Err(Failure::error(format!(
            "{} and {} are one commit: there is nothing between",
            args.good, args.bad
        )));
    }
    if !repository.is_ancestor(&good, &bad)? {
        return Err(Failure::error(format!(
            "{} is no ancestor of {}: GOOD has to be a commit that BAD is \
             built on",
            args.good, args.bad
        )));
    }
    let out = match &args.out {
        Some(out) => std::path::absolute(out).map_err(Failure::error)?,
        None => repository.target()?.join("bisect"),
    };
    let folder = Folder::open(&out)?;
    let place = place_of_tree(&out, repository.top());
    let tree = Tree::add(&repository, place, &good, &bad)?;
    let mut programs = Programs::new(&folder, &tree, args, &good, &bad);
    programs.save()?;
    let found = search::search(&mut &tree, &mut programs, &bad)?;
    let report = report::Report::new(&repository, &good, &bad, &found)?;
    match args.json {
        true => output::line(format_args!("{:#}", report.json())),
        false => output::print(report.text()),
    }
    match found.first[..] {
        [_] => Ok(()),
        _ => Err(Failure::inconclusive(format!(
            "any of {} commits may be the first bad one: those between could \
             not be decided; a quieter machine or more --seconds may",
            found.first.len()
        ))),
    }
}

/// Where the work tree lies: below `out`, unless that is in the checkout
/// itself, for cargo adds up the settings of all folders above, and flags of
/// today would get into builds of the past.
fn place_of_tree(out: &Path, top: &Path) -> PathBuf {
    let real = out.canonicalize().unwrap_or_else(|_| out.to_owned());
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let cache = cache.or_else(|| home.map(|home| home.join(".cache")));
    match cache.filter(|_| real.starts_with(top)) {
        None => out.join("checkout"),
        Some(cache) => {
            let name = real.as_os_str().as_encoded_bytes();
            let name = &hex(&Sha256::digest(name))[..12];
            cache.join("ringside/bisect").join(name)
        }
    }
}

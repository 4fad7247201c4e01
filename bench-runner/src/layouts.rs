//! Other layouts of this program: the same object files, their sections in
//! another order.
//!
//! Where code lies moves a difference in style by several per cent (see
//! METHODOLOGY.md), and one link is one place. A layout is one more link,
//! without the alignment that the measured build has, so that places differ.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use indicatif::ProgressBar;

use crate::build_info;
use crate::failure::Failure;
use crate::process;

/// Most layouts that can be asked for.
pub const MOST: u32 = 64;

/// A link of this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Seed of the order of sections, from 1: to the linker 0 is random.
    pub seed: u32,
    /// The program.
    pub program: PathBuf,
}

/// Where the sources of this program were when it was built.
fn sources() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The argument that has the linker shuffle sections of code.
fn shuffled(seed: u32) -> String {
    format!("-Clink-arg=-Wl,--shuffle-sections=.text*={seed}")
}

/// Links the program `count` times; only the first time compiles, and only
/// where that has not been done before.
///
/// # Errors
///
/// Without cargo, without the sources, or when the linker cannot shuffle.
pub fn link(count: u32) -> Result<Vec<Layout>, Failure> {
    let package = sources();
    if !package.join("Cargo.toml").exists() {
        return Err(Failure::environment(format!(
            "--layouts links the program again, and its sources are not in \
             {}: build it where it is to run",
            package.display()
        )));
    }
    let target = package.join("../target/layouts");
    let bar = ProgressBar::new_spinner();
    let mut layouts = Vec::new();
    for seed in 1..=count {
        bar.set_message(format!("linking layout {seed} of {count}"));
        bar.tick();
        layouts.push(link_one(&package, &target, seed)?);
        if process::interrupted().load(std::sync::atomic::Ordering::Relaxed) {
            return Err(Failure::interrupted("stopped"));
        }
    }
    bar.finish_and_clear();
    Ok(layouts)
}

fn link_one(
    package: &Path,
    target: &Path,
    seed: u32,
) -> Result<Layout, Failure> {
    // Cargo leaves the last link only: each is put aside under its seed.
    let output = Command::new("cargo")
        .args(["rustc", "--release", "--bin", "bench-runner"])
        .args(["--message-format", "short", "--manifest-path"])
        .arg(package.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        .args(["--", &shuffled(seed)])
        .env("CARGO_ENCODED_RUSTFLAGS", unaligned().join("\x1f"))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            Failure::environment(format!(
                "--layouts needs cargo, which does not start: {error}"
            ))
        })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let reason = said.lines().find(|line| line.contains("error"));
        return Err(Failure::environment(format!(
            "--layouts: cargo could not link the program: {}",
            reason.unwrap_or("no reason given")
        )));
    }
    let built = target.join("release/bench-runner");
    let program = target.join(format!("bench-runner-{seed}"));
    let partial = target.join(format!("bench-runner-{seed}.partial"));
    fs::copy(&built, &partial)
        .and_then(|_| fs::rename(&partial, &program))
        .map_err(|error| {
            Failure::error(format!(
                "cannot write {}: {error}",
                program.display()
            ))
        })?;
    let program = program.canonicalize().map_err(Failure::error)?;
    Ok(Layout { seed, program })
}

/// The flags that a layout is built with.
#[must_use]
pub fn flags(seed: u32) -> Vec<String> {
    let mut flags = unaligned();
    flags.push(shuffled(seed));
    flags
}

/// The flags of this program without those that align.
fn unaligned() -> Vec<String> {
    let flags = build_info::build().flags;
    flags.into_iter().filter(|flag| !build_info::aligns(flag)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_has_the_flags_of_the_build_but_those_that_align() {
        let flags = unaligned();
        assert!(flags.iter().all(|flag| !flag.contains("align")), "{flags:?}");
        let all = build_info::build().flags;
        let aligning = all.iter().filter(|flag| build_info::aligns(flag));
        assert_eq!(flags.len() + aligning.count(), all.len());
    }

    #[test]
    fn the_sources_are_where_this_was_built() {
        assert!(sources().join("Cargo.toml").exists());
    }
}

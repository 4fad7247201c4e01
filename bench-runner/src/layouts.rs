//! Other layouts of this program: the same object files, their sections in
//! another order.
//!
//! Where code lies moves a difference in style by several per cent (see
//! METHODOLOGY.md), and one link is one place. A layout is one more link.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

use indicatif::ProgressBar;
use serde_json::Value;

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

/// Where functions and loops begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alignment {
    /// As in this program, so that what differs is what was changed.
    AsBuilt,
    /// Anywhere, so that places differ as much as they can.
    None,
}

impl Alignment {
    /// The flags of the compiler.
    fn flags(self) -> Vec<String> {
        let flags = build_info::build().flags;
        let kept = |flag: &String| match self {
            Self::AsBuilt => true,
            Self::None => !build_info::aligns(flag),
        };
        flags.into_iter().filter(kept).collect()
    }
}

/// Where the sources of this program were when it was built.
fn sources() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Where layouts without alignment are built, apart from this program.
#[must_use]
pub fn folder() -> PathBuf {
    sources().join("../target/layouts")
}

/// The argument that has the linker shuffle sections of code.
fn shuffled(seed: u32) -> String {
    format!("-Clink-arg=-Wl,--shuffle-sections=.text*={seed}")
}

/// Links the program once for each seed into `folder`; only the first time
/// compiles, and only where that has not been done before.
///
/// # Errors
///
/// Without cargo, without the sources, or when the linker cannot shuffle.
pub fn link(
    seeds: &[u32],
    alignment: Alignment,
    folder: &Path,
) -> Result<Vec<Layout>, Failure> {
    let package = sources();
    if !package.join("Cargo.toml").exists() {
        return Err(Failure::environment(format!(
            "the program cannot be linked again, for its sources are not in \
             {}: build it where it is to run",
            package.display()
        )));
    }
    fs::create_dir_all(folder).map_err(|e| cannot_write(folder, &e))?;
    let bar = ProgressBar::new_spinner();
    let mut layouts = Vec::new();
    for (number, &seed) in (1..).zip(seeds) {
        let all = seeds.len();
        bar.set_message(format!("linking layout {number} of {all}"));
        bar.tick();
        layouts.push(link_one(&package, folder, seed, alignment)?);
        if process::interrupted().load(Ordering::Relaxed) {
            return Err(Failure::interrupted("stopped"));
        }
    }
    bar.finish_and_clear();
    Ok(layouts)
}

fn link_one(
    package: &Path,
    folder: &Path,
    seed: u32,
    alignment: Alignment,
) -> Result<Layout, Failure> {
    // The package beside this one, so that the program that runs stays.
    let mut command = Command::new("cargo");
    command.args(["rustc", "--bin", "link", "--message-format", "json"]);
    let workspace = package.join("..");
    command.arg("--manifest-path").arg(workspace.join("link/Cargo.toml"));
    // Cargo's settings are looked for from there.
    command.current_dir(workspace);
    if build_info::build().profile == "release" {
        command.arg("--release");
    }
    if alignment == Alignment::None {
        command.arg("--target-dir").arg(self::folder());
        command.env_remove("RUSTFLAGS");
        command.env("CARGO_ENCODED_RUSTFLAGS", alignment.flags().join("\x1f"));
    }
    command.args(["--", &shuffled(seed)]);
    let output = command.stdin(Stdio::null()).output().map_err(|error| {
        Failure::environment(format!(
            "to link the program again takes cargo, which does not start: \
             {error}"
        ))
    })?;
    let failed = |reason: &str| {
        Failure::environment(format!(
            "cargo could not link the program again: {reason}"
        ))
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let reason = said.lines().find(|line| line.contains("error"));
        return Err(failed(reason.unwrap_or("no reason given")));
    }
    // Cargo leaves the last link only: each is put aside under its seed.
    let built = executable(&output.stdout)
        .ok_or_else(|| failed("it does not say where the program is"))?;
    let program = folder.join(format!("bench-runner-{seed}"));
    let partial = folder.join(format!("bench-runner-{seed}.partial"));
    fs::copy(&built, &partial)
        .and_then(|_| fs::rename(&partial, &program))
        .map_err(|error| cannot_write(&program, &error))?;
    let program = program.canonicalize().map_err(Failure::error)?;
    Ok(Layout { seed, program })
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::error(format!("cannot write {}: {error}", path.display()))
}

/// The program that cargo's messages tell of, a line of JSON each.
fn executable(messages: &[u8]) -> Option<PathBuf> {
    let messages = String::from_utf8_lossy(messages);
    let told = messages.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    });
    told.last()
}

/// The flags that a layout is built with.
#[must_use]
pub fn flags(seed: u32, alignment: Alignment) -> Vec<String> {
    let mut flags = alignment.flags();
    flags.push(shuffled(seed));
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unaligned_layout_has_the_flags_of_the_build_but_those_that_align() {
        let flags = Alignment::None.flags();
        assert!(flags.iter().all(|flag| !flag.contains("align")), "{flags:?}");
        let all = build_info::build().flags;
        let aligning = all.iter().filter(|flag| build_info::aligns(flag));
        assert_eq!(flags.len() + aligning.count(), all.len());
        assert_eq!(Alignment::AsBuilt.flags(), all);
    }

    #[test]
    fn the_sources_are_where_this_was_built() {
        assert!(sources().join("Cargo.toml").exists());
        assert!(sources().join("../link/Cargo.toml").exists());
    }

    #[test]
    fn cargo_says_where_the_program_is() {
        let said = b"{\"reason\":\"compiler-artifact\",\"executable\":null}\n\
                     {\"executable\":\"/t/release/link\"}\n\
                     {\"reason\":\"build-finished\",\"success\":true}\n";
        assert_eq!(executable(said), Some(PathBuf::from("/t/release/link")));
        assert_eq!(executable(b"nothing\n"), None);
    }
}

//! The program that measures, as its build script saw it.

use std::hash::{DefaultHasher, Hasher};
use std::path::Path;

use variants::c_compiler::c_compiler;

use crate::results::Build;

/// Flags that start functions and loops on cache lines, as parts of a flag:
/// both `-Cllvm-args=…` and `-C llvm-args=…` reach the compiler.
const ALIGNMENT: [&str; 2] = ["-align-all-functions=6", "-align-loops=64"];

/// This program.
#[must_use]
pub fn build() -> Build {
    let c = c_compiler().ok();
    Build {
        path: None,
        version: env!("CARGO_PKG_VERSION").to_string(),
        commit: env!("RINGSIDE_COMMIT").to_string(),
        dirty: env!("RINGSIDE_DIRTY") == "true",
        program: program(),
        sources: Some(env!("RINGSIDE_SOURCES").to_string()),
        apparatus: Some(env!("RINGSIDE_APPARATUS").to_string()),
        compiler: env!("RINGSIDE_COMPILER").to_string(),
        flags: split_flags(env!("RINGSIDE_FLAGS")),
        profile: env!("RINGSIDE_PROFILE").to_string(),
        target: env!("RINGSIDE_TARGET").to_string(),
        c_compiler: c.map(|c| c.version.to_string()),
        c_flags: c.iter().flat_map(|c| c.flags()).map(String::from).collect(),
    }
}

/// Digest of this program's file, `unknown` where it cannot be read.
fn program() -> String {
    // Of the file that runs, also when another has taken its place.
    digest(Path::new("/proc/self/exe"))
}

/// Digest of a program's file, `unknown` where it cannot be read.
#[must_use]
pub fn digest(program: &Path) -> String {
    let Ok(bytes) = std::fs::read(program) else {
        return "unknown".to_string();
    };
    let mut hasher = DefaultHasher::new();
    hasher.write(&bytes);
    format!("{:016x}", hasher.finish())
}

/// Whether the build pins where functions and loops start. Without that, code
/// placement alone can make a difference of 10 %.
#[must_use]
pub fn aligned(build: &Build) -> bool {
    let given = |wanted| build.flags.iter().any(|flag| ends(flag, wanted));
    ALIGNMENT.into_iter().all(given)
}

/// Whether a flag is one of those that align.
#[must_use]
pub fn aligns(flag: &str) -> bool {
    ALIGNMENT.into_iter().any(|wanted| ends(flag, wanted))
}

/// Whether one of the words of a flag ends with the text.
fn ends(flag: &str, text: &str) -> bool {
    flag.split(' ').any(|word| word.ends_with(text))
}

/// Cargo puts the unit separator between flags, which may hold spaces.
fn split_flags(encoded: &str) -> Vec<String> {
    encoded
        .split('\x1f')
        .filter(|flag| !flag.is_empty())
        .map(String::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_flags(flags: &[&str]) -> Build {
        let flags = flags.iter().map(ToString::to_string).collect();
        Build { flags, ..build() }
    }

    #[test]
    fn this_build_names_its_compiler_commit_profile_and_target() {
        let build = build();
        assert!(build.compiler.starts_with("rustc "), "{build:?}");
        let hash = build.commit.len() == 40
            && build.commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(hash || build.commit == "unknown", "{build:?}");
        assert!(["debug", "release"].contains(&build.profile.as_str()));
        assert!(build.target.contains(std::env::consts::ARCH), "{build:?}");
        assert_eq!(build.c_compiler.is_some(), c_compiler().is_ok());
        assert_eq!(build.c_flags.is_empty(), build.c_compiler.is_none());
    }

    #[test]
    fn flags_are_split_where_cargo_joined_them() {
        assert_eq!(split_flags(""), [""; 0]);
        assert_eq!(
            split_flags("-C\x1fllvm-args=-a -b\x1f-g"),
            ["-C", "llvm-args=-a -b", "-g"]
        );
    }

    #[test]
    fn a_build_is_aligned_when_functions_and_loops_are() {
        assert!(aligned(&with_flags(&[
            "-Ctarget-cpu=x86-64-v2",
            "-Cllvm-args=-align-all-functions=6",
            "-Cllvm-args=-align-loops=64",
        ])));
        assert!(aligned(&with_flags(&[
            "-C",
            "llvm-args=-align-all-functions=6 -align-loops=64",
        ])));
        assert!(!aligned(&with_flags(&["-Cllvm-args=-align-loops=64"])));
        assert!(!aligned(&with_flags(&[])));
    }
}

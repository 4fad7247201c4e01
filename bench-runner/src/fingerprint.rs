//! What numbers depend on besides the code that is measured.
//!
//! Times of two machines are never compared, only counts and ratios; a
//! fingerprint says which machine it was.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::counters;
use crate::environment::Root;
use crate::results::Machine;

/// A machine as times and counts depend on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// CPU model.
    pub cpu: String,
    /// Version of its microcode, where it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub microcode: Option<String>,
    /// Extensions of the instruction set that code is chosen by.
    pub extensions: Vec<String>,
    /// Hypervisor, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hypervisor: Option<String>,
    /// Kernel release.
    pub kernel: String,
    /// Frequency of the clock that times are read from, in MHz.
    pub clock_mhz: u64,
    /// The C library by version and digest, where it is linked at start-up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub libc: Option<String>,
    /// What valgrind calls itself, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valgrind: Option<String>,
}

/// Extensions by which a variant, the C library or a compiler chooses code.
const EXTENSIONS: [&str; 8] =
    ["sse4_2", "popcnt", "avx", "avx2", "bmi2", "erms", "fsrm", "avx512f"];

impl Fingerprint {
    /// That of the machine below `root`, of which `machine` was recorded.
    #[must_use]
    pub fn of(root: &Root, machine: &Machine) -> Self {
        let extensions = root.cpu_extensions();
        let has = |name: &&str| extensions.iter().any(|e| e == name);
        let known = EXTENSIONS.iter().filter(|name| has(name));
        Self {
            cpu: machine.cpu.clone(),
            microcode: root.microcode(),
            extensions: known.map(ToString::to_string).collect(),
            hypervisor: machine.hypervisor.clone(),
            kernel: machine.kernel.clone(),
            clock_mhz: (machine.tick_hz / 1e6).round() as u64,
            libc: libc(root),
            valgrind: counters::valgrind_version().ok(),
        }
    }

    /// What keeps times of two machines apart, such as `CPU A, here B`;
    /// nothing where they are one.
    #[must_use]
    pub fn apart_in_time(&self, here: &Self) -> Option<String> {
        let clock = |one: &Self| format!("{} MHz", one.clock_mhz);
        // Calibrated anew each time.
        let same_clock = self.clock_mhz.abs_diff(here.clock_mhz)
            <= self.clock_mhz / 1000 + 1;
        first_of([
            ("CPU", Some(self.cpu.clone()), Some(here.cpu.clone())),
            ("microcode", self.microcode.clone(), here.microcode.clone()),
            ("hypervisor", self.hypervisor.clone(), here.hypervisor.clone()),
            ("kernel", Some(self.kernel.clone()), Some(here.kernel.clone())),
            (
                "clock",
                Some(clock(if same_clock { here } else { self })),
                Some(clock(here)),
            ),
        ])
    }

    /// What keeps counts of this program's own code apart.
    #[must_use]
    pub fn apart_in_counts(&self, here: &Self) -> Option<String> {
        let extensions = |one: &Self| Some(one.extensions.join(" "));
        first_of([("extensions", extensions(self), extensions(here))])
    }

    /// What keeps counts of libraries apart: they choose code by the CPU.
    #[must_use]
    pub fn apart_in_libraries(&self, here: &Self) -> Option<String> {
        first_of([
            ("CPU", Some(self.cpu.clone()), Some(here.cpu.clone())),
            ("C library", self.libc.clone(), here.libc.clone()),
            ("valgrind", self.valgrind.clone(), here.valgrind.clone()),
        ])
    }
}

type Pair = (&'static str, Option<String>, Option<String>);

fn first_of<const N: usize>(all: [Pair; N]) -> Option<String> {
    let (what, then, here) = all.into_iter().find(|(_, a, b)| a != b)?;
    let word = |value: Option<String>| value.unwrap_or("none".to_owned());
    Some(format!("{what} {}, here {}", word(then), word(here)))
}

/// The C library that this process has: its version, and the beginning of the
/// digest of its file.
fn libc(root: &Root) -> Option<String> {
    let maps = root.read("proc/self/maps")?;
    let path = maps.lines().find_map(|line| {
        let path = line.split_whitespace().nth(5)?;
        let name = path.rsplit('/').next()?;
        name.starts_with("libc").then(|| path.to_owned())
    })?;
    let bytes = std::fs::read(&path).ok()?;
    let digest = hex(&Sha256::digest(&bytes));
    let version = version_in(&bytes).unwrap_or("unknown".to_owned());
    Some(format!("{version} ({})", &digest[..12]))
}

/// What glibc says of itself: `… stable release version 2.36.`
fn version_in(bytes: &[u8]) -> Option<String> {
    const BEFORE: &[u8] = b"release version ";
    let at = bytes.windows(BEFORE.len()).position(|w| w == BEFORE)?;
    let rest = &bytes[at + BEFORE.len()..];
    let is_part = |byte: &&u8| byte.is_ascii_digit() || **byte == b'.';
    let version: Vec<u8> = rest.iter().take_while(is_part).copied().collect();
    let version = String::from_utf8(version).ok()?;
    Some(format!("glibc {}", version.trim_end_matches('.')))
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn example() -> Fingerprint {
        Fingerprint {
            cpu: "A CPU".to_owned(),
            microcode: Some("0x1".to_owned()),
            extensions: vec!["sse4_2".to_owned(), "avx2".to_owned()],
            hypervisor: None,
            kernel: "6.1.0".to_owned(),
            clock_mhz: 2600,
            libc: Some("glibc 2.36 (0123456789ab)".to_owned()),
            valgrind: Some("valgrind-3.19.0".to_owned()),
        }
    }

    #[test]
    fn the_first_difference_is_named_with_both_sides() {
        let one = example();
        assert_eq!(one.apart_in_time(&one.clone()), None);
        let other = Fingerprint { cpu: "B".to_owned(), ..example() };
        let said = one.apart_in_time(&other);
        assert_eq!(said.as_deref(), Some("CPU A CPU, here B"));
        let other = Fingerprint { microcode: None, ..example() };
        let said = one.apart_in_time(&other);
        assert_eq!(said.as_deref(), Some("microcode 0x1, here none"));
    }

    #[test]
    fn a_clock_that_was_calibrated_again_is_the_same_clock() {
        let near = Fingerprint { clock_mhz: 2601, ..example() };
        assert_eq!(example().apart_in_time(&near), None);
        let far = Fingerprint { clock_mhz: 2700, ..example() };
        assert!(example().apart_in_time(&far).is_some());
    }

    #[test]
    fn counts_of_libraries_depend_on_more_than_those_of_own_code() {
        let libc = Some("glibc 2.41 (ffffffffffff)".to_owned());
        let other = Fingerprint { libc, ..example() };
        assert_eq!(example().apart_in_counts(&other), None);
        assert!(example().apart_in_libraries(&other).is_some());
        let other = Fingerprint { extensions: vec![], ..example() };
        assert!(example().apart_in_counts(&other).is_some());
    }

    #[test]
    fn the_c_library_says_its_version() {
        let bytes = b"\0GNU C Library stable release version 2.36.\nmore";
        assert_eq!(version_in(bytes).as_deref(), Some("glibc 2.36"));
        assert_eq!(version_in(b"nothing"), None);
    }
}

//! Trees of files that stand in for `/proc` and `/sys`, and what is recorded
//! of a run.

mod tree;

pub(crate) use tree::Tree;

use super::Root;
use crate::results::{Build, Machine};

impl Tree {
    pub(crate) fn root(&self) -> Root {
        Root(self.path().to_path_buf())
    }
}

/// A machine that gives no reason for a warning.
pub(crate) fn machine() -> Machine {
    Machine {
        cpu: "Intel(R) Xeon(R) CPU E5-2620 v3 @ 2.40GHz".to_string(),
        cores: 8,
        kernel: "6.1.0-18-amd64".to_string(),
        hypervisor: None,
        tick_hz: 2.4e9,
        clock_cost_ticks: 52,
        governor: Some("performance".to_string()),
        huge_pages: 512,
        transparent_huge_pages: Some("madvise".to_string()),
    }
}

/// A build that gives no reason for a warning.
pub(crate) fn build() -> Build {
    Build {
        path: None,
        version: "0.1.0".to_string(),
        commit: "0123456789abcdef0123456789abcdef01234567".to_string(),
        dirty: false,
        program: "0123456789abcdef".to_string(),
        sources: None,
        apparatus: None,
        compiler: "rustc 1.95.0".to_string(),
        flags: [
            "-Ctarget-cpu=x86-64-v2",
            "-Cllvm-args=-align-all-functions=6",
            "-Cllvm-args=-align-loops=64",
        ]
        .map(String::from)
        .to_vec(),
        profile: "release".to_string(),
        target: "x86_64-unknown-linux-gnu".to_string(),
        c_compiler: Some("cc 12.2.0".to_string()),
        c_flags: vec!["-O3".to_string()],
    }
}

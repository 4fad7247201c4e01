//! Trees of files that stand in for `/proc` and `/sys`.

use super::Root;
use crate::results::{Build, Machine};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of its own, gone with the value.
pub(crate) struct Tree(PathBuf);

impl Tree {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ringside-tree-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A machine set up for measuring, whose core 3 was stolen from for 70 ms
    /// and shares a physical core with core 11.
    pub(crate) fn lab_machine() -> Self {
        let tree = Self::new();
        tree.file(
            "proc/cpuinfo",
            "processor\t: 0\n\
             model name\t: Intel(R) Xeon(R) CPU E5-2620 v3 @ 2.40GHz\n\
             flags\t\t: fpu constant_tsc nonstop_tsc sse2\n\n\
             processor\t: 1\n\
             model name\t: another\n",
        );
        tree.file("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
        tree.file(
            "proc/stat",
            "cpu  9 9 9 9 9 9 9 99 9 9\n\
             cpu30 1 2 3 4 5 6 7 80 0 0\n\
             cpu3 1 2 3 4 5 6 7 7 0 0\n",
        );
        let core = "sys/devices/system/cpu/cpu3";
        tree.file(&format!("{core}/cpufreq/scaling_governor"), "performance\n");
        tree.file(&format!("{core}/topology/thread_siblings_list"), "3,11\n");
        let mm = "sys/kernel/mm";
        let pages = format!("{mm}/hugepages/hugepages-2048kB");
        tree.file(&format!("{pages}/nr_hugepages"), "512\n");
        tree.file(&format!("{pages}/free_hugepages"), "500\n");
        tree.file(
            &format!("{mm}/transparent_hugepage/enabled"),
            "always [madvise] never\n",
        );
        tree
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn root(&self) -> Root {
        Root(self.0.clone())
    }

    pub(crate) fn file(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.0.join(path)).unwrap();
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
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
        version: "0.1.0".to_string(),
        commit: "0123456789abcdef0123456789abcdef01234567".to_string(),
        dirty: false,
        program: "0123456789abcdef".to_string(),
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

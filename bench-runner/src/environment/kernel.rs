//! How the kernel is set up, as far as it moves a number.

use super::Root;

/// A weakness of the processor and what the kernel does about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weakness {
    /// The kernel's name for it.
    pub name: String,
    /// `Not affected`, `Vulnerable…` or `Mitigation: …`.
    pub status: String,
}

impl Root {
    /// What tells this boot from all others.
    #[must_use]
    pub fn boot_id(&self) -> Option<String> {
        self.line("proc/sys/kernel/random/boot_id")
    }

    /// Address-space randomisation: 0 none, 1 all but the heap, 2 all.
    #[must_use]
    pub fn randomisation(&self) -> Option<u32> {
        self.line("proc/sys/kernel/randomize_va_space")?.parse().ok()
    }

    /// Who may count events; from 3 on, only the administrator.
    #[must_use]
    pub fn perf_paranoid(&self) -> Option<i32> {
        self.line("proc/sys/kernel/perf_event_paranoid")?.parse().ok()
    }

    /// The processor's own counters, by the kernel's names for them: `cpu`,
    /// `cpu_core` and `cpu_atom`, or one of Arm's. Absent where the kernel
    /// knows no source of events at all.
    #[must_use]
    pub fn core_counters(&self) -> Option<Vec<String>> {
        let folder = "sys/bus/event_source/devices";
        self.path().join(folder).is_dir().then(|| {
            let mut names = self.names(folder);
            names.retain(|name| {
                ["cpu", "cpu_core", "cpu_atom"].contains(&name.as_str())
                    || name.starts_with("armv8_")
            });
            names
        })
    }

    /// The processor's weaknesses; empty where the kernel lists none.
    #[must_use]
    pub fn weaknesses(&self) -> Vec<Weakness> {
        let folder = "sys/devices/system/cpu/vulnerabilities";
        let names = self.names(folder).into_iter();
        names
            .filter_map(|name| {
                let status = self.line(&format!("{folder}/{name}"))?;
                Some(Weakness { name, status })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::environment::fixture::Tree;

    #[test]
    fn an_empty_tree_has_no_settings() {
        let tree = Tree::new();
        let root = tree.root();
        assert_eq!(root.boot_id(), None);
        assert_eq!(root.randomisation(), None);
        assert_eq!(root.perf_paranoid(), None);
        assert_eq!(root.core_counters(), None);
        assert_eq!(root.weaknesses(), []);
    }

    #[test]
    fn counters_of_the_processor_are_told_from_those_of_the_kernel() {
        let tree = Tree::new();
        let devices = "sys/bus/event_source/devices";
        tree.file(&format!("{devices}/software/type"), "1\n");
        tree.file(&format!("{devices}/cstate_core/type"), "11\n");
        assert_eq!(tree.root().core_counters(), Some(vec![]));
        tree.file(&format!("{devices}/cpu_atom/type"), "10\n");
        tree.file(&format!("{devices}/cpu_core/type"), "4\n");
        let names = ["cpu_atom", "cpu_core"].map(String::from).to_vec();
        assert_eq!(tree.root().core_counters(), Some(names));
    }
}

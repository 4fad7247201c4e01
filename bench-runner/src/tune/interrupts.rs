//! Interrupts come to the cores that do not measure.

use super::setting::{Kind, Setting};
use crate::affinity::spans;
use crate::environment::{Root, parse_core_list};

/// Whether two lists name the same cores.
pub fn same(left: &str, right: &str) -> bool {
    let sorted = |list: &str| {
        let mut cores = parse_core_list(list)?;
        cores.sort_unstable();
        cores.dedup();
        Some(cores)
    };
    sorted(left).is_some_and(|left| Some(left) == sorted(right))
}

/// Interrupts that may come to a measuring core, each with the cores that it
/// should come to: those of its own that are left, or any other.
pub fn settings(root: &Root, measuring: &[u32]) -> Vec<Setting> {
    let online = root.online_cores().unwrap_or_default();
    let others: Vec<u32> =
        online.into_iter().filter(|core| !measuring.contains(core)).collect();
    if others.is_empty() {
        return Vec::new();
    }
    let moved = |interrupt: &crate::environment::Interrupt| {
        let cores = interrupt.cores.iter();
        let mut left: Vec<u32> =
            cores.copied().filter(|core| others.contains(core)).collect();
        if left.is_empty() {
            left.clone_from(&others);
        }
        spans(&left)
    };
    root.interrupts()
        .into_iter()
        .filter(|i| i.cores.iter().any(|core| measuring.contains(core)))
        .filter_map(|interrupt| {
            let wanted = moved(&interrupt);
            Setting::new(root, Kind::Interrupts, interrupt.file, wanted)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::fixture::Tree;

    #[test]
    fn lists_are_compared_by_their_cores() {
        assert!(same("0-2", "0,1,2"));
        assert!(same("2,0-1\n", "0-2"));
        assert!(!same("0-2", "0-3"));
        assert!(!same("", ""));
    }

    #[test]
    fn with_one_core_there_is_nowhere_to_go() {
        let tree = Tree::no_cpufreq();
        let root = tree.root();
        assert_eq!(settings(&root, &[0, 1, 2, 3]), []);
        assert_eq!(settings(&root, &[]), []);
        assert_eq!(settings(&root, &[2, 3]).len(), 3);
    }
}

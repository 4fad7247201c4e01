//! Huge pages of 2 MiB, set aside for the memory of runs.

use super::setting::{Kind, Setting};
use crate::environment::Root;

/// How many are set aside.
pub const FILE: &str = "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";

/// At least `wanted`; never fewer than there are.
pub fn settings(root: &Root, wanted: u64) -> Option<Setting> {
    let total = root.huge_pages()?.total;
    let wanted = wanted.max(total).to_string();
    Setting::new(root, Kind::HugePages, FILE.to_owned(), wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::fixture::Tree;

    #[test]
    fn pages_are_added_and_never_taken_away() {
        let tree = Tree::no_cpufreq();
        let set = settings(&tree.root(), 64).unwrap();
        assert_eq!((set.now.as_str(), set.wanted.as_str()), ("0\n", "64"));
        tree.file(FILE, "512\n");
        assert!(settings(&tree.root(), 64).unwrap().is_met());
        assert_eq!(settings(&Tree::new().root(), 64), None);
    }
}

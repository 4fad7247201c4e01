//! What a reader of a run's numbers has to know about how it was made.

use super::Root;
use crate::affinity::core_list;
use crate::results::{Build, Machine};
use crate::{build_info, clock};

/// What a run was made with and on.
#[derive(Clone, Debug)]
pub struct Circumstances<'a> {
    /// The program.
    pub build: &'a Build,
    /// The machine.
    pub machine: &'a Machine,
    /// Core of the forwarder.
    pub core: u32,
    /// Core of the model; the forwarder's own in lockstep.
    pub model_core: u32,
    /// What [`Root::stolen_ticks`] of the forwarder's core rose by in the
    /// run; absent before it, and where the machine does not tell.
    pub stolen_ticks: Option<u64>,
}

/// One short line for each thing that a reader of the numbers has to know.
#[must_use]
pub fn warnings(root: &Root, run: &Circumstances<'_>) -> Vec<String> {
    [
        debug_build(run.build),
        unaligned_build(run.build),
        unsteady_clock(root, run.build),
        governor(run.machine),
        one_core(run.machine),
        virtual_machine(run.machine),
        steal(run),
        huge_pages(root),
        shared_core(root, run),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn debug_build(build: &Build) -> Option<String> {
    (build.profile == "debug").then(|| {
        "debug build: its figures say nothing about the release build"
            .to_string()
    })
}

fn unaligned_build(build: &Build) -> Option<String> {
    (!build_info::aligned(build)).then(|| {
        "built without the alignment flags: where code happens to lie can \
         pass for a difference of 10 % (is RUSTFLAGS set?)"
            .to_string()
    })
}

fn unsteady_clock(root: &Root, build: &Build) -> Option<String> {
    let counts_tsc = build.target.starts_with("x86_64");
    (counts_tsc && !clock::invariant_tsc(root.path())).then(|| {
        "no invariant time-stamp counter: ticks may change their length"
            .to_string()
    })
}

fn governor(machine: &Machine) -> Option<String> {
    match machine.governor.as_deref() {
        Some("performance") => None,
        Some(other) => Some(format!(
            "frequency governor is {other}, not performance: absolute \
             figures drift"
        )),
        None => Some(
            "no cpufreq: the core's frequency cannot be held, absolute \
             figures drift"
                .to_string(),
        ),
    }
}

fn one_core(machine: &Machine) -> Option<String> {
    (machine.cores == 1).then(|| {
        "this process may use one core: lockstep only, the threaded \
         placement needs two"
            .to_string()
    })
}

fn virtual_machine(machine: &Machine) -> Option<String> {
    let name = machine.hypervisor.as_deref()?;
    Some(format!(
        "virtual machine (hypervisor {name}): its host may stop or move a \
         core at any time"
    ))
}

fn steal(run: &Circumstances<'_>) -> Option<String> {
    let ticks = run.stolen_ticks.filter(|&ticks| ticks > 0)?;
    Some(format!(
        "the host kept core {} from this machine for {} ms of the run",
        run.core,
        ticks * 10
    ))
}

fn huge_pages(root: &Root) -> Option<String> {
    match root.huge_pages() {
        Some(pages) if pages.free > 0 => None,
        Some(pages) if pages.total > 0 => Some(format!(
            "none of the {} huge pages of 2 MiB is free: smaller or \
             transparent pages are used",
            pages.total
        )),
        _ => Some(
            "no huge pages set aside: smaller or transparent pages are used"
                .to_string(),
        ),
    }
}

fn shared_core(root: &Root, run: &Circumstances<'_>) -> Option<String> {
    let siblings = root.smt_siblings(run.core)?;
    if siblings.is_empty() {
        return None;
    }
    if siblings.contains(&run.model_core) {
        return Some(format!(
            "forwarder (core {}) and model (core {}) are two threads of one \
             physical core and slow each other",
            run.core, run.model_core
        ));
    }
    Some(format!(
        "core {} shares its physical core with {}: what runs there slows it",
        run.core,
        core_list(&siblings)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::fixture::{Tree, build, machine};

    const SIBLINGS: &str =
        "sys/devices/system/cpu/cpu3/topology/thread_siblings_list";

    /// A lab machine without SMT: nothing to warn of.
    fn quiet_tree() -> Tree {
        let tree = Tree::lab_machine();
        tree.file(SIBLINGS, "3\n");
        tree
    }

    fn warned(tree: &Tree, build: &Build, machine: &Machine) -> Vec<String> {
        let run = Circumstances {
            build,
            machine,
            core: 3,
            model_core: 2,
            stolen_ticks: Some(0),
        };
        warnings(&tree.root(), &run)
    }

    #[track_caller]
    fn assert_only(warnings: &[String], words: &str) {
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains(words), "{warnings:?}");
        assert!(!warnings[0].contains('\n'), "{warnings:?}");
    }

    #[test]
    fn a_machine_set_up_for_measuring_gives_no_warning() {
        let tree = quiet_tree();
        assert_eq!(warned(&tree, &build(), &machine()), [""; 0]);
    }

    #[test]
    fn each_shortcoming_of_the_build_gives_one_line() {
        let tree = quiet_tree();
        let debug = Build { profile: "debug".to_string(), ..build() };
        assert_only(&warned(&tree, &debug, &machine()), "debug build");
        let bare = Build { flags: Vec::new(), ..build() };
        assert_only(&warned(&tree, &bare, &machine()), "alignment flags");
    }

    #[test]
    fn each_shortcoming_of_the_machine_gives_one_line() {
        let tree = quiet_tree();
        let saving =
            Machine { governor: Some("powersave".to_string()), ..machine() };
        assert_only(&warned(&tree, &build(), &saving), "is powersave");
        let fixed = Machine { governor: None, ..machine() };
        assert_only(&warned(&tree, &build(), &fixed), "no cpufreq");
        let guest =
            Machine { hypervisor: Some("KVM".to_string()), ..machine() };
        assert_only(&warned(&tree, &build(), &guest), "hypervisor KVM");
    }

    #[test]
    fn the_counter_is_doubted_only_where_it_is_the_clock() {
        let tree = quiet_tree();
        tree.remove("proc/cpuinfo");
        assert_only(&warned(&tree, &build(), &machine()), "no invariant");
        let arm = Build {
            target: "aarch64-unknown-linux-gnu".to_string(),
            ..build()
        };
        assert_eq!(warned(&tree, &arm, &machine()), [""; 0]);
    }

    #[test]
    fn huge_pages_may_be_missing_or_taken() {
        let tree = quiet_tree();
        let pages = "sys/kernel/mm/hugepages/hugepages-2048kB";
        tree.file(&format!("{pages}/free_hugepages"), "0\n");
        assert_only(&warned(&tree, &build(), &machine()), "none of the 512");
        tree.file(&format!("{pages}/nr_hugepages"), "0\n");
        assert_only(&warned(&tree, &build(), &machine()), "no huge pages");
        tree.remove(&format!("{pages}/nr_hugepages"));
        assert_only(&warned(&tree, &build(), &machine()), "no huge pages");
    }

    #[test]
    fn a_sibling_is_named_and_worst_when_it_is_the_model() {
        let tree = Tree::lab_machine();
        assert_only(&warned(&tree, &build(), &machine()), "with core 11");
        tree.file(SIBLINGS, "2-3\n");
        assert_only(&warned(&tree, &build(), &machine()), "slow each other");
    }

    #[test]
    fn stolen_time_is_told_in_milliseconds() {
        let tree = quiet_tree();
        let (build, machine) = (build(), machine());
        let mut run = Circumstances {
            build: &build,
            machine: &machine,
            core: 3,
            model_core: 3,
            stolen_ticks: Some(4),
        };
        assert_only(&warnings(&tree.root(), &run), "for 40 ms");
        run.stolen_ticks = None;
        assert_eq!(warnings(&tree.root(), &run), [""; 0]);
    }
}

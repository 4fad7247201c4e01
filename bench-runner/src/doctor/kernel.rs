//! What the kernel does to every program, and what it lets one count.

use super::Machine;
use super::condition::{Condition, Grade, Spoils};

/// From this level on only the administrator may count events.
const PARANOID: i32 = 3;

/// Guards against weaknesses of the processor.
pub fn mitigations(machine: &Machine<'_>) -> Condition {
    const NAME: &str = "mitigations";
    const WHY: &str = "some slow loads behind stores down, and all of them \
                       entries into the kernel";
    let weaknesses = machine.root.weaknesses();
    if weaknesses.is_empty() {
        let reason = "the kernel lists no weaknesses";
        return Condition::unknown(NAME, Spoils::Absolute, WHY, reason);
    }
    let count = |word: &str| {
        weaknesses.iter().filter(|w| w.status.starts_with(word)).count()
    };
    // The one that reaches into a hot path without system calls: loads may
    // not pass stores. By default only programs that ask for it have it.
    let in_programs = weaknesses.iter().any(|weakness| {
        weakness.name == "spec_store_bypass"
            && weakness.status.starts_with("Mitigation")
            && !weakness.status.contains("prctl")
            && !weakness.status.contains("seccomp")
    });
    Condition {
        name: NAME,
        seen: format!(
            "{} in force, {} weaknesses left open{}",
            count("Mitigation"),
            count("Vulnerable"),
            if in_programs { ", loads wait for stores everywhere" } else { "" }
        ),
        grade: if in_programs { Grade::Fair } else { Grade::Good },
        spoils: Spoils::Absolute,
        why: WHY,
        fix: None,
    }
    .fix("boot with spec_store_bypass_disable=prctl")
}

/// Whether the processor's counters can be had.
pub fn counters(machine: &Machine<'_>) -> Condition {
    const NAME: &str = "PMU";
    const WHY: &str = "cycles and misses come from the processor's counters";
    let Some(sources) = machine.root.core_counters() else {
        let reason = "the kernel has no perf events";
        return Condition::unknown(NAME, Spoils::Nothing, WHY, reason);
    };
    let paranoid = machine.root.perf_paranoid();
    let open = machine.is_root || paranoid.is_some_and(|at| at < PARANOID);
    let level = paranoid.map_or("unknown".to_owned(), |at| at.to_string());
    let (seen, grade, fix) = match (sources.is_empty(), open) {
        (true, _) => (
            "unavailable: the processor's counters are not shown to this \
             machine"
                .to_owned(),
            Grade::Fair,
            "count by valgrind: bench-runner counters",
        ),
        (false, false) => (
            format!("not for this user (perf_event_paranoid {level})"),
            Grade::Fair,
            "sudo sysctl kernel.perf_event_paranoid=2",
        ),
        (false, true) => (
            format!("{} (perf_event_paranoid {level})", sources.join(", ")),
            Grade::Good,
            "",
        ),
    };
    Condition {
        name: NAME,
        seen,
        grade,
        spoils: Spoils::Nothing,
        why: WHY,
        fix: None,
    }
    .fix(fix)
}

/// Whether instructions can be counted.
pub fn valgrind(machine: &Machine<'_>) -> Condition {
    let (seen, grade) = match machine.valgrind {
        Ok(version) => (version.clone(), Grade::Good),
        Err(why) => (format!("unavailable: {why}"), Grade::Fair),
    };
    Condition {
        name: "valgrind",
        seen,
        grade,
        spoils: Spoils::Nothing,
        why: "exact counts of instructions come from it",
        fix: None,
    }
    .fix("sudo apt-get install valgrind")
}

/// Whether somebody else owns the machine.
pub fn virtualisation(machine: &Machine<'_>) -> Condition {
    let (seen, grade) = match machine.root.hypervisor() {
        Some(name) => (format!("virtual machine, {name}"), Grade::Fair),
        None => ("none seen".to_owned(), Grade::Good),
    };
    Condition {
        name: "virtualisation",
        seen,
        grade,
        spoils: Spoils::Absolute,
        why: "a host may stop or move a core at any time",
        fix: None,
    }
    .fix("measure on the metal for absolute figures")
}

//! Whether the measuring core has its work to itself.

use super::Machine;
use super::condition::{Condition, Grade, Spoils};
use crate::affinity::{core_list, spans};

/// Cores there are, and cores this process may use.
pub fn affinity(machine: &Machine<'_>) -> Condition {
    let seen = match (machine.root.online_cores(), machine.root.present_cores())
    {
        (Some(online), Some(present)) => format!(
            "{} allowed, {} of {} online",
            core_list(machine.allowed),
            online.len(),
            present.len()
        ),
        _ => format!("{} allowed", core_list(machine.allowed)),
    };
    let grade = match machine.other_core {
        Some(_) => Grade::Good,
        None => Grade::Fair,
    };
    Condition {
        name: "affinity",
        seen,
        grade,
        spoils: Spoils::Threads,
        why: "the threaded placement needs two cores",
        fix: None,
    }
    .fix("allow a second core: taskset -c 0,1, or --cpuset-cpus of a container")
}

/// Whether the scheduler keeps off the core.
pub fn isolation(machine: &Machine<'_>) -> Condition {
    const NAME: &str = "isolation";
    const WHY: &str = "the scheduler may put another task on the core";
    let core = machine.core;
    let Some(isolated) = machine.root.isolated_cores() else {
        let reason = "the kernel lists no isolated cores";
        return Condition::unknown(NAME, Spoils::Absolute, WHY, reason);
    };
    let (word, grade) = match isolated.contains(&core) {
        true => ("is isolated", Grade::Good),
        false => ("is not isolated", Grade::Fair),
    };
    Condition {
        name: NAME,
        seen: format!("core {core} {word}"),
        grade,
        spoils: Spoils::Absolute,
        why: WHY,
        fix: None,
    }
    .fix(format!("boot with isolcpus={core} nohz_full={core}"))
}

/// Interrupts that may come to the core.
pub fn interrupts(machine: &Machine<'_>) -> Condition {
    const NAME: &str = "interrupts";
    const WHY: &str = "an interrupt takes the core and part of its cache";
    let interrupts = machine.root.interrupts();
    if interrupts.is_empty() {
        let reason = "no affinity of interrupts can be read";
        return Condition::unknown(NAME, Spoils::Absolute, WHY, reason);
    }
    let core = machine.core;
    let here = interrupts.iter().filter(|i| i.cores.contains(&core)).count();
    Condition {
        name: NAME,
        seen: format!("{here} of {} may come to core {core}", interrupts.len()),
        grade: if here == 0 { Grade::Good } else { Grade::Fair },
        spoils: Spoils::Absolute,
        why: WHY,
        fix: None,
    }
    .fix(format!("sudo bench-runner tune --core {core}"))
}

/// Whether another hardware thread shares the core.
pub fn smt_sibling(machine: &Machine<'_>) -> Condition {
    const NAME: &str = "SMT sibling";
    const WHY: &str = "two threads of a core share its caches and units";
    let core = machine.core;
    let Some(siblings) = machine.root.smt_siblings(core) else {
        let reason = "the kernel does not describe the core's topology";
        return Condition::unknown(NAME, Spoils::Ratios, WHY, reason);
    };
    let (seen, grade) = match machine.other_core {
        _ if siblings.is_empty() => ("none".to_owned(), Grade::Good),
        Some(other) if siblings.contains(&other) => (
            format!("core {other} of the model is core {core}'s sibling"),
            Grade::Poor,
        ),
        _ => (
            format!("core {core} is shared with {}", core_list(&siblings)),
            Grade::Fair,
        ),
    };
    // In lockstep the model's core rests, and the sibling with it.
    let spoils = match grade {
        Grade::Poor => Spoils::Threads,
        _ => Spoils::Ratios,
    };
    let off = "echo off | sudo tee /sys/devices/system/cpu/smt/control";
    let fix = match grade {
        Grade::Poor => {
            format!("{off}, or a --model-core other than {}", spans(&siblings))
        }
        _ => off.to_owned(),
    };
    Condition { name: NAME, seen, grade, spoils, why: WHY, fix: None }.fix(fix)
}

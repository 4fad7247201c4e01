//! What else takes time from the core.

use super::Machine;
use super::condition::{Condition, Grade, Spoils};
use crate::environment::Resource;

/// Waiting of the measuring thread, in per cent, that is good and fair.
const RUN_DELAY_PERCENT: (f64, f64) = (0.1, 1.0);

/// Pressure in per cent of ten seconds.
const PRESSURE_PERCENT: (f64, f64) = (1.0, 10.0);

/// Sum of gaps in per cent of the time watched.
const GAPS_PERCENT: (f64, f64) = (1.0, 5.0);

/// The longest gap in µs.
const LONGEST_GAP_US: (f64, f64) = (100.0, 1000.0);

/// What helps against all of them.
const QUIET: &str = "stop what else runs: ps -eo pcpu,pid,args --sort=-pcpu";

/// Time that the host gave to other machines.
pub fn steal(machine: &Machine<'_>) -> Condition {
    const NAME: &str = "steal";
    const WHY: &str = "the host runs other machines on this core";
    let Some(ticks) = machine.samples.stolen_ticks else {
        let reason = "the kernel counts none for this core";
        return Condition::unknown(NAME, Spoils::Ratios, WHY, reason);
    };
    let watched = machine.samples.watched_ms;
    Condition {
        name: NAME,
        // Nothing is not none: less than a tick is not counted.
        seen: match ticks {
            0 => format!("less than 10 ms of {watched:.0} ms"),
            ticks => format!("{} ms of {watched:.0} ms", ticks * 10),
        },
        grade: match ticks {
            0 => Grade::Good,
            1 => Grade::Fair,
            _ => Grade::Poor,
        },
        spoils: Spoils::Ratios,
        why: WHY,
        fix: None,
    }
    .fix("measure on a host of your own, or at another hour")
}

/// Time in which the thread waited for its core.
pub fn run_delay(machine: &Machine<'_>) -> Condition {
    const NAME: &str = "run delay";
    const WHY: &str = "other tasks run on the core in between";
    let Some(percent) = machine.samples.run_delay_percent else {
        let reason = "the kernel keeps no schedstat";
        return Condition::unknown(NAME, Spoils::Ratios, WHY, reason);
    };
    let (good, fair) = RUN_DELAY_PERCENT;
    Condition {
        name: NAME,
        seen: format!(
            "waited {percent:.2} % of {:.0} ms",
            machine.samples.watched_ms
        ),
        grade: Grade::by(percent, good, fair),
        spoils: Spoils::Ratios,
        why: WHY,
        fix: None,
    }
    .fix(QUIET)
}

/// How often tasks waited for a core or for memory.
pub fn pressure(machine: &Machine<'_>) -> Condition {
    const NAME: &str = "pressure";
    const WHY: &str = "tasks wait for each other, and ours among them";
    let of = |resource| machine.root.pressure_percent(resource);
    let Some(cpu) = of(Resource::Cpu) else {
        let reason = "the kernel keeps no pressure files (boot with psi=1)";
        return Condition::unknown(NAME, Spoils::Ratios, WHY, reason);
    };
    let memory = of(Resource::Memory);
    let (good, fair) = PRESSURE_PERCENT;
    Condition {
        name: NAME,
        seen: match memory {
            Some(memory) => {
                format!("CPU {cpu:.1} %, memory {memory:.1} % of the last 10 s")
            }
            None => format!("CPU {cpu:.1} % of the last 10 s"),
        },
        grade: Grade::by(memory.map_or(cpu, |m| m.max(cpu)), good, fair),
        spoils: Spoils::Ratios,
        why: WHY,
        fix: None,
    }
    .fix(QUIET)
}

/// What a core loses that does nothing but look at the clock.
pub fn jitter(machine: &Machine<'_>) -> Condition {
    let samples = machine.samples;
    let share = samples.gaps_percent;
    let by_share = Grade::by(share, GAPS_PERCENT.0, GAPS_PERCENT.1);
    let longest = samples.longest_gap_us;
    let by_longest = Grade::by(longest, LONGEST_GAP_US.0, LONGEST_GAP_US.1);
    let grade = match (by_share, by_longest) {
        (Grade::Poor, _) | (_, Grade::Poor) => Grade::Poor,
        (Grade::Good, Grade::Good) => Grade::Good,
        _ => Grade::Fair,
    };
    Condition {
        name: "jitter floor",
        seen: match samples.gaps {
            0 => "no gap above 10 µs in 300 ms".to_owned(),
            gaps => format!(
                "{gaps} gaps above 10 µs in 300 ms, {share:.2} % of it, the \
                 longest {longest:.0} µs"
            ),
        },
        grade,
        spoils: Spoils::Ratios,
        why: "no time below this floor is the driver's",
        fix: None,
    }
    .fix(format!(
        "boot with isolcpus={0} nohz_full={0}; stop what else runs",
        machine.core
    ))
}

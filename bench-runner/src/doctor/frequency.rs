//! Whether the core keeps one frequency, by what is set and by what is seen.

use super::Machine;
use super::condition::{Condition, Grade, Spoils};

/// Spread of readings, in per cent, that is good and that is fair.
const SPREAD_PERCENT: (f64, f64) = (0.5, 2.0);

/// What sets everything about frequency.
const TUNE: &str = "sudo bench-runner tune";

const NO_CPUFREQ: &str = "no cpufreq: the frequency cannot be set, so every \
                          round measures it by a chain of additions";

/// Who picks the frequency.
pub fn governor(machine: &Machine<'_>) -> Condition {
    const NAME: &str = "governor";
    const WHY: &str = "a frequency that follows the load moves with it";
    let Some(governor) = machine.root.governor(machine.core) else {
        return Condition::unknown(NAME, Spoils::Absolute, WHY, NO_CPUFREQ);
    };
    let driver = machine.root.frequency_driver(machine.core);
    Condition {
        name: NAME,
        seen: match driver {
            Some(driver) => format!("{governor}, by {driver}"),
            None => governor.clone(),
        },
        grade: match governor.as_str() {
            "performance" => Grade::Good,
            _ => Grade::Poor,
        },
        spoils: Spoils::Absolute,
        why: WHY,
        fix: None,
    }
    .fix(TUNE)
}

/// Whether the lowest frequency is the highest.
pub fn limits(machine: &Machine<'_>) -> Condition {
    const NAME: &str = "frequency limits";
    const WHY: &str = "between two limits the frequency may be any";
    let limits = machine.root.frequency_limits_khz(machine.core);
    let Some((lowest, highest)) = limits else {
        return Condition::unknown(NAME, Spoils::Absolute, WHY, NO_CPUFREQ);
    };
    let (seen, grade) = match lowest == highest {
        true => (format!("held at {}", ghz(lowest)), Grade::Good),
        false => (format!("{} to {}", ghz(lowest), ghz(highest)), Grade::Fair),
    };
    let spoils = Spoils::Absolute;
    Condition { name: NAME, seen, grade, spoils, why: WHY, fix: None }.fix(TUNE)
}

/// Whether frequencies above the rated one are allowed.
pub fn turbo(machine: &Machine<'_>) -> Condition {
    const NAME: &str = "turbo";
    const WHY: &str = "turbo comes and goes with heat and neighbours";
    let switches = machine.root.turbo();
    if switches.is_empty() {
        let reason = "the machine shows no switch for it";
        return Condition::unknown(NAME, Spoils::Absolute, WHY, reason);
    }
    let on = switches.iter().any(|switch| switch.on);
    Condition {
        name: NAME,
        seen: if on { "on" } else { "off" }.to_owned(),
        grade: if on { Grade::Fair } else { Grade::Good },
        spoils: Spoils::Absolute,
        why: WHY,
        fix: None,
    }
    .fix(TUNE)
}

/// The frequency as it is, and how far it moves.
pub fn measured(machine: &Machine<'_>) -> Condition {
    const NAME: &str = "frequency";
    const WHY: &str = "absolute figures move with it";
    let mut readings = machine.samples.chain_ghz.clone();
    readings.sort_by(f64::total_cmp);
    if readings.is_empty() {
        let reason = "nothing was measured";
        return Condition::unknown(NAME, Spoils::Absolute, WHY, reason);
    }
    // An interruption that hits all runs of a chain is no change of
    // frequency, so the outermost tenths do not count.
    let at = |tenth: usize| readings[(readings.len() - 1) * tenth / 10];
    let spread = (at(9) - at(1)) / at(5) * 100.0;
    let (good, fair) = SPREAD_PERCENT;
    // Off x86-64 the step of the chain takes an unknown number of cycles.
    let unit = match cfg!(target_arch = "x86_64") {
        true => "GHz",
        false => "chain steps per ns",
    };
    Condition {
        name: NAME,
        seen: format!("{:.3} {unit}, spread {spread:.2} %", at(5)),
        grade: Grade::by(spread, good, fair),
        spoils: Spoils::Absolute,
        why: WHY,
        fix: None,
    }
    .fix(match machine.root.governor(machine.core) {
        Some(_) => TUNE,
        None => "compare ratios of one run, not figures of two",
    })
}

/// Whether the clock of the samples keeps one rate.
pub fn clock(machine: &Machine<'_>) -> Condition {
    let counts_tsc = cfg!(target_arch = "x86_64");
    let invariant = crate::clock::invariant_tsc(machine.root.path());
    let (seen, grade) = match (counts_tsc, invariant) {
        (false, _) => ("CLOCK_MONOTONIC_RAW", Grade::Good),
        (true, true) => ("invariant time-stamp counter", Grade::Good),
        (true, false) => ("time-stamp counter, not invariant", Grade::Poor),
    };
    Condition {
        name: "clock",
        seen: seen.to_owned(),
        grade,
        spoils: Spoils::Ratios,
        why: "a tick that changes its length measures nothing",
        fix: None,
    }
    .fix("have the hypervisor pass constant_tsc and nonstop_tsc")
}

fn ghz(khz: u64) -> String {
    format!("{:.2} GHz", khz as f64 / 1e6)
}

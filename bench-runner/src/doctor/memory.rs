//! Pages, where things lie in them, and the way to another core.

use super::Machine;
use super::condition::{Condition, Grade, Spoils};

/// A round trip between two cores, in ns, that is good and that is fair.
const ROUND_TRIP_NS: (f64, f64) = (250.0, 600.0);

/// The largest round trip over the smallest.
const ROUND_TRIP_SPREAD: (f64, f64) = (1.5, 3.0);

/// Pages for a run's memory.
pub fn huge_pages(machine: &Machine<'_>) -> Condition {
    let pages = machine.root.huge_pages();
    let transparent = machine.root.transparent_huge_pages();
    let transparent = transparent.as_deref().unwrap_or("unknown");
    let seen = match pages {
        Some(pages) => format!(
            "{} of {} pages of 2 MiB free, transparent ones: {transparent}",
            pages.free, pages.total
        ),
        None => format!("no pages of 2 MiB, transparent ones: {transparent}"),
    };
    let grade = match pages {
        Some(pages) if pages.free > 0 => Grade::Good,
        _ if ["always", "madvise"].contains(&transparent) => Grade::Fair,
        None if transparent == "unknown" => Grade::Unknown,
        _ => Grade::Poor,
    };
    Condition {
        name: "huge pages",
        seen,
        grade,
        spoils: Spoils::Absolute,
        why: "small pages cost page walks, and each run draws other ones",
        fix: None,
    }
    .fix("sudo bench-runner tune")
}

/// Whether each process has a layout of its own.
pub fn randomisation(machine: &Machine<'_>) -> Condition {
    const NAME: &str = "address space randomisation";
    const WHY: &str = "processes of one layout repeat one piece of luck, and \
                       intervals over them are too narrow";
    let Some(level) = machine.root.randomisation() else {
        let reason = "the kernel does not tell";
        return Condition::unknown(NAME, Spoils::Ratios, WHY, reason);
    };
    let (seen, grade) = match level {
        0 => ("off", Grade::Poor),
        1 => ("on, but for the heap", Grade::Fair),
        _ => ("on", Grade::Good),
    };
    Condition {
        name: NAME,
        seen: seen.to_owned(),
        grade,
        spoils: Spoils::Ratios,
        why: WHY,
        fix: None,
    }
    .fix("sudo sysctl kernel.randomize_va_space=2")
}

/// The price of moving a cache line between the two cores of a threaded run.
pub fn line_transfer(machine: &Machine<'_>) -> Condition {
    const NAME: &str = "cache-line transfer";
    const WHY: &str = "in threads every descriptor makes this way";
    let (core, mut trips) =
        (machine.core, machine.samples.round_trip_ns.clone());
    trips.sort_by(f64::total_cmp);
    let (Some(other), [first, .., last]) = (machine.other_core, &trips[..])
    else {
        let reason = "it takes two cores";
        return Condition::unknown(NAME, Spoils::Threads, WHY, reason);
    };
    let median = trips[trips.len() / 2];
    let spread = last / first;
    let by_time = Grade::by(median, ROUND_TRIP_NS.0, ROUND_TRIP_NS.1);
    let by_spread = Grade::by(spread, ROUND_TRIP_SPREAD.0, ROUND_TRIP_SPREAD.1);
    let grade = match (by_time, by_spread) {
        (Grade::Poor, _) | (_, Grade::Poor) => Grade::Poor,
        (Grade::Good, Grade::Good) => Grade::Good,
        _ => Grade::Fair,
    };
    Condition {
        name: NAME,
        seen: format!(
            "{median:.0} ns from core {core} to {other} and back, {first:.0} \
             to {last:.0}"
        ),
        grade,
        spoils: Spoils::Threads,
        why: WHY,
        fix: None,
    }
    .fix("choose two cores of one socket by --core and --model-core")
}

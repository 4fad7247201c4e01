//! What variants show, held against what the registry says they show.

use std::fmt::Write;

use serde::Serialize;
use variants::registry::Variant;
use variants::registry::shows::{ALIKE, Shows};

use super::{CHECKED_BATCH, Count};
use crate::measure::Turns;
use crate::results::Fill;

/// Where declarations are.
const FILE: &str = "variants/src/registry/shows.rs";

/// How far the bounds that are proposed lie from what was seen, in branches
/// per packet.
const ROOM: f64 = 0.1;

/// What a variant does not show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The variant.
    pub variant: String,
    /// What is wrong and what to do, a sentence each.
    pub says: Vec<String>,
}

/// The variants that do not show what is `declared` of them.
pub fn faults(
    variants: &[Variant],
    counts: &[Count],
    declared: impl Fn(&str) -> Option<&'static Shows>,
) -> Vec<Fault> {
    // Without packets there is nothing per packet.
    let variants = variants.iter().filter(|variant| variant.forwards);
    let faults = variants.filter_map(|variant| {
        let (name, reference) = (variant.name(), variant.reference);
        let seen = |fill| Seen::find(counts, &name, reference, fill);
        let says = match [seen(Fill::Full), seen(Fill::Random)] {
            [Some(full), Some(random)] => {
                faults_of(&name, reference, &[full, random], declared(&name))
            }
            _ => vec![format!("{name} or {reference} was not counted")],
        };
        (!says.is_empty()).then_some(Fault { variant: name, says })
    });
    faults.collect()
}

/// A count and the one it is compared with.
struct Seen<'a> {
    count: &'a Count,
    /// Branches per packet beyond the reference's.
    branches: f64,
}

impl<'a> Seen<'a> {
    fn find(
        counts: &'a [Count],
        name: &str,
        reference: &str,
        fill: Fill,
    ) -> Option<Self> {
        let turns = Turns { batch: CHECKED_BATCH, fill };
        let of = |name: &str| {
            let is = |c: &&Count| c.variant == name && c.turns == turns;
            counts.iter().find(is)
        };
        let branches = |c: &Count| c.per_packet(c.own.branches);
        let (count, reference) = (of(name)?, of(reference)?);
        let branches = branches(count) - branches(reference);
        Some(Self { count, branches })
    }
}

fn faults_of(
    name: &str,
    reference: &str,
    seen: &[Seen<'_>; 2],
    declared: Option<&'static Shows>,
) -> Vec<String> {
    let default = Shows::new("", "nothing else is declared");
    let shows = declared.unwrap_or(&default);
    let mut faults = Vec::new();
    for Seen { count, branches } in seen {
        let fill = count.turns.fill;
        let allocations = shows.allocations;
        let (packets, batches) = (count.times.packets, count.times.batches);
        if !allocations.hold(count.allocations, packets, batches) {
            let mut wanted = format!(
                "{} per packet and {} per batch",
                allocations.per_packet, allocations.per_batch
            );
            if allocations.besides > 0.0 {
                let _ = write!(wanted, ", {} besides", allocations.besides);
            }
            faults.push(format!(
                "{name} allocates {} times for {packets} packets in {batches} \
                 batches on {fill} rings, and should allocate {wanted} ({})",
                count.allocations, shows.because
            ));
        }
        let bounds = match fill {
            Fill::Full => shows.full,
            Fill::Random => shows.random,
        };
        if !bounds.hold(*branches) {
            faults.push(format!(
                "{name} has {branches:+.3} branches per packet against \
                 {reference} on {fill} rings, and should have {:+} to {:+} \
                 ({})",
                bounds.0, bounds.1, shows.because
            ));
        }
    }
    if !faults.is_empty() {
        let what = match proposal(name, seen) {
            Some(line) => format!("have this line in {FILE}: {line}"),
            None => format!("remove its line from {FILE}"),
        };
        faults.push(format!(
            "see what became of it by bench-runner explain {reference} \
             {name}, and where it is as it should be, {what}"
        ));
    }
    faults
}

/// The declaration that would hold for what was seen, if it takes one.
fn proposal(name: &str, seen: &[Seen<'_>; 2]) -> Option<String> {
    let mut line = String::new();
    let least = |of: &dyn Fn(&Count) -> u64| {
        seen.iter().map(|seen| of(seen.count)).min().unwrap_or(0)
    };
    let packet = least(&|c| c.allocations / c.times.packets.max(1));
    let rest = |c: &Count| c.allocations - packet * c.times.packets;
    let batch = least(&|c| rest(c) / c.times.batches.max(1));
    let besides = seen.iter().map(|Seen { count, .. }| {
        let besides = rest(count) - batch * count.times.batches;
        (count.per_packet(besides) * 100.0).ceil() / 100.0
    });
    let besides = besides.fold(0.0, f64::max);
    if packet > 0 {
        let _ = write!(line, ".allocates_per_packet({packet})");
    }
    if batch > 0 {
        let _ = write!(line, ".allocates_per_batch({batch})");
    }
    if besides > 0.0 {
        let _ = write!(line, ".allocates_besides({besides:.2})");
    }
    let [full, random] = seen.each_ref().map(|seen| seen.branches);
    if !ALIKE.hold(full) || !ALIKE.hold(random) {
        let (low, high) = (full.min(random), full.max(random));
        let together = high - low <= 2.0 * ROOM;
        let (low, high) = if together { (low, high) } else { (full, full) };
        let _ =
            write!(line, ".branches({:.2}, {:.2})", low - ROOM, high + ROOM);
        if !together {
            let (low, high) = (random - ROOM, random + ROOM);
            let _ = write!(line, ".random({low:.2}, {high:.2})");
        }
    }
    let new = format!("Shows::new({name:?}, \"why\"){line},");
    (!line.is_empty()).then_some(new)
}

#[cfg(test)]
mod tests {
    use variants::registry::{self, BASELINE};

    use super::*;
    use crate::counters::{ByCode, Events};
    use crate::measure::Times;

    /// Counts of a variant on both kinds of rings.
    fn counts(name: &str, branches: u64, allocations: [u64; 2]) -> Vec<Count> {
        let fills = [(Fill::Full, 100), (Fill::Random, 200)];
        let counts = fills.into_iter().zip(allocations);
        let count = |((fill, batches), allocations)| Count {
            variant: name.to_owned(),
            turns: Turns { batch: CHECKED_BATCH, fill },
            times: Times { packets: 3200, batches },
            own: Events { branches, ..Events::default() },
            library: Events::default(),
            allocations,
            model: ByCode::default(),
        };
        counts.map(count).collect()
    }

    /// What is wrong with one variant against a baseline of 20 branches per
    /// packet.
    fn against(
        name: &str,
        branches: u64,
        allocations: [u64; 2],
    ) -> Vec<String> {
        let all = registry::variants();
        let known = |v: &&Variant| [name, BASELINE].contains(&&*v.name());
        let variants: Vec<_> = all.iter().filter(known).copied().collect();
        let mut all = counts(BASELINE, 64_000, [0, 0]);
        if name != BASELINE {
            all.extend(counts(name, branches, allocations));
        }
        let faults = faults(&variants, &all, Shows::of);
        assert!(faults.iter().all(|fault| fault.variant == name));
        faults.into_iter().flat_map(|fault| fault.says).collect()
    }

    #[test]
    fn a_variant_that_shows_what_it_should_is_fine() {
        let none = [0, 0];
        assert!(against(BASELINE, 0, none).is_empty());
        assert!(against("status=bit", 64_000, none).is_empty());
        assert!(against("status=branchy", 67_200, none).is_empty());
        assert!(against("batch=vec", 67_000, [100, 200]).is_empty());
    }

    #[test]
    fn a_branch_that_became_a_move_fails_by_name() {
        let faults = against("status=branchy", 64_000, [0, 0]);
        let [full, random, hint] = &faults[..] else { panic!("{faults:?}") };
        assert!(full.starts_with("status=branchy has +0.000"), "{full}");
        assert!(full.contains("full") && random.contains("random"));
        assert!(hint.contains("explain baseline status=branchy"), "{hint}");
        assert!(hint.contains("remove its line"), "{hint}");
    }

    #[test]
    fn a_branchless_one_that_branches_fails_by_name() {
        let faults = against("status=branchless", 64_000, [0, 0]);
        assert!(faults[0].starts_with("status=branchless"), "{faults:?}");
    }

    #[test]
    fn an_allocation_too_few_or_too_many_fails_by_name() {
        for number in [99, 101] {
            let faults = against("batch=vec", 67_000, [number, 200]);
            assert_eq!(faults.len(), 2, "{faults:?}");
            let wanted = format!("batch=vec allocates {number} times");
            assert!(faults[0].starts_with(&wanted), "{faults:?}");
        }
        assert!(!against("status=bit", 64_000, [1, 0]).is_empty());
    }

    #[test]
    fn the_line_to_write_is_one_that_holds() {
        // One of which nothing is declared.
        let faults = against("reg=bytes", 70_400, [6450, 6650]);
        let line = "Shows::new(\"reg=bytes\", \"why\")\
                    .allocates_per_packet(2).allocates_besides(0.08)\
                    .branches(1.90, 2.10),";
        let hint = faults.last().expect("a hint");
        assert!(hint.ends_with(line), "{hint}");
        let shows = Shows::new("reg=bytes", "why")
            .allocates_per_packet(2)
            .allocates_besides(0.08)
            .branches(1.90, 2.10);
        let [full, random] = [[6450, 100], [6650, 200]];
        for [number, batches] in [full, random] {
            assert!(shows.allocations.hold(number, 3200, batches));
        }
        assert!(shows.full.hold(2.0) && shows.random.hold(2.0));
    }

    #[test]
    fn a_variant_without_a_count_is_not_taken_for_one_that_holds() {
        let all = registry::variants();
        let faults = faults(&all, &counts(BASELINE, 64_000, [0, 0]), Shows::of);
        let forwarding = all.iter().filter(|v| v.forwards).count();
        assert_eq!(faults.len(), forwarding - 1, "{faults:?}");
    }
}

//! What each published figure asks to be measured, and why the answer differs
//! where it does.

/// How a figure is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Rates over batch sizes at a frequency in MHz.
    Rates {
        /// That of the published figure.
        mhz: u64,
        /// Whether threads are measured besides.
        threads: bool,
    },
    /// Rates over frequencies.
    Frequencies,
    /// Latency by percentile at a rate in packets per second.
    Latency {
        /// Both ports together.
        per_second: f64,
    },
    /// Counters per packet.
    Counters,
    /// Kernels of the micro-benchmarks.
    Kernels,
    /// Single statements about variants.
    Statements,
}

/// A figure's part in this.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Its name.
    pub id: &'static str,
    /// How it is measured.
    pub kind: Kind,
    /// Why it differs where it does, a sentence or two each.
    pub why: &'static [&'static str],
}

/// Batch size where none was published.
pub const BATCH: u16 = 32;

/// What lies between a card and the model, for rates.
const NO_CARD: &str = "A core here takes descriptors and packets from the \
    cache that the model wrote them to, and pays for no bus and no DMA: a \
    packet costs fewer cycles than the published 94 to 120, so what is paid \
    once per batch weighs more, and curves bend later.";

/// The ceiling of published rates.
const CEILING: &str = "The fastest published curves end at 27.4 Mpps, which \
    is the card and no longer the core; nothing here stops a core there.";

/// Where the modelled doorbell is from.
const DOORBELL: &str = "The modelled doorbell was taken from the published \
    curve of C at 3.3 GHz, about 280 cycles per batch of two doorbells, so \
    that curve's small batches are no independent evidence; the other curves \
    are.";

/// What a projection leaves out.
const PROJECTION: &str = "A projection divides the frequency by the cycles \
    measured here. Waits for memory, which take as long at any frequency, are \
    taken for cycles.";

/// What latency lacks without a card.
const NO_FIBRE: &str = "Published latencies begin and end on a fibre: some \
    3.5 us of them are the card and the bus, which is why the published \
    curves begin so flat. Latency here is of the software alone.";

/// What stands in for other languages.
const STYLES: &str = "The personas are Rust in the style of the drivers, not \
    the drivers: what C and OCaml's compilers and run time do is not in them.";

/// The figures in the order in which they are listed.
pub const PLANS: [Plan; 15] = [
    Plan {
        id: "F1",
        kind: Kind::Rates { mhz: 3300, threads: true },
        why: &[NO_CARD, CEILING, DOORBELL, PROJECTION, STYLES],
    },
    Plan {
        id: "F2",
        kind: Kind::Rates { mhz: 1600, threads: false },
        why: &[NO_CARD, PROJECTION, STYLES],
    },
    Plan {
        id: "F3",
        kind: Kind::Latency { per_second: 1e6 },
        why: &[NO_FIBRE, STYLES],
    },
    Plan {
        id: "F4",
        kind: Kind::Latency { per_second: 10e6 },
        why: &[NO_FIBRE, STYLES],
    },
    Plan {
        id: "F5",
        kind: Kind::Latency { per_second: 20e6 },
        why: &[
            NO_FIBRE,
            "At 20 Mpps the published drivers were near what they could \
             forward on a core of 2.4 GHz; here the same rate is a smaller \
             share of what a core can do, so queues are shorter.",
            STYLES,
        ],
    },
    Plan {
        id: "F9",
        kind: Kind::Frequencies,
        why: &[
            "The batch size was not published; here it is 32.",
            "A projection is in proportion to the frequency whatever was \
             measured: only the order and the ratio of the lines say \
             something, and where they bend is not judged.",
            CEILING,
            STYLES,
        ],
    },
    Plan {
        id: "F11",
        kind: Kind::Rates { mhz: 3300, threads: true },
        why: &[
            "A card's DMA leaves a packet in the third cache level, where a \
             prefetch finds something to do. In lockstep the model has left \
             it in the first one; in threads it comes from the other core's.",
            CEILING,
            PROJECTION,
        ],
    },
    Plan {
        id: "F12",
        kind: Kind::Rates { mhz: 3300, threads: true },
        why: &[
            "`buffer=arc` counts a handle per packet; std::shared_ptr of the \
             C++ driver counts the pool's. The same atomic operations are a \
             larger share here, where a packet costs fewer cycles.",
            CEILING,
            PROJECTION,
        ],
    },
    Plan {
        id: "T1",
        kind: Kind::Counters,
        why: &[
            "The published counts are of two drivers by two compilers. The \
             personas are one driver in two styles by one compiler, and less \
             lies between them.",
            "Without a card every load hits the first cache levels.",
        ],
    },
    Plan {
        id: "S1",
        kind: Kind::Kernels,
        why: &[
            "OCaml's naive way also checks bounds per byte and puts integers \
             on the heap; a call into C from Rust saves no registers for a \
             collector.",
        ],
    },
    Plan {
        id: "S2",
        kind: Kind::Kernels,
        why: &["OCaml's loop polls for its collector and compares tagged \
             integers; ours checks an index. The plain walk waits for a load \
             in both, so cycles agree more than instructions do."],
    },
    Plan {
        id: "S3",
        kind: Kind::Kernels,
        why: &[
            "64 MB stand for 4294 MB: both are past every cache.",
            "Links here are checked indices, two instructions more per cell; \
             `nested` is the version that needs no barrier, as sum5.",
        ],
    },
    Plan {
        id: "S4",
        kind: Kind::Kernels,
        why: &[
            "An arena whose index moves stands for OCaml's minor heap. Words \
             per value are not measured: the kernels follow their layout.",
        ],
    },
    Plan {
        id: "S5",
        kind: Kind::Kernels,
        why: &["Predictors of indirect jumps have learnt since: a jump table \
             over cases in turn is predicted today, and the gap of a factor \
             of fifteen is gone with the misses that made it."],
    },
    Plan {
        id: "S6",
        kind: Kind::Statements,
        why: &[
            "Statements are about a packet's whole cost on a card, so one \
             change is a smaller share of it there than here.",
            STYLES,
        ],
    },
];

/// The plan of a figure.
#[must_use]
pub fn plan(id: &str) -> Option<&'static Plan> {
    PLANS.iter().find(|plan| plan.id.eq_ignore_ascii_case(id))
}

/// The batch size that a statement is about: what was published, or else
/// [`BATCH`].
#[must_use]
pub fn batch_of(conditions: Option<&str>) -> u16 {
    let words = conditions.unwrap_or_default().to_ascii_lowercase();
    let number = words.split_once("batch ").and_then(|(_, rest)| {
        let digits: String =
            rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    });
    number.unwrap_or(BATCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reproduce::published;

    #[test]
    fn every_published_figure_has_a_plan_and_the_other_way_round() {
        let ids: Vec<_> = PLANS.iter().map(|plan| plan.id).collect();
        let published = published::figures();
        let names: Vec<_> = published.iter().map(|f| f.id.as_str()).collect();
        assert_eq!(ids, names);
    }

    #[test]
    fn frequencies_are_those_of_the_figures() {
        for figure in published::figures() {
            let Kind::Rates { mhz, .. } = plan(&figure.id).unwrap().kind else {
                continue;
            };
            assert_eq!(figure.conditions.ghz, Some(mhz as f64 / 1e3));
        }
    }

    #[test]
    fn batch_sizes_are_found_in_conditions() {
        assert_eq!(batch_of(Some("Batch 8, 3.3 GHz.")), 8);
        assert_eq!(batch_of(Some("1.6 GHz, batch 1 to 256")), 1);
        assert_eq!(batch_of(Some("Batch size not stated.")), 32);
        assert_eq!(batch_of(None), 32);
    }
}

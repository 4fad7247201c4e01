//! `counters.json`, as far as a report shows it.

use serde::Deserialize;

use crate::results::{Build, Fill};

/// What `counters` keeps; it writes more than is read here.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Counted {
    /// The program that was counted.
    pub build: Build,
    /// What counted, such as valgrind's version; absent where nothing did.
    pub source: Option<String>,
    /// The counts.
    pub counts: Vec<Count>,
}

/// A variant at a batch size.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Count {
    /// Its name.
    pub variant: String,
    /// Upper limit of packets per receive call.
    pub batch: u16,
    /// How rings were filled.
    pub fill: Fill,
    /// The counts for each packet.
    pub per_packet: PerPacket,
}

/// Counts for each packet.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct PerPacket {
    /// Of the variant's own code.
    pub own: Events,
    /// Of libraries that it calls.
    pub library: Events,
    /// Calls of the allocator for memory.
    pub allocations: f64,
}

/// What some code does for each packet.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Events {
    /// Instructions.
    pub instructions: f64,
    /// Conditional branches.
    pub branches: f64,
    /// Accesses that read memory.
    pub loads: f64,
    /// Accesses that write memory.
    pub stores: f64,
}

impl Counted {
    /// What was counted of a variant at a batch size, on full rings first.
    pub fn of(&self, variant: &str, batch: u16) -> Option<&Count> {
        let is_it = |c: &&Count| c.variant == variant && c.batch == batch;
        let of = |fill: Fill| {
            self.counts.iter().filter(is_it).find(|c| c.fill == fill)
        };
        of(Fill::Full).or_else(|| of(Fill::Random))
    }
}

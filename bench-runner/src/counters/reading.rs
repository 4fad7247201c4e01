//! What a counter said, or why it said nothing.

use serde::{Deserialize, Serialize};

/// What is counted.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Core cycles in user space.
    Cycles,
    /// Instructions that retired.
    Instructions,
    /// Branches that retired: all kinds in hardware, conditional ones in
    /// callgrind.
    Branches,
    /// Branches that were predicted wrongly.
    BranchMispredicts,
    /// Stores.
    StoreUops,
    /// Loads.
    LoadUops,
    /// Loads that the first-level data cache had.
    LoadL1Hits,
    /// Loads that it had not.
    LoadL1Misses,
    /// Of these, those that the second level had.
    LoadL2Hits,
    /// And had not.
    LoadL2Misses,
    /// Of these, those that the third level had.
    LoadL3Hits,
    /// And had not.
    LoadL3Misses,
    /// Time on the core in nanoseconds.
    TaskClockNs,
    /// Page faults.
    PageFaults,
    /// Times that the thread left its core.
    ContextSwitches,
    /// Times that it came to another.
    Migrations,
}

impl Quantity {
    /// All of them, in the order of the published table; what that lacks
    /// comes where it belongs.
    pub const ALL: [Self; 16] = [
        Self::Cycles,
        Self::Instructions,
        Self::Branches,
        Self::BranchMispredicts,
        Self::StoreUops,
        Self::LoadUops,
        Self::LoadL1Hits,
        Self::LoadL1Misses,
        Self::LoadL2Hits,
        Self::LoadL2Misses,
        Self::LoadL3Hits,
        Self::LoadL3Misses,
        Self::TaskClockNs,
        Self::PageFaults,
        Self::ContextSwitches,
        Self::Migrations,
    ];

    /// Its name, as in the published table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cycles => "cycles",
            Self::Instructions => "instructions",
            Self::Branches => "branches",
            Self::BranchMispredicts => "branch_mispredicts",
            Self::StoreUops => "store_uops",
            Self::LoadUops => "load_uops",
            Self::LoadL1Hits => "load_l1_hits",
            Self::LoadL1Misses => "load_l1_misses",
            Self::LoadL2Hits => "load_l2_hits",
            Self::LoadL2Misses => "load_l2_misses",
            Self::LoadL3Hits => "load_l3_hits",
            Self::LoadL3Misses => "load_l3_misses",
            Self::TaskClockNs => "task_clock_ns",
            Self::PageFaults => "page_faults",
            Self::ContextSwitches => "context_switches",
            Self::Migrations => "migrations",
        }
    }
}

/// What a counter said over all counted turns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Reading {
    /// It ran all the time.
    Measured {
        /// Events.
        count: f64,
    },
    /// It shared a counter with others and ran for a part of the time.
    Multiplexed {
        /// Events, scaled to the whole time.
        count: f64,
        /// Share of the time that it ran, below 1.
        running: f64,
    },
    /// There is no number.
    Unavailable {
        /// Why not.
        reason: String,
    },
}

impl Reading {
    /// There is no number, for a reason.
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable { reason: reason.into() }
    }

    /// Events, where there is a number.
    pub fn count(&self) -> Option<f64> {
        match self {
            Self::Measured { count } | Self::Multiplexed { count, .. } => {
                Some(*count)
            }
            Self::Unavailable { .. } => None,
        }
    }
}

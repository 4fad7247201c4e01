//! `floor=null`: nothing at all.
//!
//! *Idea.* The ports are brought up and then left alone. What the harness
//! reads between its two clock stamps is the harness.
//!
//! *Compare.* `lean.rs`, the floor of the memory.

use driver::bar::Bar0;
use driver::nic::InitError;
use driver::wait::Wait;

use crate::registry::Baseline;
use crate::workload::forward::Forward;
use crate::workload::{Counts, Forwarder, Quota, Site};

/// A forwarder that forwards nothing.
pub struct Null<'a, B>(Forward<'a, Baseline, B>);

impl<'a, B: Bar0> Null<'a, B> {
    /// Brings both ports up.
    pub fn open(
        site: Site<'a, B>,
        wait: &mut dyn Wait,
    ) -> Result<Self, InitError> {
        Forward::open(site, wait).map(Self)
    }
}

impl<B: Bar0> Forwarder for Null<'_, B> {
    #[inline(never)]
    fn forward(&mut self, _quota: Quota) -> u64 {
        0
    }

    fn counts(&self) -> Counts {
        self.0.counts()
    }

    fn pending(&self) -> u64 {
        self.0.pending()
    }

    fn free_buffers(&self) -> Vec<u32> {
        self.0.free_buffers()
    }
}

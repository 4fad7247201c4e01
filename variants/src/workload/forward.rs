//! Workload `forward`: both directions in turn, one byte incremented.
//!
//! What the published comparison measures: receive a batch at one port,
//! increment one byte of every packet, so that it has been in the first
//! cache, send the batch at the other port and drop what does not fit.

use driver::bar::{Bar0, MappedBar};
use driver::nic::InitError;
use driver::policy::{Ownership, Pass, Policy};
use driver::wait::Wait;

use super::stage::{Stage, in_turn};
use super::{
    Counts, Forwarder, MappedSite, PORTS, Quota, Site, Workload, touch,
};

/// Two ports and what lies between them.
pub struct Forward<'a, P: Policy, B>(Stage<'a, P, B>);

/// The workload.
pub const WORKLOAD: Workload = Workload::Forward;

/// Sets the workload up with policy `P`.
pub fn open<'a, P: Policy>(
    site: MappedSite<'a>,
    wait: &mut dyn Wait,
) -> Result<Box<dyn Forwarder + 'a>, InitError> {
    Ok(match site {
        MappedSite::Plain(site) => Box::new(Forward::<P, _>::open(site, wait)?),
        MappedSite::Costed(site) => {
            Box::new(Forward::<P, _>::open(site, wait)?)
        }
        #[cfg(test)]
        MappedSite::Trapped(site) => {
            Box::new(Forward::<P, _>::open(site, wait)?)
        }
    })
}

/// Where the machine code of the workload with policy `P` begins.
pub fn entry<P: Policy>() -> *const () {
    <Forward<'_, P, MappedBar<'_>> as Forwarder>::forward as *const ()
}

impl<'a, P: Policy, B: Bar0> Forward<'a, P, B> {
    /// Brings both ports up.
    pub fn open(
        site: Site<'a, B>,
        wait: &mut dyn Wait,
    ) -> Result<Self, InitError> {
        Stage::open(site, wait).map(Self)
    }

    /// One batch from port `from` to the other.
    #[inline(always)]
    fn pass(&mut self, from: usize) -> u16 {
        let route = self.0.across(from);
        let passed = P::Pass::forward(route, |pool, packet| {
            touch(P::Buffer::bytes(pool, packet));
        });
        self.0.dropped += u64::from(passed.dropped);
        passed.received
    }
}

impl<P: Policy, B: Bar0> Forwarder for Forward<'_, P, B> {
    #[inline(never)]
    fn forward(&mut self, quota: Quota) -> u64 {
        super::unique::<Self>();
        in_turn(quota, |from| self.pass(from))
    }

    fn counts(&self) -> Counts {
        self.0.counts()
    }

    fn port_counts(&self) -> Option<[Counts; PORTS]> {
        Some(self.0.port_counts())
    }

    fn pending(&self) -> u64 {
        self.0.pending()
    }

    fn free_buffers(&self) -> Vec<u32> {
        self.0.free_buffers()
    }
}

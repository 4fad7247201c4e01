//! Workload `rx`: receive, increment one byte, drop.
//!
//! The receive side alone: every packet goes back to the pool, and nothing is
//! sent.

use driver::bar::{Bar0, MappedBar};
use driver::mempool::Mempool;
use driver::nic::InitError;
use driver::pass::{Route, Sink};
use driver::policy::{Ownership, Packet, Pass, Policy};
use driver::wait::Wait;

use super::stage::{Stage, in_turn};
use super::{
    Counts, Forwarder, MappedSite, PORTS, Quota, Site, Workload, touch,
};

/// Two ports that receive.
pub struct Rx<'a, P: Policy, B> {
    stage: Stage<'a, P, B>,
    consumed: u64,
}

/// Where packets end.
struct Discard;

impl<P: Policy> Sink<P> for Discard {
    #[inline(always)]
    fn room(&mut self, _pool: &mut Mempool<'_, P>) -> u16 {
        u16::MAX
    }

    #[inline(always)]
    fn send(&mut self, pool: &mut Mempool<'_, P>, packet: Packet<P>) {
        P::Buffer::dropped(pool, packet);
    }

    #[inline(always)]
    fn finish(self, _n: u16) {}
}

/// The workload.
pub const WORKLOAD: Workload = Workload::Rx;

/// Sets the workload up with policy `P`.
pub fn open<'a, P: Policy>(
    site: MappedSite<'a>,
    wait: &mut dyn Wait,
) -> Result<Box<dyn Forwarder + 'a>, InitError> {
    Ok(match site {
        MappedSite::Plain(site) => Box::new(Rx::<P, _>::open(site, wait)?),
        MappedSite::Costed(site) => Box::new(Rx::<P, _>::open(site, wait)?),
        #[cfg(test)]
        MappedSite::Trapped(site) => Box::new(Rx::<P, _>::open(site, wait)?),
    })
}

/// Where the machine code of the workload with policy `P` begins.
pub fn entry<P: Policy>() -> *const () {
    <Rx<'_, P, MappedBar<'_>> as Forwarder>::forward as *const ()
}

impl<'a, P: Policy, B: Bar0> Rx<'a, P, B> {
    /// Brings both ports up.
    pub fn open(
        site: Site<'a, B>,
        wait: &mut dyn Wait,
    ) -> Result<Self, InitError> {
        Ok(Self { stage: Stage::open(site, wait)?, consumed: 0 })
    }

    /// One batch from port `from`.
    #[inline(always)]
    fn pass(&mut self, from: usize) -> u16 {
        let Route { source, pool, batch, max, .. } = self.stage.across(from);
        let route = Route { source, sink: Discard, pool, batch, max };
        let passed = P::Pass::forward(route, |pool, packet| {
            touch(P::Buffer::bytes(pool, packet));
        });
        self.consumed += u64::from(passed.received - passed.dropped);
        self.stage.dropped += u64::from(passed.dropped);
        passed.received
    }
}

impl<P: Policy, B: Bar0> Forwarder for Rx<'_, P, B> {
    #[inline(never)]
    fn forward(&mut self, quota: Quota) -> u64 {
        super::unique::<Self>();
        in_turn(quota, |from| self.pass(from))
    }

    fn counts(&self) -> Counts {
        Counts { consumed: self.consumed, ..self.stage.counts() }
    }

    fn port_counts(&self) -> Option<[Counts; PORTS]> {
        Some(self.stage.port_counts())
    }

    fn pending(&self) -> u64 {
        self.stage.pending()
    }

    fn free_buffers(&self) -> Vec<u32> {
        self.stage.free_buffers()
    }
}

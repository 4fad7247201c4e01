//! Workload `classify`: as `forward`, and an action by packet type.
//!
//! The card writes a packet type into each descriptor. Its action works on
//! the packet after the byte was incremented, and keeps a tally.

use driver::bar::{Bar0, MappedBar};
use driver::nic::InitError;
use driver::pass::Route;
use driver::policy::{Dispatch, PACKET_TYPES, Pass, Policy};
use driver::wait::Wait;

use super::stage::{Stage, in_turn};
use super::{
    Counts, Forwarder, MappedSite, PORTS, Quota, Site, Workload, touch,
};
use crate::buffer::Freelist;

/// Two ports, and what is done by packet type.
pub struct Classify<'a, P: Policy, B> {
    stage: Stage<'a, P, B>,
    actions: <P::Dispatch as Dispatch>::Actions,
}

/// The workload.
pub const WORKLOAD: Workload = Workload::Classify;

/// Sets the workload up with policy `P`.
pub fn open<'a, P: Policy<Buffer = Freelist>>(
    site: MappedSite<'a>,
    wait: &mut dyn Wait,
) -> Result<Box<dyn Forwarder + 'a>, InitError> {
    Ok(match site {
        MappedSite::Plain(site) => {
            Box::new(Classify::<P, _>::open(site, wait)?)
        }
        MappedSite::Costed(site) => {
            Box::new(Classify::<P, _>::open(site, wait)?)
        }
        #[cfg(test)]
        MappedSite::Trapped(site) => {
            Box::new(Classify::<P, _>::open(site, wait)?)
        }
    })
}

/// Where the machine code of the workload with policy `P` begins.
pub fn entry<P: Policy<Buffer = Freelist>>() -> *const () {
    <Classify<'_, P, MappedBar<'_>> as Forwarder>::forward as *const ()
}

impl<'a, P: Policy<Buffer = Freelist>, B: Bar0> Classify<'a, P, B> {
    /// Brings both ports up.
    pub fn open(
        site: Site<'a, B>,
        wait: &mut dyn Wait,
    ) -> Result<Self, InitError> {
        let stage = Stage::open(site, wait)?;
        Ok(Self { stage, actions: Default::default() })
    }

    /// One batch from port `from` to the other.
    #[inline(always)]
    fn pass(&mut self, from: usize) -> u16 {
        let Self { stage, actions } = self;
        let Route { source, sink, pool, batch, max } = stage.across(from);
        let route = Route { source: source.typed(), sink, pool, batch, max };
        let passed = P::Pass::forward(route, |pool, packet| {
            // A card may report any number of 13 bits.
            let packet_type = pool.packet_type(packet) % PACKET_TYPES as u16;
            let bytes = pool.data_mut(packet);
            touch(bytes);
            P::Dispatch::act(actions, packet_type, bytes);
        });
        stage.dropped += u64::from(passed.dropped);
        passed.received
    }
}

impl<P: Policy<Buffer = Freelist>, B: Bar0> Forwarder for Classify<'_, P, B> {
    #[inline(never)]
    fn forward(&mut self, quota: Quota) -> u64 {
        super::unique::<Self>();
        in_turn(quota, |from| self.pass(from))
    }

    fn counts(&self) -> Counts {
        self.stage.counts()
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

    fn tallies(&self) -> Option<[u64; PACKET_TYPES]> {
        Some(P::Dispatch::tallies(&self.actions))
    }
}

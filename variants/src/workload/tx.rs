//! Workload `tx`: ready-made frames are numbered and sent.
//!
//! The transmit side alone. Every buffer of the pool holds the same frame;
//! a batch of buffers is taken, each frame gets the next number of its port,
//! and the batch is sent. Only as many are taken as there is room for, so
//! that nothing is dropped.

use std::iter;

use driver::bar::{Bar0, MappedBar};
use driver::mempool::{Mempool, PktBuf};
use driver::nic::InitError;
use driver::pass::{Route, Sink, Source};
use driver::policy::{Exchange, Ownership, Packet, Pass, Policy};
use driver::wait::Wait;

use super::stage::Stage;
use super::{
    Counts, Forwarder, Frame, MappedSite, PORTS, Quota, Site, Workload,
};

/// Where a frame has its number, 64 bits, little-endian.
const SEQUENCE_AT: usize = 52;

/// Two ports that send.
pub struct Tx<'a, P: Policy, B> {
    stage: Stage<'a, P, B>,
    /// Bytes of a frame.
    bytes: u16,
    /// The next number of each port.
    sequence: [u64; PORTS],
    generated: u64,
}

/// Takes packets from the pool, where their frames lie already.
struct ReadyMade {
    bytes: u16,
}

impl<P: Policy> Source<P> for ReadyMade {
    #[inline(always)]
    fn ready(&mut self, pool: &mut Mempool<'_, P>, max: u16) -> u16 {
        P::Buffer::reserve(pool, max);
        max.min(pool.available().try_into().unwrap_or(u16::MAX))
    }

    #[inline(always)]
    fn receive(
        &mut self,
        pool: &mut Mempool<'_, P>,
        taken: &mut <P::Pool as Exchange>::Taken,
    ) -> Packet<P> {
        let buf = P::Pool::next(pool, taken);
        pool.set_len(&buf, self.bytes);
        P::Buffer::receive(pool, buf)
    }

    #[inline(always)]
    fn finish(self, _n: u16) {}
}

/// The workload.
pub const WORKLOAD: Workload = Workload::Tx;

/// Sets the workload up with policy `P`.
pub fn open<'a, P: Policy>(
    site: MappedSite<'a>,
    wait: &mut dyn Wait,
) -> Result<Box<dyn Forwarder + 'a>, InitError> {
    Ok(match site {
        MappedSite::Plain(site) => Box::new(Tx::<P, _>::open(site, wait)?),
        MappedSite::Costed(site) => Box::new(Tx::<P, _>::open(site, wait)?),
        #[cfg(test)]
        MappedSite::Trapped(site) => Box::new(Tx::<P, _>::open(site, wait)?),
    })
}

/// Where the machine code of the workload with policy `P` begins.
pub fn entry<P: Policy>() -> *const () {
    <Tx<'_, P, MappedBar<'_>> as Forwarder>::forward as *const ()
}

impl<'a, P: Policy, B: Bar0> Tx<'a, P, B> {
    /// Brings both ports up, and writes the frame into every free buffer.
    pub fn open(
        mut site: Site<'a, B>,
        wait: &mut dyn Wait,
    ) -> Result<Self, InitError> {
        let Frame { bytes: frame, first_sequence } =
            std::mem::take(&mut site.frame);
        let bytes = u16::try_from(frame.len()).expect("a frame");
        let mut stage = Stage::<P, B>::open(site, wait)?;
        let pool = &mut stage.pool;
        let free: Vec<PktBuf> = iter::from_fn(|| pool.alloc()).collect();
        for buf in free.into_iter().rev() {
            pool.set_len(&buf, bytes);
            pool.data_mut(&buf).copy_from_slice(&frame);
            pool.free(buf);
        }
        let sequence = [first_sequence; PORTS];
        Ok(Self { stage, bytes, sequence, generated: 0 })
    }

    /// One batch of at most `max` packets to port `to`.
    #[inline(always)]
    fn pass(&mut self, to: usize, max: u16) -> u16 {
        let Route { mut sink, pool, batch, .. } = self.stage.across(1 - to);
        let max = max.min(sink.room(pool));
        let source = ReadyMade { bytes: self.bytes };
        let route = Route { source, sink, pool, batch, max };
        let sequence = &mut self.sequence[to];
        let passed = P::Pass::forward(route, |pool, packet| {
            let packet = P::Buffer::bytes(pool, packet);
            let place = packet.get_mut(SEQUENCE_AT..SEQUENCE_AT + 8);
            if let Some(place) = place {
                place.copy_from_slice(&sequence.to_le_bytes());
            }
            *sequence += 1;
        });
        self.generated += u64::from(passed.received);
        self.stage.dropped += u64::from(passed.dropped);
        passed.received
    }
}

impl<P: Policy, B: Bar0> Forwarder for Tx<'_, P, B> {
    /// Sends exactly `quota.packets` packets, unless patience ends, half of
    /// them at each port.
    #[inline(never)]
    fn forward(&mut self, quota: Quota) -> u64 {
        super::unique::<Self>();
        let half = quota.packets / 2;
        let mut left = [quota.packets - half, half];
        let mut patience = quota.patience;
        while left != [0; PORTS] && patience > 0 {
            let mut n = 0;
            for (to, left) in left.iter_mut().enumerate() {
                let max = (*left).min(self.stage.batch_size.into()) as u16;
                let sent = u64::from(self.pass(to, max));
                *left -= sent;
                n += sent;
            }
            patience = if n == 0 { patience - 1 } else { quota.patience };
        }
        quota.packets - left.iter().sum::<u64>()
    }

    fn counts(&self) -> Counts {
        Counts { generated: self.generated, ..self.stage.counts() }
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

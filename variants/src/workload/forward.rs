//! Workload `forward`: both directions in turn, one byte incremented.
//!
//! What the published comparison measures: receive a batch at one port,
//! increment one byte of every packet, so that it has been in the first
//! cache, send the batch at the other port and drop what does not fit.

use driver::bar::{Bar0, MappedBar};
use driver::memory::HUGE_PAGE;
use driver::mempool::Mempool;
use driver::nic::{InitError, Nic};
use driver::pass::Route;
use driver::policy::{
    Batch, BatchStyle, InFlight, Ownership, Packet, Pass, Policy,
};
use driver::rx::RxPort;
use driver::tx::TxPort;
use driver::wait::Wait;

use super::{Counts, Forwarder, MappedSite, PORTS, Quota, Site};

/// The byte that is incremented, as in the published forwarders.
pub const TOUCHED_BYTE: usize = 48;

/// Two ports and what lies between them.
pub struct Forward<'a, P: Policy, B> {
    ports: [Nic<'a, B, InFlight<P>>; PORTS],
    pool: Mempool<'a, P>,
    batch: <P::Batch as BatchStyle>::Of<Packet<P>>,
    batch_size: u16,
    dropped: u64,
}

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
        let Site { bars, config, batch, mut tables, mut dma } = site;
        let (buffers, bytes) = (config.buffers, config.buffer_bytes);
        let packets =
            dma.take(Mempool::<P>::dma_bytes(buffers, bytes), HUGE_PAGE);
        let mut pool = Mempool::new(buffers, bytes, packets, &mut tables);
        let mut up = |bar| {
            let lend = &mut || pool.lend();
            Nic::open(bar, &config, &mut dma, &mut tables, lend, wait)
        };
        let [first, second] = bars;
        let ports = [up(first)?, up(second)?];
        let containers = Batch::with_capacity(batch);
        Ok(Self {
            ports,
            pool,
            batch: containers,
            batch_size: batch,
            dropped: 0,
        })
    }

    /// The ports.
    pub fn ports(&self) -> &[Nic<'a, B, InFlight<P>>; PORTS] {
        &self.ports
    }

    /// One batch from port `from` to the other.
    #[inline(always)]
    fn pass(&mut self, from: usize) -> u16 {
        let [first, second] = &mut self.ports;
        let (source, target) =
            if from == 0 { (first, second) } else { (second, first) };
        let (rx_bar, rx) = source.rx(0);
        let (tx_bar, tx) = target.tx(0);
        let route = Route {
            source: RxPort::new(rx_bar, rx),
            sink: TxPort::new(tx_bar, tx),
            pool: &mut self.pool,
            batch: &mut self.batch,
            max: self.batch_size,
        };
        let passed = P::Pass::forward(route, |pool, packet| {
            let bytes = P::Buffer::bytes(pool, packet);
            if let Some(byte) = bytes.get_mut(TOUCHED_BYTE) {
                *byte = byte.wrapping_add(1);
            }
        });
        self.dropped += u64::from(passed.dropped);
        passed.received
    }
}

impl<P: Policy, B: Bar0> Forwarder for Forward<'_, P, B> {
    #[inline(never)]
    fn forward(&mut self, quota: Quota) -> u64 {
        super::unique::<Self>();
        let mut received = 0;
        let mut patience = quota.patience;
        while received < quota.packets && patience > 0 {
            let mut n = 0;
            // One call for both directions: what is called once is inlined,
            // in every variant, however large its code becomes.
            for from in 0..PORTS {
                n += u64::from(self.pass(from));
            }
            received += n;
            patience = if n == 0 { patience - 1 } else { quota.patience };
        }
        received
    }

    fn counts(&self) -> Counts {
        let mut counts = Counts { dropped: self.dropped, ..Counts::default() };
        for port in &self.ports {
            for queue in port.rx_queues() {
                counts.received += queue.stats().received;
                counts.multi_descriptor += queue.stats().multi_descriptor;
            }
            for queue in port.tx_queues() {
                counts.sent += queue.stats().sent;
            }
        }
        counts
    }

    fn pending(&self) -> u64 {
        let queues = self.ports.iter().flat_map(Nic::rx_queues);
        queues.map(|queue| u64::from(queue.pending())).sum()
    }

    fn free_buffers(&self) -> Vec<u32> {
        self.pool.free_slots()
    }
}

//! What workloads have in common: two ports, a pool, a container.

use driver::bar::Bar0;
use driver::memory::HUGE_PAGE;
use driver::mempool::Mempool;
use driver::nic::{InitError, Nic};
use driver::pass::Route;
use driver::policy::{Batch, BatchStyle, InFlight, Packet, Policy};
use driver::rx::RxPort;
use driver::tx::TxPort;
use driver::wait::Wait;

use super::{Counts, PORTS, Quota, Site};

/// Two ports and what lies between them.
pub struct Stage<'a, P: Policy, B> {
    /// The ports.
    pub ports: [Nic<'a, B, InFlight<P>>; PORTS],
    /// The pool of both.
    pub pool: Mempool<'a, P>,
    /// What holds a batch.
    pub batch: <P::Batch as BatchStyle>::Of<Packet<P>>,
    /// Upper limit of packets per receive call.
    pub batch_size: u16,
    /// Packets dropped for want of room.
    pub dropped: u64,
}

/// The way from the receive side of one port to the transmit side of the
/// other.
pub type Across<'r, 'a, P, B> =
    Route<'r, 'a, P, RxPort<'r, 'a, B>, TxPort<'r, 'a, B, InFlight<P>>>;

impl<'a, P: Policy, B: Bar0> Stage<'a, P, B> {
    /// Brings both ports up, or starts a queue of each.
    pub fn open(
        site: Site<'a, B>,
        wait: &mut dyn Wait,
    ) -> Result<Self, InitError> {
        let Site { bars, queues, config, batch, .. } = site;
        let (mut tables, mut dma) = (site.tables, site.dma);
        let (buffers, bytes) = (config.buffers, config.buffer_bytes);
        let packets =
            dma.take(Mempool::<P>::dma_bytes(buffers, bytes), HUGE_PAGE);
        let mut pool = Mempool::new(buffers, bytes, packets, &mut tables);
        let mut up = |bar| {
            let lend = &mut || pool.lend();
            queues.open(bar, &config, &mut dma, &mut tables, lend, wait)
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

    /// The way from port `from` to the other.
    #[inline(always)]
    pub fn across(&mut self, from: usize) -> Across<'_, 'a, P, B> {
        let [first, second] = &mut self.ports;
        let (source, target) =
            if from == 0 { (first, second) } else { (second, first) };
        let (rx_bar, rx) = source.rx(0);
        let (tx_bar, tx) = target.tx(0);
        Route {
            source: RxPort::new(rx_bar, rx),
            sink: TxPort::new(tx_bar, tx),
            pool: &mut self.pool,
            batch: &mut self.batch,
            max: self.batch_size,
        }
    }

    /// What the queues did.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts { dropped: self.dropped, ..Counts::default() };
        for port in self.port_counts() {
            counts.received += port.received;
            counts.multi_descriptor += port.multi_descriptor;
            counts.sent += port.sent;
        }
        counts
    }

    /// What the queues of each port did.
    pub fn port_counts(&self) -> [Counts; PORTS] {
        self.ports.each_ref().map(|port| {
            let mut counts = Counts::default();
            for queue in port.rx_queues() {
                counts.received += queue.stats().received;
                counts.multi_descriptor += queue.stats().multi_descriptor;
            }
            for queue in port.tx_queues() {
                counts.sent += queue.stats().sent;
            }
            counts
        })
    }

    /// Frames written back to memory and not yet received.
    pub fn pending(&self) -> u64 {
        let queues = self.ports.iter().flat_map(Nic::rx_queues);
        queues.map(|queue| u64::from(queue.pending())).sum()
    }

    /// Sorted indices of the buffers in the pool.
    pub fn free_buffers(&self) -> Vec<u32> {
        self.pool.free_slots()
    }
}

/// Passes batches from both ports in turn, until the quota is met; returns
/// how many packets came.
#[inline(always)]
pub fn in_turn(quota: Quota, mut pass: impl FnMut(usize) -> u16) -> u64 {
    let mut received = 0;
    let mut patience = quota.patience;
    while received < quota.packets && patience > 0 {
        let mut n = 0;
        // One call for both directions: what is called once is inlined, in
        // every variant, however large its code becomes.
        for from in 0..PORTS {
            n += u64::from(pass(from));
        }
        received += n;
        patience = if n == 0 { patience - 1 } else { quota.patience };
    }
    received
}

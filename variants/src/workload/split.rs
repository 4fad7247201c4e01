//! Workload `forward` on two cores: one receives and works on packets, the
//! other one sends them.
//!
//! Between them lie a ring of packets for each direction and a ring on which
//! the buffers of sent packets go back. A packet is the number of its buffer,
//! so that handing it over hands over all of it; whatever else holds packets
//! stays on one core. The receiving core takes no more than there is room for:
//! it drops nothing, and what nobody takes waits in the receive ring.

use std::iter;

use driver::bar::Bar0;
use driver::mempool::{Mempool, PktBuf};
use driver::nic::{InitError, Nic};
use driver::pass::{Route, Sink};
use driver::policy::{Batch, BatchStyle, Ownership, Packet, Pass, Policy};
use driver::rx::{RxPort, RxQueue};
use driver::tx::{TxPort, TxQueue, tx_batch};
use driver::wait::Wait;
use rtrb::{Consumer, Producer, RingBuffer};

use super::stage::{Stage, in_turn};
use super::{Counts, Forwarder, MappedSite, PORTS, Quota, Site, touch};
use crate::buffer::Freelist;

/// Sets both halves up: brings the ports from reset to running queues.
pub type OpenSplit =
    for<'a> fn(MappedSite<'a>, &mut dyn Wait) -> Result<Split<'a>, InitError>;

/// Both halves.
pub struct Split<'a> {
    /// Receives, works on packets and hands them over.
    pub receiver: Half<'a>,
    /// Sends what it is handed.
    pub sender: Half<'a>,
}

/// Makes a half on the thread that it stays on.
pub type Half<'a> = Box<dyn FnOnce() -> Box<dyn Forwarder + 'a> + Send + 'a>;

/// Sets the workload up with policy `P`.
pub fn open<'a, P: Policy<Buffer = Freelist>>(
    site: MappedSite<'a>,
    wait: &mut dyn Wait,
) -> Result<Split<'a>, InitError> {
    match site {
        MappedSite::Plain(site) => halves::<P, _>(site, wait),
        MappedSite::Costed(site) => halves::<P, _>(site, wait),
        #[cfg(test)]
        MappedSite::Trapped(_) => panic!("a log stays on its thread"),
    }
}

fn halves<'a, P: Policy<Buffer = Freelist>, B: Bar0 + Clone + Send + 'a>(
    mut site: Site<'a, B>,
    wait: &mut dyn Wait,
) -> Result<Split<'a>, InitError> {
    let (max, entries) = (site.batch, site.config.ring_entries);
    let buffers = site.config.buffers;
    let bytes = Mempool::<P>::second_bytes(buffers).next_multiple_of(4096);
    let mut tables = site.tables.split_off(bytes);
    let Stage { ports, pool, .. } = Stage::<P, B>::open(site, wait)?;
    // SAFETY: nothing is swept, for buffers are not abandoned, and free slots
    // are looked at when both halves are at rest.
    let second = unsafe { pool.second(&mut tables) };
    let [(bar0, rx0, tx0), (bar1, rx1, tx1)] = ports.map(Nic::into_parts);
    let only = |mut queues: Vec<_>| queues.swap_remove(0);
    let rx = [(bar0.clone(), only(rx0)), (bar1.clone(), only(rx1))];
    let only = |mut queues: Vec<_>| queues.swap_remove(0);
    let tx = [(bar0, only(tx0)), (bar1, only(tx1))];
    let ring = || RingBuffer::new(entries.into());
    let ((to0, from0), (to1, from1)) = (ring(), ring());
    // Room for all of them: whatever is sent can go back at once.
    let (back, returned) = RingBuffer::new(buffers as usize);
    Ok(Split {
        receiver: Box::new(move || {
            Box::new(Receiver::<P, B> {
                ports: rx,
                pool,
                batch: Batch::with_capacity(max),
                max,
                to: [to0, to1],
                staged: Vec::with_capacity(max.into()),
                returned,
            })
        }),
        sender: Box::new(move || {
            Box::new(Sender::<P, B> {
                ports: tx,
                pool: second,
                batch: Batch::with_capacity(max),
                max,
                from: [from0, from1],
                back,
            })
        }),
    })
}

/// The half that receives.
struct Receiver<'a, P: Policy, B> {
    ports: [(B, RxQueue<'a>); PORTS],
    pool: Mempool<'a, P>,
    batch: <P::Batch as BatchStyle>::Of<Packet<P>>,
    max: u16,
    /// Where packets go that came in at each port.
    to: [Producer<PktBuf>; PORTS],
    /// A batch that is handed over in one piece.
    staged: Vec<PktBuf>,
    returned: Consumer<PktBuf>,
}

/// Hands a batch over.
struct HandOver<'r> {
    ring: &'r mut Producer<PktBuf>,
    staged: &'r mut Vec<PktBuf>,
}

impl<P: Policy<Buffer = Freelist>> Sink<P> for HandOver<'_> {
    #[inline(always)]
    fn room(&mut self, _pool: &mut Mempool<'_, P>) -> u16 {
        self.ring.slots().try_into().unwrap_or(u16::MAX)
    }

    #[inline(always)]
    fn send(&mut self, _pool: &mut Mempool<'_, P>, packet: PktBuf) {
        self.staged.push(packet);
    }

    #[inline(always)]
    fn finish(self, n: u16) {
        if n > 0 {
            let chunk = self.ring.write_chunk_uninit(n.into());
            let chunk = chunk.expect("no more than there was room for");
            chunk.fill_from_iter(self.staged.drain(..));
        }
    }
}

impl<P: Policy<Buffer = Freelist>, B: Bar0> Receiver<'_, P, B> {
    /// One batch from port `from`.
    #[inline(always)]
    fn pass(&mut self, from: usize) -> u16 {
        let Self { pool, batch, .. } = self;
        let n = self.returned.slots();
        if let Ok(chunk) = self.returned.read_chunk(n) {
            chunk.into_iter().for_each(|buf| pool.free(buf));
        }
        let ring = &mut self.to[from];
        let room = ring.slots().try_into().unwrap_or(u16::MAX);
        let max = self.max.min(room);
        if max == 0 {
            return 0;
        }
        let (bar, queue) = &mut self.ports[from];
        let source = RxPort::new(bar, queue);
        let sink = HandOver { ring, staged: &mut self.staged };
        let route = Route { source, sink, pool, batch, max };
        let passed = P::Pass::forward(route, |pool, packet| {
            touch(P::Buffer::bytes(pool, packet));
        });
        passed.received
    }
}

impl<P: Policy<Buffer = Freelist>, B: Bar0> Forwarder for Receiver<'_, P, B> {
    #[inline(never)]
    fn forward(&mut self, quota: Quota) -> u64 {
        super::unique::<Self>();
        in_turn(quota, |from| self.pass(from))
    }

    /// What it received; what it handed over is sent by the other half.
    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (_, queue) in &self.ports {
            counts.received += queue.stats().received;
            counts.multi_descriptor += queue.stats().multi_descriptor;
        }
        counts
    }

    fn pending(&self) -> u64 {
        self.ports.iter().map(|(_, queue)| u64::from(queue.pending())).sum()
    }

    fn free_buffers(&self) -> Vec<u32> {
        self.pool.free_slots()
    }
}

/// The half that sends.
struct Sender<'a, P: Policy<Buffer = Freelist>, B> {
    ports: [(B, TxQueue<'a, PktBuf>); PORTS],
    /// Buffers of sent packets that are about to go back.
    pool: Mempool<'a, P>,
    batch: <P::Batch as BatchStyle>::Of<Packet<P>>,
    max: u16,
    /// Where packets come from that came in at each port.
    from: [Consumer<PktBuf>; PORTS],
    back: Producer<PktBuf>,
}

impl<P: Policy<Buffer = Freelist>, B: Bar0> Sender<'_, P, B> {
    /// One batch of those that came in at port `from`.
    #[inline(always)]
    fn pass(&mut self, from: usize) -> u16 {
        let Self { pool, batch, back, .. } = self;
        let (bar, queue) = &mut self.ports[1 - from];
        let mut sink = TxPort::new(bar, queue);
        let room = <_ as Sink<P>>::room(&mut sink, pool);
        let ring = &mut self.from[from];
        let n = usize::from(room.min(self.max)).min(ring.slots());
        if n > 0 {
            let chunk = ring.read_chunk(n).expect("as many as there are");
            let mut packets = chunk.into_iter();
            let next = || packets.next().expect("as many as there are");
            batch.fill(n as u16, next);
            drop(packets);
            tx_batch::<P, _>(sink, pool, batch);
        }
        let free = pool.available();
        if free > 0 {
            let chunk = back.write_chunk_uninit(free);
            let chunk = chunk.expect("there is room for all buffers");
            chunk.fill_from_iter(iter::from_fn(|| pool.alloc()));
        }
        n as u16
    }
}

impl<P: Policy<Buffer = Freelist>, B: Bar0> Forwarder for Sender<'_, P, B> {
    #[inline(never)]
    fn forward(&mut self, quota: Quota) -> u64 {
        super::unique::<Self>();
        in_turn(quota, |from| self.pass(from))
    }

    /// What it sent; what came in is the other half's to count.
    fn counts(&self) -> Counts {
        let sent = self.ports.iter().map(|(_, queue)| queue.stats().sent);
        Counts { sent: sent.sum(), ..Counts::default() }
    }

    /// Packets that were handed over and not yet sent.
    fn pending(&self) -> u64 {
        self.from.iter().map(|ring| ring.slots() as u64).sum()
    }

    fn free_buffers(&self) -> Vec<u32> {
        self.pool.free_slots()
    }
}

//! A batch from where packets come from to where they go: in three passes
//! over it, or in one.

use crate::mempool::Mempool;
use crate::policy::{Batch, BatchStyle, Exchange, Ownership, Packet, Policy};
use crate::rx::rx_batch;
use crate::tx::tx_batch;

/// Where a batch comes from.
pub trait Source<P: Policy> {
    /// How many packets there are, at most `max`, with fresh buffers to
    /// replace them.
    fn ready(&mut self, pool: &mut Mempool<'_, P>, max: u16) -> u16;

    /// The next packet of those that are ready; its place is taken by the
    /// next one of the `taken` buffers.
    fn receive(
        &mut self,
        pool: &mut Mempool<'_, P>,
        taken: &mut <P::Pool as Exchange>::Taken,
    ) -> Packet<P>;

    /// Ends a batch of which `n` packets, not none, were received.
    fn finish(self, n: u16);
}

/// Where a batch goes.
pub trait Sink<P: Policy> {
    /// How many packets can be sent, now that the buffers of those that are
    /// out have been given back.
    fn room(&mut self, pool: &mut Mempool<'_, P>) -> u16;

    /// Sends a packet for which there is room.
    fn send(&mut self, pool: &mut Mempool<'_, P>, packet: Packet<P>);

    /// Ends a batch of which `n` packets were sent.
    fn finish(self, n: u16);
}

/// Where packets come from, where they go, and what they lie in.
pub struct Route<'r, 'a, P: Policy, S, D> {
    /// Where they come from.
    pub source: S,
    /// Where they go.
    pub sink: D,
    /// The pool of all ports.
    pub pool: &'r mut Mempool<'a, P>,
    /// What holds a batch between passes.
    pub batch: &'r mut <P::Batch as BatchStyle>::Of<Packet<P>>,
    /// Upper limit of packets per receive call.
    pub max: u16,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Packets received.
    pub received: u16,
    /// Packets dropped for want of room.
    pub dropped: u16,
}

/// Receives a batch, works on every packet, sends the batch.
#[inline(always)]
pub fn three_passes<P: Policy>(
    source: impl Source<P>,
    sink: impl Sink<P>,
    pool: &mut Mempool<'_, P>,
    batch: &mut impl Batch<Packet<P>>,
    max: u16,
    mut work: impl FnMut(&mut Mempool<'_, P>, &mut Packet<P>),
) -> Passed {
    let received = rx_batch(source, pool, batch, max);
    batch.for_each::<P::Walk>(|packet| work(pool, packet));
    tx_batch(sink, pool, batch);
    let dropped = batch.len();
    batch.take::<P::Walk>(dropped, |packet| P::Buffer::dropped(pool, packet));
    Passed { received, dropped }
}

/// Receives, works on and sends one packet after the other, and rings both
/// doorbells at the end. Holds no batch.
#[inline(always)]
pub fn one_pass<P: Policy>(
    mut source: impl Source<P>,
    mut sink: impl Sink<P>,
    pool: &mut Mempool<'_, P>,
    max: u16,
    mut work: impl FnMut(&mut Mempool<'_, P>, &mut Packet<P>),
) -> Passed {
    let received = source.ready(pool, max);
    let sent = received.min(sink.room(pool));
    let mut taken = P::Pool::begin(pool, received);
    for _ in 0..sent {
        let mut packet = source.receive(pool, &mut taken);
        work(pool, &mut packet);
        sink.send(pool, packet);
    }
    for _ in sent..received {
        let mut packet = source.receive(pool, &mut taken);
        work(pool, &mut packet);
        P::Buffer::dropped(pool, packet);
    }
    if received > 0 {
        source.finish(received);
    }
    sink.finish(sent);
    Passed { received, dropped: received - sent }
}

//! `batch=iter`: a lazy iterator that receives as it is pulled.
//!
//! *Idea.* Receiving returns an iterator; a packet leaves its ring when
//! somebody asks for the next one. There is no batch to hold, and whoever
//! works on the packets still writes an ordinary loop.
//!
//! *Cost.* The iterator's state, and its test for the end, per packet.
//!
//! *Origin.* The advice to ixy.ml's author to look at `Seq.t` for batches.
//!
//! *Compare.* `callback.rs`, `slice.rs`, and `pass/fused.rs`, one loop
//! without an iterator in between.

use driver::mempool::Mempool;
use driver::pass::{Passed, Route, Sink, Source};
use driver::policy::{Exchange, Ownership, Packet, Pass, Policy};

/// A lazy iterator that receives as it is pulled.
pub struct Iter;

impl Pass for Iter {
    const NAME: &'static str = "iter";
    const IDEA: &'static str = "an iterator that receives as it is pulled";

    #[inline(always)]
    fn forward<P: Policy, S: Source<P>, D: Sink<P>>(
        route: Route<'_, '_, P, S, D>,
        mut work: impl FnMut(&mut Mempool<'_, P>, &mut Packet<P>),
    ) -> Passed {
        let Route { mut source, mut sink, pool, max, .. } = route;
        let received = source.ready(pool, max);
        let mut room = sink.room(pool);
        let taken = P::Pool::begin(pool, received);
        let mut packets = Packets { source, pool, taken, left: received };
        let (mut sent, mut dropped) = (0, 0);
        while let Some(mut packet) = packets.next() {
            work(packets.pool, &mut packet);
            if room > 0 {
                sink.send(packets.pool, packet);
                room -= 1;
                sent += 1;
            } else {
                P::Buffer::dropped(packets.pool, packet);
                dropped += 1;
            }
        }
        if received > 0 {
            packets.source.finish(received);
        }
        sink.finish(sent);
        Passed { received, dropped }
    }
}

/// The packets that are ready.
struct Packets<'r, 'a, P: Policy, S> {
    source: S,
    pool: &'r mut Mempool<'a, P>,
    taken: <P::Pool as Exchange>::Taken,
    left: u16,
}

impl<P: Policy, S: Source<P>> Iterator for Packets<'_, '_, P, S> {
    type Item = Packet<P>;

    #[inline(always)]
    fn next(&mut self) -> Option<Packet<P>> {
        self.left = self.left.checked_sub(1)?;
        Some(self.source.receive(self.pool, &mut self.taken))
    }
}

#[cfg(test)]
mod tests {
    crate::batch_conformance!(super::Iter, whole);
}

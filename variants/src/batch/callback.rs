//! `batch=callback`: a closure called per packet.
//!
//! *Idea.* The caller hands the driver what is to be done, and the driver
//! calls it for each packet that it takes off the ring. There is no batch to
//! hold.
//!
//! *Cost.* None when the closure is inlined; what it captures is as far away
//! as the packet is near.
//!
//! *Origin.* `netif_receive_skb` and every other event-driven stack.
//!
//! *Compare.* `iter.rs`, where the caller keeps the loop.

use driver::mempool::Mempool;
use driver::pass::{Passed, Route, Sink, Source};
use driver::policy::{Exchange, Ownership, Packet, Pass, Policy};

/// A closure called per packet.
pub struct Callback;

impl Pass for Callback {
    const NAME: &'static str = "callback";
    const IDEA: &'static str = "a closure called per packet";

    #[inline(always)]
    fn forward<P: Policy, S: Source<P>, D: Sink<P>>(
        route: Route<'_, '_, P, S, D>,
        mut work: impl FnMut(&mut Mempool<'_, P>, &mut Packet<P>),
    ) -> Passed {
        let Route { mut source, mut sink, pool, max, .. } = route;
        let received = source.ready(pool, max);
        let mut room = sink.room(pool);
        let (mut sent, mut dropped) = (0, 0);
        for_each_received(source, pool, received, |pool, mut packet| {
            work(pool, &mut packet);
            if room > 0 {
                sink.send(pool, packet);
                room -= 1;
                sent += 1;
            } else {
                P::Buffer::dropped(pool, packet);
                dropped += 1;
            }
        });
        sink.finish(sent);
        Passed { received, dropped }
    }
}

/// Receives `n` packets and calls `visit` with each.
#[inline(always)]
fn for_each_received<P: Policy>(
    mut source: impl Source<P>,
    pool: &mut Mempool<'_, P>,
    n: u16,
    mut visit: impl FnMut(&mut Mempool<'_, P>, Packet<P>),
) {
    let mut taken = P::Pool::begin(pool, n);
    for _ in 0..n {
        let packet = source.receive(pool, &mut taken);
        visit(pool, packet);
    }
    if n > 0 {
        source.finish(n);
    }
}

#[cfg(test)]
mod tests {
    crate::batch_conformance!(super::Callback, whole);
}

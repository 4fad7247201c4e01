//! Threaded: the model polls on a core of its own, as a card does.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nic_model::{Model, Parts};
use variants::workload::Quota;

use super::bench::BlockSpec;
use super::{Block, Invalid};
use crate::affinity;
use crate::clock::stamp;
use crate::results::Workload;

/// Packets before the timed ones, in phases.
const WARM_UP: u64 = 4;

/// Empty rounds after which nothing more is to come once the wire is silent.
const DRAINED: u32 = 100_000;

/// Frames per port that the model writes before it looks at the transmit
/// rings again.
const BURST: u32 = 32;

/// What the model is to do, as the forwarder's thread tells it.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq)]
enum Order {
    /// Offer as much as the rings take.
    Offer,
    /// The same, and count the time that it takes.
    Count,
    /// Offer nothing more, send what is there.
    Drain,
    /// End.
    Stop,
}

/// What the two threads share besides the card.
struct Desk {
    order: AtomicU8,
    /// Counts the model's turns.
    turns: AtomicU64,
}

impl Desk {
    fn tell(&self, order: Order) {
        self.order.store(order as u8, Ordering::Release);
    }

    fn is(&self, order: Order) -> bool {
        self.order.load(Ordering::Acquire) == order as u8
    }

    /// Waits until the model has seen everything that was written so far.
    fn await_turns(&self) {
        let deadline = Instant::now() + Duration::from_secs(1);
        let seen = self.turns.load(Ordering::Acquire);
        while self.turns.load(Ordering::Acquire) < seen + 2
            && Instant::now() < deadline
        {
            std::hint::spin_loop();
        }
    }
}

/// Stops the model's thread whatever happens to the forwarder's.
struct StopAtEnd<'a>(&'a Desk);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.tell(Order::Stop);
    }
}

/// Ticks of the counted time that the model spent with and without frames.
#[derive(Default)]
struct Effort {
    busy: u64,
    idle: u64,
}

pub(super) fn block(
    spec: &BlockSpec<'_>,
    parts: Parts<'_>,
) -> Result<Block, Invalid> {
    let (model, site) = spec.lay_out(parts);
    let desk = Desk {
        order: AtomicU8::new(Order::Offer as u8),
        turns: AtomicU64::new(0),
    };
    let core = spec.setup.model_core;
    thread::scope(|scope| {
        let at_work = scope.spawn(|| {
            affinity::pin(core).map_err(|e| Invalid::Core(e.to_string()))?;
            Ok::<_, Invalid>(work(model, &desk, spec.offered(BURST)))
        });
        let stop = StopAtEnd(&desk);
        let mut wait = |_| desk.await_turns();
        let mut forwarder = (spec.open())(site, &mut wait)?;

        let per_phase = u64::from(spec.setup.packets_per_phase);
        let quota = |phases: u64| {
            let packets = phases * per_phase;
            Quota { packets, patience: spec.patience }
        };
        forwarder.forward(quota(WARM_UP));
        let before = forwarder.counts();
        let quota = quota(spec.task.length.into());
        desk.tell(Order::Count);
        let start = stamp();
        let received = forwarder.forward(quota);
        let span = stamp() - start;
        let after = forwarder.counts();
        if spec.task.variant.forwards && received < quota.packets {
            let wanted = quota.packets;
            return Err(Invalid::Stalled { wanted, received });
        }

        desk.tell(Order::Drain);
        desk.await_turns();
        if spec.task.workload != Workload::Tx {
            let rest = Quota { packets: u64::MAX, patience: DRAINED };
            forwarder.forward(rest);
        }
        desk.await_turns();
        drop(stop);
        let result = at_work.join().expect("the model does not panic");
        let (mut model, effort) = result?;
        model.transmit();
        spec.balance(&model, &*forwarder)?;
        let clock = u64::from(spec.clock_cost_ticks);
        let all = (effort.busy + effort.idle).max(1);
        Ok(Block {
            ticks: span.saturating_sub(clock),
            device_ticks: 0,
            forwarded: match spec.task.workload {
                Workload::Rx => after.consumed - before.consumed,
                Workload::Forward | Workload::Tx | Workload::Classify => {
                    after.sent - before.sent
                }
            },
            model_busy: effort.busy as f64 / all as f64,
        })
    })
}

/// The model's turns, until it is told to stop.
fn work<'a>(
    mut model: Model<'a>,
    desk: &Desk,
    burst: u32,
) -> (Model<'a>, Effort) {
    let mut effort = Effort::default();
    let mut last = stamp();
    while !desk.is(Order::Stop) {
        model.poll_control();
        let counts = desk.is(Order::Count);
        let mut moved = model.transmit();
        if counts || desk.is(Order::Offer) {
            moved += model.receive_ready(burst);
        }
        desk.turns.fetch_add(1, Ordering::Release);
        let now = stamp();
        match moved {
            _ if !counts => {}
            0 => effort.idle += now - last,
            _ => effort.busy += now - last,
        }
        last = now;
    }
    (model, effort)
}

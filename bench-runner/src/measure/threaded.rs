//! Threaded: the model polls on a core of its own, as a card does.

use std::thread;

use nic_model::{Model, Parts};
use variants::workload::{Forwarder, MappedSite, Quota};

use super::bench::BlockSpec;
use super::handover::{Desk, Order, Silent, StopAtEnd, Turns};
use super::pacer::Pacer;
use super::{Block, Invalid};
use crate::affinity;
use crate::clock::stamp;
use crate::results::Workload;

/// Packets before the timed ones, in phases.
pub const WARM_UP: u64 = 4;

/// What is left once the wire is silent: after so many empty rounds nothing
/// more is to come.
pub(super) const REST: Quota = Quota { packets: u64::MAX, patience: 100_000 };

/// Frames per port that the model writes before it looks at the transmit
/// rings again.
pub(super) const BURST: u32 = 32;

/// Ticks of the counted time that the model spent with and without frames.
#[derive(Default)]
pub(super) struct Effort {
    busy: u64,
    idle: u64,
}

impl Effort {
    /// A turn of so many ticks.
    #[inline(always)]
    pub fn count(&mut self, busy: bool, ticks: u64) {
        match busy {
            true => self.busy += ticks,
            false => self.idle += ticks,
        }
    }

    /// The share with frames.
    pub fn share(&self) -> f64 {
        self.busy as f64 / (self.busy + self.idle).max(1) as f64
    }
}

pub(super) fn block(
    spec: &BlockSpec<'_>,
    parts: Parts<'_>,
) -> Result<Block, Invalid> {
    let (model, site) = spec.lay_out(parts);
    let desk = Desk::new();
    let core = spec.setup.model_core;
    thread::scope(|scope| {
        let at_work = scope.spawn(|| {
            // First, so that whatever becomes of this thread is noticed.
            let turns = desk.turns();
            affinity::pin(core).map_err(|e| Invalid::Core(e.to_string()))?;
            Ok::<_, Invalid>(work(spec, model, turns))
        });
        let stop = StopAtEnd(&desk);
        let forwarded = forward(spec, site, &desk);
        drop(stop);
        let result = at_work.join().expect("the model does not panic");
        // What befell the model explains what the forwarder says.
        let Worked { mut model, effort, in_time } = result?;
        let Forwarded { forwarder, ticks, done } = forwarded?;
        model.transmit();
        spec.balance(&model, &*forwarder)?;
        Ok(Block {
            ticks: ticks.saturating_sub(spec.clock_cost_ticks.into()),
            device_ticks: 0,
            forwarded: done,
            model_busy: effort.share(),
            in_time,
        })
    })
}

/// What the forwarder's thread has to say of a block.
struct Forwarded<'a> {
    forwarder: Box<dyn Forwarder + 'a>,
    /// Ticks between the stamps.
    ticks: u64,
    /// Packets that came to the end of the workload between them.
    done: u64,
}

/// Sets the forwarder up while the model looks on.
pub(super) fn open<'a>(
    spec: &BlockSpec<'_>,
    site: MappedSite<'a>,
    desk: &Desk,
) -> Result<Box<dyn Forwarder + 'a>, Invalid> {
    desk.await_answer()?;
    let mut heard = Ok(());
    // After a silence the polls of the set-up end without a wait.
    let mut wait = |_| {
        if heard.is_ok() {
            heard = desk.await_turn();
        }
    };
    let opened = (spec.open())(site, &mut wait);
    heard?;
    Ok(opened?)
}

fn forward<'a>(
    spec: &BlockSpec<'_>,
    site: MappedSite<'a>,
    desk: &Desk,
) -> Result<Forwarded<'a>, Invalid> {
    let mut forwarder = open(spec, site, desk)?;
    let per_phase = u64::from(spec.setup.packets_per_phase);
    let quota = |phases: u64| {
        let packets = phases * per_phase;
        Quota { packets, patience: spec.patience }
    };
    if spec.setup.rate.is_some() {
        // The wire has been silent so far.
        desk.tell(Order::Count);
    }
    forwarder.forward(quota(WARM_UP));
    let before = forwarder.counts();
    let quota = quota(spec.task.length.into());
    desk.tell(Order::Count);
    let start = stamp();
    let received = forwarder.forward(quota);
    let ticks = stamp() - start;
    let after = forwarder.counts();
    if spec.task.variant.forwards && received < quota.packets {
        let wanted = quota.packets;
        return Err(Invalid::Stalled { wanted, received });
    }

    desk.tell(Order::Drain);
    desk.await_answer()?;
    if spec.task.workload != Workload::Tx {
        forwarder.forward(REST);
    }
    desk.await_turn()?;
    let done = match spec.task.workload {
        Workload::Rx => after.consumed - before.consumed,
        Workload::Forward | Workload::Tx | Workload::Classify => {
            after.sent - before.sent
        }
    };
    Ok(Forwarded { forwarder, ticks, done })
}

impl From<Silent> for Invalid {
    fn from(silent: Silent) -> Self {
        match silent {
            Silent::Gone => Self::Silent("has ended"),
            Silent::Late => Self::Silent("makes no turn"),
        }
    }
}

/// The model's thread after its last turn.
pub(super) struct Worked<'a> {
    pub model: Model<'a>,
    pub effort: Effort,
    /// Share of frames that came in time, where they have a schedule.
    pub in_time: Option<f64>,
}

/// The model's turns, until it is told to stop.
pub(super) fn work<'a>(
    spec: &BlockSpec<'_>,
    model: Model<'a>,
    turns: Turns<'_>,
) -> Worked<'a> {
    match Pacer::new(spec, &model) {
        None => unlimited(model, turns, spec.offered(BURST)),
        Some(pacer) => paced(model, turns, pacer),
    }
}

/// Turns in which as many frames come as the rings take.
fn unlimited<'a>(
    mut model: Model<'a>,
    turns: Turns<'_>,
    burst: u32,
) -> Worked<'a> {
    let mut effort = Effort::default();
    let mut last = stamp();
    for order in turns {
        model.poll_control();
        let mut moved = model.transmit();
        if order != Order::Drain {
            moved += model.receive_ready(burst);
        }
        let now = stamp();
        if order == Order::Count {
            effort.count(moved > 0, now - last);
        }
        last = now;
    }
    Worked { model, effort, in_time: None }
}

/// Turns in which frames come when they are due.
fn paced<'a>(
    mut model: Model<'a>,
    turns: Turns<'_>,
    mut pacer: Pacer,
) -> Worked<'a> {
    let mut effort = Effort::default();
    let mut last = stamp();
    for order in turns {
        model.poll_control();
        let moved = pacer.turn(&mut model, order);
        let now = stamp();
        if order == Order::Count {
            effort.count(moved > 0, now - last);
        }
        last = now;
    }
    Worked { model, effort, in_time: Some(pacer.in_time()) }
}

//! A real card: its ports are brought up once in a process, and a block takes
//! queue 0 of both anew. Traffic comes from outside, or from two more ports.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use driver::mempool::PktBuf;
use driver::nic::{self, Nic};
use driver::wait::{Sleep, Wait};
use nic_model::FrameFormat;
use nic_model::frame::FrameMaker;
use variants::registry;
use variants::workload::{Forwarder, Frame, PORTS, Queues, Quota, Workload};

use super::bench::{self, BlockSpec};
use super::threaded::WARM_UP;
use super::{Block, Invalid};
use crate::affinity;
use crate::card::{Card, Pair, Place, Request, Through};
use crate::clock::stamp;
use crate::environment::Root;
use crate::failure::Failure;
use crate::results::{Ports, Setup};

/// How long two more ports may take to come up: twice what a link may.
const LONGEST_START: Duration = Duration::from_secs(45);

/// Most packets that the generator hands over at once.
const BATCH: u16 = 32;

/// What blocks of one process run on.
pub(super) struct OnCard {
    // First, so that nobody sends any more when the ports go.
    _generator: Option<Generator>,
    card: Card,
    wait: Box<dyn Wait>,
}

impl OnCard {
    /// Brings the ports of a set-up to where queues can be started, and has
    /// its generator send.
    pub fn new(root: &Root, setup: &Setup) -> Result<Self, Invalid> {
        let ports = setup.ports.as_ref().expect("the ports of a card");
        // Both ends of a cable come up together.
        let generator = Generator::start(root, ports, setup);
        let request = request(root, &ports.nic, ports.through, ports, setup);
        let card = Card::take(&request).map_err(invalid)?;
        Self::up(card, generator, Box::new(Sleep))
    }

    fn up(
        mut card: Card,
        generator: Option<Generator>,
        mut wait: Box<dyn Wait>,
    ) -> Result<Self, Invalid> {
        let config = card.config();
        let place = card.place(0, 1, Queues::All, Frame::default());
        for bar in place.bars {
            Nic::<_, PktBuf>::bring_up(bar, &config, &mut *wait)?;
        }
        if let Some(generator) = &generator {
            generator.await_start()?;
        }
        Ok(Self { _generator: generator, card, wait })
    }

    /// What the memory consists of.
    pub fn pages(&self) -> &'static str {
        self.card.pages().name()
    }

    /// Runs one block.
    pub fn block(&mut self, spec: &BlockSpec<'_>) -> Result<Block, Invalid> {
        let (arena, batch) = (spec.task.arena, spec.task.batch);
        let queues = Queues::One(0);
        let wait = &mut *self.wait;
        let Place { site, bars, .. } =
            self.card.place(arena, batch, queues, Frame::default());
        let mut forwarder = (spec.open())(site, wait)?;
        let timed = time(spec, &mut *forwarder);
        // Before its memory is another's.
        for bar in &bars {
            nic::stop_queue(bar, 0, wait)
                .map_err(|timeout| Invalid::Init(timeout.into()))?;
        }
        timed
    }
}

fn time(
    spec: &BlockSpec<'_>,
    forwarder: &mut dyn Forwarder,
) -> Result<Block, Invalid> {
    let per_phase = u64::from(spec.setup.packets_per_phase);
    let quota = |phases: u64| {
        let packets = phases * per_phase;
        Quota { packets, patience: spec.patience }
    };
    forwarder.forward(quota(WARM_UP));
    let before = forwarder.counts();
    let quota = quota(spec.task.length.into());
    let start = stamp();
    let received = forwarder.forward(quota);
    let ticks = stamp() - start;
    let after = forwarder.counts();
    let pending = forwarder.pending();
    if spec.task.variant.forwards && received < quota.packets {
        let wanted = quota.packets;
        return Err(Invalid::NoTraffic { wanted, received });
    }
    let descriptors = PORTS as f64 * f64::from(spec.setup.ring_entries);
    Ok(Block {
        ticks: ticks.saturating_sub(spec.clock_cost_ticks.into()),
        device_ticks: 0,
        forwarded: after.sent - before.sent,
        model_busy: 1.0 - (pending as f64 / descriptors).min(1.0),
        in_time: None,
    })
}

fn request<'a>(
    root: &'a Root,
    pair: &'a Pair,
    through: Through,
    ports: &'a Ports,
    setup: &Setup,
) -> Request<'a> {
    Request {
        root,
        addresses: pair.as_strs(),
        through: Some(through),
        huge_pages: ports.huge_pages.as_deref(),
        force: true,
        wrong_iova: false,
        config: bench::config(setup),
        regions: setup.arenas,
    }
}

fn invalid(failure: Failure) -> Invalid {
    Invalid::Card(failure.to_string())
}

/// Two ports that send as much as the wires take, on a core of their own.
struct Generator {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    /// Says once whether its ports came up.
    news: Receiver<Result<(), Invalid>>,
}

impl Generator {
    /// Has the generator of a set-up begin, if it has one.
    fn start(root: &Root, ports: &Ports, setup: &Setup) -> Option<Self> {
        let pair = ports.generator.clone()?;
        let through = ports.generator_through?;
        let (root, ports) = (root.clone(), ports.clone());
        let setup = Setup { arenas: 1, ..setup.clone() };
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let (say, news) = mpsc::channel();
        let thread = thread::spawn(move || {
            let request = request(&root, &pair, through, &ports, &setup);
            let sent = send(&request, &setup, &stopped, &say);
            if let Err(why) = sent {
                // Nobody listens any more where the other ports failed.
                let _ = say.send(Err(why));
            }
        });
        Some(Self { stop, thread: Some(thread), news })
    }

    /// Waits until it sends.
    fn await_start(&self) -> Result<(), Invalid> {
        match self.news.recv_timeout(LONGEST_START) {
            Ok(news) => news,
            Err(RecvTimeoutError::Timeout) => Err(Invalid::Late(LONGEST_START)),
            Err(RecvTimeoutError::Disconnected) => {
                Err(Invalid::Silent("has ended"))
            }
        }
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // What befell it was said where it matters.
            let _ = thread.join();
        }
    }
}

/// Sends until it is told to stop.
fn send(
    request: &Request<'_>,
    setup: &Setup,
    stop: &AtomicBool,
    say: &Sender<Result<(), Invalid>>,
) -> Result<(), Invalid> {
    affinity::pin(setup.model_core)
        .map_err(|e| Invalid::Core(e.to_string()))?;
    let mut card = Card::take(request).map_err(invalid)?;
    let wire_bytes = setup.frame_bytes;
    let format = FrameFormat { wire_bytes, ..FrameFormat::default() };
    let bytes = FrameMaker::new(0, format).frame(0);
    let frame = Frame { bytes, first_sequence: 0 };
    let site = card.place(0, BATCH, Queues::All, frame).site;
    let all = registry::variants();
    let mut able = all.iter().filter_map(|v| v.on(Workload::Tx));
    let open = able.next().expect("the baseline sends").open;
    let mut sender = open(site, &mut Sleep)?;
    let _ = say.send(Ok(()));
    let quota = Quota { packets: 1 << 16, patience: 10_000 };
    while !stop.load(Ordering::Relaxed) {
        sender.forward(quota);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Bench, Task};
    use super::*;
    use crate::card::tests::{files, memory, play};
    use crate::plan;
    use crate::results::Placement;
    use crate::worker::tests::setup;

    fn bench(card: OnCard) -> Bench {
        let setup = Setup { arenas: 2, ..setup(Placement::Card) };
        Bench::with(card, setup)
    }

    #[test]
    fn blocks_take_turns_on_a_card_that_stays_up() {
        let (tree, mut card) = files(2);
        let memory = memory(&mut card);
        let (blocks, account) = play(&tree, memory, |wait| {
            let mut bench = bench(OnCard::up(card, None, wait).expect("up"));
            let mut blocks = Vec::new();
            for name in ["baseline", "reg=boxed", "floor=null", "baseline"] {
                for arena in 0..2 {
                    let variant = plan::find(name).expect("known");
                    let task =
                        Task { arena, length: 20, ..Task::of(variant, 16) };
                    blocks.push((name, bench.block(&task).expect("a block")));
                }
            }
            blocks
        });
        for (name, block) in &blocks {
            let forwards = *name != "floor=null";
            let wanted = if forwards { 20 * 128 } else { 0 };
            assert!(block.forwarded >= wanted, "{name}: {block:?}");
            assert_eq!(block.forwarded > 0, forwards, "{name}: {block:?}");
            assert!((0.0..=1.0).contains(&block.model_busy), "{block:?}");
        }
        assert_eq!((account.spoiled, account.dma_faults), (0, 0));
    }

    #[test]
    fn a_silent_wire_ends_with_a_line() {
        let (tree, mut card) = files(2);
        // The card reaches nothing, so that no frame comes.
        drop(memory(&mut card));
        let nothing = nic_model::dma::DmaMap::empty();
        let (line, _) = play(&tree, nothing, |wait| {
            let mut bench = bench(OnCard::up(card, None, wait).expect("up"));
            let variant = plan::find("baseline").expect("known");
            let task = Task { length: 20, ..Task::of(variant, 16) };
            bench.block(&task).expect_err("no traffic").to_string()
        });
        assert!(line.starts_with("0 of 2560 packets came"), "{line}");
    }
}

//! The card's side of a driver that runs by itself: somebody else's program,
//! or a forwarder in a thread of its own.
//!
//! The card's thread has all of it: it lets the driver go on, serves it until
//! it has settled, serves it while the clock runs, and stops it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};
use std::thread::{self, Scope, Thread};

use nic_model::arrivals::SECOND;
use nic_model::generator::Generator;
use nic_model::{Model, Port};
use variants::workload::PORTS;

use super::bench::{Bench, Task};
use super::paced::{CALL, Clock, Kept, Schedule, TOLERANCE};
use super::recorder::{Interval, Recorder};
use super::threaded::{BURST, Effort};
use crate::affinity;
use crate::clock::stamp;

/// Turns of the card between two looks at what is not on its data path.
const LOOK: u32 = 4096;

/// Looks without a frame after which nothing more is to come.
const SILENCE: u32 = 64;

/// A card that is served by hand.
pub struct Card<'a> {
    model: Model<'a>,
}

/// A time in which frames were always there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Ticks from its beginning to its end.
    pub ticks: u64,
    /// Frames that came back.
    pub forwarded: u64,
    /// Share of the time that the card spent on frames.
    pub model_busy: f64,
}

impl<'a> Card<'a> {
    /// A card whose driver is still to come.
    #[must_use]
    pub fn new(model: Model<'a>) -> Self {
        Self { model }
    }

    /// The device.
    #[must_use]
    pub fn model(&self) -> &Model<'a> {
        &self.model
    }

    /// Whether the driver has started both ports.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.model.ports().iter().all(Port::is_running)
    }

    /// A turn with as many frames as the rings take.
    #[inline(always)]
    fn turn(&mut self) -> u32 {
        self.model.poll_control();
        self.model.transmit() + self.model.receive_ready(BURST)
    }

    /// Serves for so many ticks.
    pub fn serve(&mut self, ticks: u64) {
        let start = stamp();
        while stamp() - start < ticks {
            for _ in 0..LOOK {
                self.turn();
            }
            self.model.publish();
        }
    }

    /// Serves without frames for so many ticks, for drivers that set up.
    pub fn attend(&mut self, ticks: u64) {
        let start = stamp();
        while stamp() - start < ticks {
            self.model.poll_control();
        }
        self.model.publish();
    }

    /// Serves for so many ticks and counts.
    pub fn window(&mut self, ticks: u64) -> Window {
        let mut effort = Effort::default();
        let before = self.model.forwarded();
        let start = stamp();
        let (mut last, mut turns) = (start, 0_u32);
        while last - start < ticks {
            let moved = self.turn();
            turns = turns.wrapping_add(1);
            if turns.is_multiple_of(LOOK) {
                self.model.publish();
            }
            let now = stamp();
            effort.count(moved > 0, now - last);
            last = now;
        }
        Window {
            ticks: last - start,
            forwarded: self.model.forwarded() - before,
            model_busy: effort.share(),
        }
    }

    /// Takes in what is still to come while nothing is offered; then what the
    /// driver has not sent, it has dropped or keeps.
    pub fn drain(&mut self) {
        let mut empty = 0;
        while empty < SILENCE {
            let mut moved = 0;
            for _ in 0..LOOK {
                self.model.poll_control();
                moved += self.model.transmit();
            }
            empty = if moved == 0 { empty + 1 } else { 0 };
        }
        self.model.publish();
    }

    /// Offers a schedule from its beginning to its end. What has not come back
    /// a while later is taken for dropped.
    pub fn schedule(
        &mut self,
        schedule: &Schedule,
        entries: u16,
        tick_hz: f64,
    ) -> (Kept, Interval) {
        let model = &mut self.model;
        let mut generator = Generator::new(
            model,
            schedule.arrivals(model),
            schedule.frames(),
            entries,
            TOLERANCE,
        );
        let (full, intervals) = mpsc::sync_channel(1);
        let (_back, spare) = mpsc::channel();
        let trace_from = (schedule.seconds / 10.0 * SECOND as f64) as u64;
        let mut recorder = Recorder::new(
            u64::MAX / 4,
            schedule.traced,
            trace_from,
            full,
            spare,
        );
        let patience = schedule.patience();
        let before = model.account();
        let mut effort = Effort::default();
        let mut back = Vec::with_capacity(BURST as usize);
        let clock = Clock { start: stamp(), ps: 1e12 / tick_hz };
        let mut quiet_since = None;
        loop {
            model.poll_control();
            let start = clock.now();
            let (mut now, mut moved) = (start, 0);
            for port in 0..PORTS {
                generator.look(model, port);
                moved += generator.receive(model, port, now, BURST);
                back.clear();
                let most = BURST as u16;
                moved +=
                    generator.transmit(model, port, most, |due| back.push(due));
                now = clock.now();
                back.iter().for_each(|due| recorder.record(*due, now));
            }
            if generator.is_done() {
                // Until nothing has come for a while.
                let since = *quiet_since.get_or_insert(now);
                if moved > 0 {
                    quiet_since = Some(now);
                } else if now - since > SECOND / 20 {
                    break;
                }
            } else if now > patience {
                generator.give_up();
            }
            effort.count(moved > 0, clock.now() - start);
        }
        let mut account = self.model.account().since(&before);
        account.forwarder = u64::try_from(account.remainder()).unwrap_or(0);
        recorder.finish(clock.now(), account, generator.punctuality());
        let whole = intervals.recv().expect("an interval at the end");
        let kept = Kept {
            account,
            punctuality: generator.punctuality(),
            fills: generator.fills(),
            model_busy: effort.share(),
            stopped: false,
        };
        (kept, *whole)
    }
}

/// What a forwarder in a thread of its own is told, and says.
#[derive(Debug, Default)]
pub struct Lane {
    order: AtomicU32,
    thread: OnceLock<Thread>,
    failed: OnceLock<String>,
}

/// To run, to wait, to end.
const RUN: u32 = 0;
const WAIT: u32 = 1;
const END: u32 = 2;

impl Lane {
    /// Lets the forwarder run.
    pub fn go_on(&self) {
        self.tell(RUN);
    }

    /// Has it wait after its present batches.
    pub fn stop(&self) {
        self.tell(WAIT);
    }

    fn tell(&self, order: u32) {
        self.order.store(order, Ordering::Release);
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// Whether it could be set up.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn check(&self) -> Result<(), String> {
        self.failed.get().map_or(Ok(()), |why| Err(why.clone()))
    }
}

/// Ends the forwarder whatever happens.
pub struct EndOfLane<'l>(pub &'l Lane);

impl Drop for EndOfLane<'_> {
    fn drop(&mut self) {
        self.0.tell(END);
    }
}

impl Bench {
    /// A forwarder in a thread on `core` until its lane ends, and its card.
    pub fn beside<'s>(
        &'s mut self,
        scope: &'s Scope<'s, '_>,
        task: &'s Task,
        core: u32,
        lane: &'s Lane,
    ) -> Card<'s> {
        let (spec, parts) = self.begin(task);
        let (model, site) = spec.lay_out(parts);
        scope.spawn(move || {
            let _ = lane.thread.set(thread::current());
            let failed = |why: String| {
                // There is one who says so.
                let _ = lane.failed.set(why);
            };
            if let Err(error) = affinity::pin(core) {
                return failed(error.to_string());
            }
            let mut wait = |_| thread::yield_now();
            let mut forwarder = match (spec.open())(site, &mut wait) {
                Ok(forwarder) => forwarder,
                Err(error) => return failed(error.to_string()),
            };
            loop {
                match lane.order.load(Ordering::Acquire) {
                    RUN => forwarder.forward(CALL),
                    WAIT => {
                        thread::park();
                        continue;
                    }
                    _ => break,
                };
            }
        });
        Card::new(model)
    }
}

//! Threaded, under a load that does not wait: frames come when they are due,
//! and the card follows each until it has left again.
//!
//! The card's thread does all of it: it keeps the schedule, and what it knows
//! of a frame it keeps to itself. The forwarder's thread runs what it runs in
//! a sweep.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use nic_model::arrivals::{Arrivals, Pattern, SECOND, Sizes};
use nic_model::generator::{Fills, Generator, Punctuality};
use nic_model::{Account, Model};
use variants::workload::{Counts, Forwarder, MappedSite, PORTS, Quota};

use super::Invalid;
use super::bench::{self, Bench, BlockSpec, Task};
use super::handover::{Desk, Order, StopAtEnd, Turns};
use super::recorder::{Interval, Recorder};
use super::threaded::{self, Effort};
use crate::affinity;
use crate::clock::stamp;
use crate::process;

/// Picoseconds after its due time up to which a frame is in time.
pub const TOLERANCE: u64 = 10_000_000;

/// The share of frames in time from which on a schedule was kept.
pub const ON_SCHEDULE: f64 = 0.999;

/// Frames per port that the card moves in one direction before it turns to
/// the other: so long may a time be off.
const BURST: u16 = 32;

/// What one call of the forwarder is to do, for it cannot be told to stop
/// meanwhile. Calls are some microseconds long and cost some nanoseconds.
pub(super) const CALL: Quota = Quota { packets: 1024, patience: 256 };

/// How much longer than its schedule a generator may take.
const BEHIND: f64 = 1.01;

/// Picoseconds that it may take besides.
const BEHIND_PS: u64 = SECOND / 100;

/// How often it is asked whether to go on.
const LOOK: Duration = Duration::from_millis(250);

/// A load that does not wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Frames per second, half of them towards each port.
    pub rate: f64,
    /// How they follow each other.
    pub pattern: Pattern,
    /// How large they are.
    pub sizes: Sizes,
    /// Whether a wire carries them.
    pub on_a_wire: bool,
    /// For how long, in seconds.
    pub seconds: f64,
    /// Seconds of an interval.
    pub interval: f64,
    /// Frames of an interval that are traced one by one, from the first tenth
    /// of the schedule on.
    pub traced: usize,
    /// Seed of the arrivals.
    pub seed: u64,
    /// When both cables are pulled, and for how long.
    pub flap: Option<Flap>,
}

/// Links that go down and come up again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flap {
    /// Seconds from one loss of the links to the next, and to the first.
    pub every: f64,
    /// Seconds for which they are down.
    pub down: f64,
}

impl Flap {
    /// Whether the links are up, so many picoseconds after the beginning.
    fn is_up(self, now: u64) -> bool {
        let every = (self.every * SECOND as f64) as u64;
        let down = (self.down * SECOND as f64) as u64;
        now < every || now % every.max(1) >= down
    }
}

impl Schedule {
    /// Frames towards each port.
    pub(super) fn frames(&self) -> u64 {
        (self.rate * self.seconds / PORTS as f64).ceil() as u64
    }

    pub(super) fn arrivals(&self, model: &Model<'_>) -> Vec<Arrivals> {
        let Self { rate, pattern, sizes, on_a_wire, .. } = *self;
        let rate = rate / PORTS as f64;
        let mut rng = fastrand::Rng::with_seed(self.seed);
        let towards = |port: &nic_model::Port<'_>| {
            Arrivals::new(rate, pattern, sizes, on_a_wire, rng.u64(..))
                .starting_with(port.next_sequence())
        };
        model.ports().iter().map(towards).collect()
    }

    /// When what is not on the wire is given up, in picoseconds.
    pub(super) fn patience(&self) -> u64 {
        (self.seconds * SECOND as f64 * BEHIND) as u64 + BEHIND_PS
    }
}

/// Who hears of intervals as they end.
pub struct Listener<'l> {
    /// The core that it is to run on; any where there is none.
    pub core: Option<u32>,
    /// What it does with each.
    pub each: &'l mut (dyn FnMut(&Interval) + Send),
}

/// A schedule that was kept, or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// Where all frames went.
    pub account: Account,
    /// How the generator kept to its schedule.
    pub punctuality: Punctuality,
    /// How full batches were.
    pub fills: Fills,
    /// Share of the card's time that it spent on frames.
    pub model_busy: f64,
    /// Whether it was stopped before its end.
    pub stopped: bool,
}

impl Bench {
    /// Offers a load to a forwarder on the calling thread.
    ///
    /// # Errors
    ///
    /// When a core cannot be had, the ports do not come up, one of the threads
    /// does not answer, or a frame is unaccounted for.
    pub fn paced(
        &mut self,
        task: &Task,
        schedule: &Schedule,
        tick_hz: f64,
        listener: Listener<'_>,
    ) -> Result<Kept, Invalid> {
        let (spec, parts) = self.begin(task);
        let (model, site) = spec.lay_out(parts);
        let (desk, over, stop) =
            (Desk::new(), AtomicBool::new(false), AtomicBool::new(false));
        let (full, intervals) = mpsc::sync_channel(16);
        let (back, spare) = mpsc::channel();
        let length = (schedule.interval * SECOND as f64) as u64;
        let trace_from = (schedule.seconds / 10.0 * SECOND as f64) as u64;
        let recorder =
            Recorder::new(length, schedule.traced, trace_from, full, spare);
        let model_core = spec.setup.model_core;
        thread::scope(|scope| {
            let (desk, over, stop) = (&desk, &over, &stop);
            let card = scope.spawn(move || {
                // First, so that whatever becomes of this thread is noticed.
                let turns = desk.turns();
                affinity::pin(model_core)
                    .map_err(|e| Invalid::Core(e.to_string()))?;
                let entries = spec.setup.ring_entries;
                let clock = Clock { start: 0, ps: 1e12 / tick_hz };
                let card = Card { model, schedule, entries, clock, recorder };
                Ok::<_, Invalid>(card.work(turns, over))
            });
            scope.spawn(move || {
                // Only a courtesy.
                let _ = listener.core.map(affinity::pin);
                loop {
                    match intervals.recv_timeout(LOOK) {
                        Ok(mut interval) => {
                            (listener.each)(&interval);
                            interval.clear();
                            // The card may have ended meanwhile.
                            let _ = back.send(interval);
                        }
                        Err(RecvTimeoutError::Disconnected) => break,
                        Err(RecvTimeoutError::Timeout) => {}
                    }
                    if process::interrupted().load(Ordering::Relaxed) {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            });
            let at_end = StopAtEnd(desk);
            let forwarded = forward(&spec, site, desk, &[over, stop]);
            drop(at_end);
            // What befell the card explains what the forwarder says.
            let worked = card.join().expect("the card does not panic")?;
            let [before, after] = forwarded?;
            let Worked { model, run, effort } = worked;
            let run = run.expect("a forwarder waits for an answer");
            let balance = |device, (counts, pending)| {
                bench::balance(device, counts, pending)
            };
            let before = balance(run.before, before)?;
            let account = balance(model.account(), after)?.since(&before);
            Ok(Kept {
                account,
                punctuality: run.generator.punctuality(),
                fills: run.generator.fills(),
                model_busy: effort.share(),
                stopped: stop.load(Ordering::Relaxed),
            })
        })
    }
}

/// Picoseconds since a moment.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    pub start: u64,
    /// Picoseconds of a tick.
    pub ps: f64,
}

impl Clock {
    #[inline(always)]
    pub fn now(self) -> u64 {
        ((stamp() - self.start) as f64 * self.ps) as u64
    }
}

/// The card's thread before its first turn.
struct Card<'a, 's> {
    model: Model<'a>,
    schedule: &'s Schedule,
    entries: u16,
    clock: Clock,
    recorder: Recorder,
}

/// The same after its last one.
struct Worked<'a> {
    model: Model<'a>,
    /// Absent where the schedule never began.
    run: Option<Run>,
    effort: Effort,
}

/// A schedule that is over.
struct Run {
    /// The account when it began.
    before: Account,
    generator: Generator,
}

impl<'a> Card<'a, '_> {
    /// Turns, until it is told to stop: first as many frames as the rings take,
    /// then none, then the schedule from its beginning to its end. `over` says
    /// that it has ended.
    fn work(self, turns: Turns<'_>, over: &AtomicBool) -> Worked<'a> {
        let Self { mut model, schedule, entries, mut clock, mut recorder } =
            self;
        let patience = schedule.patience();
        let mut begun = None;
        let mut links_up = true;
        let mut end = (schedule.seconds * SECOND as f64) as u64;
        let mut effort = Effort::default();
        let mut back = Vec::with_capacity(BURST.into());
        for order in turns {
            model.poll_control();
            if begun.is_none() && order == Order::Count {
                let schedules = schedule.arrivals(&model);
                let frames = schedule.frames();
                let generator = Generator::new(
                    &model, schedules, frames, entries, TOLERANCE,
                );
                begun = Some((generator, model.account()));
                clock.start = stamp();
            }
            let Some((generator, before)) = &mut begun else {
                model.transmit();
                if order == Order::Offer {
                    model.receive_ready(BURST.into());
                }
                continue;
            };
            let start = clock.now();
            if let Some(flap) = schedule.flap
                && flap.is_up(start) != links_up
            {
                links_up = !links_up;
                (0..PORTS).for_each(|n| model.port_mut(n).set_link(links_up));
            }
            let (mut now, mut moved) = (start, 0);
            for port in 0..PORTS {
                generator.look(&model, port);
                moved += generator.receive(&mut model, port, now, BURST.into());
                back.clear();
                moved += generator
                    .transmit(&mut model, port, BURST, |due| back.push(due));
                now = clock.now();
                back.iter().for_each(|due| recorder.record(*due, now));
            }
            if order == Order::Drain {
                end = end.min(now);
                generator.close(now);
                // What waits for a link is still to leave.
                (0..PORTS).for_each(|n| model.port_mut(n).set_link(true));
                links_up = true;
                continue;
            }
            if recorder.is_over(now, end) {
                let so_far = model.account().since(before);
                recorder.next(so_far, generator.punctuality());
            }
            if generator.is_done() || now > patience {
                generator.give_up();
                over.store(true, Ordering::Relaxed);
            }
            effort.count(moved > 0, clock.now() - start);
        }
        let run = begun.map(|(generator, before)| {
            let so_far = model.account().since(&before);
            recorder.finish(end, so_far, generator.punctuality());
            Run { before, generator }
        });
        Worked { model, run, effort }
    }
}

/// The forwarder's thread: what it did before the schedule and in all, each
/// with the frames that it had still to receive.
fn forward(
    spec: &BlockSpec<'_>,
    site: MappedSite<'_>,
    desk: &Desk,
    ends: &[&AtomicBool; 2],
) -> Result<[(Counts, u64); 2], Invalid> {
    let mut forwarder = threaded::open(spec, site, desk)?;
    let drain = |forwarder: &mut dyn Forwarder| {
        desk.tell(Order::Drain);
        desk.await_answer()?;
        forwarder.forward(threaded::REST);
        desk.await_turn()?;
        Ok::<_, Invalid>((forwarder.counts(), forwarder.pending()))
    };
    let packets = threaded::WARM_UP * u64::from(spec.setup.packets_per_phase);
    forwarder.forward(Quota { packets, patience: spec.patience });
    let before = drain(&mut *forwarder)?;
    desk.tell(Order::Count);
    while !ends.iter().any(|end| end.load(Ordering::Relaxed)) {
        forwarder.forward(CALL);
    }
    let after = drain(&mut *forwarder)?;
    Ok([before, after])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;
    use crate::results::{Fill, ONE_TYPE, Placement, Setup, Trace, Workload};

    /// Two cores, where there are two.
    fn cores() -> Option<[u32; 2]> {
        let cores = affinity::allowed_cores();
        Some([*cores.first()?, *cores.get(1)?])
    }

    /// A schedule for the baseline; on one core there is nothing to try.
    fn kept(schedule: Schedule) -> Option<(Kept, Vec<Interval>)> {
        let [model_core, core] = cores()?;
        let setup = Setup {
            seed: 1,
            workload: Workload::Forward,
            types: ONE_TYPE,
            trace: Trace::Generated,
            placement: Placement::Threaded,
            fill: Fill::Full,
            frame_bytes: 64,
            ring_entries: 512,
            buffer_bytes: 2048,
            doorbell_cycles: 0,
            packets_per_phase: plan::packets_per_phase(512),
            injected_every: None,
            phases: 1,
            rounds: 1,
            processes: 1,
            arenas: 1,
            core,
            model_core,
            cores: Vec::new(),
            queues: None,
            split: false,
            rate: None,
            ports: None,
        };
        let variant = plan::find("baseline").expect("a variant");
        let task = Task::of(variant, 32);
        let run = || {
            affinity::pin(core).expect("an allowed core");
            let mut bench = Bench::new(setup, 0).expect("memory");
            let mut intervals = Vec::new();
            let mut each = |i: &Interval| intervals.push(i.clone());
            let listener = Listener { core: None, each: &mut each };
            let hz = crate::clock::tick_hz();
            let kept = bench.paced(&task, &schedule, hz, listener);
            (kept.expect("a balanced account"), intervals)
        };
        Some(thread::scope(|scope| scope.spawn(run).join().expect("no panic")))
    }

    const SCHEDULE: Schedule = Schedule {
        rate: 100e3,
        pattern: Pattern::Poisson,
        sizes: Sizes::One(64),
        on_a_wire: true,
        seconds: 0.1,
        interval: 0.03,
        traced: 100,
        seed: 7,
        flap: None,
    };

    #[test]
    fn every_frame_of_a_schedule_has_a_time() {
        let Some((kept, intervals)) = kept(SCHEDULE) else {
            return;
        };
        let Kept { account, punctuality, fills, .. } = kept;
        assert_eq!(account.offered, punctuality.sent);
        assert_eq!(punctuality.sent + punctuality.unsent, 10_000);
        assert_eq!(account.inside, 0);
        let times: u64 = intervals.iter().map(|i| i.histogram.len()).sum();
        assert_eq!(times, account.forwarded);
        let numbers: Vec<_> = intervals.iter().map(|i| i.number).collect();
        assert_eq!(numbers, (0..intervals.len() as u32).collect::<Vec<_>>());
        assert_eq!(numbers.len(), 3);
        let last = intervals.last().expect("an interval");
        assert_eq!(last.account.forwarded, account.forwarded);
        // The tails have seen every frame, and perhaps some of the warm-up.
        let frames = |fills: &[u64]| -> u64 {
            fills.iter().zip(0..).map(|(batches, n)| batches * n).sum()
        };
        assert!(frames(&fills.transmit) >= account.forwarded);
    }

    #[test]
    fn links_go_down_and_come_up_and_every_frame_is_in_the_books() {
        let flap = Flap { every: 0.03, down: 0.01 };
        let up: Vec<_> = [0, 29, 30, 39, 40, 59, 60, 69, 70]
            .map(|ms| flap.is_up(ms * SECOND / 1000))
            .to_vec();
        let down = [30, 39, 60, 69];
        let wanted =
            [0, 29, 30, 39, 40, 59, 60, 69, 70].map(|ms| !down.contains(&ms));
        assert_eq!(up, wanted);
        let schedule = Schedule { flap: Some(flap), ..SCHEDULE };
        let Some((kept, _)) = kept(schedule) else {
            return;
        };
        // Down from 30 to 40, 60 to 70 and 90 to 100 ms, of 100.
        let Kept { account, punctuality, .. } = kept;
        assert!(account.link_down > 0, "{account:?}");
        assert_eq!(account.offered + punctuality.unsent, 10_000);
    }

    #[test]
    fn what_no_machine_can_offer_is_unsent_and_said_to_be() {
        let schedule = Schedule {
            rate: 1e9,
            seconds: 0.02,
            pattern: Pattern::Constant,
            on_a_wire: false,
            ..SCHEDULE
        };
        let Some((kept, _)) = kept(schedule) else {
            return;
        };
        let Kept { account, punctuality, .. } = kept;
        assert_eq!(punctuality.sent, account.offered);
        assert_eq!(punctuality.sent + punctuality.unsent, 20_000_000);
        assert!(punctuality.unsent > 0 && punctuality.share() < 0.999);
    }
}

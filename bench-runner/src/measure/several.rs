//! Threaded, with forwarders on several cores: each has queues of both ports,
//! a pool and memory of its own, and the device spreads flows over them. Or
//! one core receives what the other one sends.
//!
//! All forward the whole time. When all have warmed up, the first one has
//! everybody count; when it has its packets, it has everybody stop counting,
//! and all go on until the last one has stopped. So no core waits for another
//! one's share while time is counted, and each core's rate is that of its own
//! stretch.

use std::sync::Mutex;
use std::thread::{self, ScopedJoinHandle};

use driver::bar::MappedBar;
use driver::mempool::PktBuf;
use driver::nic::{Config, Nic};
use driver::wait::Wait;
use nic_model::Parts;
use variants::workload::split::Half;
use variants::workload::{Counts, Forwarder, MappedSite, PORTS, Quota};

use super::bench::{self, BlockSpec};
use super::handover::{Desk, Order, StopAtEnd};
use super::meeting::{Call, LeaveAtEnd, Meeting, Missing};
use super::threaded::{REST, WARM_UP, Worked, work};
use super::{Block, Invalid};
use crate::affinity;
use crate::clock::stamp;

/// Packets between two looks at what was called.
const STRETCH: u64 = 256;

/// Empty rounds over the queues of a core after which it looks, too.
const LOOK: u32 = 1024;

pub(super) fn block(
    spec: &BlockSpec<'_>,
    parts: Parts<'_>,
    cores: u16,
) -> Result<Block, Invalid> {
    let (model, layout) = if spec.setup.split {
        let (model, site) = spec.lay_out(parts);
        (model, Layout::Split(site))
    } else {
        let queues = spec.setup.queues_of(cores);
        let bars = [parts.bars[0], parts.bars[1]];
        let (model, sites) = spec.lay_out_among(parts, queues);
        let mut shares: Vec<_> = (0..cores).map(|_| Vec::new()).collect();
        for (n, site) in sites.into_iter().enumerate() {
            shares[n % usize::from(cores)].push(site);
        }
        (model, Layout::Among(bars, shares))
    };
    let desk = Desk::new();
    let model_core = spec.setup.model_core;
    thread::scope(|scope| {
        let at_work = scope.spawn(|| {
            // First, so that whatever becomes of this thread is noticed.
            let turns = desk.turns();
            let pinned = affinity::pin(model_core);
            pinned.map_err(|e| Invalid::Core(e.to_string()))?;
            Ok::<_, Invalid>(work(spec, model, turns))
        });
        let stop = StopAtEnd(&desk);
        let done = lead(spec, layout, &desk);
        drop(stop);
        let result = at_work.join().expect("the model does not panic");
        // What befell the model explains what the forwarders say.
        let Worked { mut model, effort, in_time } = result?;
        let all = done?;
        model.transmit();
        let sum = |of: fn(&Done) -> u64| all.iter().map(of).sum::<u64>();
        let counts = Counts {
            received: sum(|done| done.counts.received),
            sent: sum(|done| done.counts.sent),
            dropped: sum(|done| done.counts.dropped),
            multi_descriptor: sum(|done| done.counts.multi_descriptor),
            ..Counts::default()
        };
        bench::balance(model.account(), counts, sum(|done| done.pending))?;
        let forwarded = sum(|done| done.packets);
        let clock = u64::from(spec.clock_cost_ticks);
        Ok(Block {
            ticks: together(&all).saturating_sub(clock),
            device_ticks: 0,
            forwarded,
            model_busy: effort.share(),
            in_time,
        })
    })
}

/// Who forwards.
enum Layout<'a> {
    /// Each core its own queues.
    Among([MappedBar<'a>; PORTS], Vec<Vec<MappedSite<'a>>>),
    /// Two cores, one queue.
    Split(MappedSite<'a>),
}

/// What a core makes its forwarders of.
enum Share<'a> {
    /// Places for the drivers of its queues.
    Sites(Vec<MappedSite<'a>>),
    /// One half of a forwarder.
    Half(Half<'a>),
}

impl<'a> Layout<'a> {
    /// Brings the ports up; what is left is for each core to do.
    fn bring_up(
        self,
        spec: &BlockSpec<'_>,
        desk: &Desk,
    ) -> Result<Vec<Share<'a>>, Invalid> {
        let (bars, shares) = match self {
            Self::Split(site) => {
                let open = spec.open_split();
                let split = with_model(desk, |wait| open(site, wait))?;
                let halves = [split.receiver, split.sender];
                return Ok(halves.map(Share::Half).into());
            }
            Self::Among(bars, shares) => (bars, shares),
        };
        let queues = shares.iter().map(Vec::len).sum::<usize>() as u16;
        let one = bench::config(spec.setup);
        let config = Config { rx_queues: queues, tx_queues: queues, ..one };
        for bar in bars {
            with_model(desk, |wait| {
                Nic::<_, PktBuf>::bring_up(bar, &config, wait)
            })?;
        }
        Ok(shares.into_iter().map(Share::Sites).collect())
    }
}

/// What a core did.
#[derive(Clone, Copy, Debug)]
struct Done {
    /// Packets handed to the device while it counted.
    packets: u64,
    /// How long it counted.
    ticks: u64,
    /// What its forwarders did in all.
    counts: Counts,
    /// Frames that they left.
    pending: u64,
}

/// The time in which all cores, each at its own rate, forward what all of them
/// did.
fn together(all: &[Done]) -> u64 {
    let rate = |done: &Done| done.packets as f64 / done.ticks.max(1) as f64;
    let rates: f64 = all.iter().map(rate).sum();
    let packets: u64 = all.iter().map(|done| done.packets).sum();
    if packets == 0 { 0 } else { (packets as f64 / rates).round() as u64 }
}

/// Brings the ports up and forwards on the first core, which the others
/// follow.
fn lead(
    spec: &BlockSpec<'_>,
    layout: Layout<'_>,
    desk: &Desk,
) -> Result<Vec<Done>, Invalid> {
    desk.await_answer()?;
    let mut shares = layout.bring_up(spec, desk)?.into_iter();
    let own = shares.next().expect("a core");
    let meeting = Meeting::new(shares.len() as u32);
    // One at a time speaks to the model.
    let turn = Mutex::new(desk);
    let cores = spec.setup.cores.iter().skip(1);
    thread::scope(|scope| {
        let spawn = |(share, &core)| {
            let (turn, meeting) = (&turn, &meeting);
            scope.spawn(move || follow(spec, core, share, turn, meeting))
        };
        let followers: Vec<_> = shares.zip(cores).map(spawn).collect();
        let leave = LeaveAtEnd(&meeting);
        let first = lead_on(spec, own, &turn, &meeting);
        drop(leave);
        let join = |follower: ScopedJoinHandle<'_, _>| {
            follower.join().expect("a forwarder does not panic")
        };
        let others = followers.into_iter().map(join);
        let all: Vec<_> = std::iter::once(first).chain(others).collect();
        // What befell one of them explains why the others get nothing, or do
        // not meet.
        let failures = all.iter().filter_map(|one| one.as_ref().err());
        let depth = |why: &&Invalid| match why {
            Invalid::Apart(_) => 2,
            Invalid::Stalled { .. } => 1,
            _ => 0,
        };
        match failures.min_by_key(depth) {
            Some(why) => Err(why.clone()),
            None => all.into_iter().collect(),
        }
    })
}

/// Forwards on the first core and calls what all do.
fn lead_on(
    spec: &BlockSpec<'_>,
    share: Share<'_>,
    turn: &Mutex<&Desk>,
    meeting: &Meeting,
) -> Result<Done, Invalid> {
    let mut team = Team::open(spec, share, turn)?;
    let has_schedule = spec.setup.rate.is_some();
    if !has_schedule {
        team.warm_up(spec)?;
    }
    meeting.await_answers(1, || match has_schedule {
        true => Ok(()),
        false => team.stretch(),
    })?;
    let desk = turn.lock().expect("nobody panics at the desk");
    desk.tell(Order::Count);
    if has_schedule {
        // The wire was silent until all queues were there.
        team.warm_up(spec)?;
    }
    meeting.call(Call::Count);
    let quota = u64::from(spec.task.length) * per_core(spec);
    let begin = team.mark();
    let end = team.received + quota;
    while team.received < end {
        team.stretch()?;
    }
    let end = team.mark();
    meeting.call(Call::Stop);
    meeting.await_answers(2, || team.stretch())?;
    desk.tell(Order::Drain);
    desk.await_answer()?;
    // First, for others may have to send what this one still receives.
    team.drain();
    meeting.call(Call::Drain);
    meeting.await_answers(3, || Ok::<_, Invalid>(()))?;
    desk.await_turn()?;
    Ok(team.done(begin, end))
}

/// Forwards on another core, as it is called.
fn follow(
    spec: &BlockSpec<'_>,
    core: u32,
    share: Share<'_>,
    turn: &Mutex<&Desk>,
    meeting: &Meeting,
) -> Result<Done, Invalid> {
    // First, so that whatever becomes of this thread is noticed.
    let _seat = meeting.seat();
    affinity::pin(core).map_err(|e| Invalid::Core(e.to_string()))?;
    let mut team = Team::open(spec, share, turn)?;
    if spec.setup.rate.is_none() {
        team.warm_up(spec)?;
    }
    meeting.answer();
    let (mut begin, mut end) = (None, None);
    loop {
        match meeting.called() {
            Call::Forward => {}
            Call::Count if begin.is_none() => begin = Some(team.mark()),
            Call::Stop if end.is_none() => {
                end = Some(team.mark());
                meeting.answer();
            }
            Call::Count | Call::Stop => {}
            Call::Drain => break,
            Call::Leave => return Err(Invalid::Apart("was left alone")),
        }
        team.stretch()?;
    }
    team.drain();
    let end = end.unwrap_or_else(|| team.mark());
    let done = team.done(begin.unwrap_or(end), end);
    meeting.answer();
    // Until the card has what was sent: nothing is taken down before.
    while meeting.called() != Call::Leave {
        std::hint::spin_loop();
    }
    Ok(done)
}

/// Packets per phase of a core: as many as of one that has the ports to
/// itself.
fn per_core(spec: &BlockSpec<'_>) -> u64 {
    spec.setup.packets_per_phase.into()
}

/// Lets `set_up` wait for the model.
fn with_model<T, E: Into<Invalid>>(
    desk: &Desk,
    set_up: impl FnOnce(&mut dyn Wait) -> Result<T, E>,
) -> Result<T, Invalid> {
    let mut heard = Ok(());
    // After a silence the polls of the set-up end without a wait.
    let mut wait = |_| {
        if heard.is_ok() {
            heard = desk.await_turn();
        }
    };
    let result = set_up(&mut wait);
    heard?;
    result.map_err(Into::into)
}

/// The forwarders of a core, one for each of its queues.
struct Team<'a> {
    forwarders: Vec<Box<dyn Forwarder + 'a>>,
    patience: u32,
    /// Empty rounds, one after the other.
    empty: u32,
    received: u64,
}

/// What a core had sent at a moment.
#[derive(Clone, Copy, Debug)]
struct Mark {
    sent: u64,
    ticks: u64,
}

impl<'a> Team<'a> {
    /// Starts the queues of a core, on the core.
    fn open(
        spec: &BlockSpec<'_>,
        share: Share<'a>,
        turn: &Mutex<&Desk>,
    ) -> Result<Self, Invalid> {
        let mut forwarders = Vec::new();
        match share {
            Share::Half(half) => forwarders.push(half()),
            Share::Sites(sites) => {
                let open = spec.open();
                for site in sites {
                    let desk = turn.lock().expect("nobody panics at the desk");
                    let opened = with_model(&desk, |wait| open(site, wait));
                    forwarders.push(opened?);
                }
            }
        }
        let patience = spec.patience;
        Ok(Self { forwarders, patience, empty: 0, received: 0 })
    }

    /// Forwards some packets, or looks for them in vain for a while.
    fn stretch(&mut self) -> Result<(), Invalid> {
        let mut received = 0;
        if let [only] = &mut self.forwarders[..] {
            let quota = Quota { packets: STRETCH, patience: LOOK };
            received = only.forward(quota);
        } else {
            // A batch from each queue in turn.
            let round = Quota { packets: 1, patience: 1 };
            let mut empty = 0;
            while received < STRETCH && empty < LOOK {
                let batches = self.forwarders.iter_mut();
                let n: u64 = batches.map(|f| f.forward(round)).sum();
                received += n;
                empty = if n == 0 { empty + 1 } else { 0 };
            }
        }
        self.received += received;
        self.empty = match received {
            0 => self.empty.saturating_add(LOOK),
            _ => 0,
        };
        if self.empty > self.patience {
            let (received, wanted) = (self.received, self.received + STRETCH);
            return Err(Invalid::Stalled { wanted, received });
        }
        Ok(())
    }

    fn warm_up(&mut self, spec: &BlockSpec<'_>) -> Result<(), Invalid> {
        while self.received < WARM_UP * per_core(spec) {
            self.stretch()?;
        }
        Ok(())
    }

    /// Packets handed to the device so far.
    fn sent(&self) -> u64 {
        self.forwarders.iter().map(|f| f.counts().sent).sum()
    }

    fn mark(&self) -> Mark {
        Mark { sent: self.sent(), ticks: stamp() }
    }

    /// Forwards what is left once the wire is silent.
    fn drain(&mut self) {
        for forwarder in &mut self.forwarders {
            forwarder.forward(REST);
        }
    }

    fn done(&self, begin: Mark, end: Mark) -> Done {
        let mut counts = Counts::default();
        for own in self.forwarders.iter().map(|f| f.counts()) {
            counts.received += own.received;
            counts.sent += own.sent;
            counts.dropped += own.dropped;
            counts.multi_descriptor += own.multi_descriptor;
        }
        Done {
            packets: end.sent - begin.sent,
            ticks: end.ticks - begin.ticks,
            counts,
            pending: self.forwarders.iter().map(|f| f.pending()).sum(),
        }
    }
}

impl From<Missing> for Invalid {
    fn from(missing: Missing) -> Self {
        Self::Apart(match missing {
            Missing::Left => "has ended",
            Missing::Late => "is late",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Bench, Task};
    use crate::plan;
    use crate::results::Placement;
    use crate::results::{Fill, Setup, Workload};
    use crate::worker::tests::setup as one_core;
    use nic_model::Faults;

    fn done(packets: u64, ticks: u64) -> Done {
        Done { packets, ticks, counts: Counts::default(), pending: 0 }
    }

    #[test]
    fn rates_of_cores_add_up() {
        assert_eq!(together(&[done(100, 1000)]), 1000);
        assert_eq!(together(&[done(100, 1000), done(100, 1000)]), 1000);
        // 0.1 and 0.3 packets per tick.
        assert_eq!(together(&[done(100, 1000), done(300, 1000)]), 1000);
        assert_eq!(together(&[done(100, 1000), done(330, 1100)]), 1075);
        // A core that got nothing adds nothing and takes nothing.
        assert_eq!(together(&[done(100, 1000), done(0, 500)]), 1000);
        assert_eq!(together(&[done(0, 0)]), 0);
    }

    /// Cores that there are, over and over: it works, if slowly.
    fn setup(cores: u32, queues: Option<u16>) -> Setup {
        let allowed = affinity::allowed_cores();
        let core = |n: u32| allowed[n as usize % allowed.len()];
        Setup {
            core: core(0),
            cores: (0..cores).map(core).collect(),
            model_core: core(cores),
            queues,
            ..one_core(Placement::Threaded)
        }
    }

    fn task(variant: &str, cores: u16) -> Task {
        Task {
            variant: plan::find(variant).expect("known"),
            workload: Workload::Forward,
            batch: 16,
            fill: Fill::Full,
            cores: Some(cores),
            arena: 0,
            length: 8,
            first_sequence: 0xFFFF_FFF0,
            runs_seed: 1,
        }
    }

    #[test]
    fn several_forwarders_balance_their_books() {
        for (cores, queues) in [(1, None), (2, None), (3, None), (2, Some(5))] {
            let setup = setup(cores.into(), queues);
            let mut bench = Bench::new(setup, 0).expect("memory");
            for name in ["baseline", "buffer=refcount", "buffer=heap"] {
                let block = bench.block(&task(name, cores)).expect("balanced");
                // Some are dropped where the card seldom has its core.
                assert!(block.forwarded > 0, "{name}: {block:?}");
                assert!(block.ticks > 0, "{name}: {block:?}");
                assert!((0.0..=1.0).contains(&block.model_busy));
            }
        }
    }

    #[test]
    fn halves_on_two_cores_balance_their_books() {
        let setup = Setup { split: true, ..setup(2, None) };
        let mut bench = Bench::new(setup, 0).expect("memory");
        for name in ["baseline", "batch=list", "pool=bulk", "pass=fused"] {
            let block = bench.block(&task(name, 2)).expect("balanced");
            assert!(block.forwarded > 0, "{name}: {block:?}");
            assert!(block.ticks > 0, "{name}: {block:?}");
        }
    }

    #[test]
    fn fewer_cores_than_there_is_memory_for_are_measured() {
        let mut bench = Bench::new(setup(3, None), 0).expect("memory");
        for cores in [3, 1, 2] {
            bench.block(&task("baseline", cores)).expect("balanced");
        }
    }

    fn line(mut bench: Bench) -> String {
        let failed = bench.block(&task("baseline", 2));
        failed.expect_err("no result").to_string()
    }

    #[test]
    fn a_card_that_stops_or_never_comes_up_is_one_line() {
        let with = |faults| {
            let bench = Bench::new(setup(2, None), 0).expect("memory");
            line(bench.with_faults(faults))
        };
        let said = with(Faults { stops_within: 200, ..Faults::default() });
        assert!(said.contains("card or forwarder stopped after"), "{said}");
        let said = with(Faults { endless_reset: true, ..Faults::default() });
        assert!(said.contains("CTRL reads 0x04000008"), "{said}");
    }

    #[test]
    fn a_core_that_is_not_there_is_one_line() {
        let mut setup = setup(2, None);
        setup.cores[1] = 1000;
        let said = line(Bench::new(setup.clone(), 0).expect("memory"));
        assert!(said.contains("core 1000"), "{said}");
        setup.cores[1] = setup.core;
        setup.model_core = 1001;
        let said = line(Bench::new(setup, 0).expect("memory"));
        assert!(said.contains("core 1001"), "{said}");
    }
}

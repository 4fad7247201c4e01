//! Groups of counters around the forwarder's turns.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::events::{self, Event, GROUPS};
use super::kernel::{self, Group, Kernel, Opened, Sample};
use super::microarchitecture::Microarchitecture;
use super::reading::{Quantity, Reading};
use crate::measure::{Instrument, Times};

/// Everything that was read of a variant in some turns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// How much there was to do, the same for each group.
    pub times: Times,
    /// What the kernel's counters said; every quantity is there.
    pub readings: BTreeMap<Quantity, Reading>,
    /// Core cycles by clock and frequency: an estimate.
    pub cycles: Option<Reading>,
}

/// A group that runs during the forwarder's turns and stands still during
/// the device's.
pub struct Bracket {
    group: Box<dyn Group>,
    /// What it said at each lap.
    laps: Vec<Sample>,
    /// Turns since the first lap.
    turns: u64,
    failure: Option<io::Error>,
}

impl Bracket {
    fn new(group: Box<dyn Group>) -> Self {
        Self { group, laps: Vec::new(), turns: 0, failure: None }
    }

    fn note<T>(&mut self, result: io::Result<T>) -> Option<T> {
        result.map_err(|error| self.failure.get_or_insert(error)).ok()
    }

    /// As many turns without a forwarder as there were with one: what the
    /// switching itself counts.
    fn empty_turns(&mut self) {
        for _ in 0..self.turns {
            self.begin();
            self.end(0);
        }
        self.lap();
    }
}

impl Instrument for Bracket {
    fn lap(&mut self) {
        let sample = self.group.read();
        if let Some(sample) = self.note(sample) {
            self.laps.push(sample);
        }
        if self.laps.len() == 1 {
            self.turns = 0;
        }
    }

    fn begin(&mut self) {
        self.turns += 1;
        let done = self.group.enable();
        self.note(done);
    }

    fn end(&mut self, _packets: u64) {
        let done = self.group.disable();
        self.note(done);
    }
}

/// Counts everything, a group at a time, each around turns that `run` runs.
/// What goes wrong with a counter is that counter's reading; what goes wrong
/// with the turns is an error.
pub fn tally<E>(
    kernel: &dyn Kernel,
    cpu: &Result<Microarchitecture, String>,
    root: &Path,
    mut run: impl FnMut(&mut Bracket) -> Result<Times, E>,
) -> Result<Tally, E> {
    let mut tally = Tally::default();
    for quantities in GROUPS {
        let mut events: Vec<Event> = Vec::new();
        for &quantity in quantities {
            match events::event(quantity, cpu) {
                Ok(event) => events.push(event),
                Err(why) => {
                    let reading = Reading::unavailable(why);
                    tally.readings.insert(quantity, reading);
                }
            }
        }
        if events.is_empty() {
            continue;
        }
        let Opened { group, events: there } = match kernel.open(&events) {
            Ok(opened) => opened,
            Err(error) => {
                let why = kernel::reason(&error, root);
                let all = events.iter().map(|event| event.quantity);
                let none = all.map(|q| (q, Reading::unavailable(&*why)));
                tally.readings.extend(none);
                continue;
            }
        };
        let mut counted = Vec::new();
        for (event, there) in events.iter().zip(there) {
            match there {
                Ok(()) => counted.push(event.quantity),
                Err(error) => {
                    let why = kernel::reason(&error, root);
                    let reading = Reading::unavailable(why);
                    tally.readings.insert(event.quantity, reading);
                }
            }
        }
        if counted.is_empty() {
            continue;
        }
        let mut bracket = Bracket::new(group);
        tally.times = run(&mut bracket)?;
        bracket.empty_turns();
        let none = |why: String| {
            let none = counted.iter();
            none.map(|q| (*q, Reading::unavailable(&*why))).collect::<Vec<_>>()
        };
        let readings = match (&bracket.failure, &bracket.laps[..]) {
            (Some(error), _) => none(kernel::reason(error, root)),
            (None, [before, after, empty]) => {
                let each = counted.iter().enumerate();
                let read = |(i, &quantity): (usize, &Quantity)| {
                    (quantity, reading(quantity, i, before, after, empty))
                };
                each.map(read).collect()
            }
            (None, laps) => {
                none(format!("it was read {} times instead of 3", laps.len()))
            }
        };
        tally.readings.extend(readings);
    }
    Ok(tally)
}

/// What counter `i` of a group counted between two samples, without what it
/// counted in empty turns after them.
fn reading(
    quantity: Quantity,
    i: usize,
    before: &Sample,
    after: &Sample,
    empty: &Sample,
) -> Reading {
    let window = |from: &Sample, to: &Sample| {
        let of = |from: u64, to: u64| to.saturating_sub(from) as f64;
        let at = |s: &Sample| s.counts.get(i).copied().unwrap_or(0);
        (
            of(at(from), at(to)),
            of(from.enabled_ns, to.enabled_ns),
            of(from.running_ns, to.running_ns),
        )
    };
    let (count, enabled, running) = window(before, after);
    if running == 0.0 {
        return Reading::unavailable(
            "the counter never ran: others hold it, such as the kernel's NMI \
             watchdog (kernel.nmi_watchdog)",
        );
    }
    // Who ran has used instructions, cycles and time. Some virtual PMUs let
    // themselves be opened and then say nothing.
    use Quantity::{Cycles, Instructions, TaskClockNs};
    if count == 0.0 && matches!(quantity, Cycles | Instructions | TaskClockNs) {
        return Reading::unavailable("it reads 0 although code ran");
    }
    let (switching, empty_enabled, empty_running) = window(after, empty);
    let scaled = |count: f64, enabled: f64, running: f64| match running {
        0.0 => 0.0,
        running => count * enabled / running,
    };
    let switching = scaled(switching, empty_enabled, empty_running);
    let count = scaled(count, enabled, running);
    let count = (count - switching).max(0.0);
    if running < enabled {
        return Reading::Multiplexed { count, running: running / enabled };
    }
    Reading::Measured { count }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use rustix::io::Errno;

    use super::*;
    use crate::counters::events::Ask;
    use crate::environment::fixture::Tree;
    use Quantity::*;

    /// Turns that each fake forwarder makes.
    const TURNS: u64 = 10;

    /// Events of each kind in a turn, beyond those of the switching.
    const PER_TURN: u64 = 1000;

    /// Events of each kind in the switching.
    const SWITCHING: u64 = 7;

    /// A kernel whose counters count as they are told.
    #[derive(Clone, Copy)]
    struct Fake {
        /// What opening any group ends with.
        group: Option<Errno>,
        /// What asking for an event of the PMU ends with.
        pmu: Option<Errno>,
        /// And for one that includes the kernel.
        in_kernel: Option<Errno>,
        /// Share of the time that counters of the PMU run, in tenths.
        running: u64,
        /// The read that fails, from 1 on.
        lost_at: Option<u32>,
        /// What counters count instead of what there is.
        dead: bool,
    }

    const FINE: Fake = Fake {
        group: None,
        pmu: None,
        in_kernel: None,
        running: 10,
        lost_at: None,
        dead: false,
    };

    struct FakeGroup {
        fake: Fake,
        members: u64,
        running: u64,
        /// What is to be counted, which the forwarder raises.
        work: Rc<RefCell<u64>>,
        before: u64,
        sample: Sample,
        reads: u32,
    }

    struct FakeKernel {
        fake: Fake,
        work: Rc<RefCell<u64>>,
    }

    impl Kernel for FakeKernel {
        fn open(&self, events: &[Event]) -> io::Result<Opened> {
            assert!(events.len() <= 4);
            let fake = self.fake;
            if let Some(errno) = fake.group {
                return Err(errno.into());
            }
            let is_pmu = |event: &Event| {
                matches!(event.ask, Ask::Raw(_))
                    || GROUPS[1].contains(&event.quantity)
            };
            let refused = |event: &Event| {
                let kernel =
                    matches!(event.quantity, ContextSwitches | Migrations);
                let errno = match (is_pmu(event), kernel) {
                    (true, _) => fake.pmu,
                    (_, true) => fake.in_kernel,
                    _ => None,
                };
                errno.map_or(Ok(()), |errno| Err(errno.into()))
            };
            let there: Vec<_> = events.iter().map(refused).collect();
            let members = there.iter().filter(|t| t.is_ok()).count() as u64;
            let pmu = events.iter().any(is_pmu);
            let group = FakeGroup {
                fake,
                members,
                running: if pmu { fake.running } else { 10 },
                work: Rc::clone(&self.work),
                before: 0,
                sample: Sample {
                    counts: vec![0; members as usize],
                    ..Sample::default()
                },
                reads: 0,
            };
            Ok(Opened { group: Box::new(group), events: there })
        }
    }

    impl Group for FakeGroup {
        fn enable(&mut self) -> io::Result<()> {
            self.before = *self.work.borrow();
            Ok(())
        }

        fn disable(&mut self) -> io::Result<()> {
            let work = *self.work.borrow() - self.before + SWITCHING;
            self.sample.enabled_ns += work * 10;
            self.sample.running_ns += work * self.running;
            for i in 0..self.members as usize {
                let part = work * self.running / 10;
                self.sample.counts[i] += if self.fake.dead { 0 } else { part };
            }
            Ok(())
        }

        fn read(&mut self) -> io::Result<Sample> {
            self.reads += 1;
            match self.fake.lost_at {
                Some(read) if read == self.reads => {
                    Err(io::ErrorKind::UnexpectedEof.into())
                }
                _ => Ok(self.sample.clone()),
            }
        }
    }

    /// What a kernel's counters say of turns between which much else happens.
    fn tallied(
        fake: Fake,
        cpu: Result<Microarchitecture, String>,
    ) -> BTreeMap<Quantity, Reading> {
        let work = Rc::new(RefCell::new(0));
        let kernel = FakeKernel { fake, work: Rc::clone(&work) };
        let tree = Tree::new();
        tree.file("proc/sys/kernel/perf_event_paranoid", "2\n");
        let turn = |bracket: &mut Bracket| {
            *work.borrow_mut() += 123_456;
            bracket.begin();
            *work.borrow_mut() += PER_TURN;
            bracket.end(1);
        };
        let run = |bracket: &mut Bracket| {
            (0..3).for_each(|_| turn(bracket));
            bracket.lap();
            (0..TURNS).for_each(|_| turn(bracket));
            bracket.lap();
            Ok::<_, ()>(Times { packets: TURNS, batches: TURNS })
        };
        let tally = tally(&kernel, &cpu, tree.path(), run).unwrap();
        assert_eq!(tally.readings.len(), Quantity::ALL.len());
        tally.readings
    }

    fn ivy() -> Result<Microarchitecture, String> {
        Ok(Microarchitecture::IvyBridge)
    }

    fn why(readings: &BTreeMap<Quantity, Reading>, of: Quantity) -> &str {
        match &readings[&of] {
            Reading::Unavailable { reason } => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_forwarders_turns_are_counted_without_the_switching() {
        let count = (TURNS * PER_TURN) as f64;
        for (quantity, reading) in tallied(FINE, ivy()) {
            let wanted = Reading::Measured { count };
            assert_eq!(reading, wanted, "{}", quantity.name());
        }
    }

    #[test]
    fn without_a_pmu_software_counters_stay() {
        let fake = Fake { pmu: Some(Errno::NOENT), ..FINE };
        let readings = tallied(fake, ivy());
        assert!(why(&readings, Cycles).contains("ENOENT"));
        assert!(why(&readings, LoadL2Hits).contains("ENOENT"));
        assert!(readings[&PageFaults].count().is_some());
        assert!(readings[&Migrations].count().is_some());
    }

    #[test]
    fn what_is_not_allowed_names_the_setting_and_its_value() {
        let fake = Fake { in_kernel: Some(Errno::ACCESS), ..FINE };
        let readings = tallied(fake, ivy());
        let said = why(&readings, ContextSwitches);
        assert!(said.contains("perf_event_paranoid is 2"), "{said}");
        assert!(readings[&TaskClockNs].count().is_some());
        assert!(readings[&Cycles].count().is_some());

        let fake = Fake { group: Some(Errno::PERM), ..FINE };
        for quantity in Quantity::ALL {
            assert!(why(&tallied(fake, ivy()), quantity).contains("EPERM"));
        }
    }

    #[test]
    fn a_shared_counter_is_scaled_and_flagged() {
        let readings = tallied(Fake { running: 5, ..FINE }, ivy());
        let Reading::Multiplexed { count, running } = readings[&Cycles] else {
            panic!("{:?}", readings[&Cycles]);
        };
        assert_eq!(running, 0.5);
        // Ten odd counts were halved on the way.
        let wanted = (TURNS * PER_TURN) as f64;
        assert!((count - wanted).abs() <= 2.0 * TURNS as f64, "{count}");
        assert!(matches!(readings[&PageFaults], Reading::Measured { .. }));
    }

    #[test]
    fn a_counter_that_never_ran_reads_nothing_and_not_zero() {
        let readings = tallied(Fake { running: 0, ..FINE }, ivy());
        assert!(why(&readings, LoadUops).contains("nmi_watchdog"));
    }

    #[test]
    fn a_counter_that_is_lost_on_the_way_reads_nothing() {
        for read in 1..=3 {
            let readings = tallied(Fake { lost_at: Some(read), ..FINE }, ivy());
            assert!(why(&readings, Cycles).contains("took the counter away"));
        }
    }

    #[test]
    fn a_dead_counter_is_not_taken_for_code_that_does_nothing() {
        let readings = tallied(Fake { dead: true, ..FINE }, ivy());
        assert!(why(&readings, Instructions).contains("although code ran"));
        // Nothing faulted: that may well be.
        let none = Reading::Measured { count: 0.0 };
        assert_eq!(readings[&PageFaults], none);
    }

    #[test]
    fn an_unknown_cpu_lacks_what_only_the_vendor_names() {
        let readings = tallied(FINE, Err("no table".to_owned()));
        assert_eq!(why(&readings, StoreUops), "no table");
        assert!(readings[&Cycles].count().is_some());
    }
}

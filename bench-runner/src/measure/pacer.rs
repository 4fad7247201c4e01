//! Frames of a block that come when they are due, whether or not there are
//! descriptors for them.

use nic_model::arrivals::{Arrivals, Pattern, SECOND, Sizes};
use nic_model::generator::{Generator, Punctuality};
use nic_model::{Model, Port};
use variants::workload::PORTS;

use super::bench::BlockSpec;
use super::handover::Order;
use super::paced::{Clock, TOLERANCE};
use super::threaded::BURST;
use crate::clock::stamp;

/// A schedule with equal gaps, from the first order to count on.
pub(super) struct Pacer {
    generator: Generator,
    clock: Clock,
    /// Picoseconds from a frame to the next at each port.
    gap: f64,
    has_begun: bool,
    /// When the wire fell silent, in picoseconds.
    end: Option<u64>,
}

impl Pacer {
    /// The schedule of a block, if it has one.
    pub fn new(spec: &BlockSpec<'_>, model: &Model<'_>) -> Option<Self> {
        let rate = spec.setup.rate?;
        let sizes = Sizes::One(spec.setup.frame_bytes);
        let per_port = rate.per_second(sizes, 0.0) / PORTS as f64;
        let on_a_wire = rate.on_a_wire(sizes);
        let towards = |port: &Port<'_>| {
            // With equal gaps nothing is drawn.
            Arrivals::new(per_port, Pattern::Constant, sizes, on_a_wire, 0)
                .starting_with(port.next_sequence())
        };
        let schedules = model.ports().iter().map(towards).collect();
        let entries = spec.setup.ring_entries;
        Some(Self {
            generator: Generator::new(
                model,
                schedules,
                u64::MAX,
                entries,
                TOLERANCE,
            ),
            clock: Clock { start: 0, ps: 1e12 / spec.tick_hz },
            gap: SECOND as f64 / per_port,
            has_begun: false,
            end: None,
        })
    }

    /// A turn of the card; returns how many frames and descriptors it moved.
    #[inline(always)]
    pub fn turn(&mut self, model: &mut Model<'_>, order: Order) -> u32 {
        if order == Order::Count && !self.has_begun {
            self.has_begun = true;
            self.clock.start = stamp();
        }
        if !self.has_begun {
            return model.transmit();
        }
        let now = self.clock.now();
        if order == Order::Drain && self.end.is_none() {
            self.end = Some(now);
        }
        let (generator, most) = (&mut self.generator, BURST as u16);
        let mut moved = 0;
        for port in 0..PORTS {
            if self.end.is_none() {
                moved += generator.receive(model, port, now, BURST);
            }
            moved += generator.transmit(model, port, most, |_| {});
        }
        moved
    }

    /// The share of frames that came in time, of those that were due long
    /// enough ago.
    pub fn in_time(&self) -> f64 {
        let Punctuality { sent, late, .. } = self.generator.punctuality();
        let end = self.end.unwrap_or_default().saturating_sub(TOLERANCE);
        let due = PORTS as f64 * (end as f64 / self.gap).floor();
        match due.max(sent as f64) {
            0.0 => 1.0,
            due => (sent - late) as f64 / due,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::affinity;
    use crate::clock;
    use crate::load::Rate;
    use crate::measure::{Bench, Block, Task};
    use crate::plan;
    use crate::results::{Placement, Setup, Workload};
    use crate::worker::tests::setup;

    const PHASES: u32 = 8;

    /// Cores that there are, over and over: it works, if slowly.
    fn bench(rate: Option<Rate>, cores: usize, split: bool) -> Bench {
        let allowed = affinity::allowed_cores();
        let core = |n: usize| allowed[n % allowed.len()];
        let one = setup(Placement::Threaded);
        let setup = Setup {
            rate,
            split,
            core: core(0),
            cores: (0..cores).map(core).collect(),
            model_core: core(cores.max(1)),
            ..one
        };
        Bench::new(setup, 0).expect("memory")
    }

    fn task(variant: &str, workload: Workload, cores: Option<u16>) -> Task {
        let variant = plan::find(variant).expect("known");
        let length = PHASES;
        Task { workload, cores, length, ..Task::of(variant, 16) }
    }

    #[test]
    fn a_block_with_a_schedule_forwards_no_faster_than_frames_come() {
        let rate = 2e6;
        let mut bench = bench(Some(Rate::PerSecond(rate)), 0, false);
        let hz = clock::tick_hz();
        for name in ["baseline", "reg=boxed", "buffer=heap"] {
            let task = task(name, Workload::Forward, None);
            let block = bench.block(&task).expect("balanced");
            // A card that is kept from its work takes nothing meanwhile, and
            // what finds no room on a transmit ring is dropped.
            assert!(block.forwarded > 0, "{name}: {block:?}");
            let in_time = block.in_time.expect("a schedule");
            assert!((0.0..=1.0).contains(&in_time), "{name}: {block:?}");
            if in_time < 1.0 {
                continue;
            }
            // What waited on two rings, and what came 10 us late.
            let early = 2.0 * 128.0 + rate * 10e-6 + 16.0;
            let seconds = block.ticks as f64 / hz * 1.001;
            let come = rate * seconds + early;
            assert!(block.forwarded as f64 <= come, "{name}: {block:?}");
        }
    }

    #[test]
    fn without_a_schedule_nothing_is_in_time() {
        let mut bench = bench(None, 0, false);
        let task = task("baseline", Workload::Forward, None);
        let block = bench.block(&task).expect("balanced");
        assert_eq!(block.in_time, None);
    }

    #[test]
    fn what_finds_no_descriptor_is_lost_and_in_the_books() {
        // More than any card's thread can offer, to one that takes nothing
        // and to one that sends nothing.
        let mut bench = bench(Some(Rate::PerSecond(1e9)), 0, false);
        let null = task("floor=null", Workload::Forward, None);
        let block = bench.block(&null).expect("balanced");
        assert_eq!(block.forwarded, 0);
        let rx = task("reg=boxed", Workload::Rx, None);
        let block = bench.block(&rx).expect("balanced");
        let least = u64::from(PHASES * bench.setup.packets_per_phase);
        assert!(block.forwarded >= least, "{block:?}");
        assert!(block.in_time.expect("a schedule") < 0.999, "{block:?}");
    }

    #[test]
    fn a_wire_feeds_forwarders_on_several_cores() {
        for (cores, split) in [(1, false), (3, false), (2, true)] {
            let mut bench = bench(Some(Rate::Line), cores, split);
            let task = task("baseline", Workload::Forward, Some(cores as u16));
            let Block { forwarded, in_time, .. } =
                bench.block(&task).expect("balanced");
            assert!(forwarded > 0, "{cores} cores");
            assert!(in_time.is_some());
        }
    }
}

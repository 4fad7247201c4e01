//! Frames that come when they are due.

use driver::bar::Bar0;
use nic_model::Account;
use nic_model::arrivals::{Arrivals, Pattern, Sizes};
use nic_model::generator::Generator;
use proptest::prelude::*;

use crate::rig::{Rig, Setup};

/// Picoseconds of a microsecond.
const US: u64 = 1_000_000;

/// A rig, its generator, and what came back.
struct Bench<'a, B> {
    rig: Rig<'a, B>,
    generator: Generator,
    now: u64,
    /// Due times of the frames that came back, port by port.
    back: [Vec<u64>; 2],
}

impl<'a, B: Bar0> Bench<'a, B> {
    /// `frames` frames towards each port, one every microsecond.
    fn new(rig: Rig<'a, B>, setup: &Setup, frames: u64) -> Self {
        let schedule =
            || Arrivals::new(1e6, Pattern::Constant, Sizes::One(64), false, 1);
        let schedules = vec![schedule(), schedule()];
        let entries = setup.config.ring_entries;
        let model = rig.model.borrow();
        let generator =
            Generator::new(&model, schedules, frames, entries, 5 * US);
        drop(model);
        Self { rig, generator, now: 0, back: Default::default() }
    }

    /// The card's turn at a moment.
    fn turn(&mut self, now: u64, most: u32) {
        self.now = now;
        let model = &mut *self.rig.model.borrow_mut();
        for port in 0..2 {
            self.generator.look(model, port);
            self.generator.receive(model, port, now, most);
            let back = |due| self.back[port].push(due);
            self.generator.transmit(model, port, most as u16, back);
        }
    }

    /// The account of everything, after all that is inside has come out.
    fn finish(&mut self) -> Account {
        self.rig.forward(64);
        self.turn(self.now, 4096);
        let account = self.rig.account();
        assert_eq!(account.check(), Ok(()));
        account
    }
}

#[test]
fn every_frame_comes_back_with_the_time_at_which_it_was_due() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let mut bench = Bench::new(setup.rig(&mut arena), &setup, 100);
    for turn in 0..30 {
        bench.turn(turn * 4 * US, 32);
        bench.rig.round(32);
    }
    assert!(bench.generator.is_done());
    let account = bench.finish();
    assert_eq!((account.offered, account.forwarded), (200, 200));
    let wanted: Vec<_> = (0..100).map(|n| n * US).collect();
    assert_eq!(bench.back, [wanted.clone(), wanted]);
    let punctuality = bench.generator.punctuality();
    assert_eq!((punctuality.sent, punctuality.late), (200, 0));
    assert_eq!(punctuality.longest_lag, 3 * US);
    assert_eq!(punctuality.share(), 1.0);
}

#[test]
fn lost_frames_leave_the_times_of_others_alone() {
    let setup = Setup::default().with_rings(1, 64);
    let mut arena = setup.arena();
    let mut bench = Bench::new(setup.rig(&mut arena), &setup, 300);
    // A forwarder that stands still: the ring takes 63 of 200.
    for now in 0..200 {
        bench.turn(now * US, 32);
    }
    for now in 200..300 {
        bench.rig.round(32);
        bench.turn(now * US, 32);
    }
    let account = bench.finish();
    assert_eq!((account.offered, account.ring_empty), (600, 2 * 137));
    let kept = (0..63).chain(200..300).map(|n| n * US);
    assert_eq!(bench.back[0], kept.collect::<Vec<_>>());
    // The generator was in time; it is not its loss.
    let punctuality = bench.generator.punctuality();
    assert_eq!((punctuality.late, punctuality.lost_late), (0, 0));
}

#[test]
fn a_generator_that_is_kept_from_its_work_says_so() {
    let setup = Setup::default().with_rings(1, 64);
    let mut arena = setup.arena();
    let mut bench = Bench::new(setup.rig(&mut arena), &setup, 300);
    bench.turn(0, 32);
    // Frames 1 to 100 at once: 94 of them late. 63 descriptors, one in use.
    bench.turn(100 * US, 256);
    let punctuality = bench.generator.punctuality();
    assert_eq!((punctuality.sent, punctuality.late), (202, 2 * 94));
    assert_eq!(punctuality.longest_lag, 99 * US);
    // Those that were lost are the last ones, of which 6 were in time.
    assert_eq!(punctuality.lost_late, 2 * (100 - 62 - 6));
    // What is due and not sent is a loss, what is not due is no frame.
    bench.generator.close(150 * US);
    assert_eq!(bench.generator.punctuality().unsent, 2 * 50);
    assert!(bench.generator.is_done());
    bench.turn(400 * US, 32);
    assert_eq!(bench.generator.punctuality().sent, 202);
    let share = bench.generator.punctuality().share();
    assert!((share - 14.0 / 302.0).abs() < 1e-9, "{share}");
    bench.finish();
}

#[test]
fn what_is_given_up_is_unsent() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let mut bench = Bench::new(setup.rig(&mut arena), &setup, 300);
    bench.turn(9 * US, 32);
    bench.generator.give_up();
    assert_eq!(bench.generator.punctuality().unsent, 2 * 290);
    assert_eq!(bench.finish().forwarded, 20);
}

#[test]
fn several_queues_keep_their_frames_apart() {
    let setup = Setup::default().with_rings(3, 64);
    let mut arena = setup.arena();
    let mut bench = Bench::new(setup.rig(&mut arena), &setup, 90);
    for now in 0..90 {
        bench.turn(now * US, 8);
        if now % 10 == 0 {
            bench.rig.round(32);
        }
    }
    assert_eq!(bench.finish().forwarded, 180);
    let mut back = bench.back[1].clone();
    back.sort_unstable();
    assert_eq!(back, (0..90).map(|n| n * US).collect::<Vec<_>>());
}

#[test]
fn a_pulled_cable_loses_frames_and_the_rest_comes_as_it_should() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let mut bench = Bench::new(setup.rig(&mut arena), &setup, 100);
    let cable = |bench: &mut Bench<'_, _>, plugged: bool| {
        bench.rig.model.borrow_mut().port_mut(0).set_link(plugged);
    };
    for now in 0..100 {
        match now {
            40 => cable(&mut bench, false),
            60 => cable(&mut bench, true),
            _ => {}
        }
        bench.turn(now * US, 8);
        bench.rig.round(8);
    }
    let account = bench.finish();
    assert_eq!((account.offered, account.link_down), (200, 20));
    assert_eq!(account.forwarded, 180);
    // What left at port 0 waited for the cable, and lost nothing.
    assert_eq!(bench.back[0].len(), 100);
    let kept = (0..40).chain(60..100).map(|n| n * US);
    assert_eq!(bench.back[1], kept.collect::<Vec<_>>());
}

#[test]
fn tails_tell_how_full_batches_were() {
    let setup = Setup::default();
    let mut arena = setup.arena();
    let mut bench = Bench::new(setup.rig(&mut arena), &setup, 96);
    for turn in 1..=8 {
        // 12 frames at each port, taken as 8 and 4; a look after either.
        bench.turn((turn * 12 - 1) * US, 32);
        bench.rig.round(8);
        bench.turn((turn * 12 - 1) * US, 32);
        bench.rig.round(8);
    }
    bench.finish();
    let fills = bench.generator.fills();
    for fills in [&fills.receive, &fills.transmit] {
        assert_eq!((fills[8], fills[4]), (16, 16), "{fills:?}");
        assert_eq!(fills.iter().sum::<u64>(), 32);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn sent_frames_are_in_the_books_and_times_are_those_of_the_schedule(
        steps in proptest::collection::vec((0..90_u64, 1..64_u32, 0..64_u16), 1..40),
        queues in 1..4_u16,
    ) {
        let setup = Setup::default().with_rings(queues, 64);
        let mut arena = setup.arena();
        let mut bench = Bench::new(setup.rig(&mut arena), &setup, 1000);
        let mut now = 0;
        for (later, most, batch) in steps {
            now += later * US;
            bench.turn(now, most);
            if batch > 0 {
                bench.rig.round(batch);
            }
        }
        let offered = bench.generator.punctuality().sent;
        bench.generator.close(now);
        let account = bench.finish();
        prop_assert_eq!(account.offered, offered);
        let punctuality = bench.generator.punctuality();
        prop_assert!(punctuality.late <= punctuality.sent);
        prop_assert!(punctuality.lost_late <= account.ring_empty);
        let due = (now / US + 1).min(1000);
        prop_assert_eq!(punctuality.sent + punctuality.unsent, 2 * due);
        let back = bench.back.iter().map(|back| back.len() as u64);
        prop_assert_eq!(back.sum::<u64>(), account.forwarded);
        for back in &mut bench.back {
            back.sort_unstable();
            prop_assert!(back.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(back.iter().all(|due| *due <= now));
        }
    }
}

//! Trials on the wall clock: frames are due by a schedule, and the driver runs
//! on a core of its own.

use variants::registry::Variant;

use nic_model::arrivals::{Pattern, Sizes};

use super::trial::{Tester, Trial};
use crate::failure::Failure;
use crate::measure::{
    Bench, Interval, Kept, Listener, ON_SCHEDULE, Schedule, Task,
};
use crate::process::Watchdog;
use crate::virtual_time::failure;

/// Seconds that a trial may take besides its own, or a look at how much comes
/// through.
const SET_UP: f64 = 60.0;

/// A driver on the calling thread's core.
pub struct WallTester<'b> {
    bench: &'b mut Bench,
    tick_hz: f64,
    /// A core for those who only watch.
    aside: Option<u32>,
    sizes: Sizes,
    seed: u64,
    variant: Variant,
    batch: u16,
    late: usize,
}

impl<'b> WallTester<'b> {
    /// A variant that is offered frames of these sizes.
    #[must_use]
    pub fn new(
        bench: &'b mut Bench,
        tick_hz: f64,
        aside: Option<u32>,
        (sizes, seed): (Sizes, u64),
        (variant, batch): (Variant, u16),
    ) -> Self {
        let late = 0;
        Self { bench, tick_hz, aside, sizes, seed, variant, batch, late }
    }

    /// Frames per second that it forwards when they are always there.
    ///
    /// # Errors
    ///
    /// When a thread does not answer, or a frame is unaccounted for.
    pub fn capacity(&mut self) -> Result<f64, Failure> {
        let name = self.variant.name();
        let _end = Watchdog::new(SET_UP, name.clone());
        let rate =
            self.bench.highest_rate(self.variant, self.batch, self.tick_hz);
        rate.map_err(|e| failure(&name, &e))
    }

    /// Trials in which the tester was late with more frames than it may be.
    #[must_use]
    pub fn late_trials(&self) -> usize {
        self.late
    }
}

impl Tester for WallTester<'_> {
    /// Frames come with equal gaps, and no wire limits them.
    fn trial(&mut self, load: f64, seconds: f64) -> Result<Trial, Failure> {
        let name = format!("{} at {load:.0}/s", self.variant.name());
        let schedule = Schedule {
            rate: load,
            pattern: Pattern::Constant,
            sizes: self.sizes,
            on_a_wire: false,
            seconds,
            // The whole of it.
            interval: 2.0 * seconds + SET_UP,
            traced: 0,
            seed: self.seed,
            flap: None,
        };
        let _end = Watchdog::new(2.0 * seconds + SET_UP, name.clone());
        let task = Task::of(self.variant, self.batch);
        let mut each = |_: &Interval| {};
        let listener = Listener { core: self.aside, each: &mut each };
        let kept = self.bench.paced(&task, &schedule, self.tick_hz, listener);
        let kept = kept.map_err(|e| failure(&name, &e))?;
        if kept.stopped {
            return Err(super::stopped());
        }
        self.late += usize::from(is_late(&kept));
        Ok(outcome(load, seconds, &kept))
    }
}

/// Whether a tester kept to its schedule too badly.
fn is_late(kept: &Kept) -> bool {
    kept.punctuality.share() < ON_SCHEDULE
}

/// What a schedule says of a load. What a late tester put on the wire too late
/// or not at all has not been forwarded at that load, and counts as lost.
fn outcome(load: f64, seconds: f64, kept: &Kept) -> Trial {
    let Kept { account, punctuality, .. } = kept;
    let lost = account.offered - account.forwarded;
    let (offered, lost) = match is_late(kept) {
        false => (account.offered, lost),
        true => {
            let unsent = punctuality.unsent;
            let late = punctuality.late - punctuality.lost_late;
            let offered = account.offered + unsent;
            (offered, (lost + unsent + late).min(offered))
        }
    };
    Trial { load, seconds, offered, forwarded: offered - lost, lost }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nic_model::Account;
    use nic_model::generator::Punctuality;
    use proptest::prelude::*;

    fn kept(lost: u64, punctuality: Punctuality) -> Kept {
        let offered = punctuality.sent;
        let forwarded = offered - lost;
        let account = Account { offered, forwarded, ..Account::default() };
        Kept {
            account,
            punctuality,
            fills: Default::default(),
            model_busy: 0.5,
            stopped: false,
        }
    }

    fn lost(kept: &Kept) -> (u64, u64) {
        let trial = outcome(1e6, 0.01, kept);
        trial.check(1e6, 0.01).expect("balanced");
        (trial.offered, trial.lost)
    }

    #[test]
    fn late_frames_are_lost_where_there_are_many() {
        let sent = 100_000;
        let of = |late, lost_late, unsent| {
            let longest_lag = 1;
            Punctuality { sent, late, lost_late, unsent, longest_lag }
        };
        let good = kept(0, of(0, 0, 0));
        assert!(!is_late(&good));
        assert_eq!(lost(&good), (sent, 0));
        let few = kept(7, of(99, 5, 1));
        assert!(!is_late(&few));
        assert_eq!(lost(&few), (sent, 7));
        let many = kept(7, of(101, 5, 1000));
        assert!(is_late(&many));
        assert_eq!(lost(&many), (sent + 1000, 7 + 96 + 1000));
        let all = kept(0, of(sent, 0, 0));
        assert_eq!(lost(&all), (sent, sent));
        let none = kept(0, Punctuality { unsent: 5, ..Default::default() });
        assert_eq!(lost(&none), (5, 5));
    }

    proptest! {
        #[test]
        fn a_trial_balances_and_loses_no_less_than_the_driver(
            sent in 1..1_000_000_u64,
            shares in (0.0..=1.0, 0.0..=1.0, 0.0..=1.0),
            unsent in 0..1_000_000_u64,
        ) {
            let of = |whole: u64, share: f64| (whole as f64 * share) as u64;
            let late = of(sent, shares.0);
            let lost_late = of(late, shares.1);
            let gone = lost_late + of(sent - lost_late, shares.2);
            let longest_lag = 0;
            let kept = kept(
                gone,
                Punctuality { sent, late, lost_late, unsent, longest_lag },
            );
            let (offered, lost) = lost(&kept);
            prop_assert!(lost >= gone && lost <= offered);
        }
    }
}

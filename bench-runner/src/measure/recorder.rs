//! Times of frames, as they come back, in stretches.

use std::sync::mpsc::{Receiver, SyncSender};

use hdrhistogram::Histogram;
use nic_model::Account;
use nic_model::generator::Punctuality;

/// Longest time that is told from longer ones, in nanoseconds.
const LONGEST: u64 = 100_000_000_000;

/// Decimal digits that a histogram keeps apart: the stretch's, and those of
/// its slices.
const DIGITS: [u8; 2] = [3, 1];

/// Picoseconds of a nanosecond.
const NS: u64 = 1000;

/// What came back in a stretch of time.
#[derive(Clone, Debug)]
pub struct Interval {
    /// Which one, from 0 on.
    pub number: u32,
    /// Nanoseconds from the moment at which a frame was due to that at which
    /// it had left again.
    pub histogram: Histogram<u64>,
    /// The same by due time, in slices of equal length; those of frames that
    /// were due before are in the first one.
    pub slices: Vec<Histogram<u32>>,
    /// The card's account since the schedule began, as it stood at the end.
    pub account: Account,
    /// How the schedule was kept so far.
    pub punctuality: Punctuality,
}

impl Interval {
    /// An empty one, its memory in place.
    #[must_use]
    pub fn new(slices: usize) -> Self {
        let slice = histogram(DIGITS[1]);
        let mut interval = Self {
            number: 0,
            histogram: histogram(DIGITS[0]),
            slices: vec![slice; slices],
            account: Account::default(),
            punctuality: Punctuality::default(),
        };
        // Memory that was never written is not there yet.
        interval.clear();
        interval
    }

    /// Makes it empty.
    pub fn clear(&mut self) {
        self.histogram.reset();
        self.slices.iter_mut().for_each(Histogram::reset);
    }
}

fn histogram<C: hdrhistogram::Counter>(digits: u8) -> Histogram<C> {
    Histogram::new_with_bounds(1, LONGEST, digits)
        .expect("bounds that a histogram can have")
}

/// Puts times into intervals and hands those that are over to somebody else.
pub(super) struct Recorder {
    /// Picoseconds of an interval.
    length: u64,
    /// When the present one began.
    begin: u64,
    current: Box<Interval>,
    full: SyncSender<Box<Interval>>,
    spare: Receiver<Box<Interval>>,
}

impl Recorder {
    /// Intervals of `length` picoseconds in `slices` slices. Those that are
    /// over go to `full`; empty ones are taken from `spare`.
    pub fn new(
        length: u64,
        slices: usize,
        full: SyncSender<Box<Interval>>,
        spare: Receiver<Box<Interval>>,
    ) -> Self {
        let current = Box::new(Interval::new(slices));
        Self { length, begin: 0, current, full, spare }
    }

    /// When the present interval is over.
    pub fn end(&self) -> u64 {
        self.begin + self.length
    }

    /// A frame that was due at `due` and had left at `now`.
    #[inline(always)]
    pub fn record(&mut self, due: u64, now: u64) {
        let Interval { histogram, slices, .. } = &mut *self.current;
        let ns = now.saturating_sub(due) / NS;
        histogram.saturating_record(ns);
        let at = due.saturating_sub(self.begin);
        let slice = at as f64 / self.length as f64 * slices.len() as f64;
        let last = slices.len() - 1;
        slices[(slice as usize).min(last)].saturating_record(ns);
    }

    /// Begins the next interval.
    #[cold]
    pub fn next(&mut self, account: Account, punctuality: Punctuality) {
        let slices = self.current.slices.len();
        let empty = self.spare.try_recv();
        let mut next =
            empty.unwrap_or_else(|_| Box::new(Interval::new(slices)));
        next.number = self.current.number + 1;
        self.begin += self.length;
        let over = std::mem::replace(&mut self.current, next);
        self.send(over, account, punctuality);
    }

    /// Hands the last interval over, however long it became.
    pub fn finish(self, account: Account, punctuality: Punctuality) {
        let Self { full, current, .. } = self;
        let over = Interval { account, punctuality, ..*current };
        // Nobody listens any more where the listener has failed.
        let _ = full.send(Box::new(over));
    }

    fn send(
        &self,
        mut over: Box<Interval>,
        account: Account,
        punctuality: Punctuality,
    ) {
        (over.account, over.punctuality) = (account, punctuality);
        let _ = self.full.send(over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn times_are_kept_by_interval_and_by_slice() {
        let (full, intervals) = mpsc::sync_channel(4);
        let (_back, spare) = mpsc::channel();
        let mut recorder = Recorder::new(1_000_000, 4, full, spare);
        let (account, punctuality) = Default::default();
        recorder.record(0, 7_000);
        recorder.record(600_000, 650_000);
        assert_eq!(recorder.end(), 1_000_000);
        recorder.next(account, punctuality);
        // Due in the first interval, back in the second.
        recorder.record(900_000, 1_100_000);
        recorder.record(1_300_000, 1_301_000);
        recorder.finish(account, punctuality);
        let [first, second] = [(); 2].map(|()| intervals.recv().unwrap());
        assert_eq!((first.number, second.number), (0, 1));
        assert_eq!((first.histogram.len(), first.histogram.max()), (2, 50));
        assert_eq!((second.histogram.len(), second.histogram.min()), (2, 1));
        let max = |interval: &Interval| -> Vec<u64> {
            interval.slices.iter().map(Histogram::max).collect()
        };
        assert_eq!(max(&first)[..2], [7, 0]);
        assert_eq!(first.slices[2].len(), 1);
        assert_eq!(second.slices[0].len(), 1);
        assert_eq!(max(&second)[1..], [1, 0, 0]);
    }

    #[test]
    fn intervals_are_used_again() {
        let (full, intervals) = mpsc::sync_channel(4);
        let (back, spare) = mpsc::channel();
        let mut used = Box::new(Interval::new(1));
        used.histogram.saturating_record(5);
        used.clear();
        back.send(used).unwrap();
        let mut recorder = Recorder::new(1000, 1, full, spare);
        let (account, punctuality) = Default::default();
        recorder.next(account, punctuality);
        recorder.next(account, punctuality);
        recorder.finish(account, punctuality);
        let numbers = intervals.iter().map(|interval| {
            assert!(interval.histogram.is_empty());
            interval.number
        });
        assert_eq!(numbers.collect::<Vec<_>>(), [0, 1, 2]);
    }
}

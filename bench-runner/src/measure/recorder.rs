//! Times of frames, as they come back, in stretches.

use std::sync::mpsc::{Receiver, SyncSender};

use hdrhistogram::Histogram;
use nic_model::Account;
use nic_model::generator::Punctuality;

/// Longest time that is told from longer ones, in nanoseconds.
const LONGEST: u64 = 100_000_000_000;

/// Decimal digits of a time that a histogram keeps apart.
const DIGITS: u8 = 3;

/// Picoseconds of a nanosecond.
const NS: u64 = 1000;

/// A frame that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When it was due, in picoseconds.
    pub due: u64,
    /// How much later it had left again, in nanoseconds.
    pub ns: u64,
}

/// What came back in a stretch of time.
#[derive(Clone, Debug)]
pub struct Interval {
    /// Which one, from 0 on.
    pub number: u32,
    /// How long it was, in picoseconds.
    pub length: u64,
    /// Nanoseconds from the moment at which a frame was due to that at which
    /// it had left again.
    pub histogram: Histogram<u64>,
    /// Frames one by one, as they came back, from some moment on, until there
    /// is no room for more.
    pub trace: Vec<Sample>,
    /// The card's account since the schedule began, as it stood at the end.
    pub account: Account,
    /// How the schedule was kept so far.
    pub punctuality: Punctuality,
}

impl Interval {
    /// An empty one with room for so many samples, its memory in place.
    #[must_use]
    pub fn new(samples: usize) -> Self {
        let mut interval = Self {
            number: 0,
            length: 0,
            histogram: histogram(),
            trace: vec![Sample { due: 1, ns: 1 }; samples],
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
        self.trace.clear();
    }
}

/// An empty histogram of nanoseconds, which never asks for memory.
pub(super) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST, DIGITS)
        .expect("bounds that a histogram can have")
}

/// Puts times into intervals and hands those that are over to somebody else.
pub(super) struct Recorder {
    /// Picoseconds of an interval.
    length: u64,
    /// When the present one ends.
    end: u64,
    /// From when on samples are traced.
    trace_from: u64,
    current: Box<Interval>,
    full: SyncSender<Box<Interval>>,
    spare: Receiver<Box<Interval>>,
}

impl Recorder {
    /// Intervals of `length` picoseconds, with room for so many samples that
    /// are due from `trace_from` on. Intervals that are over go to `full`;
    /// empty ones are taken from `spare`.
    pub fn new(
        length: u64,
        samples: usize,
        trace_from: u64,
        full: SyncSender<Box<Interval>>,
        spare: Receiver<Box<Interval>>,
    ) -> Self {
        let current = Box::new(Interval::new(samples));
        Self { length, end: length, trace_from, current, full, spare }
    }

    /// A frame that was due at `due` and had left at `now`.
    #[inline(always)]
    pub fn record(&mut self, due: u64, now: u64) {
        let Interval { histogram, trace, .. } = &mut *self.current;
        let ns = now.saturating_sub(due) / NS;
        histogram.saturating_record(ns);
        if trace.len() < trace.capacity() && due >= self.trace_from {
            trace.push(Sample { due, ns });
        }
    }

    /// Begins the next interval.
    #[cold]
    pub fn next(&mut self, account: Account, punctuality: Punctuality) {
        let empty = self.spare.try_recv();
        let mut next = empty.unwrap_or_else(|_| {
            Box::new(Interval::new(self.current.trace.capacity()))
        });
        next.number = self.current.number + 1;
        self.end += self.length;
        let mut over = std::mem::replace(&mut self.current, next);
        over.length = self.length;
        hand_over(&self.full, over, account, punctuality);
    }

    /// Whether another interval is to begin before `end`: a rest of less than
    /// half an interval belongs to the one before it.
    #[inline(always)]
    pub fn is_over(&self, now: u64, end: u64) -> bool {
        now >= self.end && self.end + self.length / 2 <= end
    }

    /// Hands the last interval over, which ends at `now`.
    pub fn finish(
        mut self,
        now: u64,
        account: Account,
        punctuality: Punctuality,
    ) {
        let begin = self.end - self.length;
        self.current.length = now.saturating_sub(begin);
        hand_over(&self.full, self.current, account, punctuality);
    }
}

fn hand_over(
    full: &SyncSender<Box<Interval>>,
    mut over: Box<Interval>,
    account: Account,
    punctuality: Punctuality,
) {
    (over.account, over.punctuality) = (account, punctuality);
    // Nobody listens any more where the listener has failed.
    let _ = full.send(over);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn times_are_kept_by_interval() {
        let (full, intervals) = mpsc::sync_channel(4);
        let (back, spare) = mpsc::channel();
        let mut used = Box::new(Interval::new(2));
        used.histogram.saturating_record(5);
        used.clear();
        back.send(used).unwrap();
        let mut recorder = Recorder::new(1_000_000, 2, 500_000, full, spare);
        let (account, punctuality) = Default::default();
        recorder.record(0, 7_000);
        recorder.record(600_000, 650_000);
        assert!(!recorder.is_over(999_999, 9_000_000));
        assert!(recorder.is_over(1_000_000, 1_500_000));
        assert!(!recorder.is_over(1_000_000, 1_400_000));
        recorder.next(account, punctuality);
        assert!(!recorder.is_over(1_999_999, 9_000_000));
        // Due in the first interval, back in the second.
        for due in [900_000, 1_300_000, 1_400_000] {
            recorder.record(due, due + 1_000);
        }
        recorder.next(account, punctuality);
        recorder.finish(2_250_000, account, punctuality);
        let [first, second, third] =
            [(); 3].map(|()| intervals.recv().unwrap());
        assert_eq!((first.number, second.number, third.number), (0, 1, 2));
        assert_eq!((first.histogram.len(), first.histogram.max()), (2, 50));
        assert_eq!((second.histogram.len(), second.histogram.max()), (3, 1));
        assert!(third.histogram.is_empty());
        assert_eq!((first.length, third.length), (1_000_000, 250_000));
        let due = |interval: &Interval| -> Vec<u64> {
            interval.trace.iter().map(|sample| sample.due).collect()
        };
        assert_eq!(due(&first), [600_000]);
        assert_eq!(due(&second), [900_000, 1_300_000]);
        assert_eq!(first.trace[0].ns, 50);
    }
}

//! The frames of a port: on their way, and in its receive ring.

use std::collections::VecDeque;

use nic_model::arrivals::Arrivals;

/// What a queueing run asks of a port. Times are picoseconds.
pub trait Lane {
    /// When the next frame is due; never (`u64::MAX`), where none is left.
    fn next(&self) -> u64;

    /// Frames in the ring.
    fn waiting(&self) -> u64;

    /// Puts what is due by `now` into the ring, as far as it then has at most
    /// `room` frames. The rest is lost.
    fn admit(&mut self, now: u64, room: u64);

    /// Takes the oldest frames out of the ring.
    fn take(&mut self, frames: u64);

    /// Frames that found no room.
    fn lost(&self) -> u64;

    /// Frames in all, those still to come with them.
    fn offered(&self) -> u64;

    /// Whether nothing is left, on the way or in the ring.
    fn is_done(&self) -> bool {
        self.next() == u64::MAX && self.waiting() == 0
    }
}

/// A port that knows of each frame when it was due.
#[derive(Clone, Debug)]
pub struct Followed {
    arrivals: Arrivals,
    /// Frames in all.
    frames: u64,
    /// Frames that are still to come.
    left: u64,
    /// When the next one of them is due.
    next: u64,
    /// Due times of the frames in the ring.
    ring: VecDeque<u64>,
    lost: u64,
}

impl Followed {
    /// So many frames of a schedule.
    #[must_use]
    pub fn new(mut arrivals: Arrivals, frames: u64) -> Self {
        let next = due(&mut arrivals, frames);
        let ring = VecDeque::new();
        Self { arrivals, frames, left: frames, next, ring, lost: 0 }
    }

    /// Due times of the frames in the ring, the oldest first.
    pub fn due(&self) -> impl Iterator<Item = u64> {
        self.ring.iter().copied()
    }
}

/// When the next frame is due; never, when there is none left.
fn due(arrivals: &mut Arrivals, left: u64) -> u64 {
    match left {
        0 => u64::MAX,
        _ => arrivals.next().map_or(u64::MAX, |arrival| arrival.due),
    }
}

impl Lane for Followed {
    fn next(&self) -> u64 {
        self.next
    }

    fn waiting(&self) -> u64 {
        self.ring.len() as u64
    }

    fn admit(&mut self, now: u64, room: u64) {
        while self.next <= now {
            match self.waiting() < room {
                true => self.ring.push_back(self.next),
                false => self.lost += 1,
            }
            self.left -= 1;
            self.next = due(&mut self.arrivals, self.left);
        }
    }

    fn take(&mut self, frames: u64) {
        self.ring.drain(..frames as usize);
    }

    fn lost(&self) -> u64 {
        self.lost
    }

    fn offered(&self) -> u64 {
        self.frames
    }
}

/// A port of frames with equal gaps, which are only counted: many at once
/// cost no more time than one.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// Picoseconds from a frame to the next.
    gap: f64,
    /// Gaps per picosecond.
    rate: f64,
    /// When the first one is due.
    first: f64,
    /// Frames in all.
    frames: u64,
    /// Frames that were due so far.
    came: u64,
    /// When the next one is due.
    next: u64,
    waiting: u64,
    lost: u64,
}

impl Counted {
    /// So many frames, one every `gap` picoseconds, the first one after a
    /// `share` of a gap.
    #[must_use]
    pub fn new(gap: f64, share: f64, frames: u64) -> Self {
        let mut lane = Self {
            gap,
            rate: 1.0 / gap,
            first: share * gap,
            frames,
            came: 0,
            next: 0,
            waiting: 0,
            lost: 0,
        };
        lane.next = lane.due(0);
        lane
    }

    fn due(&self, number: u64) -> u64 {
        match number < self.frames {
            true => (self.first + number as f64 * self.gap) as u64,
            false => u64::MAX,
        }
    }
}

impl Lane for Counted {
    fn next(&self) -> u64 {
        self.next
    }

    fn waiting(&self) -> u64 {
        self.waiting
    }

    fn admit(&mut self, now: u64, room: u64) {
        if self.next > now {
            return;
        }
        // One too few rather than one too many, for these are taken on.
        let near = ((now as f64 - self.first) * self.rate) as u64;
        let mut came = near.clamp(self.came + 1, self.frames);
        self.next = self.due(came);
        while self.next <= now {
            came += 1;
            self.next = self.due(came);
        }
        let new = came - self.came;
        let fit = new.min(room.saturating_sub(self.waiting));
        self.came = came;
        self.waiting += fit;
        self.lost += new - fit;
    }

    fn take(&mut self, frames: u64) {
        self.waiting -= frames;
    }

    fn lost(&self) -> u64 {
        self.lost
    }

    fn offered(&self) -> u64 {
        self.frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nic_model::arrivals::{Pattern, SECOND, Sizes};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn counted_frames_are_those_that_are_followed(
            rate in 1e5..5e8f64, frames in 0..5_000u64, room in 1..600u64,
            looks in proptest::collection::vec((0..1_000_000u64, 0..99u64), 50),
        ) {
            let (pattern, sizes) = (Pattern::Constant, Sizes::One(64));
            let arrivals = Arrivals::new(rate, pattern, sizes, false, 1);
            let mut followed = Followed::new(arrivals, frames);
            let gap = SECOND as f64 / rate;
            let mut counted = Counted::new(gap, 0.0, frames);
            let mut now = 0;
            for (span, taken) in looks {
                now += span;
                followed.admit(now, room);
                counted.admit(now, room);
                prop_assert_eq!(counted.waiting(), followed.waiting());
                prop_assert_eq!(counted.next(), followed.next());
                prop_assert_eq!(counted.lost(), followed.lost());
                prop_assert_eq!(counted.is_done(), followed.is_done());
                let taken = taken.min(counted.waiting());
                counted.take(taken);
                followed.take(taken);
            }
        }
    }

    #[test]
    fn the_first_frame_may_come_later() {
        let mut lane = Counted::new(100.0, 0.5, 2);
        assert_eq!(lane.next(), 50);
        lane.admit(50, 9);
        assert_eq!((lane.waiting(), lane.next()), (1, 150));
        lane.admit(1000, 1);
        assert_eq!((lane.waiting(), lane.lost()), (1, 1));
        lane.take(1);
        assert!(lane.is_done());
    }
}

//! A traffic generator: frames that enter when they are due, and what is
//! known of each when it comes back.
//!
//! Load is open loop. A generator that is kept from its work puts what was
//! due meanwhile on the wire as soon as it can, and a frame's time counts from
//! the moment it was due. So a pause of the generator is in every time that it
//! measures, and is counted besides.

use std::collections::VecDeque;

use crate::arrivals::Arrivals;
use crate::model::Model;

/// Frames that may be between generator and sink before memory for more is
/// asked for: full rings and a batch of the largest size, many times over.
const ON_THE_WAY: usize = 1 << 14;

/// How a generator kept to its schedule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Punctuality {
    /// Frames that were put on the wire.
    pub sent: u64,
    /// Of these, frames that came later than they may.
    pub late: u64,
    /// Of the late ones, frames that found no descriptor: their loss may be
    /// the generator's doing.
    pub lost_late: u64,
    /// Frames that were due and never put on the wire.
    pub unsent: u64,
    /// The longest time by which a frame came after it was due, in
    /// picoseconds.
    pub longest_lag: u64,
}

impl Punctuality {
    /// The share of frames that came in time, of all that were due.
    #[must_use]
    pub fn share(&self) -> f64 {
        let due = self.sent + self.unsent;
        (self.sent - self.late) as f64 / due.max(1) as f64
    }
}

/// Batches as their tails show them, by number of descriptors. Two tails that
/// the driver writes between two looks count as one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fills {
    /// Descriptors that the driver gave back at once to a receive ring.
    pub receive: Vec<u64>,
    /// Packets that it put at once on a transmit ring.
    pub transmit: Vec<u64>,
}

/// Frames for the ports of a card.
#[derive(Clone, Debug)]
pub struct Generator {
    lanes: Vec<Lane>,
    /// Picoseconds after its due time up to which a frame is in time.
    tolerance: u64,
    /// Descriptors per ring.
    entries: u16,
    punctuality: Punctuality,
    fills: Fills,
    /// Due times of the frames that are put on the wire together.
    due: Vec<u64>,
}

/// What enters at one port.
#[derive(Clone, Debug)]
struct Lane {
    arrivals: Arrivals,
    /// Frames that are still to come.
    left: u64,
    /// When the first of them is due; never, when there is none.
    next: u64,
    /// Frames in the driver's hands, by receive queue, in order.
    on_the_way: Vec<VecDeque<Frame>>,
    /// The tails of the port's own queues when they were last looked at.
    tails: Vec<[u32; 2]>,
}

/// A frame on its way.
#[derive(Clone, Copy, Debug)]
struct Frame {
    number: u64,
    due: u64,
}

impl Lane {
    #[inline(always)]
    fn take(&mut self) -> u64 {
        let due = self.next;
        self.left -= 1;
        self.next = match self.left {
            0 => u64::MAX,
            _ => self.arrivals.next().map_or(u64::MAX, |frame| frame.due),
        };
        due
    }
}

impl Generator {
    /// `frames` frames for each port of a card with `queues` queues of
    /// `entries` descriptors per port, by a schedule for each port. Frames
    /// are late from `tolerance` picoseconds on.
    #[must_use]
    pub fn new(
        model: &Model<'_>,
        schedules: Vec<Arrivals>,
        frames: u64,
        entries: u16,
        tolerance: u64,
    ) -> Self {
        let lane = |(mut arrivals, port): (Arrivals, usize)| {
            let port = &model.ports()[port];
            let queues = port.queues();
            let first = arrivals.next().filter(|_| frames > 0);
            // Written and emptied, so that its pages are there.
            let nothing = Frame { number: 0, due: 0 };
            let mut way = VecDeque::from(vec![nothing; ON_THE_WAY]);
            way.clear();
            Lane {
                arrivals,
                left: frames,
                next: first.map_or(u64::MAX, |frame| frame.due),
                on_the_way: vec![way; queues.into()],
                tails: (0..queues).map(|n| port.tails(n)).collect(),
            }
        };
        let none = vec![0; usize::from(entries)];
        Self {
            lanes: schedules.into_iter().zip(0..).map(lane).collect(),
            tolerance,
            entries,
            punctuality: Punctuality::default(),
            fills: Fills { receive: none.clone(), transmit: none },
            due: Vec::with_capacity(usize::from(entries)),
        }
    }

    /// Puts on the wire towards `port` what is due at `now`, at most `most`
    /// frames; returns how many.
    #[inline(always)]
    pub fn receive(
        &mut self,
        model: &mut Model<'_>,
        port: usize,
        now: u64,
        most: u32,
    ) -> u32 {
        let lane = &mut self.lanes[port];
        if lane.next > now {
            return 0;
        }
        self.due.clear();
        let (mut late, start) = (0, lane.next);
        while lane.next <= now && self.due.len() < most as usize {
            let due = lane.take();
            late += u64::from(now - due > self.tolerance);
            self.due.push(due);
        }
        let frames = self.due.len() as u32;
        let punctuality = &mut self.punctuality;
        punctuality.sent += u64::from(frames);
        punctuality.late += late;
        punctuality.longest_lag = punctuality.longest_lag.max(now - start);
        let mut due = self.due.iter();
        model.receive_each(port, frames, |number, queue| {
            let due = *due.next().expect("a time for each frame");
            match queue {
                Some(queue) => {
                    let way = &mut lane.on_the_way[usize::from(queue)];
                    way.push_back(Frame { number, due });
                }
                None if now - due > self.tolerance => {
                    punctuality.lost_late += 1;
                }
                None => {}
            }
        });
        frames
    }

    /// Takes what the driver sends at `port`, at most `most` packets from
    /// each queue; returns how many descriptors that were. `back` hears when
    /// each frame was due.
    #[inline(always)]
    pub fn transmit(
        &mut self,
        model: &mut Model<'_>,
        port: usize,
        most: u16,
        mut back: impl FnMut(u64),
    ) -> u32 {
        let lane = &mut self.lanes[port ^ 1];
        model.transmit_each(port, most, |queue, number| {
            let way = &mut lane.on_the_way[usize::from(queue)];
            while let Some(first) = way.front().filter(|f| f.number <= number) {
                let Frame { number: found, due } = *first;
                way.pop_front();
                if found == number {
                    back(due);
                }
            }
        })
    }

    /// Looks at the tails of a port.
    #[inline(always)]
    pub fn look(&mut self, model: &Model<'_>, port: usize) {
        let mask = u32::from(self.entries) - 1;
        let lane = &mut self.lanes[port];
        for (n, before) in (0..).zip(&mut lane.tails) {
            let now = model.ports()[port].tails(n);
            let [receive, transmit] = [0, 1].map(|i| {
                // A driver may write anything.
                (now[i].wrapping_sub(before[i]) & mask) as usize
            });
            self.fills.receive[receive] += 1;
            self.fills.transmit[transmit] += 1;
            *before = now;
        }
    }

    /// Whether every frame was put on the wire.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.lanes.iter().all(|lane| lane.left == 0)
    }

    /// Ends the schedule: what was due by `now` and is not on the wire counts
    /// as unsent, what is due later as never offered. How many were due is
    /// worked out by their mean gap, for there may be very many.
    pub fn close(&mut self, now: u64) {
        for lane in &mut self.lanes {
            if let Some(behind) = now.checked_sub(lane.next) {
                let due = behind as f64 / lane.arrivals.mean_gap();
                self.punctuality.unsent += (due as u64 + 1).min(lane.left);
            }
            (lane.left, lane.next) = (0, u64::MAX);
        }
    }

    /// Ends the schedule: all that is not on the wire counts as unsent.
    pub fn give_up(&mut self) {
        for lane in &mut self.lanes {
            self.punctuality.unsent += lane.left;
            (lane.left, lane.next) = (0, u64::MAX);
        }
    }

    /// How it kept to its schedule so far.
    #[must_use]
    pub fn punctuality(&self) -> Punctuality {
        self.punctuality
    }

    /// How full batches were so far.
    #[must_use]
    pub fn fills(&self) -> Fills {
        let mut fills = self.fills.clone();
        // Looks that found what the last one had found.
        (fills.receive[0], fills.transmit[0]) = (0, 0);
        fills
    }
}

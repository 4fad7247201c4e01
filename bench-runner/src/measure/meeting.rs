//! How forwarders on several cores begin and end together.
//!
//! One of them leads: it calls what is to be done, in a word that the others
//! look at between two stretches of packets, and they say when they have done
//! it, in another. Nobody stands still for it: a forwarder that waits for the
//! others goes on forwarding.

use std::time::Duration;

use super::sync::{AtomicU32, Deadline, Ordering, spin_loop};

/// How long a forwarder may take to do what was called. The host may hold its
/// core.
const PATIENCE: Duration = Duration::from_secs(10);

/// What those who follow are to do.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Call {
    /// Forward.
    Forward,
    /// Forward, and count.
    Count,
    /// Forward, and count no more.
    Stop,
    /// Forward what is left.
    Drain,
    /// End.
    Leave,
}

impl Call {
    fn of(word: u32) -> Self {
        match word {
            0 => Self::Forward,
            1 => Self::Count,
            2 => Self::Stop,
            3 => Self::Drain,
            _ => Self::Leave,
        }
    }
}

/// Set in the answers once somebody has left.
const LEFT: u32 = 1 << 31;

/// Where calls and answers lie.
pub(super) struct Meeting {
    call: AtomicU32,
    /// Answers to all calls.
    answers: AtomicU32,
    /// Those who follow.
    followers: u32,
}

/// Why forwarders do not meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// One of them has ended.
    Left,
    /// One of them takes too long.
    Late,
}

impl Meeting {
    /// A meeting of a leader and so many who follow, called to forward.
    pub fn new(followers: u32) -> Self {
        let call = AtomicU32::new(Call::Forward as u32);
        Self { call, answers: AtomicU32::new(0), followers }
    }

    /// Calls something. The leader alone does so, each call once and in order.
    pub fn call(&self, call: Call) {
        self.call.store(call as u32, Ordering::Release);
    }

    /// The last call; what the leader did before it can be seen.
    pub fn called(&self) -> Call {
        Call::of(self.call.load(Ordering::Acquire))
    }

    /// Says that a follower has done what was called, once for each call that
    /// wants to be answered.
    pub fn answer(&self) {
        self.answers.fetch_add(1, Ordering::Release);
    }

    /// Goes on with `meanwhile` until each follower has answered `calls` calls
    /// in all; what they did before can then be seen.
    pub fn await_answers<E: From<Missing>>(
        &self,
        calls: u32,
        mut meanwhile: impl FnMut() -> Result<(), E>,
    ) -> Result<(), E> {
        let deadline = Deadline::after(PATIENCE);
        loop {
            let answers = self.answers.load(Ordering::Acquire);
            if answers & LEFT != 0 {
                return Err(Missing::Left.into());
            }
            if answers == calls * self.followers {
                return Ok(());
            }
            if deadline.is_over() {
                return Err(Missing::Late.into());
            }
            meanwhile()?;
            spin_loop();
        }
    }

    /// A follower's place.
    pub fn seat(&self) -> Seat<'_> {
        Seat(self)
    }
}

/// The place of a follower; who gives it up, for whatever reason, is no longer
/// waited for.
pub(super) struct Seat<'a>(&'a Meeting);

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.answers.fetch_or(LEFT, Ordering::Release);
    }
}

/// Ends the meeting whatever happens to its leader.
pub(super) struct LeaveAtEnd<'a>(pub &'a Meeting);

impl Drop for LeaveAtEnd<'_> {
    fn drop(&mut self) {
        self.0.call(Call::Leave);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn waits(meeting: &Meeting, calls: u32) -> Result<u32, Missing> {
        let mut turns = 0;
        meeting.await_answers(calls, || {
            turns += 1;
            match turns {
                3 => Err(Missing::Late),
                _ => Ok(()),
            }
        })?;
        Ok(turns)
    }

    #[test]
    fn all_answers_are_waited_for_and_the_waiting_is_of_use() {
        let meeting = Meeting::new(2);
        assert_eq!(waits(&meeting, 1), Err(Missing::Late));
        meeting.answer();
        assert_eq!(waits(&meeting, 1), Err(Missing::Late));
        meeting.answer();
        assert_eq!(waits(&meeting, 1), Ok(0));
        assert_eq!(waits(&meeting, 2), Err(Missing::Late));
        assert_eq!(waits(&Meeting::new(0), 3), Ok(0));
    }

    #[test]
    fn nobody_waits_for_those_who_have_left_nor_for_a_leader_who_has() {
        let meeting = Meeting::new(2);
        meeting.answer();
        drop(meeting.seat());
        assert_eq!(waits(&meeting, 1), Err(Missing::Left));
        assert_eq!(meeting.called(), Call::Forward);
        drop(LeaveAtEnd(&meeting));
        assert_eq!(meeting.called(), Call::Leave);
    }

    #[test]
    fn calls_are_heard_as_they_were_made() {
        let meeting = Meeting::new(1);
        let calls = [Call::Count, Call::Stop, Call::Drain, Call::Leave];
        for call in calls {
            meeting.call(call);
            assert_eq!(meeting.called(), call);
        }
    }
}

/// Every order that threads can take, by loom: `ci.sh loom`.
#[cfg(all(test, loom))]
mod under_loom {
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    /// A meeting, and what its members have apart from it. Loom fails where
    /// the meeting does not order their accesses.
    struct Shared {
        meeting: Meeting,
        /// Written by the leader before a call.
        given: UnsafeCell<u32>,
        /// Written by each follower before its answer.
        done: [UnsafeCell<u32>; 2],
    }

    // SAFETY: loom watches each access to the cells.
    unsafe impl Sync for Shared {}

    impl Shared {
        fn new(followers: u32) -> Arc<Self> {
            let cell = || UnsafeCell::new(0);
            Arc::new(Self {
                meeting: Meeting::new(followers),
                given: cell(),
                done: [cell(), cell()],
            })
        }

        /// Writes what a follower did, and answers.
        fn answer(&self, number: usize, value: u32) {
            // SAFETY: no reference outlives the closure.
            self.done[number].with_mut(|done| unsafe { *done = value });
            self.meeting.answer();
        }

        fn done(&self, number: usize) -> u32 {
            // SAFETY: no reference outlives the closure.
            self.done[number].with(|done| unsafe { *done })
        }

        fn await_answers(&self) -> Result<(), Missing> {
            self.meeting.await_answers(1, || Ok(()))
        }
    }

    #[test]
    fn a_call_and_its_answer_bring_what_was_done_before() {
        loom::model(|| {
            let shared = Shared::new(1);
            let follower = Arc::clone(&shared);
            let follower = thread::spawn(move || {
                while follower.meeting.called() != Call::Count {
                    spin_loop();
                }
                // SAFETY: no reference outlives the closure.
                let given = follower.given.with(|given| unsafe { *given });
                follower.answer(0, given);
            });
            // SAFETY: no reference outlives the closure.
            shared.given.with_mut(|given| unsafe { *given = 7 });
            shared.meeting.call(Call::Count);
            assert_eq!(shared.await_answers(), Ok(()));
            assert_eq!(shared.done(0), 7);
            follower.join().expect("no panic");
        });
    }

    #[test]
    fn the_answers_of_all_are_waited_for() {
        loom::model(|| {
            let shared = Shared::new(2);
            let followers = [0, 1].map(|number| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.answer(number, 7))
            });
            assert_eq!(shared.await_answers(), Ok(()));
            assert_eq!([shared.done(0), shared.done(1)], [7, 7]);
            for follower in followers {
                follower.join().expect("no panic");
            }
        });
    }

    #[test]
    fn who_leaves_is_not_waited_for() {
        loom::model(|| {
            let shared = Shared::new(1);
            let follower = Arc::clone(&shared);
            let follower = thread::spawn(move || drop(follower.meeting.seat()));
            assert_eq!(shared.await_answers(), Err(Missing::Left));
            follower.join().expect("no panic");
        });
    }
}

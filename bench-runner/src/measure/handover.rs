//! What the forwarder's thread and the model's say to each other besides
//! registers and rings.
//!
//! There is one word for each way. The forwarder's thread leaves a numbered
//! order at a [`Desk`]; the model's looks there before each of its turns, and
//! after the turn answers with the word that it found. Whoever sees the
//! answer knows that a whole turn was made after the order was left: the turn
//! saw all that was written before the order, and what it did itself can be
//! seen. A count of turns would not say so, for a store may be seen late.
//!
//! While nothing new is ordered neither word changes hands, so that a timed
//! block has its cores' caches to itself.

use std::time::Duration;

use super::sync::{AtomicU32, Deadline, Ordering, spin_loop};

/// How long an answer may take. A turn takes microseconds, but the host may
/// hold a virtual core for much longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the model is to do.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Offer as much as the rings take.
    Offer,
    /// The same, and count the time that it takes.
    Count,
    /// Offer nothing more, send what is there.
    Drain,
    /// End.
    Stop,
}

impl Order {
    /// An order's share of a word; the number has the rest.
    const MASK: u32 = 3;

    fn of(word: u32) -> Self {
        match word & Self::MASK {
            0 => Self::Offer,
            1 => Self::Count,
            2 => Self::Drain,
            _ => Self::Stop,
        }
    }
}

/// From one number to the next.
const NEXT: u32 = Order::MASK + 1;

/// The answer of a model that makes no more turns. As a word it would be an
/// order to stop, to which there is no answer.
const GONE: u32 = u32::MAX;

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silent {
    /// The model has ended.
    Gone,
    /// It took too long.
    Late,
}

/// Where orders and answers lie.
pub(super) struct Desk {
    order: AtomicU32,
    answer: AtomicU32,
}

impl Desk {
    /// A desk with the order to offer, not answered yet.
    pub fn new() -> Self {
        let first = NEXT | Order::Offer as u32;
        Self { order: AtomicU32::new(first), answer: AtomicU32::new(0) }
    }

    /// Orders something of the model. One thread at a time does so.
    pub fn tell(&self, order: Order) {
        let last = self.order.load(Ordering::Relaxed) & !Order::MASK;
        let word = last.wrapping_add(NEXT) | order as u32;
        self.order.store(word, Ordering::Release);
    }

    /// Waits for the answer to the last order.
    pub fn await_answer(&self) -> Result<(), Silent> {
        let order = self.order.load(Ordering::Relaxed);
        let deadline = Deadline::after(PATIENCE);
        loop {
            match self.answer.load(Ordering::Acquire) {
                answer if answer == order => return Ok(()),
                GONE => return Err(Silent::Gone),
                _ if deadline.is_over() => return Err(Silent::Late),
                _ => spin_loop(),
            }
        }
    }

    /// Waits until the model has seen all that was written so far and has
    /// acted on it; it goes on as it was told before.
    pub fn await_turn(&self) -> Result<(), Silent> {
        self.tell(Order::of(self.order.load(Ordering::Relaxed)));
        self.await_answer()
    }

    /// The model's turns. One thread alone takes them.
    pub fn turns(&self) -> Turns<'_> {
        Turns { desk: self, found: 0, answered: 0 }
    }
}

/// Stops the model whatever happens to the forwarder.
pub(super) struct StopAtEnd<'a>(pub &'a Desk);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.tell(Order::Stop);
    }
}

/// Orders from turn to turn. To ask for the next one says that the last turn
/// is over; to drop this says that there is none any more, whatever the
/// reason.
pub(super) struct Turns<'a> {
    desk: &'a Desk,
    /// The order of the present turn.
    found: u32,
    answered: u32,
}

impl Iterator for Turns<'_> {
    type Item = Order;

    fn next(&mut self) -> Option<Order> {
        if self.answered != self.found {
            self.answered = self.found;
            self.desk.answer.store(self.answered, Ordering::Release);
        }
        self.found = self.desk.order.load(Ordering::Acquire);
        match Order::of(self.found) {
            Order::Stop => None,
            order => Some(order),
        }
    }
}

impl Drop for Turns<'_> {
    fn drop(&mut self) {
        self.desk.answer.store(GONE, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_answered_after_its_turn_and_not_before() {
        let desk = Desk::new();
        let mut turns = desk.turns();
        let is_answered = || {
            let words = [&desk.order, &desk.answer];
            let [order, answer] = words.map(|w| w.load(Ordering::Relaxed));
            order == answer
        };
        assert_eq!(turns.next(), Some(Order::Offer));
        assert!(!is_answered());
        assert_eq!(turns.next(), Some(Order::Offer));
        assert!(is_answered());
        desk.tell(Order::Drain);
        // The turn that ends here began before the order.
        assert_eq!(turns.next(), Some(Order::Drain));
        assert!(!is_answered());
        turns.next();
        assert!(is_answered() && desk.await_answer() == Ok(()));
        desk.tell(Order::Stop);
        assert_eq!(turns.next(), None);
        drop(turns);
        assert_eq!(desk.await_turn(), Err(Silent::Gone));
    }

    #[test]
    fn numbers_start_anew_after_the_last_one() {
        let desk = Desk::new();
        let last = !Order::MASK;
        for order in [Order::Offer, Order::Count, Order::Drain] {
            desk.order.store(last | Order::Stop as u32, Ordering::Relaxed);
            desk.tell(order);
            assert_eq!(desk.order.load(Ordering::Relaxed), order as u32);
            assert_ne!(last | order as u32, GONE);
        }
    }
}

/// Every order that two threads can take, by loom: `ci.sh loom`.
#[cfg(all(test, loom))]
mod under_loom {
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::thread::{self, JoinHandle};

    use super::*;

    /// A desk between two threads, and what they have apart from it. Loom
    /// fails where the desk does not order their accesses.
    struct Shared {
        desk: Desk,
        /// Written by the forwarder, as registers are.
        given: UnsafeCell<u32>,
        /// Written by the model.
        done: UnsafeCell<u32>,
    }

    // SAFETY: loom watches each access to the cells.
    unsafe impl Sync for Shared {}

    impl Shared {
        fn new() -> Arc<Self> {
            let (given, done) = (UnsafeCell::new(0), UnsafeCell::new(0));
            Arc::new(Self { desk: Desk::new(), given, done })
        }

        fn give(&self, value: u32) {
            // SAFETY: no reference outlives the closure.
            self.given.with_mut(|given| unsafe { *given = value });
        }

        fn done(&self) -> u32 {
            // SAFETY: no reference outlives the closure.
            self.done.with(|done| unsafe { *done })
        }

        /// One turn of a model: makes what is given into what is done.
        fn act(&self) {
            // SAFETY: no reference outlives the closure.
            let given = self.given.with(|given| unsafe { *given });
            // SAFETY: no reference outlives the closure.
            self.done.with_mut(|done| unsafe { *done = given });
        }
    }

    /// A model's thread that looks at what was given in drain turns alone,
    /// and returns how many of its turns offered.
    fn model(shared: &Arc<Shared>) -> JoinHandle<u32> {
        let shared = shared.clone();
        thread::spawn(move || {
            let mut offered = 0;
            for order in shared.desk.turns() {
                match order {
                    Order::Drain => shared.act(),
                    _ => offered += 1,
                }
                thread::yield_now();
            }
            offered
        })
    }

    #[test]
    fn a_model_starts_and_stops() {
        loom::model(|| {
            let shared = Shared::new();
            let model = model(&shared);
            assert_eq!(shared.desk.await_answer(), Ok(()));
            drop(StopAtEnd(&shared.desk));
            assert!(model.join().expect("the model ends") > 0);
        });
    }

    #[test]
    fn a_busy_model_stops_without_having_answered() {
        loom::model(|| {
            let shared = Shared::new();
            let model = model(&shared);
            shared.desk.tell(Order::Count);
            drop(StopAtEnd(&shared.desk));
            model.join().expect("the model ends");
            assert_eq!(shared.desk.await_answer(), Err(Silent::Gone));
        });
    }

    #[test]
    fn a_model_that_cannot_start_is_missed_at_once() {
        loom::model(|| {
            let shared = Shared::new();
            let theirs = shared.clone();
            let model = thread::spawn(move || {
                // As `threaded::work` does when it finds no core.
                drop(theirs.desk.turns());
                "no core"
            });
            assert_eq!(shared.desk.await_answer(), Err(Silent::Gone));
            drop(StopAtEnd(&shared.desk));
            assert_eq!(model.join().expect("the model ends"), "no core");
        });
    }

    #[test]
    fn no_order_is_lost() {
        loom::model(|| {
            let shared = Shared::new();
            let model = model(&shared);
            // The order before this one may be seen or not; this one is.
            shared.desk.tell(Order::Count);
            shared.desk.tell(Order::Offer);
            assert_eq!(shared.desk.await_answer(), Ok(()));
            drop(StopAtEnd(&shared.desk));
            model.join().expect("the model ends");
        });
    }

    #[test]
    fn a_turn_sees_what_was_written_before_it_was_ordered_and_shows_its_own() {
        loom::model(|| {
            let shared = Shared::new();
            let model = model(&shared);
            shared.give(7);
            shared.desk.tell(Order::Drain);
            assert_eq!(shared.desk.await_answer(), Ok(()));
            drop(StopAtEnd(&shared.desk));
            model.join().expect("the model ends");
            assert_eq!(shared.done(), 7);
        });
    }

    #[test]
    fn what_a_model_did_can_be_seen_after_the_answer() {
        loom::model(|| {
            let shared = Shared::new();
            let theirs = shared.clone();
            let model = thread::spawn(move || {
                let mut turns = theirs.desk.turns();
                while let Some(order) = turns.next() {
                    // Once, so that a look at it meanwhile is no race.
                    if order == Order::Count && turns.found != turns.answered {
                        theirs.act();
                    }
                    thread::yield_now();
                }
            });
            shared.give(9);
            shared.desk.tell(Order::Count);
            assert_eq!(shared.desk.await_answer(), Ok(()));
            assert_eq!(shared.done(), 9);
            drop(StopAtEnd(&shared.desk));
            model.join().expect("the model ends");
        });
    }
}

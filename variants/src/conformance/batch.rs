//! Laws of axis `batch`.

use std::collections::VecDeque;

use driver::policy::{Batch, BatchStyle, Walk};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseResult;

use super::{Verdict, hold};
use crate::walk::{Chase, Speculate, Speculate4};

/// Makes tests of the laws of axis `batch`.
#[macro_export]
#[doc(hidden)]
macro_rules! batch_conformance {
    ($style:ty) => {
        use $crate::conformance::{Verdict, batch};

        #[test]
        fn packets_leave_once_and_in_the_order_in_which_they_came() -> Verdict {
            batch::is_a_queue::<$style>()
        }
    };
    // An answer that holds no batch: whole policies are tried with it.
    ($style:ty, whole) => {
        #[test]
        fn whole_policies_are_tried_with_it() {
            $crate::conformance::pass::is_in_a_policy::<$style>("batch");
        }
    };
}

/// A packet that cannot be doubled. Number 0 is no packet.
#[derive(Debug, Default, PartialEq, Eq)]
struct Packet(u32);

/// What a batch goes through.
#[derive(Clone, Debug)]
pub struct Life {
    capacity: u16,
    /// Each one a fill, what follows it, and all that is left taken out.
    rounds: Vec<(Index, Vec<Step>)>,
}

#[derive(Clone, Debug)]
pub enum Step {
    Visit,
    /// Of the packets inside.
    Take(Index),
}

fn lives() -> impl Strategy<Value = Life> {
    let step =
        prop_oneof![Just(Step::Visit), any::<Index>().prop_map(Step::Take)];
    let rounds = vec((any::<Index>(), vec(step, 0..5)), 1..6);
    let capacity = prop_oneof![1..=8_u16, 1..=256_u16];
    (capacity, rounds).prop_map(|(capacity, rounds)| Life { capacity, rounds })
}

type Live = fn(&Life) -> TestCaseResult;

/// The law with every walk, by the walk's name.
pub fn with_every_walk<B: BatchStyle>() -> [(&'static str, Live); 3] {
    fn with<B: BatchStyle, W: Walk>() -> (&'static str, Live) {
        (W::NAME, live::<B, W>)
    }
    [with::<B, Chase>(), with::<B, Speculate>(), with::<B, Speculate4>()]
}

/// Whatever the walk, a batch does what a queue does.
pub fn is_a_queue<B: BatchStyle>() -> Verdict {
    with_every_walk::<B>()
        .into_iter()
        .try_for_each(|(_, live)| hold(64, lives(), |life| live(&life)))
}

fn live<B: BatchStyle, W: Walk>(life: &Life) -> TestCaseResult {
    let mut batch = B::Of::<Packet>::with_capacity(life.capacity);
    let mut queue = VecDeque::new();
    let mut number = 0;
    for (n, steps) in &life.rounds {
        let n = n.index(usize::from(life.capacity) + 1) as u16;
        prop_assert!(batch.is_empty());
        batch.fill(n, || {
            number += 1;
            queue.push_back(number);
            Packet(number)
        });
        prop_assert_eq!(queue.len(), usize::from(n), "packets drawn");
        for step in steps {
            match step {
                Step::Visit => visit::<_, W>(&mut batch, &mut queue)?,
                Step::Take(part) => {
                    let n = part.index(queue.len() + 1);
                    take::<_, W>(n, &mut batch, &mut queue)?;
                }
            }
        }
        take::<_, W>(queue.len(), &mut batch, &mut queue)?;
        prop_assert!(batch.is_empty());
    }
    Ok(())
}

/// Marks every packet.
fn visit<B: Batch<Packet>, W: Walk>(
    batch: &mut B,
    queue: &mut VecDeque<u32>,
) -> TestCaseResult {
    const MARK: u32 = 1 << 16;
    let mut seen = VecDeque::new();
    batch.for_each::<W>(|packet| {
        seen.push_back(packet.0);
        packet.0 += MARK;
    });
    prop_assert_eq!(&seen, &*queue, "packets visited");
    queue.iter_mut().for_each(|packet| *packet += MARK);
    prop_assert_eq!(usize::from(batch.len()), queue.len());
    Ok(())
}

fn take<B: Batch<Packet>, W: Walk>(
    n: usize,
    batch: &mut B,
    queue: &mut VecDeque<u32>,
) -> TestCaseResult {
    let mut taken = Vec::new();
    batch.take::<W>(n as u16, |packet| taken.push(packet.0));
    let wanted: Vec<u32> = queue.drain(..n).collect();
    prop_assert_eq!(taken, wanted, "packets taken");
    prop_assert_eq!(usize::from(batch.len()), queue.len());
    Ok(())
}

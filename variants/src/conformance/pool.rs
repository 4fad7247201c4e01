//! Laws of axis `pool`.

use driver::mempool::PktBuf;
use driver::policy::Exchange;
use proptest::collection::vec;
use proptest::prelude::*;

use super::pools::{take_all, with_pool};
use super::{Verdict, hold};
use crate::registry::WithPool;

/// Makes tests of the laws of axis `pool`.
#[macro_export]
#[doc(hidden)]
macro_rules! pool_conformance {
    ($style:ty) => {
        use $crate::conformance::{Verdict, pool};

        #[test]
        fn as_many_buffers_come_as_were_asked_for_and_each_once() -> Verdict {
            pool::buffers_come_and_go_once::<$style>()
        }
    };
}

/// Batches of buffers are those from the top of the stack, and groups that
/// are given back lie on it as they were.
pub fn buffers_come_and_go_once<E: Exchange>() -> Verdict {
    let inputs = (1..600_u32, vec((0..=300_u16, 1..=64_usize), 1..20));
    hold(128, inputs, |(buffers, steps)| {
        with_pool::<WithPool<E>, _>(buffers, 64, |pool, _| {
            // A fresh stack, the lowest on top.
            let mut free: Vec<u32> = (0..buffers).rev().collect();
            let mut held: Vec<PktBuf> = Vec::new();
            for (n, group) in steps {
                let n = n.min(free.len() as u16);
                let mut wanted = free.split_off(free.len() - usize::from(n));
                let mut taken = E::begin(pool, n);
                let mut came = Vec::new();
                for _ in 0..n {
                    came.push(E::next(pool, &mut taken));
                }
                let mut seen: Vec<u32> =
                    came.iter().map(PktBuf::index).collect();
                seen.sort_unstable();
                wanted.sort_unstable();
                prop_assert_eq!(seen, wanted, "the top of the stack");
                held.append(&mut came);
                if held.len() >= group {
                    let group = &mut held[..group];
                    free.extend(group.iter().map(PktBuf::index));
                    E::give_back::<WithPool<E>>(pool, group);
                    let none = PktBuf::default();
                    prop_assert!(group.iter().all(|buf| *buf == none));
                    held.retain(|buf| *buf != none);
                }
                prop_assert_eq!(pool.available(), free.len());
            }
            let rest: Vec<u32> =
                take_all(pool).iter().rev().map(PktBuf::index).collect();
            prop_assert_eq!(rest, free, "the stack afterwards");
            Ok(())
        })
    })
}

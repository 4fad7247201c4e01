//! Laws of axis `meta`, and of the pool that keeps the metadata.

use driver::memory::HUGE_PAGE;
use driver::policy::{Meta, Policy, Spread};
use proptest::collection::vec;
use proptest::prelude::*;

use super::pools::{take_all, with_pool};
use super::{Verdict, at_most, hold};
use crate::batch::Slice;
use crate::buffer::Freelist;
use crate::reg::Unboxed;
use crate::registry::{Join, WithMeta};
use crate::status::Masked;
use crate::walk::Chase;

/// Makes tests of the laws of axis `meta`.
#[macro_export]
#[doc(hidden)]
macro_rules! meta_conformance {
    ($style:ty) => {
        use $crate::conformance::{Verdict, meta};

        #[test]
        fn packets_keep_apart_whatever_lies_between_them() -> Verdict {
            meta::packets_lie_apart::<$style>()
        }

        #[test]
        fn what_is_noted_of_a_packet_stays_with_it() -> Verdict {
            meta::notes_stay::<$style>()
        }

        #[test]
        fn the_buffer_given_back_last_is_taken_first() -> Verdict {
            meta::the_pool_is_a_stack::<$style>()
        }
    };
}

/// `BYTES` bytes between two buffers.
struct Gap<const BYTES: usize>;

impl<const BYTES: usize> Spread for Gap<BYTES> {
    const NAME: &'static str = "gap";
    const IDEA: &'static str = "a gap between buffers";

    fn stride(buffer_bytes: usize) -> usize {
        buffer_bytes + BYTES
    }
}

type WithGap<M, const BYTES: usize> =
    Join<Unboxed, Slice, Masked, Chase, Freelist, M, Gap<BYTES>>;

/// A packet as long as can be overlaps no other one, crosses no page of
/// 2 MiB, and starts in a cache line of its own, where the device finds it.
pub fn packets_lie_apart<M: Meta>() -> Verdict {
    let inputs = (1..at_most(3000, 100), 6..=12_u32);
    hold(64, inputs, |(buffers, log2)| {
        let bytes = 1_u16 << log2;
        lie_apart::<WithGap<M, 0>>(buffers, bytes)?;
        lie_apart::<WithGap<M, 64>>(buffers, bytes)?;
        lie_apart::<WithGap<M, 192>>(buffers, bytes)
    })
}

fn lie_apart<P: Policy>(
    buffers: u32,
    buffer_bytes: u16,
) -> Result<(), TestCaseError> {
    with_pool::<P, _>(buffers, buffer_bytes, |pool, view| {
        let base = view.base().addr().get();
        let mut next = 0;
        for buf in take_all(pool) {
            pool.set_len(&buf, u16::MAX);
            let at = (pool.iova(&buf).value() - view.iova().value()) as usize;
            let data = pool.data_mut(&buf);
            prop_assert_eq!(data.as_ptr().addr(), base + at, "both views");
            prop_assert_eq!(data.len(), buffer_bytes.min(1536).into());
            prop_assert!(at.is_multiple_of(64), "cache line");
            prop_assert!(at >= next + P::Meta::HEADROOM, "overlap");
            next = at + data.len();
            prop_assert_eq!(at / HUGE_PAGE, (next - 1) / HUGE_PAGE, "page");
        }
        prop_assert!(next <= view.bytes(), "outside");
        Ok(())
    })
}

/// Lengths, types and bytes of packets do not change with those of others.
pub fn notes_stay<M: Meta>() -> Verdict {
    let note = (any::<u16>(), any::<u16>(), any::<u8>());
    let notes = vec(note, 1..at_most(200, 20) as usize);
    hold(64, (notes, 6..=11_u32), |(notes, log2)| {
        let bytes = 1_u16 << log2;
        let buffers = notes.len() as u32;
        with_pool::<WithMeta<M>, _>(buffers, bytes, |pool, _| {
            let bufs = take_all(pool);
            prop_assert_eq!(bufs.len(), notes.len());
            for (buf, (len, packet_type, fill)) in bufs.iter().zip(&notes) {
                pool.set_len(buf, *len);
                pool.set_packet_type(buf, *packet_type);
                pool.data_mut(buf).fill(*fill);
            }
            for (buf, (len, packet_type, fill)) in bufs.iter().zip(&notes) {
                let len = (*len).min(bytes).min(1536);
                prop_assert_eq!(pool.len(buf), len);
                prop_assert_eq!(pool.packet_type(buf), *packet_type);
                prop_assert_eq!(pool.data_mut(buf).len(), len.into());
                prop_assert!(pool.data_mut(buf).iter().all(|b| b == fill));
            }
            Ok(())
        })
    })
}

/// Buffers come back in the reverse of the order in which they were given.
pub fn the_pool_is_a_stack<M: Meta>() -> Verdict {
    hold(64, (1..200_u32, any::<u64>()), |(buffers, seed)| {
        with_pool::<WithMeta<M>, _>(buffers, 64, |pool, _| {
            prop_assert_eq!(pool.free_slots(), Vec::from_iter(0..buffers));
            let mut bufs = take_all(pool);
            prop_assert_eq!(bufs.len(), buffers as usize);
            prop_assert!(pool.free_slots().is_empty());
            let middle = seed as usize % bufs.len();
            bufs.rotate_left(middle);
            let given: Vec<u32> = bufs.iter().map(|b| b.index()).collect();
            bufs.into_iter().for_each(|buf| pool.free(buf));
            let taken = take_all(pool);
            let taken: Vec<u32> =
                taken.iter().rev().map(|b| b.index()).collect();
            prop_assert_eq!(given, taken);
            Ok(())
        })
    })
}

//! Laws of axis `buffer`.

use driver::mempool::{Mempool, PktBuf};
use driver::policy::Ownership;
use proptest::collection::vec;
use proptest::prelude::*;

use super::pools::with_pool;
use super::{Verdict, hold};
use crate::registry::WithBuffer;

/// Makes tests of the laws of axis `buffer`.
#[macro_export]
#[doc(hidden)]
macro_rules! buffer_conformance {
    ($style:ty) => {
        use $crate::conformance::{Verdict, buffer};

        #[test]
        fn a_packet_keeps_its_bytes_from_ring_to_ring() -> Verdict {
            buffer::bytes_go_from_ring_to_ring::<$style>()
        }

        #[test]
        fn a_buffer_goes_back_once_and_not_before_its_time() -> Verdict {
            buffer::buffers_go_back_once::<$style>()
        }
    };
}

/// What is received is what is worked on, and what was worked on is sent.
pub fn bytes_go_from_ring_to_ring<O: Ownership>() -> Verdict {
    hold(64, vec(any::<u8>(), 60..200), |received| {
        with_pool::<WithBuffer<O>, _>(8, 256, |pool, _| {
            let buf = filled::<O>(pool, &received);
            let mut packet = O::receive(pool, buf);
            let bytes = O::bytes(pool, &mut packet);
            prop_assert_eq!(&*bytes, &received[..]);
            bytes.reverse();
            prop_assert_eq!(O::sendable(pool, 1), 1);
            let in_flight = O::send(pool, packet);
            let sent = pool.data_mut(O::buffer(&in_flight));
            prop_assert!(sent.iter().rev().eq(received.iter()));
            O::sent(pool, in_flight);
            Ok(())
        })
    })
}

/// Whatever becomes of packets, one by one or in a group: a buffer is free
/// when its packet is gone, and free but once.
pub fn buffers_go_back_once<O: Ownership>() -> Verdict {
    let fates = vec(prop_oneof![Just(Fate::Sent), Just(Fate::Dropped)], 1..90);
    hold(128, fates, |fates| {
        with_pool::<WithBuffer<O>, _>(100, 64, |pool, _| {
            let mut group = Vec::new();
            for fate in &fates {
                let buf = filled::<O>(pool, &[0; 60]);
                let packet = O::receive(pool, buf);
                match fate {
                    Fate::Dropped => O::dropped(pool, packet),
                    Fate::Sent => group.push(O::send(pool, packet)),
                }
            }
            let out = group.iter().map(|sent| O::buffer(sent).index());
            let mut out: Vec<u32> = out.collect();
            out.sort_unstable();
            let free = |slot: &u32| out.binary_search(slot).is_err();
            let free: Vec<u32> = (0..100).filter(free).collect();
            prop_assert_eq!(pool.free_slots(), free, "before they are sent");
            O::sent_group(pool, &mut group);
            prop_assert_eq!(pool.free_slots(), Vec::from_iter(0..100));
            O::reserve(pool, 100);
            prop_assert_eq!(pool.available(), 100, "all can be had");
            Ok(())
        })
    })
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Sent,
    Dropped,
}

/// A buffer as the device leaves it.
fn filled<O: Ownership>(
    pool: &mut Mempool<'_, WithBuffer<O>>,
    bytes: &[u8],
) -> PktBuf {
    O::reserve(pool, 1);
    let buf = pool.alloc().expect("a buffer");
    pool.set_len(&buf, bytes.len() as u16);
    pool.data_mut(&buf).copy_from_slice(bytes);
    buf
}

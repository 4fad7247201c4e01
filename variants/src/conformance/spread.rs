//! Laws of axis `spread`.

use driver::memory::HUGE_PAGE;
use driver::mempool::Mempool;
use driver::policy::Spread;
use proptest::prelude::*;

use super::{Verdict, at_most, hold, memory};
use crate::registry::WithSpread;

/// Makes tests of the laws of axis `spread`.
#[macro_export]
#[doc(hidden)]
macro_rules! spread_conformance {
    ($style:ty) => {
        use $crate::conformance::{Verdict, spread};

        #[test]
        fn a_stride_holds_a_buffer_in_whole_cache_lines() -> Verdict {
            spread::strides_hold_a_buffer::<$style>()
        }

        #[test]
        fn no_two_buffers_of_a_pool_overlap() -> Verdict {
            spread::buffers_lie_apart::<$style>()
        }
    };
}

/// Sizes that a driver can be set up with.
fn sizes() -> impl Strategy<Value = u16> {
    (6..=12_u32).prop_map(|log| 1 << log)
}

/// A stride is at least a buffer and a multiple of a cache line.
pub fn strides_hold_a_buffer<S: Spread>() -> Verdict {
    hold(32, sizes(), |bytes| {
        let stride = S::stride(bytes.into());
        prop_assert!(stride >= bytes.into());
        prop_assert!(stride.is_multiple_of(64));
        Ok(())
    })
}

/// In a pool, buffers neither overlap nor cross a page, and lie in the memory
/// that the pool asked for.
pub fn buffers_lie_apart<S: Spread>() -> Verdict {
    hold(16, (sizes(), 1..at_most(2000, 50)), |(bytes, buffers)| {
        let needed = Mempool::<WithSpread<S>>::dma_bytes(buffers, bytes);
        let mut region = memory(needed + HUGE_PAGE);
        let mut tables = region.carve();
        let mut packets = tables.split_off(needed);
        let packets = packets.take(needed, HUGE_PAGE);
        let view = packets.window();
        let mut pool =
            Mempool::<WithSpread<S>>::new(buffers, bytes, packets, &mut tables);
        let mut starts = Vec::new();
        while let Some(buf) = pool.alloc() {
            starts.push(pool.iova(&buf).value() - view.iova().value());
        }
        prop_assert_eq!(starts.len(), buffers as usize);
        starts.sort_unstable();
        let bytes = u64::from(bytes);
        for pair in starts.windows(2) {
            prop_assert!(pair[1] - pair[0] >= bytes, "{:?} overlap", pair);
        }
        for start in starts {
            let (end, page) = (start + bytes, HUGE_PAGE as u64);
            prop_assert!(end <= view.bytes() as u64, "{start} outside");
            prop_assert_eq!(start / page, (end - 1) / page, "two pages");
            prop_assert!(start.is_multiple_of(64), "{start} in a line");
        }
        Ok(())
    })
}

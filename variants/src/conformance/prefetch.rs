//! Law of axis `prefetch`.

use driver::memory::HUGE_PAGE;
use driver::mempool::Mempool;
use driver::policy::Prefetch;
use proptest::prelude::*;

use super::{Verdict, bytes_of, hold, memory};
use crate::registry::Baseline;

/// Makes a test of the law of axis `prefetch`.
#[macro_export]
#[doc(hidden)]
macro_rules! prefetch_conformance {
    ($style:ty) => {
        #[test]
        #[cfg_attr(miri, ignore = "reads 2 MiB a byte at a time")]
        fn a_packet_that_is_expected_stays_as_it_is()
        -> $crate::conformance::Verdict {
            $crate::conformance::prefetch::memory_stays_as_it_is::<$style>()
        }
    };
}

/// Nothing that a program can see changes, whatever buffer is expected.
pub fn memory_stays_as_it_is<S: Prefetch>() -> Verdict {
    hold(4, (1..64_u32, any::<u8>()), |(buffers, fill)| {
        let needed = Mempool::<Baseline>::dma_bytes(buffers, 2048);
        let mut region = memory(needed + HUGE_PAGE);
        let mut tables = region.carve();
        let packets = tables.split_off(needed).take(needed, HUGE_PAGE);
        let view = packets.window();
        let mut pool =
            Mempool::<Baseline>::new(buffers, 2048, packets, &mut tables);
        while let Some(buf) = pool.alloc() {
            pool.set_len(&buf, 60);
            pool.data_mut(&buf).fill(fill);
            let before = bytes_of(view);
            S::expect(pool.address(&buf));
            prop_assert!(bytes_of(view) == before, "memory has changed");
        }
        Ok(())
    })
}

//! Laws of axis `bounds`.

use driver::policy::Bounds;
use proptest::prelude::*;

use super::{Verdict, hold};

/// Makes tests of the laws of axis `bounds`.
#[macro_export]
#[doc(hidden)]
macro_rules! bounds_conformance {
    ($style:ty) => {
        use $crate::conformance::{Verdict, bounds};

        #[test]
        fn a_good_index_finds_its_entry() -> Verdict {
            bounds::good_indices_pass::<$style>()
        }

        #[test]
        fn a_sum_that_fits_is_the_sum() -> Verdict {
            bounds::sums_are_sums::<$style>()
        }
    };
}

/// An index below the length of a table leads to the entry with that index.
pub fn good_indices_pass<G: Bounds>() -> Verdict {
    let index = (1..5000_usize).prop_flat_map(|len| (0..len, Just(len)));
    hold(256, index, |(i, len)| {
        let mut table: Vec<usize> = (0..len).collect();
        // SAFETY: `i` was drawn from below `len`.
        let entry = unsafe {
            G::within(i, len);
            *G::entry(&mut table, i)
        };
        prop_assert_eq!(entry, i);
        Ok(())
    })
}

/// Sums that their type can hold are what they should be.
pub fn sums_are_sums<G: Bounds>() -> Verdict {
    hold(256, any::<(u16, u16, u32, u32)>(), |(a, b, c, d)| {
        prop_assert_eq!(G::add(a / 2, b / 2), a / 2 + b / 2);
        let (c, d) = (u64::from(c), u64::from(d));
        prop_assert_eq!(G::add(c, d), c + d);
        Ok(())
    })
}

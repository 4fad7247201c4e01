//! Law of axis `writeback`.

use driver::policy::WriteBack;
use driver::tx::CLEAN_GROUP;
use proptest::prelude::*;

use super::{Verdict, hold};

/// Makes a test of the law of axis `writeback`.
#[macro_export]
#[doc(hidden)]
macro_rules! writeback_conformance {
    ($style:ty) => {
        #[test]
        fn cleaning_finds_a_report_at_the_end_of_each_group()
        -> $crate::conformance::Verdict {
            $crate::conformance::writeback::groups_end_in_a_report::<$style>()
        }
    };
}

/// The last descriptor of each group asks for a write-back.
pub fn groups_end_in_a_report<S: WriteBack>() -> Verdict {
    hold(64, 0..4096 / CLEAN_GROUP, |group| {
        prop_assert!(S::reports(group * CLEAN_GROUP + CLEAN_GROUP - 1));
        Ok(())
    })
}

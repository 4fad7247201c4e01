//! Law of axis `pass`. What a pass does to packets, rings and registers is
//! held against the naive forwarder, with every other answer, in `policies`.

use driver::policy::Pass;

/// Makes a test that the answer stands where whole policies are tried.
#[macro_export]
#[doc(hidden)]
macro_rules! pass_conformance {
    ($style:ty) => {
        #[test]
        fn whole_policies_are_tried_with_it() {
            $crate::conformance::pass::is_in_a_policy::<$style>("pass");
        }
    };
}

/// The registry lists the answer, and so `policies` runs it.
pub fn is_in_a_policy<S: Pass>(axis: &str) {
    let axis = crate::registry::AXES.iter().find(|known| known.name == axis);
    let answers = axis.expect("an axis").answers;
    assert!(answers.iter().any(|answer| answer.name == S::NAME));
}

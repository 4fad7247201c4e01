//! Matching a value over 2 to 128 cases: jump table against comparisons.
//!
//! What is measured, and what it shows, stands in `variants::micro::matching`.

mod common;

fn main() {
    common::run(&[|criterion| {
        common::kernels(criterion, &variants::micro::matching::kernels());
    }]);
}

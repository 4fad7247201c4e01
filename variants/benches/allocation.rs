//! Allocation of a variant with one and with two arguments.
//!
//! What is measured, and what it shows, stands in `variants::micro::allocation`.

mod common;

fn main() {
    common::run(&[|criterion| {
        common::kernels(criterion, &variants::micro::allocation::kernels());
    }]);
}

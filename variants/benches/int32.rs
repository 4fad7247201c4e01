//! 32-bit and 64-bit integers to bytes and back.
//!
//! What is measured, and what it shows, stands in `variants::micro::int32`.

mod common;

fn main() {
    common::run(&[|criterion| {
        common::kernels(criterion, &variants::micro::int32::kernels());
    }]);
}

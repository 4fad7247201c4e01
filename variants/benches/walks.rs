//! List walks, in order and shuffled, from the first cache to memory.
//!
//! What is measured, and what it shows, stands in `variants::micro::walks`.

mod common;

fn main() {
    common::run(&[|criterion| {
        common::kernels(criterion, &variants::micro::walks::kernels());
    }]);
}

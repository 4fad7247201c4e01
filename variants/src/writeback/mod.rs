//! Axis `writeback`: which transmit descriptors ask for a write-back?

mod every;
mod every32;

pub use every::Every;
pub use every32::Every32;

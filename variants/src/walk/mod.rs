//! Axis `walk`: how is a list batch walked? Reference: `batch=arena`.

mod chase;
mod speculate;
mod speculate4;

pub use chase::Chase;
pub use speculate::Speculate;
pub use speculate4::Speculate4;

//! Axis `pass`: how often is a batch walked?

mod fused;
mod three;

pub use fused::Fused;
pub use three::Three;

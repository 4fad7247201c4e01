//! Axis `reg`: how does a 32-bit device word travel?

mod boxed;
mod bytes;
mod halves;
mod unboxed;

pub use boxed::Boxed;
pub use bytes::Bytes;
pub use halves::Halves;
pub use unboxed::Unboxed;

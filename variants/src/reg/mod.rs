//! Axis `reg`: how does a 32-bit device word travel?

mod boxed;
mod bytes;
#[cfg(have_cc)]
pub mod foreign;
mod halves;
mod tagged;
mod typed;
mod unboxed;
mod wide;

pub use boxed::Boxed;
pub use bytes::Bytes;
#[cfg(have_cc)]
pub use foreign::Foreign;
pub use halves::Halves;
pub use tagged::Tagged;
pub use typed::Typed;
pub use unboxed::Unboxed;
pub use wide::Wide;

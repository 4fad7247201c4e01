//! Axis `prefetch`: is packet data fetched ahead?

mod next;
mod none;

pub use next::Next;
pub use none::Nothing;

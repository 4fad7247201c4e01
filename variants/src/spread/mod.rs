//! Axis `spread`: where do packet buffers start?

mod coloured;
mod stride2k;

pub use coloured::Coloured;
pub use stride2k::Stride2k;

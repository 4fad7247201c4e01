//! Axis `status`: how are DD and EOP of a receive descriptor checked?

mod bit;
mod branchless;
mod branchy;
mod masked;

pub use bit::Bit;
pub use branchless::Branchless;
pub use branchy::Branchy;
pub use masked::Masked;

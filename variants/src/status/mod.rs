//! Axis `status`: how are DD and EOP of a receive descriptor checked?

mod branchless;
mod branchy;
mod masked;

pub use branchless::Branchless;
pub use branchy::Branchy;
pub use masked::Masked;

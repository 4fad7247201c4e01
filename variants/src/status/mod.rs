//! Axis `status`: how are DD and EOP of a receive descriptor checked?

mod bit;
mod branchless;
mod branchy;
mod masked;
mod simd;

pub use bit::Bit;
pub use branchless::Branchless;
pub use branchy::Branchy;
pub use masked::Masked;
pub use simd::Simd;

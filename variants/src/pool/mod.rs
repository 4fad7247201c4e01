//! Axis `pool`: how do buffers move between pool and rings?

mod bulk;
mod single;

pub use bulk::Bulk;
pub use single::Single;

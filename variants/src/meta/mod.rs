//! Axis `meta`: where is a packet's metadata?

mod header;
mod side;

pub use header::Header;
pub use side::Side;

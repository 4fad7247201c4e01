//! Axis `bounds`: are ring and pool indices checked?

mod checked;
mod overflow;
mod unchecked;

pub use checked::Checked;
pub use overflow::Overflow;
pub use unchecked::Unchecked;

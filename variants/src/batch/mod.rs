//! Axis `batch`: what holds a received batch?

mod arena;
mod deque;
mod list;
mod reused;
mod slice;
mod vec;

pub use arena::Arena;
pub use deque::Deque;
pub use list::List;
pub use reused::Reused;
pub use slice::Slice;
pub use vec::Fresh;

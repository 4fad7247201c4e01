//! Axis `batch`: what holds a received batch?

mod arena;
mod callback;
mod deque;
mod inline;
mod iter;
mod list;
mod reused;
mod slice;
mod vec;

pub use arena::Arena;
pub use callback::Callback;
pub use deque::Deque;
pub use inline::Inline;
pub use iter::Iter;
pub use list::List;
pub use reused::Reused;
pub use slice::Slice;
pub use vec::Fresh;

//! Axis `buffer`: who owns a packet buffer, and when does it go back?

mod arc;
mod deferred;
mod freelist;
mod heap;
mod refcount;

pub use arc::Shared;
pub use deferred::Deferred;
pub use freelist::Freelist;
pub use heap::Heap;
pub use refcount::Counted;

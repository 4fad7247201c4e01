//! What threads are made to meet with: the standard library's, and loom's in
//! tests that let loom choose the order.

pub(super) use imp::{AtomicU32, Deadline, Ordering, spin_loop};

#[cfg(not(all(loom, test)))]
mod imp {
    pub use std::hint::spin_loop;
    pub use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::{Duration, Instant};

    /// The end of somebody's patience.
    pub struct Deadline(Instant);

    impl Deadline {
        pub fn after(patience: Duration) -> Self {
            Self(Instant::now() + patience)
        }

        pub fn is_over(&self) -> bool {
            Instant::now() >= self.0
        }
    }
}

#[cfg(all(loom, test))]
mod imp {
    use std::time::Duration;

    pub use loom::hint::spin_loop;
    pub use loom::sync::atomic::{AtomicU32, Ordering};

    /// Loom has no time: who waits in vain waits for ever, and loom says so.
    pub struct Deadline;

    impl Deadline {
        pub fn after(_: Duration) -> Self {
            Self
        }

        pub fn is_over(&self) -> bool {
            false
        }
    }
}

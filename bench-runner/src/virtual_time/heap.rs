//! The process's heap in one state after the other.

use fastrand::Rng;

/// Most pieces that lie on the heap.
const MOST_PIECES: usize = 2_000;

/// Bytes of the largest of them.
const MOST_BYTES: usize = 200;

/// What lies on the heap between the allocations of others, and the gaps
/// between it.
pub(super) struct Heap {
    pieces: Vec<Vec<u8>>,
    rng: Rng,
}

impl Heap {
    /// A heap whose states are the same in each process.
    pub fn new() -> Self {
        Self { pieces: Vec::new(), rng: Rng::with_seed(1) }
    }

    /// Other pieces, and other gaps.
    pub fn shake(&mut self) {
        let Self { pieces, rng } = self;
        pieces.clear();
        for _ in 0..rng.usize(..MOST_PIECES) {
            pieces.push(Vec::with_capacity(rng.usize(1..=MOST_BYTES)));
        }
        pieces.retain(|_| rng.bool());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allocated_next_lies_elsewhere_each_time() {
        let mut heap = Heap::new();
        let mut places = Vec::new();
        for _ in 0..20 {
            heap.shake();
            let next = Box::new(7_u32);
            places.push(std::ptr::from_ref(&*next).addr());
        }
        places.sort_unstable();
        places.dedup();
        assert!(places.len() > 10, "{places:?}");
    }
}

//! What each variant must show when the instructions of the measured build
//! are counted. An idea that the compiler removed fails here by name.

/// The lowest and the highest number that will do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds(pub f64, pub f64);

impl Bounds {
    /// Whether a number will do.
    pub fn hold(&self, number: f64) -> bool {
        (self.0..=self.1).contains(&number)
    }
}

/// What counts as many branches as another has, per packet: what differs once
/// per batch may differ.
pub const ALIKE: Bounds = Bounds(-0.1, 0.1);

/// How often a variant asks the allocator for memory.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Allocations {
    /// For each packet.
    pub per_packet: u64,
    /// For each batch.
    pub per_batch: u64,
    /// At most so many more per packet, for what happens as the rings have
    /// it. Without them the others are exact.
    pub besides: f64,
}

impl Allocations {
    /// None at all.
    pub const NONE: Self = Self { per_packet: 0, per_batch: 0, besides: 0.0 };

    /// Whether so many for so many packets in so many batches will do.
    pub fn hold(&self, number: u64, packets: u64, batches: u64) -> bool {
        let least = self.per_packet * packets + self.per_batch * batches;
        let more = (self.besides * packets as f64).floor() as u64;
        (least..=least + more).contains(&number)
    }
}

/// What a variant must show, at batch size 32.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shows {
    /// The variant.
    pub variant: &'static str,
    /// Why it must be so.
    pub because: &'static str,
    /// What it allocates.
    pub allocations: Allocations,
    /// Conditional branches per packet on full rings beyond those of its
    /// reference. What other libraries do, such as the allocator, does not
    /// count.
    pub full: Bounds,
    /// The same on rings that have a random number of packets per batch.
    pub random: Bounds,
}

impl Shows {
    /// What every variant shows of which nothing else is said: the branches
    /// of its reference, and no allocation.
    pub const fn new(variant: &'static str, because: &'static str) -> Self {
        let allocations = Allocations::NONE;
        Self { variant, because, allocations, full: ALIKE, random: ALIKE }
    }

    /// So many allocations per packet.
    pub const fn allocates_per_packet(mut self, number: u64) -> Self {
        self.allocations.per_packet = number;
        self
    }

    /// So many allocations per batch.
    pub const fn allocates_per_batch(mut self, number: u64) -> Self {
        self.allocations.per_batch = number;
        self
    }

    /// Up to so many more allocations per packet.
    pub const fn allocates_besides(mut self, most: f64) -> Self {
        self.allocations.besides = most;
        self
    }

    /// From `low` to `high` branches per packet beyond the reference's.
    pub const fn branches(mut self, low: f64, high: f64) -> Self {
        self.full = Bounds(low, high);
        self.random(low, high)
    }

    /// The same where random rings differ from full ones; after
    /// [`branches`](Self::branches).
    pub const fn random(mut self, low: f64, high: f64) -> Self {
        self.random = Bounds(low, high);
        self
    }

    /// What is declared of `variant`.
    pub fn of(variant: &str) -> Option<&'static Self> {
        SHOWS.iter().find(|shows| shows.variant == variant)
    }
}

/// Every variant that shows something else than its reference, a line each.
/// `bench-runner counters --check` says which are wrong or missing.
pub const SHOWS: &[Shows] = &[
    // Per packet: its status, its length, two addresses to receive into, an
    // address and two words to send. Per batch: two tails, and the status of
    // the oldest group. Besides: a status that ends a batch. The branches ask whether
    // there was memory, and whether what is given back was memory.
    Shows::new("reg=boxed", "a Box for every word of a descriptor")
        .allocates_per_packet(7)
        .allocates_per_batch(3)
        .allocates_besides(0.04)
        .branches(15.2, 15.8),
    Shows::new("reg=bytes", "one test per batch that is a move elsewhere")
        .branches(-0.1, 0.25),
    #[cfg(have_cc)]
    Shows::new("reg=foreign", "one test per batch that is a move elsewhere")
        .branches(-0.1, 0.25),
    Shows::new("reg=tagged", "the tag of each access is looked at")
        .branches(1.0, 1.4),
    Shows::new("reg=wide", "an index that is compared once more")
        .branches(0.9, 1.1),
    Shows::new("batch=vec", "taking asks whether a packet is left")
        .allocates_per_batch(1)
        .branches(0.7, 1.1),
    Shows::new("batch=reused", "taking asks whether a packet is left")
        .branches(0.7, 1.1),
    Shows::new("batch=deque", "a queue may be in two pieces or empty")
        .branches(1.7, 2.2),
    Shows::new("batch=list", "a cell per packet, and a link may be the last")
        .allocates_per_packet(1)
        .branches(3.4, 4.1),
    Shows::new("batch=arena", "a link may be the last, and is an index")
        .branches(3.4, 4.1),
    Shows::new("batch=inline", "room is asked for, the length is known")
        .branches(-0.25, 0.1),
    Shows::new("batch=iter", "one loop per packet instead of three")
        .branches(-3.8, -3.1),
    Shows::new("batch=callback", "one loop per packet instead of three")
        .branches(-3.8, -3.1),
    Shows::new("status=branchy", "EOP has a branch of its own")
        .branches(0.9, 1.1),
    Shows::new(
        "status=branchless",
        "two branches per eight descriptors instead of two for each",
    )
    .branches(-1.9, -1.6),
    Shows::new("status=simd", "four branches per eight descriptors")
        .branches(-1.7, -1.3),
    Shows::new("walk=speculate", "a branch per cell, in two walks")
        .branches(1.9, 2.1),
    Shows::new("walk=speculate4", "what chase asks of a cell, of four at once")
        .branches(-1.9, -1.4),
    Shows::new("buffer=refcount", "whether there is a count, and how high")
        .branches(7.3, 7.7),
    Shows::new("buffer=arc", "whether there is a count, and how high")
        .branches(8.3, 8.8),
    Shows::new("buffer=heap", "a copy to the heap and one back")
        .allocates_per_packet(1)
        .branches(8.8, 9.3),
    Shows::new("buffer=deferred", "a look at each buffer of the pool")
        .branches(6.8, 7.2)
        .random(4.3, 4.7),
    Shows::new("bounds=unchecked", "no index is compared").branches(-8.7, -8.3),
    Shows::new("bounds=overflow", "sums are checked").branches(1.9, 2.4),
    Shows::new("pool=bulk", "the stack is asked once per batch")
        .branches(-1.4, -1.0),
    Shows::new(
        "dispatch=hashed",
        "five comparisons down the tree, and one for what is not sure then",
    )
    .branches(5.3, 5.7),
    Shows::new("dispatch=dyn", "some three branches fewer per batch")
        .branches(-0.25, 0.05),
    Shows::new("pass=fused", "one loop per packet instead of three")
        .branches(-4.8, -3.8),
    Shows::new("persona=ixy-c-style", "no index is compared, EOP has a branch")
        .branches(-7.7, -7.3),
    Shows::new("persona=ixy-rs-style", "as its queue and its counts")
        .branches(8.2, 8.6),
    Shows::new("persona=ixy-ml-2019-style", "a Box per word, a Vec per batch")
        .allocates_per_packet(7)
        .allocates_per_batch(4)
        .allocates_besides(0.1)
        .branches(16.9, 17.5),
    Shows::new("persona=ixy-ml-lists-style", "as its list").branches(3.4, 4.1),
    Shows::new("persona=fastest", "one loop, nothing compared")
        .branches(-14.5, -14.0),
    #[cfg(have_cc)]
    Shows::new("language=c", "no index is compared").branches(-10.5, -9.8),
    Shows::new("floor=lean", "one loop per packet and no container")
        .branches(-3.3, -2.7),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::variants;

    #[test]
    fn each_declaration_is_of_one_variant_that_forwards() {
        for (i, shows) in SHOWS.iter().enumerate() {
            let name = shows.variant;
            let is = |v: &crate::registry::Variant| v.name() == name;
            let variant = variants().into_iter().find(is);
            let variant = variant.unwrap_or_else(|| panic!("no {name}"));
            assert!(variant.forwards, "{name} has no packets");
            assert!(variant.reference != name, "{name} is its reference");
            let before = SHOWS[..i].iter().any(|s| s.variant == name);
            assert!(!before, "{name} twice");
        }
    }

    #[test]
    fn each_declaration_has_a_reason_and_can_be_met() {
        for shows in SHOWS {
            assert!(!shows.because.is_empty(), "{}", shows.variant);
            for Bounds(low, high) in [shows.full, shows.random] {
                assert!(low < high, "{}", shows.variant);
                // Wider ones would hold with a branch more or less.
                assert!(high - low <= 1.0, "{}", shows.variant);
            }
        }
    }

    #[test]
    fn allocations_are_exact_unless_they_need_not_be() {
        let none = Allocations::NONE;
        assert!(none.hold(0, 3584, 112) && !none.hold(1, 3584, 112));
        let batch = Allocations { per_batch: 1, ..none };
        assert!(batch.hold(112, 3584, 112));
        assert!(!batch.hold(111, 3584, 112) && !batch.hold(113, 3584, 112));
        let packet = Allocations { per_packet: 7, besides: 0.1, ..none };
        assert!(packet.hold(7000, 1000, 50) && packet.hold(7100, 1000, 50));
        assert!(!packet.hold(6999, 1000, 50) && !packet.hold(7101, 1000, 50));
    }
}

//! Misbehaviour on a seed.

/// What goes wrong, and how often. The default is a device without faults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Seed of the dice.
    pub seed: u64,
    /// Share of descriptors whose write-back waits for the device's next
    /// turn, in 1/256.
    pub late_write_back: u8,
    /// Share of received frames that are split over two descriptors, the
    /// first with DD and without EOP, in 1/256.
    pub fragments: u8,
    /// Share of packet addresses that the device finds unmapped, in 1/256.
    pub bad_iova: u8,
    /// The link never comes up.
    pub link_down: bool,
    /// CTRL.RST never clears.
    pub endless_reset: bool,
}

impl Faults {
    /// Whether the data path misbehaves.
    pub fn on_data_path(&self) -> bool {
        self.late_write_back | self.fragments | self.bad_iova != 0
    }
}

/// The dice of one direction of a port.
#[derive(Clone, Debug)]
pub(crate) struct Dice {
    faults: Faults,
    rng: fastrand::Rng,
}

impl Dice {
    pub fn new(faults: Faults, stream: u64) -> Self {
        let seed = faults.seed ^ stream.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self { faults, rng: fastrand::Rng::with_seed(seed) }
    }

    pub fn late(&mut self) -> bool {
        self.rng.u8(..) < self.faults.late_write_back
    }

    pub fn fragment(&mut self) -> bool {
        self.rng.u8(..) < self.faults.fragments
    }

    pub fn bad_iova(&mut self) -> bool {
        self.rng.u8(..) < self.faults.bad_iova
    }
}

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
///
/// Runs inside the timed loops: a branch predictor learns a few thousand
/// stored draws by heart. Only an addition leads from one draw to the next,
/// so that no draw waits for the one before it.
pub struct Random(u64);

impl Random {
    /// The same seed gives the same draws.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    #[inline(always)]
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    /// A number below `end`.
    #[inline(always)]
    pub fn below(&mut self, end: u32) -> u32 {
        (((self.draw() >> 32) * u64::from(end)) >> 32) as u32
    }
}

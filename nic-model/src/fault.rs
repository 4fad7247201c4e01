//! Misbehaviour on a seed, and what a driver must make of it.
//!
//! Each fault is either *reported*, as an error of set-up, or *ridden out*:
//! the driver goes on, every frame is forwarded or dropped under a name
//! ([`Account`](crate::Account)), and every buffer is in the pool or on a
//! ring. None may end in a crash, a hang or a lost buffer.
//!
//! | fault | what the device does | what a driver must do |
//! |---|---|---|
//! | [`late_write_back`] | from one descriptor on, writes back in its next turn | wait, in both directions; nothing is lost |
//! | [`out_of_order`] | writes a descriptor back one turn after its successors; on transmit all of 32 from a multiple of 32 on | stop at the first without DD, however many behind it have it |
//! | [`fragments`] | DD without EOP: a frame over two descriptors | drop the frame, count it, give both buffers back |
//! | [`zero_length`] | DD and EOP with length 0, no byte written | touch no byte; forward it, and the device takes a null descriptor, which sends nothing |
//! | [`oversize`] | reports more bytes than the buffer holds, and fills the buffer as far as the longest frame would | believe no more than the longest frame and the buffer, on receive and on transmit |
//! | [`error_bits`] | sets some of the extended error bits, 31:20 | look at DD and EOP alone: the frame is forwarded as it is |
//! | [`bad_iova`] | finds the address of a packet unmapped | nothing: the device drops the frame and counts it |
//! | [`slow_link`] | brings the link up after some turns | wait for it, with an end |
//! | [`link_down`] | never brings the link up | report the register and what it reads |
//! | [`link_flaps`] | loses the link for 1 to 3 turns: frames towards it are lost on the wire, nothing is taken off the transmit rings | go on; drop and count what the full transmit ring does not take |
//! | [`endless_reset`] | never clears CTRL.RST | report the register and what it reads |
//! | [`wild_heads`] | puts anything into RDH and TDH | not read them |
//! | [`stops_within`] | stops for good: nothing is received, sent or written back any more | go on; drop and count what the full transmit ring does not take |
//!
//! Three cases need no fault:
//!
//! | case | what the device does | what a driver must do |
//! |---|---|---|
//! | a tail beyond the ring | takes nothing; [`TrappedBar`](crate::TrappedBar) notes the driver's mistake | never write one |
//! | an empty pool | drops and counts what its full receive ring does not take | leave frames on the receive ring until there are buffers |
//! | a full transmit ring | sends nothing for a while | drop and count what does not fit |
//!
//! *Zero length.* A whole frame of length 0 comes from a device that is out
//! of order: the 82599 filters frames below 64 bytes. The forwarders of the
//! ixy family do not look for one, nor does this driver, for the look would
//! cost a branch per packet. What a card makes of a data descriptor of
//! length 0 is not specified for the format in use; the model takes it for a
//! null descriptor, as the datasheet does in the legacy format (7.2.3.2.1).
//!
//! *Error bits.* The driver leaves FCTRL.SBP clear, so that the card itself
//! drops frames with MAC errors. What remains are checksums of IP and above,
//! which a forwarder passes on as they are.
//!
//! *Out of order on transmit.* A driver looks at DD of the last descriptor
//! of a group of 32 and takes it for all of them. A device that had the last
//! one overtake the others of its group could not be ridden out: it would
//! write back into descriptors that are in use again.
//!
//! [`late_write_back`]: Faults::late_write_back
//! [`out_of_order`]: Faults::out_of_order
//! [`fragments`]: Faults::fragments
//! [`zero_length`]: Faults::zero_length
//! [`oversize`]: Faults::oversize
//! [`error_bits`]: Faults::error_bits
//! [`bad_iova`]: Faults::bad_iova
//! [`slow_link`]: Faults::slow_link
//! [`link_down`]: Faults::link_down
//! [`link_flaps`]: Faults::link_flaps
//! [`endless_reset`]: Faults::endless_reset
//! [`wild_heads`]: Faults::wild_heads
//! [`stops_within`]: Faults::stops_within

/// What goes wrong, and how often. The default is a device without faults.
/// Shares are in 1/256.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Seed of the dice.
    pub seed: u64,
    /// Share of descriptors from which on write-backs wait for the device's
    /// next turn.
    pub late_write_back: u8,
    /// Share of descriptors, on transmit of groups of 32, whose write-back
    /// waits for the device's next turn while later ones do not.
    pub out_of_order: u8,
    /// Share of received frames that are split over two descriptors, the
    /// first with DD and without EOP.
    pub fragments: u8,
    /// Share of whole frames that arrive with length 0.
    pub zero_length: u8,
    /// Share of whole frames that arrive with a length above the buffer's.
    pub oversize: u8,
    /// Share of received frames with error bits set.
    pub error_bits: u8,
    /// Share of packet addresses that the device finds unmapped.
    pub bad_iova: u8,
    /// Turns that the link takes to come up.
    pub slow_link: u8,
    /// The link never comes up.
    pub link_down: bool,
    /// Share of the device's turns at which the link is lost for a while.
    pub link_flaps: u8,
    /// CTRL.RST never clears.
    pub endless_reset: bool,
    /// RDH and TDH hold anything.
    pub wild_heads: bool,
    /// Each port stops at one of so many frames towards it; never when 0.
    pub stops_within: u32,
}

impl Faults {
    /// Whether there are any.
    pub fn any(&self) -> bool {
        *self != Self { seed: self.seed, ..Self::default() }
    }
}

/// How often faults struck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mishaps {
    /// Descriptors from which on write-backs were late.
    pub late_write_back: u64,
    /// Descriptors, on transmit groups, that were overtaken.
    pub out_of_order: u64,
    /// Frames split over two descriptors.
    pub fragments: u64,
    /// Frames of length 0.
    pub zero_length: u64,
    /// Frames longer than their buffer.
    pub oversize: u64,
    /// Frames with error bits.
    pub error_bits: u64,
    /// Addresses found unmapped.
    pub bad_iova: u64,
    /// Losses of the link.
    pub link_flaps: u64,
}

impl Mishaps {
    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            late_write_back: self.late_write_back + other.late_write_back,
            out_of_order: self.out_of_order + other.out_of_order,
            fragments: self.fragments + other.fragments,
            zero_length: self.zero_length + other.zero_length,
            oversize: self.oversize + other.oversize,
            error_bits: self.error_bits + other.error_bits,
            bad_iova: self.bad_iova + other.bad_iova,
            link_flaps: self.link_flaps + other.link_flaps,
        }
    }
}

/// What becomes of a frame in one buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// It is written as it came.
    Whole,
    /// Nothing is written, and length 0 reported.
    Nothing,
    /// The buffer is filled, and a greater length reported.
    Oversize(u16),
}

/// The dice of one direction of a port, or of its link.
#[derive(Clone, Debug)]
pub(crate) struct Dice {
    faults: Faults,
    rng: fastrand::Rng,
    mishaps: Mishaps,
}

impl Dice {
    pub fn new(faults: Faults, stream: u64) -> Self {
        let seed = faults.seed ^ stream.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let rng = fastrand::Rng::with_seed(seed);
        Self { faults, rng, mishaps: Mishaps::default() }
    }

    /// How often each fault was drawn.
    pub fn mishaps(&self) -> Mishaps {
        self.mishaps
    }

    fn draw(&mut self, share: u8) -> bool {
        self.rng.u8(..) < share
    }

    pub fn late(&mut self) -> bool {
        let late = self.draw(self.faults.late_write_back);
        self.mishaps.late_write_back += u64::from(late);
        late
    }

    pub fn out_of_order(&mut self) -> bool {
        let overtaken = self.draw(self.faults.out_of_order);
        self.mishaps.out_of_order += u64::from(overtaken);
        overtaken
    }

    pub fn fragment(&mut self) -> bool {
        let split = self.draw(self.faults.fragments);
        self.mishaps.fragments += u64::from(split);
        split
    }

    /// The form of a frame of `bytes` in a buffer of `buffer_bytes`, which a
    /// fault fills up only when it can leave its mark there.
    pub fn form(&mut self, bytes: u32, buffer_bytes: u32) -> Form {
        let nothing = self.draw(self.faults.zero_length);
        let oversize = self.draw(self.faults.oversize);
        let length = self.rng.u16(..).max(buffer_bytes as u16 + 1);
        if nothing {
            self.mishaps.zero_length += 1;
            Form::Nothing
        } else if oversize && bytes + FILL_MARK_BYTES as u32 <= buffer_bytes {
            self.mishaps.oversize += 1;
            Form::Oversize(length)
        } else {
            Form::Whole
        }
    }

    /// Bits 31:20 of a status, mostly 0.
    pub fn error_bits(&mut self) -> u32 {
        let bits = self.rng.u32(1..1 << 12) << 20;
        if self.draw(self.faults.error_bits) {
            self.mishaps.error_bits += 1;
            return bits;
        }
        0
    }

    pub fn bad_iova(&mut self) -> bool {
        let bad = self.draw(self.faults.bad_iova);
        self.mishaps.bad_iova += u64::from(bad);
        bad
    }

    /// For how many turns the link is lost, mostly 0.
    pub fn link_flap(&mut self) -> u32 {
        let turns = self.rng.u32(1..=3);
        if self.draw(self.faults.link_flaps) {
            self.mishaps.link_flaps += 1;
            return turns;
        }
        0
    }

    /// The frame at which a port stops.
    pub fn stop(&mut self) -> u64 {
        match self.faults.stops_within {
            0 => u64::MAX,
            within => self.rng.u32(..within).into(),
        }
    }

    /// What stands in head registers until the next turn.
    pub fn heads(&self) -> [u32; 2] {
        let mut rng = self.rng.clone();
        [rng.u32(..), rng.u32(..)]
    }
}

/// Bytes at the end of a filled buffer that hold its size.
const FILL_MARK_BYTES: usize = 2;

/// What a buffer is filled with behind a frame.
const FILLER: u8 = 0xDB;

/// Fills the rest of a buffer of `bytes` bytes behind `frame`, and notes the
/// size at its end, so that a sink knows it without asking.
pub(crate) fn fill_buffer(frame: &mut Vec<u8>, bytes: u32) {
    let mark = (bytes as u16).to_le_bytes();
    frame.resize(bytes as usize - mark.len(), FILLER);
    frame.extend(mark);
}

/// Whether `rest` is all that [`fill_buffer`] puts behind a frame in a buffer
/// of `bytes` bytes.
pub(crate) fn is_filled(rest: &[u8], bytes: u32) -> bool {
    let mark = (bytes as u16).to_le_bytes();
    let filler = rest.strip_suffix(&mark);
    filler.is_some_and(|filler| filler.iter().all(|byte| *byte == FILLER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_alone_is_no_fault() {
        assert!(!Faults { seed: 7, ..Faults::default() }.any());
        assert!(Faults { wild_heads: true, ..Faults::default() }.any());
        assert!(Faults { slow_link: 1, ..Faults::default() }.any());
        assert!(Faults { stops_within: 1, ..Faults::default() }.any());
    }

    #[test]
    fn a_filled_buffer_is_recognised_by_filler_and_size() {
        let mut buffer = vec![1; 60];
        fill_buffer(&mut buffer, 1024);
        assert_eq!(buffer.len(), 1024);
        assert!(is_filled(&buffer[60..], 1024));
        assert!(!is_filled(&buffer[60..], 2048));
        assert!(!is_filled(&buffer[60..1023], 1024));
        assert!(!is_filled(&buffer[59..], 1024));
        assert!(!is_filled(&[], 1024));
    }

    #[test]
    fn an_oversize_length_is_above_the_buffer_and_needs_room_for_its_mark() {
        let faults = Faults { oversize: 255, ..Faults::default() };
        let mut dice = Dice::new(faults, 0);
        for _ in 0..1000 {
            match dice.form(1022, 1024) {
                Form::Oversize(length) => assert!(length > 1024),
                form => assert_eq!(form, Form::Whole),
            }
            assert_eq!(dice.form(1023, 1024), Form::Whole);
        }
        assert!(dice.mishaps().oversize > 900);
    }
}

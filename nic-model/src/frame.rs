//! Frames: Ethernet, IPv4, UDP, and a sequence number at their end.
//!
//! ```text
//!  0 Ethernet (RFC 894)   14 IPv4 (RFC 791)   34 UDP (RFC 768)
//! 42 payload: text, of which byte 48 is the one a forwarder increments
//! 52 sequence number, 64 bits, little-endian
//! 60 pattern, in frames above 64 bytes
//! ```
//!
//! Sizes are sizes on the wire and include the frame checksum of 4 bytes,
//! which the device adds and strips.

use core::ptr::NonNull;

use crate::arrivals::Sizes;

/// Frame sizes that the wire carries.
pub const SIZES: core::ops::RangeInclusive<u16> = 64..=1518;

/// Bytes of the frame checksum.
pub const FCS_BYTES: u16 = 4;

/// Flows of a port, told apart by the source address.
pub const FLOWS: u64 = 1024;

/// The byte that a forwarder increments, so that it has touched the packet.
pub const TOUCHED_BYTE: usize = 48;

/// Most packet types of a source.
pub const MAX_TYPES: u8 = 32;

/// Bytes that all frames have: headers, payload and number.
pub(crate) const HEAD_BYTES: usize = 60;
const SEQUENCE_AT: usize = 52;
const TEXT_AT: usize = 44;

/// What a source's frames look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameFormat {
    /// Size on the wire, one of [`SIZES`].
    pub wire_bytes: u16,
    /// Packet types, drawn by sequence number: 1, or 2 to [`MAX_TYPES`].
    pub types: u8,
    /// How they are drawn.
    pub trace: Trace,
    /// Whether all frames are of flow 0, instead of each of the next.
    pub one_flow: bool,
    /// Whether sizes are those of [`Sizes::Imix`], by sequence number; the
    /// size on the wire is then the largest of them.
    pub mix: bool,
}

/// How the packet types of a port follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trace {
    /// Each is drawn for itself: the same number has the same type, and
    /// nothing else repeats.
    #[default]
    Generated,
    /// Those of the first [`REPLAYED_FRAMES`] frames, over and over.
    Replayed,
}

/// Frames after which a replayed trace begins again.
pub const REPLAYED_FRAMES: u64 = 64;

impl Default for FrameFormat {
    fn default() -> Self {
        let trace = Trace::Generated;
        Self { wire_bytes: 64, types: 1, trace, one_flow: false, mix: false }
    }
}

/// The frames of one port.
#[derive(Clone, Debug)]
pub struct FrameMaker {
    format: FrameFormat,
    head: FrameHead,
    /// What follows byte 59.
    pattern: Vec<u8>,
    /// Of a mix, the frames of each size.
    sizes: Vec<FrameMaker>,
}

/// The first 60 bytes of a port's frames; small, so that a loop keeps a copy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameHead {
    /// Bytes 0, 8, … 40 of flow 0, type 0.
    words: [u64; 6],
    /// Bytes 44 to 51.
    text: u64,
    types: u8,
    draw: Draw,
    /// Flows in use, less 1.
    flow_mask: u16,
}

/// What packet types are drawn by, besides the sequence number.
#[derive(Clone, Copy, Debug)]
struct Draw {
    /// Bits of the sequence number that count.
    mask: u64,
    /// Tells the ports apart, which take turns: the draws of one must not
    /// foretell those of the other.
    port: u64,
}

impl Draw {
    fn new(port: u8, trace: Trace) -> Self {
        let mask = match trace {
            Trace::Generated => u64::MAX,
            Trace::Replayed => REPLAYED_FRAMES - 1,
        };
        Self { mask, port: u64::from(port) << 56 }
    }

    /// The finaliser of SplitMix64: a product alone steps evenly through the
    /// types, and a processor that remembers the last one guesses the next.
    #[inline(always)]
    fn packet_type(self, sequence: u64, types: u8) -> u16 {
        let mut mixed = (sequence & self.mask) ^ self.port;
        mixed = mixed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (((mixed >> 32) * u64::from(types)) >> 32) as u16
    }
}

/// What distinguishes one frame of a port from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameTags {
    /// Flow, below [`FLOWS`]; on a port of one queue it stands in the place
    /// of the RSS hash.
    pub flow: u16,
    /// Packet type, as it stands in the write-back descriptor.
    pub packet_type: u16,
}

impl FrameMaker {
    /// The frames that enter at `port`.
    pub fn new(port: u8, format: FrameFormat) -> Self {
        assert!(SIZES.contains(&format.wire_bytes), "frame size");
        assert!((1..=MAX_TYPES).contains(&format.types), "packet types");
        let bytes = usize::from(format.wire_bytes - FCS_BYTES);
        let mut frame = vec![0; bytes];
        frame[0..6].copy_from_slice(&[0x02, 0, 0, 0, 1, port]);
        frame[6..12].copy_from_slice(&[0x02, 0, 0, 0, 0, port]);
        frame[12..14].copy_from_slice(&0x0800_u16.to_be_bytes());
        let ip_bytes = (bytes - 14) as u16;
        frame[14] = 0x45;
        frame[16..18].copy_from_slice(&ip_bytes.to_be_bytes());
        frame[22] = 64;
        frame[23] = 17;
        frame[26..30].copy_from_slice(&[10, port, 0, 0]);
        frame[30..34].copy_from_slice(&[10, port, 128, 1]);
        frame[34..36].copy_from_slice(&1234_u16.to_be_bytes());
        frame[36..38].copy_from_slice(&FIRST_TYPE_PORT.to_be_bytes());
        frame[38..40].copy_from_slice(&(ip_bytes - 20).to_be_bytes());
        frame[42..52].copy_from_slice(b"\0\0ringside");
        for (i, byte) in frame.iter_mut().enumerate().skip(HEAD_BYTES) {
            *byte = i as u8 ^ 0x5A;
        }
        // The identification makes the header of flow 0 add up to SUM_0.
        let identification = SUM_0.wrapping_sub(sum(&frame[14..34]));
        let carry = u16::from(SUM_0 < sum(&frame[14..34]));
        let identification = identification - carry;
        frame[18..20].copy_from_slice(&identification.to_be_bytes());
        frame[24..26].copy_from_slice(&(!SUM_0).to_be_bytes());
        let word = |at: usize| {
            u64::from_le_bytes(frame[at..at + 8].try_into().expect("8 bytes"))
        };
        let head = FrameHead {
            words: [0, 8, 16, 24, 32, 40].map(word),
            text: word(TEXT_AT),
            types: format.types,
            draw: Draw::new(port, format.trace),
            flow_mask: if format.one_flow { 0 } else { FLOWS as u16 - 1 },
        };
        let pattern = frame.split_off(HEAD_BYTES);
        let mut sizes = Vec::new();
        if format.mix {
            let mut all = Sizes::Imix.all();
            assert_eq!(all.iter().max(), Some(&format.wire_bytes), "largest");
            all.sort_unstable();
            all.dedup();
            let of =
                |wire_bytes| FrameFormat { wire_bytes, mix: false, ..format };
            sizes = all.into_iter().map(|b| Self::new(port, of(b))).collect();
        }
        Self { format, head, pattern, sizes }
    }

    /// The frames that are as large as that of number `sequence`.
    #[inline(always)]
    fn sized(&self, sequence: u64) -> &Self {
        if self.sizes.is_empty() {
            return self;
        }
        let bytes = Sizes::Imix.of(sequence);
        let is_it = |one: &&Self| one.format.wire_bytes == bytes;
        self.sizes.iter().find(is_it).expect("a size of the mix")
    }

    /// What these frames look like.
    pub fn format(&self) -> FrameFormat {
        self.format
    }

    /// Bytes of a frame without its checksum, of a mix of the largest.
    #[inline(always)]
    pub fn bytes(&self) -> u32 {
        u32::from(self.format.wire_bytes - FCS_BYTES)
    }

    /// Bytes of frame number `sequence` without its checksum.
    #[inline(always)]
    pub fn bytes_of(&self, sequence: u64) -> u32 {
        self.sized(sequence).bytes()
    }

    /// Bytes that the frame at `at` should have, by its number.
    ///
    /// # Safety
    ///
    /// 60 bytes from `at` on are valid for reads.
    pub(crate) unsafe fn bytes_at(&self, at: NonNull<u8>) -> u32 {
        // SAFETY: the caller's promise.
        let sequence = unsafe {
            u64::from_le(at.add(SEQUENCE_AT).cast().read_unaligned())
        };
        self.bytes_of(sequence)
    }

    /// Whether frames are of several sizes.
    #[inline(always)]
    pub(crate) fn is_mixed(&self) -> bool {
        !self.sizes.is_empty()
    }

    /// The first 60 bytes.
    #[inline(always)]
    pub(crate) fn head(&self) -> FrameHead {
        self.head
    }

    /// Whether the head is all of a frame, and all are of one type.
    #[inline(always)]
    pub(crate) fn is_plain(&self) -> bool {
        self.pattern.is_empty() && self.format.types == 1
    }

    /// Flow and type of frame number `sequence`.
    pub fn tags(&self, sequence: u64) -> FrameTags {
        self.head.tags::<false>(sequence)
    }

    /// Flows that there are, each with every so many-th frame.
    pub(crate) fn flows(&self) -> u16 {
        self.head.flow_mask + 1
    }

    /// Packet types that there are.
    pub(crate) fn types(&self) -> u16 {
        self.format.types.into()
    }

    /// Source and destination address and port of the frames with these tags:
    /// bytes 26 to 37.
    pub(crate) fn tuple(&self, tags: FrameTags) -> [u8; 12] {
        let [_, _, _, w3, w4, _] = self.head.words.map(u64::to_le_bytes);
        let source = u32::from_be_bytes([w3[2], w3[3], w3[4], w3[5]]);
        let [a, b, c, d] = (source + u32::from(tags.flow)).to_be_bytes();
        let to = u16::from_be_bytes([w4[4], w4[5]]) + tags.packet_type;
        let [e, f] = to.to_be_bytes();
        [a, b, c, d, w3[6], w3[7], w4[0], w4[1], w4[2], w4[3], e, f]
    }

    /// Frame number `sequence`.
    pub fn frame(&self, sequence: u64) -> Vec<u8> {
        let mut frame = vec![0; self.bytes_of(sequence) as usize];
        let at = NonNull::from_mut(frame.as_mut_slice()).cast();
        // SAFETY: the vector is as long as the frame.
        unsafe { self.write(at, sequence) };
        frame
    }

    /// Writes frame number `sequence`.
    ///
    /// # Safety
    ///
    /// [`bytes_of`](Self::bytes_of) that frame from `at` on are valid for
    /// writes.
    pub unsafe fn write(&self, at: NonNull<u8>, sequence: u64) {
        let Self { head, pattern, .. } = self.sized(sequence);
        // SAFETY: head and pattern are the frame.
        unsafe {
            head.write::<false>(at, sequence);
            let rest = at.add(HEAD_BYTES).as_ptr();
            rest.copy_from_nonoverlapping(pattern.as_ptr(), pattern.len());
        }
    }

    /// The same frames after byte 48 has been incremented `touches` times.
    pub fn touched(mut self, touches: u8) -> Self {
        self.head.text = touch(self.head.text, touches);
        let sizes = self.sizes.into_iter().map(|one| one.touched(touches));
        Self { sizes: sizes.collect(), ..self }
    }

    /// The sequence number of the frame at `at`, and whether every byte is
    /// what [`write`](Self::write) writes for that number.
    ///
    /// # Safety
    ///
    /// [`bytes`](Self::bytes) bytes from `at` on are valid for reads, of a mix
    /// as many as the frame should have by its number.
    pub unsafe fn check(&self, at: NonNull<u8>) -> (u64, bool) {
        // SAFETY: the caller's promise.
        unsafe { self.check_as::<false>(at) }
    }

    /// As [`check`](Self::check), for a frame of a forwarder that may have
    /// changed the addresses of Ethernet, or byte 48.
    ///
    /// # Safety
    ///
    /// As for [`check`](Self::check).
    pub unsafe fn check_forwarded(&self, at: NonNull<u8>) -> (u64, bool) {
        // SAFETY: the caller's promise.
        unsafe { self.check_as::<true>(at) }
    }

    /// Head, and what follows it.
    ///
    /// # Safety
    ///
    /// As for [`check`](Self::check).
    #[inline(always)]
    unsafe fn check_as<const CHANGED: bool>(
        &self,
        at: NonNull<u8>,
    ) -> (u64, bool) {
        // SAFETY: the caller's promise; no frame is shorter than its head.
        let sequence = unsafe {
            u64::from_le(at.add(SEQUENCE_AT).cast().read_unaligned())
        };
        let Self { head, pattern, .. } = self.sized(sequence);
        // SAFETY: head and pattern are the frame.
        let ((sequence, same), rest) = unsafe {
            let rest = at.add(HEAD_BYTES).as_ptr();
            let rest = core::slice::from_raw_parts(rest, pattern.len());
            (head.check::<false, CHANGED>(at), rest)
        };
        (sequence, same && rest == pattern)
    }
}

/// `ONE_TYPE` says beforehand that there is one packet type.
impl FrameHead {
    /// Flow and type of frame number `sequence`.
    #[inline(always)]
    pub fn tags<const ONE_TYPE: bool>(&self, sequence: u64) -> FrameTags {
        let flow = sequence as u16 & self.flow_mask;
        let packet_type = if ONE_TYPE || self.types == 1 {
            0
        } else {
            self.draw.packet_type(sequence, self.types)
        };
        FrameTags { flow, packet_type }
    }

    /// The eight words that lie at [`WORDS_AT`].
    #[inline(always)]
    fn of<const ONE_TYPE: bool>(&self, sequence: u64) -> [u64; 8] {
        let tags = self.tags::<ONE_TYPE>(sequence);
        let [w0, w1, w2, w3, mut w4, w5] = self.words;
        let flow = u64::from(tags.flow).wrapping_mul(PER_FLOW);
        let w3 = w3.swap_bytes().wrapping_add(flow).swap_bytes();
        if !ONE_TYPE && self.types > 1 {
            let port = FIRST_TYPE_PORT + tags.packet_type;
            w4 = w4 & !(0xFFFF << 32) | u64::from(port.swap_bytes()) << 32;
        }
        [w0, w1, w2, w3, w4, w5, self.text, sequence]
    }

    /// Writes the head of frame number `sequence`.
    ///
    /// # Safety
    ///
    /// 60 bytes from `at` on are valid for writes.
    #[inline(always)]
    pub unsafe fn write<const ONE_TYPE: bool>(
        &self,
        at: NonNull<u8>,
        sequence: u64,
    ) {
        let words = self.of::<ONE_TYPE>(sequence);
        for (word, offset) in words.into_iter().zip(WORDS_AT) {
            // SAFETY: the last word ends at byte 60.
            unsafe { at.add(offset).cast().write_unaligned(word.to_le()) };
        }
    }

    /// As [`FrameMaker::check`], for the head; with `CHANGED` as
    /// [`FrameMaker::check_forwarded`].
    ///
    /// # Safety
    ///
    /// 60 bytes from `at` on are valid for reads.
    #[inline(always)]
    pub unsafe fn check<const ONE_TYPE: bool, const CHANGED: bool>(
        &self,
        at: NonNull<u8>,
    ) -> (u64, bool) {
        // SAFETY: the last word ends at byte 60.
        let sequence = unsafe {
            u64::from_le(at.add(SEQUENCE_AT).cast().read_unaligned())
        };
        let wanted = self.of::<ONE_TYPE>(sequence).map(u64::to_le);
        // SAFETY: the caller's promise.
        (sequence, unsafe { same_words::<CHANGED>(at, &wanted) })
    }
}

/// The bits of the words that a forwarder leaves as they are: not those of
/// the addresses, bytes 0 to 11, and not those of byte 48.
const KEPT: [u64; 8] = {
    let mut kept = [u64::MAX; 8];
    kept[0] = 0;
    kept[1] = 0xFFFF_FFFF << 32;
    kept[6] = !(0xFF << (8 * (TOUCHED_BYTE - TEXT_AT)));
    kept
};

/// Sum over the IPv4 header of flow 0. Its complement is the checksum, and
/// that of flow n is n lower: no sum carries.
const SUM_0: u16 = 0x1000;

/// What one flow more adds to bytes 24 to 31, read as a big-endian number:
/// 1 to the source address, -1 to the checksum in front of it.
const PER_FLOW: u64 = (1_u64 << 16).wrapping_sub(1 << 48);

/// Ones' complement sum (RFC 1071).
fn sum(header: &[u8]) -> u16 {
    let add = |sum: u32, pair: &[u8]| {
        let sum = sum + u32::from(u16::from_be_bytes([pair[0], pair[1]]));
        (sum & 0xFFFF) + (sum >> 16)
    };
    header.chunks_exact(2).fold(0, add) as u16
}

/// Whether the words at [`WORDS_AT`] from `at` on are `wanted`, without a
/// branch per word; `CHANGED` looks only at what is [`KEPT`].
///
/// # Safety
///
/// 60 bytes from `at` on are valid for reads.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn same_words<const CHANGED: bool>(
    at: NonNull<u8>,
    wanted: &[u64; 8],
) -> bool {
    use core::arch::x86_64::*;
    let differs = |pair: usize| {
        let [low, high] = [wanted[2 * pair], wanted[2 * pair + 1]];
        let offset = WORDS_AT[2 * pair];
        // SAFETY: SSE2 is part of x86-64; the last pair ends at byte 60.
        unsafe {
            let seen = _mm_loadu_si128(at.add(offset).as_ptr().cast());
            let wanted = _mm_set_epi64x(high as i64, low as i64);
            let differs = _mm_xor_si128(seen, wanted);
            let [low, high] = [KEPT[2 * pair], KEPT[2 * pair + 1]];
            match CHANGED && (low & high) != u64::MAX {
                true => {
                    let kept = _mm_set_epi64x(high as i64, low as i64);
                    _mm_and_si128(differs, kept)
                }
                false => differs,
            }
        }
    };
    // SAFETY: SSE2 is part of x86-64.
    unsafe {
        let front = _mm_or_si128(differs(0), differs(1));
        let back = _mm_or_si128(differs(2), differs(3));
        let all = _mm_or_si128(front, back);
        let equal = _mm_cmpeq_epi8(all, _mm_setzero_si128());
        _mm_movemask_epi8(equal) == 0xFFFF
    }
}

/// As on x86-64, word by word.
///
/// # Safety
///
/// 60 bytes from `at` on are valid for reads.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
unsafe fn same_words<const CHANGED: bool>(
    at: NonNull<u8>,
    wanted: &[u64; 8],
) -> bool {
    let differs = |(n, word): (usize, &u64)| {
        // SAFETY: the last word ends at byte 60.
        let seen: u64 = unsafe { at.add(WORDS_AT[n]).cast().read_unaligned() };
        let kept = if CHANGED { KEPT[n].to_le() } else { u64::MAX };
        (seen ^ word) & kept
    };
    let all = wanted.iter().enumerate().map(differs);
    all.fold(0, |acc, d| acc | d) == 0
}

/// Destination port of packet type 0.
const FIRST_TYPE_PORT: u16 = 4000;

/// Where the words of a frame's head lie; the last two overlap their
/// neighbours, so that exactly 60 bytes are written.
const WORDS_AT: [usize; 8] = [0, 8, 16, 24, 32, 40, TEXT_AT, SEQUENCE_AT];

/// Adds `touches` to byte 48 of the word at [`TEXT_AT`], without carry.
#[inline(always)]
fn touch(text: u64, touches: u8) -> u64 {
    const SHIFT: usize = (TOUCHED_BYTE - TEXT_AT) * 8;
    let byte = (text >> SHIFT) as u8;
    text & !(0xFF << SHIFT) | u64::from(byte.wrapping_add(touches)) << SHIFT
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(maker: &FrameMaker, sequence: u64) -> Vec<u8> {
        let bytes = maker.bytes_of(sequence) as usize;
        let mut frame = vec![0xEE; bytes + 8];
        let at = NonNull::new(frame.as_mut_ptr()).expect("not null");
        // SAFETY: the vector is longer than the frame.
        unsafe { maker.write(at, sequence) };
        assert_eq!(frame.split_off(bytes), [0xEE; 8]);
        frame
    }

    fn checked(maker: &FrameMaker, frame: &mut [u8]) -> (u64, bool) {
        let at = NonNull::new(frame.as_mut_ptr()).expect("not null");
        // SAFETY: the slice is the frame.
        unsafe { maker.check(at) }
    }

    fn formats() -> impl Strategy<Value = FrameFormat> {
        let trace = prop_oneof![Just(Trace::Generated), Just(Trace::Replayed)];
        let one_flow = any::<bool>();
        (SIZES, 1..=MAX_TYPES, trace, one_flow, any::<bool>()).prop_map(
            |(bytes, types, trace, one_flow, mix)| FrameFormat {
                wire_bytes: if mix { *SIZES.end() } else { bytes },
                types,
                trace,
                one_flow,
                mix,
            },
        )
    }

    #[test]
    fn a_frame_is_valid_ipv4_and_udp() {
        let maker = FrameMaker::new(1, FrameFormat::default());
        let frame = written(&maker, 1023);
        assert_eq!(frame.len(), 60);
        assert_eq!(frame[12..14], [0x08, 0x00]);
        assert_eq!(frame[26..30], [10, 1, 3, 255]);
        assert_eq!(u16::from_be_bytes([frame[38], frame[39]]), 26);
    }

    #[test]
    fn every_flow_has_the_right_header_checksum() {
        for port in [0, 1, 7, 255] {
            for wire_bytes in [64, 65, 1518] {
                let format =
                    FrameFormat { wire_bytes, types: 32, ..Default::default() };
                let maker = FrameMaker::new(port, format);
                let step = if cfg!(miri) { 311 } else { 1 };
                for sequence in (0..FLOWS).step_by(step) {
                    let frame = written(&maker, sequence);
                    assert_eq!(sum(&frame[14..34]), 0xFFFF);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(
            if cfg!(miri) { 4 } else { 256 }
        ))]

        #[test]
        fn what_was_written_is_recognised(
            format in formats(), port: u8, sequence: u64, touches: u8,
        ) {
            let maker = FrameMaker::new(port, format);
            let mut frame = written(&maker, sequence);
            frame[TOUCHED_BYTE] = frame[TOUCHED_BYTE].wrapping_add(touches);
            let maker = maker.touched(touches);
            prop_assert_eq!(checked(&maker, &mut frame), (sequence, true));
        }

        #[test]
        fn one_wrong_bit_is_noticed(
            format in formats(), sequence: u64,
            at: proptest::sample::Index, bit in 0..8,
        ) {
            let maker = FrameMaker::new(0, format);
            let mut frame = written(&maker, sequence);
            let at = at.index(frame.len());
            frame[at] ^= 1_u8 << bit;
            // A wrong number may be that of a longer frame.
            frame.resize(maker.bytes() as usize, 0);
            let (seen, same) = checked(&maker, &mut frame);
            prop_assert!(!same || seen != sequence);
        }

        #[test]
        fn types_stay_below_their_number(
            types in 2..=MAX_TYPES, sequence: u64,
        ) {
            let format = FrameFormat { types, ..FrameFormat::default() };
            let tags = FrameMaker::new(0, format).tags(sequence);
            prop_assert!(tags.packet_type < u16::from(types));
            prop_assert!(u64::from(tags.flow) < FLOWS);
        }
    }

    #[test]
    fn the_frames_of_a_mix_have_its_sizes_in_order() {
        let format = FrameFormat {
            wire_bytes: *SIZES.end(),
            mix: true,
            ..FrameFormat::default()
        };
        let maker = FrameMaker::new(1, format);
        assert_eq!(maker.bytes(), 1514);
        for sequence in 0..24 {
            let frame = written(&maker, sequence);
            let bytes = frame.len() as u16 + FCS_BYTES;
            assert_eq!(bytes, Sizes::Imix.of(sequence));
            let ip = u16::from_be_bytes([frame[16], frame[17]]);
            assert_eq!(usize::from(ip), frame.len() - 14);
            assert_eq!(sum(&frame[14..34]), 0xFFFF);
        }
    }

    fn types(port: u8, trace: Trace, first: u64, frames: u64) -> Vec<u16> {
        let format = FrameFormat { types: 32, trace, ..FrameFormat::default() };
        let maker = FrameMaker::new(port, format);
        (first..first + frames).map(|n| maker.tags(n).packet_type).collect()
    }

    #[test]
    fn a_replayed_trace_repeats_and_a_generated_one_does_not() {
        let period = REPLAYED_FRAMES as usize;
        let replayed = types(0, Trace::Replayed, 1000, 4 * REPLAYED_FRAMES);
        assert!(replayed.chunks(period).all(|c| *c == replayed[..period]));
        let distinct: std::collections::BTreeSet<_> = replayed.iter().collect();
        assert!(distinct.len() > 20, "{distinct:?}");
        let generated = types(0, Trace::Generated, 1000, 4 * REPLAYED_FRAMES);
        for shift in 1..generated.len() / 2 {
            let pairs = generated.iter().zip(&generated[shift..]);
            let same = pairs.clone().filter(|(a, b)| a == b).count();
            // One in 32 by chance.
            assert!(same * 4 < pairs.count(), "{shift}");
        }
    }

    #[test]
    fn a_type_does_not_foretell_the_next_nor_that_of_the_other_port() {
        let frames = if cfg!(miri) { 256 } else { 32_768 };
        let one = types(0, Trace::Generated, 0, frames);
        let two = types(1, Trace::Generated, 0, frames);
        let most = |pairs: &mut dyn Iterator<Item = (u16, u16)>| {
            let mut seen = [[0_u32; 32]; 32];
            pairs.for_each(|(a, b)| seen[usize::from(a)][usize::from(b)] += 1);
            *seen.as_flattened().iter().max().expect("counts")
        };
        // 32 of each pair on average in 32,768 draws.
        let next = &mut one.iter().copied().zip(one[1..].iter().copied());
        assert!(most(next) < 64);
        let across = &mut one.iter().copied().zip(two.iter().copied());
        assert!(most(across) < 64);
    }
}

//! The wire behind a port: a source of frames and a sink that checks them.

use core::ptr::NonNull;

use crate::fault;
use crate::frame::{FrameFormat, FrameHead, FrameMaker, FrameTags, HEAD_BYTES};

/// Where a port's frames come from.
#[derive(Clone, Debug)]
pub struct Source {
    maker: FrameMaker,
    next: u64,
}

impl Source {
    /// The source of `port`, whose first frame has number `first`.
    pub fn new(port: u8, format: FrameFormat, first: u64) -> Self {
        Self { maker: FrameMaker::new(port, format), next: first }
    }

    /// Bytes of the next frame, without its checksum.
    #[inline(always)]
    pub fn bytes(&self) -> u32 {
        self.maker.bytes_of(self.next)
    }

    /// Bytes of the longest frame, without its checksum.
    #[inline(always)]
    pub fn longest(&self) -> u32 {
        self.maker.bytes()
    }

    /// What makes the frames.
    #[inline(always)]
    pub(crate) fn maker(&self) -> &FrameMaker {
        &self.maker
    }

    /// Flow and type of the next frame.
    pub fn tags(&self) -> FrameTags {
        self.maker.tags(self.next)
    }

    /// Writes the next frame.
    ///
    /// # Safety
    ///
    /// [`bytes`](Self::bytes) bytes from `at` on are valid for writes.
    pub unsafe fn emit(&mut self, at: NonNull<u8>) {
        // SAFETY: the caller's promise.
        unsafe { self.maker.write(at, self.next) };
        self.next += 1;
    }

    /// Goes on with the frame `frames` further on: those between were sent
    /// by other means, or are lost.
    #[inline(always)]
    pub fn skip(&mut self, frames: u64) {
        self.next += frames;
    }

    /// The number of the next frame.
    #[inline(always)]
    pub fn next_sequence(&self) -> u64 {
        self.next
    }
}

/// What a sink saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SinkCounts {
    /// Frames that arrived as they should.
    pub good: u64,
    /// Frames of another length than the source's.
    pub wrong_length: u64,
    /// Frames with a wrong byte.
    pub corrupt: u64,
    /// Frames with a number not above the one before.
    pub out_of_order: u64,
    /// Frames that fill a buffer to its last byte, as a device with the
    /// fault `oversize` delivers them, and are good otherwise.
    pub oversize: u64,
}

impl SinkCounts {
    /// Frames that arrived, good or not.
    pub fn frames(&self) -> u64 {
        self.good + self.damaged() + self.spoiled()
    }

    /// Frames that a fault of the device damaged.
    pub fn damaged(&self) -> u64 {
        self.oversize
    }

    /// Frames that the driver spoiled.
    pub fn spoiled(&self) -> u64 {
        self.wrong_length + self.corrupt + self.out_of_order
    }
}

/// What arrives from one transmit queue; small, so that a loop keeps a copy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lane {
    head: FrameHead,
    bytes: u32,
    /// The lowest number that may come next.
    expected: u64,
    arrived: u64,
    bad: Bad,
}

/// Frames that are not what they should be.
#[derive(Clone, Copy, Debug, Default)]
struct Bad {
    wrong_length: u64,
    corrupt: u64,
    out_of_order: u64,
    oversize: u64,
}

impl Lane {
    /// Looks at the plain frame of `len` bytes at `at`, and says its number
    /// if it is as it should be; to be counted by
    /// [`arrived`](Self::arrived), for a counter in a loop costs more than
    /// the look. `CHANGED` says that it may have been changed on the way.
    ///
    /// # Safety
    ///
    /// `len` bytes from `at` on are valid for reads.
    #[inline(always)]
    pub unsafe fn inspect_plain<const CHANGED: bool>(
        &mut self,
        at: NonNull<u8>,
        len: u32,
    ) -> Option<u64> {
        if len != self.bytes {
            self.note_wrong_length();
            return None;
        }
        // SAFETY: the caller's promise; `len` is the length of a frame.
        let (sequence, same) = unsafe { self.head.check::<true, CHANGED>(at) };
        self.note(sequence, same)
    }

    /// Counts frames that were looked at.
    #[inline(always)]
    pub fn arrived(&mut self, frames: u64) {
        self.arrived += frames;
    }

    #[inline(always)]
    fn note(&mut self, sequence: u64, same: bool) -> Option<u64> {
        if same && sequence >= self.expected {
            self.expected = sequence + 1;
            Some(sequence)
        } else {
            self.note_bad(same);
            None
        }
    }

    #[cold]
    #[inline(never)]
    fn note_wrong_length(&mut self) {
        self.bad.wrong_length += 1;
    }

    #[cold]
    #[inline(never)]
    fn note_bad(&mut self, same: bool) {
        if same {
            self.bad.out_of_order += 1;
        } else {
            self.bad.corrupt += 1;
        }
    }

    /// Notes a frame that fills a buffer.
    #[cold]
    fn note_oversize(&mut self, sequence: u64, same: bool) {
        let bad = self.bad.corrupt + self.bad.out_of_order;
        self.note(sequence, same);
        if bad == self.bad.corrupt + self.bad.out_of_order {
            self.bad.oversize += 1;
        }
    }

    fn counts(&self) -> SinkCounts {
        let Bad { wrong_length, corrupt, out_of_order, oversize } = self.bad;
        let bad = wrong_length + corrupt + out_of_order + oversize;
        let good = self.arrived - bad;
        SinkCounts { good, wrong_length, corrupt, out_of_order, oversize }
    }
}

/// Where a port's sent frames go: checks length, content and order.
#[derive(Clone, Debug)]
pub struct Sink {
    /// Makes what should arrive: the frames of the port at the other end.
    maker: FrameMaker,
    lanes: Vec<Lane>,
    /// Order-sensitive digest of everything that arrived, when asked for.
    digest: Option<u64>,
    /// Whether frames may fill a buffer, for a fault of the device.
    takes_oversize: bool,
    /// Whether forwarders may change addresses and byte 48.
    takes_changes: bool,
}

impl Sink {
    /// A sink for `queues` transmit queues, each of which forwards some of
    /// the frames that enter at `from`, numbered from `first` on, in order
    /// and with byte 48 incremented `touches` times.
    pub fn new(
        from: u8,
        format: FrameFormat,
        touches: u8,
        queues: u16,
        first: u64,
    ) -> Self {
        let maker = FrameMaker::new(from, format).touched(touches);
        let lane = Lane {
            head: maker.head(),
            bytes: maker.bytes(),
            expected: first,
            arrived: 0,
            bad: Bad::default(),
        };
        let lanes = vec![lane; usize::from(queues)];
        Self {
            maker,
            lanes,
            digest: None,
            takes_oversize: false,
            takes_changes: false,
        }
    }

    /// Keeps a digest of every byte that arrives, for comparisons in tests.
    pub fn with_digest(mut self) -> Self {
        self.digest = Some(0xCBF2_9CE4_8422_2325);
        self
    }

    /// Tells frames that fill a buffer from those of a wrong length.
    pub fn with_oversize(mut self, takes_oversize: bool) -> Self {
        self.takes_oversize = takes_oversize;
        self
    }

    /// Takes frames whose Ethernet addresses or byte 48 are others, as
    /// forwarders leave them that nobody here wrote.
    pub fn with_changes(mut self, takes_changes: bool) -> Self {
        self.takes_changes = takes_changes;
        self
    }

    /// Whether frames may have been changed on the way.
    #[inline(always)]
    pub(crate) fn takes_changes(&self) -> bool {
        self.takes_changes
    }

    /// Whether a lane can take frames by itself.
    #[inline(always)]
    pub(crate) fn is_plain(&self) -> bool {
        self.maker.is_plain() && self.digest.is_none()
    }

    /// What arrives from transmit queue `queue`.
    #[inline(always)]
    pub(crate) fn lane(&mut self, queue: usize) -> &mut Lane {
        &mut self.lanes[queue]
    }

    /// Takes the frame of `len` bytes at `at` from transmit queue `queue`, and
    /// says its number if it is as it should be.
    ///
    /// # Safety
    ///
    /// `len` bytes from `at` on are valid for reads.
    pub unsafe fn accept(
        &mut self,
        queue: usize,
        at: NonNull<u8>,
        len: u32,
    ) -> Option<u64> {
        if self.digest.is_some() {
            // SAFETY: the caller's promise.
            unsafe { self.update_digest(at, len) };
        }
        let lane = &mut self.lanes[queue];
        lane.arrived(1);
        let oversize = self.takes_oversize && len > lane.bytes;
        let wanted = match self.maker.is_mixed() {
            // SAFETY: the caller's promise; no frame of the mix is shorter
            // than its head, which has its number.
            true if len as usize >= HEAD_BYTES => unsafe {
                self.maker.bytes_at(at)
            },
            // A length that no frame has.
            true => u32::MAX,
            false => lane.bytes,
        };
        if len != wanted && !oversize {
            lane.note_wrong_length();
            return None;
        }
        // SAFETY: the caller's promise; `len` is at least the maker's length.
        let (sequence, same) = unsafe {
            match self.takes_changes {
                true => self.maker.check_forwarded(at),
                false => self.maker.check(at),
            }
        };
        if !oversize {
            return lane.note(sequence, same);
        }
        // SAFETY: the caller's promise; `len` is above the maker's length.
        let rest = unsafe {
            let rest = at.add(lane.bytes as usize);
            let bytes = (len - lane.bytes) as usize;
            core::slice::from_raw_parts(rest.as_ptr(), bytes)
        };
        if fault::is_filled(rest, len) {
            lane.note_oversize(sequence, same);
        } else {
            lane.note_wrong_length();
        }
        None
    }

    /// FNV-1a over length and bytes.
    unsafe fn update_digest(&mut self, at: NonNull<u8>, len: u32) {
        // SAFETY: the caller's promise.
        let frame =
            unsafe { core::slice::from_raw_parts(at.as_ptr(), len as usize) };
        let length = len.to_le_bytes();
        if let Some(digest) = &mut self.digest {
            for byte in length.iter().chain(frame) {
                *digest ^= u64::from(*byte);
                *digest = digest.wrapping_mul(0x0100_0000_01B3);
            }
        }
    }

    /// What arrived so far.
    pub fn counts(&self) -> SinkCounts {
        let add = |mut sum: SinkCounts, lane: &Lane| {
            let lane = lane.counts();
            sum.good += lane.good;
            sum.wrong_length += lane.wrong_length;
            sum.corrupt += lane.corrupt;
            sum.out_of_order += lane.out_of_order;
            sum.oversize += lane.oversize;
            sum
        };
        self.lanes.iter().fold(SinkCounts::default(), add)
    }

    /// The digest, when it was asked for.
    pub fn digest(&self) -> Option<u64> {
        self.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::TOUCHED_BYTE;

    /// What a sink says of frame 7 after `change`, alone and in a lane.
    fn said(wire_bytes: u16, change: impl Fn(&mut [u8])) -> SinkCounts {
        let format = FrameFormat { wire_bytes, ..FrameFormat::default() };
        let mut sink = Sink::new(0, format, 0, 1, 0).with_changes(true);
        let mut frame = FrameMaker::new(0, format).frame(7);
        change(&mut frame);
        let len = frame.len() as u32;
        let at = NonNull::from_mut(frame.as_mut_slice()).cast();
        // SAFETY: the vector is as long as the frame.
        let number = unsafe { sink.accept(0, at, len) };
        if sink.is_plain() {
            let mut lane = *sink.lane(0);
            lane.expected = 7;
            // SAFETY: as above.
            let same = unsafe { lane.inspect_plain::<true>(at, len) };
            assert_eq!(same, number);
        }
        sink.counts()
    }

    #[test]
    fn a_forwarder_may_change_addresses_and_byte_48_and_no_more() {
        for wire_bytes in [64, 65, 1518] {
            let one = |at: usize| {
                let counts = said(wire_bytes, |frame| frame[at] ^= 0x80);
                (counts.good, counts.corrupt)
            };
            // Behind them is the number: another one is another frame.
            for at in 0..52 {
                let allowed = at < 12 || at == TOUCHED_BYTE;
                let wanted = if allowed { (1, 0) } else { (0, 1) };
                assert_eq!(one(at), wanted, "byte {at} of {wire_bytes}");
            }
            for last in 60..usize::from(wire_bytes) - 4 {
                assert_eq!(one(last), (0, 1), "byte {last}");
            }
        }
    }
}

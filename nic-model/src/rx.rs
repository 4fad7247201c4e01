//! The receive engine: frames from the wire into a ring (datasheet 7.1).

use core::ptr::NonNull;

use driver::desc::rx_status::{DD, EOP};
use driver::memory::Iova;

use crate::dma::DmaMap;
use crate::fault::{Dice, Form, fill_buffer};
use crate::frame::{FrameMaker, FrameTags};
use crate::ring::Ring;
use crate::rss::Rss;
use crate::wire::Source;

/// One receive queue.
#[derive(Clone, Debug, Default)]
pub(crate) struct RxEngine {
    pub ring: Option<Ring>,
    pub counts: RxCounts,
    /// Bytes of a packet buffer, by SRRCTL.
    pub buffer_bytes: u32,
    /// What `counts.ring_empty` stood at when QPRDC was last read or reset.
    drops_read: u64,
    /// What `counts.delivered` stood at when QPRC was.
    packets_read: u64,
    /// Whether a fault holds write-backs back until the next turn.
    holding: bool,
    /// Write-backs that it holds back.
    late: Vec<(u16, u64, u64)>,
    held: Held,
}

/// Frames that are in memory and not yet written back, one after the other.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    frames: u32,
    /// Descriptor of the first of them.
    index: u16,
    /// Its number.
    sequence: u64,
}

/// What a receive queue did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RxCounts {
    /// Frames written to memory.
    pub delivered: u64,
    /// Their bytes, without checksums.
    pub bytes: u64,
    /// Frames lost because the ring had no descriptor.
    pub ring_empty: u64,
    /// Frames lost because a descriptor's address is not mapped.
    pub dma_faults: u64,
}

impl RxEngine {
    /// Takes `frames` frames from `source`; returns how many it delivered.
    /// With `HOLD`, descriptors are left to [`write_back`](Self::write_back).
    #[inline(always)]
    pub fn receive<const HOLD: bool>(
        &mut self,
        memory: &DmaMap<'_>,
        source: &mut Source,
        tail: u32,
        frames: u32,
    ) -> u32 {
        if HOLD || cfg!(debug_assertions) {
            assert!(self.held.frames == 0, "held frames come first");
        }
        let owned = self.ring.and_then(|ring| ring.owned(tail)).unwrap_or(0);
        let room = frames.min(owned.into());
        let (delivered, bytes) = if !memory.is_linear() {
            self.deliver_scattered::<HOLD>(memory, source, room)
        } else if source.maker().is_plain() {
            self.deliver::<true, HOLD, true>(memory, source, room)
        } else {
            self.deliver::<false, HOLD, true>(memory, source, room)
        };
        let lost = u64::from(frames - delivered);
        if delivered < room {
            self.counts.dma_faults += lost;
        } else {
            self.counts.ring_empty += lost;
        }
        source.skip(frames.into());
        self.counts.delivered += u64::from(delivered);
        self.counts.bytes += bytes;
        delivered
    }

    /// Takes `frames` frames with the next of these numbers, on a port of
    /// several queues; returns how many it delivered.
    pub fn receive_of(
        &mut self,
        memory: &DmaMap<'_>,
        maker: &FrameMaker,
        rss: &Rss,
        tail: u32,
        frames: u32,
        number: impl FnMut() -> u64,
    ) -> u32 {
        let owned = self.ring.and_then(|ring| ring.owned(tail)).unwrap_or(0);
        let room = frames.min(owned.into());
        let (delivered, bytes) = if maker.is_plain() {
            self.deliver_of::<true>(memory, maker, rss, room, number)
        } else {
            self.deliver_of::<false>(memory, maker, rss, room, number)
        };
        let lost = u64::from(frames - delivered);
        if delivered < room {
            self.counts.dma_faults += lost;
        } else {
            self.counts.ring_empty += lost;
        }
        self.counts.delivered += u64::from(delivered);
        self.counts.bytes += bytes;
        delivered
    }

    /// As [`deliver`](Self::deliver), of frames that do not follow each other,
    /// with their hashes.
    #[inline(always)]
    fn deliver_of<const PLAIN: bool>(
        &mut self,
        memory: &DmaMap<'_>,
        maker: &FrameMaker,
        rss: &Rss,
        room: u32,
        mut number: impl FnMut() -> u64,
    ) -> (u32, u64) {
        let Some(mut ring) = self.ring else {
            return (0, 0);
        };
        let first = memory.first();
        let (head, largest) = (maker.head(), maker.bytes());
        let (mut delivered, mut sum) = (0, 0);
        while delivered < room {
            let sequence = number();
            let bytes = if PLAIN { largest } else { maker.bytes_of(sequence) };
            let iova = Iova::new(ring.quad::<0>(ring.head));
            let Some(at) = memory.with::<true>(&first, iova, bytes) else {
                break;
            };
            let tags = head.tags::<PLAIN>(sequence);
            let (low, high) = hashed_frame(tags, bytes, rss);
            // SAFETY: the driver gave this buffer to the device, and the
            // translation covers the frame.
            unsafe {
                if PLAIN {
                    head.write::<true>(at, sequence);
                } else {
                    maker.write(at, sequence);
                }
            }
            ring.write_back(ring.head, low, high);
            ring.advance();
            delivered += 1;
            sum += u64::from(bytes);
        }
        self.ring = Some(ring);
        (delivered, sum)
    }

    /// [`deliver`](Self::deliver) for memory in many pieces; apart, so that it costs those in
    /// one piece nothing.
    #[inline(never)]
    fn deliver_scattered<const HOLD: bool>(
        &mut self,
        memory: &DmaMap<'_>,
        source: &Source,
        room: u32,
    ) -> (u32, u64) {
        match source.maker().is_plain() {
            true => self.deliver::<true, HOLD, false>(memory, source, room),
            false => self.deliver::<false, HOLD, false>(memory, source, room),
        }
    }

    /// Writes up to `room` frames to memory, fewer when an address is not
    /// mapped; returns how many, and their bytes. Works on copies, which stay
    /// in registers.
    #[inline(always)]
    fn deliver<const PLAIN: bool, const HOLD: bool, const LINEAR: bool>(
        &mut self,
        memory: &DmaMap<'_>,
        source: &Source,
        room: u32,
    ) -> (u32, u64) {
        let Some(mut ring) = self.ring else {
            return (0, 0);
        };
        let (first, maker) = (memory.first(), source.maker());
        let (head, largest) = (maker.head(), maker.bytes());
        let start = source.next_sequence();
        let index = ring.head;
        let (mut delivered, mut sum) = (0, 0);
        while delivered < room {
            let sequence = start + u64::from(delivered);
            let bytes = if PLAIN { largest } else { maker.bytes_of(sequence) };
            let iova = Iova::new(ring.quad::<0>(ring.head));
            let Some(at) = memory.with::<LINEAR>(&first, iova, bytes) else {
                break;
            };
            let (low, high) = whole_frame(head.tags::<PLAIN>(sequence), bytes);
            // SAFETY: the driver gave this buffer to the device, and the
            // translation covers the frame.
            unsafe {
                if PLAIN {
                    head.write::<true>(at, sequence);
                } else {
                    maker.write(at, sequence);
                }
            }
            if !HOLD {
                ring.write_back(ring.head, low, high);
            }
            ring.advance();
            delivered += 1;
            if !PLAIN {
                sum += u64::from(bytes);
            }
        }
        if PLAIN {
            sum = u64::from(delivered) * u64::from(largest);
        }
        self.ring = Some(ring);
        if HOLD {
            self.held = Held { frames: delivered, index, sequence: start };
        }
        (delivered, sum)
    }

    /// Writes the descriptors of the next `frames` held frames back.
    pub fn write_back(&mut self, maker: &FrameMaker, frames: u32) {
        let Some(ring) = &self.ring else {
            return;
        };
        let Held { frames: held, index, sequence } = &mut self.held;
        for _ in 0..frames.min(*held) {
            let bytes = maker.bytes_of(*sequence);
            let (low, high) = whole_frame(maker.tags(*sequence), bytes);
            ring.write_back(*index, low, high);
            *index = index.wrapping_add(1);
            *sequence += 1;
            *held -= 1;
        }
    }

    /// Frames that are in memory and not yet written back.
    pub fn held(&self) -> u32 {
        self.held.frames
    }

    /// Takes one frame from `source`, on a device with faults or for frames
    /// longer than a buffer; returns how many it delivered.
    #[cold]
    pub fn receive_faulty(
        &mut self,
        memory: &DmaMap<'_>,
        source: &mut Source,
        tail: u32,
        dice: &mut Dice,
        rss: Option<&Rss>,
    ) -> u32 {
        let bytes = source.bytes();
        // No frame is longer than 1518 bytes and a VLAN tag, in whole cache
        // lines.
        let most_bytes = self.buffer_bytes.min(1536);
        let split = bytes > self.buffer_bytes || dice.fragment();
        let pieces = if split { 2 } else { 1 };
        let owned = self.ring.and_then(|ring| ring.owned(tail)).unwrap_or(0);
        let Some(ring) = self.ring.as_mut().filter(|_| owned >= pieces) else {
            self.counts.ring_empty += 1;
            source.skip(1);
            return 0;
        };
        let form = match split {
            true => Form::Whole,
            false => dice.form(bytes, most_bytes),
        };
        let piece = match form {
            Form::Whole => bytes.div_ceil(pieces.into()),
            Form::Nothing => 0,
            Form::Oversize(_) => most_bytes,
        };
        let mapped = (0..pieces).all(|i| {
            let iova = Iova::new(ring.quad::<0>(ring.head + i));
            memory.translate(iova, piece).is_some()
        });
        if dice.bad_iova() || !mapped {
            self.counts.dma_faults += 1;
            source.skip(1);
            return 0;
        }
        let tags = source.tags();
        let mut frame = vec![0; bytes as usize];
        let whole = NonNull::new(frame.as_mut_ptr()).expect("not null");
        // SAFETY: the vector is as long as the frame.
        unsafe { source.emit(whole) };
        match form {
            Form::Whole => {}
            Form::Nothing => frame.clear(),
            Form::Oversize(_) => fill_buffer(&mut frame, most_bytes),
        }
        let (front, back) = frame.split_at(piece as usize);
        for (i, chunk) in (0..pieces).zip([front, back]) {
            let iova = Iova::new(ring.quad::<0>(ring.head));
            let len = chunk.len() as u32;
            let at = memory.translate(iova, len).expect("checked above");
            // SAFETY: the driver gave this buffer to the device, and the
            // translation covers the piece.
            unsafe {
                at.as_ptr()
                    .copy_from_nonoverlapping(chunk.as_ptr(), chunk.len());
            }
            let reported = match form {
                Form::Oversize(length) => length.into(),
                Form::Whole | Form::Nothing => len,
            };
            let (low, mut high) = match rss {
                Some(rss) => hashed_frame(tags, reported, rss),
                None => whole_frame(tags, reported),
            };
            if i + 1 < pieces {
                high &= !u64::from(EOP);
            } else {
                high |= u64::from(dice.error_bits());
            }
            self.holding |= dice.late();
            if dice.out_of_order() || self.holding {
                self.late.push((ring.head, low, high));
            } else {
                ring.write_back(ring.head, low, high);
            }
            ring.advance();
        }
        self.counts.delivered += 1;
        self.counts.bytes += u64::from(bytes);
        1
    }

    /// Switches the queue off.
    pub fn stop(&mut self) {
        self.ring = None;
        self.late.clear();
        self.holding = false;
        self.held = Held::default();
    }

    /// QPRDC: frames dropped for want of a descriptor since it was read.
    pub fn drops(&self) -> u32 {
        (self.counts.ring_empty - self.drops_read) as u32
    }

    /// QPRDC as a read returns it, which clears it.
    pub fn drops_since_read(&mut self) -> u32 {
        let drops = self.drops();
        self.drops_read = self.counts.ring_empty;
        drops
    }

    /// QPRC: frames delivered since it was read.
    pub fn packets(&self) -> u32 {
        (self.counts.delivered - self.packets_read) as u32
    }

    /// QPRC as a read returns it, which clears it.
    pub fn packets_since_read(&mut self) -> u32 {
        let packets = self.packets();
        self.packets_read = self.counts.delivered;
        packets
    }

    /// Makes up for late write-backs.
    pub fn settle(&mut self) {
        self.holding = false;
        if let Some(ring) = &self.ring {
            for (i, low, high) in self.late.drain(..) {
                ring.write_back(i, low, high);
            }
        }
    }
}

/// Write-back of a frame in one buffer (datasheet 7.1.6.2): packet type from
/// bit 4 on, flow, DD and EOP, length.
#[inline(always)]
fn whole_frame(tags: FrameTags, bytes: u32) -> (u64, u64) {
    let low = u64::from(tags.packet_type) << 4 | u64::from(tags.flow) << 32;
    let high = u64::from(DD | EOP) | u64::from(bytes) << 32;
    (low, high)
}

/// The same with the RSS type and, in the place of the flow, the hash.
#[inline(always)]
fn hashed_frame(tags: FrameTags, bytes: u32, rss: &Rss) -> (u64, u64) {
    let (low, high) = whole_frame(FrameTags { flow: 0, ..tags }, bytes);
    (low | rss.mark(tags), high)
}

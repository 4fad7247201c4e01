//! A cable in place of source and sink: frames as bytes, of any driver.
//!
//! Cold and complete, where the engines of measured placements are fast and
//! know one kind of frame: packets may span descriptors in both directions
//! (datasheet 7.1.6, 7.2.3), checksums are inserted and segments cut (7.2.4,
//! 7.2.5), and frames are spread by a hash of their own bytes (7.1.2.8).

use core::slice;

use driver::desc::rx_info::RSS_IPV4;
use driver::desc::tx_cmd::{DD, DEXT, DTALEN, EOP, RS};
use driver::desc::{rx_info, rx_status};
use driver::memory::Iova;
use driver::regs::*;
use driver::rss::KEY_BYTES;

use crate::dma::DmaMap;
use crate::offload::{Context, Request};
use crate::port::Port;
use crate::regfile::RegisterFile;
use crate::ring::Ring;
use crate::rss::toeplitz;
use crate::rx::RxEngine;
use crate::tx::TxEngine;

/// Bytes of the longest frame on a wire, without its checksum (datasheet
/// 1.3: 15.5 KiB).
pub const LONGEST: usize = 15_872;

/// Bytes of the shortest frame that is not padded, without its checksum.
const SHORTEST: usize = 60;

/// Descriptor type of an advanced descriptor, and that of a context.
const DTYP: u32 = 0b1111 << 20;
const DTYP_CONTEXT: u32 = 0b0010 << 20;

/// The end of a cable in a port.
#[derive(Debug)]
pub struct Plug {
    /// Two contexts of each transmit queue.
    contexts: Vec<[Context; 2]>,
    frame: Vec<u8>,
}

impl Plug {
    /// For a port with `queues` queues of each direction.
    pub fn new(queues: u16) -> Self {
        Self {
            contexts: vec![<[Context; 2]>::default(); queues.into()],
            frame: Vec::new(),
        }
    }

    /// Takes up to `most` frames off the transmit ring of each queue, and
    /// hands each to `accept`; returns how many that were.
    pub fn take(
        &mut self,
        port: &mut Port<'_>,
        memory: &DmaMap<'_>,
        most: u32,
        mut accept: impl FnMut(&[u8]),
    ) -> u32 {
        if !port.is_link_up() {
            return 0;
        }
        let (regs, engines) = port.transmit_side();
        let pads = regs.get(&HLREG0, 0) & hlreg0::TXPADEN != 0;
        let mut taken = 0;
        for ((n, engine), contexts) in
            (0..).zip(engines).zip(&mut self.contexts)
        {
            let tail = regs.get(&TDT, n);
            for _ in 0..most {
                let (mut sent, mut bytes) = (0, 0);
                let mut send = |frame: &mut Vec<u8>| {
                    if pads && frame.len() < SHORTEST {
                        frame.resize(SHORTEST, 0);
                    }
                    sent += 1;
                    bytes += frame.len() as u64;
                    accept(frame);
                };
                let whole = &mut self.frame;
                if !take_one(engine, memory, tail, contexts, whole, &mut send) {
                    break;
                }
                engine.counts.sent += sent;
                engine.counts.bytes += bytes;
                taken += 1;
            }
        }
        taken
    }

    /// Puts a frame on the wire towards the port; whether it was delivered.
    /// What the port's filters do not let in is none of its business.
    pub fn give(
        &self,
        port: &mut Port<'_>,
        memory: &DmaMap<'_>,
        frame: &[u8],
    ) -> Delivery {
        if !port.is_link_up() {
            return Delivery::Lost;
        }
        let (regs, engines) = port.receive_side();
        if !is_let_in(&regs, frame) {
            return Delivery::Filtered;
        }
        let (queue, mark) = spread(&regs, frame);
        let Some(engine) = engines.get_mut(usize::from(queue)) else {
            return Delivery::Lost;
        };
        match give_one(engine, memory, regs.get(&RDT, queue), frame, mark) {
            true => Delivery::Delivered,
            false => Delivery::Lost,
        }
    }
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It is in the driver's memory.
    Delivered,
    /// It is for another address.
    Filtered,
    /// There was no link, no descriptor, or no memory behind it.
    Lost,
}

/// One packet off a ring, with what comes of it to `send`; whether there was a
/// whole one.
fn take_one(
    engine: &mut TxEngine,
    memory: &DmaMap<'_>,
    tail: u32,
    contexts: &mut [Context; 2],
    frame: &mut Vec<u8>,
    send: &mut dyn FnMut(&mut Vec<u8>),
) -> bool {
    let Some(ring) = engine.ring.as_mut() else {
        return false;
    };
    let owned = ring.owned(tail).unwrap_or(0);
    let ends = |i: &u16| {
        let command = ring.quad::<1>(ring.head.wrapping_add(*i)) as u32;
        command & EOP != 0 && !is_context(command)
    };
    let Some(last) = (0..owned).find(ends) else {
        return false;
    };
    frame.clear();
    let (mut reached, mut request) = (true, None);
    for _ in 0..=last {
        let (low, high) =
            (ring.quad::<0>(ring.head), ring.quad::<1>(ring.head));
        let (command, olinfo) = (high as u32, (high >> 32) as u32);
        if is_context(command) {
            let context = Context::of(low, high);
            contexts[context.index()] = context;
        } else {
            let is_advanced = command & DEXT != 0;
            if is_advanced && request.is_none() {
                request = Some(Request::of(command, olinfo));
            }
            let len = command & DTALEN;
            let at = memory.translate(Iova::new(low), len);
            reached &= at.is_some();
            if let Some(at) = at {
                // SAFETY: the driver gave the buffer to the device, and the
                // translation covers it.
                let piece =
                    unsafe { slice::from_raw_parts(at.as_ptr(), len as usize) };
                frame.extend_from_slice(piece);
            }
        }
        if command & RS != 0 {
            ring.write_status(ring.head, DD);
        }
        ring.advance();
    }
    if !reached {
        engine.counts.dma_faults += 1;
        return true;
    }
    let request = request.unwrap_or_default();
    let fits = !frame.is_empty() && (request.cuts() || frame.len() <= LONGEST);
    if !fits || !request.fulfil(contexts, frame, send) {
        engine.counts.malformed += 1;
    }
    true
}

fn is_context(command: u32) -> bool {
    command & DEXT != 0 && command & DTYP == DTYP_CONTEXT
}

/// A frame into as many descriptors as it takes; whether that could be.
fn give_one(
    engine: &mut RxEngine,
    memory: &DmaMap<'_>,
    tail: u32,
    frame: &[u8],
    mark: u64,
) -> bool {
    let buffer_bytes = engine.buffer_bytes as usize;
    let owned = engine.ring.and_then(|ring| ring.owned(tail)).unwrap_or(0);
    let pieces = frame.chunks(buffer_bytes.max(1));
    let Some(ring) = &mut engine.ring else {
        engine.counts.ring_empty += 1;
        return false;
    };
    if buffer_bytes == 0 || pieces.len() > usize::from(owned) {
        engine.counts.ring_empty += 1;
        return false;
    }
    if !copy(ring, memory, pieces.clone()) {
        engine.counts.dma_faults += 1;
        return false;
    }
    let last = pieces.len() - 1;
    for (i, piece) in pieces.enumerate() {
        let end = if i == last { rx_status::EOP } else { 0 };
        let status = u64::from(rx_status::DD | end);
        let high = status | (piece.len() as u64) << 32;
        ring.write_back(ring.head, mark, high);
        ring.advance();
    }
    engine.counts.delivered += 1;
    engine.counts.bytes += frame.len() as u64;
    true
}

/// Copies a frame's pieces to where the next descriptors say; whether all of
/// that is memory.
fn copy<'b>(
    ring: &Ring,
    memory: &DmaMap<'_>,
    pieces: impl Iterator<Item = &'b [u8]>,
) -> bool {
    for (i, piece) in (0..).zip(pieces) {
        let iova = Iova::new(ring.quad::<0>(ring.head.wrapping_add(i)));
        let Some(at) = memory.translate(iova, piece.len() as u32) else {
            return false;
        };
        // SAFETY: the driver gave the buffer to the device, and the
        // translation covers it.
        unsafe { at.as_ptr().copy_from(piece.as_ptr(), piece.len()) };
    }
    true
}

/// Whether the filters let a frame in (datasheet 7.1.1). Every multicast frame
/// is: the table of hashes is not looked at.
fn is_let_in(regs: &RegisterFile<'_>, frame: &[u8]) -> bool {
    let Some(to) = frame.first_chunk::<6>() else {
        return false;
    };
    let filters = regs.get(&FCTRL, 0);
    if *to == [0xFF; 6] {
        return filters & fctrl::BAM != 0;
    }
    if to[0] & 1 != 0 || filters & fctrl::UPE != 0 {
        return true;
    }
    let [a, b, c, d, e, f] = *to;
    let low = u32::from_le_bytes([a, b, c, d]);
    let high = u32::from_le_bytes([e, f, 0, 0]) | rah::AV;
    let is_own = |n| {
        let valid = rah::AV | 0xFFFF;
        regs.get(&RAL, n) == low && regs.get(&RAH, n) & valid == high
    };
    (0..RAL.count()).any(is_own)
}

/// The queue of a frame, and what its descriptors say of that.
fn spread(regs: &RegisterFile<'_>, frame: &[u8]) -> (u16, u64) {
    let mrqc = regs.get(&MRQC, 0);
    let hashed = mrqc & mrqc::MRQE == mrqc::RSS && mrqc & mrqc::IPV4 != 0;
    let addresses = match frame {
        [_, _, _, _, _, _, _, _, _, _, _, _, 8, 0, ip @ ..] if hashed => {
            ip.get(12..20)
        }
        _ => None,
    };
    let Some(addresses) = addresses else {
        return (0, 0);
    };
    let mut key = [0; KEY_BYTES];
    for (n, bytes) in (0..).zip(key.as_chunks_mut().0) {
        *bytes = regs.get(&RSSRK, n).to_le_bytes();
    }
    let hash = toeplitz(&key, addresses);
    let entry = (hash % 128) as u16;
    let four = regs.get(&RETA, entry / 4).to_le_bytes();
    let queue = u16::from(four[usize::from(entry % 4)] & 0xF);
    let reports = regs.get(&RXCSUM, 0) & rxcsum::PCSD != 0;
    let mark = u64::from(RSS_IPV4 & rx_info::RSS_TYPE) | u64::from(hash) << 32;
    (queue, if reports { mark } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Faults;
    use crate::frame::FrameFormat;
    use crate::wire::{Sink, Source};
    use driver::desc::tx_cmd::{DTYP_DATA, PAYLEN_SHIFT};
    use driver::memory::{Carver, DmaRegion, DmaSlice};

    /// Entries of a ring.
    const ENTRIES: u32 = 8;

    /// A port with one queue of 8 descriptors of each direction, which run,
    /// and memory for packets.
    struct Rig<'a> {
        port: Port<'a>,
        plug: Plug,
        memory: DmaMap<'a>,
        rings: [DmaSlice<'a>; 2],
        packets: DmaSlice<'a>,
        tails: [u32; 2],
    }

    fn with_rig(test: impl FnOnce(&mut Rig<'_>)) {
        let iova = Iova::new(0x7_0000_0000);
        let mut region = DmaRegion::allocate(1 << 20, iova).expect("memory");
        let mut carver = region.carve();
        test(&mut rig(&mut carver));
    }

    fn rig<'a>(carver: &mut Carver<'a>) -> Rig<'a> {
        let block = carver.take(BAR0_BYTES, 4096);
        // SAFETY: a block that is aligned to a page.
        let regs = unsafe { RegisterFile::new(block.base()) };
        let mut memory = DmaMap::empty();
        let mut take = |bytes| {
            let slice = carver.take(bytes, 4096);
            memory.add(slice.window());
            slice
        };
        let rings = [take(128), take(128)];
        let packets = take(1 << 16);
        let format = FrameFormat::default();
        let source = Source::new(0, format, 0);
        let sink = Sink::new(1, format, 0, 1, 0);
        let port = Port::new(0, 1, regs, source, sink, Faults::default());
        let plug = Plug::new(1);
        let mut rig = Rig { port, plug, memory, rings, packets, tails: [0; 2] };
        let [rx, tx] = [&rig.rings[0], &rig.rings[1]].map(DmaSlice::iova);
        for (row, value) in [
            (&FCTRL, fctrl::BAM),
            (&SRRCTL, 2),
            (&RDBAL, rx.low()),
            (&RDBAH, rx.high()),
            (&RDLEN, ENTRIES * 16),
            (&RXCTRL, rxctrl::RXEN),
            (&RXDCTL, rxdctl::ENABLE),
            (&TDBAL, tx.low()),
            (&TDBAH, tx.high()),
            (&TDLEN, ENTRIES * 16),
            (&DMATXCTL, dmatxctl::TE),
            (&TXDCTL, txdctl::ENABLE),
        ] {
            let at = row.offset().bytes();
            rig.port.write_register(&rig.memory, at, value);
        }
        rig
    }

    impl Rig<'_> {
        /// Puts a descriptor behind the tail of a ring, 0 to receive, and
        /// moves the tail on.
        fn post(&mut self, ring: usize, low: u64, high: u64) {
            let at = self.tails[ring] as usize * 16;
            // SAFETY: inside the ring.
            unsafe {
                let desc = self.rings[ring].base().add(at).cast::<u64>();
                desc.write_volatile(low);
                desc.add(1).write_volatile(high);
            }
            self.tails[ring] = (self.tails[ring] + 1) % ENTRIES;
            let row = [&RDT, &TDT][ring];
            let (at, tail) = (row.offset().bytes(), self.tails[ring]);
            self.port.write_register(&self.memory, at, tail);
        }

        /// Quadword 1 of descriptor `i`.
        fn status(&self, ring: usize, i: usize) -> u64 {
            // SAFETY: inside the ring.
            unsafe {
                let at = self.rings[ring].base().add(i * 16 + 8);
                at.cast::<u64>().read_volatile()
            }
        }

        /// A buffer for receiving, 4 KiB from the next one.
        fn buffer(&self, i: usize) -> u64 {
            self.packets.iova().offset(i * 4096).value()
        }

        fn bytes(&self, i: usize, len: usize) -> Vec<u8> {
            // SAFETY: inside the packets' memory.
            unsafe {
                let at = self.packets.base().add(i * 4096);
                slice::from_raw_parts(at.as_ptr(), len).to_vec()
            }
        }

        fn put(&self, i: usize, bytes: &[u8]) {
            // SAFETY: inside the packets' memory.
            unsafe {
                let at = self.packets.base().add(i * 4096).as_ptr();
                at.copy_from(bytes.as_ptr(), bytes.len());
            }
        }

        fn give(&mut self, frame: &[u8]) -> Delivery {
            self.plug.give(&mut self.port, &self.memory, frame)
        }

        fn take(&mut self) -> Vec<Vec<u8>> {
            let mut frames = Vec::new();
            let accept = |frame: &[u8]| frames.push(frame.to_vec());
            self.plug.take(&mut self.port, &self.memory, 8, accept);
            frames
        }
    }

    fn to_all(len: usize) -> Vec<u8> {
        let byte = |n: usize| if n < 6 { 0xFF } else { n as u8 };
        (0..len).map(byte).collect()
    }

    #[test]
    fn a_frame_spans_as_many_descriptors_as_it_takes() {
        with_rig(|rig| {
            (0..3).for_each(|i| rig.post(0, rig.buffer(i), 0));
            let frame = to_all(5000);
            assert_eq!(rig.give(&frame), Delivery::Delivered);
            let status = |rig: &Rig<'_>| [0, 1, 2].map(|i| rig.status(0, i));
            let dd = u64::from(rx_status::DD);
            let end = u64::from(rx_status::DD | rx_status::EOP);
            let wanted = [dd | 2048 << 32, dd | 2048 << 32, end | 904 << 32];
            assert_eq!(status(rig), wanted);
            let seen = [rig.bytes(0, 2048), rig.bytes(1, 2048)].concat();
            assert_eq!([seen, rig.bytes(2, 904)].concat(), frame);
            assert_eq!(rig.give(&frame), Delivery::Lost);
            assert_eq!(rig.port.rx_counts().ring_empty, 1);
        });
    }

    #[test]
    fn only_frames_for_the_port_are_let_in_unless_it_listens_to_all() {
        with_rig(|rig| {
            (0..7).for_each(|i| rig.post(0, rig.buffer(i), 0));
            let mut frame = vec![0; 60];
            let mut given = |rig: &mut Rig<'_>, to: [u8; 6]| {
                frame[..6].copy_from_slice(&to);
                rig.give(&frame)
            };
            let own = [0x02, 0x82, 0x59, 0x90, 0x00, 0x00];
            assert_eq!(given(rig, own), Delivery::Delivered);
            assert_eq!(given(rig, [0xFF; 6]), Delivery::Delivered);
            assert_eq!(given(rig, [1, 0, 0x5E, 0, 0, 1]), Delivery::Delivered);
            let other = [2, 3, 4, 5, 6, 7];
            assert_eq!(given(rig, other), Delivery::Filtered);
            let at = FCTRL.offset().bytes();
            rig.port.write_register(&rig.memory, at, fctrl::UPE);
            assert_eq!(given(rig, other), Delivery::Delivered);
            assert_eq!(given(rig, [0xFF; 6]), Delivery::Filtered);
        });
    }

    const DATA: u64 = (DEXT | DTYP_DATA) as u64;

    #[test]
    fn a_packet_is_gathered_from_its_pieces_when_its_end_is_there() {
        with_rig(|rig| {
            let frame = to_all(300);
            rig.put(0, &frame[..100]);
            rig.put(1, &frame[100..]);
            let payload = 300_u64 << (32 + PAYLEN_SHIFT);
            rig.post(1, rig.buffer(0), DATA | 100 | payload);
            assert!(rig.take().is_empty());
            let last = DATA | u64::from(EOP | RS) | 200 | payload;
            rig.post(1, rig.buffer(1), last);
            assert_eq!(rig.take(), [frame]);
            assert_eq!(rig.status(1, 0) >> 32, payload >> 32);
            assert_eq!(rig.status(1, 1) >> 32, u64::from(DD));
        });
    }

    #[test]
    fn short_frames_are_padded_if_the_driver_wants_that() {
        with_rig(|rig| {
            let frame = to_all(20);
            rig.put(0, &frame);
            let one = DATA | u64::from(EOP | RS) | 20;
            rig.post(1, rig.buffer(0), one);
            assert_eq!(rig.take(), vec![frame.clone()]);
            let at = HLREG0.offset().bytes();
            rig.port.write_register(&rig.memory, at, hlreg0::TXPADEN);
            rig.post(1, rig.buffer(0), one);
            let padded = [frame, vec![0; 40]].concat();
            assert_eq!(rig.take(), [padded]);
        });
    }

    #[test]
    fn what_cannot_be_reached_or_sent_is_counted_and_done_with() {
        with_rig(|rig| {
            let end = DATA | u64::from(EOP | RS);
            rig.post(1, 0x1000, end | 60);
            rig.post(1, rig.buffer(0), end | 1 << 31 | 60);
            assert!(rig.take().is_empty());
            let counts = rig.port.tx_counts();
            assert_eq!((counts.dma_faults, counts.malformed), (1, 1));
            for i in 0..2 {
                assert_eq!(rig.status(1, i) >> 32, u64::from(DD));
            }
            rig.post(0, 0x1000, 0);
            assert_eq!(rig.give(&to_all(60)), Delivery::Lost);
            assert_eq!(rig.port.rx_counts().dma_faults, 1);
        });
    }

    #[test]
    fn nothing_passes_without_a_link() {
        with_rig(|rig| {
            rig.post(0, rig.buffer(0), 0);
            rig.post(1, rig.buffer(1), DATA | u64::from(EOP | RS) | 60);
            rig.port.set_link(false);
            assert_eq!(rig.give(&to_all(60)), Delivery::Lost);
            assert!(rig.take().is_empty());
            rig.port.set_link(true);
            assert_eq!(rig.give(&to_all(60)), Delivery::Delivered);
            assert_eq!(rig.take().len(), 1);
        });
    }
}

//! A cable in place of source and sink: frames as bytes, of any driver.
//!
//! Cold and complete, where the engines of measured placements are fast and
//! know one kind of frame: packets may span descriptors in both directions
//! (datasheet 7.1.6, 7.2.3), checksums are inserted (7.2.5), and frames are
//! spread by a hash of their own bytes (7.1.2.8).

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
                let frame = &mut self.frame;
                let found = take_one(engine, memory, tail, contexts, frame);
                let Some(is_good) = found else { break };
                if is_good {
                    if pads && frame.len() < SHORTEST {
                        frame.resize(SHORTEST, 0);
                    }
                    engine.counts.sent += 1;
                    engine.counts.bytes += frame.len() as u64;
                    accept(frame);
                }
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

/// One frame off a ring, whether or not it can be sent; `None` where there is
/// no whole one.
fn take_one(
    engine: &mut TxEngine,
    memory: &DmaMap<'_>,
    tail: u32,
    contexts: &mut [Context; 2],
    frame: &mut Vec<u8>,
) -> Option<bool> {
    let ring = engine.ring.as_mut()?;
    let owned = ring.owned(tail)?;
    let ends = |i: &u16| {
        let command = ring.quad::<1>(ring.head.wrapping_add(*i)) as u32;
        command & EOP != 0 && !is_context(command)
    };
    let pieces = (0..owned).find(ends)? + 1;
    frame.clear();
    let (mut reached, mut request) = (true, None);
    for _ in 0..pieces {
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
        return Some(false);
    }
    let can = request.is_none_or(|request| request.fulfil(contexts, frame));
    let is_good = can && (1..=LONGEST).contains(&frame.len());
    if !is_good {
        engine.counts.malformed += 1;
    }
    Some(is_good)
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

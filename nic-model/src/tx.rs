//! The transmit engine: frames from a ring onto the wire (datasheet 7.2).

use core::ptr::NonNull;

use driver::desc::tx_cmd::{
    DD, DEXT, DTALEN, DTYP_DATA, EOP, PAYLEN_SHIFT, RS,
};
use driver::memory::Iova;
use driver::tx::CLEAN_GROUP;

use crate::dma::DmaMap;
use crate::fault::Dice;
use crate::ring::Ring;
use crate::wire::Sink;

/// One transmit queue.
#[derive(Clone, Debug, Default)]
pub(crate) struct TxEngine {
    pub ring: Option<Ring>,
    pub counts: TxCounts,
    /// What `counts.sent` stood at when QPTC was last read or reset.
    packets_read: u64,
    /// Whether a fault holds write-backs back until the next turn.
    holding: bool,
    /// Whether the group at the head is overtaken by later ones.
    overtaken: bool,
    /// Descriptors whose write-back it holds back.
    late: Vec<u16>,
}

/// What a transmit queue did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TxCounts {
    /// Frames put on the wire.
    pub sent: u64,
    /// Bytes put on the wire, without checksums.
    pub bytes: u64,
    /// Frames lost because a descriptor's address is not mapped.
    pub dma_faults: u64,
    /// Frames lost because a descriptor is no advanced data descriptor of
    /// one whole packet.
    pub malformed: u64,
    /// Null descriptors on a device with faults: packets without a byte.
    pub null: u64,
}

impl TxEngine {
    /// Sends what lies between head and `tail`, at most `most` packets;
    /// returns how many descriptors it took. `sent` hears the number of every
    /// frame that is as it should be.
    #[inline(always)]
    pub fn transmit(
        &mut self,
        memory: &DmaMap<'_>,
        sink: &mut Sink,
        queue: usize,
        tail: u32,
        most: u16,
        mut sent: impl FnMut(u64),
    ) -> u32 {
        let owned = self.ring.and_then(|ring| ring.owned(tail)).unwrap_or(0);
        let owned = owned.min(most);
        if sink.is_plain() && sink.takes_changes() {
            // Such frames come from other processes' memory.
            let mut lane = *sink.lane(queue);
            // SAFETY: the driver gave the packet to the device, and the
            // translation covers it.
            let taken = self.send::<false>(memory, owned, |at, len| unsafe {
                let number = lane.inspect_plain::<true>(at, len);
                number.into_iter().for_each(&mut sent);
            });
            lane.arrived(taken);
            *sink.lane(queue) = lane;
        } else if sink.is_plain() {
            let mut lane = *sink.lane(queue);
            // SAFETY: as above.
            let taken = self.send::<true>(memory, owned, |at, len| unsafe {
                let number = lane.inspect_plain::<false>(at, len);
                number.into_iter().for_each(&mut sent);
            });
            lane.arrived(taken);
            *sink.lane(queue) = lane;
        } else {
            // SAFETY: as above.
            self.send::<true>(memory, owned, |at, len| unsafe {
                sink.accept(queue, at, len).into_iter().for_each(&mut sent);
            });
        }
        owned.into()
    }

    /// Hands `owned` packets to `accept`; returns how many could be. Works on
    /// copies, which stay in registers.
    #[inline(always)]
    fn send<const LINEAR: bool>(
        &mut self,
        memory: &DmaMap<'_>,
        owned: u16,
        mut accept: impl FnMut(NonNull<u8>, u32),
    ) -> u64 {
        let Some(mut ring) = self.ring else {
            return 0;
        };
        let first = memory.first();
        let (mut bytes, mut dma_faults, mut malformed) = (0, 0, 0);
        for _ in 0..owned {
            let packet = Packet::at_head(&ring);
            if let Some((iova, len)) = packet.whole {
                match memory.with::<LINEAR>(&first, iova, len) {
                    Some(at) => {
                        accept(at, len);
                        bytes += u64::from(len);
                    }
                    None => dma_faults += 1,
                }
            } else {
                malformed += 1;
            }
            if packet.report_status {
                ring.write_status(ring.head, DD);
            }
            ring.advance();
        }
        self.ring = Some(ring);
        let sent = u64::from(owned) - dma_faults - malformed;
        self.counts.sent += sent;
        self.counts.bytes += bytes;
        self.counts.dma_faults += dma_faults;
        self.counts.malformed += malformed;
        sent
    }

    /// As [`transmit`](Self::transmit), for a device with faults.
    #[cold]
    pub fn transmit_faulty(
        &mut self,
        memory: &DmaMap<'_>,
        sink: &mut Sink,
        queue: usize,
        tail: u32,
        dice: &mut Dice,
    ) -> u32 {
        self.settle();
        let Some(ring) = &mut self.ring else {
            return 0;
        };
        let owned = ring.owned(tail).unwrap_or(0);
        for _ in 0..owned {
            if ring.head.is_multiple_of(CLEAN_GROUP) {
                self.overtaken = dice.out_of_order();
            }
            let packet = Packet::at_head(ring);
            if let Some((_, 0)) = packet.whole {
                self.counts.null += 1;
            } else if let Some((iova, len)) = packet.whole {
                match memory.translate(iova, len) {
                    Some(at) if !dice.bad_iova() => {
                        // SAFETY: as in `transmit`.
                        unsafe { sink.accept(queue, at, len) };
                        self.counts.sent += 1;
                        self.counts.bytes += u64::from(len);
                    }
                    _ => self.counts.dma_faults += 1,
                }
            } else {
                self.counts.malformed += 1;
            }
            // Drawn for every descriptor, so that a turn's write-backs are
            // late from the same one on, whatever the driver asks for.
            self.holding |= dice.late();
            if packet.report_status {
                if self.holding || self.overtaken {
                    self.late.push(ring.head);
                } else {
                    ring.write_status(ring.head, DD);
                }
            }
            ring.advance();
        }
        owned.into()
    }

    /// Switches the queue off.
    pub fn stop(&mut self) {
        self.ring = None;
        self.late.clear();
        self.holding = false;
        self.overtaken = false;
    }

    /// QPTC: frames sent since it was read.
    pub fn packets(&self) -> u32 {
        (self.counts.sent - self.packets_read) as u32
    }

    /// QPTC as a read returns it, which clears it.
    pub fn packets_since_read(&mut self) -> u32 {
        let packets = self.packets();
        self.packets_read = self.counts.sent;
        packets
    }

    /// Makes up for late write-backs.
    pub fn settle(&mut self) {
        self.holding = false;
        if let Some(ring) = &self.ring {
            for i in self.late.drain(..) {
                ring.write_status(i, DD);
            }
        }
    }
}

/// What a descriptor asks for.
struct Packet {
    /// Address and length, of a packet that is whole.
    whole: Option<(Iova, u32)>,
    /// Whether it asks for a write-back.
    report_status: bool,
}

impl Packet {
    #[inline(always)]
    fn at_head(ring: &Ring) -> Self {
        let iova = Iova::new(ring.quad::<0>(ring.head));
        let second = ring.quad::<1>(ring.head);
        let (command, olinfo) = (second as u32, (second >> 32) as u32);
        let kind = DEXT | DTYP_DATA | EOP;
        let len = command & DTALEN;
        let whole = command & kind == kind && olinfo >> PAYLEN_SHIFT == len;
        Self {
            whole: whole.then_some((iova, len)),
            report_status: command & RS != 0,
        }
    }
}

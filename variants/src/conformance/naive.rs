//! A forwarder without style: one packet after the other, plain numbers,
//! plain containers.
//!
//! Written from the datasheet and not from `driver::rx` and `driver::tx`, of
//! which it uses nothing. Bring-up and pool are the driver's.

use std::collections::VecDeque;
use std::mem;

use driver::bar::Bar0;
use driver::mempool::{Mempool, PktBuf};
use driver::nic::{InitError, Nic};
use driver::policy::PACKET_TYPES;
use driver::regs::{RDT, TDT};
use driver::ring::{RxRing, TxRing};
use driver::wait::Wait;
use nic_model::TrappedBar;

use super::dispatch;
use crate::registry::Baseline;
use crate::workload::{Counts, Forwarder, MappedSite, Quota, Site};

// Receive status (datasheet 7.1.6.2): done, and end of packet.
const DONE: u32 = 1;
const END: u32 = 2;

/// DEXT, RS, IFCS, EOP and the type of an advanced data descriptor
/// (datasheet 7.2.3.2.4).
const COMMAND: u32 = 0x2B30_0000;

/// Sent packets are taken off the ring by as many.
const GROUP: usize = 32;

struct Naive<'a> {
    ports: [Port<'a>; 2],
    pool: Mempool<'a, Baseline>,
    batch_size: usize,
    counts: Counts,
    tallies: [u64; PACKET_TYPES],
    /// Whether packets are sent, and not dropped.
    sends: bool,
}

struct Port<'a> {
    bar: TrappedBar<'a>,
    rx_ring: RxRing<'a>,
    /// The buffer of every receive descriptor.
    rx_bufs: Vec<PktBuf>,
    rx_next: u16,
    /// The last fragment was not the end of its frame.
    inside_frame: bool,
    tx_ring: TxRing<'a>,
    tx_next: u16,
    /// Buffers on the transmit ring, oldest first.
    in_flight: VecDeque<PktBuf>,
}

/// Sets the forwarding reference up, as [`open_on`].
pub fn open<'a>(
    site: MappedSite<'a>,
    wait: &mut dyn Wait,
) -> Result<Box<dyn Forwarder + 'a>, InitError> {
    open_on(true, site, wait)
}

/// Sets the reference up that only receives, as [`open_on`].
pub fn open_rx<'a>(
    site: MappedSite<'a>,
    wait: &mut dyn Wait,
) -> Result<Box<dyn Forwarder + 'a>, InitError> {
    open_on(false, site, wait)
}

/// Sets the reference up, behind trapped registers only.
fn open_on<'a>(
    sends: bool,
    site: MappedSite<'a>,
    wait: &mut dyn Wait,
) -> Result<Box<dyn Forwarder + 'a>, InitError> {
    let MappedSite::Trapped(site) = site else {
        panic!("the reference runs behind trapped registers");
    };
    let Site { bars, config, batch, mut tables, mut dma, .. } = site;
    let (buffers, bytes) = (config.buffers, config.buffer_bytes);
    let packets =
        dma.take(Mempool::<Baseline>::dma_bytes(buffers, bytes), 2 << 20);
    let mut pool = Mempool::new(buffers, bytes, packets, &mut tables);
    let mut ports = Vec::new();
    for bar in bars {
        let (dma, tables) = (&mut dma, &mut tables);
        let lend = &mut || pool.lend();
        let nic: Nic<'_, _> = Nic::open(bar, &config, dma, tables, lend, wait)?;
        let (bar, mut rx, mut tx) = nic.into_parts();
        let (rx_ring, mut rx_bufs) = rx.remove(0).into_parts();
        let (tx_ring, _) = tx.remove(0).into_parts();
        ports.push(Port {
            bar,
            rx_ring,
            rx_bufs: rx_bufs.iter_mut().map(mem::take).collect(),
            rx_next: 0,
            inside_frame: false,
            tx_ring,
            tx_next: 0,
            in_flight: VecDeque::new(),
        });
    }
    let Ok(ports) = ports.try_into() else {
        unreachable!("a site has two ports");
    };
    let counts = Counts::default();
    let (batch_size, tallies) = (batch.into(), [0; PACKET_TYPES]);
    Ok(Box::new(Naive { ports, pool, batch_size, counts, tallies, sends }))
}

impl Port<'_> {
    fn rx_status(&self) -> u32 {
        self.rx_ring.desc(self.rx_next).status_error().read()
    }

    /// Gives the next receive descriptor back to the device with `buf`, and
    /// goes on to the one after it.
    fn rearm(&mut self, pool: &Mempool<'_, Baseline>, buf: PktBuf) -> PktBuf {
        let desc = self.rx_ring.desc(self.rx_next);
        desc.pkt_addr().write(pool.iova(&buf).value());
        desc.hdr_addr().write(0);
        let old = &mut self.rx_bufs[usize::from(self.rx_next)];
        self.rx_next = (self.rx_next + 1) % self.rx_ring.entries();
        mem::replace(old, buf)
    }

    /// The tail is the last descriptor that was given back: head and tail
    /// must not meet on a full ring.
    fn ring_rx_doorbell(&self) {
        let entries = self.rx_ring.entries();
        let last = (self.rx_next + entries - 1) % entries;
        self.bar.write32(RDT.at(0), last.into());
    }

    /// Drops fragments, up to the next whole frame; returns how many frames
    /// ended.
    fn drop_fragments(&mut self, pool: &Mempool<'_, Baseline>) -> u64 {
        let first = self.rx_next;
        let mut frames = 0;
        loop {
            let status = self.rx_status();
            let ends = status & END != 0;
            if status & DONE == 0 || (ends && !self.inside_frame) {
                break;
            }
            self.inside_frame = !ends;
            frames += u64::from(ends);
            let same = &mut self.rx_bufs[usize::from(self.rx_next)];
            let same = mem::take(same);
            self.rearm(pool, same);
        }
        if self.rx_next != first {
            self.ring_rx_doorbell();
        }
        frames
    }

    /// Gives the buffers of sent packets back.
    fn clean(&mut self, pool: &mut Mempool<'_, Baseline>) {
        let entries = usize::from(self.tx_ring.entries());
        while self.in_flight.len() >= GROUP {
            let oldest =
                entries + usize::from(self.tx_next) - self.in_flight.len();
            let last = (oldest + GROUP - 1) % entries;
            let status = self.tx_ring.desc(last as u16).status().read();
            if status & DONE == 0 {
                break;
            }
            for buf in self.in_flight.drain(..GROUP) {
                pool.free(buf);
            }
        }
    }
}

impl Naive<'_> {
    fn receive(&mut self, port: usize) -> Vec<PktBuf> {
        let (port, pool) = (&mut self.ports[port], &mut self.pool);
        let mut packets = Vec::new();
        if port.inside_frame {
            self.counts.multi_descriptor += port.drop_fragments(pool);
            if port.inside_frame {
                return packets;
            }
        }
        while packets.len() < self.batch_size
            && port.rx_status() & DONE != 0
            && port.rx_status() & END != 0
        {
            let desc = port.rx_ring.desc(port.rx_next);
            // Whatever the device says, a packet fits into its buffer.
            let length = desc.length_vlan().read() % 65536;
            let length = (length as u16).min(pool.longest());
            // The low 16 bits of a write-back: RSS type, then packet type.
            let packet_type = desc.pkt_info().read() / 16 % 32;
            let Some(fresh) = pool.alloc() else {
                break;
            };
            let packet = port.rearm(pool, fresh);
            pool.set_len(&packet, length);
            pool.set_packet_type(&packet, packet_type as u16);
            packets.push(packet);
        }
        let status = port.rx_status();
        if !packets.is_empty() {
            port.ring_rx_doorbell();
        } else if status & DONE != 0 && status & END == 0 {
            self.counts.multi_descriptor += port.drop_fragments(pool);
        }
        self.counts.received += packets.len() as u64;
        packets
    }

    fn send(&mut self, port: usize, packets: Vec<PktBuf>) {
        let (port, pool) = (&mut self.ports[port], &mut self.pool);
        port.clean(pool);
        let entries = port.tx_ring.entries();
        for packet in packets {
            // One descriptor stays empty: head meeting tail means no packet.
            if port.in_flight.len() + 1 == usize::from(entries) {
                self.counts.dropped += 1;
                pool.free(packet);
                continue;
            }
            let length = u32::from(pool.len(&packet));
            let desc = port.tx_ring.desc(port.tx_next);
            desc.address().write(pool.iova(&packet).value());
            desc.cmd_type_len().write(COMMAND | length);
            desc.olinfo_status().write(length << 14);
            port.in_flight.push_back(packet);
            port.tx_next = (port.tx_next + 1) % entries;
            self.counts.sent += 1;
        }
        port.bar.write32(TDT.at(0), port.tx_next.into());
    }

    fn pass(&mut self, from: usize, to: usize) -> u64 {
        let packets = self.receive(from);
        let n = packets.len() as u64;
        for packet in &packets {
            // A device out of order says that there is no byte at all.
            let packet_type = self.pool.packet_type(packet).into();
            let bytes = self.pool.data_mut(packet);
            if let Some(byte) = bytes.get_mut(48) {
                *byte = byte.wrapping_add(1);
            }
            let tally = &mut self.tallies[packet_type];
            *tally = dispatch::tally_after(packet_type, *tally, bytes);
        }
        if self.sends {
            self.send(to, packets);
        } else {
            self.counts.consumed += n;
            packets.into_iter().for_each(|packet| self.pool.free(packet));
        }
        n
    }
}

impl Forwarder for Naive<'_> {
    fn forward(&mut self, quota: Quota) -> u64 {
        let mut received = 0;
        let mut empty_rounds = 0;
        while received < quota.packets && empty_rounds < quota.patience {
            let n = self.pass(0, 1) + self.pass(1, 0);
            received += n;
            empty_rounds = if n == 0 { empty_rounds + 1 } else { 0 };
        }
        received
    }

    fn counts(&self) -> Counts {
        self.counts
    }

    fn pending(&self) -> u64 {
        let mut frames = 0;
        for port in &self.ports {
            let entries = port.rx_ring.entries();
            for step in 0..entries {
                let desc = port.rx_ring.desc((port.rx_next + step) % entries);
                let status = desc.status_error().read();
                if status & DONE == 0 {
                    break;
                }
                frames += u64::from(status & END != 0);
            }
        }
        frames
    }

    fn free_buffers(&self) -> Vec<u32> {
        self.pool.free_slots()
    }

    fn tallies(&self) -> Option<[u64; PACKET_TYPES]> {
        Some(self.tallies)
    }
}

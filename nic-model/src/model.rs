//! A card with several ports, wired so that what enters at one port of a
//! pair is expected back at the other.

use crate::account::Account;
use crate::dma::DmaMap;
use crate::fault::{Faults, Mishaps};
use crate::frame::FrameFormat;
use crate::port::Port;
use crate::regfile::RegisterFile;
use crate::wire::{Sink, Source};

/// What is on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// What the frames look like.
    pub format: FrameFormat,
    /// Number of the first frame of every port.
    pub first_sequence: u64,
    /// How often a forwarder increments byte 48 of each frame.
    pub touches: u8,
    /// Whether sinks keep a digest of all that arrives.
    pub digest: bool,
    /// Whether the driver's side makes the frames: those of port 0, and the
    /// same numbers at every port.
    pub from_driver: bool,
    /// Whether forwarders may change Ethernet addresses and byte 48.
    pub takes_changes: bool,
}

/// A software 82599.
#[derive(Debug)]
pub struct Model<'a> {
    memory: DmaMap<'a>,
    ports: Vec<Port<'a>>,
}

impl<'a> Model<'a> {
    /// A card with a port of `queues` queues per direction behind each of
    /// `bars`, which reaches `memory`. Ports 0 and 1 are a pair, 2 and 3,
    /// and so on.
    pub fn new(
        bars: &[RegisterFile<'a>],
        memory: DmaMap<'a>,
        queues: u16,
        traffic: Traffic,
        faults: Faults,
    ) -> Self {
        assert!(bars.len().is_multiple_of(2), "ports come in pairs");
        assert!(queues > 0, "a port has queues");
        let Traffic { format, first_sequence: first, .. } = traffic;
        let ports = (0..)
            .zip(bars)
            .map(|(number, regs)| {
                let source = Source::new(number, format, first);
                let touches = traffic.touches;
                let peer = if traffic.from_driver { 0 } else { number ^ 1 };
                let sink = Sink::new(peer, format, touches, queues, first)
                    .with_oversize(faults.oversize > 0);
                let sink = sink.with_changes(traffic.takes_changes);
                let sink =
                    if traffic.digest { sink.with_digest() } else { sink };
                Port::new(number, queues, *regs, source, sink, faults)
            })
            .collect();
        Self { memory, ports }
    }

    /// What the device may reach.
    pub fn memory_mut(&mut self) -> &mut DmaMap<'a> {
        &mut self.memory
    }

    /// Writes heads and counters into the registers of all ports.
    pub fn publish(&self) {
        self.ports.iter().for_each(Port::publish);
    }

    /// The ports.
    pub fn ports(&self) -> &[Port<'a>] {
        &self.ports
    }

    /// Acts on what the driver wrote to control registers, and lets a turn
    /// pass for links that are about to come up.
    pub fn poll_control(&mut self) {
        for port in &mut self.ports {
            port.poll_control(&self.memory);
            port.tick();
        }
    }

    /// Acts on what the driver wrote to control registers of one port.
    pub fn poll_control_of(&mut self, port: usize) {
        self.ports[port].poll_control(&self.memory);
    }

    /// A write to a register of one port, with all that it sets off: see
    /// [`Port::write_register`].
    pub fn write_register(&mut self, port: usize, offset: u32, value: u32) {
        self.ports[port].write_register(&self.memory, offset, value);
    }

    /// One port.
    pub fn port_mut(&mut self, port: usize) -> &mut Port<'a> {
        &mut self.ports[port]
    }

    /// Takes everything off all transmit rings; returns how many descriptors
    /// that were.
    #[inline(always)]
    pub fn transmit(&mut self) -> u32 {
        let memory = &self.memory;
        self.ports.iter_mut().map(|port| port.transmit(memory)).sum()
    }

    /// Puts `frames` frames on the wire towards every port; returns how many
    /// were delivered.
    #[inline(always)]
    pub fn receive(&mut self, frames: u32) -> u32 {
        let memory = &self.memory;
        let receive = |port: &mut Port<'_>| port.receive(memory, frames);
        self.ports.iter_mut().map(receive).sum()
    }

    /// Puts as many frames on the wire as each port has room for, at most
    /// `most` each.
    #[inline(always)]
    pub fn receive_ready(&mut self, most: u32) -> u32 {
        let memory = &self.memory;
        let receive = |port: &mut Port<'_>| port.receive_ready(memory, most);
        self.ports.iter_mut().map(receive).sum()
    }

    /// Puts the next `frames` frames on the wire towards one port: see
    /// [`Port::receive_each`].
    #[inline(always)]
    pub fn receive_each(
        &mut self,
        port: usize,
        frames: u32,
        each: impl FnMut(u64, Option<u16>),
    ) -> u32 {
        self.ports[port].receive_each(&self.memory, frames, each)
    }

    /// Takes packets off the transmit rings of one port: see
    /// [`Port::transmit_each`].
    #[inline(always)]
    pub fn transmit_each(
        &mut self,
        port: usize,
        most: u16,
        sent: impl FnMut(u16, u64),
    ) -> u32 {
        self.ports[port].transmit_each(&self.memory, most, sent)
    }

    /// As [`receive`](Self::receive), with every write-back held: see
    /// [`Port::receive_held`].
    pub fn receive_held(&mut self, frames: u32) -> u32 {
        let memory = &self.memory;
        let receive = |port: &mut Port<'_>| port.receive_held(memory, frames);
        self.ports.iter_mut().map(receive).sum()
    }

    /// The same towards one port.
    pub fn receive_held_at(&mut self, port: usize, frames: u32) -> u32 {
        self.ports[port].receive_held(&self.memory, frames)
    }

    /// Makes up for every write-back that is late or held, and brings lost
    /// links up again.
    pub fn settle(&mut self) {
        self.ports.iter_mut().for_each(Port::settle);
    }

    /// How often faults struck.
    pub fn mishaps(&self) -> Mishaps {
        let mishaps = self.ports.iter().map(Port::mishaps);
        mishaps.fold(Mishaps::default(), Mishaps::plus)
    }

    /// Frames that came back good since the card was made.
    pub fn forwarded(&self) -> u64 {
        self.ports.iter().map(|port| port.sink().counts().good).sum()
    }

    /// The device's side of the account. What the driver dropped and what
    /// waits in its receive rings are for the driver to add.
    pub fn account(&self) -> Account {
        let mut account = Account::default();
        for port in &self.ports {
            let loss = port.loss();
            let tx = port.tx_counts();
            let sink = port.sink().counts();
            account.offered += loss.offered;
            account.ring_empty += loss.ring_empty;
            account.dma_faults += loss.rx_dma_faults + tx.dma_faults;
            account.link_down += loss.link_down;
            account.missed += loss.missed;
            account.damaged += sink.damaged() + tx.null;
            account.forwarded += sink.good;
            account.spoiled += sink.spoiled() + tx.malformed;
            account.inside += port.held() + port.tx_pending();
        }
        account
    }
}

//! One port: registers, engines and the wire behind them.

use driver::memory::{DmaWindow, Iova};
use driver::regs::*;

use crate::account::Loss;
use crate::commands;
use crate::dma::DmaMap;
use crate::fault::{Dice, Faults, Mishaps};
use crate::frame::FCS_BYTES;
use crate::link::Link;
use crate::regfile::RegisterFile;
use crate::ring::Ring;
use crate::rss::Rss;
use crate::rx::{RxCounts, RxEngine};
use crate::tx::{TxCounts, TxEngine};
use crate::wire::{Sink, Source};

/// One port of a software 82599.
#[derive(Clone, Debug)]
pub struct Port<'a> {
    regs: RegisterFile<'a>,
    mac: [u8; 6],
    faults: Faults,
    /// Whether there are any, and frames take the slow way.
    faulty: bool,
    rx_dice: Dice,
    tx_dice: Dice,
    port_dice: Dice,
    link: Link,
    /// How many frames towards the port it lives to see.
    stops_at: u64,
    rx: Vec<RxEngine>,
    tx: Vec<TxEngine>,
    spread: Option<Spread>,
    source: Source,
    sink: Sink,
    offered: u64,
    /// Frames lost on the wire while the link was down.
    lost_with_link: u64,
    /// Frames that came after the port had stopped.
    missed: u64,
    /// What the counters stood at when they were last read or reset.
    cleared: Counters,
}

/// How frames are spread over several queues.
#[derive(Clone, Debug)]
struct Spread {
    rss: Rss,
    /// No frame with a lower number is to come to each queue.
    next: Vec<u64>,
}

/// The packet and byte counters of a port since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// GPRC: frames written to memory.
    pub rx_packets: u64,
    /// GPTC: frames put on the wire.
    pub tx_packets: u64,
    /// GORC: bytes received, with checksums.
    pub rx_bytes: u64,
    /// GOTC: bytes sent, with checksums.
    pub tx_bytes: u64,
}

impl<'a> Port<'a> {
    /// A port with `queues` queues of each direction behind `regs`.
    pub fn new(
        number: u8,
        queues: u16,
        regs: RegisterFile<'a>,
        source: Source,
        sink: Sink,
        faults: Faults,
    ) -> Self {
        let mac = [0x02, 0x82, 0x59, 0x90, 0x00, number];
        let link = Link::new(faults);
        regs.reset(mac, link.is_up());
        let engines = usize::from(queues);
        let stream = u64::from(number) * 2;
        let mut port_dice = Dice::new(faults, stream | 1 << 16);
        let stops_at = port_dice.stop();
        Self {
            regs,
            mac,
            faults,
            faulty: faults.any(),
            rx_dice: Dice::new(faults, stream),
            tx_dice: Dice::new(faults, stream + 1),
            port_dice,
            link,
            stops_at,
            rx: vec![RxEngine::default(); engines],
            tx: vec![TxEngine::default(); engines],
            spread: None,
            source,
            sink,
            offered: 0,
            lost_with_link: 0,
            missed: 0,
            cleared: Counters::default(),
        }
    }

    /// The registers.
    pub fn regs(&self) -> &RegisterFile<'a> {
        &self.regs
    }

    /// Queues of each direction.
    #[inline(always)]
    pub fn queues(&self) -> u16 {
        self.rx.len() as u16
    }

    /// The number of the next frame towards the port.
    pub fn next_sequence(&self) -> u64 {
        self.source.next_sequence()
    }

    /// Acts on what the driver wrote to the control registers since the last
    /// call: resets, commands, link restarts, queues switched on and off.
    pub fn poll_control(&mut self, memory: &DmaMap<'_>) {
        if self.regs.get(&CTRL, 0) & (ctrl::RST | ctrl::LRST) != 0 {
            if !self.faults.endless_reset {
                self.reset();
            }
            return;
        }
        commands::answer(&self.regs);
        let autoc = self.regs.get(&AUTOC, 0);
        if autoc & autoc::RESTART_AN != 0 {
            self.regs.set(&AUTOC, 0, autoc & !autoc::RESTART_AN);
            self.link.restart();
            self.regs.show_link(self.link.is_up());
        }
        let rx_on = self.regs.get(&RXCTRL, 0) & rxctrl::RXEN != 0;
        let tx_on = self.regs.get(&DMATXCTL, 0) & dmatxctl::TE != 0;
        for n in 0..self.rx.len() as u16 {
            self.switch_rx(memory, n, rx_on);
            self.switch_tx(memory, n, tx_on);
        }
    }

    fn reset(&mut self) {
        self.cleared = self.counters();
        for queue in &mut self.rx {
            queue.stop();
            queue.drops_since_read();
            queue.packets_since_read();
        }
        for queue in &mut self.tx {
            queue.stop();
            queue.packets_since_read();
        }
        self.link.restart();
        self.regs.reset(self.mac, self.link.is_up());
    }

    fn switch_rx(&mut self, memory: &DmaMap<'_>, n: u16, rx_on: bool) {
        let regs = &self.regs;
        let queue = &mut self.rx[usize::from(n)];
        let on = rx_on && regs.get(&RXDCTL, n) & rxdctl::ENABLE != 0;
        if on && queue.ring.is_none() {
            let iova = address(regs, &RDBAL, &RDBAH, n);
            queue.ring = Ring::open(memory, iova, regs.get(&RDLEN, n));
            let kib = regs.get(&SRRCTL, n) & srrctl::BSIZEPACKET;
            queue.buffer_bytes = kib * 1024;
            self.spread();
        } else if !on {
            queue.stop();
        }
    }

    /// Reads how frames are to be spread. A driver says so before it starts a
    /// queue (datasheet 4.6.7).
    fn spread(&mut self) {
        let queues = self.rx.len();
        let is_read = |spread: &Spread| spread.rss.is_current(&self.regs);
        if queues > 1 && !self.spread.as_ref().is_some_and(is_read) {
            let rss = Rss::read(&self.regs, self.source.maker(), queues);
            let next = vec![self.source.next_sequence(); queues];
            self.spread = Some(Spread { rss, next });
        }
    }

    /// The queue that frame number `sequence` goes to.
    pub fn queue_of(&self, sequence: u64) -> u16 {
        let tags = self.source.maker().tags(sequence);
        self.spread.as_ref().map_or(0, |spread| spread.rss.queue_of(tags))
    }

    fn switch_tx(&mut self, memory: &DmaMap<'_>, n: u16, tx_on: bool) {
        let regs = &self.regs;
        let queue = &mut self.tx[usize::from(n)];
        let on = tx_on && regs.get(&TXDCTL, n) & txdctl::ENABLE != 0;
        if on && queue.ring.is_none() {
            let iova = address(regs, &TDBAL, &TDBAH, n);
            queue.ring = Ring::open(memory, iova, regs.get(&TDLEN, n));
        } else if !on {
            queue.stop();
        }
    }

    /// Whether the link is up.
    pub fn is_link_up(&self) -> bool {
        self.link.is_up()
    }

    /// Descriptors of receive queue `n`, and how many of them hold frames that
    /// the driver has not made room for again.
    pub fn waiting(&self, n: u16) -> Option<(u16, u16)> {
        let ring = self.rx[usize::from(n)].ring?;
        let owned = ring.owned(self.regs.get(&RDT, n))?;
        Some((ring.entries(), ring.entries() - 1 - owned))
    }

    /// Frames that receive and transmit queue `n` were done with.
    pub(crate) fn progress(&self, n: u16) -> [u64; 2] {
        let n = usize::from(n);
        let tx = &self.tx[n].counts;
        let done = tx.sent + tx.dma_faults + tx.malformed + tx.null;
        [self.rx[n].counts.delivered, done]
    }

    /// The registers and the receive queues.
    pub(crate) fn receive_side(
        &mut self,
    ) -> (RegisterFile<'a>, &mut [RxEngine]) {
        (self.regs, &mut self.rx)
    }

    /// The registers and the transmit queues.
    pub(crate) fn transmit_side(
        &mut self,
    ) -> (RegisterFile<'a>, &mut [TxEngine]) {
        (self.regs, &mut self.tx)
    }

    /// Stops every queue whose ring lies in `memory`, which is about to go.
    pub fn forget(&mut self, memory: &DmaWindow<'_>) {
        let goes =
            |ring: &Option<Ring>| ring.is_some_and(|ring| ring.lies_in(memory));
        for queue in self.rx.iter_mut().filter(|queue| goes(&queue.ring)) {
            queue.stop();
        }
        for queue in self.tx.iter_mut().filter(|queue| goes(&queue.ring)) {
            queue.stop();
        }
    }

    /// A reset of the whole device, as by its bus: nothing of what a driver
    /// wrote is left.
    pub fn power_up(&mut self) {
        self.regs.erase();
        self.reset();
    }

    /// Whether every queue of both directions runs.
    pub fn is_running(&self) -> bool {
        let rx = self.rx.iter().all(|queue| queue.ring.is_some());
        rx && self.tx.iter().all(|queue| queue.ring.is_some())
    }

    /// Puts `frames` frames on the wire towards the port, spread over the
    /// queues by flow; returns how many were delivered.
    #[inline(always)]
    pub fn receive(&mut self, memory: &DmaMap<'_>, frames: u32) -> u32 {
        self.offered += u64::from(frames);
        if let [queue] = &mut self.rx[..]
            && !self.faulty
            && self.source.longest() <= queue.buffer_bytes
        {
            let tail = self.regs.get(&RDT, 0);
            let source = &mut self.source;
            return queue.receive::<false>(memory, source, tail, frames);
        }
        if let Some(delivered) = self.receive_spread(memory, frames) {
            return delivered;
        }
        self.receive_slowly(memory, frames)
    }

    /// Frames for several queues, queue by queue; `None` where each has to be
    /// looked at by itself.
    #[inline(never)]
    fn receive_spread(
        &mut self,
        memory: &DmaMap<'_>,
        frames: u32,
    ) -> Option<u32> {
        let whole = self.takes_whole_frames();
        let spread = self.spread.as_mut().filter(|_| whole)?;
        spread.rss.frames_of(0)?;
        let first = self.source.next_sequence();
        let end = first + u64::from(frames);
        let (mut sent, mut delivered) = (0, 0);
        for (n, queue) in (0..).zip(&mut self.rx) {
            let share = spread.rss.frames_of(n.into())?;
            spread.next[usize::from(n)] = end;
            let count = (share.below(end) - share.below(first)) as u32;
            if count > 0 {
                let tail = self.regs.get(&RDT, n);
                let (rss, maker) = (&spread.rss, self.source.maker());
                let mut numbers = share.from(first);
                let number = || numbers.take();
                delivered +=
                    queue.receive_of(memory, maker, rss, tail, count, number);
                sent += count;
            }
        }
        // What no queue is there for finds no descriptor, either.
        self.rx[0].counts.ring_empty += u64::from(frames - sent);
        self.source.skip(frames.into());
        Some(delivered)
    }

    /// Whether every frame fits into a buffer and nothing befalls it.
    fn takes_whole_frames(&self) -> bool {
        let longest = self.source.longest();
        let fits = |queue: &RxEngine| {
            queue.ring.is_none() || longest <= queue.buffer_bytes
        };
        !self.faulty && self.rx.iter().all(fits)
    }

    /// An unlimited load for each of several queues by itself, at most `most`
    /// frames each: a queue that has no room does not keep the others
    /// waiting. `None` as in [`receive_spread`](Self::receive_spread).
    #[inline(never)]
    fn receive_ready_spread(
        &mut self,
        memory: &DmaMap<'_>,
        most: u32,
    ) -> Option<u32> {
        let whole = self.takes_whole_frames();
        let spread = self.spread.as_mut().filter(|_| whole)?;
        spread.rss.frames_of(0)?;
        let mut delivered = 0;
        for (n, queue) in (0..).zip(&mut self.rx) {
            let share = spread.rss.frames_of(n.into())?;
            let tail = self.regs.get(&RDT, n);
            let owned = queue.ring.and_then(|ring| ring.owned(tail));
            let frames = u32::from(owned.unwrap_or(0)).min(most);
            if frames == 0 || share.is_empty() {
                continue;
            }
            let next = &mut spread.next[usize::from(n)];
            let (rss, maker) = (&spread.rss, self.source.maker());
            let mut numbers = share.from(*next);
            let number = || {
                let number = numbers.take();
                *next = number + 1;
                number
            };
            delivered +=
                queue.receive_of(memory, maker, rss, tail, frames, number);
            self.offered += u64::from(frames);
        }
        let last = spread.next.iter().copied().max().unwrap_or(0);
        let next = self.source.next_sequence();
        self.source.skip(last.saturating_sub(next));
        Some(delivered)
    }

    /// As [`receive`](Self::receive), but no descriptor is written back: to
    /// the driver the frames have not come yet. What was held before has to
    /// be written back first.
    ///
    /// # Panics
    ///
    /// On a port with several queues or faults, and for frames longer than a
    /// buffer.
    pub fn receive_held(&mut self, memory: &DmaMap<'_>, frames: u32) -> u32 {
        let [queue] = &mut self.rx[..] else {
            panic!("frames are held on ports with one queue");
        };
        let whole = self.source.longest() <= queue.buffer_bytes;
        assert!(
            whole && !self.faulty,
            "only whole frames are held, without faults"
        );
        self.offered += u64::from(frames);
        let tail = self.regs.get(&RDT, 0);
        queue.receive::<true>(memory, &mut self.source, tail, frames)
    }

    /// Writes the descriptors of the next `frames` held frames back.
    pub fn write_back(&mut self, frames: u32) {
        for queue in &mut self.rx {
            queue.write_back(self.source.maker(), frames);
        }
    }

    /// Puts the next `frames` frames on the wire towards the port; returns how
    /// many were delivered. `each` hears of every one of them, in order, its
    /// number and the queue that it was delivered to, or none.
    ///
    /// # Panics
    ///
    /// On a port with faults, which damage frames.
    #[inline(always)]
    pub fn receive_each(
        &mut self,
        memory: &DmaMap<'_>,
        frames: u32,
        mut each: impl FnMut(u64, Option<u16>),
    ) -> u32 {
        assert!(!self.faulty, "frames are followed without faults");
        let first = self.source.next_sequence();
        if !self.link.is_up() {
            let lost = u64::from(frames);
            self.offered += lost;
            self.lost_with_link += lost;
            self.source.skip(lost);
            (first..first + lost).for_each(|number| each(number, None));
            return 0;
        }
        if let [_] = &self.rx[..] {
            let delivered = self.receive(memory, frames);
            for number in 0..frames {
                let queue = (number < delivered).then_some(0);
                each(first + u64::from(number), queue);
            }
            return delivered;
        }
        let mut delivered = 0;
        for number in first..first + u64::from(frames) {
            let queue = self.queue_of(number);
            let one = self.receive(memory, 1);
            each(number, (one == 1).then_some(queue));
            delivered += one;
        }
        delivered
    }

    #[cold]
    fn receive_slowly(&mut self, memory: &DmaMap<'_>, frames: u32) -> u32 {
        let split = self.faulty;
        let mut delivered = 0;
        self.rx.iter_mut().for_each(RxEngine::settle);
        if self.faulty {
            self.turn();
        }
        let first = self.offered - u64::from(frames);
        for number in first..self.offered {
            if !self.link.is_up() || number >= self.stops_at {
                let lost = match self.link.is_up() {
                    false => &mut self.lost_with_link,
                    true => &mut self.missed,
                };
                *lost += 1;
                self.source.skip(1);
                continue;
            }
            let sequence = self.source.next_sequence();
            let n = self.queue_of(sequence);
            let Some(queue) = self.rx.get_mut(usize::from(n)) else {
                self.rx[0].counts.ring_empty += 1;
                self.source.skip(1);
                continue;
            };
            let tail = self.regs.get(&RDT, n);
            let source = &mut self.source;
            let rss = self.spread.as_ref().map(|spread| &spread.rss);
            delivered += match rss {
                _ if split || source.bytes() > queue.buffer_bytes => {
                    let dice = &mut self.rx_dice;
                    queue.receive_faulty(memory, source, tail, dice, rss)
                }
                Some(rss) => {
                    let (maker, number) = (source.maker(), || sequence);
                    let one =
                        queue.receive_of(memory, maker, rss, tail, 1, number);
                    source.skip(1);
                    one
                }
                None => queue.receive::<false>(memory, source, tail, 1),
            };
        }
        if let Some(spread) = &mut self.spread {
            spread.next.fill(self.source.next_sequence());
        }
        delivered
    }

    /// What faults do to the port itself at the start of a turn.
    fn turn(&mut self) {
        self.link.turn();
        if self.link.is_up() {
            self.link.lose(self.port_dice.link_flap());
        }
        self.regs.show_link(self.link.is_up());
        if self.faults.wild_heads {
            self.publish_heads();
        }
    }

    /// Lets a turn pass for a link that is about to come up.
    #[inline(always)]
    pub fn tick(&mut self) {
        if self.faulty {
            self.link.turn();
            self.regs.show_link(self.link.is_up());
        }
    }

    /// Whether frames get in and out.
    fn is_alive(&self) -> bool {
        self.link.is_up() && self.offered < self.stops_at
    }

    /// Puts as many frames on the wire as the rings have room for, at most
    /// `most`: an unlimited load that is never lost.
    #[inline(always)]
    pub fn receive_ready(&mut self, memory: &DmaMap<'_>, most: u32) -> u32 {
        if self.rx.len() > 1
            && let Some(delivered) = self.receive_ready_spread(memory, most)
        {
            return delivered;
        }
        let mut room = u32::MAX;
        for (n, queue) in (0..).zip(&self.rx) {
            let tail = self.regs.get(&RDT, n);
            let owned = queue.ring.and_then(|ring| ring.owned(tail));
            room = room.min(owned.unwrap_or(0).into());
        }
        if self.faulty && !self.is_alive() {
            // An unlimited load waits, and the turn passes.
            return self.receive(memory, 0);
        }
        match room.min(most) {
            0 => 0,
            frames => self.receive(memory, frames),
        }
    }

    /// Takes everything off the transmit rings; returns how many descriptors
    /// that were.
    #[inline(always)]
    pub fn transmit(&mut self, memory: &DmaMap<'_>) -> u32 {
        let mut taken = 0;
        if self.faulty && !self.is_alive() {
            self.tx.iter_mut().for_each(TxEngine::settle);
            return 0;
        }
        for n in 0..self.tx.len() as u16 {
            let tail = self.regs.get(&TDT, n);
            let queue = &mut self.tx[usize::from(n)];
            let sink = &mut self.sink;
            taken += if self.faulty {
                let dice = &mut self.tx_dice;
                queue.transmit_faulty(memory, sink, n.into(), tail, dice)
            } else {
                queue.transmit(memory, sink, n.into(), tail, u16::MAX, |_| ())
            };
        }
        taken
    }

    /// Takes packets off the transmit rings, at most `most` from each; returns
    /// how many descriptors that were. `sent` hears queue and number of every
    /// frame that is as it should be.
    ///
    /// # Panics
    ///
    /// On a port with faults, which damage frames.
    #[inline(always)]
    pub fn transmit_each(
        &mut self,
        memory: &DmaMap<'_>,
        most: u16,
        mut sent: impl FnMut(u16, u64),
    ) -> u32 {
        assert!(!self.faulty, "frames are followed without faults");
        if !self.link.is_up() {
            return 0;
        }
        let mut taken = 0;
        for (n, queue) in (0..).zip(&mut self.tx) {
            let tail = self.regs.get(&TDT, n);
            let sink = &mut self.sink;
            let of_queue = |number| sent(n, number);
            taken +=
                queue.transmit(memory, sink, n.into(), tail, most, of_queue);
        }
        taken
    }

    /// Plugs the port's cable in or pulls it: without one no frame gets in,
    /// and none out.
    pub fn set_link(&mut self, up: bool) {
        self.link.set(up);
        self.regs.show_link(up);
    }

    /// The tails of receive and transmit queue `n`, as the driver left them.
    #[inline(always)]
    pub fn tails(&self, n: u16) -> [u32; 2] {
        [self.regs.get(&RDT, n), self.regs.get(&TDT, n)]
    }

    /// Makes up for every write-back that is late or held, and brings a lost
    /// link up again.
    pub fn settle(&mut self) {
        self.link.settle();
        self.regs.show_link(self.link.is_up());
        self.write_back(u32::MAX);
        self.rx.iter_mut().for_each(RxEngine::settle);
        self.tx.iter_mut().for_each(TxEngine::settle);
    }

    /// Writes heads and counters into the registers, where a mapped driver
    /// may look at them. Not done on the data path, for a head lies in the
    /// cache line of its tail.
    pub fn publish(&self) {
        self.publish_heads();
        for (n, queue) in (0..QPRDC.count()).zip(&self.rx) {
            self.regs.set(&QPRDC, n, queue.drops());
            self.regs.set(&QPRC, n, queue.packets());
        }
        for (n, queue) in (0..QPTC.count()).zip(&self.tx) {
            self.regs.set(&QPTC, n, queue.packets());
        }
        for (row, value) in self.statistics() {
            self.regs.set(row, 0, value);
        }
    }

    /// Writes the heads alone into the registers.
    pub(crate) fn publish_heads(&self) {
        for (n, (rx, tx)) in (0..).zip(self.rx.iter().zip(&self.tx)) {
            if self.faults.wild_heads {
                let [rdh, tdh] = self.port_dice.heads();
                self.regs.set(&RDH, n, rdh);
                self.regs.set(&TDH, n, tdh);
            } else if let (Some(rx), Some(tx)) = (rx.ring, tx.ring) {
                self.regs.set(&RDH, n, rx.head.into());
                self.regs.set(&TDH, n, tx.head.into());
            }
        }
    }

    /// The statistics registers and what a driver reads there.
    pub fn statistics(&self) -> [(&'static Register, u32); 6] {
        let now = self.counters();
        let since = |now: u64, then: u64| now.wrapping_sub(then);
        let rx_bytes = since(now.rx_bytes, self.cleared.rx_bytes);
        let tx_bytes = since(now.tx_bytes, self.cleared.tx_bytes);
        let rx = since(now.rx_packets, self.cleared.rx_packets);
        let tx = since(now.tx_packets, self.cleared.tx_packets);
        // The octet counters have 36 bits (datasheet 8.2.3.23).
        [
            (&GPRC, rx as u32),
            (&GPTC, tx as u32),
            (&GORCL, rx_bytes as u32),
            (&GORCH, (rx_bytes >> 32) as u32 & 0xF),
            (&GOTCL, tx_bytes as u32),
            (&GOTCH, (tx_bytes >> 32) as u32 & 0xF),
        ]
    }

    /// A read of a statistics register: its value, which it clears. The low
    /// half of an octet counter latches the high one.
    pub fn read_statistic(&mut self, row: &Register, n: u16) -> Option<u32> {
        let queue = usize::from(n);
        match row.name {
            name if name == QPRDC.name => {
                return Some(self.rx.get_mut(queue)?.drops_since_read());
            }
            name if name == QPRC.name => {
                return Some(self.rx.get_mut(queue)?.packets_since_read());
            }
            name if name == QPTC.name => {
                return Some(self.tx.get_mut(queue)?.packets_since_read());
            }
            _ => {}
        }
        let all = self.statistics();
        let value = all.iter().find(|(r, _)| r.name == row.name)?.1;
        let now = self.counters();
        match row.name {
            name if name == GPRC.name => {
                self.cleared.rx_packets = now.rx_packets;
            }
            name if name == GPTC.name => {
                self.cleared.tx_packets = now.tx_packets;
            }
            name if name == GORCL.name => {
                self.regs.set(&GORCH, 0, all[3].1);
                self.cleared.rx_bytes = now.rx_bytes;
            }
            name if name == GOTCL.name => {
                self.regs.set(&GOTCH, 0, all[5].1);
                self.cleared.tx_bytes = now.tx_bytes;
            }
            _ => {
                let latched = self.regs.get(row, 0);
                self.regs.set(row, 0, 0);
                return Some(latched);
            }
        }
        Some(value)
    }

    /// Packets and bytes since the port was made.
    pub fn counters(&self) -> Counters {
        let fcs = u64::from(FCS_BYTES);
        let (rx, tx) = (self.rx_counts(), self.tx_counts());
        Counters {
            rx_packets: rx.delivered,
            tx_packets: tx.sent,
            rx_bytes: rx.bytes + rx.delivered * fcs,
            tx_bytes: tx.bytes + tx.sent * fcs,
        }
    }

    /// What the receive queues did, added up.
    pub fn rx_counts(&self) -> RxCounts {
        let add = |mut sum: RxCounts, queue: &RxEngine| {
            sum.delivered += queue.counts.delivered;
            sum.bytes += queue.counts.bytes;
            sum.ring_empty += queue.counts.ring_empty;
            sum.dma_faults += queue.counts.dma_faults;
            sum
        };
        self.rx.iter().fold(RxCounts::default(), add)
    }

    /// What the transmit queues did, added up.
    pub fn tx_counts(&self) -> TxCounts {
        let add = |mut sum: TxCounts, queue: &TxEngine| {
            sum.sent += queue.counts.sent;
            sum.bytes += queue.counts.bytes;
            sum.dma_faults += queue.counts.dma_faults;
            sum.malformed += queue.counts.malformed;
            sum.null += queue.counts.null;
            sum
        };
        self.tx.iter().fold(TxCounts::default(), add)
    }

    /// The sink behind the port.
    pub fn sink(&self) -> &Sink {
        &self.sink
    }

    /// Where the frames that enter here went, as far as the device knows.
    pub fn loss(&self) -> Loss {
        let rx = self.rx_counts();
        Loss {
            offered: self.offered,
            delivered: rx.delivered,
            ring_empty: rx.ring_empty,
            rx_dma_faults: rx.dma_faults,
            link_down: self.lost_with_link,
            missed: self.missed,
        }
    }

    /// How often faults struck.
    pub fn mishaps(&self) -> Mishaps {
        [&self.tx_dice, &self.port_dice]
            .map(Dice::mishaps)
            .into_iter()
            .fold(self.rx_dice.mishaps(), Mishaps::plus)
    }

    /// Frames in memory whose descriptors are not written back.
    pub fn held(&self) -> u64 {
        self.rx.iter().map(|queue| u64::from(queue.held())).sum()
    }

    /// Packets on the transmit rings that the device has not taken.
    pub fn tx_pending(&self) -> u64 {
        let pending = |(n, queue): (u16, &TxEngine)| {
            let owned = queue.ring?.owned(self.regs.get(&TDT, n))?;
            Some(u64::from(owned))
        };
        (0..).zip(&self.tx).filter_map(pending).sum()
    }
}

fn address(
    regs: &RegisterFile<'_>,
    low: &Register,
    high: &Register,
    n: u16,
) -> Iova {
    let high = u64::from(regs.get(high, n));
    Iova::new(u64::from(regs.get(low, n)) | high << 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::FrameFormat;
    use driver::memory::DmaRegion;

    #[test]
    fn received_octets_are_counted_in_36_bits_whose_upper_4_are_latched() {
        let region =
            DmaRegion::allocate(BAR0_BYTES, Iova::new(0)).expect("memory");
        // SAFETY: the region is aligned to 2 MiB and outlives the port.
        let regs = unsafe { RegisterFile::new(region.base()) };
        let format = FrameFormat::default();
        let source = Source::new(0, format, 0);
        let sink = Sink::new(1, format, 0, 1, 0);
        let mut port = Port::new(0, 1, regs, source, sink, Faults::default());
        // 64 bytes each; 2^26 of them are 2^32 bytes.
        let receive = |port: &mut Port<'_>, frames: u64| {
            port.rx[0].counts.delivered += frames;
            port.rx[0].counts.bytes += frames * 60;
        };
        receive(&mut port, (3 << 26) + 1);
        assert_eq!(port.read_statistic(&GORCL, 0), Some(64));
        receive(&mut port, 1 << 30);
        assert_eq!(port.read_statistic(&GORCH, 0), Some(3));
        assert_eq!(port.read_statistic(&GORCH, 0), Some(0));
        receive(&mut port, 2);
        assert_eq!(port.read_statistic(&GORCL, 0), Some(128));
        assert_eq!(port.read_statistic(&GORCH, 0), Some(0));
    }
}

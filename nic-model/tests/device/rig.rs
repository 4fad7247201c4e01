//! A card, its driver and a plain forwarder.

use std::time::Duration;

use driver::bar::{Bar0, MappedBar};
use driver::desc::rx_status::{DD, EOP};
use driver::memory::Carver;
use driver::mempool::PacketAddress;
use driver::mempool::{Mempool, PktBuf};
use driver::nic::{Config, InitError, Nic};
use driver::pass::{Passed, Route, Sink, Source, three_passes};
use driver::policy::{
    Batch, BatchStyle, Bounds, Cell, Dispatch, Exchange, InFlight, Meta,
    Ownership, PACKET_TYPES, Packet, Pass, Policy, Prefetch, RegAccess, Spread,
    StatusCheck, Walk, WriteBack,
};
use driver::ring::{Field32, Field64, RxRing};
use driver::rx::{RxPort, rx_batch};
use driver::tx::{TxPort, tx_batch};
use driver::wait::Wait;
use nic_model::frame::TOUCHED_BYTE;
use nic_model::{
    Account, Arena, Faults, FrameFormat, Model, Parts, SharedModel, Traffic,
    TrappedBar,
};
use num_traits::{CheckedAdd, WrappingAdd};

/// The obvious answer to every question.
pub struct Plain;

impl Policy for Plain {
    type Reg = Words;
    type Batch = Lists;
    type Status = BothBits;
    type Walk = NoCells;
    type Buffer = Numbers;
    type Meta = Beside;
    type Spread = Packed;
    type Bounds = Looked;
    type Pool = Singly;
    type Dispatch = Undecided;
    type Prefetch = Unasked;
    type WriteBack = Always;
    type Pass = Steps;
}

/// A batch is received, worked on and sent.
pub struct Steps;

impl Pass for Steps {
    const NAME: &'static str = "steps";
    const IDEA: &'static str = "one after the other";

    fn forward<P: Policy, S: Source<P>, D: Sink<P>>(
        route: Route<'_, '_, P, S, D>,
        work: impl FnMut(&mut Mempool<'_, P>, &mut Packet<P>),
    ) -> Passed {
        let Route { source, sink, pool, batch, max } = route;
        three_passes(source, sink, pool, batch, max, work)
    }
}

/// A packet is the number of its buffer.
pub struct Numbers;

impl Ownership for Numbers {
    const NAME: &'static str = "numbers";
    const IDEA: &'static str = "whoever has the number has the buffer";

    type Shared = ();
    type Packet = PktBuf;
    type InFlight = PktBuf;

    fn receive<P: Policy<Buffer = Self>>(
        _pool: &mut Mempool<'_, P>,
        buf: PktBuf,
    ) -> PktBuf {
        buf
    }

    fn bytes<'p, P: Policy<Buffer = Self>>(
        pool: &'p mut Mempool<'_, P>,
        packet: &'p mut PktBuf,
    ) -> &'p mut [u8] {
        pool.data_mut(packet)
    }

    fn send<P: Policy<Buffer = Self>>(
        _pool: &mut Mempool<'_, P>,
        packet: PktBuf,
    ) -> PktBuf {
        packet
    }

    fn buffer(in_flight: &PktBuf) -> &PktBuf {
        in_flight
    }

    fn sent<P: Policy<Buffer = Self>>(
        pool: &mut Mempool<'_, P>,
        in_flight: PktBuf,
    ) {
        pool.free(in_flight);
    }

    fn dropped<P: Policy<Buffer = Self>>(
        pool: &mut Mempool<'_, P>,
        packet: PktBuf,
    ) {
        pool.free(packet);
    }
}

/// Lengths lie beside the pool.
pub struct Beside;

impl Meta for Beside {
    const NAME: &'static str = "beside";
    const IDEA: &'static str = "a table";

    const HEADROOM: usize = 0;
}

/// Every index is looked at.
pub struct Looked;

impl Bounds for Looked {
    const NAME: &'static str = "looked";
    const IDEA: &'static str = "every index is looked at";

    unsafe fn within(i: usize, len: usize) {
        assert!(i < len, "index beyond its table");
    }

    fn add<N: CheckedAdd + WrappingAdd>(a: N, b: N) -> N {
        a.checked_add(&b).expect("no overflow")
    }
}

/// Buffers come and go one by one.
pub struct Singly;

impl Exchange for Singly {
    const NAME: &'static str = "singly";
    const IDEA: &'static str = "one by one";

    type Taken = ();

    fn begin<P: Policy>(_pool: &mut Mempool<'_, P>, _n: u16) {}

    fn next<P: Policy>(pool: &mut Mempool<'_, P>, _taken: &mut ()) -> PktBuf {
        pool.alloc().expect("a buffer")
    }

    fn give_back<P: Policy>(
        pool: &mut Mempool<'_, P>,
        group: &mut [InFlight<P>],
    ) {
        for packet in group {
            P::Buffer::sent(pool, std::mem::take(packet));
        }
    }
}

/// Nobody asks for packet types.
pub struct Undecided;

impl Dispatch for Undecided {
    const NAME: &'static str = "undecided";
    const IDEA: &'static str = "no action";

    type Actions = ();

    fn act(_actions: &mut (), _packet_type: u16, _packet: &mut [u8]) {}

    fn tallies(_actions: &()) -> [u64; PACKET_TYPES] {
        [0; PACKET_TYPES]
    }
}

/// Packet data is not fetched ahead.
pub struct Unasked;

impl Prefetch for Unasked {
    const NAME: &'static str = "unasked";
    const IDEA: &'static str = "nothing is fetched ahead";

    fn expect(_packet: PacketAddress<'_>) {}
}

/// Each transmit descriptor asks for a write-back.
pub struct Always;

impl WriteBack for Always {
    const NAME: &'static str = "always";
    const IDEA: &'static str = "RS on each descriptor";

    fn reports(_i: u16) -> bool {
        true
    }
}

/// A device word is a `u32`.
pub struct Words;

impl RegAccess for Words {
    const NAME: &'static str = "words";
    const IDEA: &'static str = "a volatile u32";

    type Word = u32;

    fn word(value: u32) -> u32 {
        value
    }

    fn value(word: u32) -> u32 {
        word
    }

    fn load(field: Field32<'_>) -> u32 {
        field.read()
    }

    fn store(field: Field32<'_>, word: u32) {
        field.write(word);
    }

    fn store_address(field: Field64<'_>, address: u64) {
        field.write(address);
    }
}

/// A batch is a Vec.
pub struct Lists;

impl BatchStyle for Lists {
    const NAME: &'static str = "lists";
    const IDEA: &'static str = "a Vec";

    type Of<T: Default> = List<T>;
}

/// A Vec of packets, which a test may take apart.
#[derive(Debug)]
pub struct List<T>(pub Vec<T>);

impl<T> Batch<T> for List<T> {
    fn with_capacity(max: u16) -> Self {
        Self(Vec::with_capacity(max.into()))
    }

    fn fill(&mut self, n: u16, draw: impl FnMut() -> T) {
        self.0.extend(std::iter::repeat_with(draw).take(n.into()));
    }

    fn len(&self) -> u16 {
        self.0.len() as u16
    }

    fn for_each<W: Walk>(&mut self, visit: impl FnMut(&mut T)) {
        self.0.iter_mut().for_each(visit);
    }

    fn take<W: Walk>(&mut self, n: u16, visit: impl FnMut(T)) {
        self.0.drain(..usize::from(n)).for_each(visit);
    }
}

/// A batch of packets.
pub type Packets = List<PktBuf>;

/// DD and EOP, descriptor by descriptor.
pub struct BothBits;

impl StatusCheck for BothBits {
    const NAME: &'static str = "both-bits";
    const IDEA: &'static str = "one mask, one compare";

    fn done_run<R: RegAccess, G: Bounds>(
        ring: &RxRing<'_>,
        first: u16,
        max: u16,
    ) -> u16 {
        let done = |step: &u16| {
            let desc = ring.desc(ring.wrap(first, *step));
            let status = R::value(R::load(desc.status_error()));
            status & (DD | EOP) == DD | EOP
        };
        (0..max).take_while(done).count() as u16
    }
}

/// A Vec has no cells to walk.
pub struct NoCells;

impl Walk for NoCells {
    const NAME: &'static str = "no-cells";
    const IDEA: &'static str = "there is no list";

    fn walk<T>(
        _: &mut [Cell<T>],
        _: u32,
        _: u16,
        _: impl FnMut(&mut T),
    ) -> u32 {
        unreachable!("a Vec is no list")
    }
}

/// Buffers without gaps.
pub struct Packed;

impl Spread for Packed {
    const NAME: &'static str = "packed";
    const IDEA: &'static str = "no gap between buffers";

    fn stride(buffer_bytes: usize) -> usize {
        buffer_bytes
    }
}

/// What a rig consists of; each port has as many transmit queues as receive
/// queues.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub ports: usize,
    pub config: Config,
    pub traffic: Traffic,
    pub faults: Faults,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            ports: 2,
            config: Config::default(),
            traffic: Traffic { touches: 1, ..Traffic::default() },
            faults: Faults::default(),
        }
    }
}

impl Setup {
    /// Rings of `entries` descriptors, and buffers to fill all of them.
    pub fn with_rings(self, queues: u16, entries: u16) -> Self {
        let rings = 2 * self.ports as u32 * u32::from(queues);
        let config = Config {
            rx_queues: queues,
            tx_queues: queues,
            ring_entries: entries,
            buffers: rings * u32::from(entries) + 512,
            ..self.config
        };
        Self { config, ..self }
    }

    /// Buffers of `bytes` bytes.
    pub fn with_buffer_bytes(self, bytes: u16) -> Self {
        let config = Config { buffer_bytes: bytes, ..self.config };
        Self { config, ..self }
    }

    /// Frames of `bytes` bytes on the wire.
    pub fn with_frames(self, wire_bytes: u16) -> Self {
        let format = FrameFormat { wire_bytes, ..self.traffic.format };
        let traffic = Traffic { format, ..self.traffic };
        Self { traffic, ..self }
    }

    /// Frames of `types` types, which write-backs tell apart.
    pub fn with_types(self, types: u8) -> Self {
        let format = FrameFormat { types, ..self.traffic.format };
        let traffic = Traffic { format, ..self.traffic };
        Self { traffic, ..self }
    }

    /// With misbehaviour.
    pub fn with_faults(self, faults: Faults) -> Self {
        Self { faults, ..self }
    }

    /// Memory for the rig.
    pub fn arena(&self) -> Arena {
        let Config { buffers, buffer_bytes, .. } = self.config;
        let packets = Mempool::<Plain>::dma_bytes(buffers, buffer_bytes);
        Arena::allocate(0, self.ports, &self.config, packets).expect("memory")
    }

    /// The card, and what is left for its driver.
    pub fn card<'a>(&self, arena: &'a mut Arena) -> Card<'a> {
        let Parts { bars, registers, tables, dma, memory } = arena.split();
        let Self { config, traffic, faults, .. } = *self;
        let queues = config.rx_queues;
        let model = Model::new(&registers, memory, queues, traffic, faults);
        let model = SharedModel::new(model);
        Card { model, bars, tables, dma, config }
    }

    /// Brings all ports up behind trapped registers.
    pub fn rig<'a>(&self, arena: &'a mut Arena) -> Rig<'a, TrappedBar<'a>> {
        self.try_rig(arena, &mut |_| ()).expect("the ports come up")
    }

    /// As [`rig`](Self::rig), where it may fail.
    pub fn try_rig<'a>(
        &self,
        arena: &'a mut Arena,
        wait: &mut dyn Wait,
    ) -> Result<Rig<'a, TrappedBar<'a>>, InitError> {
        let card = self.card(arena);
        let bars = (0..self.ports).map(|port| card.model.bar(port)).collect();
        card.open(bars, wait)
    }

    /// Brings all ports up behind mapped registers, which the model polls
    /// whenever the driver waits; returns how often that was, too.
    pub fn polled_rig<'a>(
        &self,
        arena: &'a mut Arena,
    ) -> (Rig<'a, MappedBar<'a>>, u32) {
        let card = self.card(arena);
        let (bars, model) = (card.bars.clone(), card.model.clone());
        let mut waits = 0;
        let mut wait = |_: Duration| {
            waits += 1;
            model.borrow_mut().poll_control();
        };
        let rig = card.open(bars, &mut wait).expect("the ports come up");
        model.borrow_mut().poll_control();
        (rig, waits)
    }
}

/// A card without a driver.
pub struct Card<'a> {
    pub model: SharedModel<'a>,
    pub bars: Vec<MappedBar<'a>>,
    pub tables: Carver<'a>,
    pub dma: Carver<'a>,
    config: Config,
}

impl<'a> Card<'a> {
    /// Brings the ports behind `bars` up.
    pub fn open<B: Bar0>(
        mut self,
        bars: Vec<B>,
        wait: &mut dyn Wait,
    ) -> Result<Rig<'a, B>, InitError> {
        let Config { buffers, buffer_bytes: bytes, .. } = self.config;
        let packets = Mempool::<Plain>::dma_bytes(buffers, bytes);
        let packets = self.dma.take(packets, 2 << 20);
        let tables = &mut self.tables;
        let mut pool = Mempool::new(buffers, bytes, packets, tables);
        let mut open = |bar| {
            let (dma, tables) = (&mut self.dma, &mut self.tables);
            let lend = &mut || pool.lend();
            Nic::open(bar, &self.config, dma, tables, lend, wait)
        };
        let nics = bars.into_iter().map(&mut open).collect::<Result<_, _>>()?;
        Ok(Rig { model: self.model, nics, pool, dropped: 0 })
    }
}

impl<'a> Card<'a> {
    /// Brings both ports up and then their queues, one after the other; each
    /// queue of a port has a driver of its own.
    pub fn attach(mut self, wait: &mut dyn Wait) -> Rig<'a, TrappedBar<'a>> {
        let Config { buffers, buffer_bytes: bytes, .. } = self.config;
        let packets = Mempool::<Plain>::dma_bytes(buffers, bytes);
        let packets = self.dma.take(packets, 2 << 20);
        let (dma, tables) = (&mut self.dma, &mut self.tables);
        let mut pool = Mempool::new(buffers, bytes, packets, tables);
        let bars = [0, 1].map(|port| self.model.bar(port));
        for bar in &bars {
            Nic::<_, PktBuf>::bring_up(bar.clone(), &self.config, wait)
                .expect("the ports come up");
        }
        let one = Config { rx_queues: 1, tx_queues: 1, ..self.config };
        let mut nics = Vec::new();
        for n in 0..self.config.rx_queues {
            for bar in &bars {
                let lend = &mut || pool.lend();
                let (bar, config) = (bar.clone(), &one);
                let nic = Nic::attach(bar, n, config, dma, tables, lend, wait);
                nics.push(nic.expect("the queue starts"));
            }
        }
        Rig { model: self.model, nics, pool, dropped: 0 }
    }
}

/// A card, its driver and a forwarder.
pub struct Rig<'a, B> {
    pub model: SharedModel<'a>,
    pub nics: Vec<Nic<'a, B>>,
    pub pool: Mempool<'a, Plain>,
    /// What the forwarder dropped.
    pub dropped: u64,
}

impl<'a, B: Bar0> Rig<'a, B> {
    /// A batch of up to `max` from queue `n` of port `from`.
    pub fn receive(&mut self, from: usize, n: usize, max: u16) -> Packets {
        let mut batch = Packets::with_capacity(max);
        let (bar, queue) = self.nics[from].rx(n);
        let pool = &mut self.pool;
        let got = rx_batch(RxPort::new(bar, queue), pool, &mut batch, max);
        assert_eq!(got, batch.len());
        batch
    }

    /// Sends from the front of `batch` at queue `n` of port `to`; what does
    /// not fit stays.
    pub fn send(&mut self, to: usize, n: usize, batch: &mut Packets) -> u16 {
        let (bar, queue) = self.nics[to].tx(n);
        tx_batch(TxPort::new(bar, queue), &mut self.pool, batch)
    }

    /// Does to every packet what a forwarder should.
    pub fn touch(&mut self, batch: &mut Packets) {
        for buf in &batch.0 {
            if let Some(byte) = self.pool.data_mut(buf).get_mut(TOUCHED_BYTE) {
                *byte = byte.wrapping_add(1);
            }
        }
    }

    /// Gives the packets back to the pool, without a word to anybody.
    pub fn free(&mut self, batch: Packets) {
        batch.0.into_iter().for_each(|buf| self.pool.free(buf));
    }

    /// One batch from queue `n` of port `from` to the port at the other end;
    /// what does not fit is dropped and counted.
    pub fn pass(&mut self, from: usize, n: usize, max: u16) -> u16 {
        let mut batch = self.receive(from, n, max);
        let received = batch.len();
        self.touch(&mut batch);
        self.send(from ^ 1, n, &mut batch);
        self.dropped += u64::from(batch.len());
        self.free(batch);
        received
    }

    /// One batch from every queue of every port.
    pub fn round(&mut self, max: u16) -> u64 {
        let queues = self.nics[0].rx_queues().len();
        let all = (0..self.nics.len())
            .flat_map(|port| (0..queues).map(move |n| (port, n)));
        all.map(|(port, n)| u64::from(self.pass(port, n, max))).sum()
    }

    /// Forwards until nothing comes any more. Twice nothing, for a queue may
    /// have found nothing but fragments.
    pub fn forward(&mut self, max: u16) -> u64 {
        let (mut forwarded, mut idle) = (0, 0);
        while idle < 2 {
            let n = self.round(max);
            forwarded += n;
            idle = if n == 0 { idle + 1 } else { 0 };
        }
        forwarded
    }

    /// Lets the device take what was sent.
    pub fn transmit(&self) -> u32 {
        self.model.borrow_mut().transmit()
    }

    /// Puts `frames` frames on every wire.
    pub fn offer(&self, frames: u32) -> u32 {
        self.model.borrow_mut().receive(frames)
    }

    /// Where all frames went, by device and driver together.
    pub fn account(&self) -> Account {
        let mut account = self.model.borrow().account();
        account.forwarder = self.dropped;
        for queue in self.nics.iter().flat_map(Nic::rx_queues) {
            account.multi_descriptor += queue.stats().multi_descriptor;
            account.inside += u64::from(queue.pending());
        }
        account
    }

    /// Everything ends up somewhere: late write-backs, received packets, sent
    /// ones, and the account of them.
    pub fn finish(&mut self) -> Account {
        self.model.borrow_mut().settle();
        self.forward(64);
        self.transmit();
        let account = self.account();
        account.check().unwrap_or_else(|unbalanced| panic!("{unbalanced}"));
        account
    }

    /// Checks that every buffer is in one place: free, in a receive ring or
    /// in a transmit ring.
    pub fn check_buffers(self) {
        let mut found = self.pool.free_slots();
        let entries = self.nics[0].rx_queues()[0].ring().entries();
        for nic in self.nics {
            let (_, rx, tx) = nic.into_parts();
            for queue in rx {
                let (_, bufs) = queue.into_parts();
                assert_eq!(bufs.len(), entries.into());
                found.extend(bufs.iter().map(PktBuf::index));
            }
            for queue in tx {
                let outstanding = queue.outstanding().into();
                let (_, bufs) = queue.into_parts();
                let none = PktBuf::default();
                let held = bufs.iter().filter(|buf| **buf != none);
                assert_eq!(held.clone().count(), outstanding);
                found.extend(held.map(PktBuf::index));
            }
        }
        found.sort_unstable();
        let buffers = self.pool.buffers() as u32;
        assert!(found.into_iter().eq(0..buffers), "lost or doubled buffers");
    }
}

impl<'a> Rig<'a, TrappedBar<'a>> {
    /// What the driver must not have done, at any port.
    pub fn mistakes(&self) -> Vec<String> {
        self.nics.iter().flat_map(|nic| nic.bar().log().mistakes()).collect()
    }
}

//! The axes: one question of style each, as traits.
//!
//! A [`Policy`] joins one answer per axis. The algorithm around the axes is
//! written once, in [`rx`](crate::rx) and [`tx`](crate::tx).

use core::fmt;
use core::mem;

use num_traits::{CheckedAdd, WrappingAdd};

use crate::bar::Bar0;
use crate::mempool::{Mempool, PacketAddress, PktBuf};
use crate::pass::{Passed, Route, Sink, Source};
use crate::regs::Offset;
use crate::ring::{Field32, Field64, RxDesc, RxRing, TxDesc};

/// One answer to every question.
pub trait Policy: 'static {
    /// Axis `reg`.
    type Reg: RegAccess;
    /// Axis `batch`.
    type Batch: BatchStyle;
    /// Axis `status`.
    type Status: StatusCheck;
    /// Axis `walk`.
    type Walk: Walk;
    /// Axis `buffer`.
    type Buffer: Ownership;
    /// Axis `meta`.
    type Meta: Meta;
    /// Axis `spread`.
    type Spread: Spread;
    /// Axis `bounds`.
    type Bounds: Bounds;
    /// Axis `pool`.
    type Pool: Exchange;
    /// Axis `dispatch`.
    type Dispatch: Dispatch;
    /// Axis `prefetch`.
    type Prefetch: Prefetch;
    /// Axis `writeback`.
    type WriteBack: WriteBack;
    /// Axis `pass`.
    type Pass: Pass;
}

/// What the packets of a pool have in common.
pub type Shared<P> = <<P as Policy>::Buffer as Ownership>::Shared;

/// A packet in the hands of the driver's caller.
pub type Packet<P> = <<P as Policy>::Buffer as Ownership>::Packet;

/// A packet in a transmit ring.
pub type InFlight<P> = <<P as Policy>::Buffer as Ownership>::InFlight;

/// Axis `reg`: how does a 32-bit device word travel?
///
/// A register always takes one 32-bit access, for hardware demands it. What
/// varies is how the value is made, and how the words of a descriptor are
/// read and written.
pub trait RegAccess: 'static {
    /// The answer's name.
    const NAME: &'static str;

    /// The answer in half a line.
    const IDEA: &'static str;

    /// A device word as this style hands it around.
    type Word;

    /// A device word that says `value`.
    fn word(value: u32) -> Self::Word;

    /// What `word` says.
    fn value(word: Self::Word) -> u32;

    /// Reads a word of a descriptor, its lowest byte first.
    fn load(field: Field32<'_>) -> Self::Word;

    /// Writes a word of a descriptor.
    fn store(field: Field32<'_>, word: Self::Word);

    /// Writes an address of a descriptor.
    fn store_address(field: Field64<'_>, address: u64);

    /// Points a receive descriptor at a packet buffer.
    #[inline(always)]
    fn store_rx(desc: RxDesc<'_>, pkt_addr: u64) {
        Self::store_address(desc.pkt_addr(), pkt_addr);
        Self::store_address(desc.hdr_addr(), 0);
    }

    /// Points a transmit descriptor at a packet and says what to do with it.
    #[inline(always)]
    fn store_tx(
        desc: TxDesc<'_>,
        address: u64,
        cmd_type_len: Self::Word,
        olinfo_status: Self::Word,
    ) {
        Self::store_address(desc.address(), address);
        Self::store(desc.cmd_type_len(), cmd_type_len);
        Self::store(desc.olinfo_status(), olinfo_status);
    }

    /// Writes a register.
    #[inline(always)]
    fn write<B: Bar0>(bar: &B, register: Offset, word: Self::Word) {
        bar.write32(register, Self::value(word));
    }
}

/// Axis `batch`: what holds a received batch?
pub trait BatchStyle: 'static {
    /// The answer's name.
    const NAME: &'static str;

    /// The answer in half a line.
    const IDEA: &'static str;

    /// The container, for packets of type `T`.
    type Of<T: Default>: Batch<T>;
}

/// A container for a received batch.
///
/// Law: packets leave in the order in which they came.
pub trait Batch<T> {
    /// An empty container for batches of up to `max` packets.
    fn with_capacity(max: u16) -> Self;

    /// Fills the empty container with `n` packets, drawn one by one.
    fn fill(&mut self, n: u16, draw: impl FnMut() -> T);

    /// Number of packets inside.
    fn len(&self) -> u16;

    /// Whether no packet is inside.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Visits every packet in order.
    fn for_each<W: Walk>(&mut self, visit: impl FnMut(&mut T));

    /// Takes out the first `n` packets. The caller sees to it that `n` is at
    /// most [`len`](Self::len).
    fn take<W: Walk>(&mut self, n: u16, visit: impl FnMut(T));
}

/// Axis `status`: how are DD and EOP of a receive descriptor checked?
pub trait StatusCheck: 'static {
    /// The answer's name.
    const NAME: &'static str;

    /// The answer in half a line.
    const IDEA: &'static str;

    /// The number of descriptors from `first` on, at most `max`, that are
    /// done (DD) and hold a whole frame (EOP).
    ///
    /// Law: counts up to the first one that lacks either bit. May look at
    /// more descriptors than `max`, never changes one.
    fn done_run<R: RegAccess, G: Bounds>(
        ring: &RxRing<'_>,
        first: u16,
        max: u16,
    ) -> u16;
}

/// Axis `walk`: how is a list batch walked?
pub trait Walk: 'static {
    /// The answer's name.
    const NAME: &'static str;

    /// The answer in half a line.
    const IDEA: &'static str;

    /// Visits up to `n` cells in the list's order, from `from` on; returns
    /// the cell after the last one visited.
    ///
    /// Law: every cell is reached through the `next` of the cell before it.
    /// A guess may save the wait for it and must be checked against it.
    fn walk<T>(
        cells: &mut [Cell<T>],
        from: u32,
        n: u16,
        visit: impl FnMut(&mut T),
    ) -> u32;
}

/// A cell of a list in an arena.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell<T> {
    /// What the list is made of.
    pub item: T,
    /// Index of the next cell, or [`NIL`].
    pub next: u32,
}

/// The end of a list.
pub const NIL: u32 = u32::MAX;

/// Axis `buffer`: who owns a packet buffer, and when does it go back?
///
/// Law: a buffer goes back to its pool once, after its packet was sent or
/// dropped, and not before.
pub trait Ownership: Sized + 'static {
    /// The answer's name.
    const NAME: &'static str;

    /// The answer in half a line.
    const IDEA: &'static str;

    /// What the packets of a pool have in common.
    type Shared: Default + fmt::Debug;

    /// A packet in the hands of the driver's caller.
    type Packet: Default;

    /// A packet in a transmit ring.
    type InFlight: Default;

    /// Told that up to `n` buffers are about to be taken from the pool.
    #[inline(always)]
    fn reserve<P: Policy<Buffer = Self>>(_pool: &mut Mempool<'_, P>, _n: u16) {}

    /// Makes the caller's packet of a received buffer.
    fn receive<P: Policy<Buffer = Self>>(
        pool: &mut Mempool<'_, P>,
        buf: PktBuf,
    ) -> Self::Packet;

    /// The packet's bytes.
    fn bytes<'p, P: Policy<Buffer = Self>>(
        pool: &'p mut Mempool<'_, P>,
        packet: &'p mut Self::Packet,
    ) -> &'p mut [u8];

    /// How many of `n` packets the pool allows to be sent.
    #[inline(always)]
    fn sendable<P: Policy<Buffer = Self>>(
        _pool: &Mempool<'_, P>,
        n: u16,
    ) -> u16 {
        n
    }

    /// What goes into a transmit ring for a packet.
    fn send<P: Policy<Buffer = Self>>(
        pool: &mut Mempool<'_, P>,
        packet: Self::Packet,
    ) -> Self::InFlight;

    /// The buffer that the device is to read.
    fn buffer(in_flight: &Self::InFlight) -> &PktBuf;

    /// The device has read the packet.
    fn sent<P: Policy<Buffer = Self>>(
        pool: &mut Mempool<'_, P>,
        in_flight: Self::InFlight,
    );

    /// The device has read a group of packets.
    #[inline(always)]
    fn sent_group<P: Policy<Buffer = Self>>(
        pool: &mut Mempool<'_, P>,
        group: &mut [Self::InFlight],
    ) {
        for in_flight in group {
            Self::sent(pool, mem::take(in_flight));
        }
    }

    /// The caller has no use for the packet.
    fn dropped<P: Policy<Buffer = Self>>(
        pool: &mut Mempool<'_, P>,
        packet: Self::Packet,
    );
}

/// Axis `meta`: where is a packet's metadata?
pub trait Meta: 'static {
    /// The answer's name.
    const NAME: &'static str;

    /// The answer in half a line.
    const IDEA: &'static str;

    /// Bytes in front of each packet that hold its metadata; 0 where a table
    /// beside the pool holds all of it.
    ///
    /// Law: 0 or a cache line.
    const HEADROOM: usize;
}

/// Axis `bounds`: are ring and pool indices checked?
pub trait Bounds: 'static {
    /// The answer's name.
    const NAME: &'static str;

    /// The answer in half a line.
    const IDEA: &'static str;

    /// Told that index `i` of a table of `len` is about to be used.
    ///
    /// Law: where `i` is not below `len`, panics or relies on the contract.
    ///
    /// # Safety
    ///
    /// `i` is below `len`.
    unsafe fn within(i: usize, len: usize);

    /// Entry `i` of a table.
    ///
    /// # Safety
    ///
    /// The table has such an entry.
    #[inline(always)]
    unsafe fn entry<T>(table: &mut [T], i: usize) -> &mut T {
        // SAFETY: the caller's promise.
        unsafe { Self::within(i, table.len()) };
        &mut table[i]
    }

    /// `a + b`, of an index or a counter that is known not to overflow.
    fn add<N: CheckedAdd + WrappingAdd>(a: N, b: N) -> N;
}

/// Axis `pool`: how do buffers move between pool and rings?
///
/// Law: what is taken is what as many calls of [`Mempool::alloc`] would take,
/// in the same order, and what is given back lies as calls of
/// [`Ownership::sent`] would leave it.
pub trait Exchange: 'static {
    /// The answer's name.
    const NAME: &'static str;

    /// The answer in half a line.
    const IDEA: &'static str;

    /// Buffers taken from the pool and not yet used.
    type Taken;

    /// Begins to take `n` buffers, which the pool has.
    fn begin<P: Policy>(pool: &mut Mempool<'_, P>, n: u16) -> Self::Taken;

    /// The next one of them.
    fn next<P: Policy>(
        pool: &mut Mempool<'_, P>,
        taken: &mut Self::Taken,
    ) -> PktBuf;

    /// Gives back a group of packets that the device has read.
    fn give_back<P: Policy>(
        pool: &mut Mempool<'_, P>,
        group: &mut [InFlight<P>],
    );
}

/// Axis `dispatch`: how is the packet type turned into an action?
pub trait Dispatch: 'static {
    /// The answer's name.
    const NAME: &'static str;

    /// The answer in half a line.
    const IDEA: &'static str;

    /// What finds an action, and what the actions remember.
    type Actions: Default;

    /// Lets the action of a packet type below [`PACKET_TYPES`] work on a
    /// packet.
    fn act(actions: &mut Self::Actions, packet_type: u16, packet: &mut [u8]);

    /// What the actions remember, by packet type.
    fn tallies(actions: &Self::Actions) -> [u64; PACKET_TYPES];
}

/// Packet types there can be.
pub const PACKET_TYPES: usize = 32;

/// Axis `spread`: where do packet buffers start?
pub trait Spread: 'static {
    /// The answer's name.
    const NAME: &'static str;

    /// The answer in half a line.
    const IDEA: &'static str;

    /// Distance between the starts of two neighbours of `buffer_bytes`, in
    /// bytes.
    ///
    /// Law: at least `buffer_bytes`, and a multiple of a cache line.
    fn stride(buffer_bytes: usize) -> usize;
}

/// Axis `prefetch`: is packet data fetched ahead?
pub trait Prefetch: 'static {
    /// The answer's name.
    const NAME: &'static str;

    /// The answer in half a line.
    const IDEA: &'static str;

    /// Told about a packet that the caller is about to receive.
    ///
    /// Law: changes nothing but what lies in the caches.
    fn expect(packet: PacketAddress<'_>);
}

/// Axis `writeback`: which transmit descriptors ask for a write-back?
pub trait WriteBack: 'static {
    /// The answer's name.
    const NAME: &'static str;

    /// The answer in half a line.
    const IDEA: &'static str;

    /// Whether descriptor `i` of a ring sets RS.
    ///
    /// Law: true for the last descriptor of each
    /// [`CLEAN_GROUP`](crate::tx::CLEAN_GROUP), the one that cleaning looks
    /// at.
    fn reports(i: u16) -> bool;
}

/// Axis `pass`: how often is a batch walked?
pub trait Pass: 'static {
    /// The answer's name.
    const NAME: &'static str;

    /// The answer in half a line.
    const IDEA: &'static str;

    /// Moves a batch along `route` and does `work` on every packet that comes.
    ///
    /// Law: packets stay in order, what does not fit is dropped, and each
    /// doorbell rings at most once, receive before transmit.
    fn forward<P: Policy, S: Source<P>, D: Sink<P>>(
        route: Route<'_, '_, P, S, D>,
        work: impl FnMut(&mut Mempool<'_, P>, &mut Packet<P>),
    ) -> Passed;
}

//! Packet buffers and the pool they come from.

use core::marker::PhantomData;
use core::mem::{self, offset_of};
use core::ptr::NonNull;
use core::slice;

use crate::memory::{Carver, DmaSlice, HUGE_PAGE, Iova, Table};
use crate::policy::{Bounds, Meta, Policy, Shared, Spread};

/// A packet buffer: the right to use one slot of a [`Mempool`].
///
/// Neither copied nor cloned, so that no packet is sent or given back twice.
/// The default is no buffer at all, the value left behind by a move out of a
/// table.
#[derive(Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct PktBuf(u32);

impl Default for PktBuf {
    #[inline(always)]
    fn default() -> Self {
        Self(u32::MAX)
    }
}

impl PktBuf {
    /// The number of the slot.
    #[inline(always)]
    pub fn index(&self) -> u32 {
        self.0
    }
}

/// Free buffers that were set apart from the others.
#[derive(Debug)]
pub struct Apart {
    next: usize,
    end: usize,
}

/// Where a packet starts. It may be fetched into the caches, not read: the
/// device may be writing it.
#[derive(Clone, Copy, Debug)]
pub struct PacketAddress<'a> {
    start: NonNull<u8>,
    pool: PhantomData<&'a ()>,
}

impl PacketAddress<'_> {
    /// Asks the processor to bring the first line near, where it can be asked.
    #[inline(always)]
    pub fn prefetch(self) {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: a prefetch reads nothing that the program sees, and
            // SSE is part of x86-64.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(self.start.as_ptr().cast()) };
        }
        #[cfg(all(target_arch = "aarch64", not(miri)))]
        {
            // SAFETY: as on x86-64.
            unsafe {
                core::arch::asm!(
                    "prfm pldl1keep, [{0}]",
                    in(reg) self.start.as_ptr(),
                    options(nostack, preserves_flags, readonly)
                );
            }
        }
    }
}

/// What the driver knows about a buffer: a row of the table beside the pool,
/// or what lies in front of the packet. Its layout is what code in another
/// language relies on.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct PktMeta {
    /// Where the packet starts, as the device sees it.
    iova: Iova,
    /// The same, in bytes from the start of the pool.
    offset: u32,
    /// Bytes of the packet.
    len: u16,
    /// Packet type, where the workload asks for it.
    packet_type: u16,
}

const _: () = {
    assert!(size_of::<PktMeta>() == 16);
    assert!(offset_of!(PktMeta, offset) == 8);
    assert!(offset_of!(PktMeta, len) == 12);
    assert!(offset_of!(PktMeta, packet_type) == 14);
};

/// A pool taken apart, for code in another language. What is free and what is
/// not is then that code's affair.
#[derive(Debug)]
#[repr(C)]
pub struct RawMempool<'a> {
    /// The buffers' memory.
    pub data: NonNull<u8>,
    /// A row for each buffer.
    pub meta: NonNull<PktMeta>,
    /// A stack with room for the indices of all buffers.
    pub free: NonNull<u32>,
    /// Free buffers: the front of the stack.
    pub available: usize,
    /// Bytes of the longest packet that fits.
    pub longest: u32,
    pool: PhantomData<&'a mut ()>,
}

/// No packet is longer: the device takes frames of at most 1518 bytes and a
/// VLAN tag (datasheet 8.2.3.22.8, HLREG0.JUMBOEN), in whole cache lines.
const LONGEST_PACKET: usize = 1536;

/// The length of a packet in a buffer that is to be swept up.
const ABANDONED: u16 = u16::MAX;

/// Equally sized packet buffers and a stack of the free ones, as policy `P`
/// keeps them.
#[derive(Debug)]
pub struct Mempool<'a, P: Policy> {
    /// First byte of the slots.
    data: NonNull<u8>,
    /// Row 0.
    rows: NonNull<PktMeta>,
    /// Number of rows, or of places where one could be.
    row_count: u32,
    /// The stack of free buffers.
    free: Table<'a, u32>,
    available: usize,
    longest: u16,
    slots: Slots,
    shared: Shared<P>,
}

// SAFETY: the pool owns its buffers until they are handed to the device, by
// index, through a ring.
unsafe impl<P: Policy> Send for Mempool<'_, P> where Shared<P>: Send {}

/// How slots lie in their memory.
#[derive(Clone, Copy, Debug)]
struct Slots {
    stride: usize,
    per_page: usize,
}

impl Slots {
    /// Slots for buffers of `buffer_bytes` with their headroom. No packet
    /// fills a large buffer, so that its slot has room for both.
    fn of<P: Policy>(buffer_bytes: u16) -> Self {
        let buffer = usize::from(buffer_bytes);
        let packet = buffer.min(LONGEST_PACKET);
        let stride = P::Spread::stride(buffer.max(P::Meta::HEADROOM + packet));
        Self { stride, per_page: HUGE_PAGE / stride }
    }

    /// Bytes from the start of the pool to slot `i`.
    fn offset(self, i: usize) -> usize {
        i / self.per_page * HUGE_PAGE + i % self.per_page * self.stride
    }
}

impl<'a, P: Policy> Mempool<'a, P> {
    /// Bytes of DMA memory that `buffers` buffers need.
    pub fn dma_bytes(buffers: u32, buffer_bytes: u16) -> usize {
        let per_page = Slots::of::<P>(buffer_bytes).per_page;
        (buffers as usize).div_ceil(per_page) * HUGE_PAGE
    }

    /// A pool of `buffers` buffers of `buffer_bytes`, placed in `dma` so that
    /// none crosses a page of 2 MiB, with its tables in `tables`.
    ///
    /// # Panics
    ///
    /// When `dma` is smaller than [`dma_bytes`](Self::dma_bytes).
    pub fn new(
        buffers: u32,
        buffer_bytes: u16,
        dma: DmaSlice<'a>,
        tables: &mut Carver<'a>,
    ) -> Self {
        let needed = Self::dma_bytes(buffers, buffer_bytes);
        assert!(dma.bytes() >= needed, "DMA memory is too small for the pool");
        assert!(u32::try_from(needed).is_ok(), "offsets have 32 bits");
        let slots = Slots::of::<P>(buffer_bytes);
        let beside = P::Meta::HEADROOM == 0;
        let (rows, bytes) = if beside {
            let bytes = buffers as usize * Self::ROW_STEP;
            (tables.take(bytes, 64).base(), bytes)
        } else {
            (dma.base(), needed)
        };
        let mut pool = Self {
            data: dma.base(),
            rows: rows.cast(),
            row_count: (bytes / Self::ROW_STEP) as u32,
            free: tables.table(buffers as usize),
            available: buffers as usize,
            longest: buffer_bytes.min(LONGEST_PACKET as u16),
            slots,
            shared: Shared::<P>::default(),
        };
        // The lowest slot is on top of the stack.
        for slot in 0..buffers as usize {
            let at = slots.offset(slot);
            let buf = pool.buf(slot);
            let offset = at + P::Meta::HEADROOM;
            let iova = dma.iova_at(offset);
            let row =
                PktMeta { iova, offset: offset as u32, ..Default::default() };
            // SAFETY: the row lies in a table, or in a slot, of the pool's.
            unsafe { pool.row(&buf).write(row) };
            pool.free[buffers as usize - 1 - slot] = buf.0;
        }
        pool
    }

    /// A second hold on the same buffers that has none of them, for a core
    /// that is handed packets and hands their buffers back. Its free stack
    /// lies in `tables`.
    ///
    /// # Safety
    ///
    /// Of both holds, [`sweep`](Self::sweep) and
    /// [`free_slots`](Self::free_slots) are called only while no other thread
    /// uses the other one: they look at buffers that they do not have.
    pub unsafe fn second(&self, tables: &mut Carver<'a>) -> Self {
        Self {
            data: self.data,
            rows: self.rows,
            row_count: self.row_count,
            free: tables.table(self.free.len()),
            available: 0,
            longest: self.longest,
            slots: self.slots,
            shared: Shared::<P>::default(),
        }
    }

    /// Bytes of tables that a [`second`](Self::second) hold needs.
    pub fn second_bytes(buffers: u32) -> usize {
        buffers as usize * size_of::<u32>()
    }

    /// Gives the pool out of hand, for as long as its memory is borrowed.
    ///
    /// # Panics
    ///
    /// When rows do not lie in a table.
    pub fn into_raw(self) -> RawMempool<'a> {
        assert_eq!(P::Meta::HEADROOM, 0, "rows lie in a table");
        RawMempool {
            data: self.data,
            meta: self.rows,
            free: NonNull::from_mut(self.free.leak()).cast(),
            available: self.available,
            longest: self.longest.into(),
            pool: PhantomData,
        }
    }

    /// Bytes between the rows of neighbouring indices. In front of packets
    /// rows lie in cache lines of their own.
    const ROW_STEP: usize = match P::Meta::HEADROOM {
        0 => size_of::<PktMeta>(),
        headroom => headroom,
    };

    /// Number of free buffers.
    #[inline(always)]
    pub fn available(&self) -> usize {
        self.available
    }

    /// Number of buffers, free or not.
    pub fn buffers(&self) -> usize {
        self.free.len()
    }

    /// Bytes of the longest packet that fits.
    #[inline(always)]
    pub fn longest(&self) -> u16 {
        self.longest
    }

    /// What its packets have in common.
    #[inline(always)]
    pub fn shared(&self) -> &Shared<P> {
        &self.shared
    }

    /// Takes a free buffer, if there is one.
    #[inline(always)]
    pub fn alloc(&mut self) -> Option<PktBuf> {
        let top = self.available.checked_sub(1)?;
        // SAFETY: the stack is never higher than its table.
        unsafe { P::Bounds::within(top, self.free.len()) };
        let index = self.free[top];
        self.available = top;
        Some(PktBuf(index))
    }

    /// Sets `n` free buffers apart, of which there must be as many.
    #[inline(always)]
    pub fn set_apart(&mut self, n: u16) -> Apart {
        let end = self.available;
        let first = end.checked_sub(n.into()).expect("the pool has as many");
        self.available = first;
        Apart { next: first, end }
    }

    /// The next one of the buffers that were set apart.
    ///
    /// # Panics
    ///
    /// When there are no more, or more buffers were given back in between
    /// than were taken, and bounds are checked.
    #[inline(always)]
    pub fn next_apart(&mut self, apart: &mut Apart) -> PktBuf {
        // SAFETY: as many are taken as were set apart, and each is given back
        // after it was taken: what was set apart lies above the stack.
        unsafe {
            P::Bounds::within(apart.next, apart.end);
            P::Bounds::within(apart.next, self.free.len());
            P::Bounds::within(self.available, apart.next + 1);
        }
        let index = self.free[apart.next];
        apart.next = P::Bounds::add(apart.next, 1);
        PktBuf(index)
    }

    /// A free buffer and where the device finds it.
    pub fn lend(&mut self) -> Option<(PktBuf, Iova)> {
        let buf = self.alloc()?;
        let iova = self.iova(&buf);
        Some((buf, iova))
    }

    /// Gives a buffer back.
    ///
    /// # Panics
    ///
    /// When the pool would hold more buffers than it was made with and bounds
    /// are checked.
    #[inline(always)]
    pub fn free(&mut self, buf: PktBuf) {
        debug_assert!(buf.0 < self.row_count, "no buffer of this pool");
        // SAFETY: as many buffers as the table has entries were handed out,
        // and each comes back once.
        unsafe { P::Bounds::within(self.available, self.free.len()) };
        self.free[self.available] = buf.0;
        self.available = P::Bounds::add(self.available, 1);
    }

    /// Gives a group of buffers back at once, the last one to be taken first.
    #[inline(always)]
    pub fn free_group(&mut self, group: &mut [PktBuf]) {
        let end = P::Bounds::add(self.available, group.len());
        // SAFETY: as in `free`.
        unsafe { P::Bounds::within(end, self.free.len() + 1) };
        let slots = &mut self.free[self.available..end];
        for (slot, buf) in slots.iter_mut().zip(group) {
            *slot = mem::take(buf).0;
        }
        self.available = end;
    }

    /// Leaves a buffer that nobody uses to the next [`sweep`](Self::sweep).
    #[inline(always)]
    pub fn abandon(&mut self, buf: PktBuf) {
        // SAFETY: the row is initialised, and nobody else writes it.
        unsafe { (*self.row(&buf).as_ptr()).len = ABANDONED };
    }

    /// Looks at every buffer and gives back those that were abandoned.
    pub fn sweep(&mut self) {
        for slot in 0..self.buffers() {
            let buf = self.buf(slot);
            if self.len(&buf) == ABANDONED {
                self.set_len(&buf, 0);
                self.free(buf);
            }
        }
    }

    /// The buffer in a slot. There is but one right to use it.
    fn buf(&self, slot: usize) -> PktBuf {
        PktBuf(match P::Meta::HEADROOM {
            0 => slot as u32,
            step => (self.slots.offset(slot) / step) as u32,
        })
    }

    /// What is known about a buffer.
    #[inline(always)]
    fn row(&self, buf: &PktBuf) -> NonNull<PktMeta> {
        let i = buf.0 as usize;
        // SAFETY: a `PktBuf` names a row of the pool that handed it out, and
        // there are `row_count` places for one.
        unsafe {
            P::Bounds::within(i, self.row_count as usize);
            self.rows.byte_add(i * Self::ROW_STEP)
        }
    }

    /// Where the packet starts, as the device sees it.
    #[inline(always)]
    pub fn iova(&self, buf: &PktBuf) -> Iova {
        // SAFETY: the row is initialised, and nobody else writes it.
        unsafe { (*self.row(buf).as_ptr()).iova }
    }

    /// Bytes of the packet in the buffer.
    #[inline(always)]
    pub fn len(&self, buf: &PktBuf) -> u16 {
        // SAFETY: as above.
        unsafe { (*self.row(buf).as_ptr()).len }
    }

    /// Notes the length of a packet, at most [`longest`](Self::longest).
    #[inline(always)]
    pub fn set_len(&mut self, buf: &PktBuf, len: u16) {
        let len = len.min(self.longest);
        // SAFETY: as above.
        unsafe { (*self.row(buf).as_ptr()).len = len };
    }

    /// Packet type of the packet in the buffer.
    #[inline(always)]
    pub fn packet_type(&self, buf: &PktBuf) -> u16 {
        // SAFETY: as above.
        unsafe { (*self.row(buf).as_ptr()).packet_type }
    }

    /// Notes the packet type of a packet.
    #[inline(always)]
    pub fn set_packet_type(&mut self, buf: &PktBuf, packet_type: u16) {
        // SAFETY: as above.
        unsafe { (*self.row(buf).as_ptr()).packet_type = packet_type };
    }

    /// First byte of the packet: behind its row, or where the row says.
    #[inline(always)]
    fn start(&self, buf: &PktBuf) -> NonNull<u8> {
        let row = self.row(buf);
        // SAFETY: the row is initialised, and the packet lies in the slot.
        unsafe {
            match P::Meta::HEADROOM {
                0 => self.data.add((*row.as_ptr()).offset as usize),
                headroom => row.cast().add(headroom),
            }
        }
    }

    /// Where the packet will be, for those who only want it near.
    #[inline(always)]
    pub fn address(&self, buf: &PktBuf) -> PacketAddress<'_> {
        PacketAddress { start: self.start(buf), pool: PhantomData }
    }

    /// The packet's bytes.
    #[inline(always)]
    pub fn data_mut(&mut self, buf: &PktBuf) -> &mut [u8] {
        let (start, len) = (self.start(buf), self.len(buf));
        // SAFETY: the buffer lies in the pool's memory, is no longer than
        // `set_len` allows, and is ours: a `PktBuf` exists once, and those
        // the device writes to are kept in the rings' tables.
        unsafe { slice::from_raw_parts_mut(start.as_ptr(), len.into()) }
    }

    /// Sorted numbers of the slots that nobody uses.
    pub fn free_slots(&self) -> Vec<u32> {
        let free = &self.free[..self.available];
        let unused = |slot: &u32| {
            let buf = self.buf(*slot as usize);
            self.len(&buf) == ABANDONED || free.contains(&buf.0)
        };
        (0..self.buffers() as u32).filter(unused).collect()
    }
}

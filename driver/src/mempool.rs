//! Packet buffers and the pool they come from.

use core::ptr::NonNull;
use core::slice;

use crate::memory::{Carver, DmaSlice, HUGE_PAGE, Iova};
use crate::policy::Spread;

/// A packet buffer: the right to use one slot of a [`Mempool`].
///
/// Neither copied nor cloned, so that no packet is sent or given back twice.
/// The default is no buffer at all, the value left behind by a move out of a
/// table.
#[derive(Debug, PartialEq, Eq)]
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

/// What the driver knows about a buffer: a row of the table beside the pool.
#[derive(Clone, Copy, Debug, Default)]
struct PktMeta {
    /// Where the packet starts, as the device sees it.
    iova: Iova,
    /// The same, in bytes from the start of the pool.
    offset: u32,
    /// Bytes of the packet.
    len: u32,
}

/// Equally sized packet buffers and a stack of the free ones.
#[derive(Debug)]
pub struct Mempool<'a> {
    data: NonNull<u8>,
    meta: &'a mut [PktMeta],
    free: &'a mut [u32],
    available: usize,
    buffer_bytes: u32,
}

// SAFETY: the pool owns its buffers until they are handed to the device, by
// index, through a ring.
unsafe impl Send for Mempool<'_> {}

impl<'a> Mempool<'a> {
    /// Bytes of DMA memory that `buffers` buffers need with spread `S`.
    pub fn dma_bytes<S: Spread>(buffers: u32, buffer_bytes: u16) -> usize {
        let per_page = HUGE_PAGE / S::stride(usize::from(buffer_bytes));
        (buffers as usize).div_ceil(per_page) * HUGE_PAGE
    }

    /// A pool of `buffers` buffers of `buffer_bytes`, placed by `S` in `dma`
    /// so that none crosses a page of 2 MiB, with its tables in `tables`.
    ///
    /// # Panics
    ///
    /// When `dma` is smaller than [`dma_bytes`](Self::dma_bytes).
    pub fn new<S: Spread>(
        buffers: u32,
        buffer_bytes: u16,
        dma: DmaSlice<'a>,
        tables: &mut Carver<'a>,
    ) -> Self {
        let needed = Self::dma_bytes::<S>(buffers, buffer_bytes);
        assert!(dma.len >= needed, "DMA memory is too small for the pool");
        let stride = S::stride(usize::from(buffer_bytes));
        let per_page = HUGE_PAGE / stride;
        let meta: &mut [PktMeta] = tables.table(buffers as usize);
        let free: &mut [u32] = tables.table(buffers as usize);
        for (i, row) in meta.iter_mut().enumerate() {
            let offset = i / per_page * HUGE_PAGE + i % per_page * stride;
            row.iova = dma.iova.offset(offset);
            row.offset = offset as u32;
        }
        // The lowest index is on top of the stack.
        for (slot, index) in free.iter_mut().zip((0..buffers).rev()) {
            *slot = index;
        }
        Self {
            data: dma.base,
            meta,
            free,
            available: buffers as usize,
            buffer_bytes: u32::from(buffer_bytes),
        }
    }

    /// Number of free buffers.
    #[inline(always)]
    pub fn available(&self) -> usize {
        self.available
    }

    /// Number of buffers, free or not.
    pub fn buffers(&self) -> usize {
        self.meta.len()
    }

    /// Usable bytes of a buffer.
    #[inline(always)]
    pub fn buffer_bytes(&self) -> u32 {
        self.buffer_bytes
    }

    /// Takes a free buffer, if there is one.
    #[inline(always)]
    pub fn alloc(&mut self) -> Option<PktBuf> {
        let top = self.available.checked_sub(1)?;
        let index = self.free[top];
        self.available = top;
        Some(PktBuf(index))
    }

    /// Gives a buffer back.
    ///
    /// # Panics
    ///
    /// When the pool would hold more buffers than it was made with.
    #[inline(always)]
    pub fn free(&mut self, buf: PktBuf) {
        self.free[self.available] = buf.0;
        self.available += 1;
    }

    /// Where the buffer starts, as the device sees it.
    #[inline(always)]
    pub fn iova(&self, buf: &PktBuf) -> Iova {
        self.meta[buf.0 as usize].iova
    }

    /// Bytes of the packet in the buffer.
    #[inline(always)]
    pub fn len(&self, buf: &PktBuf) -> u32 {
        self.meta[buf.0 as usize].len
    }

    /// Notes the length of a packet, at most the buffer's size.
    #[inline(always)]
    pub fn set_len(&mut self, buf: &PktBuf, len: u32) {
        self.meta[buf.0 as usize].len = len.min(self.buffer_bytes);
    }

    /// The packet's bytes.
    #[inline(always)]
    pub fn data_mut(&mut self, buf: &PktBuf) -> &mut [u8] {
        let meta = &self.meta[buf.0 as usize];
        // SAFETY: the buffer lies in the pool's memory, is no longer than
        // `set_len` allows, and is ours: a `PktBuf` exists once, and those
        // the device writes to are kept in the rings' tables.
        unsafe {
            let start = self.data.add(meta.offset as usize);
            slice::from_raw_parts_mut(start.as_ptr(), meta.len as usize)
        }
    }

    /// Sorted indices of the free buffers.
    pub fn free_indices(&self) -> Vec<u32> {
        let mut free = self.free[..self.available].to_vec();
        free.sort_unstable();
        free
    }
}

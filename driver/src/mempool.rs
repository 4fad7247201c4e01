//! Packet buffers and the pool they come from.

use core::marker::PhantomData;
use core::mem::offset_of;
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

/// What the driver knows about a buffer: a row of the table beside the pool.
/// Its layout is what code in another language relies on.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct PktMeta {
    /// Where the packet starts, as the device sees it.
    iova: Iova,
    /// The same, in bytes from the start of the pool.
    offset: u32,
    /// Bytes of the packet.
    len: u16,
    /// The lower half of the write-back's `pkt_info`, where asked for.
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
    /// Usable bytes of a buffer.
    pub buffer_bytes: u32,
    pool: PhantomData<&'a mut ()>,
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
        assert!(dma.bytes() >= needed, "DMA memory is too small for the pool");
        assert!(u32::try_from(needed).is_ok(), "offsets have 32 bits");
        let stride = S::stride(usize::from(buffer_bytes));
        let per_page = HUGE_PAGE / stride;
        let meta: &mut [PktMeta] = tables.table(buffers as usize);
        let free: &mut [u32] = tables.table(buffers as usize);
        for (i, row) in meta.iter_mut().enumerate() {
            let offset = i / per_page * HUGE_PAGE + i % per_page * stride;
            row.iova = dma.iova().offset(offset);
            row.offset = offset as u32;
            row.packet_type = 0;
        }
        // The lowest index is on top of the stack.
        for (slot, index) in free.iter_mut().zip((0..buffers).rev()) {
            *slot = index;
        }
        Self {
            data: dma.base(),
            meta,
            free,
            available: buffers as usize,
            buffer_bytes: u32::from(buffer_bytes),
        }
    }

    /// Gives the pool out of hand, for as long as its memory is borrowed.
    pub fn into_raw(self) -> RawMempool<'a> {
        RawMempool {
            data: self.data,
            meta: NonNull::from_mut(self.meta).cast(),
            free: NonNull::from_mut(self.free).cast(),
            available: self.available,
            buffer_bytes: self.buffer_bytes,
            pool: PhantomData,
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
        debug_assert!(
            (buf.0 as usize) < self.meta.len(),
            "no buffer of this pool"
        );
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
        self.meta[buf.0 as usize].len.into()
    }

    /// Notes the length of a packet, at most the buffer's size.
    #[inline(always)]
    pub fn set_len(&mut self, buf: &PktBuf, len: u32) {
        // A buffer has at most 0xFFFF bytes.
        self.meta[buf.0 as usize].len = len.min(self.buffer_bytes) as u16;
    }

    /// Where the packet will be, for those who only want it near.
    #[inline(always)]
    pub fn address(&self, buf: &PktBuf) -> PacketAddress<'_> {
        let offset = self.meta[buf.0 as usize].offset;
        // SAFETY: the buffer lies in the pool's memory.
        let start = unsafe { self.data.add(offset as usize) };
        PacketAddress { start, pool: PhantomData }
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
            slice::from_raw_parts_mut(start.as_ptr(), meta.len.into())
        }
    }

    /// Sorted indices of the free buffers.
    pub fn free_indices(&self) -> Vec<u32> {
        let mut free = self.free[..self.available].to_vec();
        free.sort_unstable();
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::DmaRegion;
    use proptest::prelude::*;

    /// `BYTES` bytes between two buffers.
    struct Gap<const BYTES: usize>;

    impl<const BYTES: usize> Spread for Gap<BYTES> {
        const NAME: &'static str = "gap";
        const IDEA: &'static str = "a gap between buffers";

        fn stride(buffer_bytes: usize) -> usize {
            buffer_bytes + BYTES
        }
    }

    const START: Iova = Iova::new(0x55_0000_0000);

    fn with_pool<S: Spread>(
        buffers: u32,
        buffer_bytes: u16,
        test: impl FnOnce(&mut Mempool<'_>),
    ) {
        let data = Mempool::dma_bytes::<S>(buffers, buffer_bytes);
        let tables = buffers as usize * 20 + 64;
        let mut region =
            DmaRegion::allocate(data + tables, START).expect("memory");
        let mut carver = region.carve();
        let data = carver.take(data, HUGE_PAGE);
        test(&mut Mempool::new::<S>(buffers, buffer_bytes, data, &mut carver));
    }

    fn alloc_all(pool: &mut Mempool<'_>) -> Vec<PktBuf> {
        core::iter::from_fn(|| pool.alloc()).collect()
    }

    fn buffers_keep_apart<S: Spread>(buffers: u32, buffer_bytes: u16) {
        with_pool::<S>(buffers, buffer_bytes, |pool| {
            let bytes = usize::from(buffer_bytes);
            let end = Mempool::dma_bytes::<S>(buffers, buffer_bytes);
            let base = pool.data.as_ptr().addr();
            let mut next = 0;
            for buf in alloc_all(pool) {
                pool.set_len(&buf, u32::MAX);
                let at = (pool.iova(&buf).value() - START.value()) as usize;
                let data = pool.data_mut(&buf);
                assert_eq!(data.as_ptr().addr(), base + at, "both views");
                assert_eq!(data.len(), bytes);
                assert!(at.is_multiple_of(64), "cache line");
                assert!(at >= next, "overlap");
                next = at + bytes;
                assert_eq!(at / HUGE_PAGE, (next - 1) / HUGE_PAGE, "page");
            }
            assert!(next <= end);
        });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(
            if cfg!(miri) { 2 } else { 64 }
        ))]

        #[test]
        fn no_buffer_overlaps_another_or_crosses_a_page_of_2_mib(
            buffers in 1..if cfg!(miri) { 100 } else { 3000_u32 }, log2 in 6..=12,
        ) {
            let buffer_bytes = 1_u16 << log2;
            buffers_keep_apart::<Gap<0>>(buffers, buffer_bytes);
            buffers_keep_apart::<Gap<64>>(buffers, buffer_bytes);
            buffers_keep_apart::<Gap<192>>(buffers, buffer_bytes);
        }
    }

    #[test]
    fn every_buffer_is_handed_out_once_and_the_lowest_first() {
        with_pool::<Gap<0>>(100, 64, |pool| {
            let all = alloc_all(pool);
            let indices: Vec<_> = all.iter().map(PktBuf::index).collect();
            assert_eq!(indices, Vec::from_iter(0..100));
            assert_eq!(pool.available(), 0);
            assert_eq!(pool.alloc(), None);
        });
    }

    #[test]
    fn the_buffer_given_back_last_is_taken_first() {
        with_pool::<Gap<0>>(4, 64, |pool| {
            let mut all = alloc_all(pool);
            let (b, a) = (all.remove(3), all.remove(1));
            pool.free(a);
            pool.free(b);
            assert_eq!(pool.free_indices(), [1, 3]);
            assert_eq!(pool.alloc(), Some(PktBuf(3)));
            assert_eq!(pool.alloc(), Some(PktBuf(1)));
            assert_eq!(pool.alloc(), None);
        });
    }

    #[test]
    fn a_length_is_at_most_the_buffers_size() {
        with_pool::<Gap<0>>(2, 256, |pool| {
            let [a, b] = [0; 2].map(|_| pool.alloc().expect("two buffers"));
            for (asked, noted) in [(0, 0), (60, 60), (256, 256), (257, 256)] {
                pool.set_len(&a, asked);
                assert_eq!(pool.len(&a), noted);
                assert_eq!(pool.data_mut(&a).len(), noted as usize);
            }
            assert_eq!(pool.len(&b), 0);
        });
    }

    #[test]
    fn what_is_written_to_a_buffer_stays_in_it() {
        with_pool::<Gap<0>>(50, 64, |pool| {
            let all = alloc_all(pool);
            for (buf, byte) in all.iter().zip(0..) {
                pool.set_len(buf, 64);
                pool.data_mut(buf).fill(byte);
            }
            for (buf, byte) in all.iter().zip(0..) {
                assert_eq!(pool.data_mut(buf), [byte; 64]);
            }
        });
    }

    #[test]
    #[should_panic(expected = "index out of bounds")]
    fn a_full_pool_takes_nothing_back() {
        with_pool::<Gap<0>>(4, 64, |pool| pool.free(PktBuf(0)));
    }

    #[test]
    #[cfg_attr(not(debug_assertions), ignore = "a debug assertion")]
    #[should_panic(expected = "no buffer of this pool")]
    fn a_pool_does_not_take_back_what_is_no_buffer() {
        with_pool::<Gap<0>>(4, 64, |pool| {
            let _buf = pool.alloc();
            pool.free(PktBuf::default());
        });
    }

    #[test]
    #[should_panic(expected = "too small for the pool")]
    fn a_pool_does_not_start_in_too_little_memory() {
        let mut region = DmaRegion::allocate(HUGE_PAGE, START).expect("memory");
        let mut carver = region.carve();
        let data = carver.take(HUGE_PAGE - 64, 64);
        Mempool::new::<Gap<0>>(1, 64, data, &mut carver);
    }
}

//! Descriptor rings: memory that driver and device write in turn.
//!
//! No reference ever points into a ring, for the device may write it at any
//! moment. A field of a descriptor is read and written by volatile accesses,
//! in one piece or in parts; which of the two is a style (axis `reg`).

#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::__m128i;
use core::marker::PhantomData;
use core::mem::offset_of;
use core::ptr::NonNull;

use crate::desc::{BYTES, RxDescRead, RxDescWriteBack, TxDescRead};
use crate::memory::{DmaSlice, Iova};
use crate::policy::Bounds;

/// A 32-bit field of a descriptor.
#[derive(Clone, Copy, Debug)]
pub struct Field32<'a> {
    at: NonNull<u32>,
    ring: PhantomData<&'a ()>,
}

/// A 64-bit field of a descriptor.
#[derive(Clone, Copy, Debug)]
pub struct Field64<'a> {
    at: NonNull<u64>,
    ring: PhantomData<&'a ()>,
}

macro_rules! parts {
    ($read:ident, $write:ident, $part:ty, $count:literal) => {
        /// Reads part `I`, counted from the low end.
        #[inline(always)]
        pub fn $read<const I: usize>(self) -> $part {
            const { assert!(I < $count) };
            let part = self.at.cast::<$part>();
            // SAFETY: the field lies in a ring, is aligned to its size, and
            // part `I` lies in the field.
            <$part>::from_le(unsafe { part.add(I).read_volatile() })
        }

        /// Writes part `I`, counted from the low end.
        #[inline(always)]
        pub fn $write<const I: usize>(self, value: $part) {
            const { assert!(I < $count) };
            let part = self.at.cast::<$part>();
            // SAFETY: as in the read of the same part.
            unsafe { part.add(I).write_volatile(value.to_le()) };
        }
    };
}

impl Field32<'_> {
    /// Reads the field in one access.
    #[inline(always)]
    pub fn read(self) -> u32 {
        // SAFETY: the field lies in a ring and is aligned to its size.
        u32::from_le(unsafe { self.at.read_volatile() })
    }

    /// Writes the field in one access.
    #[inline(always)]
    pub fn write(self, value: u32) {
        // SAFETY: the field lies in a ring and is aligned to its size.
        unsafe { self.at.write_volatile(value.to_le()) };
    }

    /// Where the field lies, for code in another language. It is aligned, and
    /// the device may write it at any moment: volatile accesses only.
    #[inline(always)]
    pub fn as_ptr(self) -> *mut u32 {
        self.at.as_ptr()
    }

    parts!(read_byte, write_byte, u8, 4);
    parts!(read_half, write_half, u16, 2);
}

impl Field64<'_> {
    /// Writes the field in one access.
    #[inline(always)]
    pub fn write(self, value: u64) {
        // SAFETY: the field lies in a ring and is aligned to its size.
        unsafe { self.at.write_volatile(value.to_le()) };
    }

    /// Where the field lies: as [`Field32::as_ptr`].
    #[inline(always)]
    pub fn as_ptr(self) -> *mut u64 {
        self.at.as_ptr()
    }

    parts!(read_byte, write_byte, u8, 8);
    parts!(read_half, write_half, u16, 4);
}

/// One descriptor in a ring.
pub trait Descriptor<'a>: Copy {
    /// The descriptor that starts at `at`, inside a ring and aligned.
    fn at(at: DescPtr<'a>) -> Self;
}

/// The place of a descriptor; made by [`DescRing::desc`] only.
#[derive(Clone, Copy, Debug)]
pub struct DescPtr<'a> {
    at: NonNull<u8>,
    ring: PhantomData<&'a ()>,
}

impl<'a> DescPtr<'a> {
    #[inline(always)]
    fn field32<const BYTE: usize>(self) -> Field32<'a> {
        const { assert!(BYTE.is_multiple_of(4) && BYTE + 4 <= BYTES) };
        // SAFETY: inside the descriptor.
        let at = unsafe { self.at.add(BYTE) }.cast();
        Field32 { at, ring: PhantomData }
    }

    #[inline(always)]
    fn field64<const BYTE: usize>(self) -> Field64<'a> {
        const { assert!(BYTE.is_multiple_of(8) && BYTE + 8 <= BYTES) };
        // SAFETY: inside the descriptor.
        let at = unsafe { self.at.add(BYTE) }.cast();
        Field64 { at, ring: PhantomData }
    }
}

impl DescPtr<'_> {
    /// Writes the descriptor in one access where the processor can, in two
    /// elsewhere.
    #[inline(always)]
    fn write(self, low: u64, high: u64) {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            use core::arch::x86_64::_mm_set_epi64x;
            // SAFETY: every x86-64 has SSE2. The descriptor lies in a ring
            // and is aligned to its size.
            unsafe {
                let whole = _mm_set_epi64x(high as i64, low as i64);
                self.at.cast::<__m128i>().write_volatile(whole);
            }
        }
        #[cfg(any(not(target_arch = "x86_64"), miri))]
        {
            self.field64::<0>().write(low);
            self.field64::<8>().write(high);
        }
    }
}

/// A receive descriptor.
#[derive(Clone, Copy, Debug)]
pub struct RxDesc<'a>(DescPtr<'a>);

impl<'a> Descriptor<'a> for RxDesc<'a> {
    #[inline(always)]
    fn at(at: DescPtr<'a>) -> Self {
        Self(at)
    }
}

impl<'a> RxDesc<'a> {
    /// Write-back: extended status and error.
    #[inline(always)]
    pub fn status_error(self) -> Field32<'a> {
        self.0.field32::<{ offset_of!(RxDescWriteBack, status_error) }>()
    }

    /// Write-back: length in the lower, VLAN tag in the upper half.
    #[inline(always)]
    pub fn length_vlan(self) -> Field32<'a> {
        self.0.field32::<{ offset_of!(RxDescWriteBack, length) }>()
    }

    /// Write-back: packet and RSS type in the lower half.
    #[inline(always)]
    pub fn pkt_info(self) -> Field32<'a> {
        self.0.field32::<{ offset_of!(RxDescWriteBack, pkt_info) }>()
    }

    /// Write-back: RSS hash, or fragment checksum and IP identification.
    #[inline(always)]
    pub fn rss_hash(self) -> Field32<'a> {
        self.0.field32::<{ offset_of!(RxDescWriteBack, rss_hash) }>()
    }

    /// Read format: both addresses, in one access where the processor can.
    #[inline(always)]
    pub fn write(self, pkt_addr: u64, hdr_addr: u64) {
        self.0.write(pkt_addr, hdr_addr);
    }

    /// Read format: address of the packet buffer.
    #[inline(always)]
    pub fn pkt_addr(self) -> Field64<'a> {
        self.0.field64::<{ offset_of!(RxDescRead, pkt_addr) }>()
    }

    /// Read format: address of the header buffer; 0 clears DD as well.
    #[inline(always)]
    pub fn hdr_addr(self) -> Field64<'a> {
        self.0.field64::<{ offset_of!(RxDescRead, hdr_addr) }>()
    }
}

/// A transmit descriptor.
#[derive(Clone, Copy, Debug)]
pub struct TxDesc<'a>(DescPtr<'a>);

impl<'a> Descriptor<'a> for TxDesc<'a> {
    #[inline(always)]
    fn at(at: DescPtr<'a>) -> Self {
        Self(at)
    }
}

impl<'a> TxDesc<'a> {
    /// Read format: address and both words, in one access where the processor
    /// can.
    #[inline(always)]
    pub fn write(self, address: u64, cmd_type_len: u32, olinfo_status: u32) {
        let words = u64::from(olinfo_status) << 32 | u64::from(cmd_type_len);
        self.0.write(address, words);
    }

    /// Read format: address of the packet.
    #[inline(always)]
    pub fn address(self) -> Field64<'a> {
        self.0.field64::<{ offset_of!(TxDescRead, address) }>()
    }

    /// Read format: command, type and length.
    #[inline(always)]
    pub fn cmd_type_len(self) -> Field32<'a> {
        self.0.field32::<{ offset_of!(TxDescRead, cmd_type_len) }>()
    }

    /// Read format: payload length; writing it clears DD.
    #[inline(always)]
    pub fn olinfo_status(self) -> Field32<'a> {
        self.0.field32::<{ offset_of!(TxDescRead, olinfo_status) }>()
    }

    /// Write-back: DD in bit 0. The same word as
    /// [`olinfo_status`](Self::olinfo_status).
    #[inline(always)]
    pub fn status(self) -> Field32<'a> {
        self.olinfo_status()
    }
}

/// A ring of descriptors in DMA memory: where it is, not who uses it.
#[derive(Clone, Copy, Debug)]
pub struct DescRing<'a, D> {
    base: NonNull<u8>,
    iova: Iova,
    entries: u16,
    descriptors: PhantomData<(&'a (), D)>,
}

// SAFETY: ring memory is reached by volatile accesses only, which any thread
// may make.
unsafe impl<D> Send for DescRing<'_, D> {}

/// A ring of receive descriptors.
pub type RxRing<'a> = DescRing<'a, RxDesc<'a>>;

/// A ring of transmit descriptors.
pub type TxRing<'a> = DescRing<'a, TxDesc<'a>>;

/// `N` receive descriptors side by side, for whoever reads several at once.
#[derive(Clone, Copy, Debug)]
pub struct RxGroup<'a, const N: usize> {
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(dead_code, reason = "no vectors to read")
    )]
    at: NonNull<u8>,
    ring: PhantomData<&'a ()>,
}

impl<'a> RxRing<'a> {
    /// Descriptors `i` to `i + N - 1`; none where the ring ends before.
    #[inline(always)]
    pub fn group<const N: usize>(&self, i: u16) -> Option<RxGroup<'a, N>> {
        let fits = usize::from(i) + N <= usize::from(self.entries);
        // SAFETY: descriptor `i` lies inside the ring's memory.
        let at = fits.then(|| unsafe { self.base.add(usize::from(i) * BYTES) });
        at.map(|at| RxGroup { at, ring: PhantomData })
    }
}

#[cfg(target_arch = "x86_64")]
impl<const N: usize> RxGroup<'_, N> {
    /// Reads descriptor `I` of the group in one access.
    #[inline(always)]
    pub fn read<const I: usize>(self) -> __m128i {
        const { assert!(I < N) };
        // SAFETY: descriptor `I` lies in the group and is aligned to its
        // size.
        unsafe { self.at.cast::<__m128i>().add(I).read_volatile() }
    }
}

impl<'a, D: Descriptor<'a>> DescRing<'a, D> {
    /// The ring that fills `memory`, with every byte 0xFF, so that a
    /// descriptor nobody wrote stands out.
    ///
    /// # Panics
    ///
    /// When the memory does not hold a power of two of descriptors at the
    /// alignment of 128 bytes that the device demands (datasheet 8.2.3.8.1).
    pub fn new(memory: DmaSlice<'a>) -> Self {
        let entries = memory.bytes() / BYTES;
        assert!(entries.is_power_of_two() && entries <= 1 << 15);
        assert!(memory.base().addr().get().is_multiple_of(128));
        // SAFETY: the slice is `len` bytes of mapped memory.
        unsafe { memory.base().as_ptr().write_bytes(0xFF, memory.bytes()) };
        Self {
            base: memory.base(),
            iova: memory.iova(),
            entries: entries as u16,
            descriptors: PhantomData,
        }
    }

    /// Number of descriptors.
    #[inline(always)]
    pub fn entries(&self) -> u16 {
        self.entries
    }

    /// First descriptor, for code in another language: volatile accesses only.
    pub fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// First descriptor as the device sees it.
    pub fn iova(&self) -> Iova {
        self.iova
    }

    /// Size in bytes.
    pub fn bytes(&self) -> u32 {
        u32::from(self.entries) * BYTES as u32
    }

    /// The descriptor with index `i`.
    ///
    /// # Panics
    ///
    /// When the ring has no such descriptor.
    #[inline(always)]
    pub fn desc(&self, i: u16) -> D {
        assert!(i < self.entries, "descriptor index beyond the ring");
        // SAFETY: descriptor `i` lies inside the ring's memory.
        let at = unsafe { self.base.add(usize::from(i) * BYTES) };
        D::at(DescPtr { at, ring: PhantomData })
    }

    /// The descriptor with index `i`, checked as `G` does.
    ///
    /// # Safety
    ///
    /// The ring has such a descriptor.
    #[inline(always)]
    pub unsafe fn desc_within<G: Bounds>(&self, i: u16) -> D {
        // SAFETY: the caller's promise, and descriptor `i` lies inside the
        // ring's memory.
        let at = unsafe {
            G::within(i.into(), self.entries.into());
            self.base.add(usize::from(i) * BYTES)
        };
        D::at(DescPtr { at, ring: PhantomData })
    }

    /// The descriptor `steps` after `i`, around the ring.
    #[inline(always)]
    pub fn desc_after<G: Bounds>(&self, i: u16, steps: u16) -> D {
        let i = self.after::<G>(i, steps);
        // SAFETY: an index of the ring's own: the number of its descriptors
        // is a power of two.
        unsafe { self.desc_within::<G>(i) }
    }

    /// The index `steps` after the index `i`, around the ring, added up as
    /// `G` does.
    #[inline(always)]
    pub fn after<G: Bounds>(&self, i: u16, steps: u16) -> u16 {
        G::add(i, steps) & (self.entries - 1)
    }

    /// The index `steps` after `i`, around the ring.
    #[inline(always)]
    pub fn wrap(&self, i: u16, steps: u16) -> u16 {
        i.wrapping_add(steps) & (self.entries - 1)
    }

    /// The index before `i`, around the ring.
    #[inline(always)]
    pub fn before(&self, i: u16) -> u16 {
        i.wrapping_sub(1) & (self.entries - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::DmaRegion;

    #[test]
    fn fields_lie_where_the_datasheet_puts_them() {
        let mut region = DmaRegion::allocate(1, Iova::new(0)).expect("memory");
        let base = region.base();
        let ring = RxRing::new(region.carve().take(64 * BYTES, 128));
        let desc = ring.desc(3);
        desc.pkt_addr().write(0x0807_0605_0403_0201);
        desc.hdr_addr().write(0x100F_0E0D_0C0B_0A09);
        for byte in 0..BYTES {
            // SAFETY: inside the ring.
            let seen = unsafe { base.add(3 * BYTES + byte).read() };
            assert_eq!(usize::from(seen), byte + 1);
        }
        assert_eq!(desc.status_error().read(), 0x0C0B_0A09);
        assert_eq!(desc.status_error().read_byte::<2>(), 0x0B);
        assert_eq!(desc.length_vlan().read_half::<0>(), 0x0E0D);
    }

    #[test]
    fn a_group_ends_with_the_ring_at_the_latest() {
        let mut region = DmaRegion::allocate(1, Iova::new(0)).expect("memory");
        let ring = RxRing::new(region.carve().take(64 * BYTES, 128));
        assert!(ring.group::<4>(60).is_some() && ring.group::<8>(56).is_some());
        assert!(ring.group::<4>(61).is_none() && ring.group::<8>(57).is_none());
        assert!(ring.group::<4>(u16::MAX).is_none());
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn a_group_is_read_from_its_first_descriptor_on() {
        let mut region = DmaRegion::allocate(1, Iova::new(0)).expect("memory");
        let ring = RxRing::new(region.carve().take(64 * BYTES, 128));
        for i in 0..64 {
            ring.desc(i).pkt_addr().write(u64::from(i) << 32);
            ring.desc(i).hdr_addr().write(u64::from(i) | 0xA500);
        }
        let wanted = |i: u64| [i << 32, i | 0xA500];
        let group = ring.group::<8>(55).expect("eight");
        let bytes = |vector: __m128i| {
            // SAFETY: both are 16 bytes without padding.
            unsafe { core::mem::transmute::<__m128i, [u64; 2]>(vector) }
        };
        assert_eq!(bytes(group.read::<0>()), wanted(55));
        assert_eq!(bytes(group.read::<7>()), wanted(62));
    }

    #[test]
    fn indices_wrap_in_both_directions() {
        let mut region = DmaRegion::allocate(1, Iova::new(0)).expect("memory");
        let ring = TxRing::new(region.carve().take(64 * BYTES, 128));
        assert_eq!(ring.wrap(63, 1), 0);
        assert_eq!(ring.wrap(60, 32), 28);
        assert_eq!(ring.before(0), 63);
    }
}

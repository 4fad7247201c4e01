//! `status=simd`: eight or four descriptors at once, in a vector register.
//!
//! *Idea.* The status words of a group are brought together in one register
//! and tested there: eight with AVX2, else four with SSE2.
//!
//! *Cost.* A load per descriptor of a group, also where fewer are done, some
//! shuffles and one branch. A call for AVX2, whose code cannot be inlined
//! into code for any x86-64. Which of the two is asked of std, which asks the
//! CPU once and remembers: a load, and a branch that always goes one way. A
//! function pointer would be a load, too, and keep SSE2 from being inlined.
//!
//! *Origin.* The vector receive of DPDK's ixgbe driver.
//!
//! *Compare.* `branchless.rs`, `masked.rs`. A vector goes past `reg`, which
//! is asked only where the ring ends within a group.

use driver::policy::{Bounds, RegAccess, StatusCheck};
use driver::ring::RxRing;

/// Eight or four descriptors at once, in a vector register.
pub struct Simd;

impl StatusCheck for Simd {
    const NAME: &'static str = "simd";
    const IDEA: &'static str = "eight or four descriptors in a vector register";

    #[inline(always)]
    fn done_run<R: RegAccess, G: Bounds>(
        ring: &RxRing<'_>,
        first: u16,
        max: u16,
    ) -> u16 {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        return if max < 8 {
            super::Masked::done_run::<R, G>(ring, first, max)
        } else if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the CPU has AVX2.
            unsafe { x86::eight::<R, G>(ring, first, max) }
        } else {
            x86::four::<R, G>(ring, first, max)
        };
        #[cfg(any(not(target_arch = "x86_64"), miri))]
        super::Masked::done_run::<R, G>(ring, first, max)
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod x86 {
    use core::arch::x86_64::*;

    use driver::desc::rx_status::{DD, EOP};
    use driver::policy::{Bounds, RegAccess};
    use driver::ring::{RxGroup, RxRing};

    const BOTH: i32 = (DD | EOP) as i32;

    /// A descriptor per load, eight per branch.
    #[target_feature(enable = "avx2")]
    pub fn eight<R: RegAccess, G: Bounds>(
        ring: &RxRing<'_>,
        first: u16,
        max: u16,
    ) -> u16 {
        groups::<R, G, 8>(ring, first, max, |group| {
            let pair = |low, high| {
                _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1)
            };
            let a = pair(group.read::<0>(), group.read::<4>());
            let b = pair(group.read::<1>(), group.read::<5>());
            let c = pair(group.read::<2>(), group.read::<6>());
            let d = pair(group.read::<3>(), group.read::<7>());
            let low = _mm256_unpackhi_epi32(a, b);
            let high = _mm256_unpackhi_epi32(c, d);
            let status = _mm256_unpacklo_epi64(low, high);
            let both = _mm256_set1_epi32(BOTH);
            let done = _mm256_cmpeq_epi32(_mm256_and_si256(status, both), both);
            !_mm256_movemask_ps(_mm256_castsi256_ps(done)) as u32 & 0xFF
        })
    }

    /// A descriptor per load, four per branch.
    #[inline(always)]
    pub fn four<R: RegAccess, G: Bounds>(
        ring: &RxRing<'_>,
        first: u16,
        max: u16,
    ) -> u16 {
        // SAFETY: every x86-64 has SSE2.
        groups::<R, G, 4>(ring, first, max, |group| unsafe {
            let low = _mm_unpackhi_epi32(group.read::<0>(), group.read::<1>());
            let high = _mm_unpackhi_epi32(group.read::<2>(), group.read::<3>());
            let status = _mm_unpacklo_epi64(low, high);
            let both = _mm_set1_epi32(BOTH);
            let done = _mm_cmpeq_epi32(_mm_and_si128(status, both), both);
            !_mm_movemask_ps(_mm_castsi128_ps(done)) as u32 & 0xF
        })
    }

    /// Counts by groups of `N`, of which `lacking` has a bit for each that
    /// lacks DD or EOP; one by one where the ring ends within a group.
    #[inline(always)]
    fn groups<R: RegAccess, G: Bounds, const N: usize>(
        ring: &RxRing<'_>,
        first: u16,
        max: u16,
        lacking: impl Fn(RxGroup<'_, N>) -> u32,
    ) -> u16 {
        let mut done = 0;
        while done < max {
            let i = ring.wrap(first, done);
            let (lacking, n) = match ring.group(i) {
                Some(group) => (lacking(group), N as u16),
                None => {
                    let desc = ring.desc_after::<G>(first, done);
                    let status = R::value(R::load(desc.status_error()));
                    (u32::from(status & (DD | EOP) != DD | EOP), 1)
                }
            };
            if lacking != 0 {
                done += lacking.trailing_zeros() as u16;
                break;
            }
            done += n;
        }
        done.min(max)
    }
}

#[cfg(test)]
mod tests {
    /// What is used on a CPU without AVX2.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    mod four {
        use driver::policy::{Bounds, RegAccess, StatusCheck};
        use driver::ring::RxRing;

        struct Four;

        impl StatusCheck for Four {
            const NAME: &'static str = "four";
            const IDEA: &'static str = "four descriptors, on any x86-64";

            fn done_run<R: RegAccess, G: Bounds>(
                ring: &RxRing<'_>,
                first: u16,
                max: u16,
            ) -> u16 {
                super::super::x86::four::<R, G>(ring, first, max)
            }
        }

        crate::status_conformance!(Four);
    }

    crate::status_conformance!(super::Simd);
}

//! Values the compiler may not see through.
//!
//! A variant that exists to pay for something (an allocation, a second test)
//! would be optimised into its sibling. These barriers stop that and nothing
//! else: an empty line of assembly that names a register, so no instruction
//! is added and no other value is spilled.

#[cfg(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(miri)
))]
use core::arch::asm;

/// A word whose value the compiler no longer knows.
#[inline(always)]
pub fn word(value: u32) -> u32 {
    #[cfg(all(
        any(target_arch = "x86_64", target_arch = "aarch64"),
        not(miri)
    ))]
    {
        let mut value = value;
        // SAFETY: the assembly is a comment; the register keeps its value.
        unsafe {
            #[cfg(target_arch = "x86_64")]
            asm!(
                "/* {0:e} */",
                inout(reg) value,
                options(nomem, nostack, preserves_flags)
            );
            #[cfg(target_arch = "aarch64")]
            asm!(
                "/* {0:w} */",
                inout(reg) value,
                options(nomem, nostack, preserves_flags)
            );
        }
        value
    }
    #[cfg(any(
        not(any(target_arch = "x86_64", target_arch = "aarch64")),
        miri
    ))]
    {
        core::hint::black_box(value)
    }
}

/// Marks a place in the code that the compiler may not take for the one with
/// another number, however alike the two are.
#[inline(always)]
pub fn place<const NUMBER: usize>() {
    #[cfg(all(
        any(target_arch = "x86_64", target_arch = "aarch64"),
        not(miri)
    ))]
    // SAFETY: the assembly is a comment.
    unsafe {
        asm!(
            "/* {0} */",
            const NUMBER,
            options(nomem, nostack, preserves_flags)
        );
    }
}

/// A box that the compiler must really allocate and fill: somebody might look
/// inside.
#[inline(always)]
pub fn boxed<T>(value: Box<T>) -> Box<T> {
    #[cfg(all(
        any(target_arch = "x86_64", target_arch = "aarch64"),
        not(miri)
    ))]
    {
        let mut raw = Box::into_raw(value);
        // SAFETY: the assembly is a comment; the register keeps its value,
        // and so the pointer that goes back into the box is the one that
        // came out of it.
        unsafe {
            asm!(
                "/* {0} */",
                inout(reg) raw,
                options(readonly, nostack, preserves_flags)
            );
            Box::from_raw(raw)
        }
    }
    #[cfg(any(
        not(any(target_arch = "x86_64", target_arch = "aarch64")),
        miri
    ))]
    {
        core::hint::black_box(value)
    }
}

/// A reference to the same place, which the compiler no longer knows: what is
/// read through it has really been written there.
#[inline(always)]
pub fn reference<T>(place: &T) -> &T {
    #[cfg(all(
        any(target_arch = "x86_64", target_arch = "aarch64"),
        not(miri)
    ))]
    {
        let mut raw = core::ptr::from_ref(place);
        // SAFETY: the assembly is a comment; the register keeps its value,
        // and so the pointer is that of the reference that came in.
        unsafe {
            asm!(
                "/* {0} */",
                inout(reg) raw,
                options(readonly, nostack, preserves_flags)
            );
            &*raw
        }
    }
    #[cfg(any(
        not(any(target_arch = "x86_64", target_arch = "aarch64")),
        miri
    ))]
    {
        core::hint::black_box(place)
    }
}

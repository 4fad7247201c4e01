//! A piece of a file in this process's memory.

use std::fs::File;
use std::io;
use std::ptr::{NonNull, null_mut};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// Shared with whoever else has the file mapped, until it is dropped.
#[derive(Debug)]
pub struct Mapped {
    base: NonNull<u8>,
    bytes: usize,
}

// SAFETY: a mapping belongs to the process, not to a thread.
unsafe impl Send for Mapped {}

impl Mapped {
    /// `bytes` of a file from `offset` on.
    ///
    /// # Errors
    ///
    /// When the file cannot be mapped.
    pub fn of(file: &File, offset: u64, bytes: usize) -> io::Result<Self> {
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::SHARED;
        // SAFETY: a fresh mapping touches no other memory.
        let base =
            unsafe { mmap(null_mut(), bytes, prot, flags, file, offset) }?;
        let base = NonNull::new(base.cast()).expect("mmap is not null");
        Ok(Self { base, bytes })
    }

    /// First byte. No reference may be made to what others write.
    pub fn base(&self) -> NonNull<u8> {
        self.base
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's; whoever keeps its address
        // says that it is gone by then.
        let _ = unsafe { munmap(self.base.as_ptr().cast(), self.bytes) };
    }
}

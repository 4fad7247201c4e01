//! Calls and structures of `linux/vfio.h`, those that a driver needs.

use core::ffi::c_void;
use core::ptr::null_mut;
use std::os::fd::AsFd;

use rustix::io::Result;
use rustix::ioctl::{Ioctl, IoctlOutput, Opcode, ioctl, opcode};

/// Call number `n`: `_IO(VFIO_TYPE, VFIO_BASE + n)`.
const fn number(n: u8) -> Opcode {
    opcode::none(b';', 100 + n)
}

pub const GET_API_VERSION: Opcode = number(0);
pub const CHECK_EXTENSION: Opcode = number(1);
pub const SET_IOMMU: Opcode = number(2);
pub const GROUP_GET_STATUS: Opcode = number(3);
pub const GROUP_SET_CONTAINER: Opcode = number(4);
pub const GROUP_GET_DEVICE_FD: Opcode = number(6);
pub const DEVICE_GET_REGION_INFO: Opcode = number(8);
pub const DEVICE_SET_IRQS: Opcode = number(10);
pub const IOMMU_MAP_DMA: Opcode = number(13);

/// The version of all this.
pub const API_VERSION: i32 = 0;

/// An IOMMU with page tables that a program fills, second version.
pub const TYPE1V2_IOMMU: usize = 3;

/// Of [`GroupStatus::flags`]: no driver of the kernel has a device of it.
pub const GROUP_VIABLE: u32 = 1 << 0;

/// Region of BAR 0.
pub const BAR0: u32 = 0;
/// Region of the configuration space.
pub const CONFIG: u32 = 7;

/// Of [`RegionInfo::flags`]: it can be mapped.
pub const REGION_MMAP: u32 = 1 << 2;

/// Of [`DmaMap::flags`]: the device may read.
pub const DMA_READ: u32 = 1 << 0;
/// Of [`DmaMap::flags`]: the device may write.
pub const DMA_WRITE: u32 = 1 << 1;

/// Interrupts by MSI-X.
pub const MSIX: u32 = 2;

/// Of [`IrqSet::flags`]: `data` is an eventfd.
pub const IRQ_EVENTFD: u32 = 1 << 2;
/// Of [`IrqSet::flags`]: the interrupt signals it.
pub const IRQ_TRIGGER: u32 = 1 << 5;

/// `struct vfio_group_status`.
#[derive(Default)]
#[repr(C)]
pub struct GroupStatus {
    pub argsz: u32,
    pub flags: u32,
}

/// `struct vfio_region_info`.
#[derive(Default)]
#[repr(C)]
pub struct RegionInfo {
    pub argsz: u32,
    pub flags: u32,
    pub index: u32,
    pub cap_offset: u32,
    /// Bytes.
    pub size: u64,
    /// Where it begins in the device's file.
    pub offset: u64,
}

/// `struct vfio_iommu_type1_dma_map`.
#[derive(Default)]
#[repr(C)]
pub struct DmaMap {
    pub argsz: u32,
    pub flags: u32,
    pub vaddr: u64,
    pub iova: u64,
    /// Bytes.
    pub size: u64,
}

/// `struct vfio_irq_set` for one interrupt.
#[derive(Default)]
#[repr(C)]
pub struct IrqSet {
    pub argsz: u32,
    pub flags: u32,
    pub index: u32,
    pub start: u32,
    pub count: u32,
    pub data: i32,
}

const _: () = {
    assert!(GET_API_VERSION == 0x3B64);
    assert!(size_of::<GroupStatus>() == 8);
    assert!(size_of::<RegionInfo>() == 32);
    assert!(size_of::<DmaMap>() == 32);
    assert!(size_of::<IrqSet>() == 24);
};

/// A call whose answer is a number.
struct Call {
    opcode: Opcode,
    argument: *mut c_void,
}

// SAFETY: the opcode is one of this file's; whoever makes the call answers
// for its argument.
unsafe impl Ioctl for Call {
    type Output = i32;

    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        self.opcode
    }

    fn as_ptr(&mut self) -> *mut c_void {
        self.argument
    }

    unsafe fn output_from_ptr(out: IoctlOutput, _: *mut c_void) -> Result<i32> {
        Ok(out)
    }
}

/// A call with a number, or with nothing.
pub fn with_number(
    file: impl AsFd,
    opcode: Opcode,
    number: usize,
) -> Result<i32> {
    let argument = null_mut::<c_void>().with_addr(number);
    // SAFETY: calls that take a number reach no memory of the program.
    unsafe { ioctl(file, Call { opcode, argument }) }
}

/// A call with a structure, which it reads and may write.
///
/// # Safety
///
/// `T` is what the call takes, and what its fields point to is what the call
/// says.
pub unsafe fn with<T>(
    file: impl AsFd,
    opcode: Opcode,
    argument: *mut T,
) -> Result<i32> {
    let argument = argument.cast();
    // SAFETY: as the caller promises.
    unsafe { ioctl(file, Call { opcode, argument }) }
}

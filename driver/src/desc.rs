//! Descriptors: what driver and device write into the rings.
//!
//! Advanced descriptors of 16 bytes (datasheet 7.1.6 and 7.2.3). Each has a
//! read format, written by the driver, and a write-back format, written by
//! the device into the same 16 bytes.

use core::mem::{offset_of, size_of};

/// Receive descriptor as the driver writes it (7.1.6.1).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RxDescRead {
    /// IOVA of the packet buffer.
    pub pkt_addr: u64,
    /// IOVA of the header buffer; 0 also clears DD.
    pub hdr_addr: u64,
}

/// Receive descriptor as the device writes it back (7.1.6.2).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RxDescWriteBack {
    /// Packet type and RSS type.
    pub pkt_info: u16,
    /// Header length and split flags.
    pub hdr_info: u16,
    /// RSS hash, or fragment checksum and IP identification.
    pub rss_hash: u32,
    /// Extended status in the lower, extended error in the upper bits.
    pub status_error: u32,
    /// Bytes in this buffer, without the frame's checksum.
    pub length: u16,
    /// VLAN tag.
    pub vlan: u16,
}

/// Transmit descriptor as the driver writes it (7.2.3.2.4).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TxDescRead {
    /// IOVA of the packet.
    pub address: u64,
    /// Command, descriptor type and length of this buffer.
    pub cmd_type_len: u32,
    /// Payload length and options; writing it clears DD.
    pub olinfo_status: u32,
}

/// Transmit descriptor as the device writes it back (7.2.3.2.5).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TxDescWriteBack {
    /// Reserved.
    pub reserved: [u32; 3],
    /// DD in bit 0.
    pub status: u32,
}

/// Bytes of a descriptor of either direction and format.
pub const BYTES: usize = 16;

/// Bits of [`RxDescWriteBack::pkt_info`].
pub mod rx_info {
    /// RSS type: what was hashed, 0 for nothing.
    pub const RSS_TYPE: u16 = 0b1111;
    /// The addresses of IPv4.
    pub const RSS_IPV4: u16 = 2;
    /// Addresses and ports of UDP over IPv4.
    pub const RSS_UDP_IPV4: u16 = 7;
    /// Shift of the packet type.
    pub const TYPE_SHIFT: u32 = 4;
}

/// Bits of [`RxDescWriteBack::status_error`].
pub mod rx_status {
    /// Descriptor done.
    pub const DD: u32 = 1;
    /// End of packet.
    pub const EOP: u32 = 1 << 1;
}

/// Bits of [`TxDescRead::cmd_type_len`] and of the write-back's status.
pub mod tx_cmd {
    /// Data length of this buffer.
    pub const DTALEN: u32 = 0xFFFF;
    /// Advanced data descriptor.
    pub const DTYP_DATA: u32 = 0b0011 << 20;
    /// End of packet.
    pub const EOP: u32 = 1 << 24;
    /// Insert frame checksum.
    pub const IFCS: u32 = 1 << 25;
    /// Report status: asks for a write-back of DD.
    pub const RS: u32 = 1 << 27;
    /// Descriptor extension: advanced.
    pub const DEXT: u32 = 1 << 29;
    /// What the driver sets on a packet that asks for a write-back.
    pub const PACKET: u32 = DEXT | RS | IFCS | EOP | DTYP_DATA;
    /// Shift of the payload length in `olinfo_status`.
    pub const PAYLEN_SHIFT: u32 = 14;
    /// Descriptor done, in the write-back's status.
    pub const DD: u32 = 1;
}

const _: () = {
    assert!(size_of::<RxDescRead>() == BYTES);
    assert!(size_of::<RxDescWriteBack>() == BYTES);
    assert!(size_of::<TxDescRead>() == BYTES);
    assert!(size_of::<TxDescWriteBack>() == BYTES);
    assert!(offset_of!(RxDescRead, hdr_addr) == 8);
    assert!(offset_of!(RxDescWriteBack, status_error) == 8);
    assert!(offset_of!(RxDescWriteBack, length) == 12);
    assert!(offset_of!(RxDescWriteBack, vlan) == 14);
    assert!(offset_of!(TxDescRead, cmd_type_len) == 8);
    assert!(offset_of!(TxDescRead, olinfo_status) == 12);
    assert!(offset_of!(TxDescWriteBack, status) == 12);
};

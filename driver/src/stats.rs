//! The device's packet and byte counters.

use crate::bar::Bar0;
use crate::regs::{self, GORCH, GORCL, GOTCH, GOTCL, GPRC, GPTC};

/// What the device counted, added up over all reads.
///
/// The registers clear on reading (datasheet 8.2.3.23). On a card GPRC also
/// counts frames that were then dropped for want of a descriptor; forwarded
/// packets are therefore counted on the transmit side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Good packets received.
    pub rx_packets: u64,
    /// Good packets transmitted.
    pub tx_packets: u64,
    /// Good octets received, with the frame checksum.
    pub rx_bytes: u64,
    /// Good octets transmitted, with the frame checksum.
    pub tx_bytes: u64,
}

impl Statistics {
    /// Adds what the device counted since the last read.
    ///
    /// The 36-bit octet counters are read low half first, which latches the
    /// high one.
    pub fn read<B: Bar0>(&mut self, bar: &B) {
        let read =
            |register: regs::Register| u64::from(bar.read32(register.offset()));
        self.rx_packets += read(GPRC);
        self.tx_packets += read(GPTC);
        self.rx_bytes += read(GORCL) | read(GORCH) << 32;
        self.tx_bytes += read(GOTCL) | read(GOTCH) << 32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bar::fake::FakeBar;

    #[test]
    fn reads_add_up_over_both_halves() {
        let bar = FakeBar::default();
        let mut statistics = Statistics::default();
        let set = |row: regs::Register, value| {
            bar.write32(row.offset(), value);
        };
        set(GPRC, u32::MAX);
        set(GPTC, 2);
        set(GORCL, 0x8000_0000);
        set(GORCH, 0xF);
        set(GOTCL, 4);
        statistics.read(&bar);
        set(GPRC, 1);
        set(GOTCH, 1);
        statistics.read(&bar);
        let wanted = Statistics {
            rx_packets: 0x1_0000_0000,
            tx_packets: 4,
            rx_bytes: 0x1F_0000_0000,
            tx_bytes: 0x1_0000_0008,
        };
        assert_eq!(statistics, wanted);
    }
}

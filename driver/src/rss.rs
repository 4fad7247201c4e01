//! Receive-side scaling: flows over receive queues (datasheet 7.1.2.8).
//!
//! The device hashes the addresses and ports of a frame with a key (Toeplitz)
//! and looks the queue up in a table by the last bits of the hash, so that a
//! flow stays on one queue and in order.

use crate::bar::Bar0;
use crate::regs::{MRQC, RETA, RSSRK, RXCSUM, mrqc, rxcsum};

/// Receive queues that the redirection table can name: its entries have 4
/// bits (datasheet 8.2.3.7.15).
pub const QUEUES: u16 = 16;

/// Entries of the redirection table; the last 7 bits of a hash choose one.
pub const ENTRIES: u16 = 128;

/// Bytes of the key.
pub const KEY_BYTES: usize = 40;

/// The key of the verification suite of the RSS specification ("Verifying the
/// RSS Hash Calculation", Microsoft), byte 0 first.
pub const KEY: [u8; KEY_BYTES] = [
    0x6D, 0x5A, 0x56, 0xDA, 0x25, 0x5B, 0x0E, 0xC2, 0x41, 0x67, 0x25, 0x3D,
    0x43, 0xA3, 0x8F, 0xB0, 0xD0, 0xCA, 0x2B, 0xCB, 0xAE, 0x7B, 0x30, 0xB4,
    0x77, 0xCB, 0x2D, 0xA3, 0x80, 0x30, 0xF2, 0x0C, 0x6A, 0x42, 0xB7, 0x3B,
    0xBE, 0xAC, 0x01, 0xFA,
];

/// Spreads flows of UDP and of IPv4 evenly over `queues` receive queues. To be
/// called while receive is disabled (datasheet 4.6.7).
pub fn program<B: Bar0>(bar: &B, queues: u16) {
    assert!((1..=QUEUES).contains(&queues), "RSS has no such queues");
    for (n, bytes) in (0..).zip(KEY.as_chunks().0) {
        bar.write32(RSSRK.at(n), u32::from_le_bytes(*bytes));
    }
    for n in 0..RETA.count() {
        let entry = |i: u16| ((4 * n + i) % queues) as u8;
        let entries = [0, 1, 2, 3].map(entry);
        bar.write32(RETA.at(n), u32::from_le_bytes(entries));
    }
    // The hash, in place of a fragment's checksum (8.2.3.7.5).
    bar.set_bits(RXCSUM.offset(), rxcsum::PCSD);
    bar.write32(MRQC.offset(), mrqc::RSS | mrqc::IPV4 | mrqc::UDP_IPV4);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bar::fake::FakeBar;

    #[test]
    fn the_key_is_written_from_its_first_byte_on() {
        let bar = FakeBar::default();
        program(&bar, 4);
        assert_eq!(bar.read32(RSSRK.at(0)), 0xDA56_5A6D);
        assert_eq!(bar.read32(RSSRK.at(9)), 0xFA01_ACBE);
        assert_eq!(bar.read32(MRQC.offset()), 0x0042_0001);
        assert_eq!(bar.read32(RXCSUM.offset()), 0x0000_2000);
    }

    #[test]
    fn every_queue_has_as_many_entries_as_any_other_or_one_less() {
        for queues in 1..=QUEUES {
            let bar = FakeBar::default();
            program(&bar, queues);
            let mut entries = vec![0_u16; queues.into()];
            for n in 0..RETA.count() {
                for entry in bar.read32(RETA.at(n)).to_le_bytes() {
                    entries[usize::from(entry)] += 1;
                }
            }
            assert_eq!(entries.iter().sum::<u16>(), ENTRIES);
            let (most, least) = (entries.iter().max(), entries.iter().min());
            assert!(most.expect("some") - least.expect("some") <= 1);
        }
    }

    #[test]
    #[should_panic(expected = "no such queues")]
    fn there_is_no_entry_for_queue_16() {
        program(&FakeBar::default(), 17);
    }
}

//! PCI configuration space of a port (datasheet 9.3).

/// Bytes of it.
pub const BYTES: usize = 4096;

/// Messages of MSI-X.
pub const MSIX_VECTORS: u16 = 64;

/// Bytes of the BAR that the table of MSI-X and its pending bits are in.
pub const MSIX_BAR_BYTES: usize = 0x4000;

/// The 82599 with a backplane: no module to identify, no PHY to talk to.
pub const DEVICE: u16 = 0x10F7;

/// Where the capabilities are.
const POWER: usize = 0x40;
const MSI: usize = 0x50;
const MSIX: usize = 0x70;
const EXPRESS: usize = 0xA0;

const COMMAND: usize = 0x04;
const BUS_MASTER: u8 = 1 << 2;

/// Device control of PCI Express, its upper byte, and the bit in there that
/// starts a reset.
const DEVICE_CONTROL_HIGH: usize = EXPRESS + 9;
const FUNCTION_RESET: u8 = 1 << 7;

/// What a reader finds at first.
const CONTENT: &[(usize, &[u8])] = &[
    (0x00, &[0x86, 0x80]),
    (0x02, &DEVICE.to_le_bytes()),
    // Status: there are capabilities.
    (0x06, &[0x10, 0x00]),
    // Revision 1; an Ethernet controller.
    (0x08, &[0x01, 0x00, 0x00, 0x02]),
    // BAR 0 and BAR 4: memory, 64 bits.
    (0x10, &[0x04]),
    (0x20, &[0x04]),
    (0x2C, &[0x86, 0x80, 0x0C, 0x00]),
    (0x34, &[POWER as u8]),
    // Interrupt pin A.
    (0x3D, &[0x01]),
    // Version 3; a change of power states keeps the registers.
    (POWER, &[0x01, MSI as u8, 0x03, 0x00, 0x08]),
    // One message, 64 address bits.
    (MSI, &[0x05, MSIX as u8, 0x80, 0x00]),
    // The table at the start of BAR 4, pending bits at 0x2000.
    (MSIX, &[0x11, EXPRESS as u8, (MSIX_VECTORS - 1) as u8, 0x00]),
    (MSIX + 4, &[0x04, 0x00, 0x00, 0x00, 0x04, 0x20]),
    // Version 2, an endpoint with function level reset, 512 bytes of payload.
    (EXPRESS, &[0x10, 0x00, 0x02, 0x00, 0x02, 0x00, 0x00, 0x10]),
    // 8 lanes of 5 GT/s: what there can be, and what there is.
    (EXPRESS + 0x0C, &[0x82, 0x00]),
    (EXPRESS + 0x12, &[0x82, 0x10]),
    (EXPRESS + 0x30, &[0x02]),
];

/// Bits that a write changes.
const WRITABLE: &[(usize, &[u8])] = &[
    (COMMAND, &[0x47, 0x05]),
    (0x0C, &[0xFF]),
    // BAR 0 of 128 KiB, BAR 4 of 16 KiB.
    (0x10, &[0x00, 0x00, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
    (0x20, &[0x00, 0xC0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
    (0x3C, &[0xFF]),
    (POWER + 4, &[0x03, 0x01]),
    (MSI + 2, &[0x01]),
    (MSI + 4, &[0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
    (MSIX + 3, &[0xC0]),
    (EXPRESS + 8, &[0xFF, 0x7F]),
    (EXPRESS + 0x10, &[0xC3]),
    (EXPRESS + 0x28, &[0x1F]),
];

/// The configuration space of one port.
#[derive(Clone, Debug)]
pub struct ConfigSpace {
    bytes: Box<[u8; BYTES]>,
    writable: Box<[u8; BYTES]>,
}

fn filled(with: &[(usize, &[u8])]) -> Box<[u8; BYTES]> {
    let mut bytes = Box::new([0; BYTES]);
    for (at, some) in with {
        bytes[*at..at + some.len()].copy_from_slice(some);
    }
    bytes
}

impl ConfigSpace {
    /// As after power-up.
    pub fn new() -> Self {
        Self { bytes: filled(CONTENT), writable: filled(WRITABLE) }
    }

    /// Reads what lies inside; the rest of `data` is left as it is.
    pub fn read(&self, offset: usize, data: &mut [u8]) {
        for (byte, own) in data.iter_mut().zip(self.bytes.iter().skip(offset)) {
            *byte = *own;
        }
    }

    /// Writes what may be written; whether that asks for a reset of the port.
    pub fn write(&mut self, offset: usize, data: &[u8]) -> bool {
        let own = self.bytes.iter_mut().zip(self.writable.iter());
        for (byte, (own, mask)) in data.iter().zip(own.skip(offset)) {
            *own = *own & !mask | byte & mask;
        }
        let control = DEVICE_CONTROL_HIGH.checked_sub(offset);
        let control = control.and_then(|at| data.get(at));
        control.is_some_and(|byte| byte & FUNCTION_RESET != 0)
    }

    /// Whether the port may reach memory.
    pub fn is_bus_master(&self) -> bool {
        self.bytes[COMMAND] & BUS_MASTER != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word<const N: usize>(config: &ConfigSpace, at: usize) -> [u8; N] {
        let mut data = [0; N];
        config.read(at, &mut data);
        data
    }

    #[test]
    fn a_reader_finds_the_card_and_its_capabilities() {
        let config = ConfigSpace::new();
        assert_eq!(word(&config, 0), [0x86, 0x80, 0xF7, 0x10]);
        assert_eq!(word(&config, 0x0A), [0x00, 0x02]);
        let mut found = Vec::new();
        let [mut at] = word(&config, 0x34);
        while at != 0 {
            let [id, next] = word(&config, at.into());
            found.push(id);
            at = next;
        }
        // Power management, MSI, MSI-X, PCI Express.
        assert_eq!(found, [0x01, 0x05, 0x11, 0x10]);
    }

    #[test]
    fn a_bar_tells_its_size_by_the_bits_that_stay_zero() {
        let mut config = ConfigSpace::new();
        for (at, bytes) in [(0x10, 0x2_0000), (0x20, 0x4000), (0x18, 0)] {
            assert!(!config.write(at, &[0xFF; 8]));
            let bar = u64::from_le_bytes(word(&config, at));
            assert_eq!((bar & !0xF).wrapping_neg(), bytes, "{at:#x}");
        }
    }

    #[test]
    fn what_is_fixed_stays_and_what_lies_outside_is_nothing() {
        let mut config = ConfigSpace::new();
        config.write(0, &[0xFF; 4]);
        assert_eq!(word(&config, 0), [0x86, 0x80, 0xF7, 0x10]);
        config.write(BYTES - 1, &[1, 2, 3]);
        assert_eq!(word(&config, BYTES - 1), [0, 0, 0]);
        assert!(!config.is_bus_master());
        config.write(COMMAND, &[0x06]);
        assert!(config.is_bus_master());
    }

    #[test]
    fn a_function_level_reset_is_a_bit_that_reads_as_zero() {
        let mut config = ConfigSpace::new();
        assert!(config.write(EXPRESS + 8, &[0x10, 0xA8]));
        assert_eq!(word(&config, EXPRESS + 8), [0x10, 0x28]);
        assert!(!config.write(EXPRESS + 8, &[0x10, 0x28]));
        assert!(config.write(DEVICE_CONTROL_HIGH, &[0x80]));
    }
}

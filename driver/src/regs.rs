//! Registers of the 82599 in BAR 0, a row each.
//!
//! Names, offsets and long names are those of the Intel 82599 10 GbE
//! Controller Datasheet, section 8.2; the bits that the driver uses stand
//! below their register. All registers are 32 bits wide, little-endian.

/// What an access to a register does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads back what was written.
    ReadWrite,
    /// A write has no effect and is a mistake of the driver.
    ReadOnly,
    /// Reads as zero.
    WriteOnly,
    /// A read returns the value and clears it.
    ReadClear,
    /// Some bits clear themselves once the device has acted on them.
    SelfClearing,
}

/// A run of equally spaced registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bank {
    /// Index of the first register in this bank.
    first: u16,
    /// Number of registers.
    count: u16,
    /// Offset of the first one in BAR 0, in bytes.
    base: u32,
    /// Distance between two of them, in bytes.
    stride: u32,
}

/// A register, or an array of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// The datasheet's mnemonic.
    pub name: &'static str,
    /// The datasheet's long name.
    pub title: &'static str,
    /// What an access does.
    pub access: Access,
    /// Where it lies. Private, so that every row, and with it every
    /// [`Offset`], comes from the table below.
    banks: &'static [Bank],
}

/// The offset of one register in BAR 0, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(u32);

impl Offset {
    /// The offset in bytes.
    #[inline(always)]
    pub const fn bytes(self) -> u32 {
        self.0
    }
}

impl Register {
    /// The first, or only, register of the row.
    pub const fn offset(&self) -> Offset {
        self.at(0)
    }

    /// The register with index `n`.
    ///
    /// # Panics
    ///
    /// When the row has no such index.
    pub const fn at(&self, n: u16) -> Offset {
        let mut i = 0;
        while i < self.banks.len() {
            let bank = &self.banks[i];
            if n >= bank.first && n - bank.first < bank.count {
                let step = (n - bank.first) as u32;
                return Offset(bank.base + step * bank.stride);
            }
            i += 1;
        }
        panic!("register index out of range")
    }

    /// Number of registers in the row; their indices start at 0.
    pub fn count(&self) -> u16 {
        self.banks.iter().map(|bank| bank.count).sum()
    }

    /// The index of the register at `offset`, when the row has one there.
    pub fn index_of(&self, offset: u32) -> Option<u16> {
        self.banks.iter().find_map(|bank| {
            let step = offset.checked_sub(bank.base)?;
            let n = u16::try_from(step / bank.stride.max(1)).ok()?;
            let hit = n < bank.count && n as u32 * bank.stride == step;
            hit.then_some(bank.first + n)
        })
    }
}

const fn bank(first: u16, count: u16, base: u32, stride: u32) -> Bank {
    Bank { first, count, base, stride }
}

/// Queues of each direction that the 82599 has.
pub const QUEUES: u16 = 128;

/// Highest offset of a register below, plus one register.
pub const BAR0_MIN_BYTES: usize = 0x124A4;

/// Bytes of BAR 0 on a card.
pub const BAR0_BYTES: usize = 0x20000;

macro_rules! registers {
    ($($name:ident $access:ident [$($bank:expr),+] $title:literal;)+) => {
        $(
            #[doc = concat!($title, ".")]
            pub const $name: Register = Register {
                name: stringify!($name),
                title: $title,
                access: Access::$access,
                banks: &[$($bank),+],
            };
        )+

        /// Every register of this page, in the datasheet's groups.
        pub const ALL: &[Register] = &[$($name),+];
    };
}

registers! {
    // 8.2.3.1 General control
    CTRL SelfClearing [bank(0, 1, 0x00000, 4)] "Device Control";
    STATUS ReadOnly [bank(0, 1, 0x00008, 4)] "Device Status";
    CTRL_EXT ReadWrite [bank(0, 1, 0x00018, 4)] "Extended Device Control";
    LEDCTL ReadWrite [bank(0, 1, 0x00200, 4)] "LED Control";

    // 8.2.3.2 EEPROM
    EEC ReadWrite [bank(0, 1, 0x10010, 4)] "EEPROM/Flash Control";
    EERD SelfClearing [bank(0, 1, 0x10014, 4)] "EEPROM Read";

    // 8.2.3.4 PCIe
    SWSM ReadWrite [bank(0, 1, 0x10140, 4)] "Software Semaphore";
    FWSM ReadOnly [bank(0, 1, 0x10148, 4)] "Firmware Semaphore";
    SW_FW_SYNC ReadWrite [bank(0, 1, 0x10160, 4)]
        "Software-Firmware Synchronization";

    // 8.2.3.5 Interrupts. Those whose name ends in _EX have a bit for each
    // of 64 vectors; the datasheet numbers them EICS[1], EICS[2] and so on.
    EICR ReadClear [bank(0, 1, 0x00800, 4)]
        "Extended Interrupt Cause Read";
    EICS WriteOnly [bank(0, 1, 0x00808, 4)]
        "Extended Interrupt Cause Set";
    EIMS ReadWrite [bank(0, 1, 0x00880, 4)]
        "Extended Interrupt Mask Set/Read";
    EIMC WriteOnly [bank(0, 1, 0x00888, 4)]
        "Extended Interrupt Mask Clear";
    EIAC ReadWrite [bank(0, 1, 0x00810, 4)]
        "Extended Interrupt Auto Clear";
    EIAM ReadWrite [bank(0, 1, 0x00890, 4)]
        "Extended Interrupt Auto Mask Enable";
    EICS_EX WriteOnly [bank(0, 2, 0x00A90, 4)]
        "Extended Interrupt Cause Set of Vectors";
    EIMS_EX ReadWrite [bank(0, 2, 0x00AA0, 4)]
        "Extended Interrupt Mask Set/Read of Vectors";
    EIMC_EX WriteOnly [bank(0, 2, 0x00AB0, 4)]
        "Extended Interrupt Mask Clear of Vectors";
    EIAM_EX ReadWrite [bank(0, 2, 0x00AD0, 4)]
        "Extended Interrupt Auto Mask Enable of Vectors";
    EITR ReadWrite [bank(0, 24, 0x00820, 4), bank(24, 105, 0x12300, 4)]
        "Extended Interrupt Throttle";
    IVAR ReadWrite [bank(0, 64, 0x00900, 4)]
        "Interrupt Vector Allocation";
    IVAR_MISC ReadWrite [bank(0, 1, 0x00A00, 4)]
        "Miscellaneous Interrupt Vector Allocation";
    GPIE ReadWrite [bank(0, 1, 0x00898, 4)]
        "General Purpose Interrupt Enable";

    // 8.2.3.7 Receive
    FCTRL ReadWrite [bank(0, 1, 0x05080, 4)] "Filter Control";
    RXCSUM ReadWrite [bank(0, 1, 0x05000, 4)] "Receive Checksum Control";
    RAL ReadWrite [bank(0, 16, 0x05400, 8), bank(16, 112, 0x0A280, 8)]
        "Receive Address Low";
    RAH ReadWrite [bank(0, 16, 0x05404, 8), bank(16, 112, 0x0A284, 8)]
        "Receive Address High";
    MRQC ReadWrite [bank(0, 1, 0x05818, 4)]
        "Multiple Receive Queues Command";
    RSSRK ReadWrite [bank(0, 10, 0x05C80, 4)] "RSS Random Key";
    RETA ReadWrite [bank(0, 32, 0x05C00, 4)] "Redirection Table";

    // 8.2.3.8 Receive DMA
    RDBAL ReadWrite [bank(0, 64, 0x01000, 0x40), bank(64, 64, 0x0D000, 0x40)]
        "Receive Descriptor Base Address Low";
    RDBAH ReadWrite [bank(0, 64, 0x01004, 0x40), bank(64, 64, 0x0D004, 0x40)]
        "Receive Descriptor Base Address High";
    RDLEN ReadWrite [bank(0, 64, 0x01008, 0x40), bank(64, 64, 0x0D008, 0x40)]
        "Receive Descriptor Length";
    RDH ReadWrite [bank(0, 64, 0x01010, 0x40), bank(64, 64, 0x0D010, 0x40)]
        "Receive Descriptor Head";
    RDT ReadWrite [bank(0, 64, 0x01018, 0x40), bank(64, 64, 0x0D018, 0x40)]
        "Receive Descriptor Tail";
    RXDCTL ReadWrite [bank(0, 64, 0x01028, 0x40), bank(64, 64, 0x0D028, 0x40)]
        "Receive Descriptor Control";
    SRRCTL ReadWrite [
        bank(0, 16, 0x02100, 4),
        bank(16, 48, 0x01414, 0x40),
        bank(64, 64, 0x0D014, 0x40)
    ] "Split Receive Control";
    RDRXCTL ReadWrite [bank(0, 1, 0x02F00, 4)] "Receive DMA Control";
    RXCTRL ReadWrite [bank(0, 1, 0x03000, 4)] "Receive Control";
    RXPBSIZE ReadWrite [bank(0, 8, 0x03C00, 4)]
        "Receive Packet Buffer Size";

    // 8.2.3.9 Transmit
    DTXMXSZRQ ReadWrite [bank(0, 1, 0x08100, 4)]
        "DMA Tx Map Allow Size Requests";
    DMATXCTL ReadWrite [bank(0, 1, 0x04A80, 4)] "DMA Tx Control";
    TDBAL ReadWrite [bank(0, 128, 0x06000, 0x40)]
        "Transmit Descriptor Base Address Low";
    TDBAH ReadWrite [bank(0, 128, 0x06004, 0x40)]
        "Transmit Descriptor Base Address High";
    TDLEN ReadWrite [bank(0, 128, 0x06008, 0x40)]
        "Transmit Descriptor Length";
    TDH ReadWrite [bank(0, 128, 0x06010, 0x40)] "Transmit Descriptor Head";
    TDT ReadWrite [bank(0, 128, 0x06018, 0x40)] "Transmit Descriptor Tail";
    TXDCTL ReadWrite [bank(0, 128, 0x06028, 0x40)]
        "Transmit Descriptor Control";
    RTTDCS ReadWrite [bank(0, 1, 0x04900, 4)]
        "DCB Transmit Descriptor Plane Control and Status";
    TXPBSIZE ReadWrite [bank(0, 8, 0x0CC00, 4)]
        "Transmit Packet Buffer Size";

    // 8.2.3.12 Security
    SECTXSTAT ReadOnly [bank(0, 1, 0x08804, 4)] "Security Tx Status";
    SECRXSTAT ReadOnly [bank(0, 1, 0x08D04, 4)] "Security Rx Status";

    // 8.2.3.11 Direct cache access
    DCA_RXCTRL ReadWrite [
        bank(0, 16, 0x02200, 4),
        bank(16, 48, 0x0140C, 0x40),
        bank(64, 64, 0x0D00C, 0x40)
    ] "Rx DCA Control";

    // 8.2.3.22 MAC
    HLREG0 ReadWrite [bank(0, 1, 0x04240, 4)] "Highlander Control 0";
    MSCA SelfClearing [bank(0, 1, 0x0425C, 4)]
        "MDI Single Command and Address";
    MSRWD ReadWrite [bank(0, 1, 0x04260, 4)]
        "MDI Single Read and Write Data";
    AUTOC SelfClearing [bank(0, 1, 0x042A0, 4)] "Auto-Negotiation Control";
    LINKS ReadOnly [bank(0, 1, 0x042A4, 4)] "Link Status";
    ANLP1 ReadOnly [bank(0, 1, 0x042B0, 4)]
        "Auto-Negotiation Link Partner Link Control Word 1";

    // 8.2.3.23 Statistics
    GPRC ReadClear [bank(0, 1, 0x04074, 4)] "Good Packets Received Count";
    GPTC ReadClear [bank(0, 1, 0x04080, 4)] "Good Packets Transmitted Count";
    GORCL ReadClear [bank(0, 1, 0x04088, 4)]
        "Good Octets Received Count Low";
    GORCH ReadClear [bank(0, 1, 0x0408C, 4)]
        "Good Octets Received Count High";
    GOTCL ReadClear [bank(0, 1, 0x04090, 4)]
        "Good Octets Transmitted Count Low";
    GOTCH ReadClear [bank(0, 1, 0x04094, 4)]
        "Good Octets Transmitted Count High";
    MPC ReadClear [bank(0, 8, 0x03FA0, 4)] "Missed Packets Count";
    QPRC ReadClear [bank(0, 16, 0x01030, 0x40)]
        "Queue Packets Received Count";
    QPRDC ReadClear [bank(0, 16, 0x01430, 0x40)]
        "Queue Packets Received Drop Count";
    QPTC ReadClear [bank(0, 16, 0x06030, 0x40)]
        "Queue Packets Transmitted Count";
}

/// Bits of [`CTRL`].
pub mod ctrl {
    /// Link reset.
    pub const LRST: u32 = 1 << 3;
    /// Device reset.
    pub const RST: u32 = 1 << 26;
}

/// Bits of [`CTRL_EXT`].
pub mod ctrl_ext {
    /// No snoop disable.
    pub const NS_DIS: u32 = 1 << 16;
}

/// Bits of [`EEC`].
pub mod eec {
    /// EEPROM present.
    pub const PRES: u32 = 1 << 8;
    /// Auto-read done.
    pub const ARD: u32 = 1 << 9;
    /// EEPROM size: 64 words times two to the power of this field.
    pub const SIZE: u32 = 0b1111 << 11;
    /// The same: 4096 words.
    pub const SIZE_4096: u32 = 6 << 11;
}

/// Bits of [`EERD`].
pub mod eerd {
    /// Start read.
    pub const START: u32 = 1;
    /// Read done.
    pub const DONE: u32 = 1 << 1;
    /// Address of a word.
    pub const ADDR: u32 = 0x3FFF << ADDR_SHIFT;
    /// Position of the address.
    pub const ADDR_SHIFT: u32 = 2;
    /// Position of the word that was read.
    pub const DATA_SHIFT: u32 = 16;
}

/// Bits of [`SWSM`].
pub mod swsm {
    /// Semaphore bit, which a read sets.
    pub const SMBI: u32 = 1;
    /// Software EEPROM semaphore bit.
    pub const SWESMBI: u32 = 1 << 1;
}

/// Bits of [`FWSM`].
pub mod fwsm {
    /// Firmware valid.
    pub const FW_VALID: u32 = 1 << 15;
}

/// Bits of [`EICR`], [`EICS`], [`EIMS`], [`EIMC`] and [`EIAM`].
pub mod eicr {
    /// Receive and transmit queues.
    pub const RTXQ: u32 = 0xFFFF;
    /// Link status change.
    pub const LSC: u32 = 1 << 20;
}

/// Bits of [`EITR`].
pub mod eitr {
    /// Shortest time between two interrupts, in units of 2 us.
    pub const INTERVAL: u32 = 0x1FF << 3;
    /// Position of that time.
    pub const INTERVAL_SHIFT: u32 = 3;
}

/// Fields of [`IVAR`] and [`IVAR_MISC`], a byte per cause.
pub mod ivar {
    /// The vector, or with one vector the bit of EICR.
    pub const ALLOC: u32 = 0x3F;
    /// The field is valid.
    pub const VALID: u32 = 1 << 7;
}

/// Bits of [`GPIE`].
pub mod gpie {
    /// Several MSI-X vectors.
    pub const MULTIPLE_MSIX: u32 = 1 << 4;
    /// Other causes are not cleared when EICR is read.
    pub const OCD: u32 = 1 << 5;
    /// A message of a vector masks it, by EIAM.
    pub const EIAME: u32 = 1 << 30;
    /// The pending bits of MSI-X are kept.
    pub const PBA_SUPPORT: u32 = 1 << 31;
}

/// Bits of [`FCTRL`].
pub mod fctrl {
    /// Multicast promiscuous enable.
    pub const MPE: u32 = 1 << 8;
    /// Unicast promiscuous enable.
    pub const UPE: u32 = 1 << 9;
    /// Broadcast accept mode.
    pub const BAM: u32 = 1 << 10;
}

/// Bits of [`RXCSUM`].
pub mod rxcsum {
    /// RSS/fragment checksum status selection: descriptors report the hash.
    pub const PCSD: u32 = 1 << 13;
}

/// Bits of [`MRQC`].
pub mod mrqc {
    /// Multiple receive queues enable.
    pub const MRQE: u32 = 0b1111;
    /// The same: RSS alone.
    pub const RSS: u32 = 0b0001;
    /// RSS field enable: IPv4, by addresses.
    pub const IPV4: u32 = 1 << 17;
    /// RSS field enable: UDP over IPv4, by addresses and ports.
    pub const UDP_IPV4: u32 = 1 << 22;
}

/// Bits of [`RAH`].
pub mod rah {
    /// Address valid.
    pub const AV: u32 = 1 << 31;
}

/// Bits of [`SRRCTL`].
pub mod srrctl {
    /// Receive buffer size for packet buffer, in KiB.
    pub const BSIZEPACKET: u32 = 0x1F;
    /// Descriptor type.
    pub const DESCTYPE: u32 = 0b111 << 25;
    /// Advanced descriptor, one buffer.
    pub const DESCTYPE_ADV_ONE_BUFFER: u32 = 0b001 << 25;
    /// Drop when no descriptor is there.
    pub const DROP_EN: u32 = 1 << 28;
}

/// Bits of [`RDRXCTL`].
pub mod rdrxctl {
    /// Rx CRC strip.
    pub const CRC_STRIP: u32 = 1 << 1;
    /// DMA initialisation done.
    pub const DMAIDONE: u32 = 1 << 3;
}

/// Bits of [`RXCTRL`].
pub mod rxctrl {
    /// Receive enable.
    pub const RXEN: u32 = 1;
}

/// Bits of [`RXDCTL`].
pub mod rxdctl {
    /// Receive queue enable.
    pub const ENABLE: u32 = 1 << 25;
}

/// Bits of [`DCA_RXCTRL`].
pub mod dca_rxctrl {
    /// A bit that software has to clear (datasheet 8.2.3.11.1).
    pub const CLEAR: u32 = 1 << 12;
}

/// Bits of [`RTTDCS`].
pub mod rttdcs {
    /// DCB arbiters disable.
    pub const ARBDIS: u32 = 1 << 6;
}

/// Bits of [`DMATXCTL`].
pub mod dmatxctl {
    /// Transmit enable.
    pub const TE: u32 = 1;
}

/// Bits of [`TXDCTL`].
pub mod txdctl {
    /// Prefetch, host and write-back thresholds.
    pub const THRESHOLDS: u32 = 0x007F_7F7F;
    /// Prefetch 36, host 8, write-back 4.
    pub const THRESHOLDS_36_8_4: u32 = 36 | 8 << 8 | 4 << 16;
    /// Transmit queue enable.
    pub const ENABLE: u32 = 1 << 25;
}

/// Bits of [`SECTXSTAT`].
pub mod sectxstat {
    /// Security block ready.
    pub const READY: u32 = 1;
}

/// Bits of [`SECRXSTAT`].
pub mod secrxstat {
    /// Security block ready.
    pub const READY: u32 = 1;
}

/// Bits of [`HLREG0`].
pub mod hlreg0 {
    /// Tx CRC enable.
    pub const TXCRCEN: u32 = 1;
    /// Rx CRC strip.
    pub const RXCRCSTRP: u32 = 1 << 1;
    /// Tx pad frame enable.
    pub const TXPADEN: u32 = 1 << 10;
}

/// Bits of [`AUTOC`].
pub mod autoc {
    /// 10 GbE PMA/PMD.
    pub const PMA_PMD_10G: u32 = 0b11 << 7;
    /// Restart auto-negotiation.
    pub const RESTART_AN: u32 = 1 << 12;
    /// Link mode select.
    pub const LMS: u32 = 0b111 << 13;
    /// 10 GbE serial link.
    pub const LMS_10G_SFI: u32 = 0b011 << 13;
}

/// Bits of [`MSCA`].
pub mod msca {
    /// MDI command, until it is done.
    pub const MDICMD: u32 = 1 << 30;
}

/// Bits of [`MSRWD`].
pub mod msrwd {
    /// What was read: no PHY answers.
    pub const NOTHING: u32 = 0xFFFF << 16;
}

/// Bits of [`ANLP1`].
pub mod anlp1 {
    /// State of the negotiation; zero until one has begun.
    pub const ANAS: u32 = 0xF << 16;
}

/// Bits of [`LINKS`].
pub mod links {
    /// Link speed.
    pub const SPEED: u32 = 0b11 << 28;
    /// 100 Mbit/s.
    pub const SPEED_100M: u32 = 0b01 << 28;
    /// 1 Gbit/s.
    pub const SPEED_1G: u32 = 0b10 << 28;
    /// 10 Gbit/s.
    pub const SPEED_10G: u32 = 0b11 << 28;
    /// Link up.
    pub const UP: u32 = 1 << 30;
    /// Auto-negotiation completed.
    pub const AN_COMPLETED: u32 = 1 << 31;
}

/// The row and index of the register at an offset, for messages and logs.
pub fn find(offset: u32) -> Option<(&'static Register, u16)> {
    ALL.iter().find_map(|row| Some((row, row.index_of(offset)?)))
}

/// The name of the register at an offset, such as `RDT[0]`.
pub fn name(offset: u32) -> String {
    match find(offset) {
        Some((row, _)) if row.count() == 1 => row.name.to_owned(),
        Some((row, n)) => format!("{}[{n}]", row.name),
        None => format!("{offset:#07x}"),
    }
}

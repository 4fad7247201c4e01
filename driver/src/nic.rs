//! An 82599, from reset to running queues (datasheet 4.6).

use core::fmt;
use core::time::Duration;

use crate::bar::Bar0;
use crate::barrier;
use crate::desc;
use crate::memory::{Carver, Iova};
use crate::mempool::PktBuf;
use crate::regs::*;
use crate::ring::DescRing;
use crate::rss;
use crate::rx::RxQueue;
use crate::stats::Statistics;
use crate::tx::TxQueue;
use crate::wait::{Timeout, Until, Wait};

/// What brings a port's link up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Media {
    /// An SFP+ module behind a serial link at 10 Gbit/s.
    #[default]
    Sfi,
    /// What the card's EEPROM says: backplanes, CX4, XAUI.
    Stored,
    /// A PHY that firmware looks after: X540, X550 and X552, which have no
    /// AUTOC that software writes.
    Phy,
}

/// What a driver is set up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Receive queues, from 1 to 16; frames are spread over several by flow
    /// ([`rss`]).
    pub rx_queues: u16,
    /// Transmit queues, from 1 to 128.
    pub tx_queues: u16,
    /// Descriptors per ring: a power of two from 64 to 4096.
    pub ring_entries: u16,
    /// Usable bytes of a packet buffer: a power of two from 64 to 4096.
    ///
    /// The device is told whole KiB (SRRCTL.BSIZEPACKET) and splits longer
    /// frames; buffers below 1 KiB are for frames known to be shorter.
    pub buffer_bytes: u16,
    /// Packet buffers in the pool that the ports share.
    pub buffers: u32,
    /// What brings the links up.
    pub media: Media,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rx_queues: 1,
            tx_queues: 1,
            ring_entries: 512,
            buffer_bytes: 2048,
            buffers: 4096,
            media: Media::Sfi,
        }
    }
}

impl Config {
    /// Checks the limits given with the fields.
    pub fn check(&self) -> Result<(), InitError> {
        let sized = |n: u16| n.is_power_of_two() && (64..=4096).contains(&n);
        if !sized(self.ring_entries) {
            return Err(InitError::RingEntries(self.ring_entries));
        }
        if !sized(self.buffer_bytes) {
            return Err(InitError::BufferBytes(self.buffer_bytes));
        }
        if !(1..=rss::QUEUES).contains(&self.rx_queues) {
            return Err(InitError::RxQueues(self.rx_queues));
        }
        if !(1..=QUEUES).contains(&self.tx_queues) {
            return Err(InitError::TxQueues(self.tx_queues));
        }
        Ok(())
    }

    /// Bytes of DMA memory for the rings of one port.
    pub fn ring_bytes(&self) -> usize {
        let queues = usize::from(self.rx_queues) + usize::from(self.tx_queues);
        queues * usize::from(self.ring_entries) * desc::BYTES
    }

    /// Bytes of private memory for the tables of one port.
    pub fn table_bytes(&self) -> usize {
        let entries = usize::from(self.ring_entries);
        let rx = usize::from(self.rx_queues) * size_of::<PktBuf>();
        // A packet in a transmit ring is a buffer and, maybe, a pointer.
        let tx = usize::from(self.tx_queues) * 2 * size_of::<usize>();
        entries * (rx + tx)
    }
}

/// Set-up failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InitError {
    /// A ring size that is no power of two from 64 to 4096.
    RingEntries(u16),
    /// A buffer size that is no power of two from 64 to 4096.
    BufferBytes(u16),
    /// A number of receive queues that is not from 1 to 16.
    RxQueues(u16),
    /// A number of transmit queues that is not from 1 to 128.
    TxQueues(u16),
    /// The pool has fewer buffers than the receive rings have descriptors.
    PoolTooSmall,
    /// The device did not answer.
    Timeout(Timeout),
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RingEntries(n) => write!(
                f,
                "{n} descriptors per ring: must be a power of two from 64 to \
                 4096"
            ),
            Self::BufferBytes(n) => write!(
                f,
                "buffers of {n} bytes: must be a power of two from 64 to 4096"
            ),
            Self::RxQueues(n) => {
                write!(f, "{n} receive queues: must be from 1 to ")?;
                write!(f, "{}", rss::QUEUES)
            }
            Self::TxQueues(n) => {
                write!(f, "{n} transmit queues: must be from 1 to {QUEUES}")
            }
            Self::PoolTooSmall => {
                f.write_str("the pool cannot fill the receive rings")
            }
            Self::Timeout(timeout) => timeout.fmt(f),
        }
    }
}

impl std::error::Error for InitError {}

impl From<Timeout> for InitError {
    fn from(timeout: Timeout) -> Self {
        Self::Timeout(timeout)
    }
}

/// Link speed in Mbit/s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkSpeed(pub u32);

/// A running 82599, with packets that are held as `T` while they are sent.
#[derive(Debug)]
pub struct Nic<'a, B, T = PktBuf> {
    bar: B,
    rx: Vec<RxQueue<'a>>,
    tx: Vec<TxQueue<'a, T>>,
    statistics: Statistics,
}

/// Where the buffers of the receive rings come from, and where the device
/// finds each: [`Mempool::lend`](crate::mempool::Mempool::lend).
pub type Lend<'l> = &'l mut dyn FnMut() -> Option<(PktBuf, Iova)>;

impl<'a, B: Bar0, T: Default> Nic<'a, B, T> {
    /// Resets the device behind `bar` and starts its queues, in the order of
    /// datasheet 4.6.3. Rings come from `dma`, tables from `tables`, receive
    /// buffers from `lend`.
    pub fn open(
        bar: B,
        config: &Config,
        dma: &mut Carver<'a>,
        tables: &mut Carver<'a>,
        lend: Lend<'_>,
        wait: &mut dyn Wait,
    ) -> Result<Self, InitError> {
        let mut nic = Self::down(bar, 0, config, dma, tables)?;
        nic.reset(config.media, wait)?;
        nic.start_link(config.media);
        Statistics::default().read(&nic.bar);
        nic.begin_receive(config.rx_queues);
        nic.set_up_rx_queues(0, config);
        nic.end_receive();
        nic.begin_transmit();
        nic.set_up_tx_queues(0);
        nic.end_transmit();
        nic.start(0, lend, wait)?;
        nic.set_promiscuous(true);
        nic.await_link(wait)?;
        Ok(nic)
    }

    /// Resets the device behind `bar` and sets up all of it but its queues,
    /// which [`attach`](Self::attach) starts. `config` has all of them.
    pub fn bring_up(
        bar: B,
        config: &Config,
        wait: &mut dyn Wait,
    ) -> Result<(), InitError> {
        config.check()?;
        let (rx, tx) = (Vec::new(), Vec::new());
        let statistics = Statistics::default();
        let nic = Self { bar, rx, tx, statistics };
        nic.reset(config.media, wait)?;
        nic.start_link(config.media);
        Statistics::default().read(&nic.bar);
        nic.begin_receive(config.rx_queues);
        nic.end_receive();
        nic.begin_transmit();
        nic.end_transmit();
        nic.set_promiscuous(true);
        nic.await_link(wait)?;
        Ok(())
    }

    /// Starts the queues from number `first` on of a device that was brought
    /// up, as many as `config` says: queues may be started while others run
    /// (datasheet 4.6.7.1 and 4.6.8.1). No register of another queue is
    /// written, so that each thread may start its own.
    pub fn attach(
        bar: B,
        first: u16,
        config: &Config,
        dma: &mut Carver<'a>,
        tables: &mut Carver<'a>,
        lend: Lend<'_>,
        wait: &mut dyn Wait,
    ) -> Result<Self, InitError> {
        let mut nic = Self::down(bar, first, config, dma, tables)?;
        nic.set_up_rx_queues(first, config);
        nic.clear_dca(first);
        nic.set_up_tx_queues(first);
        nic.start(first, lend, wait)?;
        Ok(nic)
    }

    /// Queues that the device knows nothing of.
    fn down(
        bar: B,
        first: u16,
        config: &Config,
        dma: &mut Carver<'a>,
        tables: &mut Carver<'a>,
    ) -> Result<Self, InitError> {
        config.check()?;
        let (rx, tx) = queues(first, config, dma, tables);
        let statistics = Statistics::default();
        Ok(Self { bar, rx, tx, statistics })
    }

    /// Starts all queues, of which the first of either direction has number
    /// `first`.
    fn start(
        &mut self,
        first: u16,
        lend: Lend<'_>,
        wait: &mut dyn Wait,
    ) -> Result<(), InitError> {
        for n in 0..self.rx.len() {
            self.start_rx(first, n, lend, wait)?;
        }
        for n in 0..self.tx.len() {
            self.start_tx(first + n as u16, wait)?;
        }
        Ok(())
    }

    /// The registers.
    pub fn bar(&self) -> &B {
        &self.bar
    }

    /// The registers, receive queues and transmit queues.
    pub fn into_parts(self) -> (B, Vec<RxQueue<'a>>, Vec<TxQueue<'a, T>>) {
        (self.bar, self.rx, self.tx)
    }

    /// The registers and receive queue `n` of those that are this one's.
    #[inline(always)]
    pub fn rx(&mut self, n: usize) -> (&B, &mut RxQueue<'a>) {
        (&self.bar, &mut self.rx[n])
    }

    /// The registers and transmit queue `n` of those that are this one's.
    #[inline(always)]
    pub fn tx(&mut self, n: usize) -> (&B, &mut TxQueue<'a, T>) {
        (&self.bar, &mut self.tx[n])
    }

    /// The receive queues.
    pub fn rx_queues(&self) -> &[RxQueue<'a>] {
        &self.rx
    }

    /// The transmit queues.
    pub fn tx_queues(&self) -> &[TxQueue<'a, T>] {
        &self.tx
    }

    /// Global reset, EEPROM and DMA ready (datasheet 4.6.3.1 and 4.6.3.2).
    fn reset(&self, media: Media, wait: &mut dyn Wait) -> Result<(), Timeout> {
        let bar = &self.bar;
        self.disable_interrupts();
        // The datasheet asks for 10 ms after a reset (4.6.3.2). Linux's
        // ixgbe waits for 100 ms on cards with a PHY, and leaves their link
        // alone.
        let (bits, pause) = match media {
            Media::Sfi | Media::Stored => (ctrl::RST | ctrl::LRST, 10),
            Media::Phy => (ctrl::RST, 100),
        };
        bar.write32(CTRL.offset(), bits);
        poll(bar, wait, CTRL.offset(), bits, 0)?;
        wait.wait(Duration::from_millis(pause));
        self.disable_interrupts();
        poll(bar, wait, EEC.offset(), eec::ARD, eec::ARD)?;
        let done = rdrxctl::DMAIDONE;
        poll(bar, wait, RDRXCTL.offset(), done, done)?;
        Ok(())
    }

    fn disable_interrupts(&self) {
        self.bar.write32(EIMS.offset(), 0);
        self.bar.write32(EIMC.offset(), u32::MAX);
        self.bar.read32(EICR.offset());
    }

    /// Negotiates the link (datasheet 4.6.4.2).
    fn start_link(&self, media: Media) {
        let bar = &self.bar;
        let autoc = AUTOC.offset();
        if media == Media::Sfi {
            let mode = bar.read32(autoc) & !autoc::LMS;
            bar.write32(autoc, mode | autoc::LMS_10G_SFI);
            bar.clear_bits(autoc, autoc::PMA_PMD_10G);
        }
        if media != Media::Phy {
            bar.set_bits(autoc, autoc::RESTART_AN);
        }
    }

    /// Datasheet 4.6.7, up to the queues; frames are to be spread over
    /// `queues` of them.
    fn begin_receive(&self, queues: u16) {
        let bar = &self.bar;
        bar.clear_bits(RXCTRL.offset(), rxctrl::RXEN);
        bar.write32(RXPBSIZE.at(0), 0x0002_0000);
        for i in 1..8 {
            bar.write32(RXPBSIZE.at(i), 0);
        }
        bar.set_bits(HLREG0.offset(), hlreg0::RXCRCSTRP);
        bar.set_bits(RDRXCTL.offset(), rdrxctl::CRC_STRIP);
        bar.set_bits(FCTRL.offset(), fctrl::BAM);
        if queues > 1 {
            rss::program(bar, queues);
        }
    }

    fn set_up_rx_queues(&self, first: u16, config: &Config) {
        let bar = &self.bar;
        for (n, queue) in (first..).zip(&self.rx) {
            let kib = u32::from(config.buffer_bytes.div_ceil(1024));
            let fields = srrctl::DESCTYPE | srrctl::BSIZEPACKET;
            let old = bar.read32(SRRCTL.at(n)) & !fields;
            let one_buffer = srrctl::DESCTYPE_ADV_ONE_BUFFER;
            bar.write32(SRRCTL.at(n), old | one_buffer | kib);
            bar.set_bits(SRRCTL.at(n), srrctl::DROP_EN);
            let ring = queue.ring();
            bar.write32(RDBAL.at(n), ring.iova().low());
            bar.write32(RDBAH.at(n), ring.iova().high());
            bar.write32(RDLEN.at(n), ring.bytes());
            bar.write32(RDH.at(n), 0);
            bar.write32(RDT.at(n), 0);
        }
    }

    /// Datasheet 4.6.7, from the queues on.
    fn end_receive(&self) {
        let bar = &self.bar;
        bar.set_bits(CTRL_EXT.offset(), ctrl_ext::NS_DIS);
        self.clear_dca(0);
        bar.set_bits(RXCTRL.offset(), rxctrl::RXEN);
    }

    fn clear_dca(&self, first: u16) {
        for (n, _) in (first..).zip(&self.rx) {
            self.bar.clear_bits(DCA_RXCTRL.at(n), dca_rxctrl::CLEAR);
        }
    }

    /// Datasheet 4.6.8, up to the queues.
    fn begin_transmit(&self) {
        let bar = &self.bar;
        bar.set_bits(HLREG0.offset(), hlreg0::TXCRCEN | hlreg0::TXPADEN);
        bar.write32(TXPBSIZE.at(0), 0x0000_A000);
        for i in 1..8 {
            bar.write32(TXPBSIZE.at(i), 0);
        }
        bar.write32(DTXMXSZRQ.offset(), 0xFFFF);
        bar.clear_bits(RTTDCS.offset(), rttdcs::ARBDIS);
    }

    fn set_up_tx_queues(&self, first: u16) {
        let bar = &self.bar;
        for (n, queue) in (first..).zip(&self.tx) {
            let ring = queue.ring();
            bar.write32(TDBAL.at(n), ring.iova().low());
            bar.write32(TDBAH.at(n), ring.iova().high());
            bar.write32(TDLEN.at(n), ring.bytes());
            let old = bar.read32(TXDCTL.at(n)) & !txdctl::THRESHOLDS;
            bar.write32(TXDCTL.at(n), old | txdctl::THRESHOLDS_36_8_4);
        }
    }

    fn end_transmit(&self) {
        self.bar.write32(DMATXCTL.offset(), dmatxctl::TE);
    }

    fn start_rx(
        &mut self,
        first: u16,
        n: usize,
        lend: Lend<'_>,
        wait: &mut dyn Wait,
    ) -> Result<(), InitError> {
        let queue = &mut self.rx[n];
        queue.fill(lend).ok_or(InitError::PoolTooSmall)?;
        let last = queue.ring().entries() - 1;
        let (bar, n) = (&self.bar, first + n as u16);
        bar.set_bits(RXDCTL.at(n), rxdctl::ENABLE);
        poll(bar, wait, RXDCTL.at(n), rxdctl::ENABLE, rxdctl::ENABLE)?;
        bar.write32(RDH.at(n), 0);
        barrier::before_doorbell();
        bar.write32(RDT.at(n), last.into());
        Ok(())
    }

    fn start_tx(&self, n: u16, wait: &mut dyn Wait) -> Result<(), Timeout> {
        let bar = &self.bar;
        bar.write32(TDH.at(n), 0);
        bar.write32(TDT.at(n), 0);
        bar.set_bits(TXDCTL.at(n), txdctl::ENABLE);
        poll(bar, wait, TXDCTL.at(n), txdctl::ENABLE, txdctl::ENABLE)?;
        Ok(())
    }

    /// Waits up to 10 s for the link, as the published drivers do.
    fn await_link(&self, wait: &mut dyn Wait) -> Result<(), Timeout> {
        let up = Until {
            register: LINKS.offset(),
            mask: links::UP,
            awaited: links::UP,
            interval: Duration::from_millis(100),
            attempts: 100,
        };
        up.poll(&self.bar, wait).map(drop)
    }

    /// Receives frames for every address, or only for the port's own.
    pub fn set_promiscuous(&self, on: bool) {
        let bits = fctrl::MPE | fctrl::UPE;
        if on {
            self.bar.set_bits(FCTRL.offset(), bits);
        } else {
            self.bar.clear_bits(FCTRL.offset(), bits);
        }
    }

    /// The port's address, from RAL(0) and RAH(0).
    pub fn mac_address(&self) -> [u8; 6] {
        let low = self.bar.read32(RAL.at(0)).to_le_bytes();
        let high = self.bar.read32(RAH.at(0)).to_le_bytes();
        [low[0], low[1], low[2], low[3], high[0], high[1]]
    }

    /// Gives the port another address.
    pub fn set_mac_address(&self, mac: [u8; 6]) {
        let low = u32::from_le_bytes([mac[0], mac[1], mac[2], mac[3]]);
        let high = u32::from_le_bytes([mac[4], mac[5], 0, 0]);
        self.bar.write32(RAL.at(0), low);
        self.bar.write32(RAH.at(0), high | rah::AV);
    }

    /// The speed of the link, `None` when it is down.
    pub fn link_speed(&self) -> Option<LinkSpeed> {
        let links = self.bar.read32(LINKS.offset());
        if links & links::UP == 0 {
            return None;
        }
        match links & links::SPEED {
            links::SPEED_100M => Some(LinkSpeed(100)),
            links::SPEED_1G => Some(LinkSpeed(1_000)),
            links::SPEED_10G => Some(LinkSpeed(10_000)),
            _ => None,
        }
    }

    /// What the device has counted since it was opened.
    pub fn statistics(&mut self) -> Statistics {
        self.statistics.read(&self.bar);
        self.statistics
    }
}

/// Switches queue `n` of both directions off, so that it can be set up anew
/// on other memory (datasheet 4.6.7.1.2 and 4.6.8.1.1).
///
/// # Errors
///
/// When the device does not stop.
pub fn stop_queue<B: Bar0>(
    bar: &B,
    n: u16,
    wait: &mut dyn Wait,
) -> Result<(), Timeout> {
    bar.clear_bits(RXDCTL.at(n), rxdctl::ENABLE);
    poll(bar, wait, RXDCTL.at(n), rxdctl::ENABLE, 0)?;
    // What is on the ring is sent, and what has begun to be received comes to
    // its end: 512 of the longest frames take 0.6 ms.
    wait.wait(Duration::from_millis(1));
    bar.clear_bits(TXDCTL.at(n), txdctl::ENABLE);
    poll(bar, wait, TXDCTL.at(n), txdctl::ENABLE, 0)?;
    // A device that polls its registers has looked by then.
    wait.wait(Duration::from_millis(2));
    Ok(())
}

/// Resets a device that nobody drives any more, so that it leaves memory
/// alone (datasheet 8.2.3.1.1). One that does not answer is given up.
pub fn silence<B: Bar0>(bar: &B, wait: &mut dyn Wait) {
    bar.write32(EIMC.offset(), u32::MAX);
    bar.clear_bits(RXCTRL.offset(), rxctrl::RXEN);
    bar.write32(DMATXCTL.offset(), 0);
    let bits = ctrl::RST | ctrl::LRST;
    bar.write32(CTRL.offset(), bits);
    let _ = poll(bar, wait, CTRL.offset(), bits, 0);
}

fn queues<'a, T: Default>(
    first: u16,
    config: &Config,
    dma: &mut Carver<'a>,
    tables: &mut Carver<'a>,
) -> (Vec<RxQueue<'a>>, Vec<TxQueue<'a, T>>) {
    let entries = usize::from(config.ring_entries);
    let bytes = entries * desc::BYTES;
    let rx = (0..config.rx_queues)
        .map(|n| {
            let ring = DescRing::new(dma.take(bytes, 128));
            RxQueue::new(first + n, ring, tables.table(entries))
        })
        .collect();
    let tx = (0..config.tx_queues)
        .map(|n| {
            let ring = DescRing::new(dma.take(bytes, 128));
            TxQueue::new(first + n, ring, tables.table(entries))
        })
        .collect();
    (rx, tx)
}

/// Polls every 10 ms for at most a second.
fn poll<B: Bar0>(
    bar: &B,
    wait: &mut dyn Wait,
    register: Offset,
    mask: u32,
    awaited: u32,
) -> Result<u32, Timeout> {
    let interval = Duration::from_millis(10);
    let until = Until { register, mask, awaited, interval, attempts: 100 };
    until.poll(bar, wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut Config)) -> Option<String> {
        let mut config = Config::default();
        change(&mut config);
        config.check().err().map(|error| error.to_string())
    }

    #[test]
    fn powers_of_two_from_64_to_4096_are_sizes() {
        for n in (6..=12).map(|log2| 1 << log2) {
            assert_eq!(refusal(|c| c.ring_entries = n), None);
            assert_eq!(refusal(|c| c.buffer_bytes = n), None);
        }
        for n in [0, 1, 32, 63, 65, 96, 2047, 8192, u16::MAX] {
            let rest = "must be a power of two from 64 to 4096";
            let ring = format!("{n} descriptors per ring: {rest}");
            assert_eq!(refusal(|c| c.ring_entries = n), Some(ring));
            let buffer = format!("buffers of {n} bytes: {rest}");
            assert_eq!(refusal(|c| c.buffer_bytes = n), Some(buffer));
        }
    }

    #[test]
    fn there_are_1_to_16_receive_queues_and_1_to_128_for_transmit() {
        for n in [1, 2, 15, 16] {
            assert_eq!(refusal(|c| c.rx_queues = n), None);
        }
        for n in [1, 2, 127, 128] {
            assert_eq!(refusal(|c| c.tx_queues = n), None);
        }
        for n in [0, 17, 128, u16::MAX] {
            let text = format!("{n} receive queues: must be from 1 to 16");
            assert_eq!(refusal(|c| c.rx_queues = n), Some(text));
        }
        for n in [0, 129, u16::MAX] {
            let text = format!("{n} transmit queues: must be from 1 to 128");
            assert_eq!(refusal(|c| c.tx_queues = n), Some(text));
        }
    }

    #[test]
    fn sizes_follow_from_queues_and_entries() {
        let config = Config {
            rx_queues: 2,
            tx_queues: 3,
            ring_entries: 64,
            ..Config::default()
        };
        assert_eq!(config.ring_bytes(), 5 * 64 * 16);
        assert_eq!(config.table_bytes(), 64 * (2 * 4 + 3 * 16));
    }
}

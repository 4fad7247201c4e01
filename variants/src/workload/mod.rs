//! What is done to the packets.

pub mod classify;
pub mod forward;
pub mod rx;
pub mod split;
pub mod stage;
pub mod tx;

use core::fmt;

use driver::bar::{Bar0, CostedBar, MappedBar};
use driver::memory::Carver;
use driver::nic::{Config, InitError, Lend, Nic};
use driver::policy::PACKET_TYPES;
use driver::wait::Wait;

/// Ports of a workload.
pub const PORTS: usize = 2;

/// What is done to the packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Workload {
    /// Received, incremented by a byte, sent.
    #[default]
    Forward,
    /// Received, incremented by a byte, dropped.
    Rx,
    /// Made and sent.
    Tx,
    /// As forwarded, with an action by packet type.
    Classify,
}

impl Workload {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Forward, Self::Rx, Self::Tx, Self::Classify];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Rx => "rx",
            Self::Tx => "tx",
            Self::Classify => "classify",
        }
    }

    /// What it is in half a line.
    pub fn idea(self) -> &'static str {
        match self {
            Self::Forward => "receive, increment one byte, send",
            Self::Rx => "receive, increment one byte, drop",
            Self::Tx => "number ready-made frames, send",
            Self::Classify => "forward, with an action by packet type",
        }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The byte that is incremented, as in the published forwarders.
pub const TOUCHED_BYTE: usize = 48;

/// Increments a byte of a packet, so that it has been in the first cache.
#[inline(always)]
fn touch(packet: &mut [u8]) {
    if let Some(byte) = packet.get_mut(TOUCHED_BYTE) {
        *byte = byte.wrapping_add(1);
    }
}

/// A frame for those workloads that make their own.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// Its bytes, of which 52 to 59 are its number.
    pub bytes: Vec<u8>,
    /// Number of the first frame of each port.
    pub first_sequence: u64,
}

/// Which queues of both ports are a forwarder's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Queues {
    /// All of them; it brings the ports up.
    #[default]
    All,
    /// The one with this number of either direction, on ports that are up
    /// ([`Nic::bring_up`]). Other forwarders have the others.
    One(u16),
}

impl Queues {
    /// Brings a port up, or starts the queue of one that is up.
    pub fn open<'a, B: Bar0, T: Default>(
        self,
        bar: B,
        config: &Config,
        dma: &mut Carver<'a>,
        tables: &mut Carver<'a>,
        lend: Lend<'_>,
        wait: &mut dyn Wait,
    ) -> Result<Nic<'a, B, T>, InitError> {
        match self {
            Self::All => Nic::open(bar, config, dma, tables, lend, wait),
            Self::One(n) => {
                Nic::attach(bar, n, config, dma, tables, lend, wait)
            }
        }
    }
}

/// Where a workload is set up.
pub struct Site<'a, B> {
    /// BAR 0 of each port.
    pub bars: [B; PORTS],
    /// Which of their queues are used.
    pub queues: Queues,
    /// What the driver is set up with: as many queues as are used.
    pub config: Config,
    /// Upper limit of packets per receive call.
    pub batch: u16,
    /// Memory for the driver's own tables.
    pub tables: Carver<'a>,
    /// Memory that the device reaches.
    pub dma: Carver<'a>,
    /// What is sent where nothing is received.
    pub frame: Frame,
}

/// A site behind either kind of mapped registers.
pub enum MappedSite<'a> {
    /// Registers as they are.
    Plain(Site<'a, MappedBar<'a>>),
    /// Registers with a modelled cost.
    Costed(Site<'a, CostedBar<'a>>),
    /// Registers that keep a log, for conformance tests.
    #[cfg(test)]
    Trapped(Site<'a, nic_model::TrappedBar<'a>>),
}

/// Sets a workload up: brings the ports from reset to running queues, or
/// starts its own queue.
pub type Open = for<'a> fn(
    MappedSite<'a>,
    &mut dyn Wait,
) -> Result<Box<dyn Forwarder + 'a>, InitError>;

/// Where the machine code of a forwarder behind plain registers begins: the
/// address of its [`Forwarder::forward`].
pub type Entry = fn() -> *const ();

/// How much a forwarder is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Packets to receive.
    pub packets: u64,
    /// Empty rounds over all ports, one after the other, after which the
    /// device is taken to have no more.
    pub patience: u32,
}

/// A workload on its ports, ready to run.
pub trait Forwarder {
    /// Receives at least `quota.packets` packets and forwards them, or does
    /// what else the workload does; returns how many it received or made.
    fn forward(&mut self, quota: Quota) -> u64;

    /// What it did since it was set up.
    fn counts(&self) -> Counts;

    /// The same port by port, where that is known: what came in at a port,
    /// and what went out there.
    fn port_counts(&self) -> Option<[Counts; PORTS]> {
        None
    }

    /// Frames written back to memory and not yet received.
    fn pending(&self) -> u64;

    /// Sorted indices of the buffers in the pool.
    fn free_buffers(&self) -> Vec<u32>;

    /// What the actions of packet types keep, where there are any.
    fn tallies(&self) -> Option<[u64; PACKET_TYPES]> {
        None
    }
}

/// What a forwarder did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets received.
    pub received: u64,
    /// Packets made instead of received.
    pub generated: u64,
    /// Packets that were received for good, to be sent nowhere.
    pub consumed: u64,
    /// Packets handed to the device.
    pub sent: u64,
    /// Packets dropped for want of room in a transmit ring.
    pub dropped: u64,
    /// Frames that the driver dropped because they span several descriptors.
    pub multi_descriptor: u64,
}

/// Keeps the compiler from merging the entries of two policies whose code it
/// finds alike: an empty line of assembly that names a function, which says
/// the policy's name, for equal functions would be merged as well.
#[inline(always)]
fn unique<T>() {
    #[cfg(all(
        any(target_arch = "x86_64", target_arch = "aarch64"),
        not(miri)
    ))]
    {
        fn name<T>() -> &'static str {
            std::any::type_name::<T>()
        }
        // SAFETY: the assembly is a comment.
        unsafe {
            std::arch::asm!(
                "/* {} */",
                sym name::<T>,
                options(nomem, nostack, preserves_flags)
            );
        }
    }
}

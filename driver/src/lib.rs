//! A driver for Intel's 82599 10 GbE card, generic over questions of style.
//!
//! [`Nic::open`](nic::Nic::open) brings a card, or a model of one, from reset
//! to running queues. [`rx_batch`](rx::rx_batch) and
//! [`tx_batch`](tx::tx_batch) are the hot path, written once over the axis
//! traits of [`policy`]. Nothing here reads a clock, prints or locks, and
//! nothing on the hot path allocates unless a policy does.

#[cfg(target_endian = "big")]
compile_error!("the volatile descriptor words assume a little-endian host");

pub mod bar;
pub mod barrier;
pub mod desc;
pub mod memory;
pub mod mempool;
pub mod nic;
pub mod opaque;
pub mod pass;
pub mod pci;
pub mod physical;
pub mod policy;
pub mod regs;
pub mod ring;
pub mod rss;
pub mod rx;
pub mod stats;
pub mod tx;
pub mod vfio;
pub mod wait;

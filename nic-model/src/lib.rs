//! A software Intel 82599, and the wire behind it.
//!
//! The device's side of what the crate `driver` drives: the same registers,
//! the same descriptors, the other half of every ring. It meets the driver
//! only at BAR 0 and in DMA memory, as the card does.

mod access;
pub mod account;
mod arena;
pub mod arrivals;
pub mod cable;
mod commands;
pub mod dma;
pub mod fault;
pub mod frame;
pub mod generator;
pub mod interrupts;
mod link;
mod model;
mod offload;
mod port;
mod regfile;
mod ring;
mod rss;
mod rx;
mod trapped;
mod tx;
pub mod wire;

pub use account::{Account, Unbalanced};
pub use arena::{Arena, FILE_STEP, Parts, among, table_bytes};
pub use fault::{Faults, Mishaps};
pub use frame::FrameFormat;
pub use model::{Model, Traffic};
pub use port::{Counters, Port};
pub use regfile::RegisterFile;
pub use rss::toeplitz;
pub use rx::RxCounts;
pub use trapped::{Access, Log, SharedModel, TrappedBar};
pub use tx::TxCounts;

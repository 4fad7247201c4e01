//! The variants: one folder per axis, one file per variant, one registry.

pub mod batch;
pub mod bounds;
pub mod buffer;
pub mod c_compiler;
pub mod dispatch;
pub mod floor;
pub mod language;
pub mod meta;
pub mod micro;
pub mod pass;
pub mod persona;
pub mod pool;
pub mod prefetch;
pub mod probe;
pub mod reg;
pub mod registry;
pub mod spread;
pub mod status;
pub mod walk;
pub mod workload;
pub mod writeback;

#[cfg(test)]
mod conformance;

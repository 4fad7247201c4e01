//! The variants: one folder per axis, one file per variant, one registry.

pub mod batch;
pub mod floor;
pub mod reg;
pub mod registry;
pub mod spread;
pub mod status;
pub mod walk;
pub mod workload;

#[cfg(test)]
mod conformance;

//! Measures what one way of writing a driver's hot path costs against
//! another.

pub mod affinity;
pub mod analysis;
pub mod build_info;
pub mod clock;
pub mod environment;
pub mod failure;
pub mod measure;
pub mod plot;
pub mod process;
pub mod results;
pub mod stats;
pub mod table;

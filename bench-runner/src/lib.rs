//! Measures what one way of writing a driver's hot path costs against
//! another.

pub mod affinity;
pub mod analysis;
pub mod build_info;
pub mod cli;
pub mod clock;
pub mod compare;
pub mod counters;
pub mod doctor;
pub mod environment;
pub mod explain;
pub mod failure;
pub mod folder;
pub mod latency;
pub mod layouts;
pub mod list;
pub mod load;
pub mod measure;
pub mod measurement;
pub mod ndr;
pub mod output;
pub mod pair;
pub mod plan;
pub mod plot;
pub mod process;
pub mod quality;
pub mod reanalyse;
pub mod results;
pub mod run;
pub mod stats;
pub mod sweep;
pub mod table;
pub mod tune;
pub mod verdict;
pub mod virtual_time;
pub mod worker;

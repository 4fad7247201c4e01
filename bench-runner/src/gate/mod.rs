//! What watches over performance: programs to check against, and whether
//! another one is slower.

pub mod annotations;
mod apparatus;
pub mod archive;
pub mod baseline;
mod cause;
mod cells;
pub mod check;
mod conclusion;
mod counts;
mod environment;
pub mod junit;
mod links;
pub mod output;
pub mod record;
mod setting;
pub mod summary;
pub mod text;
mod timing;
mod verdict;
pub(crate) mod words;

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a check looks at.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Instructions per packet, counted by callgrind
    #[value(alias = "0")]
    Counts,
    /// Times of both programs, taken in turn
    #[value(alias = "1")]
    Timing,
    /// The baseline's times of today against those that it was saved with
    #[value(alias = "2")]
    Environment,
}

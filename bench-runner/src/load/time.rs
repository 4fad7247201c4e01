//! What time a load is offered in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What time a load is offered in.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Time {
    /// That of a queueing run of measured batches.
    #[default]
    Virtual,
    /// That of the machine's clock, in two threads.
    Wall,
}

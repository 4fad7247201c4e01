//! A line of the history: what one check measured of one commit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;
use crate::gate::record::{CellVerdict, Conclusion};

/// The version of the schema that this program writes.
pub const SCHEMA: u32 = 1;

/// What one check measured of one commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Version of this schema.
    pub schema: u32,
    /// When the check began, RFC 3339, UTC.
    pub measured: String,
    /// The commit that the program was built from, `unknown` outside a
    /// checkout.
    pub commit: String,
    /// Whether the checkout had uncommitted changes.
    pub dirty: bool,
    /// When it was committed, RFC 3339, UTC; absent where git does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed: Option<String>,
    /// The first line of its message, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The machine.
    pub fingerprint: Fingerprint,
    /// Digest of what measures.
    pub apparatus: String,
    /// Digest of the machine code of the reference kernel: ratios to another
    /// one are others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Name of the baseline.
    pub against: String,
    /// What the check said.
    pub verdict: Conclusion,
    /// Whether the machine had moved since the baseline was saved; absent
    /// where nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<bool>,
    /// Cell by cell.
    pub cells: Vec<Point>,
}

/// A variant at a batch size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Name of the variant.
    pub variant: String,
    /// Upper limit of packets per receive call.
    pub batch: u16,
    /// Time per packet over that of a step of the reference kernel; absent
    /// where no time was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// Standard deviation between processes of the ratio's logarithm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<f64>,
    /// Instructions per packet; absent where nothing was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<f64>,
    /// What the check said of it.
    pub verdict: CellVerdict,
}

#[cfg(test)]
mod tests {

    use crate::results::schema;

    #[test]
    fn the_committed_schema_is_the_one_of_these_types() {
        schema::assert_committed::<super::Line>("history-v1.json");
    }
}

//! `trend`: each cell over commits, and where it changed.

use crate::cli::TrendArgs;
use crate::failure::Failure;

/// Shows a history.
pub fn command(_args: &TrendArgs) -> Result<(), Failure> {
    Err(Failure::error("trend is not there yet"))
}

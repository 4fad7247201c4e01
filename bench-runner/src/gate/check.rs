//! `check`: whether this program is slower than a baseline.

use crate::cli::CheckArgs;
use crate::failure::Failure;

/// Checks.
pub fn command(_args: &CheckArgs) -> Result<(), Failure> {
    Err(Failure::error("check is not there yet"))
}

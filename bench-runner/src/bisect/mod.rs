//! `bisect`: which commit made it slower.

use crate::cli::BisectArgs;
use crate::failure::Failure;

/// Looks for the commit.
pub fn command(_args: &BisectArgs) -> Result<(), Failure> {
    Err(Failure::error("bisect is not there yet"))
}

//! `baseline`: programs to check against.

use crate::cli::BaselineArgs;
use crate::failure::Failure;

/// Saves, shows or lists.
pub fn command(_args: &BaselineArgs) -> Result<(), Failure> {
    Err(Failure::error("baseline is not there yet"))
}

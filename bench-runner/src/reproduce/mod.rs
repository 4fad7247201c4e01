//! What others have published, and what of it this program measures.

pub mod published;
pub mod record;
pub mod sheet;

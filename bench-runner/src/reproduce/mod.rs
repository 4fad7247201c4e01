//! Published figures, and what this project has to say about them.

pub mod published;

//! Axis `dispatch`: how is the packet type turned into an action?

mod r#match;

pub use r#match::Match;

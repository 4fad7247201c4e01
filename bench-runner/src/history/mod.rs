//! The history of a program's performance: a line of JSON for each check.

mod line;

pub use line::{Line, Point, SCHEMA};

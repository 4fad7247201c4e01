//! The highest load that a variant forwards without loss, or with little.

mod goal;
mod grid;
mod load;
mod mlrsearch;
mod record;
mod selector;
mod trial;

pub use goal::Goal;
pub use load::Class;
pub use mlrsearch::{End, Found, GoalResult, Limits, Shape, search};
pub use trial::{Tester, Trial};

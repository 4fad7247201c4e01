//! What is offered: rates, patterns, sizes, lengths and shares of loss, as they
//! are typed and named.

mod length;
mod loss;
mod pace;
mod pattern;
mod rate;
mod sizes;
mod time;

pub use length::Length;
pub use loss::share;
pub use pace::PaceArg;
pub use pattern::PatternArg;
pub use rate::Rate;
pub use sizes::SizesArg;
pub use time::Time;

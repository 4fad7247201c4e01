//! Personas: whole policies in the style of known drivers.
//!
//! They show how choices add up. Each is that driver's style in Rust, not the
//! driver.

mod fastest;
mod ixy_c_style;
mod ixy_ml_2019_style;
mod ixy_ml_lists_style;
mod ixy_rs_style;

pub use fastest::Fastest;
pub use ixy_c_style::IxyCStyle;
pub use ixy_ml_2019_style::IxyMl2019Style;
pub use ixy_ml_lists_style::IxyMlListsStyle;
pub use ixy_rs_style::IxyRsStyle;

use driver::policy::Policy;

/// A whole policy.
pub trait Persona: 'static {
    /// Its name.
    const NAME: &'static str;

    /// Its choices in half a line.
    const IDEA: &'static str;

    /// Its choices.
    type Policy: Policy;
}

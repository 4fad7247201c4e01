//! Measures what one way of writing a driver's hot path costs against
//! another.

pub mod results;

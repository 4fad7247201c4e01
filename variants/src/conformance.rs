//! One line per variant: its laws, against the naive reference.

#[macro_export]
#[doc(hidden)]
macro_rules! reg_conformance {
    ($t:ty) => {};
}
#[macro_export]
#[doc(hidden)]
macro_rules! batch_conformance {
    ($t:ty) => {};
}
#[macro_export]
#[doc(hidden)]
macro_rules! status_conformance {
    ($t:ty) => {};
}
#[macro_export]
#[doc(hidden)]
macro_rules! walk_conformance {
    ($t:ty) => {};
}
#[macro_export]
#[doc(hidden)]
macro_rules! spread_conformance {
    ($t:ty) => {};
}

//! What the harness and the memory cost, whatever the style: the rows that
//! the others stand on.

mod lean;
mod null;

pub use lean::Lean;
pub use null::Null;

use driver::bar::MappedBar;
use driver::nic::InitError;
use driver::wait::Wait;

use crate::workload::{Forwarder, MappedSite};

/// Sets [`Null`] up.
pub fn open_null<'a>(
    site: MappedSite<'a>,
    wait: &mut dyn Wait,
) -> Result<Box<dyn Forwarder + 'a>, InitError> {
    Ok(match site {
        MappedSite::Plain(site) => Box::new(Null::open(site, wait)?),
        MappedSite::Costed(site) => Box::new(Null::open(site, wait)?),
        #[cfg(test)]
        MappedSite::Trapped(site) => Box::new(Null::open(site, wait)?),
    })
}

/// Where the machine code of [`Null`] begins.
pub fn entry_null() -> *const () {
    <Null<'_, MappedBar<'_>> as Forwarder>::forward as *const ()
}

/// Sets [`Lean`] up.
pub fn open_lean<'a>(
    site: MappedSite<'a>,
    wait: &mut dyn Wait,
) -> Result<Box<dyn Forwarder + 'a>, InitError> {
    Ok(match site {
        MappedSite::Plain(site) => Box::new(Lean::open(site, wait)?),
        MappedSite::Costed(site) => Box::new(Lean::open(site, wait)?),
        #[cfg(test)]
        MappedSite::Trapped(site) => Box::new(Lean::open(site, wait)?),
    })
}

/// Where the machine code of [`Lean`] begins.
pub fn entry_lean() -> *const () {
    <Lean<'_, MappedBar<'_>> as Forwarder>::forward as *const ()
}

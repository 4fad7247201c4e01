//! What the harness and the memory cost, whatever the style: the rows that
//! the others stand on.

mod lean;
mod null;

pub use lean::Lean;
pub use null::Null;

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

//! `persona=fastest`: whatever wins.
//!
//! *Idea.* One loop does all to a packet, what is known about it lies in front
//! of it, buffers move in groups, nobody looks at an index twice, and eight
//! descriptors are looked at in one go.
//!
//! *Origin.* The answers of this suite's own axes that cost least, put together.
//!
//! *Compare.* Every other answer, one by one.

use super::Persona;
use crate::batch::Slice;
use crate::bounds::Unchecked;
use crate::buffer::Freelist;
use crate::dispatch::Unasked;
use crate::meta::Header;
use crate::pass::Fused;
use crate::pool::Bulk;
use crate::prefetch::Nothing;
use crate::reg::Wide;
use crate::registry::Join;
use crate::spread::Coloured;
use crate::status::Simd;
use crate::walk::Chase;
use crate::writeback::Every;

/// Whatever wins.
pub struct Fastest;

impl Persona for Fastest {
    const NAME: &'static str = "fastest";
    const IDEA: &'static str = "one pass, headers, bulk, unchecked, simd";

    type Policy = Join<
        Wide,
        Slice,
        Simd,
        Chase,
        Freelist,
        Header,
        Coloured,
        Unchecked,
        Bulk,
        Unasked,
        Nothing,
        Every,
        Fused,
    >;
}

#[cfg(test)]
mod tests {
    crate::persona_conformance!(super::Fastest);
}

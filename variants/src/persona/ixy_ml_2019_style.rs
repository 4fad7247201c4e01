//! `persona=ixy-ml-2019-style`: how the OCaml driver was written in January 2019.
//!
//! *Idea.* Every device word is an object on the heap, DD and EOP are read out
//! of it one after the other, and receiving returns a fresh array.
//!
//! *Origin.* The thread in which the driver's author asked why it is slower than the
//! one in C#, January 2019, and the published figures, which are of that state.
//!
//! *Compare.* `ixy_ml_lists_style.rs`, the same driver a month later.

use super::Persona;
use crate::batch::Fresh;
use crate::buffer::Freelist;
use crate::meta::Side;
use crate::reg::Boxed;
use crate::registry::Join;
use crate::spread::Stride2k;
use crate::status::Branchy;
use crate::walk::Chase;

/// How the OCaml driver was written in January 2019.
pub struct IxyMl2019Style;

impl Persona for IxyMl2019Style {
    const NAME: &'static str = "ixy-ml-2019-style";
    const IDEA: &'static str =
        "boxed, branchy, a fresh array per batch, every 2 KiB";

    type Policy = Join<Boxed, Fresh, Branchy, Chase, Freelist, Side, Stride2k>;
}

#[cfg(test)]
mod tests {
    crate::persona_conformance!(super::IxyMl2019Style);
}

//! `persona=ixy-ml-lists-style`: how the OCaml driver was written after February 2019.
//!
//! *Idea.* Words stay unboxed, both bits are tested at once, and batches are
//! lists, whose cells a nursery lays out in order: the cells here come from a
//! bump arena.
//!
//! *Origin.* The same thread: both bits at once in January 2019 (20 % faster), unboxed
//! words and lists in February (0.5 Mpps per direction).
//!
//! *Compare.* `ixy_ml_2019_style.rs`, the same driver a month earlier.

use super::Persona;
use crate::batch::Arena;
use crate::buffer::Freelist;
use crate::meta::Side;
use crate::reg::Unboxed;
use crate::registry::Join;
use crate::spread::Stride2k;
use crate::status::Masked;
use crate::walk::Chase;

/// How the OCaml driver was written after February 2019.
pub struct IxyMlListsStyle;

impl Persona for IxyMlListsStyle {
    const NAME: &'static str = "ixy-ml-lists-style";
    const IDEA: &'static str = "unboxed, both bits at once, lists, every 2 KiB";

    type Policy = Join<Unboxed, Arena, Masked, Chase, Freelist, Side, Stride2k>;
}

#[cfg(test)]
mod tests {
    crate::persona_conformance!(super::IxyMlListsStyle);
}

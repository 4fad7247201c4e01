//! `dispatch=match`: a dense enum.
//!
//! *Idea.* The types are the numbers from 0 on, without a gap. One jump
//! through the compiler's table of addresses leads to the action, whose code
//! stands in the loop.
//!
//! *Cost.* A load and an indirect jump, which has to be predicted.
//!
//! *Origin.* `match` and `switch` as every driver writes them; a variant type
//! of OCaml.
//!
//! *Compare.* `hashed.rs`, `table.rs`, `dyn.rs`.

use driver::policy::{Dispatch, PACKET_TYPES};

use super::{action, with_every_type};

/// A dense enum.
pub struct Match;

impl Dispatch for Match {
    const NAME: &'static str = "match";
    const IDEA: &'static str = "a dense enum, a jump through its table";

    type Actions = Tallies;

    #[inline(always)]
    fn act(actions: &mut Tallies, packet_type: u16, packet: &mut [u8]) {
        let tallies = &mut actions.0;
        macro_rules! choose {
            ($($number:tt)+) => {
                match packet_type {
                    $($number => {
                        action::<$number>(&mut tallies[$number], packet);
                    })+
                    _ => unreachable!("packet types are below 32"),
                }
            };
        }
        with_every_type!(choose);
    }

    fn tallies(actions: &Tallies) -> [u64; PACKET_TYPES] {
        actions.0
    }
}

/// The tallies alone: the code knows the way.
#[derive(Default)]
pub struct Tallies([u64; PACKET_TYPES]);

#[cfg(test)]
mod tests {
    crate::dispatch_conformance!(super::Match);
}

//! `dispatch=dyn`: a trait object per type.
//!
//! *Idea.* An object stands for each type, and its method is the action. The
//! object knows its own tally and nothing of the others.
//!
//! *Cost.* Three loads, one after the other: the object, its table of
//! methods, the method; a call that has to be predicted.
//!
//! *Origin.* Handlers as object-oriented languages register them.
//!
//! *Compare.* `table.rs`, which has the function at hand; `match.rs`.

use driver::policy::{Dispatch, PACKET_TYPES};

use super::{action, with_every_type};

/// A trait object per type.
pub struct Dyn;

impl Dispatch for Dyn {
    const NAME: &'static str = "dyn";
    const IDEA: &'static str = "a trait object per type, a virtual call";

    type Actions = Objects;

    #[inline(always)]
    fn act(actions: &mut Objects, packet_type: u16, packet: &mut [u8]) {
        actions.0[usize::from(packet_type)].act(packet);
    }

    fn tallies(actions: &Objects) -> [u64; PACKET_TYPES] {
        actions.0.each_ref().map(|object| object.tally())
    }
}

/// An object for each type.
pub struct Objects([Box<dyn Action>; PACKET_TYPES]);

impl Default for Objects {
    fn default() -> Self {
        macro_rules! all {
            ($($number:tt)+) => { [$(Box::new(OfType::<$number>(0))),+] };
        }
        Self(with_every_type!(all))
    }
}

trait Action {
    fn act(&mut self, packet: &[u8]);

    fn tally(&self) -> u64;
}

/// The action of one type, and its tally.
struct OfType<const TYPE: usize>(u64);

impl<const TYPE: usize> Action for OfType<TYPE> {
    fn act(&mut self, packet: &[u8]) {
        action::<TYPE>(&mut self.0, packet);
    }

    fn tally(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    crate::dispatch_conformance!(super::Dyn);
}

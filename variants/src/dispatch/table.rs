//! `dispatch=table`: an array of function pointers.
//!
//! *Idea.* The number of the type is the place of its function in an array.
//!
//! *Cost.* A load and a call, which has to be predicted.
//!
//! *Origin.* C drivers: tables of operations, and of handlers by protocol.
//!
//! *Compare.* `match.rs`, which jumps where this calls; `dyn.rs`.

use driver::policy::{Dispatch, PACKET_TYPES};

use super::{action, with_every_type};

/// An array of function pointers.
pub struct Table;

impl Dispatch for Table {
    const NAME: &'static str = "table";
    const IDEA: &'static str = "an array of function pointers, a call";

    type Actions = Functions;

    #[inline(always)]
    fn act(actions: &mut Functions, packet_type: u16, packet: &mut [u8]) {
        let i = usize::from(packet_type);
        (actions.functions[i])(&mut actions.tallies[i], packet);
    }

    fn tallies(actions: &Functions) -> [u64; PACKET_TYPES] {
        actions.tallies
    }
}

/// The function of each type, and the tallies.
pub struct Functions {
    functions: [fn(&mut u64, &[u8]); PACKET_TYPES],
    tallies: [u64; PACKET_TYPES],
}

impl Default for Functions {
    fn default() -> Self {
        macro_rules! all {
            ($($number:tt)+) => { [$(action::<$number>),+] };
        }
        let functions = with_every_type!(all);
        Self { functions, tallies: [0; PACKET_TYPES] }
    }
}

#[cfg(test)]
mod tests {
    crate::dispatch_conformance!(super::Table);
}

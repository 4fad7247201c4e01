//! Axis `dispatch`: how is the packet type turned into an action?
//!
//! The actions are written once, here. Each has its own arithmetic on bytes
//! of its own, and a number that the compiler cannot see behind: it can make
//! neither a table of constants nor a formula of a choice between them.

mod r#dyn;
mod hashed;
mod r#match;
mod table;

pub use r#dyn::Dyn;
pub use hashed::Hashed;
pub use r#match::Match;
pub use table::Table;

use driver::opaque;
use driver::policy::{Dispatch, PACKET_TYPES};

/// No answer: of policies on workloads that do not ask for packet types.
pub struct Unasked;

impl Dispatch for Unasked {
    const NAME: &'static str = "unasked";
    const IDEA: &'static str = "packet types are not looked at";

    type Actions = ();

    fn act(_actions: &mut (), _packet_type: u16, _packet: &mut [u8]) {}

    fn tallies(_actions: &()) -> [u64; PACKET_TYPES] {
        [0; PACKET_TYPES]
    }
}

/// Bytes of a packet that actions look at.
const HEAD_BYTES: usize = 60;

/// The action of packets of `TYPE`: changes the tally of the type.
#[inline(always)]
fn action<const TYPE: usize>(tally: &mut u64, packet: &[u8]) {
    const { assert!(TYPE < PACKET_TYPES) }
    opaque::place::<TYPE>();
    let Some(head) = packet.first_chunk::<HEAD_BYTES>() else {
        *tally = tally.wrapping_add(packet.len() as u64);
        return;
    };
    let at = const { 36 + TYPE % 17 };
    let word = head[at..].first_chunk().expect("at most 60 bytes");
    let word = u64::from_le_bytes(*word);
    let (factor, turn) = const { (2 * TYPE as u64 + 3, TYPE as u32 + 1) };
    *tally = match const { TYPE % 8 } {
        0 => tally.wrapping_add(word.wrapping_mul(factor)),
        1 => (*tally ^ word).rotate_left(turn),
        2 => tally.wrapping_mul(factor).wrapping_add(word),
        3 => tally.wrapping_add(word ^ (*tally >> turn)),
        4 => tally.wrapping_sub(word >> turn),
        5 => tally.rotate_left(turn).wrapping_add(word | factor),
        6 => tally.wrapping_sub(word.wrapping_mul(word)),
        _ => (*tally >> 1).wrapping_add(word << turn),
    };
}

/// Hands the numbers of all packet types to a macro.
macro_rules! with_every_type {
    ($macro:ident) => {
        $macro!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23
            24 25 26 27 28 29 30 31)
    };
}

use with_every_type;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_actions_do_the_same() {
        let packet: Vec<u8> = (0..64_u8).map(|i| i.wrapping_mul(37)).collect();
        let mut tallies = [1; PACKET_TYPES];
        macro_rules! act {
            ($($number:tt)+) => {
                $(for _ in 0..3 {
                    action::<$number>(&mut tallies[$number], &packet);
                })+
            };
        }
        with_every_type!(act);
        let different: std::collections::BTreeSet<_> = tallies.iter().collect();
        assert_eq!(different.len(), PACKET_TYPES);
    }
}

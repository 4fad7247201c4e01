//! Law of axis `dispatch`. What it does to packets, rings and registers is
//! held against the naive forwarder in `policies`.

use driver::policy::{Dispatch, PACKET_TYPES};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Verdict, hold};

/// Makes tests of the law of axis `dispatch`.
#[macro_export]
#[doc(hidden)]
macro_rules! dispatch_conformance {
    ($style:ty) => {
        use $crate::conformance::{Verdict, dispatch};

        #[test]
        fn each_packet_meets_the_action_of_its_type() -> Verdict {
            dispatch::tallies_are_those_of_the_reference::<$style>()
        }
    };
}

/// The tally of a type, and of no other, changes with each packet, as the
/// reference has it; the packet does not.
pub fn tallies_are_those_of_the_reference<D: Dispatch>() -> Verdict {
    let packet =
        prop_oneof![4 => vec(any::<u8>(), 60), 1 => vec(any::<u8>(), 0..90)];
    let packets = vec((0..PACKET_TYPES, packet), 0..400);
    hold(256, packets, |packets| {
        let mut actions = D::Actions::default();
        let mut wanted = [0; PACKET_TYPES];
        for (packet_type, mut packet) in packets {
            let before = packet.clone();
            D::act(&mut actions, packet_type as u16, &mut packet);
            prop_assert_eq!(&packet, &before);
            let tally = &mut wanted[packet_type];
            *tally = tally_after(packet_type, *tally, &packet);
            prop_assert_eq!(D::tallies(&actions), wanted);
        }
        Ok(())
    })
}

/// What the tally of a type is after `packet`: the actions once more, as
/// arithmetic on numbers of 64 bits and their remainders.
pub fn tally_after(packet_type: usize, tally: u64, packet: &[u8]) -> u64 {
    const ALL: u128 = 1 << 64;
    let (n, tally) = (packet_type as u128, u128::from(tally));
    if packet.len() < 60 {
        return ((tally + packet.len() as u128) % ALL) as u64;
    }
    let first = 36 + packet_type % 17;
    let bytes = packet[first..first + 8].iter().rev();
    let word = bytes.fold(0, |word, byte| word * 256 + u128::from(*byte));
    let factor = 2 * n + 3;
    let power = 1_u128 << (n + 1);
    // Times a power of two, with what overflows added below.
    let turned = |x: u128| x * power % ALL + x * power / ALL;
    let after = match packet_type % 8 {
        0 => tally + word * factor,
        1 => turned(tally ^ word),
        2 => tally * factor + word,
        3 => tally + (word ^ (tally / power)),
        4 => tally + ALL - word / power,
        5 => turned(tally) + (word | factor),
        6 => tally + ALL - word * word % ALL,
        7 => tally / 2 + word * power % ALL,
        _ => unreachable!("eight kinds of arithmetic"),
    };
    (after % ALL) as u64
}

//! `dispatch=hashed`: hashed names, found in a search tree.
//!
//! *Idea.* A type is known by the hash of its name, a number anywhere in 31
//! bits. There can be no table of so many; the hash is compared with one of
//! the middle, then with one of the half it is in, and so on.
//!
//! *Cost.* The load of the hash, five conditional branches down the tree and
//! one that says it is found, each to be predicted.
//!
//! *Origin.* OCaml's polymorphic variants: its hash, its tree.
//!
//! *Compare.* `match.rs`.

use driver::policy::{Dispatch, PACKET_TYPES};

use super::action;

/// Hashed names, found in a search tree.
pub struct Hashed;

impl Dispatch for Hashed {
    const NAME: &'static str = "hashed";
    const IDEA: &'static str = "hashed names, compared as a search tree";

    type Actions = Tags;

    #[inline(always)]
    fn act(actions: &mut Tags, packet_type: u16, packet: &mut [u8]) {
        let Tags { tags, tallies } = actions;
        macro_rules! choose {
            ($($number:tt $name:ident)+) => {
                match tags[usize::from(packet_type)] {
                    $(tag::$name => {
                        action::<$number>(&mut tallies[$number], packet);
                    })+
                    _ => unreachable!("there is no other tag"),
                }
            };
        }
        with_every_name!(choose);
    }

    fn tallies(actions: &Tags) -> [u64; PACKET_TYPES] {
        actions.tallies
    }
}

/// The tag of each number that a card may report, and the tallies.
pub struct Tags {
    tags: [i32; PACKET_TYPES],
    tallies: [u64; PACKET_TYPES],
}

impl Default for Tags {
    fn default() -> Self {
        macro_rules! all {
            ($($number:tt $name:ident)+) => { [$(tag::$name),+] };
        }
        Self { tags: with_every_name!(all), tallies: [0; PACKET_TYPES] }
    }
}

/// Hands the number and the name of every type to a macro. The names are
/// there for their hashes; numbered ones would have neighbours for hashes.
macro_rules! with_every_name {
    ($macro:ident) => {
        $macro! { 0 Arp 1 Bgp 2 Dccp 3 Dhcp 4 Dns 5 Eigrp 6 Esp 7 Fcoe 8 Geneve
        9 Gre 10 Gtp 11 Http 12 Icmp 13 Igmp 14 Ipip 15 Isis 16 Lacp
        17 Lldp 18 Mpls 19 Ntp 20 Ospf 21 Pim 22 Ptp 23 Quic 24 Roce
        25 Rsvp 26 Sctp 27 Stp 28 Tcp 29 Udp 30 Vrrp 31 Vxlan }
    };
}

use with_every_name;

/// The hashes of the names.
#[expect(non_upper_case_globals, reason = "names of types")]
mod tag {
    use super::hash;

    macro_rules! hashes {
        ($($number:tt $name:ident)+) => {
            $(pub const $name: i32 = hash(stringify!($name));)+
        };
    }
    with_every_name!(hashes);
}

/// OCaml's hash of the name of a polymorphic variant.
const fn hash(name: &str) -> i32 {
    let (name, mut hash, mut i) = (name.as_bytes(), 0_u32, 0);
    while i < name.len() {
        hash = hash.wrapping_mul(223).wrapping_add(name[i] as u32);
        i += 1;
    }
    // 31 bits, of which the highest is the sign.
    (hash << 1) as i32 >> 1
}

#[cfg(test)]
mod tests {
    /// `(Obj.magic `Tcp : int)` and the like, by OCaml's published formula.
    #[test]
    fn hashes_are_those_of_ocaml() {
        assert_eq!(super::hash("A"), 65);
        assert_eq!(super::hash("Foo"), 3_505_894);
    }

    crate::dispatch_conformance!(super::Hashed);
}

use driver::policy::{Dispatch, PACKET_TYPES};

/// A dense enum, matched.
pub struct Match;

impl Dispatch for Match {
    const NAME: &'static str = "match";
    const IDEA: &'static str = "a dense enum";

    type Actions = [u64; PACKET_TYPES];

    fn act(actions: &mut Self::Actions, packet_type: u16, packet: &mut [u8]) {
        actions[usize::from(packet_type)] += packet.len() as u64;
    }

    fn tallies(actions: &Self::Actions) -> [u64; PACKET_TYPES] {
        *actions
    }
}

//! Whatever the load, the sizes and the faults: every frame is accounted
//! for, every buffer is somewhere, every register access is allowed.

use nic_model::{Account, Faults, FrameFormat, Traffic};
use proptest::prelude::*;

use crate::rig::Setup;

/// One turn of device and driver.
#[derive(Clone, Debug)]
struct Phase {
    /// Frames on every wire, in 1/8 of a receive ring.
    load: u32,
    /// Whether the device takes what was sent first.
    transmits: bool,
    /// Batches that the driver takes from every queue.
    rounds: u32,
}

/// Sizes of rings, up to `most`.
fn entries(most: u16) -> impl Strategy<Value = u16> {
    (6..=most.ilog2()).prop_map(|log2| 1_u16 << log2)
}

fn phases() -> impl Strategy<Value = Vec<Phase>> {
    let phase = (0..=20_u32, prop::bool::weighted(0.8), 0..40_u32).prop_map(
        |(load, transmits, rounds)| Phase { load, transmits, rounds },
    );
    prop::collection::vec(phase, 1..8)
}

fn faults() -> impl Strategy<Value = Faults> {
    let share = || prop_oneof![Just(0), 0..60_u8, Just(255)];
    let order = (share(), share(), share());
    let frames = (share(), share(), share(), share());
    let port =
        (share(), any::<bool>(), prop_oneof![2 => Just(0), 1 => 0..999_u32]);
    let faults = (any::<u64>(), order, frames, port).prop_map(
        |(seed, order, frames, port)| {
            let (late_write_back, out_of_order, fragments) = order;
            let (zero_length, oversize, error_bits, bad_iova) = frames;
            let (link_flaps, wild_heads, stops_within) = port;
            Faults {
                seed,
                late_write_back,
                out_of_order,
                fragments,
                zero_length,
                oversize,
                error_bits,
                bad_iova,
                link_flaps,
                wild_heads,
                stops_within,
                ..Faults::default()
            }
        },
    );
    prop_oneof![Just(Faults::default()), faults]
}

fn traffic() -> impl Strategy<Value = Traffic> {
    let bytes = prop_oneof![Just(64), 64..=1518_u16];
    let types = prop_oneof![Just(1), 1..=32_u8];
    let first = prop_oneof![Just(0), any::<u32>().prop_map(u64::from)];
    (bytes, types, first, any::<bool>()).prop_map(
        |(wire_bytes, types, first_sequence, digest)| Traffic {
            from_driver: false,
            takes_changes: false,
            format: FrameFormat { wire_bytes, types, ..FrameFormat::default() },
            first_sequence,
            touches: 1,
            digest,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        if cfg!(miri) { 1 } else { 96 }
    ))]

    #[test]
    fn every_frame_and_every_buffer_is_accounted_for(
        entries in entries(4096), queues in 1..=4_u16, batch in 1..=300_u16,
        buffer_bytes in prop::sample::select(vec![1024_u16, 2048]),
        traffic in traffic(), faults in faults(), phases in phases(),
    ) {
        let setup = Setup { traffic, faults, ..Setup::default() }
            .with_buffer_bytes(buffer_bytes)
            .with_rings(queues, entries);
        let mut arena = setup.arena();
        let mut rig = setup.rig(&mut arena);
        for Phase { load, transmits, rounds } in phases {
            if transmits {
                rig.transmit();
            }
            rig.offer(load * u32::from(entries) / 8);
            for _ in 0..rounds {
                if rig.round(batch) == 0 {
                    break;
                }
            }
            // A frame whose write-back is late is nowhere to be seen.
            if faults.late_write_back == 0 && faults.out_of_order == 0 {
                prop_assert_eq!(rig.account().check(), Ok(()));
            }
        }
        let account = rig.finish();
        // What lies on the transmit ring of a stopped port stays there.
        prop_assert!(account.inside == 0 || faults.stops_within > 0);
        if !faults.any() {
            let Account { dma_faults, link_down, missed, damaged, .. } =
                account;
            prop_assert_eq!([dma_faults, link_down, missed, damaged], [0; 4]);
            let long = setup.traffic.format.wire_bytes - 4 > buffer_bytes;
            prop_assert!(long || account.multi_descriptor == 0);
        }
        // What the device says agrees with what the wires saw.
        let wire_bytes = u64::from(setup.traffic.format.wire_bytes);
        for port in 0..rig.nics.len() {
            let statistics = rig.nics[port].statistics();
            let model = rig.model.borrow();
            let device = &model.ports()[port];
            let delivered = device.loss().delivered;
            let sent = device.sink().counts().frames();
            let oversize = device.sink().counts().damaged();
            let filled = u64::from(buffer_bytes.min(1536)) + 4;
            prop_assert_eq!(statistics.rx_packets, delivered);
            prop_assert_eq!(statistics.rx_bytes, delivered * wire_bytes);
            prop_assert_eq!(statistics.tx_packets, sent);
            prop_assert_eq!(
                statistics.tx_bytes,
                (sent - oversize) * wire_bytes + oversize * filled
            );
        }
        prop_assert_eq!(rig.mistakes(), Vec::<String>::new());
        rig.check_buffers();
    }

    #[test]
    fn a_load_that_fits_is_forwarded_whole(
        entries in entries(1024), queues in 1..=4_u16, batch in 1..=600_u16,
        wire_bytes in 64..=1518_u16, phases in 1..20_u64,
    ) {
        let setup = Setup::default()
            .with_rings(queues, entries)
            .with_frames(wire_bytes);
        let mut arena = setup.arena();
        let mut rig = setup.rig(&mut arena);
        // Up to 31 sent packets wait for their group to be full.
        let frames = u32::from(entries) - 32;
        for _ in 0..phases {
            rig.transmit();
            prop_assert_eq!(rig.offer(frames), 2 * frames);
            prop_assert_eq!(rig.forward(batch), 2 * u64::from(frames));
        }
        let account = rig.finish();
        prop_assert_eq!(account.forwarded, account.offered);
        prop_assert_eq!(account.offered, 2 * phases * u64::from(frames));
        rig.check_buffers();
    }

    #[test]
    fn an_unlimited_load_is_never_lost(
        entries in entries(512), queues in 1..=4_u16, batch in 1..=64_u16,
        turns in 1..50_u32, most in 1..200_u32,
    ) {
        let setup = Setup::default().with_rings(queues, entries);
        let mut arena = setup.arena();
        let mut rig = setup.rig(&mut arena);
        for _ in 0..turns {
            rig.transmit();
            rig.model.borrow_mut().receive_ready(most);
            rig.round(batch);
        }
        let account = rig.finish();
        prop_assert_eq!(account.ring_empty, 0);
        prop_assert!(account.forwarded > 0);
        prop_assert_eq!(
            account.forwarded + account.forwarder, account.offered
        );
    }
}

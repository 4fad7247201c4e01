//! What a forwarder is put through.

use driver::nic::Config;
use nic_model::frame::Trace;
use nic_model::{Faults, FrameFormat};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::workload::Quota;

/// The largest ring of a scenario.
pub const MAX_RING: u16 = 1024;

/// The largest batch of a scenario.
pub const MAX_BATCH: u16 = 256;

/// All that a run depends on but the forwarder.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub ring_entries: u16,
    pub batch: u16,
    pub buffer_bytes: u16,
    /// Buffers beyond those that fill the receive rings.
    pub spare_buffers: u32,
    pub format: FrameFormat,
    pub first_sequence: u64,
    pub faults: Faults,
    pub phases: Vec<Phase>,
}

/// A turn of the device, then one of the driver.
#[derive(Clone, Copy, Debug)]
pub struct Phase {
    /// Whether the device sends what lies in the transmit rings.
    pub transmits: bool,
    /// Frames towards each port.
    pub offered: u32,
    pub quota: Quota,
}

impl Scenario {
    /// Three full rings of good frames.
    pub fn plain() -> Self {
        let quota = Quota { packets: 128, patience: 1 };
        Self {
            ring_entries: 64,
            batch: 16,
            buffer_bytes: 2048,
            spare_buffers: 512,
            format: FrameFormat::default(),
            first_sequence: 7,
            faults: Faults::default(),
            phases: vec![Phase { transmits: true, offered: 63, quota }; 3],
        }
    }

    /// Little enough for an interpreter, and once around every ring.
    pub fn small() -> Self {
        let quota = Quota { packets: 48, patience: 1 };
        Self {
            batch: 8,
            spare_buffers: 136,
            phases: vec![Phase { transmits: true, offered: 24, quota }; 3],
            ..Self::plain()
        }
    }

    /// Whether the pool has buffers for full rings and a batch in hand.
    pub fn pool_is_ample(&self) -> bool {
        let in_rings = 2 * u32::from(self.ring_entries);
        self.spare_buffers >= in_rings + u32::from(self.batch)
    }

    /// What the driver is set up with.
    pub fn config(&self) -> Config {
        Config {
            ring_entries: self.ring_entries,
            buffer_bytes: self.buffer_bytes,
            buffers: 2 * u32::from(self.ring_entries) + self.spare_buffers,
            ..Config::default()
        }
    }
}

/// Scenarios of all kinds, most of them small.
pub fn scenarios() -> impl Strategy<Value = Scenario> {
    let ring_entries = (6..=10_u32).prop_map(|log| 1_u16 << log);
    let batch = prop_oneof![1..=8_u16, 1..=MAX_BATCH];
    let shape = (ring_entries, batch).prop_flat_map(|(entries, batch)| {
        let (entries, batch) = (u32::from(entries), batch.min(entries));
        let ample = 2 * entries + u32::from(batch);
        let spare = prop_oneof![Just(ample), 0..ample, 0..64_u32];
        let phases = vec(phases(entries), 1..6);
        (Just(entries as u16), Just(batch), spare, phases)
    });
    let buffer_bytes = prop_oneof![7 => Just(2048_u16), 1 => Just(1024_u16)];
    (shape, buffer_bytes, formats(), 0..=u64::MAX >> 1, faults()).prop_map(
        |(shape, buffer_bytes, format, first_sequence, faults)| {
            let (ring_entries, batch, spare_buffers, phases) = shape;
            Scenario {
                ring_entries,
                batch,
                buffer_bytes,
                spare_buffers,
                format,
                first_sequence,
                faults,
                phases,
            }
        },
    )
}

fn phases(entries: u32) -> impl Strategy<Value = Phase> {
    let transmits = prop::bool::weighted(0.8);
    let offered = prop_oneof![0..entries / 4, 0..entries * 5 / 4];
    let both_rings = u64::from(entries) * 2;
    let packets = prop_oneof![2 => Just(both_rings), 1 => 0..both_rings];
    let quota = (packets, 1..4_u32)
        .prop_map(|(packets, patience)| Quota { packets, patience });
    (transmits, offered, quota).prop_map(|(transmits, offered, quota)| Phase {
        transmits,
        offered,
        quota,
    })
}

fn formats() -> impl Strategy<Value = FrameFormat> {
    let wire_bytes = prop_oneof![
        2 => Just(64_u16),
        1 => 64..=128_u16,
        1 => 64..=1518_u16,
    ];
    let types = prop_oneof![Just(1_u8), 1..=32_u8];
    let trace = prop_oneof![Just(Trace::Generated), Just(Trace::Replayed)];
    (wire_bytes, types, trace).prop_map(|(wire_bytes, types, trace)| {
        FrameFormat { wire_bytes, types, trace, ..FrameFormat::default() }
    })
}

/// Any mixture of faults that a port comes up with.
fn faults() -> impl Strategy<Value = Faults> {
    // Each fault is absent, now and then, or all the time.
    let share =
        || prop_oneof![9 => Just(0_u8), 4 => 1..32_u8, 1 => any::<u8>()];
    let shares = [(); 8].map(|()| share());
    let turns = prop_oneof![3 => Just(0_u8), 1 => 1..=90_u8];
    let stop = prop_oneof![7 => Just(0_u32), 1 => 1..4000_u32];
    let mixed = (any::<u64>(), shares, turns, any::<bool>(), stop).prop_map(
        |(seed, shares, slow_link, wild_heads, stops_within)| {
            let [late_write_back, out_of_order, fragments, zero, ..] = shares;
            let [.., oversize, error_bits, bad_iova, link_flaps] = shares;
            Faults {
                seed,
                late_write_back,
                out_of_order,
                fragments,
                zero_length: zero,
                oversize,
                error_bits,
                bad_iova,
                slow_link,
                link_flaps,
                wild_heads,
                stops_within,
                ..Faults::default()
            }
        },
    );
    prop_oneof![1 => Just(Faults::default()), 4 => mixed]
}

//! Made-up series for tests.

use nic_model::Account;
use nic_model::arrivals::Sizes;
use nic_model::generator::Punctuality;

use hdrhistogram::Histogram;

use super::record::{Floor, Offered, Record};
use super::series::{Series, Settling, Slices, Threads, histogram};
use crate::load::{Rate, Time};
use crate::results::example;

/// Frames of a series.
const FRAMES: u64 = 20_000;

/// Two variants at two rates, one of them with a pause.
pub fn record() -> (Record, Vec<Series>) {
    let mut series = Vec::new();
    for rate in [Rate::PerSecond(1e6), Rate::Percent(90.0)] {
        series.push(one("baseline", rate, None));
        series.push(one("buffer=deferred", rate, Some(12_345)));
    }
    let run = example::run(&["baseline"], &[32]);
    let offered = Offered {
        time: Time::Virtual,
        seed: 7,
        core: 1,
        model_core: None,
        batch: 32,
        frame: "64".to_owned(),
        pattern: "constant".to_owned(),
        packets: Some(FRAMES),
        seconds: None,
        ring_entries: 512,
        buffer_bytes: 2048,
        replays: Some(5),
        chain_ghz: 4.0,
    };
    let mut record = Record::new(
        run.command,
        run.started,
        run.machine,
        offered,
        Floor::new(vec![1], &floor()),
        &series,
        Vec::new(),
    );
    record.build = run.build;
    (record, series)
}

/// The same on the wall clock, whose tester was in time with all packets at
/// one rate and not at the other.
pub fn wall_record() -> (Record, Vec<Series>) {
    let (record, mut series) = record();
    for one in &mut series {
        let late = if one.rate.is_share() { FRAMES / 10 } else { 0 };
        let sent = FRAMES;
        one.settling = None;
        one.fills.push(3);
        one.threads = Some(Threads {
            seconds: 1.0,
            transmit_fills: one.fills.clone(),
            punctuality: Punctuality { sent, late, ..Default::default() },
            model_busy: 0.5,
            round_trip_ns: [60.0, 72.0],
        });
    }
    let time = Time::Wall;
    let (model_core, replays) = (Some(0), None);
    let offered =
        Offered { time, model_core, replays, ..record.offered.clone() };
    let mut wall = Record::new(
        record.command,
        record.started,
        record.machine,
        offered,
        record.floor,
        &series,
        Vec::new(),
    );
    wall.build = record.build;
    (wall, series)
}

/// A machine that is away for up to 30 µs now and then.
pub fn floor() -> Histogram<u64> {
    let mut floor = histogram();
    for n in 0..FRAMES {
        let ns = if n % 1000 == 0 { 30_000 } else { 12 };
        floor.record(ns).expect("it grows");
    }
    floor
}

/// 50 to 69 ns, and 25 µs for one frame.
fn one(variant: &str, rate: Rate, pause: Option<u64>) -> Series {
    let latency = |n| if Some(n) == pause { 25_000 } else { 50 + n % 20 };
    let per_second = rate.per_second(Sizes::One(64), 200e6);
    let due = |n: u64| (n as f64 * 1e12 / per_second) as u64;
    let samples = || (0..FRAMES).map(|n| (due(n), latency(n)));
    let mut histogram = histogram();
    samples().for_each(|(_, ns)| histogram.record(ns).expect("it grows"));
    let mut fills = vec![0; 33];
    fills[1] = FRAMES - 640;
    fills[32] = 20;
    let settling = Settling { replayed: 2, moved: 0.0, settled: true };
    Series {
        variant: variant.to_owned(),
        rate,
        per_second,
        highest: rate.is_share().then_some(200e6),
        on_a_wire: !rate.is_share(),
        histogram,
        slices: Slices::of(samples(), due(FRAMES)),
        account: Account {
            offered: FRAMES,
            forwarded: FRAMES,
            ..Account::default()
        },
        fills,
        settling: Some(settling),
        threads: None,
    }
}

/// The bytes behind a text in base64 (RFC 4648, section 4).
pub fn from_base64(text: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let text = text.trim_end_matches('=').as_bytes();
    let bytes = text.chunks(4).flat_map(|four| {
        let bits = four.iter().fold(0, |b, c| b << 6 | u32::from(digit(*c)));
        let bits = bits << (6 * (4 - four.len()));
        let [_, bytes @ ..] = bits.to_be_bytes();
        bytes.into_iter().take(four.len() - 1)
    });
    bytes.collect()
}

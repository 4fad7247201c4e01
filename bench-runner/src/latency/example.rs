//! Made-up series for tests.

use nic_model::Account;

use super::record::{Offered, Record, Time};
use super::series::{Series, Settling, Slices, histogram};
use crate::load::Rate;
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
        batch: 32,
        frame: "64".to_owned(),
        pattern: "constant".to_owned(),
        packets: Some(FRAMES),
        seconds: None,
        ring_entries: 512,
        buffer_bytes: 2048,
        replays: 5,
        chain_ghz: 4.0,
    };
    let mut record = Record::new(
        run.command,
        run.started,
        run.machine,
        offered,
        &series,
        Vec::new(),
    );
    record.build = run.build;
    (record, series)
}

/// 50 to 69 ns, and 25 µs for one frame.
fn one(variant: &str, rate: Rate, pause: Option<u64>) -> Series {
    let latency = |n| if Some(n) == pause { 25_000 } else { 50 + n % 20 };
    let per_second = rate.per_second(200e6);
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

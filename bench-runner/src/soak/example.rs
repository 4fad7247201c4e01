//! A made-up soak for tests.

use super::record::{Interval, Offered, Part, Record, SCHEMA};
use crate::latency::record::{Balance, PercentileRecord};
use crate::results::example;

/// So many seconds at 5 Mpps, in which the median grows by half.
pub fn record(seconds: u32) -> Record {
    let run = example::run(&["baseline"], &[32]);
    let interval = |second: u32| {
        let tenth = (second * 10 / seconds.max(1)).min(9);
        let ns = 1000 + u64::from(tenth) * 500 / 9;
        let of = |(percentile, times)| PercentileRecord {
            percentile,
            ns: Some(ns * times),
            samples: 100,
        };
        let all = [(50.0, 1), (99.0, 2), (99.9, 5), (100.0, 50)];
        Interval {
            seconds: 1.0,
            sent: 5_000_000,
            late: 5,
            forwarded: 5_000_000,
            ring_full: 0,
            link_down: 0,
            percentiles: all.map(of).to_vec(),
        }
    };
    let offered = u64::from(seconds) * 5_000_000;
    Record {
        schema: SCHEMA,
        command: run.command,
        started: run.started.clone(),
        build: run.build,
        machine: run.machine,
        offered: Offered {
            variant: "buffer=arc".to_owned(),
            rate: "5M".to_owned(),
            packets_per_second: 5e6,
            seconds: seconds.into(),
            interval: 1.0,
            pattern: "constant".to_owned(),
            frame: "64".to_owned(),
            batch: 32,
            ring_entries: 512,
            buffer_bytes: 2048,
            core: 1,
            model_core: 0,
            seed: 7,
            flap: None,
        },
        parts: vec![Part {
            started: run.started,
            round_trip_ns: 60.0,
            intervals: (0..seconds).map(interval).collect(),
            account: Some(Balance {
                offered,
                forwarded: offered,
                ring_full: 0,
                dropped: 0,
                link_down: 0,
                unsent: 0,
                inside: 0,
            }),
            receive_fills: vec![0, 30, 10],
            transmit_fills: vec![0, 20, 15],
        }],
        warnings: Vec::new(),
    }
}

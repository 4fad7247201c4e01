//! `soak.json`: a record and its tables, or one line.

#![no_main]

use std::path::Path;

use bench_runner::soak::record::{Record, SCHEMA};
use bench_runner::report::{Material, markdown};
use bench_runner::results::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match parse::<Record>(Path::new("soak.json"), bytes, SCHEMA) {
        Ok(record) => {
            let soaks = vec![record];
            let material = Material { soaks, ..Material::default() };
            assert!(!markdown::text(&material).contains("<script"));
        }
        Err(error) => {
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }
});

//! `ndr.json`: a record and its tables, or one line.

#![no_main]

use std::path::Path;

use bench_runner::ndr::record::{Record, SCHEMA};
use bench_runner::report::{Material, markdown};
use bench_runner::results::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match parse::<Record>(Path::new("ndr.json"), bytes, SCHEMA) {
        Ok(record) => {
            let ndrs = vec![record];
            let material = Material { ndrs, ..Material::default() };
            assert!(!markdown::text(&material).contains("<script"));
        }
        Err(error) => {
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }
});

//! `run.json`: a run, or one line.

#![no_main]

use std::path::Path;

use bench_runner::results::Run;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = Run::parse(Path::new("run.json"), bytes) {
        assert!(!error.to_string().contains('\n'), "{error}");
    }
});

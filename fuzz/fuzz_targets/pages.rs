//! What is made of a run that was read: analysis, Markdown, CSV.

#![no_main]

use std::path::Path;

use bench_runner::report::{Material, csv, markdown};
use bench_runner::results::Run;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(run) = Run::parse(Path::new("run.json"), bytes) {
        let material = Material { runs: vec![run], ..Material::default() };
        assert!(!markdown::text(&material).contains("<script"));
        csv::text(&material).expect("a table");
    }
});

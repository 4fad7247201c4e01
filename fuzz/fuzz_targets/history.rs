//! Lines of a history: changes, charts and their page, or one line.

#![no_main]

use bench_runner::history::{Loaded, parse};
use bench_runner::report::{Material, page};
use bench_runner::trend::{series, text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut loaded = Loaded::default();
    let read = parse("a.jsonl", bytes, &mut loaded);
    if let Err(error) = read {
        assert!(!error.to_string().contains('\n'), "{error}");
    }
    assert!(loaded.notes.iter().all(|note| !note.contains('\n')));
    let trend = series::of(&loaded);
    let said = text::text(&trend);
    assert!(said.chars().all(|c| c == '\n' || !c.is_control()));
    let material = Material { trend: Some(trend), ..Material::default() };
    assert_eq!(page(&material).matches("<script").count(), 1);
});

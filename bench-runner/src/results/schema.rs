//! JSON Schemas of the files that are written, as they stand in
//! `results/schema/`.

use std::fs;
use std::path::Path;

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};

/// The schema of a type, as a file.
fn text<T: JsonSchema>() -> String {
    let settings = SchemaSettings::default();
    let schema = SchemaGenerator::new(settings).into_root_schema_for::<T>();
    let text = serde_json::to_string_pretty(&schema);
    text.expect("a schema has string keys only") + "\n"
}

/// Holds the committed schema of that name against the type.
pub(crate) fn assert_committed<T: JsonSchema>(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = folder.join("../results/schema").join(name);
    if std::env::var_os("UPDATE_SCHEMA").is_some_and(|set| set == "1") {
        fs::write(&path, text::<T>()).expect("written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text::<T>(),
        "results/schema/{name} differs from the types: run this test with \
         UPDATE_SCHEMA=1, and count SCHEMA up if files already written no \
         longer fit"
    );
}

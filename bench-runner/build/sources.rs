//! A digest of all sources, byte by byte.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The digest as hexadecimal digits, of files and folders in a workspace.
pub fn digest(workspace: &Path, sources: &[&str]) -> String {
    let mut files = Vec::new();
    for source in sources {
        collect(&workspace.join(source), &mut files);
    }
    files.sort_unstable();
    let mut digest = Sha256::new();
    for file in &files {
        let name = file.strip_prefix(workspace).unwrap_or(file);
        let bytes = fs::read(file).unwrap_or_default();
        for part in [name.to_string_lossy().as_bytes(), &bytes] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
    }
    digest.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(path) else {
        files.push(path.to_owned());
        return;
    };
    // What a property test writes when it fails is no source.
    let is_source = |path: &PathBuf| path.extension() != Some("txt".as_ref());
    let paths = entries.flatten().map(|entry| entry.path());
    paths.filter(is_source).for_each(|path| collect(&path, files));
}

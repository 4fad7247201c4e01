//! The history of a program's performance: a line of JSON for each check, in
//! a file for each machine, to which lines are only ever added.

mod branch;
mod file;
mod folder;
mod git;
mod line;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

pub use file::{EXTENSION, file_name, parse};
pub use git::{About, about};
pub use line::{Line, Point, SCHEMA};

/// Where a history is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A folder, or for reading one of its files.
    Folder(PathBuf),
    /// A branch of the checkout around the working directory, with a tree of
    /// its own.
    Branch(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Branch(name) => write!(f, "branch {name}"),
        }
    }
}

/// What a history says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    /// Its lines, file by file, each as they were added.
    pub lines: Vec<Line>,
    /// What was passed over, a line each.
    pub notes: Vec<String>,
}

/// Adds a line, whole or not at all.
///
/// # Errors
///
/// When disk or git refuse; the history is as it was.
pub fn append(place: &Place, line: &Line) -> Result<(), Failure> {
    match place {
        Place::Folder(path) => folder::append(path, line),
        Place::Branch(name) => branch::append(".".as_ref(), name, line),
    }
}

/// Reads all lines.
///
/// # Errors
///
/// When there is no history, or one that this program cannot trust.
pub fn load(place: &Place) -> Result<Loaded, Failure> {
    let loaded = match place {
        Place::Folder(path) => folder::load(path)?,
        Place::Branch(name) => branch::load(".".as_ref(), name)?,
    };
    if loaded.lines.is_empty() {
        return Err(Failure::error(format!(
            "{place}: no line of a history in it: add one by bench-runner \
             check --history"
        )));
    }
    Ok(loaded)
}

/// The files of a history in a folder, in the order of their names.
///
/// # Errors
///
/// When the folder cannot be read.
pub fn files_in(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(folder).map_err(|why| {
        Failure::error(format!("cannot read {}: {why}", folder.display()))
    })?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut files: Vec<_> = paths.filter(|path| is_file(path)).collect();
    files.sort();
    Ok(files)
}

/// Whether a file is called as those of a history are.
#[must_use]
pub fn is_file(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == EXTENSION)
}

#[cfg(test)]
pub(crate) mod example {
    use super::*;
    use crate::fingerprint;
    use crate::gate::record::{CellVerdict, Conclusion};

    /// One of many lines, measured so many hours into 2026.
    pub(crate) fn line(hour: u64, ratios: &[(&str, u16, f64)]) -> Line {
        // 2026-01-01T00:00:00Z in seconds since 1970.
        let seconds = 1_767_225_600 + hour * 3600;
        let time = std::time::UNIX_EPOCH;
        let time = time + std::time::Duration::from_secs(seconds);
        let measured = humantime::format_rfc3339_seconds(time).to_string();
        let point = |&(variant, batch, ratio): &(&str, u16, f64)| Point {
            variant: variant.to_owned(),
            batch,
            ratio: Some(ratio),
            spread: Some(0.002),
            instructions: Some(100.0),
            verdict: CellVerdict::Fine,
        };
        Line {
            schema: SCHEMA,
            commit: format!("{:040x}", 0xabc_0000 + hour),
            dirty: false,
            committed: Some(measured.clone()),
            subject: Some(format!("Change {hour}")),
            measured,
            fingerprint: fingerprint::tests::example(),
            apparatus: "0123456789ab".to_owned(),
            reference: Some("ba9876543210".to_owned()),
            against: "main".to_owned(),
            verdict: Conclusion::Fine,
            moved: Some(false),
            cells: ratios.iter().map(point).collect(),
        }
    }
}

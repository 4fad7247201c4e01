//! `run.json`: written whole or not at all, read with one line per failure.

use super::{Run, SCHEMA, check::check};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Name of the file in a run's folder.
pub const FILE: &str = "run.json";

/// No file of samples comes near this size.
const MOST_BYTES: u64 = 1 << 30;

const DAMAGED: &str = "restore the file or measure again";

/// Why a run was not written or read: one line with file, place and remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(String);

impl Error {
    fn new(path: &Path, what: impl fmt::Display, remedy: &str) -> Self {
        let mut line = String::new();
        for c in format!("{}: {what}: {remedy}", path.display()).chars() {
            if c.is_control() {
                line.extend(c.escape_default());
            } else {
                line.push(c);
            }
        }
        Self(line)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl Run {
    /// Writes `run.json` into the folder, which is made where it is missing.
    ///
    /// The file appears under its name only when all of it is on the disk; an
    /// older one stays until then.
    ///
    /// # Errors
    ///
    /// When the disk refuses, or the run contradicts itself.
    pub fn save(&self, dir: &Path) -> Result<(), Error> {
        let target = dir.join(FILE);
        check(self).map_err(|what| {
            Error::new(&target, what, "not written; please report this")
        })?;
        let partial =
            dir.join(format!("{FILE}.{}.partial", std::process::id()));
        let written = fs::create_dir_all(dir)
            .and_then(|()| write_synced(&partial, &text(self)?))
            .and_then(|()| fs::rename(&partial, &target))
            .and_then(|()| File::open(dir)?.sync_all());
        written.map_err(|error| {
            // It may not be there; the first failure is the one to tell.
            let _ = fs::remove_file(&partial);
            Error::new(
                &target,
                format_args!("cannot be written ({error})"),
                "free some space or choose another folder",
            )
        })
    }

    /// Reads a run from its folder or its file.
    ///
    /// # Errors
    ///
    /// When there is none, or not one that this program can trust.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let path =
            if path.is_dir() { path.join(FILE) } else { path.to_owned() };
        Self::parse(&path, &read(&path)?)
    }

    /// The run that a file of this name would hold.
    ///
    /// # Errors
    ///
    /// When it is not one that this program can trust.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let run: Self = parse(path, bytes, SCHEMA)?;
        check(&run).map_err(|what| Error::new(path, what, DAMAGED))?;
        Ok(run)
    }
}

/// Reads a file of results of a schema.
///
/// # Errors
///
/// When there is none, or not one of this schema.
pub fn load<T: DeserializeOwned>(path: &Path, schema: u32) -> Result<T, Error> {
    parse(path, &read(path)?, schema)
}

/// What a file of results of a schema would hold.
///
/// # Errors
///
/// When it is not one of this schema.
pub fn parse<T: DeserializeOwned>(
    path: &Path,
    bytes: &[u8],
    schema: u32,
) -> Result<T, Error> {
    if bytes.is_empty() {
        return Err(Error::new(path, "the file is empty", DAMAGED));
    }
    check_schema(path, bytes, schema)?;
    serde_json::from_slice(bytes)
        .map_err(|error| malformed(path, bytes, &error))
}

/// What to name instead of a file that is none of ours.
fn elsewhere(path: &Path) -> &'static str {
    match path.file_name().is_some_and(|name| name == FILE) {
        true => "name a run's folder or its run.json",
        false => "name a folder of results or a file in one",
    }
}

fn write_synced(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let unreadable = |error: io::Error| {
        if error.kind() == io::ErrorKind::NotFound {
            Error::new(path, "no such file", elsewhere(path))
        } else {
            let what = format!("cannot be read ({error})");
            Error::new(path, what, "check its permissions and the disk")
        }
    };
    let about = fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() {
        return Err(Error::new(path, "no regular file", elsewhere(path)));
    }
    let size = about.len();
    if size > MOST_BYTES {
        let what = format!("{size} bytes, the limit is {MOST_BYTES}");
        return Err(Error::new(path, what, elsewhere(path)));
    }
    fs::read(path).map_err(unreadable)
}

/// Looks at the schema number alone, so that a run of another version is
/// called that and not a file with a wrong field.
fn check_schema(path: &Path, bytes: &[u8], this: u32) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Head {
        schema: Option<u64>,
    }
    let head: Head = serde_json::from_slice(bytes)
        .map_err(|error| malformed(path, bytes, &error))?;
    let this = u64::from(this);
    match head.schema {
        Some(schema) if schema == this => Ok(()),
        Some(schema) if schema > this => Err(Error::new(
            path,
            format_args!(
                "made by a newer bench-runner (schema {schema}, this one \
                 reads {this})"
            ),
            "update bench-runner",
        )),
        Some(schema) => Err(Error::new(
            path,
            format_args!(
                "made by an older bench-runner (schema {schema}, this one \
                 reads {this})"
            ),
            "read it with that version or measure again",
        )),
        None => Err(Error::new(
            path,
            "missing field `schema`, so no file of results",
            elsewhere(path),
        )),
    }
}

fn cut_off(path: &Path, error: &serde_json::Error) -> Error {
    Error::new(
        path,
        format_args!("cut off in line {}", error.line()),
        "copy it again from where it was made, or measure again",
    )
}

/// Whether an error stands at the very end, as behind half a number.
fn at_end(bytes: &[u8], error: &serde_json::Error) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let last = lines.next_back().map_or(0, <[u8]>::len);
    error.line() == lines.count() + 1 && error.column() >= last
}

fn malformed(path: &Path, bytes: &[u8], error: &serde_json::Error) -> Error {
    use serde_json::error::Category;
    let in_text = error.line() > 1 && at_end(bytes, error);
    match error.classify() {
        Category::Syntax if in_text => cut_off(path, error),
        Category::Eof => cut_off(path, error),
        // The first byte tells a foreign file from a damaged one.
        Category::Syntax if error.line() == 1 && error.column() <= 1 => {
            Error::new(path, format_args!("not JSON, {error}"), elsewhere(path))
        }
        Category::Syntax => {
            Error::new(path, format_args!("not JSON, {error}"), DAMAGED)
        }
        Category::Data | Category::Io => Error::new(path, error, DAMAGED),
    }
}

/// The run as JSON, each round on a line of its own.
fn text(run: &Run) -> io::Result<String> {
    // All fields by name: one that is added must be written too.
    let Run {
        schema,
        command,
        started,
        build,
        other_build,
        machine,
        examination,
        setup,
        cells,
        same_code,
        processes,
        warnings,
    } = run;
    let mut out = String::from("{\n");
    let mut field = |name: &str, value: String| {
        let _ = writeln!(out, "  \"{name}\": {value},");
    };
    field("schema", compact(schema)?);
    field("command", compact(command)?);
    field("started", compact(started)?);
    field("build", pretty(build)?);
    if let Some(other) = other_build {
        field("other_build", pretty(other)?);
    }
    field("machine", pretty(machine)?);
    if let Some(examination) = examination {
        field("examination", pretty(examination)?);
    }
    field("setup", pretty(setup)?);
    field("warnings", pretty(warnings)?);
    field("cells", lines(cells.iter().map(compact), 4)?);
    if !same_code.is_empty() {
        field("same_code", lines(same_code.iter().map(compact), 4)?);
    }
    let processes = processes.iter().map(|process| {
        let super::Process { index, pages, rounds, quality } = process;
        let quality = match quality {
            Some(quality) => format!("\"quality\": {}, ", compact(quality)?),
            None => String::new(),
        };
        Ok(format!(
            "{{\"index\": {}, \"pages\": {}, {quality}\"rounds\": {}}}",
            compact(index)?,
            compact(pages)?,
            lines(rounds.iter().map(compact), 6)?
        ))
    });
    let _ = writeln!(out, "  \"processes\": {}\n}}", lines(processes, 4)?);
    Ok(out)
}

fn compact<T: Serialize>(value: &T) -> io::Result<String> {
    Ok(serde_json::to_string(value)?)
}

/// Indented as a field; no string of JSON contains a line break.
fn pretty<T: Serialize>(value: &T) -> io::Result<String> {
    Ok(serde_json::to_string_pretty(value)?.replace('\n', "\n  "))
}

/// An array with one element per line.
fn lines(
    elements: impl Iterator<Item = io::Result<String>>,
    indent: usize,
) -> io::Result<String> {
    let elements = elements.collect::<io::Result<Vec<_>>>()?;
    if elements.is_empty() {
        return Ok("[]".to_owned());
    }
    let gap = format!("\n{:indent$}", "");
    let end = format!("\n{:1$}", "", indent - 2);
    Ok(format!("[{gap}{}{end}]", elements.join(&format!(",{gap}"))))
}

#[cfg(test)]
mod tests;

//! Baselines on the disk: a folder each, with programs, counts and times.

use std::fs;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::counts::Counted;
use crate::cli::StoreArgs;
use crate::explain::Reader;
use crate::failure::Failure;
use crate::fingerprint::{Fingerprint, hex};
use crate::folder::replace;
use crate::plan;
use crate::results::{Build, Cell, Examination, Machine};

/// Name of the file that says what a baseline is.
pub const FILE: &str = "baseline.json";

/// The version of the schema that this program writes.
pub const SCHEMA: u32 = 1;

/// How names of baselines end that another one took the place of.
const FORMER: char = '@';

/// A program to check against, and all that is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this schema.
    pub schema: u32,
    /// Its name.
    pub name: String,
    /// When it was saved, RFC 3339, UTC.
    pub saved: String,
    /// The command line.
    pub command: String,
    /// What the program was built from, and how.
    pub build: Build,
    /// The program, and more links of it.
    pub programs: Vec<Archived>,
    /// The machine it was saved on.
    pub machine: Machine,
    /// What times and counts depend on besides the code.
    pub fingerprint: Fingerprint,
    /// In what condition the machine was; absent where nothing was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examination: Option<Examination>,
    /// Digest of the reference kernel's machine code, where it can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Cell by cell.
    pub cells: Vec<CellOf>,
    /// The machine code of its variants.
    pub code: Vec<Code>,
}

/// A program in the archive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Archived {
    /// Name of its file in the baseline's folder.
    pub file: String,
    /// Seed of the order of its sections; absent for the program itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u32>,
    /// SHA-256 of the file.
    pub sha256: String,
}

/// What is known of a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CellOf {
    /// The cell.
    pub cell: Cell,
    /// What it takes per packet; absent where nothing was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counted>,
    /// By process, the logarithm of its time per packet over that of a step of
    /// the reference kernel; none where nothing was measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub over_reference: Vec<f64>,
}

/// The machine code of a variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// Name of the variant.
    pub variant: String,
    /// A line for each instruction.
    pub listing: Vec<String>,
}

impl Code {
    /// That of this program's variants of these names, each once, as far as it
    /// can be read.
    #[must_use]
    pub fn of_this_program<'a>(
        names: impl Iterator<Item = &'a str>,
    ) -> Vec<Self> {
        let Ok(mut reader) = Reader::of_this_program() else {
            return Vec::new();
        };
        let mut all: Vec<Self> = Vec::new();
        for name in names {
            if all.iter().any(|code| code.variant == name) {
                continue;
            }
            let listing = plan::find(name).and_then(|v| reader.lines(&v));
            if let Ok(listing) = listing {
                all.push(Self { variant: name.to_owned(), listing });
            }
        }
        all
    }
}

/// The folder of all baselines.
#[derive(Clone, Debug)]
pub struct Store(PathBuf);

/// A baseline, read and found whole.
#[derive(Clone, Debug)]
pub struct Baseline {
    /// Where it is.
    pub folder: PathBuf,
    /// What it is.
    pub manifest: Manifest,
}

impl Store {
    /// The folder that was named, or the user's own.
    ///
    /// # Errors
    ///
    /// When none was named and the user has no home.
    pub fn find(args: &StoreArgs) -> Result<Self, Failure> {
        if let Some(folder) = &args.store {
            return Ok(Self(folder.clone()));
        }
        let set = |name| std::env::var_os(name).filter(|v| !v.is_empty());
        let data = set("XDG_DATA_HOME").map(PathBuf::from).or_else(|| {
            set("HOME").map(|home| PathBuf::from(home).join(".local/share"))
        });
        match data {
            Some(data) => Ok(Self(data.join("ringside/baselines"))),
            None => Err(Failure::error(
                "no home folder to keep baselines in: name one by --store",
            )),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where the baseline of a name is, or would be.
    ///
    /// # Errors
    ///
    /// When no baseline can have that name.
    pub fn folder(&self, name: &str) -> Result<PathBuf, Failure> {
        let is_plain = |c: char| {
            c.is_ascii_alphanumeric() || ['-', '_', '.', FORMER].contains(&c)
        };
        let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
        match begins && name.chars().all(is_plain) && name.len() <= 100 {
            true => Ok(self.0.join(name)),
            false => Err(Failure::error(format!(
                "{name:?} is no name of a baseline: letters, digits, - _ . \
                 and {FORMER}, a letter or digit first"
            ))),
        }
    }

    /// The names of all baselines, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries
            .filter(|entry| entry.path().join(FILE).is_file())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| self.folder(name).is_ok())
            .collect();
        names.sort_unstable();
        names
    }

    /// Reads a baseline and finds its programs whole.
    ///
    /// # Errors
    ///
    /// A line that says what is missing or damaged, and what to do.
    pub fn load(&self, name: &str) -> Result<Baseline, Failure> {
        let folder = self.folder(name)?;
        let baseline = self.read(name, &folder)?;
        for program in &baseline.manifest.programs {
            let path = baseline.path_of(program)?;
            let digest = digest(&path).map_err(|error| {
                Failure::error(format!(
                    "baseline {name} is damaged: {}: {error}; save it again \
                     by baseline save --name {name} --force",
                    path.display()
                ))
            })?;
            if digest != program.sha256 {
                return Err(Failure::error(format!(
                    "baseline {name} is damaged: {} is not the program that \
                     was saved (its SHA-256 differs); save it again by \
                     baseline save --name {name} --force",
                    path.display()
                )));
            }
        }
        Ok(baseline)
    }

    /// The same without a look at the programs.
    pub fn read(&self, name: &str, folder: &Path) -> Result<Baseline, Failure> {
        let path = folder.join(FILE);
        if !folder.exists() {
            let names = self.names();
            let others = match &names[..] {
                [] => "there are none".to_owned(),
                names => format!("there are {}", names.join(", ")),
            };
            return Err(Failure::error(format!(
                "no baseline {name} in {}: {others}; bench-runner baseline \
                 save --name {name} makes one",
                self.0.display()
            )));
        }
        let damaged = |what: &dyn std::fmt::Display| {
            Failure::error(format!(
                "baseline {name} is damaged: {}: {what}; save it again by \
                 baseline save --name {name} --force",
                path.display()
            ))
        };
        let text = fs::read_to_string(&path).map_err(|e| damaged(&e))?;
        /// What every version has.
        #[derive(Deserialize)]
        struct Version {
            schema: u32,
        }
        let version: Version =
            serde_json::from_str(&text).map_err(|e| damaged(&e))?;
        if version.schema > SCHEMA {
            return Err(Failure::error(format!(
                "baseline {name} was saved by a newer bench-runner (schema \
                 {}, this one knows {SCHEMA}): use that one, or save under \
                 another name",
                version.schema
            )));
        }
        let manifest: Manifest =
            serde_json::from_str(&text).map_err(|e| damaged(&e))?;
        if manifest.schema != SCHEMA {
            return Err(damaged(&format!("schema {}", manifest.schema)));
        }
        if manifest.programs.is_empty() || manifest.cells.is_empty() {
            return Err(damaged(&"there is nothing in it"));
        }
        Ok(Baseline { folder: folder.to_owned(), manifest })
    }

    /// A folder to put a new baseline together in, which goes when it is
    /// dropped.
    ///
    /// # Errors
    ///
    /// When there is one of that name and it is not to make way, or the disk
    /// refuses.
    pub fn begin(&self, name: &str, force: bool) -> Result<Draft, Failure> {
        let place = self.folder(name)?;
        if name.contains(FORMER) {
            return Err(Failure::error(format!(
                "{name}: names with {FORMER} are those of baselines that \
                 another one took the place of; choose another"
            )));
        }
        if place.exists() && !force {
            return Err(Failure::error(format!(
                "there is a baseline {name} already: choose another --name, \
                 or add --force, which keeps the old one, too"
            )));
        }
        let denied = |error: std::io::Error| {
            Failure::error(format!(
                "cannot write to {}: {error}; name another folder by --store",
                self.0.display()
            ))
        };
        fs::create_dir_all(&self.0).map_err(denied)?;
        let draft = tempfile::Builder::new()
            .prefix(".draft-")
            .tempdir_in(&self.0)
            .map_err(denied)?;
        Ok(Draft { draft, place })
    }
}

impl Baseline {
    /// Where one of its programs is.
    pub fn path_of(&self, program: &Archived) -> Result<PathBuf, Failure> {
        let is_name = !program.file.contains('/') && program.file != "..";
        match is_name {
            true => Ok(self.folder.join(&program.file)),
            false => Err(Failure::error(format!(
                "baseline {} is damaged: {:?} is no file of it",
                self.manifest.name, program.file
            ))),
        }
    }
}

/// A baseline that is being put together.
pub struct Draft {
    draft: tempfile::TempDir,
    place: PathBuf,
}

impl Draft {
    /// Where its files go.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.draft.path()
    }

    /// Takes the program itself in.
    pub fn take(&self, program: &Path) -> Result<Archived, Failure> {
        const FILE: &str = "bench-runner";
        let copy = self.path().join(FILE);
        fs::copy(program, &copy).map_err(|error| {
            Failure::error(format!(
                "cannot copy {} to {}: {error}",
                program.display(),
                copy.display()
            ))
        })?;
        Self::archived(&copy, None)
    }

    /// Takes a link in that was made here.
    pub fn note(&self, link: &Path, seed: u32) -> Result<Archived, Failure> {
        Self::archived(link, Some(seed))
    }

    fn archived(path: &Path, seed: Option<u32>) -> Result<Archived, Failure> {
        let sync = |path: &Path| fs::File::open(path)?.sync_all();
        let sha256 = sync(path).and_then(|()| digest(path));
        let sha256 = sha256.map_err(|error| {
            Failure::error(format!("cannot keep {}: {error}", path.display()))
        })?;
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(Archived { file: file.into_owned(), seed, sha256 })
    }

    /// Puts it in its place; what was there is kept under the time when it was
    /// saved. Says where that is.
    pub fn finish(
        self,
        manifest: &Manifest,
        former: Option<&str>,
    ) -> Result<Option<PathBuf>, Failure> {
        let json = serde_json::to_string_pretty(manifest);
        let json = json.map_err(Failure::error)? + "\n";
        replace(&self.path().join(FILE), json.as_bytes())?;
        let denied = |error: std::io::Error| {
            Failure::error(format!(
                "cannot move the baseline to {}: {error}",
                self.place.display()
            ))
        };
        let mut kept = None;
        if self.place.exists() {
            let free = self.former(former);
            fs::rename(&self.place, &free).map_err(denied)?;
            kept = Some(free);
        }
        let moved = fs::rename(self.draft.path(), &self.place);
        if moved.is_err()
            && let Some(kept) = &kept
        {
            // The name keeps what it had.
            let _ = fs::rename(kept, &self.place);
        }
        moved.map_err(denied)?;
        Ok(kept)
    }

    /// A free name for what has to make way.
    fn former(&self, saved: Option<&str>) -> PathBuf {
        let when: String = saved
            .unwrap_or("damaged")
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        let name = self.place.file_name().unwrap_or_default();
        let name = format!("{}{FORMER}{when}", name.to_string_lossy());
        let numbered = |n: u32| match n {
            1 => self.place.with_file_name(&name),
            n => self.place.with_file_name(format!("{name}.{n}")),
        };
        let mut all = (1..).map(numbered);
        all.find(|path| !path.exists()).unwrap_or_default()
    }
}

/// SHA-256 of a file, as hexadecimal digits.
pub fn digest(path: &Path) -> std::io::Result<String> {
    Ok(hex(&Sha256::digest(fs::read(path)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::schema;

    fn store() -> (tempfile::TempDir, Store) {
        let place = tempfile::tempdir().expect("a folder");
        let store = Store(place.path().to_owned());
        (place, store)
    }

    #[test]
    fn the_committed_schema_is_the_one_of_these_types() {
        schema::assert_committed::<super::Manifest>("baseline-v1.json");
    }

    #[test]
    fn a_name_is_one_part_of_a_path() {
        let (_place, store) = store();
        for name in ["main", "v1.2", "2026-11-22", "main@2026-11-22T01-02-03Z"]
        {
            assert!(store.folder(name).is_ok(), "{name}");
        }
        for name in ["", ".", "..", "a/b", "../main", "-f", "a b", "ä"] {
            assert!(store.folder(name).is_err(), "{name}");
        }
        assert!(store.folder(&"x".repeat(101)).is_err());
    }

    #[test]
    fn what_makes_way_is_kept_however_often() {
        let (_place, store) = store();
        let saved = Some("2026-11-22T01:02:03Z");
        let mut kept = Vec::new();
        for _ in 0..4 {
            let draft = store.begin("main", true).expect("a draft");
            let place = draft.place.clone();
            if place.exists() {
                let former = draft.former(saved);
                fs::rename(&place, &former).expect("moved");
                kept.push(former);
            }
            fs::rename(draft.path(), &place).expect("moved");
        }
        let names = kept.iter().map(|path| path.file_name().expect("a name"));
        let names: Vec<_> = names.collect();
        assert_eq!(
            names,
            [
                "main@2026-11-22T01-02-03Z",
                "main@2026-11-22T01-02-03Z.2",
                "main@2026-11-22T01-02-03Z.3"
            ]
        );
        assert!(store.begin("main", false).is_err());
    }
}

//! What the machine said before `tune`, kept until `restore`.
//!
//! The file is complete before the first setting is changed. It holds the
//! oldest content of every file that was touched since.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::setting::{Setting, is_ours};
use super::stop::Stop;
use crate::environment::Root;
use crate::failure::Failure;

/// What the file calls itself.
const FORMAT: &str = "ringside settings before tune, version 1";

/// Its name in the runtime folder.
const NAME: &str = "ringside/settings.json";

/// One file of the kernel, as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Before {
    /// Its path below the root.
    pub file: String,
    /// All that it said.
    pub content: String,
}

/// The content of the state file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    format: String,
    /// What tells that boot from others; settings do not outlive a boot.
    boot: Option<String>,
    root: PathBuf,
    /// In the order in which they were changed.
    pub files: Vec<Before>,
}

/// What is found where the state file should be.
#[derive(Debug)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// The state of this boot.
    State(State),
    /// A state that an earlier boot left behind.
    EarlierBoot,
}

impl State {
    /// A state with nothing in it.
    pub fn new(root: &Root) -> Self {
        Self {
            format: FORMAT.to_owned(),
            boot: root.boot_id(),
            root: root.path().to_owned(),
            files: Vec::new(),
        }
    }

    /// Adds what will be changed. What is there already stays: it is older.
    pub fn add(&mut self, settings: &[&Setting]) {
        for setting in settings {
            let known = |before: &Before| before.file == setting.file;
            if !self.files.iter().any(known) {
                self.files.push(Before {
                    file: setting.file.clone(),
                    content: setting.now.clone(),
                });
            }
        }
    }

    /// Whether each of the files says again what it said.
    pub fn is_met(&self, root: &Root) -> bool {
        let met = |before: &Before| {
            root.read(&before.file).is_some_and(|now| now == before.content)
        };
        self.files.iter().all(met)
    }
}

/// The state file, which no other `tune` or `restore` touches meanwhile.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    /// The folder, held for its lock.
    _lock: Option<File>,
}

impl Store {
    /// The state file at `path`, or where it lies unless told otherwise. Its
    /// folder is made when `make` says so.
    pub fn open(
        root: &Root,
        path: Option<&Path>,
        make: bool,
    ) -> Result<Self, Failure> {
        let path = match path {
            Some(path) => path.to_owned(),
            None => usual_place(root)?,
        };
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let denied = |error: io::Error| {
            Failure::environment(format!(
                "cannot use {} to keep the present settings: {error}; run as \
                 root, or name a file by --state",
                path.display()
            ))
        };
        if make {
            fs::create_dir_all(folder).map_err(denied)?;
        }
        let lock = match File::open(folder) {
            Ok(lock) => lock,
            Err(error) if error.kind() == ErrorKind::NotFound && !make => {
                return Ok(Self { path, _lock: None });
            }
            Err(error) => return Err(denied(error)),
        };
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: Some(lock) }),
            Err(TryLockError::WouldBlock) => Err(Failure::error(format!(
                "another tune or restore holds {}: wait until it has ended",
                folder.display()
            ))),
            Err(TryLockError::Error(error)) => Err(denied(error)),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is there. What is no state of this machine is refused.
    pub fn load(&self, root: &Root) -> Result<Found, Failure> {
        let path = self.path.display();
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Found::Nothing);
            }
            Err(error) => {
                return Err(Failure::error(format!(
                    "cannot read {path}: {error}; run as the user who ran \
                     tune"
                )));
            }
        };
        let refused = |why: &str| {
            Failure::error(format!(
                "{path} {why}, so nothing was changed: move it away, and set \
                 the machine by hand or by a restart"
            ))
        };
        let state: State = serde_json::from_str(&text).map_err(|error| {
            let why = format!("is damaged or not by tune ({error})");
            refused(&why)
        })?;
        if state.format != FORMAT {
            return Err(refused("is of another version of tune"));
        }
        if state.root != root.path() {
            let why = format!("is of {}", state.root.display());
            return Err(refused(&why));
        }
        if let Some(other) = state.files.iter().find(|b| !is_ours(&b.file)) {
            let why = format!(
                "names {}, which tune never changes",
                other.file.escape_default()
            );
            return Err(refused(&why));
        }
        Ok(match state.boot == root.boot_id() {
            true => Found::State(state),
            false => Found::EarlierBoot,
        })
    }

    /// Writes the file next to its place and moves it there.
    pub fn save(&self, state: &State, stop: &Stop) -> Result<(), Failure> {
        let partial = self.partial();
        let text = serde_json::to_string_pretty(state)
            .map_err(|error| Failure::error(error.to_string()))?;
        let written = File::create(&partial)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            })
            .and_then(|()| {
                stop.pass();
                fs::rename(&partial, &self.path)
            });
        written.map_err(|error| {
            let _ = fs::remove_file(&partial);
            Failure::environment(format!(
                "cannot keep the present settings in {}: {error}; run as \
                 root, or name a file by --state",
                self.path.display()
            ))
        })?;
        stop.pass();
        Ok(())
    }

    fn partial(&self) -> PathBuf {
        let mut partial = self.path.as_os_str().to_owned();
        partial.push(".partial");
        partial.into()
    }

    /// Removes the file, and what a killed `tune` left of one: nothing is
    /// left to be put back.
    pub fn remove(&self) -> Result<(), Failure> {
        let _ = fs::remove_file(self.partial());
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(Failure::environment(format!(
                    "cannot remove {}: {error}",
                    self.path.display()
                )))
            }
            _ => Ok(()),
        }
    }
}

/// Below a root that is not the machine's, there. Else where a boot's own
/// files lie: of the system for root, of the user for others. A user may put
/// back what root left.
fn usual_place(root: &Root) -> Result<PathBuf, Failure> {
    let system = root.path().join("run").join(NAME);
    if !root.is_real() || rustix::process::geteuid().is_root() {
        return Ok(system);
    }
    let users = std::env::var_os("XDG_RUNTIME_DIR")
        .filter(|folder| Path::new(folder).is_absolute())
        .map(|folder| Path::new(&folder).join(NAME));
    match users {
        _ if system.exists() => Ok(system),
        Some(place) => Ok(place),
        None => Err(Failure::environment(
            "no folder to keep the present settings in, for XDG_RUNTIME_DIR \
             is not set: run as root, or name a file by --state",
        )),
    }
}

//! What a report is made of: all that lies in the named places.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::counted::Counted;
use super::past::{self, Past};
use crate::failure::Failure;
use crate::folder::RESULTS;
use crate::history::{self, Loaded};
use crate::results::{self, Build, Machine, Run};
use crate::trend::record::Trend;
use crate::{counters, latency, ndr, reproduce, soak, trend};

/// Recorded runs by kind, the newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Material {
    /// The folder of what was named first.
    pub folder: PathBuf,
    /// Sweeps, single runs and comparisons: the newest ones, whole.
    pub runs: Vec<Run>,
    /// What all of them say, in short.
    pub past: Vec<Past>,
    /// Latencies.
    pub latencies: Vec<latency::record::Record>,
    /// Loss-free rates.
    pub ndrs: Vec<ndr::record::Record>,
    /// Soaks.
    pub soaks: Vec<soak::record::Record>,
    /// Published figures.
    pub reproductions: Vec<reproduce::record::Record>,
    /// Counts.
    pub counts: Vec<Counted>,
    /// Cells over commits.
    pub trend: Option<Trend>,
}

/// How some results were made, on what and by what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Origin<'a> {
    /// The command line.
    pub command: &'a str,
    /// When it began, RFC 3339, UTC.
    pub started: &'a str,
    /// The program that measured.
    pub build: &'a Build,
    /// The machine it ran on.
    pub machine: &'a Machine,
    /// What a reader of the numbers has to know.
    pub warnings: &'a [String],
}

/// What all kinds of results have in common.
macro_rules! origin {
    ($record:expr) => {
        Origin {
            command: &$record.command,
            started: &$record.started,
            build: &$record.build,
            machine: &$record.machine,
            warnings: &$record.warnings,
        }
    };
}

/// The files that a folder may hold.
const FILES: [&str; 6] = [
    results::FILE,
    latency::record::FILE,
    ndr::record::FILE,
    soak::record::FILE,
    reproduce::record::FILE,
    counters::FILE,
];

impl Material {
    /// Reads folders of results, folders of such folders, and single files;
    /// the newest folder in `results/` where nothing is named.
    ///
    /// # Errors
    ///
    /// A line for the first file that cannot be read or trusted.
    pub fn load(paths: &[PathBuf]) -> Result<Self, Failure> {
        let newest;
        let paths = match paths {
            [] => {
                newest = [newest_folder(Path::new(RESULTS))?];
                &newest[..]
            }
            named => named,
        };
        let mut files = Vec::new();
        for path in paths {
            files.extend(files_of(path)?);
        }
        let mut seen = HashSet::new();
        files.retain(|file| seen.insert(file.clone()));
        let folder = match paths[0].is_dir() {
            true => paths[0].clone(),
            false => paths[0].parent().unwrap_or(Path::new("")).to_owned(),
        };
        let mut all = Self { folder, ..Self::default() };
        let (lines, files): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| history::is_file(file));
        all.trend = trends(&lines)?;
        let (runs, others): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| is_run(file));
        (all.runs, all.past) = past::load(&runs)?;
        for file in others {
            all.take(&file)?;
        }
        all.latencies.sort_by(|a, b| b.started.cmp(&a.started));
        all.ndrs.sort_by(|a, b| b.started.cmp(&a.started));
        all.soaks.sort_by(|a, b| b.started.cmp(&a.started));
        all.reproductions.sort_by(|a, b| b.started.cmp(&a.started));
        Ok(all)
    }

    /// Where all of it comes from, except for older runs; the newest run is
    /// the first.
    pub fn origins(&self) -> Vec<Origin<'_>> {
        let run = self.runs.first().map(|one| origin!(one));
        let latencies = self.latencies.iter().map(|one| origin!(one));
        let ndrs = self.ndrs.iter().map(|one| origin!(one));
        let soaks = self.soaks.iter().map(|one| origin!(one));
        let figures = self.reproductions.iter().map(|one| origin!(one));
        let loads = latencies.chain(ndrs).chain(soaks);
        run.into_iter().chain(loads).chain(figures).collect()
    }

    /// Reads a file that is no run.
    fn take(&mut self, path: &Path) -> Result<(), Failure> {
        fn load<T: DeserializeOwned>(
            path: &Path,
            schema: u32,
        ) -> Result<T, Failure> {
            results::load(path, schema).map_err(Failure::error)
        }
        match name(path) {
            latency::record::FILE => {
                self.latencies.push(load(path, latency::record::SCHEMA)?);
            }
            ndr::record::FILE => {
                self.ndrs.push(load(path, ndr::record::SCHEMA)?);
            }
            soak::record::FILE => {
                self.soaks.push(load(path, soak::record::SCHEMA)?);
            }
            reproduce::record::FILE => {
                self.reproductions.push(load(path, reproduce::record::SCHEMA)?);
            }
            _ => self.counts.push(load(path, counters::SCHEMA)?),
        }
        Ok(())
    }
}

/// What files of a history say.
fn trends(files: &[PathBuf]) -> Result<Option<Trend>, Failure> {
    if files.is_empty() {
        return Ok(None);
    }
    let mut all = Loaded::default();
    for file in files {
        let place = history::Place::Folder(file.clone());
        let Loaded { lines, notes } = history::load(&place)?;
        all.lines.extend(lines);
        all.notes.extend(notes);
    }
    Ok(Some(trend::series::of(&all)))
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Whether a file is a run: any that has not the name of another kind.
fn is_run(path: &Path) -> bool {
    !FILES[1..].contains(&name(path))
}

/// The files of results at a place, in a fixed order.
fn files_of(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = files_in(path);
    files.extend(history::files_in(path)?);
    if files.is_empty() {
        files = folders_in(path)?.iter().flat_map(|f| files_in(f)).collect();
    }
    if files.is_empty() {
        return Err(Failure::error(format!(
            "{}: no results in it: name a folder with one of {}, or with a \
             history (*.{})",
            path.display(),
            FILES.join(", "),
            history::EXTENSION
        )));
    }
    Ok(files)
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let files = FILES.into_iter().map(|name| folder.join(name));
    files.filter(|file| file.exists()).collect()
}

fn folders_in(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(folder).map_err(|why| {
        Failure::error(format!("cannot read {}: {why}", folder.display()))
    })?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut folders: Vec<_> = paths.filter(|path| path.is_dir()).collect();
    folders.sort();
    Ok(folders)
}

/// The folder whose results began last; what cannot be read is named and
/// passed over.
fn newest_folder(among: &Path) -> Result<PathBuf, Failure> {
    #[derive(Deserialize)]
    struct Head {
        started: String,
    }
    let none = || {
        Failure::error(format!(
            "no results in {}/: name a run's folder, or measure with \
             bench-runner sweep",
            among.display()
        ))
    };
    if !among.is_dir() {
        return Err(none());
    }
    let mut newest: Option<(String, PathBuf)> = None;
    for folder in folders_in(among)? {
        for file in files_in(&folder) {
            if name(&file) == counters::FILE {
                continue;
            }
            let text = fs::read(&file).unwrap_or_default();
            let Ok(Head { started }) = serde_json::from_slice(&text) else {
                let file = file.display();
                eprintln!("note: {file} is damaged and not looked at");
                continue;
            };
            let this = (started, folder.clone());
            newest = newest.max(Some(this));
        }
    }
    newest.map(|(_, folder)| folder).ok_or_else(none)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::example;

    fn save(folder: &Path, started: &str) -> Run {
        let mut run = example::run(&["baseline", "reg=boxed"], &[32]);
        run.started = started.to_owned();
        run.save(folder).expect("saved");
        run
    }

    #[test]
    fn a_folder_of_folders_is_all_that_lies_in_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name| folder.path().join(name);
        save(&at("a"), "2026-01-01T00:00:00Z");
        let newest = save(&at("b"), "2026-03-01T00:00:00Z");
        save(&at("c"), "2026-02-01T00:00:00Z");
        fs::create_dir(at("schema")).expect("made");
        let all = Material::load(&[folder.path().to_owned()]).expect("read");
        let dates: Vec<_> = all.past.iter().map(|p| &p.started[..7]).collect();
        assert_eq!(dates, ["2026-03", "2026-02", "2026-01"]);
        assert_eq!((all.runs.len(), &all.runs[0]), (3, &newest));
        assert_eq!(newest_folder(folder.path()).expect("one"), at("b"));
        // What is damaged is nobody's newest run, and fails where it is named.
        let damaged = at("d").join(results::FILE);
        fs::create_dir(at("d")).expect("made");
        fs::write(&damaged, "{").expect("written");
        assert_eq!(newest_folder(folder.path()).expect("one"), at("b"));
        let all = Material::load(&[folder.path().to_owned()]);
        let line = all.expect_err("damaged").to_string();
        assert!(line.contains("d/run.json: cut off"), "{line}");
    }

    #[test]
    fn a_place_named_twice_counts_once() {
        let folder = tempfile::tempdir().expect("a folder");
        save(folder.path(), "2026-01-01T00:00:00Z");
        let twice = [folder.path().to_owned(), folder.path().to_owned()];
        assert_eq!(Material::load(&twice).expect("read").past.len(), 1);
    }

    #[test]
    fn without_results_a_line_says_what_to_do() {
        let folder = tempfile::tempdir().expect("a folder");
        let line = Material::load(&[folder.path().to_owned()]);
        let line = line.expect_err("empty").to_string();
        assert!(line.contains("no results in it: name"), "{line}");
        let line = newest_folder(folder.path()).expect_err("empty");
        assert!(line.to_string().contains("no results in"));
        let nowhere = folder.path().join("nowhere");
        assert!(newest_folder(&nowhere).is_err());
    }
}

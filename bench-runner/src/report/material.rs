//! What a report is made of: all that lies in the named places.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::folder::RESULTS;
use crate::results::{self, Run};
use crate::{latency, ndr, reproduce, soak};

/// Recorded runs by kind, the newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Material {
    /// The folder of what was named first.
    pub folder: PathBuf,
    /// Sweeps, single runs and comparisons.
    pub runs: Vec<Run>,
    /// Latencies.
    pub latencies: Vec<latency::record::Record>,
    /// Loss-free rates.
    pub ndrs: Vec<ndr::record::Record>,
    /// Soaks.
    pub soaks: Vec<soak::record::Record>,
    /// Published figures.
    pub reproductions: Vec<reproduce::record::Record>,
}

/// The files that a folder may hold.
const FILES: [&str; 5] = [
    results::FILE,
    latency::record::FILE,
    ndr::record::FILE,
    soak::record::FILE,
    reproduce::record::FILE,
];

impl Material {
    /// Reads folders of results and single files; the newest run in
    /// `results/` where nothing is named.
    ///
    /// # Errors
    ///
    /// A line for the first file that cannot be read or trusted.
    pub fn load(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut all = Self::default();
        for path in paths {
            all.take(path)?;
        }
        if paths.is_empty() {
            return Err(Failure::error(format!(
                "name a run's folder, such as one in {RESULTS}/"
            )));
        }
        all.folder = match paths[0].is_dir() {
            true => paths[0].clone(),
            false => paths[0].parent().unwrap_or(Path::new("")).to_owned(),
        };
        all.runs.sort_by(|a, b| b.started.cmp(&a.started));
        Ok(all)
    }

    fn take(&mut self, path: &Path) -> Result<(), Failure> {
        if !path.is_dir() {
            return self.take_file(path);
        }
        let files = FILES.map(|name| path.join(name));
        let there: Vec<_> = files.iter().filter(|f| f.exists()).collect();
        if there.is_empty() {
            return Err(Failure::error(format!(
                "{}: no results in it: name a folder with one of {}",
                path.display(),
                FILES.join(", ")
            )));
        }
        there.into_iter().try_for_each(|file| self.take_file(file))
    }

    fn take_file(&mut self, path: &Path) -> Result<(), Failure> {
        fn load<T: DeserializeOwned>(
            path: &Path,
            schema: u32,
        ) -> Result<T, Failure> {
            results::load(path, schema).map_err(Failure::error)
        }
        let name = path.file_name().and_then(|name| name.to_str());
        match name.unwrap_or_default() {
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
            _ => self.runs.push(Run::load(path).map_err(Failure::error)?),
        }
        Ok(())
    }
}

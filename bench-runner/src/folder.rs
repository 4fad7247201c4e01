//! The folder of a run: its name, its lock and everything written to it.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::analysis;
use crate::environment::machine_slug;
use crate::failure::Failure;
use crate::plot;
use crate::results::{
    Build, Examination, FILE, Fill, Machine, Run, bare, on_cores,
};
use crate::table;

/// Where runs are kept unless told otherwise.
pub const RESULTS: &str = "results";

/// Charts lie here, inside the run's folder.
const PLOTS: &str = "plots";

/// A run's folder, which no other process writes to meanwhile.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Held for its lock.
    _lock: File,
}

impl Folder {
    /// The folder at `path`, made where there is none.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let denied = |error: std::io::Error| {
            Failure::error(format!(
                "cannot write to {}: {error}; choose another folder by --out",
                path.display()
            ))
        };
        fs::create_dir_all(path).map_err(denied)?;
        let lock = File::create(path.join(".lock")).map_err(denied)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::error(format!(
                    "{} belongs to a command that is still running: wait for \
                     it or choose another folder by --out",
                    path.display()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(denied(error)),
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The same for a command's results, of which `file` is one; none yet.
    pub fn without(file: &str, path: &Path) -> Result<Self, Failure> {
        let folder = Self::open(path)?;
        match path.join(file).exists() {
            false => Ok(folder),
            true => Err(Failure::error(format!(
                "{} has {file} already: choose another folder by --out",
                path.display()
            ))),
        }
    }

    /// A new folder in `results/`, named by date and machine.
    pub fn fresh(started: &str, machine: &Machine) -> Result<Self, Failure> {
        Self::open(&free(&dated(started, machine), FILE))
    }

    /// A new folder in `results/`, named by what is in it and where.
    pub fn of_kind(
        kind: &str,
        file: &str,
        started: &str,
        machine: &Machine,
    ) -> Result<Self, Failure> {
        let name = format!("{}-{kind}", dated(started, machine));
        Self::open(&free(&name, file))
    }

    /// The newest folder in `results/` with an unfinished run.
    pub fn newest_unfinished() -> Option<PathBuf> {
        let folders = fs::read_dir(RESULTS).ok()?.flatten();
        let unfinished = folders.filter_map(|entry| {
            let run = Run::load(&entry.path()).ok()?;
            let goes_on = !run.is_finished() && run.other_build.is_none();
            goes_on.then_some((run.started, entry.path()))
        });
        unfinished.max().map(|(_, path)| path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The run inside, if there is one.
    pub fn load(&self) -> Result<Option<Run>, Failure> {
        if !self.path.join(FILE).exists() {
            return Ok(None);
        }
        Run::load(&self.path).map(Some).map_err(Failure::error)
    }

    /// Writes the samples. Nothing that was there is lost when this fails.
    pub fn save(&self, run: &Run) -> Result<(), Failure> {
        run.save(&self.path).map_err(Failure::error)
    }

    /// Writes a file of another kind, whole or not at all; `name` may lie in
    /// a folder below.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.path.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|e| cannot_write(folder, &e))?;
        }
        replace(&path, bytes)
    }

    /// Writes a chart.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn put_chart(&self, name: &str, svg: &str) -> Result<(), Failure> {
        self.put(&format!("{PLOTS}/{name}"), svg.as_bytes())
    }

    /// Draws charts and page from the samples.
    pub fn draw(&self, run: &Run) -> Result<(), Failure> {
        let plots = self.path.join(PLOTS);
        let results = analysis::analyse(run, &reference);
        let charts = plot::charts(run, &results, &reference);
        fs::create_dir_all(&plots).map_err(|e| cannot_write(&plots, &e))?;
        for (name, svg) in &charts {
            replace(&plots.join(name), svg.as_bytes())?;
        }
        let names: Vec<_> =
            charts.iter().map(|(name, _)| name.as_str()).collect();
        let page = page(run, &names);
        replace(&self.path.join("README.md"), page.as_bytes())
    }
}

/// A name by date and machine.
fn dated(started: &str, machine: &Machine) -> String {
    let date = started.split('T').next().unwrap_or(started);
    format!("{date}-{}", machine_slug(machine))
}

/// The first of a name's folders in `results/` that has no such file: the name
/// itself, or with a number.
pub fn free(name: &str, file: &str) -> PathBuf {
    let first = Path::new(RESULTS).join(name);
    let numbered = |n: u32| Path::new(RESULTS).join(format!("{name}-{n}"));
    let mut all = std::iter::once(first).chain((2..).map(numbered));
    let free = all.find(|path| !path.join(file).exists());
    free.unwrap_or_else(|| RESULTS.into())
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::error(format!("cannot write {}: {error}", path.display()))
}

/// Writes a file next to its place and moves it there when it is on the disk.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    let write = || {
        let mut file = File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    write().map_err(|e| {
        // It may not be there; the first failure is the one to tell.
        let _ = fs::remove_file(&partial);
        cannot_write(path, &e)
    })
}

/// The name of the variant that a variant is compared with: that of a second
/// program with the first one's.
pub fn reference(name: &str) -> &str {
    /// By name, for the registry makes its list anew each time.
    static KNOWN: LazyLock<HashMap<String, &str>> = LazyLock::new(|| {
        let all = variants::registry::variants().into_iter();
        all.map(|variant| (variant.name(), variant.reference)).collect()
    });
    if bare(name) != name {
        return bare(name);
    }
    KNOWN.get(name).copied().unwrap_or(analysis::BASELINE)
}

/// All tables of a run, for a terminal of `width` columns.
pub fn tables(run: &Run, width: Option<usize>) -> String {
    let results = analysis::analyse(run, &reference);
    let spread = analysis::aa_spread(run);
    let mut text = String::new();
    for fill in run.fills() {
        let results = analysis::with_fill(&results, fill);
        for cores in run.core_counts() {
            let results = analysis::with_cores(&results, cores);
            let mut note = match fill {
                Fill::Full => String::new(),
                Fill::Random => ", random fill".to_owned(),
            };
            if fill != run.setup.fill {
                text += &format!("With {fill} fill\n\n");
            }
            if let Some(cores) = cores {
                note += &format!(", {}", on_cores(cores));
                text += &format!("Forwarding {}\n\n", on_cores(cores));
            }
            text += &format!(
                "{}\nCost against the reference{note}\n\n{}\n",
                table::cells(&results, &reference, width),
                table::overview(&results, &reference, width),
            );
        }
    }
    if let [_, .., Some(_)] = run.core_counts()[..] {
        text += &format!("Mpps over cores\n\n{}\n", table::scaling(&results));
    }
    text + &table::caption(run, &results, spread.as_ref())
}

/// The page of a run: the command that made it, its circumstances, its charts
/// and its tables.
fn page(run: &Run, charts: &[&str]) -> String {
    let build = &run.build;
    let machine = &run.machine;
    let hypervisor = match &machine.hypervisor {
        Some(name) => format!(", under {name}"),
        None => String::new(),
    };
    let pages = run.processes.first().map_or("none", |p| p.pages.as_str());
    let mut text = format!(
        "# {}\n\n\
         Made by\n\n    {}\n\n\
         - started {}, seed {}\n\
         - {}, {} cores{hypervisor}, kernel {}, arenas in {pages}\n{}",
        run.started.split('T').next().unwrap_or_default(),
        one_line(&run.command),
        one_line(&run.started),
        run.setup.seed,
        one_line(&machine.cpu),
        machine.cores,
        one_line(&machine.kernel),
        program(build),
    );
    if let Some(other) = &run.other_build {
        text += &program(other);
    }
    if let Some(Examination { line, .. }) = &run.examination {
        text += &format!("- before the run, {}\n", one_line(line));
    }
    for warning in &run.warnings {
        text += &format!("- note: {}\n", one_line(warning));
    }
    text.push('\n');
    for name in charts {
        text += &format!("![{name}]({PLOTS}/{name})\n");
    }
    text += &format!("\n```text\n{}\n```\n", tables(run, None).trim_end());
    text
}

/// What a program was built from.
fn program(build: &Build) -> String {
    let whose = match &build.path {
        Some(path) => format!("{}: ", one_line(path)),
        None => String::new(),
    };
    let dirty = if build.dirty { ", with changes" } else { "" };
    let mut text = format!(
        "- {whose}commit {}{dirty}, {}, flags `{}`\n",
        one_line(&build.commit),
        one_line(&build.compiler),
        one_line(&build.flags.join(" ")),
    );
    if let Some(compiler) = &build.c_compiler {
        text += &format!(
            "- {whose}variants in C by {}, flags `{}`\n",
            one_line(compiler),
            one_line(&build.c_flags.join(" ")),
        );
    }
    text
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::example;

    #[test]
    fn tables_name_both_programs_and_compare_the_second_with_the_first() {
        let mut run = example::run(&["reg=boxed", "batch=vec"], &[32]);
        let path = Some("old/bench-runner".to_owned());
        run.other_build = Some(Build { path, ..run.build.clone() });
        run.cells[1].variant = "reg=boxed".to_owned();
        run.cells[1].other = true;
        let text = tables(&run, None);
        let rows: Vec<_> =
            text.lines().filter(|l| l.starts_with("reg=boxed")).collect();
        let named = |row: &&&str| row.contains("of old/bench-runner");
        assert!(rows.iter().any(|row| !named(&row)), "{text}");
        let other = rows.iter().find(named).expect("a row");
        assert!(other.contains('×') && other.contains("faster"), "{text}");
        let page = page(&run, &[]);
        assert!(page.contains("- old/bench-runner: commit 0123"), "{page}");
    }
}

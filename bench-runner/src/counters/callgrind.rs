//! Counts from callgrind, which runs the machine code of this program
//! instruction by instruction.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::Ordering;
use std::{env, fs};

use serde::Serialize;
use variants::registry::Variant;

use super::profile::Profile;
use super::worker::{Order, lap};
use super::{ByCode, Count, Events, Modelled};
use crate::explain::symbols::Image;
use crate::failure::Failure;
use crate::measure::{Times, Turns};
use crate::process;

/// The program, as it is called and installed.
const VALGRIND: &str = "valgrind";

/// Instructions, conditional branches, reads and writes of memory.
const EVENTS: [&str; 4] = ["Ir", "Bc", "Dr", "Dw"];

/// What it models on the way: mispredicted conditional branches and indirect
/// jumps; reads and writes that miss the first-level data cache, and the
/// last level.
const MODELLED: [&str; 6] = ["Bcm", "Bim", "D1mr", "D1mw", "DLmr", "DLmw"];

/// The names of the functions that hand memory out. One that calls another
/// of them counts once.
const ALLOCATORS: [&str; 9] = [
    "malloc",
    "calloc",
    "realloc",
    "reallocarray",
    "aligned_alloc",
    "memalign",
    "posix_memalign",
    "valloc",
    "pvalloc",
];

/// What valgrind calls itself, or why it cannot be used.
pub fn version() -> Result<String, Failure> {
    match Command::new(VALGRIND).arg("--version").output() {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
        Ok(output) => Err(unwilling(&output)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Failure::environment(
                "no valgrind on the PATH, and it is what counts: install it, \
                 such as by apt-get install valgrind",
            ))
        }
        Err(error) => {
            Err(Failure::environment(format!("cannot start valgrind: {error}")))
        }
    }
}

/// Valgrind, and this program as it sees it.
pub struct Callgrind {
    version: String,
    program: PathBuf,
    image: Image,
}

impl Callgrind {
    /// Looks for valgrind and for this program's symbols.
    pub fn find() -> Result<Self, Failure> {
        let version = version()?;
        let program = env::current_exe().map_err(Failure::environment)?;
        Ok(Self { version, program, image: Image::of_this_program()? })
    }

    /// What valgrind calls itself.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Counts what a variant does in each of the turns.
    pub fn count(
        &self,
        variant: &Variant,
        turns: &[Turns],
    ) -> Result<Vec<Count>, Failure> {
        let name = variant.name();
        let fault = |what: String| {
            Failure::error(format!("counting {name} failed: {what}"))
        };
        let folder = tempfile::Builder::new()
            .prefix("ringside-")
            .tempdir()
            .map_err(Failure::environment)?;
        let file = folder.path().join("sheet");
        let order =
            Order { variant: name.clone(), turns: turns.to_vec(), perf: None };
        let entries = [(variant.entry(), variant.name())];
        let mut command = self.command(&entries, &file, "counted")?;
        let done: Vec<Times> =
            serde_json::from_slice(&answer(&mut command, &order)?)
                .map_err(|error| fault(error.to_string()))?;
        let sheet =
            |number: usize| folder.path().join(format!("sheet.{number}"));
        // Two laps for each of the turns, and no function that goes by the
        // name of theirs.
        let one_too_many = sheet(2 * turns.len() + 1).exists();
        if done.len() != turns.len() || one_too_many {
            return Err(fault("its turns do not match its laps".to_owned()));
        }
        let count = |(i, (turns, times)): (usize, (&Turns, Times))| {
            // A sheet ends before the turns that count, and one after them.
            let text = fs::read_to_string(sheet(2 * i + 2));
            let text = text.map_err(|error| fault(error.to_string()))?;
            let profile = Profile::parse(&text)
                .map_err(|error| fault(format!("its profile: {error}")))?;
            let unknown = |event: &&&str| !profile.counts(event);
            let mut events = EVENTS.iter().chain(&MODELLED);
            if let Some(event) = events.find(unknown) {
                return Err(fault(format!("its profile has no {event}")));
            }
            let count = self.evaluate(&profile, name.clone(), *turns, times);
            match count.own.instructions {
                0 => Err(fault("none of its code was seen".to_owned())),
                _ => Ok(count),
            }
        };
        (0..).zip(turns.iter().zip(done)).map(count).collect()
    }

    /// This program under callgrind, which counts from each of the entries to
    /// its return and begins a new sheet at each [`lap`]. With an entry goes
    /// the name of what begins there.
    pub fn command(
        &self,
        entries: &[(*const (), String)],
        sheets: &Path,
        subcommand: &str,
    ) -> Result<Command, Failure> {
        let mut command = Command::new(VALGRIND);
        process::bare_environment(&mut command);
        // Neither a file nor a variable of the user's changes what counts.
        command.arg("--command-line-only=yes");
        // Symbols are told by the names in the file: demanglers differ.
        command.args(["--tool=callgrind", "-q", "--demangle=no"]);
        // For Bc; for Dr and Dw. With them come the modelled misses.
        command.args(["--branch-sim=yes", "--cache-sim=yes"]);
        let mut out = std::ffi::OsString::from("--callgrind-out-file=");
        out.push(sheets);
        command.arg(out);
        let mut options: Vec<_> = entries
            .iter()
            .map(|(at, of)| ("--toggle-collect", *at, &**of))
            .collect();
        options.push(("--dump-before", lap as *const (), "a lap"));
        // Two may begin at one place.
        let mut done = HashSet::new();
        for (option, function, name) in options {
            if !done.insert(function) {
                continue;
            }
            // Valgrind goes by one of several names, nobody knows which.
            let names = self.image.mangled(function);
            if names.is_empty() {
                return Err(Failure::environment(format!(
                    "this program has no symbol for the code of {name}: use \
                     the one that cargo builds, not stripped"
                )));
            }
            command.args(names.iter().map(|name| format!("{option}={name}")));
        }
        command.arg(&self.program).arg(subcommand);
        Ok(command)
    }

    /// Whether a file that a profile names is this program.
    pub fn is_own(&self, object: &str) -> bool {
        Path::new(object) == self.program
    }

    fn evaluate(
        &self,
        profile: &Profile,
        variant: String,
        turns: Turns,
        times: Times,
    ) -> Count {
        let events = |own: bool| {
            let sum = |event| profile.sum(event, |o| self.is_own(o) == own);
            let [instructions, branches, loads, stores] = EVENTS.map(sum);
            Events { instructions, branches, loads, stores }
        };
        let allocations = allocations(profile);
        let modelled = |own: bool| {
            let sum = |event| profile.sum(event, |o| self.is_own(o) == own);
            let [cond, indirect, l1_reads, l1_writes, ll_reads, ll_writes] =
                MODELLED.map(sum);
            Modelled {
                mispredicts: cond + indirect,
                l1_load_misses: l1_reads,
                l1_store_misses: l1_writes,
                ll_load_misses: ll_reads,
                ll_store_misses: ll_writes,
            }
        };
        Count {
            variant,
            turns,
            times,
            own: events(true),
            library: events(false),
            allocations,
            model: ByCode { own: modelled(true), library: modelled(false) },
        }
    }
}

/// Calls for memory.
fn allocations(profile: &Profile) -> u64 {
    let asks =
        |name: &str| ALLOCATORS.contains(&name.trim_start_matches("__libc_"));
    let calls = profile.calls().iter();
    let calls = calls.filter(|c| asks(&c.callee) && !asks(&c.caller));
    calls.map(|call| call.times).sum()
}

/// What a process under valgrind says to its order.
pub fn answer(
    command: &mut Command,
    order: &impl Serialize,
) -> Result<Vec<u8>, Failure> {
    let output = run(command, order).map_err(|error| {
        Failure::environment(format!("cannot run valgrind: {error}"))
    })?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(unwilling(&output)),
    }
}

/// Runs a counted process and hands it its order.
pub fn run(
    command: &mut Command,
    order: &impl Serialize,
) -> io::Result<Output> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that is gone already says why on its standard error.
        let _ = stdin.write_all(&serde_json::to_vec(order)?);
    }
    child.wait_with_output()
}

/// Valgrind, or this program under it, failed.
fn unwilling(output: &Output) -> Failure {
    if process::interrupted().load(Ordering::Relaxed) {
        return Failure::interrupted("stopped");
    }
    let said = String::from_utf8_lossy(&output.stderr);
    // Such as of caches larger than it can model.
    let telling = |l: &&str| !l.is_empty() && !l.contains("warning:");
    let mut said = said.lines().map(str::trim).filter(telling);
    // This program's own line, if it came to say one; else valgrind's first.
    let own = |line: &&str| line.starts_with("bench-runner");
    let first = said.clone().next().unwrap_or("no word");
    let line = said.find(own).unwrap_or(first);
    Failure::environment(format!(
        "counting under valgrind ended with {}: {line}",
        output.status
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allocation_is_a_call_from_outside_the_allocator() {
        let text = "events: Ir\n\
                    fn=(1) forward\ncfn=(2) malloc\ncalls=5 0\n0 50\n\
                    cfn=(3) free\ncalls=5 0\n0 50\n\
                    fn=(4) grow\ncfn=(5) realloc\ncalls=3 0\n0 90\n\
                    cfn=(6) __libc_calloc\ncalls=1 0\n0 90\n\
                    fn=(5)\ncfn=(2)\ncalls=3 0\n0 30\n\
                    cfn=(7) my_malloc\ncalls=9 0\n0 30\n\
                    totals: 0\n";
        let profile = Profile::parse(text).expect("a profile");
        assert_eq!(allocations(&profile), 9);
    }
}

//! `confine`, a hidden subcommand: a program in a mount and a PID namespace of
//! its own, and all of it gone when the runner is.
//!
//! Three processes stand between the runner and the program. The first one
//! makes the namespaces and the stage in them, and lives as
//! long as the runner does. Its child is process 1 of the PID namespace: when
//! it ends, the kernel ends whatever the program has started, in whatever
//! session it may be. The third one is the program.

use std::io::{self, BufRead, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::mount::{MountPropagationFlags, mount, mount_change};
use rustix::process::{
    Signal, WaitOptions, set_parent_process_death_signal, wait,
};
use rustix::thread::{CpuSet, UnshareFlags, sched_setaffinity, unshare_unsafe};
use serde::{Deserialize, Serialize};

use super::stage;
use crate::cli::FirstArgs;
use crate::failure::Failure;
use crate::process;

/// What the runner tells it, in a line of JSON.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    /// Where the program finds huge pages.
    pub huge_pages: Vec<PathBuf>,
    /// The program and its arguments.
    pub words: Vec<String>,
    /// Cores that it may use.
    pub cores: Vec<u32>,
}

/// What it says, in lines of JSON.
#[derive(Debug, Serialize, Deserialize)]
pub enum Message {
    /// The ports are there; it waits for a line before it goes on.
    Staged,
    /// Process 1 of the program's namespace has this number outside of it.
    Started(u32),
    /// The program is over, and how.
    Ended(String),
    /// It cannot go on.
    Failed(String),
}

/// The first process.
///
/// # Errors
///
/// When the runner is gone or said nothing sensible.
pub fn command() -> Result<(), Failure> {
    process::die_with_parent().map_err(Failure::error)?;
    let mut lines = io::stdin().lock().lines();
    let line = lines.next().transpose().map_err(Failure::error)?;
    let order: Order = serde_json::from_str(&line.unwrap_or_default())
        .map_err(Failure::error)?;
    let ended = (|| {
        separate()?;
        stage::build(&order.huge_pages)?;
        say(&Message::Staged);
        if lines.next().is_none() {
            return Err("the runner is gone".to_owned());
        }
        let mut first = start(&order).map_err(|e| e.to_string())?;
        // Waiting would close it, and some end when nothing more comes.
        let _open = first.stdin.take();
        say(&Message::Started(first.id()));
        let status = first.wait().map_err(|e| e.to_string())?;
        Ok(told(status))
    })();
    say(&match ended {
        Ok(how) => Message::Ended(how),
        Err(line) => Message::Failed(line),
    });
    Ok(())
}

/// A runner that is gone needs no word.
fn say(message: &Message) {
    let line = serde_json::to_string(message).expect("plain fields");
    let _ = writeln!(io::stdout(), "{line}");
}

/// Namespaces of its own, out of which no mount gets.
fn separate() -> Result<(), String> {
    let flags = UnshareFlags::NEWNS | UnshareFlags::NEWPID;
    // SAFETY: file descriptors stay as they are.
    unsafe { unshare_unsafe(flags) }.map_err(|errno| {
        format!("no namespaces ({errno}): run as root, with CAP_SYS_ADMIN")
    })?;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).map_err(|e| format!("private mounts: {e}"))
}

/// Starts process 1 of the new PID namespace.
fn start(order: &Order) -> io::Result<std::process::Child> {
    let mut set = CpuSet::new();
    order.cores.iter().for_each(|core| set.set(*core as usize));
    sched_setaffinity(None, &set)?;
    Command::new("/proc/self/exe")
        .arg0("bench-runner")
        .args(["confine-first", "--"])
        .args(&order.words)
        .env_remove(process::PARENT)
        // Nothing ever comes.
        .stdin(Stdio::piped())
        // Its words go where the program's go.
        .stdout(io::stderr())
        .spawn()
}

/// How a program ended, in words.
fn told(status: std::process::ExitStatus) -> String {
    match status.code() {
        Some(code) if code > 128 => {
            let signal = code - 128;
            format!("was ended by signal {signal}")
        }
        Some(code) => format!("ended with exit code {code}"),
        None => format!("ended: {status}"),
    }
}

/// Process 1 of the program's namespace: starts the program, takes in the
/// orphans, and ends when the program does, with its exit code.
///
/// # Errors
///
/// When the program cannot be started.
pub fn first(args: &FirstArgs) -> Result<(), Failure> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(Failure::error)?;
    let flags = rustix::mount::MountFlags::empty();
    mount("proc", "/proc", "proc", flags, None).map_err(|errno| {
        Failure::environment(format!("cannot mount /proc: {errno}"))
    })?;
    let [program, rest @ ..] = &args.words[..] else {
        return Err(Failure::error("no program"));
    };
    let child = Command::new(program).args(rest).spawn();
    let child = child.map_err(|error| {
        Failure::error(format!("cannot start {program}: {error}"))
    })?;
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status)))
                if pid.as_raw_nonzero().get() as u32 == child.id() =>
            {
                let signal = status.terminating_signal().map(|n| 128 + n);
                let code = status.exit_status().or(signal).unwrap_or(1);
                std::process::exit(code);
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(Failure::error(errno)),
        }
    }
}

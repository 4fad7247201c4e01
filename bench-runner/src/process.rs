//! Worker processes: what they inherit, when they end, and who stops a run.

use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::env;
use std::io;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use crate::failure::Failure;

/// Variables that a worker inherits: what a program needs to start, and what
/// a user sets on purpose.
pub const INHERITED: [&str; 8] = [
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "NO_COLOR",
    "GLIBC_TUNABLES",
    "LD_LIBRARY_PATH",
    "LLVM_PROFILE_FILE",
];

/// The variable that moves a worker's stack by its length.
pub const PADDING: &str = "RINGSIDE_PADDING";

/// The variable that tells a worker whose child it is.
pub const PARENT: &str = "RINGSIDE_PARENT";

/// Exit code of a run that was interrupted twice.
const INTERRUPTED_TWICE: i32 = 130;

/// Clears a worker's environment down to [`INHERITED`] and adds two
/// variables: [`PARENT`], for [`die_with_parent`], and [`PADDING`]. The stack
/// of a process starts below its environment, so that one length would put
/// every worker's stack in one place and pass for a property of the code.
pub fn quiet_environment(command: &mut Command, rng: &mut fastrand::Rng) {
    bare_environment(command);
    command.env(PADDING, "x".repeat(rng.usize(0..4096)));
}

/// The same without [`PADDING`], for a worker that nobody times.
pub fn bare_environment(command: &mut Command) {
    command.env_clear();
    for name in INHERITED {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env(PARENT, std::process::id().to_string());
}

/// Makes the calling worker end with its parent, by a signal that cannot be
/// missed, also when the parent is killed. It is sent when the *thread* that
/// started the worker ends: start workers from one that lives long.
///
/// A parent that ended before the signal was asked for is an error.
pub fn die_with_parent() -> io::Result<()> {
    let before = parent();
    let expected = env::var(PARENT).ok().and_then(|pid| pid.parse().ok());
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if parent() != expected.unwrap_or(before) {
        return Err(io::Error::other(
            "the process that started this worker is gone",
        ));
    }
    Ok(())
}

/// A flag that SIGINT and SIGTERM set from the first call on; a second signal
/// ends the process at once.
pub fn interrupted() -> &'static AtomicBool {
    static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    FLAG.get_or_init(|| {
        let set = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds the flag unset, goes on
            // and sets it. Without a handler a signal ends the process, which
            // is what an interrupted run survives anyway.
            let _ = flag::register_conditional_shutdown(
                signal,
                INTERRUPTED_TWICE,
                Arc::clone(&set),
            );
            let _ = flag::register(signal, Arc::clone(&set));
        }
        set
    })
}

/// Ends the process, with a line, unless it is dropped in time: for threads
/// that nobody can stop, such as a forwarder that never returns.
#[must_use]
pub struct Watchdog(
    #[expect(dead_code, reason = "its end is the news")] mpsc::Sender<()>,
);

impl Watchdog {
    /// Waits for so many seconds for the end of `what`.
    pub fn new(seconds: f64, what: String) -> Self {
        let (alive, heard) = mpsc::channel();
        let limit = Duration::from_secs_f64(seconds);
        thread::spawn(move || {
            if heard.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                let failure = Failure::error(format!(
                    "{what}: no end after {seconds:.0} s, a thread hangs; \
                     what was measured before is kept"
                ));
                std::process::exit(failure.report().into());
            }
        });
        Self(alive)
    }
}

/// The parent's number; 0 where it lies outside this process's namespace.
fn parent() -> i32 {
    getppid().map_or(0, |pid| pid.as_raw_nonzero().get())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Output, Stdio};
    use std::sync::atomic::Ordering;

    /// Set in the copy of a test that plays the worker.
    const WORKER: &str = "RINGSIDE_TEST_WORKER";

    fn is_worker() -> bool {
        env::var_os(WORKER).is_some()
    }

    /// This test binary again, to run one test as a worker, in a quiet
    /// environment.
    fn worker(test: &str, rng: &mut fastrand::Rng) -> Command {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "--nocapture"]);
        command.arg(format!("process::tests::{test}"));
        command.stdin(Stdio::null());
        quiet_environment(&mut command, rng);
        command.env(WORKER, "1");
        command
    }

    fn said(output: &Output, words: &str) -> bool {
        String::from_utf8_lossy(&output.stdout).contains(words)
    }

    #[test]
    fn the_first_signal_sets_a_flag_and_the_second_ends_the_process() {
        if is_worker() {
            let flag = interrupted();
            assert!(!flag.load(Ordering::Relaxed));
            signal_hook::low_level::raise(SIGTERM).unwrap();
            assert!(flag.load(Ordering::Relaxed));
            println!("still there");
            signal_hook::low_level::raise(SIGINT).unwrap();
            println!("should be gone");
            return;
        }
        let output = worker(
            "the_first_signal_sets_a_flag_and_the_second_ends_the_process",
            &mut fastrand::Rng::with_seed(7),
        )
        .output()
        .unwrap();
        assert_eq!(output.status.code(), Some(INTERRUPTED_TWICE));
        assert!(said(&output, "still there"));
        assert!(!said(&output, "should be gone"));
    }

    #[test]
    fn a_watchdog_ends_what_hangs_and_nothing_else() {
        if is_worker() {
            drop(Watchdog::new(0.01, "what ends in time".to_owned()));
            thread::sleep(Duration::from_millis(50));
            println!("still there");
            let _end = Watchdog::new(0.01, "what hangs".to_owned());
            thread::sleep(Duration::from_secs(60));
            println!("should be gone");
            return;
        }
        let test = "a_watchdog_ends_what_hangs_and_nothing_else";
        let mut rng = fastrand::Rng::with_seed(7);
        let output = worker(test, &mut rng).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output, "still there"));
        assert!(!said(&output, "should be gone"));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains("what hangs: no end after"), "{told}");
    }

    #[test]
    fn a_worker_inherits_the_whitelist_and_a_padding_of_its_own() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut padding = || {
            let mut command = Command::new("any");
            command.env("RINGSIDE_SECRET", "1");
            quiet_environment(&mut command, &mut rng);
            let mut length = None;
            for (name, value) in command.get_envs() {
                let name = name.to_str().unwrap();
                let value = value.expect("nothing is only removed");
                match name {
                    PADDING => length = Some(value.len()),
                    PARENT => {}
                    name => assert!(INHERITED.contains(&name), "{name}"),
                }
            }
            length.unwrap()
        };
        let paddings = [padding(), padding()];
        assert!(paddings.iter().all(|&length| length < 4096));
        assert_ne!(paddings[0], paddings[1]);
    }

    #[test]
    fn a_worker_sees_nothing_else_of_its_parents_environment() {
        if is_worker() {
            let names = env::vars_os().map(|(name, _)| name);
            for name in names.filter_map(|name| name.into_string().ok()) {
                println!("variable {name}");
            }
            return;
        }
        let mut rng = fastrand::Rng::with_seed(7);
        let test = "a_worker_sees_nothing_else_of_its_parents_environment";
        let output = worker(test, &mut rng).output().unwrap();
        assert!(output.status.success());
        assert!(said(&output, &format!("variable {PADDING}\n")));
        let stdout = String::from_utf8(output.stdout).unwrap();
        let names = stdout.lines().filter_map(|l| l.strip_prefix("variable "));
        for name in names {
            let known = INHERITED.contains(&name)
                || [PADDING, PARENT, WORKER].contains(&name);
            assert!(known, "{name}");
        }
    }

    #[test]
    fn a_worker_knows_whether_its_parent_is_there() {
        if is_worker() {
            match die_with_parent() {
                Ok(()) => println!("parent is there"),
                Err(error) => println!("{error}"),
            }
            return;
        }
        let mut rng = fastrand::Rng::with_seed(7);
        let test = "a_worker_knows_whether_its_parent_is_there";
        let mut command = worker(test, &mut rng);
        assert!(said(&command.output().unwrap(), "parent is there"));
        command.env(PARENT, i32::MAX.to_string());
        assert!(said(&command.output().unwrap(), "is gone"));
        command.env_remove(PARENT);
        assert!(said(&command.output().unwrap(), "parent is there"));
    }
}

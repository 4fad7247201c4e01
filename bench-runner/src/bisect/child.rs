//! Commands that take long, and end when the user wants them to.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::failure::Failure;
use crate::process;

/// Between two looks at a child.
const PAUSE: Duration = Duration::from_millis(20);

/// After this a child that was asked to end is killed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Variables that say where git and cargo are at work, which is elsewhere:
/// left by a hook, by `cargo run` or by GitHub Actions.
const ELSEWHERE: [&str; 6] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "RUSTUP_TOOLCHAIN",
    "GITHUB_ACTIONS",
];

/// A command that knows nothing of where this program was started.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for name in ELSEWHERE {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C").stdin(Stdio::null());
    command
}

/// Runs a command; what it says goes to a file. A signal that this program
/// gets ends the command, too.
pub fn run(command: &mut Command, said: &Path) -> Result<ExitStatus, Failure> {
    let stopped = process::interrupted();
    let file = File::create(said).map_err(|error| {
        Failure::error(format!("cannot write {}: {error}", said.display()))
    })?;
    let both = file.try_clone().map_err(Failure::error)?;
    command.stdout(file).stderr(both);
    let mut child = command.spawn().map_err(|error| {
        let name = command.get_program().to_string_lossy();
        Failure::error(format!("{name} cannot be started: {error}"))
    })?;
    loop {
        if let Some(status) = child.try_wait().map_err(Failure::error)? {
            return match stopped.load(Ordering::Relaxed) {
                true => Err(interrupted()),
                false => Ok(status),
            };
        }
        if stopped.load(Ordering::Relaxed) {
            end(&mut child);
            return Err(interrupted());
        }
        thread::sleep(PAUSE);
    }
}

/// Ends a child, kindly at first.
fn end(child: &mut Child) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended meanwhile.
        let _ = kill_process(pid, Signal::INT);
    }
    let begin = Instant::now();
    while matches!(child.try_wait(), Ok(None)) {
        if begin.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
        }
        thread::sleep(PAUSE);
    }
}

/// Stopped by the user.
pub fn interrupted() -> Failure {
    Failure::interrupted(
        "stopped; builds and verdicts are kept, the same command goes on",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_says_is_in_a_file() {
        let place = tempfile::tempdir().unwrap();
        let said = place.path().join("said");
        let mut shell = command("sh");
        shell.args(["-c", "echo out; echo err >&2; exit 3"]);
        let status = run(&mut shell, &said).unwrap();
        assert_eq!(status.code(), Some(3));
        assert_eq!(std::fs::read_to_string(said).unwrap(), "out\nerr\n");
    }

    #[test]
    fn a_program_that_is_not_there_is_one_line() {
        let place = tempfile::tempdir().unwrap();
        let said = place.path().join("said");
        let failure = run(&mut command("no-such-program"), &said).unwrap_err();
        assert!(failure.to_string().contains("no-such-program"), "{failure}");
    }

    #[test]
    fn a_child_that_is_asked_to_end_ends() {
        let mut child = command("sleep").arg("100").spawn().unwrap();
        end(&mut child);
        assert!(!child.wait().unwrap().success());
    }
}

//! A program that runs against two ports, and everything it has started.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;
use std::{env, thread};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::confine::{Message, Order};
use super::memory;
use super::stage::{ADDRESSES, BUS};
use crate::failure::Failure;
use crate::process;

/// How long the stage may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a program has to end when it is asked to; testpmd takes most of a
/// second to close its ports.
const GRACE: Duration = Duration::from_secs(2);

/// How long a look waits.
const LOOK: Duration = Duration::from_millis(20);

/// A program in namespaces of its own.
#[derive(Debug)]
pub struct Program {
    name: String,
    confined: Child,
    stdin: Option<ChildStdin>,
    messages: Receiver<Message>,
    /// Process 1 of its namespace, once there is one.
    first: Option<u32>,
    /// The same, which never stands for another process.
    handle: Option<OwnedFd>,
    namespace: u64,
    /// Where what it says goes.
    log: PathBuf,
}

impl Program {
    /// Makes a stage for a program.
    ///
    /// # Errors
    ///
    /// When there can be no stage.
    pub fn stage(
        name: &str,
        order: &Order,
        log: &Path,
    ) -> Result<Self, Failure> {
        let failed = |e: io::Error| Failure::error(format!("{name}: {e}"));
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0("bench-runner")
            .arg("confine")
            .env(process::PARENT, std::process::id().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(log).map_err(failed)?)
            // What the terminal sends is the runner's to act on.
            .process_group(0);
        let mut confined = command.spawn().map_err(failed)?;
        let mut stdin = confined.stdin.take();
        let stdout = confined.stdout.take().expect("a pipe");
        let (say, messages) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let message = serde_json::from_str(&line);
                let message =
                    message.unwrap_or_else(|_| Message::Failed(line.clone()));
                if say.send(message).is_err() {
                    break;
                }
            }
        });
        let line = serde_json::to_string(order).expect("plain fields");
        if let Some(stdin) = &mut stdin {
            // Of one that is gone we hear below.
            let _ = writeln!(stdin, "{line}");
        }
        let mut program = Self {
            name: name.to_owned(),
            confined,
            stdin,
            messages,
            first: None,
            handle: None,
            namespace: 0,
            log: log.to_owned(),
        };
        match program.hear()? {
            Message::Staged => Ok(program),
            other => Err(program.unexpected(other)),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The registers of port `n`, as the program maps them.
    ///
    /// # Errors
    ///
    /// When the stage is gone.
    pub fn registers(&self, n: usize) -> Result<File, Failure> {
        let path = format!(
            "/proc/{}/root{BUS}/devices/{}/resource0",
            self.confined.id(),
            ADDRESSES[n]
        );
        let file = File::options().read(true).write(true).open(&path);
        file.map_err(|e| Failure::error(format!("{path}: {e}")))
    }

    /// Lets the program begin; returns the number of its namespace's first
    /// process.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn begin(&mut self) -> Result<u32, Failure> {
        if let Some(stdin) = &mut self.stdin {
            // Of one that is gone we hear below.
            let _ = writeln!(stdin);
        }
        match self.hear()? {
            Message::Started(first) => {
                self.first = Some(first);
                let Ok(namespace) = memory::namespace(first) else {
                    // Over already; how is about to be told.
                    let over = self.hear()?;
                    return Err(self.unexpected(over));
                };
                self.namespace = namespace;
                self.handle = open(first);
                Ok(first)
            }
            other => Err(self.unexpected(other)),
        }
    }

    /// The next word of the stage.
    fn hear(&mut self) -> Result<Message, Failure> {
        self.messages.recv_timeout(PATIENCE).map_err(|error| match error {
            RecvTimeoutError::Timeout => Failure::error(format!(
                "{}: no stage after {} s",
                self.name,
                PATIENCE.as_secs()
            )),
            RecvTimeoutError::Disconnected => self.gone(),
        })
    }

    fn gone(&self) -> Failure {
        Failure::error(format!("{} is gone{}", self.name, self.last_words()))
    }

    fn unexpected(&self, message: Message) -> Failure {
        match message {
            Message::Failed(line) => Failure::environment(line),
            Message::Ended(how) => self.ended(&how),
            other => Failure::error(format!("{}: {other:?}", self.name)),
        }
    }

    fn ended(&self, how: &str) -> Failure {
        let last = self.last_words();
        Failure::error(format!("{} {how}{last}{}", self.name, self.said()))
    }

    /// Where to read what it said, to follow what became of it.
    pub fn said(&self) -> String {
        match fs::metadata(&self.log) {
            Ok(known) if known.len() > 0 => {
                format!("; what it said is in {}", self.log.display())
            }
            _ => String::new(),
        }
    }

    /// The last line that it said, to follow what became of it.
    fn last_words(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text =
            String::from_utf8_lossy(&text[text.len().saturating_sub(4096)..]);
        let line = text.lines().rev().find(|line| !line.trim().is_empty());
        line.map_or(String::new(), |line| {
            format!("; its last line: {}", line.trim())
        })
    }

    /// Whether it still runs.
    ///
    /// # Errors
    ///
    /// A line that says how it ended.
    pub fn check(&mut self) -> Result<(), Failure> {
        match self.messages.try_recv() {
            Err(mpsc::TryRecvError::Empty) => Ok(()),
            Err(mpsc::TryRecvError::Disconnected) => Err(self.gone()),
            Ok(message) => {
                // Its end may be told before its last words are written.
                thread::sleep(LOOK);
                Err(self.unexpected(message))
            }
        }
    }

    /// Stops all of its processes where they are.
    pub fn stop(&mut self) {
        self.signal(Signal::STOP);
        // One of them may have started another one meanwhile.
        self.signal(Signal::STOP);
    }

    /// Lets them go on.
    pub fn go_on(&mut self) {
        self.signal(Signal::CONT);
    }

    /// Tells all of its processes but the first of the namespace.
    fn signal(&mut self, signal: Signal) {
        for pid in memory::members(self.namespace) {
            if Some(pid) == self.first {
                continue;
            }
            let Some(process) = open(pid) else { continue };
            // Whose is the number now?
            if memory::namespace(pid).is_ok_and(|ns| ns == self.namespace) {
                // One that is over takes no signal.
                let _ = pidfd_send_signal(process, signal);
            }
        }
    }
}

/// A process that is there.
fn open(pid: u32) -> Option<OwnedFd> {
    let pid = Pid::from_raw(pid.cast_signed())?;
    pidfd_open(pid, PidfdFlags::empty()).ok()
}

impl Drop for Program {
    /// Asks it to end, and ends all of it.
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            self.signal(Signal::TERM);
            self.signal(Signal::CONT);
            // Whatever comes, the pipe closing included.
            let _ = self.messages.recv_timeout(GRACE);
            // One that is over takes no signal.
            let _ = pidfd_send_signal(handle, Signal::KILL);
        } else {
            let _ = self.confined.kill();
        }
        self.stdin = None;
        // Ends with its child.
        let _ = self.confined.wait();
    }
}

/// Where a program is, as a shell would find it.
///
/// # Errors
///
/// When there is none.
pub fn find(name: &str) -> Result<PathBuf, Failure> {
    let is_program = |path: &PathBuf| {
        let known = fs::metadata(path);
        known.is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    };
    let place = Path::new(name);
    if name.contains('/') {
        return match (place.exists(), is_program(&place.to_owned())) {
            (_, true) => Ok(place.to_owned()),
            (true, _) => Err(Failure::error(format!(
                "{name} is no program that can be started: is it executable?"
            ))),
            (false, _) => {
                Err(Failure::error(format!("no such program: {name}")))
            }
        };
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let mut all = env::split_paths(&path).map(|folder| folder.join(name));
    all.find(is_program).ok_or_else(|| {
        Failure::error(format!(
            "no such program: {name} is not in PATH; name one in this folder \
             as ./{name}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_as_a_shell_finds_it() {
        assert!(find("sh").is_ok_and(|path| path.is_absolute()));
        assert!(find("/bin/sh").is_ok());
        let none = find("no-such-program").expect_err("none");
        assert!(none.to_string().contains("PATH"), "{none}");
        let none = find("./no-such-program").expect_err("none");
        assert!(none.to_string().starts_with("no such program"), "{none}");
        let none = find("/etc/passwd").expect_err("none");
        assert!(none.to_string().contains("executable"), "{none}");
    }
}

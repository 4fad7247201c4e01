//! A child process that is spoken to in lines of JSON.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child as Process, ChildStdin, Command, Stdio};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;

use crate::process;

/// How often a wait looks whether the user stops it all.
const LOOK: Duration = Duration::from_millis(100);

/// A child process, ended at the latest when this is dropped.
pub struct Child {
    process: Process,
    stdin: Option<ChildStdin>,
    /// What it says, read by a thread, so that the user is heard meanwhile.
    lines: Receiver<io::Result<String>>,
}

/// What came of listening.
pub enum Heard {
    /// A line.
    Line(String),
    /// The child has ended, or says no more.
    End,
    /// The user stops it all.
    Stopped,
    /// Nothing, for as long as one wanted to wait.
    Silence,
}

impl Child {
    /// Starts a program with a subcommand, in a quiet environment.
    pub fn start(
        program: &Path,
        subcommand: &str,
        rng: &mut fastrand::Rng,
    ) -> io::Result<Self> {
        let mut command = Command::new(program);
        command
            .arg(subcommand)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        process::quiet_environment(&mut command, rng);
        let mut process = command.spawn()?;
        let stdin = process.stdin.take();
        let stdout = process.stdout.take();
        let stdout = stdout.ok_or_else(|| io::Error::other("no pipes"))?;
        let (say, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                if say.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { process, stdin, lines })
    }

    /// Says a line. A child that is gone already is noticed by who listens.
    pub fn tell(&mut self, what: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(what)?;
        line.push(b'\n');
        if let Some(stdin) = &mut self.stdin {
            let _ = stdin.write_all(&line);
        }
        Ok(())
    }

    /// Says no more.
    pub fn hang_up(&mut self) {
        self.stdin = None;
    }

    /// Waits for a line, at most as long as `patience`.
    pub fn listen(&self, patience: Duration) -> io::Result<Heard> {
        let begin = Instant::now();
        loop {
            match self.lines.recv_timeout(LOOK) {
                Ok(line) => return line.map(Heard::Line),
                Err(RecvTimeoutError::Disconnected) => return Ok(Heard::End),
                Err(RecvTimeoutError::Timeout) => {
                    if process::interrupted().load(Ordering::Relaxed) {
                        return Ok(Heard::Stopped);
                    }
                    if begin.elapsed() >= patience {
                        return Ok(Heard::Silence);
                    }
                }
            }
        }
    }

    /// How a child ended that says no more, and its first line about it.
    pub fn last_words(&mut self) -> (String, String) {
        let mut said = String::new();
        if let Some(stderr) = &mut self.process.stderr {
            let _ = stderr.take(4096).read_to_string(&mut said);
        }
        let status = match self.process.wait() {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let said = said.lines().find(|line| !line.trim().is_empty());
        (status, said.unwrap_or("no word").to_owned())
    }
}

impl Child {
    /// Asks the child to end, and gives it so long to do so.
    pub fn ask_to_end(&mut self, limit: Duration) {
        let begin = Instant::now();
        if let Some(pid) = Pid::from_raw(self.process.id() as i32) {
            let _ = kill_process(pid, Signal::TERM);
        }
        while begin.elapsed() < limit
            && matches!(self.process.try_wait(), Ok(None))
        {
            std::thread::sleep(LOOK / 10);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

//! What git knows.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use crate::failure::Failure;

/// What git says of a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// When it was committed, RFC 3339, UTC.
    pub committed: Option<String>,
    /// The first line of its message.
    pub subject: Option<String>,
}

/// What git says of a commit in the checkout around the working directory:
/// nothing without git, outside a checkout, and of what it does not know.
#[must_use]
pub fn about(commit: &str) -> About {
    about_in(Path::new("."), commit)
}

fn about_in(dir: &Path, commit: &str) -> About {
    // `unknown` is nobody's commit, and no option is one.
    let is_hex =
        commit.len() >= 7 && commit.chars().all(|c| c.is_ascii_hexdigit());
    if !is_hex {
        return About::default();
    }
    let args = ["show", "-s", "--no-show-signature", "--format=%ct%n%s"];
    let name = format!("{commit}^{{commit}}");
    let args: Vec<_> = args.into_iter().chain([&*name, "--"]).collect();
    let Ok(said) = Git::at(dir).said(&args) else { return About::default() };
    let mut lines = said.lines();
    let seconds = lines.next().and_then(|line| line.parse().ok());
    let time = seconds.and_then(|seconds| {
        UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
    });
    let committed =
        time.map(|time| humantime::format_rfc3339_seconds(time).to_string());
    let subject = lines.next().filter(|line| !line.is_empty());
    About { committed, subject: subject.map(str::to_owned) }
}

/// The program, in a checkout.
pub(super) struct Git {
    dir: PathBuf,
    /// Who commits, where nobody is known.
    neutral: bool,
}

impl Git {
    pub(super) fn at(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), neutral: false }
    }

    /// The same with an author, who is a neutral one where none is known.
    pub(super) fn with_author(self) -> Self {
        let is_known = self.said(&["var", "GIT_AUTHOR_IDENT"]).is_ok()
            && self.said(&["var", "GIT_COMMITTER_IDENT"]).is_ok();
        Self { neutral: !is_known, ..self }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.dir).args(args);
        // Messages are looked at, and nobody is there to answer.
        command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0");
        if self.neutral {
            for who in ["AUTHOR", "COMMITTER"] {
                command.env(format!("GIT_{who}_NAME"), "ringside");
                let address = "ringside@localhost";
                command.env(format!("GIT_{who}_EMAIL"), address);
            }
        }
        command
    }

    /// What it ends with when it is given `input`.
    fn run(&self, args: &[&str], input: &[u8]) -> Result<Output, Failure> {
        let started = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = started.map_err(|why| match why.kind() {
            ErrorKind::NotFound => Failure::error(
                "git is not there: install it, or keep the history in a \
                 folder by --history",
            ),
            _ => Failure::error(format!("cannot start git: {why}")),
        })?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that ends early says why by itself.
            let _ = stdin.write_all(input);
        }
        child.wait_with_output().map_err(Failure::error)
    }

    /// What it prints.
    pub(super) fn bytes(
        &self,
        args: &[&str],
        input: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        let output = self.run(args, input)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim().trim_start_matches("fatal: ");
        let what = args.first().unwrap_or(&"");
        Err(Failure::error(format!("git {what}: {said}")))
    }

    /// The same as text, without the end of the last line.
    pub(super) fn said(&self, args: &[&str]) -> Result<String, Failure> {
        self.given(args, b"")
    }

    /// The same of what reads `input`.
    pub(super) fn given(
        &self,
        args: &[&str],
        input: &[u8],
    ) -> Result<String, Failure> {
        let bytes = self.bytes(args, input)?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.trim_end_matches('\n').to_owned())
    }

    /// Whether it says yes; an error where it says neither.
    pub(super) fn agrees(&self, args: &[&str]) -> Result<bool, Failure> {
        let output = self.run(args, b"")?;
        match output.status.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => {
                let said = String::from_utf8_lossy(&output.stderr);
                let said = said.trim().trim_start_matches("fatal: ");
                Err(Failure::error(format!("git: {said}")))
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A checkout with one commit, whose digest comes with it.
    pub(crate) fn checkout() -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut git = Git::at(folder.path());
        git.said(&["init", "-q", "-b", "main"]).expect("git is there");
        git.neutral = true;
        let message = ["commit", "-q", "--allow-empty", "-m", "A subject\n\nb"];
        git.said(&message).expect("committed");
        let commit = git.said(&["rev-parse", "HEAD"]).expect("a commit");
        (folder, commit)
    }

    #[test]
    fn a_commit_has_a_time_and_a_subject() {
        let (folder, commit) = checkout();
        let About { committed, subject } = about_in(folder.path(), &commit);
        assert_eq!(subject.as_deref(), Some("A subject"));
        let committed = committed.expect("a time");
        assert!(humantime::parse_rfc3339(&committed).is_ok(), "{committed}");
    }

    #[test]
    fn of_others_nothing_is_known() {
        let (folder, commit) = checkout();
        let other = "0".repeat(40);
        for name in ["unknown", "--all", "HEAD", "", &other] {
            assert_eq!(about_in(folder.path(), name), About::default());
        }
        let outside = tempfile::tempdir().expect("a folder");
        let nothing = about_in(outside.path(), &commit);
        assert_eq!(nothing, About::default());
    }
}

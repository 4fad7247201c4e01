//! The checkout that a bisection is asked for in, and a work tree of its own
//! in which commits are looked at. The user's files, index and bisection stay
//! as they are: `refs/bisect` belongs to each work tree.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::child;
use super::look::Mark;
use super::search::{History, Next};
use crate::failure::Failure;

/// What git says of a commit.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Commit {
    /// Its hash.
    pub commit: String,
    /// When it was written, RFC 3339.
    pub date: String,
    /// The first line of its message.
    pub subject: String,
}

/// The checkout of the current folder.
#[derive(Debug)]
pub struct Repository {
    top: PathBuf,
}

impl Repository {
    /// The one of the current folder.
    pub fn here() -> Result<Self, Failure> {
        Self::of(Path::new("."))
    }

    fn of(folder: &Path) -> Result<Self, Failure> {
        let mut git = child::command("git");
        git.arg("-C").arg(folder).args(["rev-parse", "--show-toplevel"]);
        let top = said(&mut git).map_err(|why| {
            Failure::error(format!(
                "bisect wants to be called in the git checkout of the \
                 sources: {why}"
            ))
        })?;
        Ok(Self { top: PathBuf::from(top) })
    }

    /// Its uppermost folder.
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// The hash of a commit.
    pub fn commit(&self, name: &str) -> Result<String, Failure> {
        let commit = format!("{name}^{{commit}}");
        let words = ["rev-parse", "--verify", "--quiet", "--end-of-options"];
        said(self.git(&self.top).args(words).arg(commit)).map_err(|_| {
            let top = self.top.display();
            Failure::error(format!("no commit '{name}' in {top}"))
        })
    }

    /// Whether one commit is built on the other.
    pub fn is_ancestor(&self, one: &str, of: &str) -> Result<bool, Failure> {
        let words = ["merge-base", "--is-ancestor", one, of];
        let output = self.git(&self.top).args(words).output();
        let output = output.map_err(Failure::error)?;
        match output.status.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(Failure::error(last_line(&output.stderr))),
        }
    }

    /// What git says of a commit.
    pub fn describe(&self, commit: &str) -> Result<Commit, Failure> {
        let words = ["show", "-s", "--format=%H%n%aI%n%s", commit];
        let text = said(self.git(&self.top).args(words));
        let text = text.map_err(Failure::error)?;
        let mut lines = text.lines().map(str::to_owned);
        let mut next = || lines.next().unwrap_or_default();
        Ok(Commit { commit: next(), date: next(), subject: next() })
    }

    /// Cargo's folder for what it builds.
    pub fn target(&self) -> Result<PathBuf, Failure> {
        let mut cargo = child::command("cargo");
        cargo.args(["metadata", "--no-deps", "--format-version", "1"]);
        let text = said(cargo.current_dir(&self.top)).map_err(|why| {
            let top = self.top.display();
            Failure::error(format!("cargo finds nothing in {top}: {why}"))
        })?;
        let json: Value =
            serde_json::from_str(&text).map_err(Failure::error)?;
        let folder = json["target_directory"].as_str();
        folder.map(PathBuf::from).ok_or_else(|| {
            Failure::error("cargo names no target folder; choose one by --out")
        })
    }

    fn git(&self, folder: &Path) -> Command {
        let mut git = child::command("git");
        // Nobody's hooks are for this.
        git.arg("-C").arg(folder).args(["-c", "core.hooksPath=/dev/null"]);
        git
    }
}

/// A work tree, gone when this is dropped.
#[derive(Debug)]
pub struct Tree<'a> {
    repository: &'a Repository,
    path: PathBuf,
    good: String,
    bad: String,
}

impl<'a> Tree<'a> {
    /// A work tree at `path`; one that was left there is cleaned up first.
    pub fn add(
        repository: &'a Repository,
        path: PathBuf,
        good: &str,
        bad: &str,
    ) -> Result<Self, Failure> {
        let is_tree = path.join(".git").is_file();
        let is_empty =
            fs::read_dir(&path).is_ok_and(|mut all| all.next().is_none());
        if path.exists() && !is_tree && !is_empty {
            return Err(Failure::error(format!(
                "{} is no work tree of git: move it away or choose another \
                 folder by --out",
                path.display()
            )));
        }
        let tree = Self {
            repository,
            path,
            good: good.to_owned(),
            bad: bad.to_owned(),
        };
        tree.remove();
        let mut git = repository.git(&repository.top);
        git.args(["worktree", "add", "--quiet", "--detach", "--force"]);
        said(git.arg(&tree.path).arg(good)).map_err(|why| {
            Failure::error(format!(
                "no work tree in {}: {why}",
                tree.path.display()
            ))
        })?;
        Ok(tree)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Has the sources of a commit in it.
    pub fn check_out(&self, commit: &str) -> Result<(), Failure> {
        let force = ["checkout", "--quiet", "--force", "--detach", commit];
        said(self.git().args(force)).map(drop).map_err(Failure::error)
    }

    fn remove(&self) {
        let mut git = self.repository.git(&self.repository.top);
        git.args(["worktree", "remove", "--force", "--force"]);
        let removed = said(git.arg(&self.path));
        if removed.is_err() && self.path.join(".git").is_file() {
            // Its registration is replaced by the next one.
            let _ = fs::remove_dir_all(&self.path);
        }
    }

    fn git(&self) -> Command {
        self.repository.git(&self.path)
    }

    /// Tells git something, and asks what comes next. Git fails where only
    /// skipped commits are left, which its log says better.
    fn bisect(&self, words: &[&str]) -> Result<Next, Failure> {
        // What a build has changed would be in the way.
        said(self.git().args(["reset", "--quiet", "--hard"]))
            .map_err(Failure::error)?;
        let told = said(self.git().arg("bisect").args(words));
        let log = said(self.git().args(["bisect", "log"]));
        let log = log.map_err(Failure::error)?;
        let found = first_bad(&log);
        if !found.is_empty() {
            return Ok(Next::Found(found));
        }
        told.map_err(|why| Failure::error(format!("git bisect: {why}")))?;
        let head = said(self.git().args(["rev-parse", "HEAD"]));
        head.map(Next::Look).map_err(Failure::error)
    }
}

impl Drop for Tree<'_> {
    fn drop(&mut self) {
        self.remove();
    }
}

impl History for &Tree<'_> {
    fn begin(&mut self) -> Result<Next, Failure> {
        self.bisect(&["start", &self.bad, &self.good])
    }

    fn mark(&mut self, mark: Mark) -> Result<Next, Failure> {
        self.bisect(&[mark.word()])
    }
}

/// The first bad commit, or all that may be it, as `git bisect log` names
/// them: `# first bad commit: [hash] subject`.
fn first_bad(log: &str) -> Vec<String> {
    let marks = ["# first bad commit: [", "# possible first bad commit: ["];
    let hash = |line: &str| {
        let rest = marks.iter().find_map(|mark| line.strip_prefix(mark))?;
        rest.split(']').next().map(str::to_owned)
    };
    let mut all: Vec<String> = Vec::new();
    for commit in log.lines().filter_map(hash) {
        if !all.contains(&commit) {
            all.push(commit);
        }
    }
    all
}

/// What a command says, or why it does not.
fn said(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| {
        let name = command.get_program().to_string_lossy().into_owned();
        format!("{name} cannot be started: {error}")
    })?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        false => Err(last_line(&output.stderr)),
    }
}

fn last_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim().lines().next_back().unwrap_or("no reason given").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten commits of a file that says its number.
    fn ten() -> (tempfile::TempDir, Repository, Vec<String>) {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path();
        let git = |words: &[&str]| {
            let mut git = child::command("git");
            git.arg("-C").arg(folder);
            git.args(["-c", "user.name=A", "-c", "user.email=a@b.example"]);
            said(git.args(words)).expect("git works")
        };
        git(&["init", "--quiet"]);
        let commits = (0..10).map(|number| {
            fs::write(folder.join("file"), number.to_string()).unwrap();
            git(&["add", "file"]);
            git(&["commit", "--quiet", "-m", &format!("commit {number}")]);
            git(&["rev-parse", "HEAD"])
        });
        let commits = commits.collect();
        let repository = Repository::of(folder).unwrap();
        (place, repository, commits)
    }

    /// Goes to the end; commits from `slow` on are bad.
    fn go(tree: &Tree, slow: i32, skip: &[i32]) -> Vec<String> {
        let mut history = tree;
        let mut next = history.begin().unwrap();
        loop {
            match next {
                Next::Found(found) => return found,
                Next::Look(_) => {
                    let file = tree.path().join("file");
                    let number = fs::read_to_string(&file).unwrap();
                    let number: i32 = number.parse().unwrap();
                    // As a build may do.
                    fs::write(file, "changed").unwrap();
                    let mark = match number >= slow {
                        _ if skip.contains(&number) => Mark::Skip,
                        true => Mark::Bad,
                        false => Mark::Good,
                    };
                    next = history.mark(mark).unwrap();
                }
            }
        }
    }

    #[test]
    fn git_finds_the_commit_and_the_checkout_stays_as_it_was() {
        let (place, repository, commits) = ten();
        fs::write(place.path().join("file"), "mine").unwrap();
        let path = place.path().join("out/checkout");
        for (slow, skip, first) in [
            (6, &[][..], &commits[6..=6]),
            (6, &[5, 6], &commits[5..=7]),
            (9, &[], &commits[9..=9]),
            (1, &[], &commits[1..=1]),
        ] {
            let tree =
                Tree::add(&repository, path.clone(), &commits[0], &commits[9]);
            let tree = tree.unwrap();
            let mut found = go(&tree, slow, skip);
            let place = |c: &String| commits.iter().position(|k| k == c);
            found.sort_by_key(place);
            assert_eq!(found, first);
            drop(tree);
            assert!(!path.exists());
        }
        assert_eq!(
            fs::read_to_string(place.path().join("file")).unwrap(),
            "mine"
        );
        let mut git = repository.git(&repository.top);
        let list = said(git.args(["worktree", "list"])).unwrap();
        assert_eq!(list.lines().count(), 1, "{list}");
        let mut git = repository.git(&repository.top);
        assert_eq!(
            said(git.args(["for-each-ref", "refs/bisect"])).unwrap(),
            ""
        );
    }

    #[test]
    fn neighbours_need_no_look() {
        let (place, repository, commits) = ten();
        let path = place.path().join("tree");
        let tree = Tree::add(&repository, path, &commits[4], &commits[5]);
        let tree = tree.unwrap();
        let found = (&tree).begin().unwrap();
        assert_eq!(found, Next::Found(vec![commits[5].clone()]));
    }

    #[test]
    fn a_tree_that_a_kill_left_is_replaced_and_other_folders_are_not() {
        let (place, repository, commits) = ten();
        let path = place.path().join("tree");
        let add = || {
            let path = path.clone();
            Tree::add(&repository, path, &commits[0], &commits[9])
        };
        std::mem::forget(add().unwrap());
        assert!(path.exists());
        std::mem::forget(add().unwrap());
        fs::remove_dir_all(&path).unwrap();
        drop(add().unwrap());
        assert!(!path.exists());
        fs::create_dir(&path).unwrap();
        fs::write(path.join("work"), "mine").unwrap();
        let failure = add().unwrap_err().to_string();
        assert!(failure.contains("is no work tree"), "{failure}");
        assert!(path.join("work").exists());
    }

    #[test]
    fn commits_are_known_by_any_name_and_others_are_not() {
        let (_place, repository, commits) = ten();
        assert_eq!(repository.commit("HEAD~9").unwrap(), commits[0]);
        for name in ["nobody", "--all", ""] {
            let failure = repository.commit(name).unwrap_err().to_string();
            assert!(failure.contains("no commit"), "{failure}");
        }
        assert!(repository.is_ancestor(&commits[0], &commits[9]).unwrap());
        assert!(!repository.is_ancestor(&commits[9], &commits[0]).unwrap());
        let said = repository.describe(&commits[3]).unwrap();
        assert_eq!(said.subject, "commit 3");
        assert_eq!(said.commit, commits[3]);
    }

    #[test]
    fn a_folder_outside_of_any_checkout_is_one_line() {
        let place = tempfile::tempdir().unwrap();
        let failure = Repository::of(place.path()).unwrap_err();
        assert!(failure.to_string().contains("checkout"), "{failure}");
    }
}

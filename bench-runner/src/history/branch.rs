//! A history on a branch of a checkout, whose commits have a tree of their
//! own: neither the working tree nor the index are touched.

use std::path::Path;
use std::thread;
use std::time::Duration;

use super::file::{EXTENSION, file_name, parse, text};
use super::git::Git;
use super::{Line, Loaded};
use crate::failure::Failure;

/// How often a line is offered while others add theirs.
const TRIES: u32 = 50;

/// A reference that is not there yet, to `git update-ref`.
const NOTHING: &str = "";

/// Adds a line by a commit on the branch.
pub(super) fn append(
    dir: &Path,
    name: &str,
    line: &Line,
) -> Result<(), Failure> {
    let git = Git::at(dir).with_author();
    let branch = Branch::of(&git, name)?;
    if branch.is_checked_out()? {
        return Err(Failure::error(format!(
            "branch {name} is checked out: a history has a branch of its own, \
             such as ringside-history"
        )));
    }
    let text = text(line)?;
    let file = file_name(&line.fingerprint);
    let short: String = line.commit.chars().take(12).collect();
    let message = format!("Add what check says of {short}");
    for number in 0..TRIES {
        let old = branch.local()?;
        let parent = branch.tip()?;
        let commit = branch.with(parent.as_deref(), &file, &text, &message)?;
        let place = branch.place();
        let before = old.as_deref().unwrap_or(NOTHING);
        let update = ["update-ref", &place, &commit, before];
        match git.said(&update) {
            Ok(_) => return Ok(()),
            // Another one was quicker, or is about to be.
            Err(why) => {
                let is_race = branch.local()? != old
                    || why.to_string().contains("Unable to create");
                if !is_race || number + 1 == TRIES {
                    return Err(why);
                }
                let wait = u64::from(10 * (number + 1).min(10));
                thread::sleep(Duration::from_millis(wait));
            }
        }
    }
    Err(Failure::error(format!("branch {name} does not stand still")))
}

/// Reads all files of the branch.
pub(super) fn load(dir: &Path, name: &str) -> Result<Loaded, Failure> {
    let git = Git::at(dir);
    let branch = Branch::of(&git, name)?;
    let Some(tip) = branch.tip()? else {
        return Err(Failure::error(format!(
            "no branch {name} here: fetch it, or add a line by bench-runner \
             check --history-branch"
        )));
    };
    let mut all = Loaded::default();
    for Entry { file, blob, .. } in branch.entries(&tip)? {
        if !file.ends_with(&format!(".{EXTENSION}")) {
            continue;
        }
        let bytes = git.bytes(&["cat-file", "blob", &blob], b"")?;
        parse(&format!("{name}:{file}"), &bytes, &mut all)?;
    }
    Ok(all)
}

/// A file of a commit.
struct Entry {
    /// As `git mktree` wants it.
    head: String,
    blob: String,
    file: String,
}

struct Branch<'a> {
    git: &'a Git,
    name: &'a str,
}

impl<'a> Branch<'a> {
    fn of(git: &'a Git, name: &'a str) -> Result<Self, Failure> {
        git.said(&["rev-parse", "--git-dir"])?;
        let place = format!("refs/heads/{name}");
        let is_name = !name.starts_with('-')
            && git.agrees(&["check-ref-format", &place])?;
        match is_name {
            true => Ok(Self { git, name }),
            false => {
                let name = name.escape_default();
                Err(Failure::error(format!("{name} is no name of a branch")))
            }
        }
    }

    fn place(&self) -> String {
        format!("refs/heads/{}", self.name)
    }

    fn commit_at(&self, place: &str) -> Result<Option<String>, Failure> {
        let is_there = ["show-ref", "--verify", "--quiet", place];
        match self.git.agrees(&is_there)? {
            true => self.git.said(&["rev-parse", "--verify", place]).map(Some),
            false => Ok(None),
        }
    }

    fn local(&self) -> Result<Option<String>, Failure> {
        self.commit_at(&self.place())
    }

    /// The newest commit: that of the branch, or of what was fetched of it
    /// where the branch is not there or lies behind.
    fn tip(&self) -> Result<Option<String>, Failure> {
        let remote = format!("refs/remotes/origin/{}", self.name);
        let (local, remote) = (self.local()?, self.commit_at(&remote)?);
        let (Some(local), Some(remote)) = (&local, &remote) else {
            return Ok(local.or(remote));
        };
        let is_behind = ["merge-base", "--is-ancestor", local, remote];
        let newest = match self.git.agrees(&is_behind)? {
            true => remote,
            false => local,
        };
        Ok(Some(newest.clone()))
    }

    fn is_checked_out(&self) -> Result<bool, Failure> {
        let place = format!("branch {}", self.place());
        let trees = self.git.said(&["worktree", "list", "--porcelain"])?;
        // One without a working tree has a head as well, which does not
        // matter.
        let mut blocks = trees.split("\n\n");
        Ok(blocks.any(|block| {
            let mut lines = block.lines();
            !block.lines().any(|line| line == "bare")
                && lines.any(|line| line == place)
        }))
    }

    fn entries(&self, commit: &str) -> Result<Vec<Entry>, Failure> {
        let tree = self.git.bytes(&["ls-tree", "-z", commit], b"")?;
        let tree = String::from_utf8_lossy(&tree).into_owned();
        let entries = tree.split_terminator('\0').map(|entry| {
            let (head, file) = entry.split_once('\t')?;
            let blob = head.split(' ').nth(2)?;
            Some(Entry {
                head: head.to_owned(),
                blob: blob.to_owned(),
                file: file.to_owned(),
            })
        });
        entries.collect::<Option<_>>().ok_or_else(|| {
            Failure::error(format!("cannot read the tree of {}", self.name))
        })
    }

    /// A commit on top of `parent` whose file has one more line.
    fn with(
        &self,
        parent: Option<&str>,
        file: &str,
        line: &str,
        message: &str,
    ) -> Result<String, Failure> {
        let git = self.git;
        let mut entries = match parent {
            Some(parent) => self.entries(parent)?,
            None => Vec::new(),
        };
        let is_ours = |e: &Entry| e.file.ends_with(&format!(".{EXTENSION}"));
        if let Some(other) = entries.iter().find(|entry| !is_ours(entry)) {
            return Err(Failure::error(format!(
                "branch {} has {}, so it is none of a history: name one of \
                 its own, such as ringside-history",
                self.name,
                other.file.escape_default()
            )));
        }
        let mut bytes = match entries.iter().find(|e| e.file == file) {
            Some(Entry { blob, .. }) => {
                git.bytes(&["cat-file", "blob", blob], b"")?
            }
            None => Vec::new(),
        };
        if bytes.last().is_some_and(|byte| *byte != b'\n') {
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(line.as_bytes());
        let hash = ["hash-object", "-w", "--no-filters", "--stdin"];
        let blob = git.given(&hash, &bytes)?;
        entries.retain(|entry| entry.file != file);
        let head = format!("100644 blob {blob}");
        entries.push(Entry { head, blob, file: file.to_owned() });
        let tree: String = entries
            .iter()
            .map(|Entry { head, file, .. }| format!("{head}\t{file}\0"))
            .collect();
        let tree = git.given(&["mktree", "-z"], tree.as_bytes())?;
        let mut commit = vec!["commit-tree", &*tree, "-m", message];
        if let Some(parent) = parent {
            commit.extend(["-p", parent]);
        }
        git.said(&commit)
    }
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::super::git::tests::checkout;
    use super::*;
    use std::fs;

    const CELLS: &[(&str, u16, f64)] = &[("reg=boxed", 32, 4.0)];
    const NAME: &str = "ringside-history";

    fn subjects(dir: &Path) -> Vec<String> {
        let all = load(dir, NAME).expect("read");
        assert_eq!(all.notes, Vec::<String>::new());
        all.lines.into_iter().filter_map(|line| line.subject).collect()
    }

    #[test]
    fn lines_are_added_beside_the_working_tree() {
        let (folder, head) = checkout();
        let git = Git::at(folder.path());
        fs::write(folder.path().join("staged"), "1").expect("written");
        git.said(&["add", "staged"]).expect("staged");
        let before = git.said(&["status", "--porcelain"]).expect("a status");
        let why = load(folder.path(), NAME).expect_err("none yet");
        assert!(why.to_string().contains("no branch ringside"), "{why}");
        for hour in 0..3 {
            let line = example::line(hour, CELLS);
            append(folder.path(), NAME, &line).expect("added");
        }
        let mut other = example::line(3, CELLS);
        other.fingerprint.cpu = "Z CPU".to_owned();
        append(folder.path(), NAME, &other).expect("added");
        assert_eq!(
            subjects(folder.path()),
            ["Change 0", "Change 1", "Change 2", "Change 3"]
        );
        let after = git.said(&["status", "--porcelain"]).expect("a status");
        assert_eq!(after, before);
        assert_eq!(git.said(&["rev-parse", "HEAD"]).expect("one"), head);
        let count = git.said(&["rev-list", "--count", NAME]);
        assert_eq!(count.expect("commits"), "4");
    }

    #[test]
    fn those_who_add_at_once_wait_for_each_other() {
        let (folder, _) = checkout();
        thread::scope(|scope| {
            for worker in 0..4 {
                let dir = folder.path();
                scope.spawn(move || {
                    for number in 0..3 {
                        let line = example::line(worker * 3 + number, CELLS);
                        append(dir, NAME, &line).expect("added");
                    }
                });
            }
        });
        assert_eq!(subjects(folder.path()).len(), 12);
    }

    #[test]
    fn what_was_fetched_goes_on_where_it_ended() {
        let (origin, _) = checkout();
        append(origin.path(), NAME, &example::line(0, CELLS)).expect("added");
        let scratch = tempfile::tempdir().expect("a folder");
        let dir = scratch.path().join("clone");
        let from = origin.path().display().to_string();
        let to = dir.display().to_string();
        let clone = ["clone", "-q", &from, &to];
        Git::at(scratch.path()).said(&clone).expect("cloned");
        assert_eq!(subjects(&dir), ["Change 0"]);
        append(&dir, NAME, &example::line(1, CELLS)).expect("added");
        assert_eq!(subjects(&dir), ["Change 0", "Change 1"]);
        let pushed = ["push", "-q", "origin", NAME];
        Git::at(&dir).said(&pushed).expect("nothing to be forced");
        append(origin.path(), NAME, &example::line(2, CELLS)).expect("added");
        Git::at(&dir).said(&["fetch", "-q"]).expect("fetched");
        append(&dir, NAME, &example::line(3, CELLS)).expect("added");
        assert_eq!(subjects(&dir).len(), 4);
    }

    #[test]
    fn other_branches_are_left_alone() {
        let (folder, _) = checkout();
        let dir = folder.path();
        let line = example::line(0, CELLS);
        let said =
            |name: &str| append(dir, name, &line).expect_err(name).to_string();
        assert!(said("main").contains("is checked out"));
        assert!(said("-f").contains("no name of a branch"));
        assert!(said("a..b").contains("no name of a branch"));
        fs::write(dir.join("code.rs"), "").expect("written");
        let git = Git::at(dir).with_author();
        git.said(&["checkout", "-q", "-b", "code"]).expect("made");
        git.said(&["add", "."]).expect("staged");
        git.said(&["commit", "-q", "-m", "Code"]).expect("committed");
        git.said(&["checkout", "-q", "main"]).expect("back");
        assert!(said("code").contains("has code.rs, so it is none"));
        let outside = tempfile::tempdir().expect("a folder");
        let why = append(outside.path(), NAME, &line).expect_err("outside");
        assert!(why.to_string().contains("not a git repository"), "{why}");
    }
}

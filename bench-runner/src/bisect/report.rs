//! What a bisection found, as text and as JSON.

use std::fmt::Write as _;

use comfy_table::CellAlignment;
use serde_json::{Value, json};

use super::git::{Commit, Repository};
use super::look::Seen;
use super::search::{Found, Step};
use crate::failure::Failure;
use crate::gate::words::{plain, short};
use crate::table::table;

/// What was found, and what git says of it.
pub struct Report<'a> {
    good: Commit,
    bad: Commit,
    first: Vec<Commit>,
    log: Vec<(Commit, &'a Step)>,
    found: &'a Found,
}

impl<'a> Report<'a> {
    /// Of what was found between two commits.
    pub fn new(
        repository: &Repository,
        good: &str,
        bad: &str,
        found: &'a Found,
    ) -> Result<Self, Failure> {
        let describe = |commit: &String| repository.describe(commit);
        let log = found
            .log
            .iter()
            .map(|step| Ok((repository.describe(&step.commit)?, step)));
        Ok(Self {
            good: repository.describe(good)?,
            bad: repository.describe(bad)?,
            first: found
                .first
                .iter()
                .map(describe)
                .collect::<Result<_, _>>()?,
            log: log.collect::<Result<_, Failure>>()?,
            found,
        })
    }

    /// The cells in question that a commit slows down.
    fn slower(&self, commit: &str) -> Vec<&'a Seen> {
        let step = self.found.log.iter().find(|s| s.commit == commit);
        let all = step.map_or(Vec::new(), |step| step.look.slower());
        let asked = |seen: &&Seen| self.found.cells.contains(&seen.cell);
        all.into_iter().filter(asked).collect()
    }

    /// The log, then the first bad commit with what it slows down.
    pub fn text(&self) -> String {
        let mut table =
            table(["commit", "verdict", "subject", "seen"].into_iter());
        for column in table.column_iter_mut() {
            column.set_cell_alignment(CellAlignment::Left);
        }
        for (commit, step) in &self.log {
            table.add_row([
                short(&commit.commit).to_owned(),
                step.mark.word().to_owned(),
                plain(&commit.subject),
                plain(step.look.line()),
            ]);
        }
        let mut text = format!("{}\n\n", table.trim_fmt());
        let title = match self.first[..] {
            [_] => "first bad commit",
            _ => "one of these is the first bad commit",
        };
        let _ = writeln!(text, "{title}:");
        for commit in &self.first {
            let _ = writeln!(
                text,
                "{}\n  {}\n  {}",
                commit.commit,
                plain(&commit.subject),
                plain(&commit.date)
            );
            for seen in self.slower(&commit.commit) {
                let _ = writeln!(text, "  {}", plain(&seen.line));
                if let Some(cause) = &seen.cause {
                    let _ = writeln!(text, "    {}", plain(cause));
                }
            }
        }
        text
    }

    /// The same for programs.
    pub fn json(&self) -> Value {
        let first = self.first.iter().map(|commit| {
            let mut value = json!(commit);
            value["slower"] = json!(self.slower(&commit.commit));
            value
        });
        let log = self.log.iter().map(|(commit, step)| {
            let mut value = json!(commit);
            value["verdict"] = json!(step.mark);
            value["line"] = json!(step.look.line());
            value
        });
        json!({
            "good": self.good,
            "bad": self.bad,
            "cells": self.found.cells,
            "first_bad": first.collect::<Vec<_>>(),
            "log": log.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::look::{Cell, Checked, Look, Mark};
    use super::*;
    use crate::gate::record::{CellVerdict, Conclusion};

    fn commit(number: u8, subject: &str) -> Commit {
        Commit {
            commit: format!("{number:x}").repeat(40),
            date: "2026-11-22T08:00:00+01:00".to_owned(),
            subject: subject.to_owned(),
        }
    }

    fn found(first: &[&Commit]) -> Found {
        let cell = Cell { variant: "batch=vec".to_owned(), batch: 32 };
        let seen = |verdict, line: &str| Seen {
            cell: cell.clone(),
            verdict,
            line: line.to_owned(),
            cause: Some("one load more".to_owned()),
        };
        let step = |number, mark, verdict, line: &str, seen| Step {
            commit: commit(number, "").commit,
            mark,
            look: Look::Checked(Checked {
                verdict,
                line: line.to_owned(),
                cells: vec![seen],
            }),
        };
        let slower =
            seen(CellVerdict::Slower, "batch=vec at batch 32 is 3.1 % slower");
        Found {
            cells: vec![cell.clone()],
            log: vec![
                step(
                    9,
                    Mark::Bad,
                    Conclusion::Regression,
                    "1 cell is slower",
                    slower.clone(),
                ),
                step(
                    4,
                    Mark::Good,
                    Conclusion::Fine,
                    "no cell is slower",
                    seen(CellVerdict::Fine, "0.0 %"),
                ),
            ],
            first: first.iter().map(|c| c.commit.clone()).collect(),
        }
    }

    fn report<'a>(found: &'a Found, first: &[&Commit]) -> Report<'a> {
        let commits = [commit(9, "Grow twice"), commit(4, "A word")];
        Report {
            good: commit(1, "Begin"),
            bad: commit(9, "Grow twice"),
            first: first.iter().map(|c| (*c).clone()).collect(),
            log: commits.into_iter().zip(&found.log).collect(),
            found,
        }
    }

    #[test]
    fn the_first_bad_commit_is_told_with_its_cells_and_causes() {
        let bad = commit(9, "Grow twice");
        let found = found(&[&bad]);
        let report = report(&found, &[&bad]);
        let got = report.text();
        assert!(got == TEXT, "got\n{got}\nwant\n{TEXT}");
        let json = report.json();
        assert_eq!(json["first_bad"][0]["subject"], "Grow twice");
        assert_eq!(json["first_bad"][0]["slower"][0]["batch"], 32);
        assert_eq!(json["log"][1]["verdict"], "good");
    }

    const TEXT: &str = r#"commit        verdict  subject     seen
────────────────────────────────────────────────────
999999999999  bad      Grow twice  1 cell is slower
444444444444  good     A word      no cell is slower

first bad commit:
9999999999999999999999999999999999999999
  Grow twice
  2026-11-22T08:00:00+01:00
  batch=vec at batch 32 is 3.1 % slower
    one load more
"#;

    #[test]
    fn several_that_may_be_it_are_all_named() {
        let (a, b) = (commit(4, "A word"), commit(9, "Grow twice"));
        let found = found(&[&a, &b]);
        let text = report(&found, &[&a, &b]).text();
        assert!(text.contains("one of these is the first"), "{text}");
        assert!(text.contains(&a.commit) && text.contains(&b.commit));
    }

    #[test]
    fn a_subject_is_no_command() {
        let bad = commit(9, "::error::\u{1b}[2J");
        let found = found(&[&bad]);
        let text = report(&found, &[&bad]).text();
        let mut lines = text.lines().map(str::trim_start);
        assert!(!lines.any(|line| line.starts_with("::")), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}

//! The search: what is asked of git and of the programs, in which order.

use super::look::{Cell, Look, Mark};
use crate::failure::{Exit, Failure};
use crate::gate::record::Conclusion;

/// Who chooses commits.
pub trait History {
    /// Begins between good and bad.
    fn begin(&mut self) -> Result<Next, Failure>;

    /// Takes what is said of the commit that was chosen last.
    fn mark(&mut self, mark: Mark) -> Result<Next, Failure>;
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// This commit is to be looked at.
    Look(String),
    /// The first bad commit, or all that may be it.
    Found(Vec<String>),
}

/// Who looks at commits.
pub trait Judge {
    /// Looks at a commit: at all cells, or at those that are named.
    fn look(
        &mut self,
        commit: &str,
        only: Option<&[Cell]>,
    ) -> Result<Look, Failure>;
}

/// A commit that was looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its hash.
    pub commit: String,
    /// What git was told of it.
    pub mark: Mark,
    /// What was seen.
    pub look: Look,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The cells in question: those that are slower in the end.
    pub cells: Vec<Cell>,
    /// Every commit that was looked at, the bad one before all others.
    pub log: Vec<Step>,
    /// The first bad commit, or all that may be it.
    pub first: Vec<String>,
}

/// Searches the first commit that slows down what `bad` slows down.
///
/// # Errors
///
/// Where `bad` is not slower, or nobody can say so.
pub fn search(
    history: &mut impl History,
    judge: &mut impl Judge,
    bad: &str,
) -> Result<Found, Failure> {
    let look = judge.look(bad, None)?;
    let cells = in_question(&look)?;
    let mut log = vec![Step { commit: bad.to_owned(), mark: Mark::Bad, look }];
    let mut next = history.begin()?;
    loop {
        match next {
            Next::Found(first) => return Ok(Found { cells, log, first }),
            Next::Look(commit) => {
                let look = judge.look(&commit, Some(&cells))?;
                let mark = look.mark(&cells);
                log.push(Step { commit, mark, look });
                next = history.mark(mark)?;
            }
        }
    }
}

/// The cells that are slower in the end.
fn in_question(look: &Look) -> Result<Vec<Cell>, Failure> {
    let line = look.line();
    let verdict = match look {
        Look::Checked(checked) => checked.verdict,
        Look::Undecided(refusal) => refusal.verdict,
        Look::Unbuilt(line) => {
            return Err(Failure::error(format!("BAD: {line}")));
        }
    };
    let (exit, what) = match verdict {
        Conclusion::Regression => {
            let slower = look.slower().into_iter();
            return Ok(slower.map(|seen| seen.cell.clone()).collect());
        }
        Conclusion::Fine => {
            (Exit::Inconclusive, "no slowdown between GOOD and BAD")
        }
        Conclusion::Inconclusive => (
            Exit::Inconclusive,
            "whether BAD is slower than GOOD is inconclusive",
        ),
        Conclusion::Environment => {
            (Exit::Environment, "BAD cannot be held against GOOD")
        }
    };
    Err(Failure::of(exit, format!("{what}: {line}")))
}

#[cfg(test)]
mod tests {
    use super::super::look::{Checked, Refusal, Seen};
    use super::*;
    use crate::gate::record::CellVerdict;
    use proptest::prelude::*;

    /// A line of commits; the good one is before the first, the bad one is
    /// the last.
    struct Line {
        commits: usize,
        marks: Vec<Option<Mark>>,
        at: usize,
    }

    impl Line {
        fn new(commits: usize) -> Self {
            let mut marks = vec![None; commits];
            marks[commits - 1] = Some(Mark::Bad);
            Self { commits, marks, at: 0 }
        }

        fn next(&mut self) -> Next {
            let bad = self.marks.iter().position(|m| *m == Some(Mark::Bad));
            let bad = bad.expect("the last one is");
            let good = self.marks.iter().rposition(|m| *m == Some(Mark::Good));
            let first = good.map_or(0, |good| good + 1);
            let open: Vec<_> =
                (first..bad).filter(|&c| self.marks[c].is_none()).collect();
            match open.get(open.len() / 2) {
                Some(&at) => {
                    self.at = at;
                    Next::Look(at.to_string())
                }
                None => {
                    Next::Found((first..=bad).map(|c| c.to_string()).collect())
                }
            }
        }
    }

    impl History for Line {
        fn begin(&mut self) -> Result<Next, Failure> {
            assert_eq!(self.marks.len(), self.commits);
            Ok(self.next())
        }

        fn mark(&mut self, mark: Mark) -> Result<Next, Failure> {
            self.marks[self.at] = Some(mark);
            Ok(self.next())
        }
    }

    /// Says what it was told of each commit, and remembers what was asked.
    struct Told {
        looks: Vec<Look>,
        asked: Vec<(usize, Option<usize>)>,
    }

    impl Told {
        fn new(looks: Vec<Look>) -> Self {
            Self { looks, asked: Vec::new() }
        }
    }

    impl Judge for Told {
        fn look(
            &mut self,
            commit: &str,
            only: Option<&[Cell]>,
        ) -> Result<Look, Failure> {
            let commit: usize = commit.parse().expect("a number");
            self.asked.push((commit, only.map(<[Cell]>::len)));
            Ok(self.looks[commit].clone())
        }
    }

    fn checked(verdict: CellVerdict) -> Look {
        let conclusion = match verdict {
            CellVerdict::Slower => Conclusion::Regression,
            CellVerdict::Inconclusive => Conclusion::Inconclusive,
            CellVerdict::Fine | CellVerdict::Faster => Conclusion::Fine,
        };
        let cell = Cell { variant: "batch=vec".to_owned(), batch: 32 };
        let line = verdict.word().to_owned();
        let seen = Seen { cell, verdict, line: line.clone(), cause: None };
        Look::Checked(Checked { verdict: conclusion, line, cells: vec![seen] })
    }

    /// Ten commits, of which those from `slow` on are slow.
    fn ten(slow: usize) -> Vec<Look> {
        let verdict = |commit| match commit < slow {
            true => CellVerdict::Fine,
            false => CellVerdict::Slower,
        };
        (0..10).map(|commit| checked(verdict(commit))).collect()
    }

    fn searched(looks: Vec<Look>) -> (Result<Found, Failure>, Told) {
        let mut history = Line::new(looks.len());
        let mut judge = Told::new(looks);
        let found = search(&mut history, &mut judge, "9");
        (found, judge)
    }

    #[test]
    fn one_slow_commit_of_ten_is_found_in_five_looks() {
        let (found, judge) = searched(ten(6));
        let found = found.unwrap();
        assert_eq!(found.first, ["6"]);
        assert_eq!(found.cells[0].variant, "batch=vec");
        assert!(judge.asked.len() <= 5, "{:?}", judge.asked);
        assert_eq!(judge.asked[0], (9, None), "all cells of BAD");
        let rest = &judge.asked[1..];
        assert!(rest.iter().all(|(_, only)| *only == Some(1)), "{rest:?}");
        assert_eq!(found.log.len(), judge.asked.len());
    }

    #[test]
    fn skips_around_the_slow_commit_leave_several() {
        let mut looks = ten(6);
        looks[5] = checked(CellVerdict::Inconclusive);
        looks[6] = Look::Unbuilt("no such crate".to_owned());
        let found = searched(looks).0.unwrap();
        assert_eq!(found.first, ["5", "6", "7"]);
        let skips = found.log.iter().filter(|s| s.mark == Mark::Skip);
        assert_eq!(skips.count(), 2);
    }

    #[test]
    fn where_nothing_can_be_said_all_are_left() {
        let mut looks = vec![checked(CellVerdict::Inconclusive); 10];
        looks[9] = checked(CellVerdict::Slower);
        let found = searched(looks).0.unwrap();
        assert_eq!(found.first.len(), 10);
    }

    #[test]
    fn a_bad_commit_that_is_not_slower_is_told_before_any_other_is_built() {
        let refused = |verdict| {
            let line = "why".to_owned();
            Look::Undecided(Refusal { verdict, line })
        };
        for (look, exit) in [
            (checked(CellVerdict::Fine), Exit::Inconclusive),
            (checked(CellVerdict::Faster), Exit::Inconclusive),
            (checked(CellVerdict::Inconclusive), Exit::Inconclusive),
            (refused(Conclusion::Inconclusive), Exit::Inconclusive),
            (refused(Conclusion::Environment), Exit::Environment),
            (Look::Unbuilt("why".to_owned()), Exit::Error),
        ] {
            let mut looks = ten(6);
            looks[9] = look;
            let (found, judge) = searched(looks);
            assert_eq!(found.unwrap_err().exit, exit);
            assert_eq!(judge.asked.len(), 1);
        }
    }

    #[test]
    fn the_first_commit_after_good_may_be_it() {
        assert_eq!(searched(ten(0)).0.unwrap().first, ["0"]);
        assert_eq!(searched(ten(9)).0.unwrap().first, ["9"]);
    }

    proptest! {
        #[test]
        fn the_slow_commit_is_always_among_those_found(
            slow in 0..10usize, skips in proptest::collection::vec(any::<bool>(), 9),
        ) {
            let mut looks = ten(slow);
            for (look, skip) in looks.iter_mut().zip(&skips) {
                if *skip {
                    *look = checked(CellVerdict::Inconclusive);
                }
            }
            let found = searched(looks).0.unwrap();
            prop_assert!(found.first.contains(&slow.to_string()));
            let alone = !skips.contains(&true);
            prop_assert!(!alone || found.first.len() == 1);
        }
    }
}

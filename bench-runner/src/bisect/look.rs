//! What a check said of a commit, as far as a bisection has to know it.

use serde::{Deserialize, Serialize};

use crate::gate::record::{CellVerdict, Conclusion};

/// A variant at a batch size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Name of the variant.
    pub variant: String,
    /// Upper limit of packets per receive call.
    pub batch: u16,
}

/// What was said of a cell. Fields that are not here are of no concern: the
/// file may be of another version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Which one.
    #[serde(flatten)]
    pub cell: Cell,
    /// What is said of it.
    pub verdict: CellVerdict,
    /// The same with numbers.
    pub line: String,
    /// Where it probably comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// A `check.json` of any version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    /// The whole in a word.
    pub verdict: Conclusion,
    /// The whole in a line.
    pub line: String,
    /// Cell by cell.
    pub cells: Vec<Seen>,
}

/// What came of looking at a commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Look {
    /// It was checked.
    Checked(Checked),
    /// Its check found no verdict, and this is why.
    Undecided(Refusal),
    /// There is no program to check with, and this is why.
    Unbuilt(String),
}

/// A check that ended without a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// Inconclusive or environment.
    pub verdict: Conclusion,
    /// Its line.
    pub line: String,
}

/// What git is told of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// Not slower.
    Good,
    /// Slower.
    Bad,
    /// Unknown.
    Skip,
}

impl Mark {
    /// As git calls it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Skip => "skip",
        }
    }
}

impl Look {
    /// What the look says of the commit: bad where any of the cells is
    /// slower, good where none of them may be.
    pub fn mark(&self, cells: &[Cell]) -> Mark {
        let Self::Checked(checked) = self else {
            return Mark::Skip;
        };
        if checked.verdict == Conclusion::Environment {
            return Mark::Skip;
        }
        let of =
            |cell: &Cell| checked.cells.iter().find(|seen| seen.cell == *cell);
        let verdicts: Vec<_> =
            cells.iter().map(|cell| of(cell).map(|s| s.verdict)).collect();
        let good = |verdict: &Option<CellVerdict>| {
            matches!(verdict, Some(CellVerdict::Fine | CellVerdict::Faster))
        };
        if verdicts.contains(&Some(CellVerdict::Slower)) {
            Mark::Bad
        } else if verdicts.iter().all(good) {
            Mark::Good
        } else {
            Mark::Skip
        }
    }

    /// The cells that are slower.
    pub fn slower(&self) -> Vec<&Seen> {
        let cells = match self {
            Self::Checked(checked) => &checked.cells[..],
            _ => &[],
        };
        let slower = |seen: &&Seen| seen.verdict == CellVerdict::Slower;
        cells.iter().filter(slower).collect()
    }

    /// In a line.
    pub fn line(&self) -> &str {
        match self {
            Self::Checked(Checked { line, .. })
            | Self::Undecided(Refusal { line, .. })
            | Self::Unbuilt(line) => line,
        }
    }

    /// Whether another look would say the same. What was undecided may be
    /// decided when the machine is quieter.
    pub fn lasts(&self) -> bool {
        let decided = |verdict| {
            matches!(verdict, Conclusion::Fine | Conclusion::Regression)
        };
        match self {
            Self::Checked(checked) => decided(checked.verdict),
            Self::Undecided(_) => false,
            Self::Unbuilt(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(variant: &str) -> Cell {
        Cell { variant: variant.to_owned(), batch: 32 }
    }

    fn checked(verdict: Conclusion, cells: &[(&str, CellVerdict)]) -> Look {
        let seen = |&(variant, verdict): &(&str, CellVerdict)| Seen {
            cell: cell(variant),
            verdict,
            line: String::new(),
            cause: None,
        };
        Look::Checked(Checked {
            verdict,
            line: String::new(),
            cells: cells.iter().map(seen).collect(),
        })
    }

    #[test]
    fn only_the_cells_in_question_make_a_commit_bad() {
        use CellVerdict::{Faster, Fine, Inconclusive, Slower};
        let wanted = [cell("a"), cell("b")];
        let mark = |cells: &[(&str, CellVerdict)]| {
            checked(Conclusion::Regression, cells).mark(&wanted)
        };
        assert_eq!(mark(&[("a", Fine), ("b", Slower)]), Mark::Bad);
        assert_eq!(mark(&[("a", Inconclusive), ("b", Slower)]), Mark::Bad);
        assert_eq!(mark(&[("a", Fine), ("b", Faster)]), Mark::Good);
        assert_eq!(
            mark(&[("a", Fine), ("b", Fine), ("c", Slower)]),
            Mark::Good
        );
        assert_eq!(mark(&[("a", Fine), ("b", Inconclusive)]), Mark::Skip);
        assert_eq!(mark(&[("a", Fine)]), Mark::Skip, "b was not measured");
    }

    #[test]
    fn a_machine_that_moved_says_nothing_of_a_commit() {
        let cells = [("a", CellVerdict::Slower)];
        let look = checked(Conclusion::Environment, &cells);
        assert_eq!(look.mark(&[cell("a")]), Mark::Skip);
        assert!(!look.lasts());
    }

    #[test]
    fn a_record_of_another_version_is_read_as_far_as_it_goes() {
        let json = r#"{
            "schema": 99, "verdict": "regression", "line": "l", "new": {},
            "cells": [{
                "variant": "reg=boxed", "batch": 32, "verdict": "slower",
                "line": "3 %", "time": {"effect": 0.03}, "other": []
            }]
        }"#;
        let look = Look::Checked(serde_json::from_str(json).unwrap());
        assert_eq!(look.slower()[0].cell, cell("reg=boxed"));
    }

    #[test]
    fn what_is_kept_reads_back() {
        let refusal = Refusal {
            verdict: Conclusion::Inconclusive,
            line: "noise".to_owned(),
        };
        for look in [
            checked(Conclusion::Fine, &[("a", CellVerdict::Fine)]),
            Look::Undecided(refusal),
            Look::Unbuilt("no such crate".to_owned()),
        ] {
            let json = serde_json::to_string(&look).unwrap();
            assert_eq!(serde_json::from_str::<Look>(&json).unwrap(), look);
        }
    }
}

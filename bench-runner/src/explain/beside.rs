//! Two variants' machine code as it is shown on a page.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use variants::registry::Variant;

use super::code::Counts;
use super::compare::{Comparison, Row, listing};
use super::symbols::Image;
use super::{Explained, Failure};

/// Characters of an instruction that are shown.
const WIDEST: usize = 64;

/// Reads the machine code of this program's variants, each once.
pub struct Reader {
    image: Image,
    known: HashMap<String, Explained>,
}

/// Two variants' machine code side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Beside {
    /// How far they differ, in words.
    pub verdict: String,
    /// Rows of all their code.
    pub of: usize,
    /// How many loops deep the rows are that are shown.
    pub depth: usize,
    /// Rows that are as deep and are not shown.
    pub left_out: usize,
    /// The rows that are shown.
    pub rows: Vec<Pair>,
    /// Counts of either and of their loops, by name.
    pub counts: [Vec<(String, Counts)>; 2],
}

/// An instruction of either, or of one alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The first one's.
    pub left: Option<String>,
    /// The second one's.
    pub right: Option<String>,
    /// Whether they are the same.
    pub equal: bool,
}

impl Reader {
    /// Reads the program that is running.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or is made for another processor.
    pub fn of_this_program() -> Result<Self, Failure> {
        if !cfg!(target_arch = "x86_64") {
            return Err(Failure::environment("only x86-64 code can be read"));
        }
        let image = Image::of_this_program()?;
        Ok(Self { image, known: HashMap::new() })
    }

    fn read(&mut self, variant: &Variant) -> Result<&Explained, Failure> {
        match self.known.entry(variant.name()) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(free) => {
                Ok(free.insert(Explained::of(variant, &self.image)?))
            }
        }
    }

    /// A variant's instructions, one line each, without where they lie.
    ///
    /// # Errors
    ///
    /// Where the program has no symbol for it.
    pub fn lines(&mut self, variant: &Variant) -> Result<Vec<String>, Failure> {
        let lines = self.read(variant)?.body.lines.iter();
        Ok(lines.map(|line| line.text.clone()).collect())
    }

    /// Two variants side by side: all of their code where that is at most
    /// `most` rows, else that in loops, and in deeper ones until it fits or
    /// little would be left.
    ///
    /// # Errors
    ///
    /// Where the program has no symbol for one of them.
    pub fn beside(
        &mut self,
        a: &Variant,
        b: &Variant,
        most: usize,
    ) -> Result<Beside, Failure> {
        self.read(a)?;
        self.read(b)?;
        let [a, b] = [a, b].map(|variant| &self.known[&variant.name()]);
        let comparison = Comparison::of(&a.body, &b.body);
        let depth_of = |row: &Row| {
            let left = row.left.map_or(0, |at| a.body.lines[at].depth);
            let right = row.right.map_or(0, |at| b.body.lines[at].depth);
            left.max(right)
        };
        let rows = &comparison.rows;
        let deepest = rows.iter().map(depth_of).max().unwrap_or(0);
        let as_deep = |depth: usize| {
            rows.iter().filter(move |row| depth_of(row) >= depth)
        };
        let fits = |depth: &usize| as_deep(*depth).count() <= most;
        let mut depth = (0..=deepest).find(fits).unwrap_or(deepest);
        // Rather a part of the loops around than the innermost ones alone.
        if depth > 0 && as_deep(depth).count() * 3 < most {
            depth -= 1;
        }
        let (left, right) = (listing(&a.body), listing(&b.body));
        let shown = as_deep(depth).take(most).map(|row| Pair {
            left: row.left.map(|at| cut(&left[at])),
            right: row.right.map(|at| cut(&right[at])),
            equal: row.equal,
        });
        Ok(Beside {
            verdict: comparison.verdict(),
            of: rows.len(),
            depth,
            left_out: as_deep(depth).count().saturating_sub(most),
            rows: shown.collect(),
            counts: [a.counts(), b.counts()],
        })
    }
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(WIDEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;

    #[test]
    fn what_is_shown_fits_and_lies_in_the_deepest_loops() {
        let Ok(mut reader) = Reader::of_this_program() else { return };
        let find = |name| plan::find(name).expect("a variant");
        let (a, b) = (find("baseline"), find("batch=list"));
        let all = reader.beside(&a, &b, usize::MAX).expect("code");
        assert_eq!((all.depth, all.left_out), (0, 0));
        assert_eq!(all.rows.len(), all.of);
        assert!(all.rows.iter().any(|row| !row.equal));
        let some = reader.beside(&a, &b, 40).expect("code");
        assert!(some.rows.len() <= 40 && some.depth > 0, "{some:?}");
        assert!(some.rows.len() * 3 >= 40, "{some:?}");
        let wide = some.rows.iter().filter_map(|row| row.left.as_ref());
        assert!(wide.clone().count() > 0);
        assert!(wide.clone().all(|l| l.chars().count() <= WIDEST + 1));
        assert_eq!(some.counts, all.counts);
        let same = reader.beside(&a, &a, 1000).expect("code");
        assert!(same.rows.iter().all(|row| row.equal));
    }
}

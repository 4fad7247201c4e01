//! The answer of a run in a few sentences, made of its numbers alone.

use crate::analysis::{BASELINE, CellResult, FLOOR, Reference, axis};
use crate::results::{Fill, Run};
use crate::stats::Estimate;
use crate::verdict::Verdict;

/// Who lies within this of its reference, as a share of time, is called near.
const NEAR: f64 = 0.1;

/// Who takes so many times as long is counted as dear.
const TWICE: f64 = 2.0;

/// A part of a sentence. What comes from a file is a name, and untrusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Words of this program.
    Text(String),
    /// A variant's name.
    Name(String),
    /// A ratio with its interval.
    Ratio(String),
}

/// Parts that follow each other without a gap.
pub type Sentence = Vec<Piece>;

/// The batch size that a run is summed up at: the one nearest to 32.
#[must_use]
pub fn batch(results: &[CellResult]) -> Option<u16> {
    let batches = results.iter().map(|result| result.batch);
    batches.min_by_key(|batch| (batch.abs_diff(32), *batch))
}

/// The answer, what matters most first; each sentence with an end.
#[must_use]
pub fn answer(
    run: &Run,
    results: &[CellResult],
    reference: &Reference,
) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    for fill in run.fills() {
        for cores in run.core_counts() {
            let here: Vec<_> = results
                .iter()
                .filter(|r| r.fill == fill && r.cores == cores)
                .collect();
            let is_first = sentences.is_empty();
            let place = Place {
                run,
                fill,
                cores: cores.filter(|_| run.core_counts().len() > 1),
            };
            sentences.extend(place.sentences(&here, reference, is_first));
        }
    }
    if sentences.is_empty() {
        let none = "Nothing in this run can be compared with its reference.";
        sentences.push(vec![text(none)]);
    }
    sentences
}

/// The sentences as plain text.
#[must_use]
pub fn plain(sentences: &[Sentence]) -> String {
    let sentence = |pieces: &Sentence| -> String {
        let words = pieces.iter().map(|piece| match piece {
            Piece::Text(words) | Piece::Name(words) | Piece::Ratio(words) => {
                words.as_str()
            }
        });
        words.collect()
    };
    sentences.iter().map(sentence).collect::<Vec<_>>().join(" ")
}

/// A ratio with its interval, as in tables.
#[must_use]
pub fn times(ratio: Estimate, decimals: usize) -> String {
    let value = ratio.value;
    match ratio.interval {
        None => format!("×{value:.decimals$}"),
        Some((low, high)) => {
            format!("×{value:.decimals$} ({low:.decimals$}..{high:.decimals$})")
        }
    }
}

/// Cells that are compared with each other.
struct Place<'a> {
    run: &'a Run,
    fill: Fill,
    cores: Option<u16>,
}

/// A variant and its cost.
type Cost<'a> = (&'a CellResult, Estimate);

impl Place<'_> {
    fn sentences(
        &self,
        results: &[&CellResult],
        reference: &Reference,
        is_first: bool,
    ) -> Vec<Sentence> {
        let batches = results.iter().map(|result| result.batch);
        let batch = batches.min_by_key(|batch| (batch.abs_diff(32), *batch));
        let costs = results
            .iter()
            .filter(|r| !r.copy && Some(r.batch) == batch)
            .filter(|r| r.variant != FLOOR)
            .filter_map(|r| Some((*r, r.cost_ratio?)));
        let (wholes, choices): (Vec<Cost>, Vec<Cost>) = costs
            .filter(|(r, _)| axis(&r.variant) != "floor")
            .partition(|(r, _)| axis(&r.variant) == "persona");
        let Some(batch) = batch else { return Vec::new() };
        let mut sentences = Vec::new();
        if let Some(ends) = Ends::of(&choices) {
            sentences.push(self.extremes(&ends, batch, reference));
        }
        if is_first && choices.len() > 2 {
            sentences.push(spread(&choices));
            sentences.extend(verdicts(&choices));
        }
        if is_first && let Some(ends) = Ends::of(&wholes) {
            let is_alone = choices.is_empty();
            sentences.push(if is_alone {
                self.extremes(&ends, batch, reference)
            } else {
                personas(&ends)
            });
        }
        sentences
    }

    /// Who is dearest, and who is cheapest.
    fn extremes(
        &self,
        ends: &Ends,
        batch: u16,
        reference: &Reference,
    ) -> Sentence {
        let of = |(result, ratio): Cost| {
            let against = match reference(&result.variant) {
                BASELINE => text("the baseline's"),
                other => Piece::Name(other.to_owned()),
            };
            let possessive = match against {
                Piece::Name(_) => "'s",
                Piece::Text(_) | Piece::Ratio(_) => "",
            };
            let name = Piece::Name(result.variant.clone());
            let ratio = Piece::Ratio(times(ratio, 2));
            let (takes, of) = (text(" takes "), text(" of "));
            [name, takes, ratio, of, against, text(possessive)]
        };
        let mut pieces = vec![text(self.opening(batch))];
        pieces.extend(of(ends.dearest));
        pieces.push(text(" time per packet"));
        match ends.count {
            1 => {}
            count => {
                let most = format!(", the most of {count} choices, and ");
                pieces.push(text(most));
                pieces.extend(of(ends.cheapest));
                pieces.push(text(", the least"));
            }
        }
        pieces.push(text("."));
        pieces
    }

    fn opening(&self, batch: u16) -> String {
        let fill = match self.fill == self.run.setup.fill {
            true => String::new(),
            false => format!(" with {} fill", self.fill),
        };
        let cores = match self.cores {
            None => String::new(),
            Some(1) => " on one core".to_owned(),
            Some(cores) => format!(" on {cores} cores"),
        };
        format!("At batch size {batch}{fill}{cores}, ")
    }
}

/// The two ends of some costs.
struct Ends<'a> {
    dearest: Cost<'a>,
    cheapest: Cost<'a>,
    count: usize,
}

impl<'a> Ends<'a> {
    fn of(costs: &[Cost<'a>]) -> Option<Self> {
        let by = |a: &&Cost, b: &&Cost| a.1.value.total_cmp(&b.1.value);
        Some(Self {
            // Of equals the first of the run.
            dearest: *costs.iter().rev().max_by(by)?,
            cheapest: *costs.iter().min_by(by)?,
            count: costs.len(),
        })
    }
}

fn spread(costs: &[Cost]) -> Sentence {
    let count = |is: &dyn Fn(f64) -> bool| {
        costs.iter().filter(|(_, ratio)| is(ratio.value)).count()
    };
    let near = count(&|ratio| (ratio - 1.0).abs() <= NEAR);
    let dear = count(&|ratio| ratio >= TWICE);
    let lies = |count| if count == 1 { "lies" } else { "lie" };
    vec![text(format!(
        "{near} of them {} within {:.0} % of what they are compared with, and \
         {dear} {} at twice its time or above.",
        lies(near),
        NEAR * 100.0,
        lies(dear),
    ))]
}

/// How many of each verdict there are; nothing where there is none.
fn verdicts(costs: &[Cost]) -> Option<Sentence> {
    let all: Vec<_> =
        costs.iter().filter_map(|(r, _)| Some(r.finding?.verdict)).collect();
    let count = |is: fn(&Verdict) -> bool| all.iter().filter(|v| is(v)).count();
    let slower = count(|v| matches!(v, Verdict::Slower { .. }));
    let faster = count(|v| matches!(v, Verdict::Faster { .. }));
    let equivalent = count(|v| matches!(v, Verdict::Equivalent));
    let open = all.len() - slower - faster - equivalent;
    (!all.is_empty()).then(|| {
        vec![text(format!(
            "By verdict, {slower} took longer, {faster} less time, \
             {equivalent} as long, and {open} decided nothing."
        ))]
    })
}

fn personas(ends: &Ends) -> Sentence {
    let of = |(result, ratio): Cost| {
        let name = Piece::Name(result.variant.clone());
        [Piece::Ratio(times(ratio, 2)), text(" ("), name, text(")")]
    };
    if ends.count == 1 {
        let [ratio, begin, name, end] = of(ends.dearest);
        let opening = text("A whole driver in another style takes ");
        return vec![opening, ratio, begin, name, end, text(".")];
    }
    let mut pieces = vec![text("Whole drivers take from ")];
    pieces.extend(of(ends.cheapest));
    pieces.push(text(" to "));
    pieces.extend(of(ends.dearest));
    pieces.push(text("."));
    pieces
}

fn text(words: impl Into<String>) -> Piece {
    Piece::Text(words.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::analyse;
    use crate::results::example::{self, reference};

    fn said(run: &Run) -> String {
        plain(&answer(run, &analyse(run, &reference), &reference))
    }

    #[test]
    fn dearest_and_cheapest_come_first_with_batch_size_and_intervals() {
        let said = said(&example::fourteen());
        let opening = "At batch size 32, batch=list takes ×2.3";
        assert!(said.starts_with(opening), "{said}");
        let cheapest = "and walk=speculate4 takes ×0.90";
        assert!(said.contains(cheapest), "{said}");
        assert!(said.contains("of batch=arena's, the least."), "{said}");
        assert!(said.contains("the most of 13 choices"), "{said}");
        assert!(said.contains("(2."), "no interval in {said}");
    }

    #[test]
    fn verdicts_add_up_to_the_comparisons() {
        let said = said(&example::fourteen());
        let (_, counts) = said.split_once("By verdict, ").expect("verdicts");
        let numbers = counts.split(' ').filter_map(|w| w.parse::<u32>().ok());
        assert_eq!(numbers.sum::<u32>(), 13, "{said}");
    }

    #[test]
    fn one_comparison_is_no_superlative() {
        let said = said(&example::run(&["baseline", "reg=boxed"], &[8, 64]));
        assert!(said.starts_with("At batch size 8, reg=boxed"), "{said}");
        assert!(!said.contains("most") && !said.contains("By"), "{said}");
    }

    #[test]
    fn personas_have_a_sentence_of_their_own() {
        let variants = ["baseline", "reg=boxed", "persona=x", "persona=y"];
        let said = said(&example::run(&variants, &[32]));
        assert!(said.contains("Whole drivers take from ×1.00"), "{said}");
        assert!(said.contains("At batch size 32, reg=boxed"), "{said}");
    }

    #[test]
    fn another_fill_is_told_apart() {
        let mut run = example::run(&["baseline", "reg=boxed"], &[32]);
        example::add_random(&mut run, &["baseline", "reg=boxed"]);
        let said = said(&run);
        assert!(said.contains("At batch size 32 with random fill, "), "{said}");
    }

    #[test]
    fn nothing_to_compare_is_said() {
        let said = said(&example::run(&["baseline"], &[32]));
        assert!(said.starts_with("Nothing in this run"), "{said}");
        let mut run = example::fourteen();
        run.processes.clear();
        assert!(self::said(&run).starts_with("Nothing in this run"));
    }
}

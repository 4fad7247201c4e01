//! What is said of a cell from what was measured. All of it is pure.
//!
//! A value is the logarithm of the candidate's time over the baseline's in one
//! pair of processes; values come by pair of links. A first look is at every
//! cell. Cells that are not plainly as they were get a second one, with fresh
//! links and fresh processes, and both have to agree.
//!
//! What differs between links is asked twice: of all processes, whatever their
//! link, with Holm's adjustment over all cells; and of the links, which are
//! few, in both looks together.

use super::record::{CellVerdict, Limits};
use crate::stats::{self, TrimmedT};
use crate::verdict::holm;

/// The rule that holds where nothing else is asked for.
pub const RULE: Limits = Limits { margin: 0.005, limit: 0.02, alpha: 0.01 };

/// How likely, at most, four links may be by chance that something rests on.
const FEW_LINKS: f64 = 0.05;

/// What looks show of a cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The value of each pair of links.
    pub links: Vec<f64>,
    /// The middle of them.
    pub effect: f64,
    /// Values of processes.
    pub processes: Vec<f64>,
    /// Over all processes, whatever their link.
    build: TrimmedT,
    /// Over links; absent where there is one.
    layouts: Option<TrimmedT>,
}

impl Shown {
    /// From values by pair of links; none where there are too few.
    #[must_use]
    pub fn of(values: &[Vec<f64>]) -> Option<Self> {
        let links: Option<Vec<f64>> = values
            .iter()
            .filter(|values| !values.is_empty())
            .map(|values| stats::trimmed_mean(values))
            .collect();
        Self::from(links?, values.concat())
    }

    /// Both together.
    #[must_use]
    pub fn and(&self, other: &Self) -> Option<Self> {
        match (&self.layouts, &other.layouts) {
            (Some(_), Some(_)) => Self::from(
                [&*self.links, &other.links].concat(),
                [&*self.processes, &other.processes].concat(),
            ),
            _ => {
                let all = [&*self.processes, &other.processes].concat();
                Self::from(vec![stats::trimmed_mean(&all)?], all)
            }
        }
    }

    fn from(links: Vec<f64>, processes: Vec<f64>) -> Option<Self> {
        let build = TrimmedT::new(&processes)?;
        let layouts = match links.len() {
            1 => None,
            _ => Some(TrimmedT::new(&links)?),
        };
        let effect = layouts.as_ref().map_or(build.value, |l| l.value);
        Some(Self { links, effect, processes, build, layouts })
    }

    /// How likely such links are where the effect is not above `bound`.
    fn links_above(&self, bound: f64) -> f64 {
        self.layouts.as_ref().map_or(0.0, |links| links.above(bound))
    }

    fn links_below(&self, bound: f64) -> f64 {
        self.layouts.as_ref().map_or(0.0, |links| links.below(bound))
    }

    /// Whether a slowdown of the rule's limit is ruled out.
    #[must_use]
    pub fn is_fine(&self, rule: &Limits) -> bool {
        let limit = rule.limit.ln_1p();
        self.is_fine_by_processes(rule) && self.links_below(limit) <= FEW_LINKS
    }

    /// The same by processes alone, whatever their link.
    #[must_use]
    pub fn is_fine_by_processes(&self, rule: &Limits) -> bool {
        self.build.below(rule.limit.ln_1p()) <= rule.alpha
    }

    /// Whether it is, to all appearance, as it was.
    #[must_use]
    pub fn is_plain(&self, rule: &Limits) -> bool {
        self.is_fine(rule) && self.effect.abs() <= rule.margin.ln_1p()
    }

    /// Where the effect lies, by processes and by links: the wider one.
    #[must_use]
    pub fn interval(&self, rule: &Limits) -> (f64, f64) {
        let levels = std::iter::once(&self.build).chain(&self.layouts);
        let confidence = 1.0 - rule.alpha;
        levels
            .filter_map(|level| level.interval(confidence))
            .fold((self.effect, self.effect), |(a, b), (low, high)| {
                (a.min(low), b.max(high))
            })
    }

    /// The same with the other sign, as if the two had changed places.
    fn mirrored(&self) -> Option<Self> {
        let minus = |values: &[f64]| values.iter().map(|v| -v).collect();
        Self::from(minus(&self.links), minus(&self.processes))
    }
}

/// What is said of each cell, in their order: from a first look at all of
/// them, and from a second one at some.
#[must_use]
pub fn judge(
    rule: &Limits,
    first: &[Option<Shown>],
    second: &[Option<Shown>],
) -> Vec<CellVerdict> {
    let mirrored = |shown: &[Option<Shown>]| -> Vec<Option<Shown>> {
        shown.iter().map(|s| s.as_ref()?.mirrored()).collect()
    };
    let slower = are_slower(rule, first, second);
    let faster = are_slower(rule, &mirrored(first), &mirrored(second));
    let of = |cell: usize| {
        let Some(once) = &first[cell] else {
            return CellVerdict::Inconclusive;
        };
        let again = second[cell].as_ref();
        let all = again.map_or(Some(once.clone()), |again| once.and(again));
        match all {
            _ if slower[cell] => CellVerdict::Slower,
            _ if faster[cell] => CellVerdict::Faster,
            Some(all) if all.is_fine(rule) => CellVerdict::Fine,
            _ => CellVerdict::Inconclusive,
        }
    };
    (0..first.len()).map(of).collect()
}

/// Which cells are slower by more than the margin, in both looks.
fn are_slower(
    rule: &Limits,
    first: &[Option<Shown>],
    second: &[Option<Shown>],
) -> Vec<bool> {
    let margin = rule.margin.ln_1p();
    // Over all cells, also over those that no second look was needed for.
    let p = |shown: &Option<Shown>| {
        shown.as_ref().map_or(1.0, |shown| shown.build.above(margin))
    };
    let adjusted = holm(&second.iter().map(p).collect::<Vec<_>>());
    let level = rule.alpha / 2.0;
    let is = |cell: usize| {
        let (once, again) = (first[cell].as_ref()?, second[cell].as_ref()?);
        let links = once.and(again)?.links_above(margin) <= level
            && again.links_above(margin) <= FEW_LINKS
            && again.links.iter().all(|link| *link > 0.0);
        Some(adjusted[cell] <= level && once.effect > margin && links)
    };
    (0..first.len()).map(|cell| is(cell).unwrap_or(false)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Four links of seven processes, 0.1 % apart, off by these per cent.
    fn shown(effects: [f64; 4]) -> Option<Shown> {
        let off = [0.3, -0.2, 0.5, 0.0, -0.5, 0.1, -0.3];
        let link = |effect: f64| {
            off.iter().map(|o| (effect + o * 0.1) / 100.0).collect()
        };
        Shown::of(&effects.map(link))
    }

    fn said(first: [f64; 4], second: Option<[f64; 4]>) -> CellVerdict {
        let second = second.and_then(shown);
        judge(&RULE, &[shown(first)], &[second])[0]
    }

    #[test]
    fn both_looks_have_to_agree() {
        use CellVerdict::*;
        let three = [3.0, 2.9, 3.1, 3.2];
        assert_eq!(said(three, Some(three)), Slower);
        assert_eq!(said(three.map(|e| -e), Some(three.map(|e| -e))), Faster);
        let none = [0.1, -0.1, 0.0, 0.05];
        assert_eq!(said(none, None), Fine);
        assert_eq!(said([0.8; 4], Some(none)), Fine);
        assert_ne!(said(none, Some(three)), Slower);
        assert_ne!(said(none.map(|e| e - 1.0), Some(three)), Fine);
    }

    #[test]
    fn links_that_disagree_make_no_verdict_of_a_slowdown() {
        let first = [3.0, 2.9, 3.1, 3.2];
        let verdict = said(first, Some([6.0, 5.0, -0.1, 4.0]));
        assert_eq!(verdict, CellVerdict::Inconclusive);
    }

    #[test]
    fn a_slowdown_beyond_the_limit_that_is_not_shown_is_not_fine() {
        let first = [3.0, -2.0, 6.0, 1.0];
        assert_eq!(said(first, None), CellVerdict::Inconclusive);
        assert_eq!(said(first, Some(first)), CellVerdict::Inconclusive);
        assert_eq!(judge(&RULE, &[None], &[None])[0], said(first, None));
    }

    #[test]
    fn one_link_speaks_for_itself() {
        let one = Shown::of(&[vec![0.03, 0.031, 0.029, 0.03, 0.032]]);
        let both = std::slice::from_ref(&one);
        assert_eq!(judge(&RULE, both, both), [CellVerdict::Slower]);
        assert_eq!(Shown::of(&[vec![0.1, 0.2]]), None);
        let two_links = [vec![0.1; 4], vec![0.1; 4]];
        assert_eq!(Shown::of(&two_links), None);
    }

    #[test]
    fn a_small_slowdown_that_is_sure_is_one() {
        let one = [1.0, 0.95, 1.05, 1.1];
        assert_eq!(said(one, Some(one)), CellVerdict::Slower);
        let less = [0.4, 0.45, 0.35, 0.4];
        assert_eq!(said(less, Some(less)), CellVerdict::Fine);
    }

    proptest! {
        #[test]
        fn who_swaps_both_programs_mirrors_the_verdict(
            first in prop::array::uniform4(-4.0..4.0f64),
            second in prop::array::uniform4(-4.0..4.0f64),
        ) {
            let there = said(first, Some(second));
            let back = said(first.map(|e| -e), Some(second.map(|e| -e)));
            match there {
                CellVerdict::Slower => {
                    prop_assert_eq!(back, CellVerdict::Faster);
                }
                CellVerdict::Faster => {
                    prop_assert_eq!(back, CellVerdict::Slower);
                }
                _ => prop_assert!(
                    back != CellVerdict::Slower && back != CellVerdict::Faster
                ),
            }
        }
    }
}

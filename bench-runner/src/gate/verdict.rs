//! What is said of a cell from two looks at it. All of it is pure.
//!
//! A value is the logarithm of the candidate's time over the baseline's in one
//! pair of processes; values come by pair of links. A first look is at every
//! cell. Cells that are not plainly as they were get a second one, with fresh
//! processes and three times as many; both have to agree.

use super::record::{CellVerdict, Limits};
use crate::stats::{self, TrimmedT};
use crate::verdict::holm;

/// The rule that holds where nothing else is asked for.
pub const RULE: Limits = Limits { margin: 0.005, limit: 0.02, alpha: 0.01 };

/// What a look shows of a cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The value of each pair of links.
    pub links: Vec<f64>,
    /// The middle of them: the mean over links.
    pub effect: f64,
    /// Values of processes.
    pub processes: usize,
    /// Over all processes, whatever their link.
    build: TrimmedT,
    /// Over links; absent where there is one.
    layouts: Option<TrimmedT>,
}

impl Shown {
    /// From values by pair of links; none where there are too few.
    #[must_use]
    pub fn of(values: &[Vec<f64>]) -> Option<Self> {
        let all = values.concat();
        if all.len() < 3 || !all.iter().all(|value| value.is_finite()) {
            return None;
        }
        let links: Vec<f64> = values
            .iter()
            .filter_map(|values| stats::trimmed_mean(values))
            .collect();
        let several = values.len() > 1;
        if several && links.len() < 3 {
            return None;
        }
        Some(Self {
            effect: stats::mean(&links)?,
            processes: all.len(),
            build: TrimmedT::new(&all)?,
            layouts: match several {
                true => Some(TrimmedT::new(&links)?),
                false => None,
            },
            links,
        })
    }

    /// How likely such processes and such links are where the effect is not
    /// above `bound`: of both the larger one.
    fn above(&self, bound: f64) -> [f64; 2] {
        let layouts = self.layouts.as_ref();
        [self.build.above(bound), layouts.map_or(0.0, |l| l.above(bound))]
    }

    fn below(&self, bound: f64) -> [f64; 2] {
        let layouts = self.layouts.as_ref();
        [self.build.below(bound), layouts.map_or(0.0, |l| l.below(bound))]
    }

    /// Whether a slowdown of the rule's limit is ruled out.
    fn is_fine(&self, rule: &Limits) -> bool {
        let [build, layouts] = self.below(rule.limit.ln_1p());
        build <= rule.alpha && layouts <= LAYOUTS
    }

    /// Whether it is, to all appearance, as it was: a second look is not
    /// needed.
    #[must_use]
    pub fn is_plain(&self, rule: &Limits) -> bool {
        self.is_fine(rule) && self.effect.abs() <= rule.margin.ln_1p()
    }

    /// Where the effect lies, by processes and by links: the wider one.
    #[must_use]
    pub fn interval(&self, rule: &Limits) -> (f64, f64) {
        let build = self.build.interval(1.0 - rule.alpha);
        let over = self.layouts.as_ref();
        let over = over.and_then(|l| l.interval(1.0 - 2.0 * LAYOUTS));
        let all = [build, over].into_iter().flatten();
        all.fold((self.effect, self.effect), |(a, b), (low, high)| {
            (a.min(low), b.max(high))
        })
    }

    /// Whether all links point into one direction, 1 or -1.
    fn agrees(&self, sign: f64) -> bool {
        self.links.iter().all(|link| link * sign > 0.0)
    }
}

/// How likely, at most, links may be by chance that a verdict rests on: they
/// are few, and each cell has a second look.
const LAYOUTS: f64 = 0.05;

/// What is said of each cell, in their order: from a first look at all of
/// them, and from a second one at some.
#[must_use]
pub fn judge(
    rule: &Limits,
    first: &[Option<Shown>],
    second: &[Option<Shown>],
) -> Vec<CellVerdict> {
    let margin = rule.margin.ln_1p();
    // Over all cells, also over those that no second look was needed for.
    let adjusted = |tails: fn(&Shown, f64) -> [f64; 2], bound: f64| {
        let p = |shown: &Option<Shown>| {
            shown.as_ref().map_or(1.0, |shown| tails(shown, bound)[0])
        };
        holm(&second.iter().map(p).collect::<Vec<_>>())
    };
    let slower = adjusted(Shown::above, margin);
    let faster = adjusted(Shown::below, -margin);
    let of = |cell: usize| {
        let (Some(first), again) = (&first[cell], &second[cell]) else {
            return CellVerdict::Inconclusive;
        };
        let Some(again) = again else {
            return match first.is_fine(rule) {
                true => CellVerdict::Fine,
                false => CellVerdict::Inconclusive,
            };
        };
        let level = rule.alpha / 2.0;
        let shown = |p: f64, layouts: f64, sign: f64| {
            p <= level
                && layouts <= LAYOUTS
                && again.agrees(sign)
                && first.effect * sign > 0.0
        };
        let is_slower = shown(slower[cell], again.above(margin)[1], 1.0);
        let is_faster = shown(faster[cell], again.below(-margin)[1], -1.0);
        match (is_slower, is_faster) {
            (true, _) => CellVerdict::Slower,
            (_, true) => CellVerdict::Faster,
            _ if again.is_fine(rule) => CellVerdict::Fine,
            _ => CellVerdict::Inconclusive,
        }
    };
    (0..first.len()).map(of).collect()
}

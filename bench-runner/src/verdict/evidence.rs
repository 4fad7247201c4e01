//! Process values by layout, and the p-values that they give.

use std::fmt;

use super::Rule;
use crate::stats::TrimmedT;

/// The fewest processes per layout, and the fewest layouts, that are judged.
const FEWEST: usize = 3;

/// What was measured of one B against one A.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Level 1: the processes of the first build.
    pub(super) build: TrimmedT,
    /// Level 2: the values of all layouts; absent where there is one build.
    pub(super) layouts: Option<Layouts>,
    /// The fewest processes that a layout has.
    pub(super) processes: usize,
    /// Rounds per process.
    pub(super) rounds: u32,
}

/// A value per layout.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layouts {
    pub(super) over: TrimmedT,
    pub(super) count: usize,
    pub(super) least: f64,
    pub(super) most: f64,
}

/// Why values cannot be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// A layout, counted from 1, has fewer than three processes.
    Processes {
        /// Which one.
        layout: usize,
        /// How many it has.
        found: usize,
    },
    /// There are no layouts, or two.
    Layouts {
        /// How many there are.
        found: usize,
    },
    /// A value of this layout, counted from 1, is no finite number.
    NotFinite {
        /// Which one.
        layout: usize,
    },
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Processes { layout, found } => write!(
                f,
                "layout {layout} has {found} processes, a verdict needs \
                 {FEWEST}: measure more processes"
            ),
            Self::Layouts { found } => write!(
                f,
                "{found} layouts cannot be judged: measure one build, or \
                 {FEWEST} layouts and more"
            ),
            Self::NotFinite { layout } => write!(
                f,
                "a process of layout {layout} has no finite value: measure \
                 it again"
            ),
        }
    }
}

impl std::error::Error for Unfit {}

impl Evidence {
    /// From the process values of each layout, as logarithms of B's time over
    /// A's, and the rounds that each process ran.
    pub fn new(layouts: &[Vec<f64>], rounds: u32) -> Result<Self, Unfit> {
        let found = layouts.len();
        if found == 0 || (2..FEWEST).contains(&found) {
            return Err(Unfit::Layouts { found });
        }
        let each = layouts
            .iter()
            .enumerate()
            .map(|(index, values)| {
                let layout = index + 1;
                if values.len() < FEWEST {
                    let found = values.len();
                    return Err(Unfit::Processes { layout, found });
                }
                TrimmedT::new(values).ok_or(Unfit::NotFinite { layout })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let values: Vec<_> = each.iter().map(|layout| layout.value).collect();
        let over = TrimmedT::new(&values).filter(|_| found > 1);
        Ok(Self {
            build: each[0],
            layouts: over.map(|over| Layouts {
                over,
                count: found,
                least: values.iter().copied().fold(f64::MAX, f64::min),
                most: values.iter().copied().fold(f64::MIN, f64::max),
            }),
            processes: layouts.iter().map(Vec::len).min().unwrap_or(0),
            rounds,
        })
    }

    /// The level that reaches furthest: layouts where there are any.
    pub(super) fn widest(&self) -> &TrimmedT {
        self.layouts.as_ref().map_or(&self.build, |layouts| &layouts.over)
    }

    /// All levels there are.
    pub(super) fn levels(&self) -> impl Iterator<Item = &TrimmedT> {
        let layouts = self.layouts.as_ref().map(|layouts| &layouts.over);
        std::iter::once(&self.build).chain(layouts)
    }
}

/// The p-values of what a verdict has to rule out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tails {
    /// Of "B is not slower by more than the margin".
    pub(super) slower: f64,
    /// Of "B is not faster by more than the margin".
    pub(super) faster: f64,
    /// Of "B lies outside the bound of equivalence", by two one-sided tests.
    pub(super) equivalent: f64,
}

impl Tails {
    fn of(level: &TrimmedT, rule: &Rule) -> Self {
        let (margin, bound) = (rule.delta(), rule.bound());
        Self {
            slower: level.above(margin),
            faster: level.below(-margin),
            equivalent: level.above(-bound).max(level.below(bound)),
        }
    }

    /// Level 1 alone.
    pub(super) fn of_build(evidence: &Evidence, rule: &Rule) -> Self {
        Self::of(&evidence.build, rule)
    }

    /// All levels. Each has to rule out what is to be ruled out, so the
    /// larger p-value is that of both; and a direction in which not every
    /// layout points is not shown at all.
    pub(super) fn of_all(evidence: &Evidence, rule: &Rule) -> Self {
        let build = Self::of_build(evidence, rule);
        let Some(layouts) = &evidence.layouts else { return build };
        let over = Self::of(&layouts.over, rule);
        let slower = if layouts.least > 0.0 { over.slower } else { 1.0 };
        let faster = if layouts.most < 0.0 { over.faster } else { 1.0 };
        Self {
            slower: build.slower.max(slower),
            faster: build.faster.max(faster),
            equivalent: build.equivalent.max(over.equivalent),
        }
    }
}

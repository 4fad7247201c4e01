//! Multiple Loss Ratio search: the loads at which a device just upholds
//! several goals, by trials that count for all of them (RFC 9971).
//!
//! Which load is a bound of which goal is as the RFC has it; how loads are
//! chosen is left to implementations. Here it goes as in FD.io CSIT: trials at
//! the highest load and at what it forwarded say where to look; each goal then
//! passes through coarser targets with fewer seconds of trials, and of what
//! all goals wish for the smallest load is tried first.

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::goal::Goal;
use super::grid::Grid;
use super::selector::{Selector, Wish};
use super::trial::{Tester, Trial};
use super::trials::{Bounds, Trials};
use crate::failure::Failure;

/// Between which loads is searched, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The smallest load, in frames per second.
    pub min: f64,
    /// The largest load, in frames per second.
    pub max: f64,
    /// Seconds of trials after which the search ends without an answer.
    pub seconds: f64,
}

/// How a search ended.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
)]
pub enum End {
    /// Every goal has its answer.
    #[serde(rename = "complete")]
    Complete,
    /// It was told to stop.
    #[serde(rename = "stopped")]
    Stopped,
    /// The seconds of trials were used up.
    #[serde(rename = "out of time")]
    OutOfTime,
}

/// What a bound that is missing, or too far away, says (RFC 9971, 4.8.4).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
)]
pub enum Shape {
    /// Both bounds are there, no further apart than the goal's width.
    #[serde(rename = "regular")]
    Regular,
    /// The largest load upholds the goal: there is no upper bound.
    #[serde(rename = "no upper bound")]
    NoUpper,
    /// The smallest load fails the goal: there is no lower bound.
    #[serde(rename = "no lower bound")]
    NoLower,
    /// The search ended before.
    #[serde(rename = "unfinished")]
    Unfinished,
}

/// What was found for a goal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GoalResult {
    /// The goal.
    pub goal: Goal,
    /// Whether it can be taken as it is.
    pub shape: Shape,
    /// The relevant lower bound in frames per second; the largest load that
    /// upholds the goal where there is no upper bound.
    pub lower: Option<f64>,
    /// The relevant upper bound in frames per second.
    pub upper: Option<f64>,
    /// What the lower bound forwards, in frames per second.
    pub conditional_throughput: Option<f64>,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// A result for each goal, in their order.
    pub goals: Vec<GoalResult>,
    /// How the search ended.
    pub end: End,
    /// Every trial, in order.
    pub trials: Vec<Trial>,
}

impl Found {
    /// Seconds of all trials.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.trials.iter().map(|trial| trial.seconds).sum()
    }
}

/// Searches for all goals at once. `keep_going` is asked before each trial.
///
/// # Errors
///
/// When goals or limits make no sense, or a trial fails.
pub fn search(
    goals: &[Goal],
    limits: Limits,
    tester: &mut dyn Tester,
    keep_going: &mut dyn FnMut() -> bool,
) -> Result<Found, Failure> {
    check(goals, limits)?;
    let narrowest = goals.iter().map(|g| g.width).fold(1.0, f64::min);
    let mut search = Search {
        grid: Grid::new(limits.min, limits.max, narrowest),
        record: Trials::default(),
        trials: Vec::new(),
        left: limits.seconds,
        end: End::Complete,
        tester,
        keep_going,
    };
    if let Some(hint) = search.hint(goals)? {
        search.refine(goals, hint)?;
    }
    let results = goals.iter().map(|goal| search.result(goal)).collect();
    let Search { end, trials, .. } = search;
    Ok(Found { goals: results, end, trials })
}

fn check(goals: &[Goal], limits: Limits) -> Result<(), Failure> {
    if goals.is_empty() {
        return Err(Failure::error("a search needs a goal"));
    }
    goals.iter().try_for_each(Goal::check)?;
    let Limits { min, max, seconds } = limits;
    if !(0.0 < min && min < max && max.is_finite()) {
        return Err(Failure::error(format!(
            "loads from {min} to {max} frames/s: must be above 0 and ascend"
        )));
    }
    if seconds.is_nan() || seconds <= 0.0 {
        return Err(Failure::error(format!(
            "{seconds} s of trials: must be above 0"
        )));
    }
    let shortest = goals.iter().map(|g| g.initial_seconds);
    let shortest = shortest.fold(f64::INFINITY, f64::min);
    if min * shortest < 1.0 {
        return Err(Failure::error(format!(
            "{min} frames/s for {shortest} s is not even a frame: make trials \
             longer or the smallest load larger"
        )));
    }
    Ok(())
}

/// A search under way.
struct Search<'a> {
    grid: Grid,
    record: Trials,
    trials: Vec<Trial>,
    /// Seconds of trials that are left.
    left: f64,
    end: End,
    tester: &'a mut dyn Tester,
    keep_going: &'a mut dyn FnMut() -> bool,
}

impl Search<'_> {
    /// Makes a trial; none when the search is over.
    fn trial(&mut self, wish: Wish) -> Result<Option<Trial>, Failure> {
        let Wish { load: number, seconds } = wish;
        if !(self.keep_going)() {
            self.end = End::Stopped;
            return Ok(None);
        }
        if seconds > self.left {
            self.end = End::OutOfTime;
            return Ok(None);
        }
        let load = self.grid.load(number);
        let trial = self.tester.trial(load, seconds)?;
        trial.check(load, seconds)?;
        self.left -= seconds;
        self.record.add(number, trial);
        self.trials.push(trial);
        Ok(Some(trial))
    }

    /// Where to look: at the largest load, at what it forwards, and at what
    /// that forwards or a little above it.
    fn hint(&mut self, goals: &[Goal]) -> Result<Option<Bounds>, Failure> {
        let firsts: Vec<_> = goals.iter().map(|g| g.targets()[0]).collect();
        let of = |value: fn(&Goal) -> f64| firsts.iter().map(value);
        let seconds = of(|first| first.final_seconds).fold(0.0, f64::max);
        let loss = of(|first| first.loss_ratio).fold(1.0, f64::min);
        let width = of(|first| first.width).fold(0.0, f64::max);
        let width = self.grid.steps(width);
        let top = self.grid.top();
        let between =
            |low, high| Some(Bounds { lower: Some(low), upper: Some(high) });

        let Some(at_top) = self.trial(Wish { load: top, seconds })? else {
            return Ok(None);
        };
        let forwarded = self.upheld(&at_top, loss);
        if forwarded >= top {
            return Ok(between(top, top));
        }
        let second = forwarded.min(top.saturating_sub(width));
        let Some(trial) = self.trial(Wish { load: second, seconds })? else {
            return Ok(None);
        };
        let third = if trial.loss_ratio() > loss {
            let forwarded = self.upheld(&trial, loss);
            forwarded.min(second.saturating_sub(width))
        } else {
            top.min(second.saturating_add(width))
        };
        if third != second && third != top {
            let Some(_) = self.trial(Wish { load: third, seconds })? else {
                return Ok(None);
            };
        }
        Ok(between(second.min(third), second.max(third)))
    }

    /// The load at which what a trial forwarded would be all but `loss`.
    fn upheld(&self, trial: &Trial, loss: f64) -> u32 {
        self.grid.number(trial.forwarding_rate() / (1.0 - loss))
    }

    /// Makes trials until no goal wishes for more. The smallest load comes
    /// first, so that a bad one makes trials above it needless, and at one
    /// load the longest trial.
    fn refine(&mut self, goals: &[Goal], hint: Bounds) -> Result<(), Failure> {
        let selector = |goal| Selector::new(goal, hint);
        let mut selectors: Vec<_> = goals.iter().map(selector).collect();
        loop {
            let (record, grid) = (&self.record, &self.grid);
            let wishes = selectors.iter_mut();
            let wishes = wishes.filter_map(|s| s.wish(record, grid));
            let Some(wish) = wishes.min_by(priority) else { return Ok(()) };
            if self.trial(wish)?.is_none() {
                return Ok(());
            }
        }
    }

    fn result(&self, goal: &Goal) -> GoalResult {
        let bounds = self.record.bounds(goal);
        let top = self.grid.top();
        let shape = match (bounds.lower, bounds.upper) {
            _ if bounds.within(self.grid.steps(goal.width)) => Shape::Regular,
            (Some(lower), None) if lower == top => Shape::NoUpper,
            (None, Some(0)) => Shape::NoLower,
            _ => Shape::Unfinished,
        };
        let load = |number| self.grid.load(number);
        let rate = |n| self.record.conditional_throughput(n, goal);
        GoalResult {
            goal: *goal,
            shape,
            lower: bounds.lower.map(load),
            upper: bounds.upper.map(load),
            conditional_throughput: bounds.lower.and_then(rate),
        }
    }
}

fn priority(a: &Wish, b: &Wish) -> Ordering {
    a.load.cmp(&b.load).then(b.seconds.total_cmp(&a.seconds))
}

#[cfg(test)]
mod tests;

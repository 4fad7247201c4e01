//! A verdict with what it rests on, and the line that says so.

use super::{Evidence, Rule};
use crate::stats::{self, TrimmedT};

/// How often an effect of the size that is called detectable is found:
/// eight times in ten, as a quantile of the normal distribution.
const POWER: f64 = 0.8416212335729143;

/// Below this half-width, as a share, an interval is given in hundredths of a
/// per cent.
const FINE: f64 = 0.0005;

/// What can be said of B against A.
///
/// "x % slower" is x % more time than A takes; "x % faster" leaves A with x %
/// more time than B. Who swaps A and B swaps these two words and no number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// B takes less time, beyond the margin.
    Faster {
        /// The least effect that is shown, as a share of time.
        at_least: f64,
    },
    /// B takes more time, beyond the margin.
    Slower {
        /// The least effect that is shown, as a share of time.
        at_least: f64,
    },
    /// B takes as much time, within the bound of equivalence.
    Equivalent,
    /// The first build says something that the layouts do not bear out.
    LayoutDependent,
    /// Nothing of that is shown.
    Inconclusive,
}

impl Verdict {
    /// The verdict in a word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Faster { .. } => "faster",
            Self::Slower { .. } => "slower",
            Self::Equivalent => "equivalent",
            Self::LayoutDependent => "layout-dependent",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// The values of all layouts, as logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// How many layouts there are.
    pub count: usize,
    /// The layout in which B is fastest.
    pub least: f64,
    /// The layout in which B is slowest.
    pub most: f64,
}

/// A verdict and what it rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    /// What can be said.
    pub verdict: Verdict,
    /// The trimmed mean as a logarithm: over layouts where there are any, else
    /// over the processes of the one build.
    pub effect: f64,
    /// Its interval, as logarithms. It holds with the confidence of the rule
    /// whatever the look it was stopped at.
    pub interval: (f64, f64),
    /// Absent where one build was measured.
    pub layouts: Option<Span>,
    /// The minimum detectable effect, as a share of time: with as many values
    /// and this spread, an effect of this size or above is found faster, or
    /// slower, in one look with a probability of 80 %. It includes the margin
    /// and is that of the level that is less sure.
    pub detectable: f64,
    /// How many comparisons were judged together.
    pub family: usize,
    /// Processes per layout, the fewest of any.
    pub processes: usize,
    /// Rounds per process.
    pub rounds: u32,
    rule: Rule,
}

impl Finding {
    pub(super) fn new(
        rule: &Rule,
        evidence: &Evidence,
        alpha: f64,
        family: usize,
        verdict: Verdict,
    ) -> Self {
        let widest = evidence.widest();
        Self {
            verdict,
            effect: widest.value,
            interval: interval(widest, alpha),
            layouts: evidence.layouts.as_ref().map(|layouts| Span {
                count: layouts.count,
                least: layouts.least,
                most: layouts.most,
            }),
            detectable: evidence
                .levels()
                .map(|level| detectable(level, rule, alpha))
                .fold(0.0, f64::max),
            family,
            processes: evidence.processes,
            rounds: evidence.rounds,
            rule: *rule,
        }
    }

    /// The verdict in a line, with the names of both.
    ///
    /// Signed numbers are above zero where B is slower.
    #[must_use]
    pub fn line(&self, a: &str, b: &str) -> String {
        let place = if self.layouts.is_some() { "" } else { " in this build" };
        let size = percent(self.effect.abs(), self.digits());
        let (words, sign) = match self.verdict {
            Verdict::Slower { .. } => (format!("{b} is {size} % slower"), 1.0),
            Verdict::Faster { .. } => (format!("{b} is {size} % faster"), -1.0),
            Verdict::Equivalent => {
                let within = plain(self.rule.equivalence * 100.0);
                (format!("{b} is as fast as {a} within {within} %"), 1.0)
            }
            Verdict::LayoutDependent => {
                (format!("{b} against {a} depends on the layout"), 1.0)
            }
            Verdict::Inconclusive => {
                (format!("{b} against {a} is inconclusive"), 1.0)
            }
        };
        format!("{words}{place} ({})", self.grounds(sign))
    }

    /// What stands between the brackets, with `sign` before each effect.
    fn grounds(&self, sign: f64) -> String {
        let digits = self.digits();
        let range = |low: f64, high: f64| {
            let (low, high) =
                if sign < 0.0 { (-high, -low) } else { (low, high) };
            format!("{}..{}", percent(low, digits), percent(high, digits))
        };
        let confidence = plain((1.0 - self.rule.alpha) * 100.0);
        let (low, high) = self.interval;
        let mut parts = vec![format!("{confidence} % CI {}", range(low, high))];
        if let Some(Span { count, least, most }) = self.layouts {
            parts.push(format!("{count} layouts {}", range(least, most)));
        }
        let detectable = percent(self.detectable.ln_1p(), digits);
        parts.push(format!("MDE {detectable} %"));
        parts.push(format!("n = {}×{}", self.processes, self.rounds));
        if self.family > 1 {
            parts.push(format!("one of {}", self.family));
        }
        parts.join("; ")
    }

    fn digits(&self) -> usize {
        let half = (self.interval.1 - self.interval.0) / 2.0;
        if half < FINE { 2 } else { 1 }
    }
}

/// An interval that leaves `alpha` outside. Where there is none, because a
/// number is too large to be one, it is everything.
fn interval(level: &TrimmedT, alpha: f64) -> (f64, f64) {
    level.interval(1.0 - alpha).unwrap_or((f64::NEG_INFINITY, f64::INFINITY))
}

/// The nearer end of the intervals on the side of `sign`, as a share of time.
pub(super) fn least_effect(evidence: &Evidence, alpha: f64, sign: f64) -> f64 {
    evidence
        .levels()
        .map(|level| {
            let (low, high) = interval(level, alpha);
            if sign > 0.0 { low } else { -high }
        })
        .fold(f64::INFINITY, f64::min)
        .exp_m1()
}

/// The minimum detectable effect of a level, as a share of time.
///
/// An effect is found when its estimate lies beyond the margin by `c` standard
/// errors, `c` being the quantile of the interval. Power is that of the
/// noncentral t, in the normal approximation of its numerator: the estimate
/// scatters by one standard error, and `c` times the estimated error by `c`
/// over the root of twice the degrees of freedom.
fn detectable(level: &TrimmedT, rule: &Rule, alpha: f64) -> f64 {
    let freedom = level.freedom;
    let Some(critical) = stats::quantile(1.0 - alpha / 2.0, freedom) else {
        return f64::INFINITY;
    };
    let scatter = (1.0 + critical * critical / (2.0 * freedom)).sqrt();
    let errors = critical + POWER * scatter;
    (rule.delta() + errors * level.error).exp_m1()
}

/// A logarithm as per cent of time, the same to either side of zero.
fn percent(logarithm: f64, digits: usize) -> String {
    let share = logarithm.abs().exp_m1() * logarithm.signum();
    let text = format!("{:.digits$}", share * 100.0);
    // Nothing is nothing on either side.
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| matches!(c, '0' | '.')) => {
            rest.to_owned()
        }
        _ => text,
    }
}

/// A number that was chosen, without the digits that binary adds to it.
fn plain(number: f64) -> String {
    format!("{}", (number * 1e6).round() / 1e6)
}

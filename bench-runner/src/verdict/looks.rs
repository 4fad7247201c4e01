//! When to look at what was measured, and what is said then.

use super::evidence::Tails;
use super::finding::least_effect;
use super::{Evidence, Finding, Rule, Verdict, holm};

/// After how many processes per layout there is a look.
///
/// Every look may err, so they share the rate of error evenly, and whoever
/// stops at any of them stays within it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looks {
    processes: Vec<usize>,
}

impl Default for Looks {
    /// After 8, 16 and 32 processes.
    fn default() -> Self {
        Self::from(8)
    }
}

impl Looks {
    /// After so many processes, twice and four times as many.
    #[must_use]
    pub fn from(first: usize) -> Self {
        Self { processes: vec![first, 2 * first, 4 * first] }
    }

    /// A single look, at all there is.
    #[must_use]
    pub fn once(processes: usize) -> Self {
        Self { processes: vec![processes] }
    }

    /// The looks in turn.
    pub fn iter(&self) -> impl Iterator<Item = Look> + '_ {
        let looks = self.processes.len();
        self.processes.iter().enumerate().map(move |(index, &processes)| Look {
            processes,
            looks,
            last: index + 1 == looks,
        })
    }
}

/// How much oftener the trimmed t errs than it says: with 8 to 32 normal
/// values 1.15 times at three looks, in a million simulated comparisons, and
/// 1.2 times at one.
const EXCESS: f64 = 1.2;

/// One of the looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// How many processes each layout should have by now.
    pub processes: usize,
    /// Whether there is none after it.
    pub last: bool,
    looks: usize,
}

/// What to do after a look.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Nothing can be said yet, and there is another look.
    MeasureMore(Finding),
    /// This is the verdict.
    Done(Finding),
}

impl Step {
    /// What was found so far.
    #[must_use]
    pub fn finding(self) -> Finding {
        match self {
            Self::MeasureMore(finding) | Self::Done(finding) => finding,
        }
    }
}

impl Look {
    /// One comparison by itself.
    #[must_use]
    pub fn judge(&self, rule: &Rule, evidence: &Evidence) -> Step {
        let tails = [Tails::of_build(evidence, rule)];
        let all = [Tails::of_all(evidence, rule)];
        self.step(rule, evidence, &tails[0], &all[0], 1)
    }

    /// Several comparisons, of which none should be wrong.
    ///
    /// Holm adjusts three lists of p-values by themselves, one per verdict:
    /// those of "slower", of "faster" and of "equivalent". With the default
    /// rule, over all looks, at most one family in a hundred has a "faster"
    /// or "slower" that is wrong anywhere in it, and at most one in two
    /// hundred an "equivalent" that is wrong.
    ///
    /// A comparison that is done need not be measured again, but stays in the
    /// family with the values that it had.
    #[must_use]
    pub fn judge_family(&self, rule: &Rule, family: &[Evidence]) -> Vec<Step> {
        let of = |tails: fn(&Evidence, &Rule) -> Tails| {
            adjusted(family.iter().map(|evidence| tails(evidence, rule)))
        };
        let (build, all) = (of(Tails::of_build), of(Tails::of_all));
        family
            .iter()
            .zip(build.iter().zip(&all))
            .map(|(evidence, (build, all))| {
                self.step(rule, evidence, build, all, family.len())
            })
            .collect()
    }

    /// How often this look may err, by the trimmed t's own account.
    fn alpha(&self, rule: &Rule) -> f64 {
        rule.alpha / self.looks as f64 / EXCESS
    }

    fn step(
        &self,
        rule: &Rule,
        evidence: &Evidence,
        build: &Tails,
        all: &Tails,
        family: usize,
    ) -> Step {
        let alpha = self.alpha(rule);
        let verdict = match (call(all, alpha), call(build, alpha)) {
            (Some(Call::Slower), _) => Verdict::Slower {
                at_least: shown(rule, evidence, alpha, family, 1.0),
            },
            (Some(Call::Faster), _) => Verdict::Faster {
                at_least: shown(rule, evidence, alpha, family, -1.0),
            },
            (Some(Call::Equivalent), _) => Verdict::Equivalent,
            (None, Some(_)) => Verdict::LayoutDependent,
            (None, None) => Verdict::Inconclusive,
        };
        let finding = Finding::new(rule, evidence, alpha, family, verdict);
        if verdict == Verdict::Inconclusive && !self.last {
            Step::MeasureMore(finding)
        } else {
            Step::Done(finding)
        }
    }
}

enum Call {
    Slower,
    Faster,
    Equivalent,
}

/// What p-values decide. An interval that keeps `alpha` outside has half of
/// it on either side, so half is what a one-sided p-value has to reach.
fn call(tails: &Tails, alpha: f64) -> Option<Call> {
    let level = alpha / 2.0;
    if tails.slower <= level {
        Some(Call::Slower)
    } else if tails.faster <= level {
        Some(Call::Faster)
    } else if tails.equivalent <= level {
        Some(Call::Equivalent)
    } else {
        None
    }
}

/// The least effect that a verdict shows: the nearer end of the interval, at
/// the level that is less sure. In a family it is the margin, for that is all
/// that Holm's procedure rules out for every member at once.
fn shown(
    rule: &Rule,
    evidence: &Evidence,
    alpha: f64,
    family: usize,
    sign: f64,
) -> f64 {
    if family > 1 {
        return rule.margin;
    }
    least_effect(evidence, alpha, sign).max(rule.margin)
}

/// The tails of a family, each kind adjusted by itself.
fn adjusted(family: impl Iterator<Item = Tails>) -> Vec<Tails> {
    let family: Vec<_> = family.collect();
    let of = |kind: fn(&Tails) -> f64| {
        holm(&family.iter().map(kind).collect::<Vec<_>>())
    };
    let slower = of(|tails| tails.slower);
    let faster = of(|tails| tails.faster);
    let equivalent = of(|tails| tails.equivalent);
    (0..family.len())
        .map(|index| Tails {
            slower: slower[index],
            faster: faster[index],
            equivalent: equivalent[index],
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Eight processes around an effect, 0.1 % apart at most.
    fn around(effect: f64) -> Vec<f64> {
        let off = [0.3, -0.2, 0.5, 0.0, -0.5, 0.1, -0.3, 0.2];
        off.iter().map(|off| effect + off * 1e-3).collect()
    }

    fn finding(layouts: &[Vec<f64>]) -> Finding {
        let looks = Looks::once(8);
        let evidence = Evidence::new(layouts, 120).unwrap();
        let step = looks.iter().next().unwrap();
        match step.judge(&Rule::default(), &evidence) {
            Step::Done(finding) => finding,
            Step::MeasureMore(_) => panic!("there is no other look"),
        }
    }

    fn layouts(effects: [f64; 9]) -> Vec<Vec<f64>> {
        effects.into_iter().map(around).collect()
    }

    #[test]
    fn each_verdict_has_its_line() {
        let nine = [2.9, 3.3, 3.1, 3.0, 3.2, 2.6, 3.6, 3.1, 3.1];
        let slower = nine.map(|percent: f64| (percent / 100.0).ln_1p());
        assert_eq!(
            finding(&layouts(slower)).line("A", "B"),
            "B is 3.1 % slower \
             (99 % CI 2.8..3.4; 9 layouts 2.6..3.6; MDE 0.8 %; n = 8×120)"
        );
        assert_eq!(
            finding(&layouts(slower.map(|d| -d))).line("A", "B"),
            "B is 3.1 % faster \
             (99 % CI 2.8..3.4; 9 layouts 2.6..3.6; MDE 0.8 %; n = 8×120)"
        );
        let lines = [
            finding(&[around(0.0)]).line("A", "B"),
            finding(&layouts([
                0.06, 0.0, 0.05, -0.06, 0.0, 0.0, 0.0, 0.1, 0.0,
            ]))
            .line("A", "B"),
            finding(&[vec![-0.03, 0.0, 0.01, 0.02]]).line("A", "B"),
        ];
        for (line, want) in lines.iter().zip([
            "B is as fast as A within 1 % in this build (99 % CI ",
            "B against A depends on the layout (99 % CI ",
            "B against A is inconclusive in this build (99 % CI ",
        ]) {
            assert!(line.starts_with(want), "{line}");
        }
    }

    #[test]
    fn what_is_undecided_is_measured_again_until_the_last_look() {
        let wide = around(0.0).iter().map(|d| d * 100.0).collect();
        let evidence = Evidence::new(&[wide], 120).unwrap();
        let steps: Vec<_> = Looks::default()
            .iter()
            .map(|look| look.judge(&Rule::default(), &evidence))
            .collect();
        assert!(matches!(steps[0], Step::MeasureMore(_)));
        assert!(matches!(steps[1], Step::MeasureMore(_)));
        let Step::Done(last) = steps[2] else { panic!("no end") };
        assert_eq!(last.verdict, Verdict::Inconclusive);
    }

    #[test]
    fn a_layout_of_the_other_sign_forbids_a_direction() {
        let mut effects = [0.03; 9];
        effects[8] = -0.001;
        let found = finding(&layouts(effects));
        assert_eq!(found.verdict, Verdict::LayoutDependent);
    }

    #[test]
    fn a_large_family_asks_for_more() {
        let values = around(0.0).iter().map(|d| d * 2.0 + 0.0075).collect();
        let evidence = Evidence::new(&[values], 120).unwrap();
        let looks = Looks::once(8);
        let look = looks.iter().next().unwrap();
        let rule = Rule { equivalence: 0.001, ..Rule::default() };
        let is_slower = |step: &Step| {
            matches!(step, Step::Done(f)
                if matches!(f.verdict, Verdict::Slower { .. }))
        };
        let one = look.judge_family(&rule, std::slice::from_ref(&evidence));
        assert_eq!(one[0], look.judge(&rule, &evidence));
        let unclear = around(0.0).iter().map(|d| d * 20.0).collect();
        let mut family = vec![Evidence::new(&[unclear], 120).unwrap(); 1000];
        family[0] = evidence;
        assert!(is_slower(&one[0]));
        assert!(!is_slower(&look.judge_family(&rule, &family)[0]));
    }

    #[test]
    fn too_little_is_refused_with_what_to_do() {
        let says = |layouts: &[Vec<f64>], words: &str| {
            let line = Evidence::new(layouts, 1).unwrap_err().to_string();
            assert!(line.contains(words), "{line}");
        };
        says(&[], "0 layouts");
        says(&[around(0.0), around(0.0)], "2 layouts");
        says(&[vec![0.0; 2]], "2 processes");
        says(&[vec![0.0, f64::NAN, 0.0]], "no finite value");
    }

    proptest! {
        #[test]
        fn swapping_a_and_b_mirrors_the_verdict(
            values in prop::collection::vec(-0.05..0.05f64, 3..33),
        ) {
            let there = finding(std::slice::from_ref(&values));
            let back = finding(&[values.iter().map(|d| -d).collect()]);
            let mirrored = match there.verdict {
                Verdict::Slower { at_least } => Verdict::Faster { at_least },
                Verdict::Faster { at_least } => Verdict::Slower { at_least },
                same => same,
            };
            prop_assert_eq!(
                std::mem::discriminant(&back.verdict),
                std::mem::discriminant(&mirrored)
            );
            prop_assert!((back.effect + there.effect).abs() < 1e-12);
            prop_assert!((back.detectable - there.detectable).abs() < 1e-12);
        }

        #[test]
        fn the_order_of_processes_does_not_matter(
            (values, shuffled) in
                prop::collection::vec(-0.05..0.05f64, 3..33)
                    .prop_flat_map(|v| (Just(v.clone()), Just(v).prop_shuffle())),
        ) {
            prop_assert_eq!(finding(&[values]), finding(&[shuffled]));
        }

        #[test]
        fn a_wider_scale_in_values_and_rule_says_the_same(
            values in prop::collection::vec(-0.03..0.03f64, 3..33),
            factor in 0.1..9.0f64,
        ) {
            let evidence = |scale: f64| {
                let values = values.iter().map(|d| d * scale).collect();
                Evidence::new(&[values], 120).unwrap()
            };
            let rule = Rule::default();
            let scaled = Rule {
                margin: (rule.delta() * factor).exp_m1(),
                equivalence: (rule.bound() * factor).exp_m1(),
                ..rule
            };
            let plain = Tails::of_build(&evidence(1.0), &rule);
            let wide = Tails::of_build(&evidence(factor), &scaled);
            prop_assert!((plain.slower - wide.slower).abs() < 1e-9);
            prop_assert!((plain.faster - wide.faster).abs() < 1e-9);
            prop_assert!((plain.equivalent - wide.equivalent).abs() < 1e-9);
        }
    }
}

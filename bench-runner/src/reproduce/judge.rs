//! Published and measured numbers held against each other.

use super::published::{Bound, Figure, Finding, Panel, Place, Scale};
use super::record::{MeasuredFinding, MeasuredPanel, Way};
use super::shape::{Run, Shape, Twin, TwinPoint, likeness, reaches};

/// From this score on a shape counts as reproduced, and as reproduced in
/// part.
const REPRODUCED: [f64; 2] = [0.8, 0.6];

/// Ratios nearer to 1 than this are none.
const NOTHING: f64 = 0.01;

/// A ratio nearer to 1 than this agrees with one that is none.
const NEXT_TO_NOTHING: f64 = 0.02;

/// What comes of a way of measuring a figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// How far curves agree.
    pub shape: Shape,
    /// The statements that something was measured for.
    pub statements: Vec<Statement>,
    /// Where curves disagree most, a sentence each.
    pub farthest: Vec<String>,
}

/// A statement as it was published and as it was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Its number.
    pub id: String,
    /// What was published, as a ratio; absent where it was a tendency.
    pub published: Option<f64>,
    /// What was measured.
    pub measured: MeasuredFinding,
    /// Whether the ratio lies on the same side of 1, or within its bound.
    pub agrees: bool,
    /// Whether it was published as more than that.
    is_open: bool,
}

impl Statement {
    fn of(published: &Finding, measured: &MeasuredFinding) -> Option<Self> {
        published.against.as_ref()?;
        let effect = published.effect.as_ref()?;
        let ratio = effect.ratio();
        let now = measured.value;
        let agrees = match (effect.bound, ratio) {
            (Bound::AtMost | Bound::LessThan, Some(most)) => {
                now.ln() * most.ln() > 0.0 && now.ln().abs() <= most.ln().abs()
            }
            (Bound::MoreThan, Some(least)) => now >= least,
            (_, Some(then))
                if then.ln().abs() < NOTHING
                    && now.ln().abs() < NEXT_TO_NOTHING =>
            {
                true
            }
            _ => effect.value * now.ln() > 0.0,
        };
        let measured = measured.clone();
        let id = published.id.clone();
        let is_open = effect.bound == Bound::MoreThan;
        Some(Self { id, published: ratio, measured, agrees, is_open })
    }

    fn score(&self) -> f64 {
        let side = f64::from(u8::from(self.agrees));
        let near = self.published.filter(|_| !self.is_open || !self.agrees);
        let near = near.map(|ratio| likeness(ratio, self.measured.value));
        near.map_or(side, |near| (side + near) / 2.0)
    }
}

impl Judged {
    /// Judges a way.
    #[must_use]
    pub fn of(figure: &Figure, way: &Way) -> Self {
        let mut shapes = Vec::new();
        let mut farthest = Vec::new();
        for here in &way.panels {
            let Some(panel) = figure.panels.get(here.panel) else { continue };
            let (twins, run) = twins(panel, here);
            let bends = has_bends(panel, way);
            shapes.push(Shape::of(&twins, run, bends));
            farthest.extend(far_apart(panel, &twins));
            if bends {
                farthest.extend(far_bends(panel, &twins, run));
            }
        }
        let found = |finding: &Finding| {
            let here = way.findings.iter().find(|h| h.id == finding.id)?;
            Statement::of(finding, here)
        };
        Self {
            shape: Shape::mean(&shapes),
            statements: figure.findings.iter().filter_map(found).collect(),
            farthest,
        }
    }

    /// The mean of what could be told.
    #[must_use]
    pub fn score(&self) -> Option<f64> {
        let count = self.statements.len() as f64;
        let sum: f64 = self.statements.iter().map(Statement::score).sum();
        let statements = (count > 0.0).then(|| sum / count);
        match (self.shape.score(), statements) {
            (Some(shape), Some(statements)) => Some((shape + statements) / 2.0),
            (one, other) => one.or(other),
        }
    }

    /// The verdict in a sentence.
    #[must_use]
    pub fn verdict(&self) -> String {
        let Some(score) = self.score() else {
            return "Nothing was measured that it could be told by.".to_owned();
        };
        let [whole, half] = REPRODUCED;
        let word = match score {
            s if s >= whole => "reproduced",
            s if s >= half => "reproduced in part",
            _ => "not reproduced",
        };
        let Shape { order, bends, neighbours } = self.shape;
        let parts = [
            ("order", order),
            ("bends", bends),
            ("ratios between neighbours", neighbours),
        ];
        let named = |(name, part): (&str, Option<f64>)| {
            part.map(|part| format!("{name} {part:.2}"))
        };
        let mut parts: Vec<_> = parts.into_iter().filter_map(named).collect();
        if !self.statements.is_empty() {
            let agree = self.statements.iter().filter(|s| s.agrees).count();
            let all = self.statements.len();
            parts.push(format!("{agree} of {all} statements point that way"));
        }
        let what = match self.statements.len() {
            0 => "The shape is",
            _ if parts.len() > 1 => "The shape is",
            _ => "It is",
        };
        format!("{what} {word}, {score:.2} of 1: {}.", parts.join(", "))
    }
}

/// Whether curves of a panel say where they bend: rates that saturate, and
/// latencies with a tail. A projection over frequencies is a straight line
/// whatever was measured.
fn has_bends(panel: &Panel, way: &Way) -> bool {
    match panel.x.scale {
        Scale::Log2 => panel.y.unit.as_deref() == Some("Mpps"),
        Scale::Linear => !way.projected,
        Scale::Percentile => true,
        Scale::Category => false,
    }
}

/// The series of a panel that were published and measured.
#[must_use]
pub fn twins(panel: &Panel, here: &MeasuredPanel) -> (Vec<Twin>, Run) {
    let run = match panel.x.scale {
        Scale::Linear | Scale::Log2 => Run::Octaves,
        Scale::Percentile => Run::Nines,
        Scale::Category => Run::Names,
    };
    let twins = panel.series.iter().filter_map(|series| {
        let measured = here.series.iter().find(|s| s.name == series.name)?;
        let points = series.points.iter().enumerate();
        let points = points.filter_map(|(number, point)| {
            let now = measured.points.iter().find(|p| p.x == point.x)?;
            let at = match point.x {
                Place::Number(x) if run == Run::Nines => nines(x),
                Place::Number(x) => x.log2(),
                Place::Name(_) => number as f64,
            };
            let twin = TwinPoint {
                at,
                published: point.y,
                error: point.error.unwrap_or(0.0),
                measured: now.y,
            };
            // Of nothing there is no ratio.
            (point.y > 0.0 && now.y > 0.0).then_some(twin)
        });
        let points: Vec<_> = points.collect();
        (!points.is_empty()).then(|| Twin { name: series.name.clone(), points })
    });
    (twins.collect(), run)
}

/// Nines of a percentile; the greatest value stands one behind the last.
fn nines(percentile: f64) -> f64 {
    match percentile < 100.0 {
        true => -(1.0 - percentile / 100.0).log10(),
        false => 6.0,
    }
}

fn place(panel: &Panel, at: f64) -> String {
    match (panel.x.scale, &panel.x.unit) {
        (Scale::Category, _) => String::new(),
        (Scale::Percentile, _) if at >= 6.0 => " at the greatest".to_owned(),
        (Scale::Percentile, _) => {
            let percentile = 100.0 - 100.0 * 10f64.powf(-at);
            let text = format!("{percentile:.3}");
            let text = text.trim_end_matches('0').trim_end_matches('.');
            format!(" at percentile {text}")
        }
        (_, unit) => {
            let x = (at.exp2() * 10.0).round() / 10.0;
            let unit = unit.as_deref().unwrap_or_default();
            format!(" at {x} {unit}").trim_end().to_owned()
        }
    }
}

/// Where two series that were neighbours are least like they were.
fn far_apart(panel: &Panel, twins: &[Twin]) -> Option<String> {
    let mut worst: Option<(f64, String)> = None;
    let (first, others) = twins.split_first()?;
    for other in others {
        for a in &first.points {
            let Some(b) = other.points.iter().find(|b| b.at == a.at) else {
                continue;
            };
            let then = b.published / a.published;
            let now = b.measured / a.measured;
            let near = likeness(then, now);
            if worst.as_ref().is_none_or(|(least, _)| near < *least) {
                let line = format!(
                    "Farthest apart in {}: {} over {} was {then:.2}{} and is \
                     {now:.2} here.",
                    panel.y.quantity,
                    other.name,
                    first.name,
                    place(panel, a.at)
                );
                worst = Some((near, line));
            }
        }
    }
    worst.filter(|(near, _)| *near < REPRODUCED[0]).map(|(_, line)| line)
}

/// Which curve saturates elsewhere, by how much.
fn far_bends(panel: &Panel, twins: &[Twin], run: Run) -> Option<String> {
    if run != Run::Octaves {
        return None;
    }
    let saturates = |twin: &Twin, which: fn(&TwinPoint) -> f64| {
        let curve: Vec<_> =
            twin.points.iter().map(|p| (p.at, which(p))).collect();
        let top = curve.iter().map(|p| p.1).fold(0.0, f64::max);
        (curve.len() > 3).then(|| reaches(&curve, 0.9 * top)).flatten()
    };
    let all = twins.iter().filter_map(|twin| {
        let then = saturates(twin, |p| p.published)?;
        let now = saturates(twin, |p| p.measured)?;
        Some(((then - now).abs(), twin, then, now))
    });
    let (off, twin, then, now) = all.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (off > 1.0).then(|| {
        format!(
            "{} reached nine tenths of its top{} and does so{} here.",
            twin.name,
            place(panel, then),
            place(panel, now)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reproduce::published;
    use crate::reproduce::record::{MeasuredPoint, MeasuredSeries};

    fn figure(id: &str) -> Figure {
        published::figures().into_iter().find(|f| f.id == id).unwrap()
    }

    /// A way that measured what was published, `faster` times as fast.
    fn echo(figure: &Figure, faster: f64) -> Way {
        let panels = figure.panels.iter().enumerate();
        let panels = panels.map(|(panel, published)| MeasuredPanel {
            panel,
            series: published
                .series
                .iter()
                .map(|series| MeasuredSeries {
                    name: series.name.clone(),
                    subject: "baseline".to_owned(),
                    points: series
                        .points
                        .iter()
                        .map(|point| MeasuredPoint {
                            x: point.x.clone(),
                            y: point.y * faster,
                            low: None,
                            high: None,
                        })
                        .collect(),
                })
                .collect(),
        });
        let findings = figure.findings.iter().filter_map(|finding| {
            Some(MeasuredFinding {
                id: finding.id.clone(),
                what: String::new(),
                value: finding.effect.as_ref()?.ratio()?,
                low: None,
                high: None,
            })
        });
        Way {
            how: String::new(),
            projected: false,
            panels: panels.collect(),
            findings: findings.collect(),
        }
    }

    #[test]
    fn the_published_numbers_reproduce_themselves_on_any_machine() {
        for figure in published::figures() {
            let judged = Judged::of(&figure, &echo(&figure, 3.0));
            let Some(score) = judged.score() else {
                assert!(figure.id == "S5" || figure.panels.is_empty());
                continue;
            };
            assert!(score > 0.999, "{}: {judged:?}", figure.id);
            assert!(judged.farthest.is_empty(), "{judged:?}");
            assert!(judged.verdict().contains("reproduced, 1.00 of 1"));
        }
    }

    #[test]
    fn curves_that_changed_places_are_not_reproduced() {
        let figure = figure("F11");
        let mut way = echo(&figure, 1.0);
        let [c, without, with] = &mut way.panels[0].series[..] else {
            panic!("three series")
        };
        std::mem::swap(&mut c.points, &mut without.points);
        with.points.iter_mut().for_each(|point| point.y = 1.0);
        let judged = Judged::of(&figure, &way);
        assert!(judged.score().unwrap() < 0.6, "{judged:?}");
        assert!(judged.verdict().contains("not reproduced"));
        assert!(!judged.farthest.is_empty());
    }

    #[test]
    fn a_statement_agrees_on_its_own_side_only() {
        let figure = figure("S6");
        let mut way = echo(&figure, 1.0);
        for finding in &mut way.findings {
            finding.value = 1.0 / finding.value;
        }
        let judged = Judged::of(&figure, &way);
        let agree: Vec<_> = judged
            .statements
            .iter()
            .filter(|s| s.agrees)
            .map(|s| &s.id)
            .collect();
        // A change of less than a per cent is none, turned round or not.
        assert_eq!(agree, ["E10", "E12", "E25"]);
    }
}

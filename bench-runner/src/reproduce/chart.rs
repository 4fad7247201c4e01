//! A figure's charts: published and measured values side by side.

use super::judge::Judged;
use super::published::{self, Figure, Panel, Place};
use super::record::{MeasuredPanel, MeasuredSeries, Record, Reproduced, Way};
use crate::plot::{
    Bar, Bars, Curve, Curves, Scale, file_name, machine_of, origin_of,
};

/// Dash of what was published.
const PUBLISHED: usize = 1;

/// From this factor between the largest values on, an axis has equal steps for
/// equal factors.
const WIDE: f64 = 2.0;

/// Where the greatest value stands on an axis of percentiles.
const GREATEST: f64 = 99.9999;

/// Fewest places of a chart with lines.
const LINES: usize = 3;

/// Every chart of a figure, as file name and SVG text.
#[must_use]
pub fn charts(
    record: &Record,
    figure: &Figure,
    here: &Reproduced,
) -> Vec<(String, String)> {
    let mut charts: Vec<(String, String)> = Vec::new();
    for (number, way) in here.ways.iter().enumerate() {
        let chart = Chart { record, figure, way };
        let name = match here.ways.len() {
            1 => figure.id.clone(),
            _ => format!("{}-{}", figure.id, short(&way.how, number)),
        };
        let lines = way.panels.iter().filter(|p| chart.has_lines(p));
        let lines: Vec<_> = lines.collect();
        for panel in &lines {
            let name = match lines.len() {
                1 => name.clone(),
                _ => format!("{name}-{}", panel.panel + 1),
            };
            charts.push((name, chart.lines(panel)));
        }
        if lines.is_empty() {
            charts.extend(chart.ratios().map(|svg| (name.clone(), svg)));
        }
        charts.extend(
            chart.statements().map(|svg| (format!("{name}-statements"), svg)),
        );
    }
    let file = |name: &str| format!("{}.svg", file_name(name));
    charts.into_iter().map(|(name, svg)| (file(&name), svg)).collect()
}

/// A way's name in that of a file.
fn short(how: &str, number: usize) -> String {
    let words = ["doorbell of", "lockstep", "threads", "virtual", "wall"];
    let found = words.iter().find(|word| how.contains(**word));
    match found {
        Some(word) => word.split(' ').next().unwrap_or(word).to_string(),
        None => (number + 1).to_string(),
    }
}

struct Chart<'a> {
    record: &'a Record,
    figure: &'a Figure,
    way: &'a Way,
}

impl Chart<'_> {
    fn panel(&self, here: &MeasuredPanel) -> Option<&Panel> {
        self.figure.panels.get(here.panel)
    }

    fn has_lines(&self, here: &MeasuredPanel) -> bool {
        let many = |series: &MeasuredSeries| series.points.len() >= LINES;
        here.series.iter().any(many)
    }

    fn title(&self) -> String {
        format!("{}: {}", self.figure.id, self.figure.title)
    }

    fn caption(&self, of_marks: &str) -> String {
        let mut authors: Vec<&str> = Vec::new();
        for source in &self.figure.sources {
            if !authors.contains(&&*source.authors) {
                authors.push(&source.authors);
            }
        }
        let projected = match self.way.projected {
            true => " Hollow marks are projected, not measured.",
            false => "",
        };
        format!(
            "{of_marks}{projected} Measured: {}. Published by {}. {} {}",
            self.way.how,
            authors.join(", "),
            machine_of(&self.record.machine, None),
            origin_of(&self.record.build, &self.record.started),
        )
    }

    /// Lines over the axis of a panel.
    fn lines(&self, here: &MeasuredPanel) -> String {
        let Some(panel) = self.panel(here) else { return String::new() };
        let mut curves = Vec::new();
        let measured = |name: &str| {
            here.series.iter().enumerate().find(|(_, s)| s.name == *name)
        };
        let longest = panel.series.iter().map(|s| s.points.len()).max();
        for series in &panel.series {
            let ours = measured(&series.name);
            let few = series.points.len() * 2 < longest.unwrap_or(0);
            if few && ours.is_none_or(|(_, s)| s.points.len() < LINES) {
                continue;
            }
            let points = series.points.iter();
            curves.push(Curve {
                name: format!("{} (published)", series.name),
                kin: ours.map(|(number, _)| (number, PUBLISHED)),
                thin: true,
                points: points.filter_map(|p| at(&p.x, p.y)).collect(),
                ..Curve::default()
            });
        }
        for (number, series) in here.series.iter().enumerate() {
            let points = series.points.iter();
            let band = points.clone().filter_map(|p| {
                let (x, low) = at(&p.x, p.low?)?;
                Some((x, [low, p.high?]))
            });
            if series.points.len() < LINES {
                continue;
            }
            curves.push(Curve {
                name: format!("{}: {}", series.name, series.subject),
                kin: Some((number, 0)),
                thin: false,
                points: points.filter_map(|p| at(&p.x, p.y)).collect(),
                band: band.collect(),
                hollow: self.way.projected,
            });
        }
        Curves {
            title: self.title(),
            subtitle: self.caption(
                "Thin dashed lines are published, full ones with marks are \
                 of this machine; a colour is a driver and what stands for \
                 it, grey has nothing here.",
            ),
            y_label: format!("{} – {}", label(&panel.y), self.way.how),
            y_scale: y_scale(panel, &curves),
            x_label: match panel.x.scale {
                published::Scale::Percentile => format!(
                    "percentile; the point at {GREATEST} is the greatest \
                     latency"
                ),
                _ => label(&panel.x),
            },
            x_scale: match panel.x.scale {
                published::Scale::Linear => Scale::Linear,
                published::Scale::Log2 => Scale::Log2,
                published::Scale::Percentile => Scale::Percentile,
                published::Scale::Category => Scale::Linear,
            },
            curves,
        }
        .draw()
    }

    /// Bars of each value over that of the first series, for panels with few
    /// places.
    fn ratios(&self) -> Option<String> {
        let mut bars = Vec::new();
        let mut bases: Vec<&str> = Vec::new();
        for here in &self.way.panels {
            let panel = self.panel(here)?;
            let first = here.series.first().map(|series| &*series.name);
            bases.extend(first.filter(|name| !bases.contains(name)));
            bars.extend(ratios(panel, here));
        }
        (!bars.is_empty()).then(|| {
            Bars {
                title: self.title(),
                subtitle: self.caption(
                    "Ratios, for absolute values belong to the machine.",
                ),
                x_label: format!("times {}", bases.join(", ")),
                keys: vec!["published".to_owned(), "measured".to_owned()],
                bars,
            }
            .draw()
        })
    }

    /// Bars of the statements' ratios.
    fn statements(&self) -> Option<String> {
        let judged = Judged::of(self.figure, self.way);
        let bar = |statement: &super::judge::Statement| {
            let here = &statement.measured;
            let finding =
                self.figure.findings.iter().find(|f| f.id == statement.id);
            let name = finding.map_or(String::new(), |finding| {
                let name = |side: &published::Side| {
                    side.variant.clone().unwrap_or_else(|| side.what.clone())
                };
                let against = finding.against.as_ref().map(name);
                let against = against.unwrap_or_default();
                let subject = name(&finding.subject);
                format!("{}: {subject} / {against}", finding.id)
            });
            let agrees = if statement.agrees { "" } else { " (other way)" };
            Bar {
                name,
                values: vec![statement.published, Some(here.value)],
                intervals: vec![None, here.low.zip(here.high).map(Into::into)],
                notes: vec![
                    match statement.published {
                        Some(_) => String::new(),
                        None => " no ratio published".to_owned(),
                    },
                    agrees.to_owned(),
                ],
            }
        };
        let bars: Vec<_> = judged.statements.iter().map(bar).collect();
        (!bars.is_empty()).then(|| {
            Bars {
                title: self.title(),
                subtitle: self.caption(
                    "How many times as much the first has as the second; what \
                     each statement is about stands in the table.",
                ),
                x_label: "ratio".to_owned(),
                keys: vec!["published".to_owned(), "measured".to_owned()],
                bars,
            }
            .draw()
        })
    }
}

/// Bars for every place and series of a panel but the first.
fn ratios(panel: &Panel, here: &MeasuredPanel) -> Vec<Bar> {
    let Some(first) = here.series.first() else { return Vec::new() };
    let Some(base) = panel.series.iter().find(|s| s.name == first.name) else {
        return Vec::new();
    };
    let mut bars = Vec::new();
    for series in &here.series[1..] {
        let Some(published) =
            panel.series.iter().find(|s| s.name == series.name)
        else {
            continue;
        };
        for point in &series.points {
            let then = |of: &published::Series| {
                of.points.iter().find(|p| p.x == point.x).map(|p| p.y)
            };
            let below = first.points.iter().find(|p| p.x == point.x);
            let (Some(y), Some(over), Some(below)) =
                (then(published), then(base), below)
            else {
                continue;
            };
            let place = match &point.x {
                Place::Number(x) if series.points.len() > 1 => {
                    format!(" at {x}")
                }
                _ => String::new(),
            };
            let ends = |low: f64, high: f64| [low / below.y, high / below.y];
            bars.push(Bar {
                name: format!("{}: {}{place}", panel.y.quantity, series.name),
                values: vec![Some(y / over), Some(point.y / below.y)],
                intervals: vec![
                    None,
                    point.low.zip(point.high).map(|(l, h)| ends(l, h)),
                ],
                notes: vec![String::new(), String::new()],
            });
        }
    }
    bars
}

fn at(x: &Place, y: f64) -> Option<(f64, f64)> {
    match x {
        Place::Number(100.0) => Some((GREATEST, y)),
        Place::Number(x) => Some((*x, y)),
        Place::Name(_) => None,
    }
}

fn label(axis: &published::Axis) -> String {
    match &axis.unit {
        Some(unit) => format!("{}, {unit}", axis.quantity),
        None => axis.quantity.clone(),
    }
}

/// Equal steps for equal factors where published and measured values are far
/// apart, or the published axis was so.
fn y_scale(panel: &Panel, curves: &[Curve]) -> Scale {
    let tops = |thin: bool| {
        let values = curves.iter().filter(|c| c.thin == thin);
        let values = values.flat_map(|c| c.points.iter().map(|(_, y)| *y));
        values.fold(0.0, f64::max)
    };
    let (then, now) = (tops(true), tops(false));
    let apart = (then / now).max(now / then);
    match panel.y.scale {
        published::Scale::Log2 => Scale::Log,
        _ if panel.x.scale == published::Scale::Percentile => Scale::Log,
        _ if apart > WIDE => Scale::Log,
        _ => Scale::Linear,
    }
}

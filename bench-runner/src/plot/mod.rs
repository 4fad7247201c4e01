//! Charts as SVG text: the same data always give the same bytes.

mod bars;
mod captions;
mod curves;
mod dots;
mod frame;
mod labels;
mod lines;
mod look;
mod names;
mod panels;
mod pen;
mod scale;

pub use bars::{Bar, Bars};
pub use captions::{caption_of, machine_of, origin_of};
pub use curves::{Curve, Curves};
pub use dots::{Dot, Dots, Side};
pub use labels::shorten;
pub use lines::draw;
pub use panels::{Field, FieldCurve, Mark, Panels, Row};
pub use scale::Scale;

use crate::analysis::{
    self, BASELINE, CellResult, FLOOR, Reference, SAME, by_axis, with_cores,
    with_fill,
};
use crate::load::Rate;
use crate::results::{Fill, Run, Setup, on_cores};
use crate::stats::Estimate;
use std::collections::HashSet;

/// What runs to the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Batch sizes, with equal steps for equal factors.
    Batches,
    /// Numbers of cores, with equal steps for equal differences, and beside
    /// each line a thin one of as much for each core as for the first.
    Cores,
}

/// One chart over batch sizes or cores.
#[derive(Clone, Debug)]
pub struct Chart {
    /// What runs to the right.
    pub over: Over,
    /// Headline.
    pub title: String,
    /// What a reader has to know, in small type below.
    pub subtitle: String,
    /// Quantity and unit of the upright axis.
    pub y_label: String,
    /// The lines, in the order in which they take colours.
    pub series: Vec<Series>,
    /// The rate that the wire allows or that was offered, drawn where the data
    /// come near it.
    pub line_rate: Option<LineRate>,
}

/// One variant's line.
#[derive(Clone, Debug)]
pub struct Series {
    /// Name beside its right end.
    pub name: String,
    /// Its points; those that are not finite are left out.
    pub points: Vec<Point>,
    /// Whether this is what the others are compared with.
    pub emphasis: bool,
}

/// One cell on a chart.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// Batch size or number of cores.
    pub x: u16,
    /// Measured value.
    pub y: f64,
    /// Lower end of its interval; `y` itself where there is none.
    pub low: f64,
    /// Upper end of its interval; `y` itself where there is none.
    pub high: f64,
    /// Whether the model may have been the bottleneck.
    pub hollow: bool,
}

/// What both directions of a 10 GbE link carry together, or what was offered.
#[derive(Clone, Debug, PartialEq)]
pub struct LineRate {
    /// Million packets per second.
    pub mpps: f64,
    /// Name of the line.
    pub label: String,
    /// Whether it was offered, so that nothing can lie above.
    pub offered: bool,
}

impl LineRate {
    /// Both directions of 10 GbE with frames of this size, checksum included.
    #[must_use]
    pub fn ten_gbe(frame_bytes: u16) -> Self {
        // Preamble, start delimiter and gap take 20 bytes (IEEE 802.3).
        let bits = (f64::from(frame_bytes) + 20.0) * 8.0;
        let mpps = 2.0 * 1e4 / bits;
        let label = format!(
            "10 GbE line rate, {frame_bytes}-byte frames, both directions: \
             {mpps:.2} Mpps"
        );
        Self { mpps, label, offered: false }
    }

    /// What was offered in a run, or else what a wire would have carried.
    fn of(run: &Run) -> Self {
        let Setup { frame_bytes, rate, .. } = run.setup;
        let Some(offered) = run.setup.offered() else {
            return Self::ten_gbe(frame_bytes);
        };
        let mpps = offered / 1e6;
        let label = match rate {
            Some(Rate::Line) => format!("line rate: {mpps:.2} Mpps"),
            _ => format!("offered: {mpps} Mpps"),
        };
        Self { mpps, label, offered: true }
    }
}

/// A chart of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// Name of its file.
    pub file: String,
    /// The axis that it is of; absent where it is of all.
    pub axis: Option<String>,
    /// How rings were filled; absent where it is of all.
    pub fill: Option<Fill>,
    /// Cores that forwarded; absent where one had the ports to itself, and
    /// over cores.
    pub cores: Option<u16>,
    /// The chart as SVG.
    pub svg: String,
}

/// Every chart of a run.
///
/// Each axis has two, throughput and cycles per packet, with its variants
/// and what they are compared with; two more show all variants. What was
/// measured with another fill besides has charts of its own, and so has each
/// number of cores. Where there are several, a chart for each batch size shows
/// throughput over cores.
#[must_use]
pub fn drawings(
    run: &Run,
    results: &[CellResult],
    reference: &Reference,
) -> Vec<Drawing> {
    let mut taken = HashSet::new();
    let mut drawings = Vec::new();
    let kinds = run.fills().into_iter().flat_map(|fill| {
        run.core_counts().into_iter().map(move |cores| (fill, cores))
    });
    for (fill, cores) in kinds {
        let results = with_cores(&with_fill(results, fill), cores);
        let with_all = fill == run.setup.fill;
        for mut sheet in sheets(&results, reference, fill, with_all) {
            if let Some(cores) = cores {
                sheet.file += &format!("-cores-{cores}");
                sheet.title += &format!(", {}", on_cores(cores));
            }
            let mut file = sheet.file.clone();
            while !taken.insert(file.clone()) {
                file.push('_');
            }
            for quantity in [Quantity::Throughput, Quantity::Cycles] {
                let chart = sheet.chart(run, &results, quantity);
                drawings.push(Drawing {
                    file: format!("{}-{file}.svg", quantity.name()),
                    axis: sheet.axis.clone(),
                    fill: Some(fill),
                    cores,
                    svg: draw(&chart),
                });
            }
        }
    }
    if let [_, .., Some(_)] = run.core_counts()[..] {
        let all = scaling(run, results).into_iter();
        drawings.extend(all.map(|(file, svg)| Drawing {
            file,
            axis: None,
            fill: None,
            cores: None,
            svg,
        }));
    }
    drawings
}

/// The same as file name and SVG text.
#[must_use]
pub fn charts(
    run: &Run,
    results: &[CellResult],
    reference: &Reference,
) -> Vec<(String, String)> {
    let drawings = drawings(run, results, reference).into_iter();
    drawings.map(|drawing| (drawing.file, drawing.svg)).collect()
}

/// Throughput over cores, a chart for each batch size.
fn scaling(run: &Run, results: &[CellResult]) -> Vec<(String, String)> {
    let mut batches: Vec<_> = results.iter().map(|r| r.batch).collect();
    batches.sort_unstable();
    batches.dedup();
    let chart = |batch: u16| {
        let is_ours =
            |r: &&CellResult| r.batch == batch && !r.copy && r.cores.is_some();
        let ours: Vec<_> = results.iter().filter(is_ours).cloned().collect();
        let series = distinct(ours.iter().map(|r| r.variant.as_str()))
            .into_iter()
            .map(|variant| {
                let own: Vec<_> = ours
                    .iter()
                    .filter(|r| r.variant == variant)
                    .cloned()
                    .collect();
                let name = own.first().map_or(vec![], CellResult::names);
                let points = own
                    .iter()
                    .filter_map(|r| point(r, r.cores?, Quantity::Throughput));
                Series {
                    name: name.join(SAME),
                    points: points.collect(),
                    emphasis: variant == BASELINE,
                }
            })
            .filter(|series| !series.points.is_empty())
            .collect();
        let thin = "Thin lines: as much for each core as for the first.";
        let caption = captions::caption(run, &ours, |_| true);
        let chart = Chart {
            over: Over::Cores,
            title: format!("throughput over cores, batch size {batch}"),
            subtitle: format!("{caption} {thin}"),
            y_label: captions::y_label(run, Quantity::Throughput).to_owned(),
            series,
            line_rate: Some(LineRate::of(run)),
        };
        (format!("scaling-batch-{batch}.svg"), draw(&chart))
    };
    batches.into_iter().map(chart).collect()
}

/// The sheets for results with one fill: one for each axis and, `with_all`,
/// one for all variants.
fn sheets<'a>(
    results: &'a [CellResult],
    reference: &Reference,
    fill: Fill,
    with_all: bool,
) -> Vec<Sheet<'a>> {
    let mut axes = by_axis(results);
    // A variant with another's machine code stands on its own axis, too.
    for result in results {
        for name in &result.namesakes {
            let axis = analysis::axis(name);
            let line = result.variant.as_str();
            match axes.iter_mut().find(|(known, _)| *known == axis) {
                Some((_, lines)) if lines.contains(&line) => {}
                Some((_, lines)) => lines.push(line),
                // With another fill only some axes are looked at.
                None if with_all => axes.push((axis, vec![line])),
                None => {}
            }
        }
    }
    let axes: Vec<_> =
        axes.into_iter().filter(|(_, variants)| *variants != [FLOOR]).collect();
    let mut sheets = Vec::new();
    for (axis, variants) in &axes {
        if *axis != BASELINE {
            sheets.push(Sheet::of_axis(axis, variants, reference));
        }
    }
    if with_all {
        sheets.push(Sheet {
            file: "all".to_owned(),
            title: "all variants".to_owned(),
            axis: None,
            variants: distinct(axes.into_iter().flat_map(|(_, v)| v)),
            reference: BASELINE,
        });
    }
    if fill == Fill::Random {
        for sheet in &mut sheets {
            sheet.file += "-random";
            sheet.title += ", random fill";
        }
    }
    sheets
}

/// Each name once, in the order of its first place.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = HashSet::new();
    names.filter(|name| seen.insert(*name)).collect()
}

/// Which variants share a chart.
struct Sheet<'a> {
    file: String,
    title: String,
    /// The axis whose names are shown; none for those of all.
    axis: Option<String>,
    variants: Vec<&'a str>,
    reference: &'a str,
}

impl<'a> Sheet<'a> {
    fn of_axis(
        axis: &str,
        variants: &[&'a str],
        reference: &Reference,
    ) -> Self {
        let mut shown: Vec<&'a str> = Vec::new();
        let references = variants.iter().map(|variant| reference(variant));
        for variant in references.chain(variants.iter().copied()) {
            if !shown.contains(&variant) && variant != FLOOR {
                shown.push(variant);
            }
        }
        let reference = variants.first().map_or(BASELINE, |v| reference(v));
        Self {
            file: file_name(axis),
            title: axis.to_owned(),
            axis: Some(axis.to_owned()),
            variants: shown,
            reference,
        }
    }

    /// Whether a name that a line has besides its own belongs here.
    fn shows(&self, namesake: &str) -> bool {
        let axis = analysis::axis(namesake);
        self.axis.as_ref().is_none_or(|ours| ours == axis)
    }

    /// The name of a variant's line, or the names.
    fn label(&self, results: &[CellResult], variant: &str) -> String {
        let of = |result: &&CellResult| result.variant == variant;
        let names = results.iter().find(of).map_or(vec![], CellResult::names);
        let is_ours = |name: &&str| *name == variant || self.shows(name);
        let names: Vec<_> = names.into_iter().filter(is_ours).collect();
        names.join(SAME)
    }

    fn chart(
        &self,
        run: &Run,
        results: &[CellResult],
        quantity: Quantity,
    ) -> Chart {
        let series = self.variants.iter().filter(|v| **v != FLOOR);
        // What others were made of is not said of these.
        let is_ours = |r: &&CellResult| self.variants.contains(&&*r.variant);
        let ours: Vec<_> = results.iter().filter(is_ours).cloned().collect();
        Chart {
            over: Over::Batches,
            title: format!(
                "{}: {} by batch size",
                self.title,
                quantity.words()
            ),
            subtitle: captions::caption(run, &ours, |n| self.shows(n)),
            y_label: captions::y_label(run, quantity).to_owned(),
            series: series
                .map(|variant| Series {
                    name: self.label(results, variant),
                    points: points(results, variant, quantity),
                    emphasis: *variant == self.reference,
                })
                .filter(|series| !series.points.is_empty())
                .collect(),
            line_rate: (quantity == Quantity::Throughput)
                .then(|| LineRate::of(run)),
        }
    }
}

/// What stands on the upright axis.
#[derive(Clone, Copy, PartialEq)]
enum Quantity {
    Throughput,
    Cycles,
}

impl Quantity {
    fn name(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Cycles => "cycles",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Cycles => "cycles per packet",
        }
    }

    fn of(self, result: &CellResult) -> Option<Estimate> {
        match self {
            Self::Throughput => result.mpps,
            Self::Cycles => Some(result.cycles),
        }
    }
}

/// The points of a variant in ascending order of batch size.
fn points(
    results: &[CellResult],
    variant: &str,
    quantity: Quantity,
) -> Vec<Point> {
    let mut points: Vec<_> = results
        .iter()
        .filter(|result| !result.copy && result.variant == variant)
        .filter_map(|result| point(result, result.batch, quantity))
        .collect();
    points.sort_by_key(|point| point.x);
    points
}

/// A result's point at `x`.
fn point(result: &CellResult, x: u16, quantity: Quantity) -> Option<Point> {
    let Estimate { value, interval } = quantity.of(result)?;
    let (low, high) = interval.unwrap_or((value, value));
    Some(Point { x, y: value, low, high, hollow: result.hollow })
}

/// A name as part of a file name, whatever it was.
pub fn file_name(axis: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || c == '_';
    axis.chars().map(|c| if safe(c) { c } else { '-' }).collect()
}

/// A part of so many points: all of it where these are at most `most`, or of
/// each of many stretches the lowest and the highest, so that no step and no
/// outlier is lost.
pub fn thinned(
    part: &[(f64, f64)],
    all: usize,
    most: usize,
) -> Vec<(f64, f64)> {
    if all <= most {
        return part.to_vec();
    }
    let stretch = all.div_ceil(most / 2);
    let ends = part.chunks(stretch).flat_map(|part| {
        let by = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let low = part.iter().min_by(by).copied();
        let high = part.iter().max_by(by).copied();
        let mut both: Vec<_> = low.into_iter().chain(high).collect();
        both.sort_by(|a, b| a.0.total_cmp(&b.0));
        both.dedup();
        both
    });
    ends.collect()
}

#[cfg(test)]
mod tests;

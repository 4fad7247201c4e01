//! One line per variant, its name beside its right end.

use super::frame::Frame;
use super::labels::{clearest, shorten, width, wrap};
use super::look::{BORDER, GRID, Look, PAPER, QUIET, TEXT, looks};
use super::names::{Label, Names, draw_mark, kind};
use super::pen::{Align, Pen, Spot, Type, sheet};
use super::{Chart, LineRate, Over, Point, Series};

pub(super) const WIDTH: f64 = 960.0;
pub(super) const HEIGHT: f64 = 600.0;
pub(super) const MARGIN: f64 = 24.0;
pub(super) const LEFT: f64 = 64.0;
pub(super) const TOP: f64 = 76.0;
pub(super) const SMALL: f64 = 11.0;
pub(super) const SMALL_LINE: f64 = 15.0;
/// Room for the numbers and the name of the batch axis.
pub(super) const FOOT: f64 = 58.0;
pub(super) const LONGEST_NAME: usize = 36;

/// How far above the highest value an offered rate may lie to be drawn, as a
/// factor.
const NEAR: f64 = 4.0;

/// Draws a chart: batch sizes or cores to the right, values from zero up.
#[must_use]
pub fn draw(chart: &Chart) -> String {
    let lines = prepare(chart);
    let names = lines.iter().map(|line| (&*line.name, line.emphasis));
    let names = Names::of(names);
    let caption = wrap(&chart.subtitle, SMALL, WIDTH - 2.0 * MARGIN);
    let below = FOOT + SMALL_LINE * caption.len() as f64 + 10.0;
    let field = (HEIGHT - TOP - below).max(names.height());
    let height = (TOP + field + below).ceil();
    let mut points: Vec<_> =
        lines.iter().flat_map(|line| line.points.clone()).collect();
    if chart.over == Over::Cores {
        points.extend(lines.iter().filter_map(|line| Some(ideal(line)?.1)));
    }
    let highest = points.iter().map(|p| p.y).fold(0.0, f64::max);
    let offered = chart.line_rate.as_ref().filter(|rate| rate.offered);
    if let (Some(rate), Some(&last)) = (offered, points.last())
        && rate.mpps <= NEAR * highest
    {
        let y = rate.mpps;
        points.push(Point { y, low: y, high: y, ..last });
    }
    let right = names.field_end(WIDTH - MARGIN);
    let corner = (right, TOP + field);
    let frame = Frame::new((LEFT, TOP), corner, chart.over, &points);
    sheet((WIDTH, height), &chart.title, &chart.subtitle, |pen| {
        let corners =
            [(0.0, 0.0), (WIDTH, 0.0), (WIDTH, height), (0.0, height)];
        pen.area(&corners, PAPER);
        draw_head(pen, chart);
        draw_frame(pen, &frame, chart.over);
        if lines.is_empty() {
            let middle = (frame.left + right) / 2.0;
            let spot = (middle, (frame.top + frame.bottom) / 2.0);
            pen.text("no data", spot, kind(14.0, QUIET, Align::Middle));
        }
        for line in &lines {
            pen.series("band", &line.series, |pen| {
                draw_band(pen, &frame, line);
            });
        }
        if chart.over == Over::Cores {
            for (line, (from, to)) in
                lines.iter().filter_map(|line| Some((line, ideal(line)?)))
            {
                let ends = [from, to].map(|p| (frame.x(p.x), frame.y(p.y)));
                pen.series("band", &line.series, |pen| {
                    pen.line(&ends, line.look.ink.faded(0.7), 0.8, &[]);
                });
            }
        }
        let rate = chart.line_rate.as_ref();
        let rate = rate.filter(|rate| rate.mpps <= frame.most());
        if let Some(rate) = rate {
            let spots = [
                (frame.left, frame.y(rate.mpps)),
                (frame.right, frame.y(rate.mpps)),
            ];
            let (ink, width) = match rate.offered {
                true => (QUIET, 0.8),
                false => (TEXT, 1.2),
            };
            pen.line(&spots, ink, width, &[6.0, 4.0]);
        }
        let edges = (frame.top, frame.bottom);
        let labels = lines.iter().filter_map(|line| label(&frame, line));
        names.draw(pen, frame.right, edges, labels.collect());
        // What others are compared with lies on top.
        for top in [false, true] {
            for line in lines.iter().filter(|line| line.emphasis == top) {
                pen.series("line", &line.series, |pen| {
                    draw_line(pen, &frame, line, chart.over);
                });
            }
        }
        if let Some(rate) = rate {
            draw_rate_name(pen, &frame, rate, &lines);
        }
        for (number, text) in caption.iter().enumerate() {
            let y = frame.bottom + FOOT + 8.0 + SMALL_LINE * number as f64;
            let spot = (MARGIN, y);
            pen.text(text, spot, kind(SMALL, QUIET, Align::Left));
        }
    })
}

/// A series that has something to draw.
struct Line {
    series: String,
    name: String,
    points: Vec<Point>,
    look: Look,
    emphasis: bool,
}

fn prepare(chart: &Chart) -> Vec<Line> {
    let looks = looks(chart.series.iter().map(|series| series.emphasis));
    let line = |(series, look): (&Series, Look)| {
        let sound = |p: &Point| {
            p.y.is_finite() && p.low.is_finite() && p.high.is_finite()
        };
        let mut points: Vec<_> =
            series.points.iter().copied().filter(sound).collect();
        points.sort_by_key(|point| point.x);
        let name = shorten(&series.name, LONGEST_NAME);
        let emphasis = series.emphasis;
        Line { series: series.name.clone(), name, points, look, emphasis }
    };
    let mut lines: Vec<_> = chart.series.iter().zip(looks).map(line).collect();
    lines.retain(|line| !line.points.is_empty());
    lines
}

/// The ends of a line of as much for each core as at its left end.
fn ideal(line: &Line) -> Option<(Point, Point)> {
    let [first, .., last] = line.points[..] else { return None };
    let y = first.y * f64::from(last.x) / f64::from(first.x.max(1));
    Some((first, Point { y, low: y, high: y, ..last }))
}

fn draw_head(pen: &mut Pen, chart: &Chart) {
    let title = Type { bold: true, ..kind(18.0, TEXT, Align::Left) };
    pen.text(&chart.title, (MARGIN, 32.0), title);
    let label = kind(12.0, QUIET, Align::Left);
    pen.text(&chart.y_label, (MARGIN, 56.0), label);
}

fn draw_frame(pen: &mut Pen, frame: &Frame, over: Over) {
    for (value, text) in frame.y_ticks() {
        let y = frame.y(value);
        let ink = if value == 0.0 { BORDER } else { GRID };
        pen.line(&[(frame.left, y), (frame.right, y)], ink, 1.0, &[]);
        let spot = (frame.left - 9.0, y + 4.2);
        pen.text(&text, spot, kind(12.0, QUIET, Align::Right));
    }
    for batch in frame.x_ticks() {
        let x = frame.x(batch);
        pen.line(&[(x, frame.top), (x, frame.bottom)], GRID, 1.0, &[]);
        let tick = [(x, frame.bottom), (x, frame.bottom + 5.0)];
        pen.line(&tick, BORDER, 1.0, &[]);
        let spot = (x, frame.bottom + 20.0);
        let text = batch.to_string();
        pen.text(&text, spot, kind(12.0, QUIET, Align::Middle));
    }
    let middle = (frame.left + frame.right) / 2.0;
    let spot = (middle, frame.bottom + 40.0);
    let text = match over {
        Over::Batches => "batch size, packets per receive call",
        Over::Cores => "cores that forward",
    };
    pen.text(text, spot, kind(12.0, QUIET, Align::Middle));
}

/// The intervals as a strip behind the line, or as a bar behind a lone point.
fn draw_band(pen: &mut Pen, frame: &Frame, line: &Line) {
    let spot = |point: &Point, value| (frame.x(point.x), frame.y(value));
    if let [point] = line.points[..] {
        let ends = [spot(&point, point.low), spot(&point, point.high)];
        pen.line(&ends, line.look.ink, 1.2, &[]);
        return;
    }
    let high = line.points.iter().map(|p| spot(p, p.high));
    let low = line.points.iter().rev().map(|p| spot(p, p.low));
    let outline: Vec<_> = high.chain(low).collect();
    pen.area(&outline, line.look.ink.faded(0.16));
}

fn draw_line(pen: &mut Pen, frame: &Frame, line: &Line, over: Over) {
    let spots: Vec<_> = spots(frame, line);
    let Look { ink, mark, dash, width } = line.look;
    pen.line(&spots, ink, width, dash);
    let quantity = match over {
        Over::Batches => "batch",
        Over::Cores => "cores",
    };
    for (spot, point) in spots.iter().zip(&line.points) {
        let interval =
            (point.low < point.high).then_some((point.low, point.high));
        let along = point.x.to_string();
        let value = (point.y, interval);
        pen.point(*spot, (quantity, &along), value, |pen| {
            draw_mark(pen, *spot, mark, ink, point.hollow);
        });
    }
}

fn label<'a>(frame: &Frame, line: &'a Line) -> Option<Label<'a>> {
    let end = *spots(frame, line).last()?;
    let hollow = line.points.iter().all(|point| point.hollow);
    let (name, look) = (&*line.name, line.look);
    let (mark, bold, series) = (Some(hollow), line.emphasis, &*line.series);
    Some(Label { series, name, end, look, bold, mark })
}

fn spots(frame: &Frame, line: &Line) -> Vec<Spot> {
    let spot = |point: &Point| (frame.x(point.x), frame.y(point.y));
    line.points.iter().map(spot).collect()
}

/// Names the line rate where the fewest lines pass.
fn draw_rate_name(
    pen: &mut Pen,
    frame: &Frame,
    rate: &LineRate,
    lines: &[Line],
) {
    let wide = width(&rate.label, SMALL);
    let y = frame.y(rate.mpps);
    let (first, last) = (frame.left + 8.0, frame.right - 8.0 - wide);
    let mut areas = Vec::new();
    for top in [y - 17.0, y + 3.0] {
        for step in 0..=8 {
            let left = first + (last - first) * f64::from(step) / 8.0;
            let area = ((left, top), (left + wide, top + 14.0));
            if top >= frame.top && top + 14.0 <= frame.bottom {
                areas.push(area);
            }
        }
    }
    let paths: Vec<_> =
        lines.iter().flat_map(|line| along(&spots(frame, line))).collect();
    let Some(number) = clearest(&areas, &paths) else { return };
    let ((left, top), (right, bottom)) = areas[number];
    let back = [(left, top), (right, top), (right, bottom), (left, bottom)];
    pen.area(&back, PAPER.faded(0.8));
    pen.text(&rate.label, (left, top + 10.5), kind(SMALL, TEXT, Align::Left));
}

/// Spots close together along a line.
fn along(spots: &[Spot]) -> Vec<Spot> {
    const PARTS: u32 = 24;
    let between = |ends: &[Spot]| {
        let (from, to) = (ends[0], ends[1]);
        (0..=PARTS)
            .map(|part| {
                let share = f64::from(part) / f64::from(PARTS);
                (
                    from.0 + share * (to.0 - from.0),
                    from.1 + share * (to.1 - from.1),
                )
            })
            .collect::<Vec<_>>()
    };
    spots.windows(2).flat_map(between).collect()
}

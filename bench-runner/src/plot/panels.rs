//! Many small charts below and beside each other, all over the same places.

use super::labels::{shorten, width, wrap};
use super::lines::{LEFT, MARGIN, SMALL, SMALL_LINE, WIDTH};
use super::look::{BORDER, GRID, Ink, LESS, MORE, PAPER, QUIET, TEXT, paired};
use super::names::kind;
use super::pen::{Align, Pen, Type, sheet};
use super::scale::{Scale, Span};

/// From the top to the names of the curves.
const NAMES: f64 = 58.0;

/// From the top to the first row.
const TOP: f64 = 84.0;

/// Height of a field, and of a row with its title and the room below it.
const FIELD: f64 = 84.0;
const ROW: f64 = FIELD + 44.0;

/// Between columns.
const GAP: f64 = 58.0;

/// Below the last row, for what runs to the right.
const FOOT: f64 = 34.0;

/// Points of a curve up to which each says its value.
const SAID: usize = 60;

/// Radius of a point that stands apart.
const DOT: f64 = 2.2;

/// The sheet.
#[derive(Clone, Debug)]
pub struct Panels {
    /// Headline.
    pub title: String,
    /// What a reader has to know, in small type below.
    pub subtitle: String,
    /// Headlines of the columns, and how much of the width each takes.
    pub columns: Vec<(String, f64)>,
    /// Names of the curves, in the order in which they take colours.
    pub names: Vec<String>,
    /// Number of places to the right.
    pub places: usize,
    /// What some places are called, from left to right.
    pub ticks: Vec<(f64, String)>,
    /// Places where all curves begin anew.
    pub breaks: Vec<f64>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// A row of fields, one for each column.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is of.
    pub title: String,
    /// More of it, in small type.
    pub note: String,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// A small chart.
#[derive(Clone, Debug, Default)]
pub struct Field {
    /// Its curves.
    pub curves: Vec<FieldCurve>,
    /// Where something happened.
    pub marks: Vec<Mark>,
}

/// A curve over places.
#[derive(Clone, Debug, Default)]
pub struct FieldCurve {
    /// Number of its name.
    pub name: usize,
    /// Its parts, from left to right, which are not joined.
    pub parts: Vec<Vec<(f64, f64)>>,
    /// Points that are not on the curve.
    pub apart: Vec<(f64, f64)>,
}

/// Where something happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Its place.
    pub x: f64,
    /// What it is called.
    pub text: String,
    /// Whether there is more from here on.
    pub more: bool,
    /// Whether it is in doubt.
    pub doubtful: bool,
}

/// A field on the sheet.
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    places: f64,
    y: Span,
}

impl Frame {
    fn x(&self, place: f64) -> f64 {
        // Half a place is left on either side.
        let share = (place + 0.5) / self.places.max(1.0);
        self.left + share.clamp(0.0, 1.0) * (self.right - self.left)
    }

    fn y(&self, value: f64) -> f64 {
        self.top + FIELD - self.y.share(value) * FIELD
    }
}

impl Panels {
    /// Draws it, as SVG.
    #[must_use]
    pub fn draw(&self) -> String {
        let caption = wrap(&self.subtitle, SMALL, WIDTH - 2.0 * MARGIN);
        let rows = TOP + ROW * self.rows.len() as f64;
        let below = FOOT + SMALL_LINE * caption.len() as f64;
        let height = (rows + below).ceil();
        sheet((WIDTH, height), &self.title, &self.subtitle, |pen| {
            let corners =
                [(0.0, 0.0), (WIDTH, 0.0), (WIDTH, height), (0.0, height)];
            pen.area(&corners, PAPER);
            let title = Type { bold: true, ..kind(18.0, TEXT, Align::Left) };
            pen.text(&self.title, (MARGIN, 32.0), title);
            self.draw_names(pen);
            for (number, row) in self.rows.iter().enumerate() {
                self.draw_row(pen, row, TOP + ROW * number as f64);
            }
            for (number, text) in (0u32..).zip(&caption) {
                let line = SMALL_LINE * f64::from(number);
                let spot = (MARGIN, rows + FOOT - 8.0 + line);
                pen.text(text, spot, kind(SMALL, QUIET, Align::Left));
            }
        })
    }

    /// The names of the curves beside each other.
    fn draw_names(&self, pen: &mut Pen) {
        let mut x = MARGIN;
        for (number, name) in self.names.iter().enumerate() {
            let ink = ink(number);
            pen.series("name", name, |pen| {
                let key = [(x, NAMES - 4.0), (x + 18.0, NAMES - 4.0)];
                pen.line(&key, ink, 2.2, paired(number, dash(number)).dash);
                let how = kind(12.0, TEXT, Align::Left);
                pen.text(name, (x + 23.0, NAMES), how);
            });
            x += 23.0 + width(name, 12.0) + 18.0;
        }
    }

    /// Ends of the columns.
    fn ends(&self) -> Vec<(f64, f64)> {
        let all: f64 = self.columns.iter().map(|(_, share)| share).sum();
        let gaps = GAP * self.columns.len().saturating_sub(1) as f64;
        let room = WIDTH - LEFT - MARGIN - gaps;
        let mut left = LEFT;
        let ends = self.columns.iter().map(|(_, share)| {
            let right = left + room * share / all;
            let ends = (left, right);
            left = right + GAP;
            ends
        });
        ends.collect()
    }

    fn draw_row(&self, pen: &mut Pen, row: &Row, top: f64) {
        let bold = Type { bold: true, ..kind(12.0, TEXT, Align::Left) };
        let title = shorten(&row.title, 40);
        pen.text(&title, (MARGIN, top + 12.0), bold);
        let ends = self.ends();
        let after = MARGIN + width(&title, 12.0) * 1.1 + 12.0;
        let room = ends.first().map_or(WIDTH, |ends| ends.1) - after;
        let most = (room / (0.5 * SMALL)).max(1.0) as usize;
        let note = shorten(&row.note, most);
        let quiet = kind(SMALL, QUIET, Align::Left);
        pen.text(&note, (after, top + 12.0), quiet);
        for ((field, (left, right)), (head, _)) in
            row.fields.iter().zip(ends).zip(&self.columns)
        {
            let own = kind(SMALL, QUIET, Align::Right);
            pen.text(head, (right, top + 12.0), own);
            let values = field.curves.iter().flat_map(|curve| {
                let parts = curve.parts.iter().flatten();
                parts.chain(&curve.apart).map(|point| point.1)
            });
            let frame = Frame {
                left,
                right,
                top: top + 26.0,
                places: self.places as f64,
                y: Span::of(Scale::Linear, values.chain([-1.0, 1.0])),
            };
            self.draw_field(pen, field, &frame);
        }
    }

    fn draw_field(&self, pen: &mut Pen, field: &Field, frame: &Frame) {
        let Frame { left, right, top, .. } = *frame;
        let bottom = top + FIELD;
        let ticks = frame.y.ticks();
        // As many as there is room for.
        let every = ticks.len().div_ceil((FIELD / 17.0) as usize).max(1);
        for (value, text) in ticks.iter().step_by(every) {
            let y = frame.y(*value);
            pen.line(&[(left, y), (right, y)], GRID, 1.0, &[]);
            let spot = (left - 6.0, y + 3.6);
            pen.text(text, spot, kind(10.0, QUIET, Align::Right));
        }
        pen.line(&[(left, bottom), (right, bottom)], BORDER, 1.0, &[]);
        let mut free = left;
        for (place, text) in &self.ticks {
            let (x, half) = (frame.x(*place), width(text, 10.0) / 2.0);
            if x - half < free || x + half > right + MARGIN {
                continue;
            }
            free = x + half + 8.0;
            pen.line(&[(x, bottom), (x, bottom + 3.0)], BORDER, 1.0, &[]);
            let how = kind(10.0, QUIET, Align::Middle);
            pen.text(text, (x, bottom + 13.0), how);
        }
        for place in &self.breaks {
            let x = frame.x(place - 0.5);
            pen.line(&[(x, top), (x, bottom)], QUIET, 1.0, &[2.0, 3.0]);
        }
        for curve in &field.curves {
            self.draw_curve(pen, curve, frame);
        }
        // The newest first, as long as there is room for their names.
        let mut free = f64::INFINITY;
        for mark in field.marks.iter().rev() {
            let x = frame.x(mark.x);
            let ink = if mark.more { MORE } else { LESS };
            let dash: &[f64] = if mark.doubtful { &[4.0, 3.0] } else { &[] };
            pen.line(&[(x, top - 3.0), (x, bottom)], ink, 1.2, dash);
            let half = width(&mark.text, 10.0) / 2.0;
            let at = x.clamp(left + half, (right - half).max(left + half));
            if at + half < free {
                let how = kind(10.0, ink, Align::Middle);
                pen.text(&mark.text, (at, top - 5.0), how);
                free = at - half - 6.0;
            }
        }
        if field.curves.iter().all(|curve| curve.is_empty()) {
            let spot = (f64::midpoint(left, right), top + FIELD / 2.0);
            pen.text("no data", spot, kind(SMALL, QUIET, Align::Middle));
        }
    }

    fn draw_curve(&self, pen: &mut Pen, curve: &FieldCurve, frame: &Frame) {
        let ink = ink(curve.name);
        let look = paired(curve.name, dash(curve.name));
        let name = self.names.get(curve.name).map_or("", |name| &**name);
        let spot = |(x, y): (f64, f64)| (frame.x(x), frame.y(y));
        let count: usize = curve.parts.iter().map(Vec::len).sum();
        pen.series("line", name, |pen| {
            for point in &curve.apart {
                pen.circle(spot(*point), DOT, PAPER, None);
                pen.circle(spot(*point), DOT, BORDER, Some(0.9));
            }
            for part in &curve.parts {
                let spots: Vec<_> = part.iter().copied().map(spot).collect();
                match &spots[..] {
                    [] => {}
                    [one] => pen.circle(*one, 1.6, ink, None),
                    spots => pen.line(spots, ink, 1.3, look.dash),
                }
                for (point, at) in
                    part.iter().zip(spots).filter(|_| count <= SAID)
                {
                    let along = format!("{:.0}", point.0 + 1.0);
                    let value = (point.1, None);
                    pen.point(at, ("x", &along), value, |_| {});
                }
            }
        });
    }
}

impl FieldCurve {
    fn is_empty(&self) -> bool {
        self.apart.is_empty() && self.parts.iter().all(Vec::is_empty)
    }
}

fn ink(number: usize) -> Ink {
    paired(number, 0).ink
}

/// After as many curves as there are colours dashes tell them apart.
fn dash(number: usize) -> usize {
    number / 6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panels(parts: Vec<Vec<(f64, f64)>>) -> Panels {
        let curve = |name| FieldCurve {
            name,
            parts: parts.clone(),
            apart: vec![(1.0, 4.0)],
        };
        let mark = |x: f64, more| Mark {
            x,
            text: format!("<c{x}>"),
            more,
            doubtful: !more,
        };
        let field = Field {
            curves: vec![curve(0), curve(1)],
            marks: vec![mark(2.0, true), mark(60.0, false)],
        };
        let fields = vec![field, Field::default()];
        let row = |title: &str| Row {
            title: title.to_owned(),
            note: "now ×4".to_owned(),
            fields: fields.clone(),
        };
        Panels {
            title: "time over commits".to_owned(),
            subtitle: "of a <machine>".to_owned(),
            columns: vec![("time, %".into(), 2.0), ("count, %".into(), 1.0)],
            names: vec!["batch 1".to_owned(), "batch 32".to_owned()],
            places: 100,
            ticks: vec![(0.0, "first".into()), (99.0, "last".into())],
            breaks: vec![50.0],
            rows: vec![row("reg=boxed"), row("batch=list")],
        }
    }

    #[test]
    fn rows_curves_and_marks_are_named() {
        let parts = vec![vec![(0.0, 0.0), (1.0, 1.5)], vec![(3.0, 2.0)]];
        let svg = panels(parts.clone()).draw();
        for word in [
            "reg=boxed",
            "batch=list",
            "batch 32",
            "&lt;c60&gt;",
            "first",
            "time, %",
            "&lt;machine&gt;",
            "no data",
            "data-x=\"4\"",
        ] {
            assert!(svg.contains(word), "{word} in {svg}");
        }
        assert_eq!(svg, panels(parts).draw());
    }

    #[test]
    fn many_points_say_nothing_each() {
        let many = (0..100).map(|n| (f64::from(n), 1.0)).collect();
        let svg = panels(vec![many]).draw();
        assert!(!svg.contains("data-x="), "{svg}");
    }
}

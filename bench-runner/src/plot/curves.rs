//! Lines of many points over any axis, their names beside their ends.

use super::labels::{shorten, wrap};
use super::lines::{
    FOOT, HEIGHT, LEFT, LONGEST_NAME, MARGIN, SMALL, SMALL_LINE, TOP, WIDTH,
};
use super::look::{BORDER, GRID, Look, PAPER, QUIET, TEXT, paired};
use super::names::{Label, Names, draw_mark, kind};
use super::pen::{Align, Pen, Spot, Type, sheet, short};
use super::scale::{Scale, Span};

/// Points of a line up to which each bears a mark, where it is not thin.
const FEW: usize = 16;

/// How much of what lies below it a band hides.
const BAND: f64 = 0.15;

/// Points of a line up to which each says its value.
const SAID: usize = 500;

/// A chart.
#[derive(Clone, Debug)]
pub struct Curves {
    /// Headline.
    pub title: String,
    /// What a reader has to know, in small type below.
    pub subtitle: String,
    /// Quantity and unit of the upright axis.
    pub y_label: String,
    /// How it runs.
    pub y_scale: Scale,
    /// Quantity and unit of the other one.
    pub x_label: String,
    /// How it runs.
    pub x_scale: Scale,
    /// The lines.
    pub curves: Vec<Curve>,
}

/// A line.
#[derive(Clone, Debug, Default)]
pub struct Curve {
    /// Name beside its right end.
    pub name: String,
    /// What it shares with lines of its colour and with lines of its dash;
    /// nothing where it only stands behind the others.
    pub kin: Option<(usize, usize)>,
    /// Whether it is thin.
    pub thin: bool,
    /// Its points, from left to right; those that are not finite are left
    /// out.
    pub points: Vec<(f64, f64)>,
    /// Ends of the points' intervals, from left to right.
    pub band: Vec<(f64, [f64; 2])>,
    /// Whether its marks are hollow.
    pub hollow: bool,
}

/// The field that the lines are drawn in.
struct Field {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
    x: Span,
    y: Span,
}

impl Field {
    fn x(&self, value: f64) -> f64 {
        self.left + self.x.share(value) * (self.right - self.left)
    }

    fn y(&self, value: f64) -> f64 {
        self.bottom - self.y.share(value) * (self.bottom - self.top)
    }

    fn spot(&self, (x, y): (f64, f64)) -> Spot {
        (self.x(x), self.y(y))
    }
}

impl Field {
    /// The outline of a band.
    fn around(&self, band: &[(f64, [f64; 2])]) -> Vec<Spot> {
        let is_sound = |&&(x, [low, high]): &&(f64, [f64; 2])| {
            x.is_finite() && low.is_finite() && high.is_finite()
        };
        let band: Vec<_> = band.iter().filter(is_sound).collect();
        let low = band.iter().map(|(x, [y, _])| (self.x(*x), self.y(*y)));
        let high = band.iter().map(|(x, [_, y])| (self.x(*x), self.y(*y)));
        low.chain(high.rev()).collect()
    }
}

impl Curves {
    /// Draws it, as SVG.
    #[must_use]
    pub fn draw(&self) -> String {
        let names: Vec<_> = self
            .curves
            .iter()
            .map(|curve| shorten(&curve.name, LONGEST_NAME))
            .collect();
        let room = Names::of(names.iter().map(|name| (&**name, false)));
        let caption = wrap(&self.subtitle, SMALL, WIDTH - 2.0 * MARGIN);
        let below = FOOT + SMALL_LINE * caption.len() as f64 + 10.0;
        let high = (HEIGHT - TOP - below).max(room.height());
        let height = (TOP + high + below).ceil();
        let points = || self.curves.iter().flat_map(|c| &c.points);
        let ends = self.curves.iter().flat_map(|c| &c.band);
        let ends = ends.flat_map(|(_, ends)| *ends);
        let field = Field {
            left: LEFT,
            top: TOP,
            right: room.field_end(WIDTH - MARGIN),
            bottom: TOP + high,
            x: Span::of(self.x_scale, points().map(|(x, _)| *x)),
            y: Span::of(self.y_scale, points().map(|(_, y)| *y).chain(ends)),
        };
        sheet((WIDTH, height), &self.title, &self.subtitle, |pen| {
            let corners =
                [(0.0, 0.0), (WIDTH, 0.0), (WIDTH, height), (0.0, height)];
            pen.area(&corners, PAPER);
            self.draw_head(pen);
            self.draw_field(pen, &field);
            let mut labels = Vec::new();
            for (curve, name) in self.curves.iter().zip(&names) {
                let points: Vec<_> = curve.sound().collect();
                let Some(&last) = points.last() else { continue };
                let look = curve.look();
                let is_marked = !curve.thin && points.len() <= FEW;
                pen.series("line", &curve.name, |pen| {
                    curve.draw(pen, &field, is_marked);
                });
                let (bold, mark) = (false, is_marked.then_some(curve.hollow));
                let (series, end) = (&*curve.name, field.spot(last));
                labels.push(Label { series, name, end, look, bold, mark });
            }
            if labels.is_empty() {
                let middle = (field.left + field.right) / 2.0;
                let spot = (middle, (field.top + field.bottom) / 2.0);
                pen.text("no data", spot, kind(14.0, QUIET, Align::Middle));
            }
            let edges = (field.top, field.bottom);
            room.draw(pen, field.right, edges, labels);
            for (number, text) in (0u32..).zip(&caption) {
                let line = SMALL_LINE * f64::from(number);
                let spot = (MARGIN, field.bottom + FOOT + 8.0 + line);
                pen.text(text, spot, kind(SMALL, QUIET, Align::Left));
            }
        })
    }

    fn draw_head(&self, pen: &mut Pen) {
        let title = Type { bold: true, ..kind(18.0, TEXT, Align::Left) };
        pen.text(&self.title, (MARGIN, 32.0), title);
        let label = kind(12.0, QUIET, Align::Left);
        pen.text(&self.y_label, (MARGIN, 56.0), label);
    }

    fn draw_field(&self, pen: &mut Pen, field: &Field) {
        for (value, text) in field.y.ticks() {
            let y = field.y(*value);
            let ink = if y < field.bottom { GRID } else { BORDER };
            pen.line(&[(field.left, y), (field.right, y)], ink, 1.0, &[]);
            let spot = (field.left - 9.0, y + 4.2);
            pen.text(text, spot, kind(12.0, QUIET, Align::Right));
        }
        for (value, text) in field.x.ticks() {
            let x = field.x(*value);
            pen.line(&[(x, field.top), (x, field.bottom)], GRID, 1.0, &[]);
            let tick = [(x, field.bottom), (x, field.bottom + 5.0)];
            pen.line(&tick, BORDER, 1.0, &[]);
            let spot = (x, field.bottom + 20.0);
            pen.text(text, spot, kind(12.0, QUIET, Align::Middle));
        }
        let middle = (field.left + field.right) / 2.0;
        let spot = (middle, field.bottom + 40.0);
        pen.text(&self.x_label, spot, kind(12.0, QUIET, Align::Middle));
    }
}

impl Curve {
    /// The points that can be drawn.
    fn sound(&self) -> impl Iterator<Item = (f64, f64)> {
        let is_sound = |p: &(f64, f64)| p.0.is_finite() && p.1.is_finite();
        self.points.iter().copied().filter(is_sound)
    }

    fn draw(&self, pen: &mut Pen, field: &Field, is_marked: bool) {
        let look = self.look();
        let band = field.around(&self.band);
        if !band.is_empty() {
            pen.area(&band, look.ink.faded(BAND));
        }
        let spots: Vec<_> = self.sound().map(|p| field.spot(p)).collect();
        pen.line(&spots, look.ink, look.width, look.dash);
        let said = self.sound().filter(|_| spots.len() <= SAID);
        for (point, spot) in said.zip(&spots) {
            let along = short(point.0);
            let ends = self.band.iter().find(|(x, _)| *x == point.0);
            let ends = ends.map(|(_, [low, high])| (*low, *high));
            pen.point(*spot, ("x", &along), (point.1, ends), |pen| {
                if is_marked {
                    draw_mark(pen, *spot, look.mark, look.ink, self.hollow);
                }
            });
        }
    }

    fn look(&self) -> Look {
        let look = match self.kin {
            Some((colour, dash)) => paired(colour, dash),
            None => Look { ink: BORDER, ..paired(0, 0) },
        };
        match self.thin {
            true => Look { width: 0.9, ..look },
            false => look,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curves(points: Vec<(f64, f64)>) -> Curves {
        let curve = |name: &str, kin, thin| Curve {
            name: name.to_owned(),
            kin: Some(kin),
            thin,
            points: points.clone(),
            ..Curve::default()
        };
        Curves {
            title: "latency".to_owned(),
            subtitle: "by a <machine>".to_owned(),
            y_label: "µs".to_owned(),
            y_scale: Scale::Log,
            x_label: "percentile".to_owned(),
            x_scale: Scale::Percentile,
            curves: vec![
                curve("one at 1M", (0, 0), false),
                curve("two at 1M", (1, 1), true),
            ],
        }
    }

    #[test]
    fn lines_are_named_and_dashed_and_the_same_each_time() {
        let chart = curves(vec![(0.0, 0.04), (99.0, 0.05), (99.9, 40.0)]);
        let svg = chart.draw();
        for word in ["one at 1M", "two at 1M", "\n99.9\n", "&lt;machine&gt;"] {
            assert!(svg.contains(word), "{word} in {svg}");
        }
        assert!(svg.contains("stroke-dasharray"), "{svg}");
        assert_eq!(svg, chart.draw());
    }

    #[test]
    fn without_a_point_it_says_so() {
        let svg = curves(vec![(f64::NAN, 1.0)]).draw();
        assert!(svg.contains("no data"), "{svg}");
    }
}

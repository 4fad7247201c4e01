//! Ratios from the largest to the smallest: a dot and its interval per row.

use super::labels::{shorten, width, wrap};
use super::look::{GRID, Ink, LESS, MORE, PAPER, QUIET, TEXT};
use super::names::kind;
use super::pen::{Align, Pen, Spot, Type, sheet};
use super::scale::{Scale, Span};

const WIDTH: f64 = 960.0;
const MARGIN: f64 = 24.0;
const TOP: f64 = 84.0;
const ROW: f64 = 18.0;
/// Room for the numbers and the name of the axis.
const FOOT: f64 = 58.0;
const SMALL: f64 = 11.0;
const SMALL_LINE: f64 = 15.0;
const LONGEST_NAME: usize = 44;
/// Room for the number beside a row.
const NUMBER: f64 = 170.0;
const RADIUS: f64 = 4.2;

/// Ratios, a row each.
#[derive(Clone, Debug)]
pub struct Dots {
    /// Headline.
    pub title: String,
    /// What a reader has to know, in small type below.
    pub subtitle: String,
    /// Quantity and unit.
    pub x_label: String,
    /// What a ratio of one means, beside the line there.
    pub one: String,
    /// What stands for the place of each ratio: an attribute's name and its
    /// value, such as `batch` and `32`.
    pub along: (&'static str, String),
    /// The rows; drawn from the largest to the smallest.
    pub dots: Vec<Dot>,
}

/// A ratio.
#[derive(Clone, Debug)]
pub struct Dot {
    /// Name beside it.
    pub name: String,
    /// The ratio.
    pub value: f64,
    /// Where it may lie instead.
    pub interval: Option<(f64, f64)>,
    /// What is shown of it.
    pub side: Side,
}

/// On which side of one a ratio is shown to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Below.
    Less,
    /// As good as one.
    Same,
    /// Above.
    More,
    /// Nothing is shown.
    Unknown,
}

impl Side {
    fn ink(self) -> Ink {
        match self {
            Self::Less => LESS,
            Self::More => MORE,
            Self::Same | Self::Unknown => QUIET,
        }
    }
}

impl Dots {
    /// Draws them: the same data give the same bytes.
    #[must_use]
    pub fn draw(&self) -> String {
        let mut dots: Vec<_> =
            self.dots.iter().filter(|dot| dot.is_sound()).collect();
        dots.sort_by(|a, b| {
            b.value.total_cmp(&a.value).then_with(|| a.name.cmp(&b.name))
        });
        let names: Vec<_> =
            dots.iter().map(|dot| shorten(&dot.name, LONGEST_NAME)).collect();
        let widest = names.iter().map(|n| width(n, 12.0)).fold(0.0, f64::max);
        let caption = wrap(&self.subtitle, SMALL, WIDTH - 2.0 * MARGIN);
        let high = (ROW * dots.len() as f64).max(60.0);
        let below = FOOT + SMALL_LINE * caption.len() as f64 + 10.0;
        let height = (TOP + high + below).ceil();
        let (left, right) = (MARGIN + widest + 16.0, WIDTH - MARGIN - NUMBER);
        let bottom = TOP + high;
        let ends = dots.iter().flat_map(|dot| [dot.ends().0, dot.ends().1]);
        let span = Span::of(Scale::Log, ends.chain([1.0]));
        let x = |ratio: f64| left + span.share(ratio) * (right - left);
        sheet((WIDTH, height), &self.title, &self.subtitle, |pen| {
            pen.area(&rectangle((0.0, 0.0), (WIDTH, height)), PAPER);
            let title = Type { bold: true, ..kind(18.0, TEXT, Align::Left) };
            pen.text(&self.title, (MARGIN, 32.0), title);
            for (value, text) in span.ticks() {
                let at = x(*value);
                pen.line(&[(at, TOP), (at, bottom)], GRID, 1.0, &[]);
                let spot = (at, bottom + 20.0);
                pen.text(text, spot, kind(12.0, QUIET, Align::Middle));
            }
            let one = x(1.0);
            pen.line(&[(one, TOP - 8.0), (one, bottom)], TEXT, 1.4, &[]);
            let how = kind(SMALL, TEXT, Align::Middle);
            pen.text(&self.one, (one.max(left + 60.0), TOP - 14.0), how);
            let middle = ((left + right) / 2.0, bottom + 40.0);
            pen.text(&self.x_label, middle, kind(12.0, QUIET, Align::Middle));
            if dots.is_empty() {
                let spot = ((left + right) / 2.0, TOP + high / 2.0);
                pen.text("no data", spot, kind(14.0, QUIET, Align::Middle));
            }
            for (number, (dot, name)) in dots.iter().zip(&names).enumerate() {
                let y = TOP + ROW * (number as f64 + 0.5);
                pen.series("line", &dot.name, |pen| {
                    self.draw_row(pen, dot, y, one, &x);
                    let spot = (right + 12.0, y + 4.0);
                    let how = kind(SMALL, TEXT, Align::Left);
                    pen.text(&dot.number(), spot, how);
                });
                pen.series("name", &dot.name, |pen| {
                    let spot = (left - 14.0, y + 4.2);
                    pen.text(name, spot, kind(12.0, TEXT, Align::Right));
                });
            }
            for (number, text) in (0u32..).zip(&caption) {
                let line = SMALL_LINE * f64::from(number);
                let spot = (MARGIN, bottom + FOOT + 8.0 + line);
                pen.text(text, spot, kind(SMALL, QUIET, Align::Left));
            }
        })
    }

    fn draw_row(
        &self,
        pen: &mut Pen,
        dot: &Dot,
        y: f64,
        one: f64,
        x: &impl Fn(f64) -> f64,
    ) {
        let ink = dot.side.ink();
        let at = x(dot.value);
        pen.line(&[(one, y), (at, y)], ink.faded(0.35), 2.0, &[]);
        let (low, high) = dot.ends();
        pen.line(&[(x(low), y), (x(high), y)], ink, 3.2, &[]);
        let along = (self.along.0, &*self.along.1);
        pen.point((at, y), along, (dot.value, dot.interval), |pen| {
            let hollow = dot.side == Side::Unknown;
            let fill = if hollow { PAPER } else { ink };
            pen.circle((at, y), RADIUS, fill, None);
            pen.circle((at, y), RADIUS, ink, Some(1.4));
        });
    }
}

impl Dot {
    /// Whether it has a place on an axis of factors.
    fn is_sound(&self) -> bool {
        let (low, high) = self.ends();
        [self.value, low, high].iter().all(|v| v.is_finite() && *v > 0.0)
    }

    fn ends(&self) -> Spot {
        self.interval.unwrap_or((self.value, self.value))
    }

    fn number(&self) -> String {
        match self.interval {
            Some((low, high)) => {
                format!("×{:.2} ({low:.2}..{high:.2})", self.value)
            }
            None => format!("×{:.2}", self.value),
        }
    }
}

fn rectangle((left, top): Spot, (right, bottom): Spot) -> [Spot; 4] {
    [(left, top), (right, top), (right, bottom), (left, bottom)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dots(values: &[(&str, f64)]) -> Dots {
        let dot = |(name, value): &(&str, f64)| Dot {
            name: (*name).to_owned(),
            value: *value,
            interval: Some((value * 0.9, value * 1.1)),
            side: Side::More,
        };
        Dots {
            title: "cost".to_owned(),
            subtitle: "by a <machine>".to_owned(),
            x_label: "times".to_owned(),
            one: "as the reference".to_owned(),
            along: ("batch", "32".to_owned()),
            dots: values.iter().map(dot).collect(),
        }
    }

    #[test]
    fn the_dearest_stands_on_top_whatever_the_order() {
        let chart = dots(&[("cheap", 0.7), ("dear", 12.9), ("odd", f64::NAN)]);
        let svg = chart.draw();
        let place = |what: &str| svg.find(what).expect("a row");
        assert!(place("×12.90 (11.61..14.19)") < place("×0.70 (0.63..0.77)"));
        assert!(!svg.contains("odd") && svg.contains("&lt;machine&gt;"));
        let other = dots(&[("dear", 12.9), ("cheap", 0.7)]);
        assert_eq!(other.draw(), svg);
        assert!(svg.contains("data-batch=\"32\" data-value=\"12.9\""));
    }

    #[test]
    fn nothing_at_all_says_so() {
        assert!(dots(&[]).draw().contains("no data"));
        assert!(dots(&[("zero", 0.0)]).draw().contains("no data"));
    }
}

//! Bars side by side, a group per name.

use super::frame::Frame;
use super::labels::{shorten, width, wrap};
use super::look::{BORDER, GRID, Ink, PAPER, QUIET, TEXT, looks};
use super::pen::{Align, Pen, Type, sheet};
use super::{Over, Point};

const WIDTH: f64 = 960.0;
const MARGIN: f64 = 24.0;
const TOP: f64 = 88.0;
const THICK: f64 = 14.0;
const BETWEEN: f64 = 2.0;
const GROUPS: f64 = 12.0;
/// Room for the numbers and the name of the axis.
const FOOT: f64 = 58.0;
const SMALL: f64 = 11.0;
const SMALL_LINE: f64 = 15.0;
const LONGEST_NAME: usize = 48;
/// Room for the number behind the longest bar.
const NUMBER: f64 = 150.0;

/// Groups of bars, from the top down.
#[derive(Clone, Debug)]
pub struct Bars {
    /// Headline.
    pub title: String,
    /// What a reader has to know, in small type below.
    pub subtitle: String,
    /// Quantity and unit of the lengths.
    pub x_label: String,
    /// What the bars of a group are, in their order.
    pub keys: Vec<String>,
    /// The groups.
    pub bars: Vec<Bar>,
}

/// A group of bars.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Name beside it.
    pub name: String,
    /// A length per key, where there is one.
    pub values: Vec<Option<f64>>,
    /// Ends of an interval per key, where there is one.
    pub intervals: Vec<Option<[f64; 2]>>,
    /// What follows each number.
    pub notes: Vec<String>,
}

impl Bars {
    /// Draws them: the same data give the same bytes.
    #[must_use]
    pub fn draw(&self) -> String {
        let names: Vec<_> =
            self.bars.iter().map(|b| shorten(&b.name, LONGEST_NAME)).collect();
        let widest = names.iter().map(|n| width(n, 12.0)).fold(0.0, f64::max);
        let group = (THICK + BETWEEN) * self.keys.len() as f64 + GROUPS;
        let field = (group * self.bars.len() as f64).max(60.0);
        let caption = wrap(&self.subtitle, SMALL, WIDTH - 2.0 * MARGIN);
        let below = FOOT + SMALL_LINE * caption.len() as f64 + 10.0;
        let height = (TOP + field + below).ceil();
        let (left, right) = (MARGIN + widest + 12.0, WIDTH - MARGIN - NUMBER);
        let bottom = TOP + field;
        let scale = self.scale();
        let x = |value: f64| left + value / scale.most() * (right - left);
        sheet((WIDTH, height), &self.title, &self.subtitle, |pen| {
            let corners =
                [(0.0, 0.0), (WIDTH, 0.0), (WIDTH, height), (0.0, height)];
            pen.area(&corners, PAPER);
            let title = Type { bold: true, ..kind(18.0, TEXT, Align::Left) };
            pen.text(&self.title, (MARGIN, 32.0), title);
            self.draw_keys(pen);
            for (value, text) in scale.y_ticks() {
                let at = x(value);
                let ink = if value == 0.0 { BORDER } else { GRID };
                pen.line(&[(at, TOP - 6.0), (at, bottom)], ink, 1.0, &[]);
                let spot = (at, bottom + 20.0);
                pen.text(&text, spot, kind(12.0, QUIET, Align::Middle));
            }
            let middle = ((left + right) / 2.0, bottom + 40.0);
            pen.text(&self.x_label, middle, kind(12.0, QUIET, Align::Middle));
            for (number, (bar, name)) in
                self.bars.iter().zip(&names).enumerate()
            {
                let top = TOP + group * number as f64;
                let spot = (left - 10.0, top + (group - GROUPS) / 2.0 + 3.0);
                pen.series("name", &bar.name, |pen| {
                    pen.text(name, spot, kind(12.0, TEXT, Align::Right));
                });
                pen.series("line", &bar.name, |pen| {
                    self.draw_group(pen, bar, top, &x);
                });
            }
            for (number, text) in caption.iter().enumerate() {
                let y = bottom + FOOT + 8.0 + SMALL_LINE * number as f64;
                pen.text(text, (MARGIN, y), kind(SMALL, QUIET, Align::Left));
            }
        })
    }

    fn draw_keys(&self, pen: &mut Pen) {
        let mut left = MARGIN;
        for (key, ink) in self.keys.iter().zip(self.inks()) {
            let square = rectangle((left, 48.0), (left + 12.0, 60.0));
            pen.area(&square, ink);
            let spot = (left + 18.0, 58.5);
            pen.text(key, spot, kind(12.0, QUIET, Align::Left));
            left += 18.0 + width(key, 12.0) + 20.0;
        }
    }

    fn draw_group(
        &self,
        pen: &mut Pen,
        bar: &Bar,
        top: f64,
        x: &impl Fn(f64) -> f64,
    ) {
        let values = bar.values.iter().zip(&bar.notes);
        for (number, ((value, note), ink)) in
            values.zip(self.inks()).enumerate()
        {
            let top = top + (THICK + BETWEEN) * number as f64;
            let sound = value.filter(|value| value.is_finite());
            let (end, text) = match sound {
                Some(value) => (x(value), format!("{value:.2}{note}")),
                None => (x(0.0), format!("–{note}")),
            };
            if let Some(value) = sound {
                let at = (end, top + THICK / 2.0);
                let key = self.keys.get(number).map_or("", String::as_str);
                let along = ("x", key);
                pen.point(at, along, (value, None), |pen| {
                    let corner = (end, top + THICK);
                    pen.area(&rectangle((x(0.0), top), corner), ink);
                });
            }
            let interval = bar.intervals.get(number).copied().flatten();
            let end = match interval {
                Some([low, high]) if low.is_finite() && high.is_finite() => {
                    let middle = top + THICK / 2.0;
                    let ends = [(x(low), middle), (x(high), middle)];
                    pen.line(&ends, TEXT, 1.2, &[]);
                    end.max(x(high))
                }
                _ => end,
            };
            let spot = (end + 6.0, top + THICK - 3.2);
            pen.text(&text, spot, kind(SMALL, TEXT, Align::Left));
        }
    }

    fn inks(&self) -> impl Iterator<Item = Ink> {
        let looks = looks(std::iter::repeat_n(false, self.keys.len()));
        looks.into_iter().map(|look| look.ink)
    }

    /// Ticks and their texts, from zero up.
    fn scale(&self) -> Frame {
        let values = self.bars.iter().flat_map(|bar| bar.values.clone());
        let ends = self.bars.iter().flat_map(|bar| bar.intervals.clone());
        let ends = ends.flatten().flatten();
        let sound =
            values.flatten().chain(ends).filter(|value| value.is_finite());
        let point = |y: f64| Point { x: 1, y, low: y, high: y, hollow: false };
        let points: Vec<_> = sound.map(point).collect();
        Frame::new((0.0, 0.0), (1.0, 1.0), Over::Batches, &points)
    }
}

fn kind(size: f64, ink: Ink, align: Align) -> Type {
    Type { size, bold: false, ink, align }
}

fn rectangle(
    (left, top): (f64, f64),
    (right, bottom): (f64, f64),
) -> [(f64, f64); 4] {
    [(left, top), (right, top), (right, bottom), (left, bottom)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(values: &[Option<f64>]) -> Bars {
        let bar = |value: &Option<f64>| Bar {
            name: "reg=<boxed>".to_owned(),
            values: vec![*value, Some(1.0)],
            intervals: vec![value.map(|v| [v - 0.5, v + 0.5]), None],
            notes: vec![" (a note)".to_owned(), String::new()],
        };
        Bars {
            title: "a title".to_owned(),
            subtitle: "a caption".to_owned(),
            x_label: "Mpps".to_owned(),
            keys: vec!["NDR".to_owned(), "PDR".to_owned()],
            bars: values.iter().map(bar).collect(),
        }
    }

    #[test]
    fn every_bar_bears_its_number_and_its_note() {
        let svg = bars(&[Some(12.345), None, Some(f64::NAN)]).draw();
        assert!(svg.contains("12.35 (a note)") || svg.contains("12.34 (a"));
        assert_eq!(svg.matches("– (a note)").count(), 2);
        assert!(svg.contains("reg=&lt;boxed&gt;") && !svg.contains("NaN"));
    }

    #[test]
    fn nothing_at_all_is_a_sheet_too() {
        let svg = bars(&[]).draw();
        assert!(svg.contains("a title") && svg.ends_with("</svg>\n"));
    }
}

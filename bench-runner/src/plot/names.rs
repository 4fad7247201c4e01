//! Names beside the right ends of lines.

use super::labels::{spread, width};
use super::look::{Ink, Look, Mark, PAPER, TEXT};
use super::pen::{Align, Pen, Spot, Type};

/// From the field to a name: the leader's way and the key.
const LEADER: f64 = 34.0;
const KEY: f64 = 40.0;
const MARK: f64 = 3.6;
/// From this many names on they are set closer.
const MANY: usize = 24;

pub(super) fn kind(size: f64, ink: Ink, align: Align) -> Type {
    Type { size, bold: false, ink, align }
}

/// A line's name and where the line ends.
pub(super) struct Label<'a> {
    pub(super) series: &'a str,
    pub(super) name: &'a str,
    pub(super) end: Spot,
    pub(super) look: Look,
    pub(super) bold: bool,
    /// Whether its mark is hollow; without a mark there is none.
    pub(super) mark: Option<bool>,
}

/// A mark with a thin rim of paper, or of its colour around paper.
pub(super) fn draw_mark(
    pen: &mut Pen,
    at: Spot,
    mark: Mark,
    ink: Ink,
    hollow: bool,
) {
    let (fill, rim) = if hollow { (PAPER, ink) } else { (ink, PAPER) };
    let rim_width = if hollow { 1.5 } else { 0.7 };
    if mark == Mark::Circle {
        pen.circle(at, MARK + 0.4, fill, None);
        pen.circle(at, MARK + 0.4, rim, Some(rim_width));
        return;
    }
    let corners = mark.corners(MARK);
    let mut outline: Vec<_> =
        corners.iter().map(|(x, y)| (at.0 + x, at.1 + y)).collect();
    pen.area(&outline, fill);
    outline.extend_from_within(..1);
    pen.line(&outline, rim, rim_width, &[]);
}

/// The names at the right, from the top down.
pub(super) struct Names {
    size: f64,
    gap: f64,
    count: usize,
    widest: f64,
}

impl Names {
    /// Room for names, of which some are bold.
    pub(super) fn of<'a>(names: impl Iterator<Item = (&'a str, bool)>) -> Self {
        let names: Vec<_> = names.collect();
        let many = names.len() > MANY;
        let (size, gap) = if many { (11.0, 13.5) } else { (12.0, 16.0) };
        let widths = names.iter().map(|(name, bold)| {
            let bold = if *bold { 1.1 } else { 1.0 };
            width(name, size) * bold
        });
        let widest = widths.fold(0.0, f64::max);
        Self { size, gap, count: names.len(), widest }
    }

    /// How high they are together.
    pub(super) fn height(&self) -> f64 {
        self.gap * self.count as f64
    }

    /// Where a field ends beside which they reach to `right`.
    pub(super) fn field_end(&self, right: f64) -> f64 {
        right - self.widest - KEY - LEADER
    }

    /// Draws them beside a field that ends at `right` and reaches over
    /// `edges`.
    pub(super) fn draw(
        &self,
        pen: &mut Pen,
        right: f64,
        edges: Spot,
        mut labels: Vec<Label<'_>>,
    ) {
        labels.sort_by(|a, b| a.end.1.total_cmp(&b.end.1));
        let heights: Vec<_> = labels.iter().map(|l| l.end.1).collect();
        let places = spread(&heights, self.gap, edges);
        for (label, y) in labels.into_iter().zip(places) {
            pen.series("name", label.series, |pen| {
                self.draw_one(pen, right, &label, y);
            });
        }
    }

    fn draw_one(&self, pen: &mut Pen, right: f64, label: &Label, y: f64) {
        let Look { ink, mark, dash, width } = label.look;
        let end = label.end;
        let key = right + LEADER;
        let leader = [end, (right + 4.0, end.1), (key - 5.0, y), (key, y)];
        pen.line(&leader, ink.faded(0.55), 0.8, &[]);
        let sample = [(key, y), (key + KEY - 8.0, y)];
        pen.line(&sample, ink, width, dash);
        if let Some(hollow) = label.mark {
            let middle = key + (KEY - 8.0) / 2.0;
            draw_mark(pen, (middle, y), mark, ink, hollow);
        }
        let how =
            Type { bold: label.bold, ..kind(self.size, TEXT, Align::Left) };
        pen.text(label.name, (key + KEY - 2.0, y + 4.2), how);
    }
}

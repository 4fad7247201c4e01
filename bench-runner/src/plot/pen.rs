//! Drawing with fractions of a pixel.
//!
//! `plotters` draws on whole pixels; the pen draws everything ten times as
//! large and has the viewer scale it back.

use super::look::Ink;
use plotters::prelude::{DrawingBackend, RGBAColor, SVGBackend, ShapeStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontDesc, FontFamily, FontStyle, TextStyle};

/// Units of the drawing per pixel.
const SCALE: f64 = 10.0;

/// `plotters` divides the size of a font by this number.
const FONT: f64 = 1.24;

/// What `plotters` begins a path with.
const PATH: &str = "<polyline";

/// What stands for the ends of groups, which `plotters` has no word for:
/// nothing else draws rectangles.
const STAND_IN: &str = "<rect";

/// From the baseline to where `plotters` hangs a text, in parts of its size.
const HANG: f64 = 0.76;

/// A place on the sheet, in pixels from its upper left corner.
pub(super) type Spot = (f64, f64);

/// Where a text stands relative to its spot.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Align {
    Left,
    Middle,
    Right,
}

/// Size and manner of a text.
#[derive(Clone, Copy)]
pub(super) struct Type {
    pub(super) size: f64,
    pub(super) bold: bool,
    pub(super) ink: Ink,
    pub(super) align: Align,
}

/// Draws into a string.
pub(super) struct Pen<'a> {
    backend: SVGBackend<'a>,
    /// The pattern of each path so far, which `plotters` has no word for.
    dashes: Vec<&'static [f64]>,
    /// The tags that begin and end groups.
    tags: Vec<String>,
}

/// Draws one sheet and returns it as SVG.
pub(super) fn sheet(
    (width, height): Spot,
    title: &str,
    description: &str,
    drawing: impl FnOnce(&mut Pen),
) -> String {
    let mut text = String::new();
    let large = (units(width) as u32, units(height) as u32);
    let (dashes, tags) = {
        let backend = SVGBackend::with_string(&mut text, large);
        let mut pen = Pen { backend, dashes: vec![], tags: vec![] };
        drawing(&mut pen);
        done(pen.backend.present());
        (std::mem::take(&mut pen.dashes), std::mem::take(&mut pen.tags))
    };
    let head_end = text.find('>').map_or(0, |end| end + 1);
    format!(
        "<svg width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {} {}\" xmlns=\"http://www.w3.org/2000/svg\" \
         role=\"img\" stroke-linejoin=\"round\" \
         font-family=\"sans-serif\">\n\
         <title>{}</title>\n<desc>{}</desc>{}",
        large.0,
        large.1,
        escape(title),
        escape(description),
        terse(&grouped(&dashed(&text[head_end..], &dashes), &tags))
    )
}

impl Pen<'_> {
    /// What belongs together, with what it stands for: a class and values of
    /// attributes that begin with `data-`.
    pub(super) fn group(
        &mut self,
        class: &str,
        data: &[(&str, &str)],
        draw: impl FnOnce(&mut Self),
    ) {
        let mut tag = format!("<g class=\"{class}\"");
        for (name, value) in data {
            let value = escape(value).replace('"', "&quot;");
            tag.push_str(&format!(" data-{name}=\"{value}\""));
        }
        self.tag(tag + ">");
        draw(self);
        self.tag("</g>".to_owned());
    }

    /// What belongs to a series.
    pub(super) fn series(
        &mut self,
        class: &str,
        series: &str,
        draw: impl FnOnce(&mut Self),
    ) {
        self.group(class, &[("series", series)], draw);
    }

    /// A point at a place, with its value and interval, and what stands to
    /// the right there.
    pub(super) fn point(
        &mut self,
        (x, y): Spot,
        along: (&str, &str),
        (value, interval): (f64, Option<(f64, f64)>),
        draw: impl FnOnce(&mut Self),
    ) {
        let place = format!("{},{}", units(x), units(y));
        let (value, ends) = (
            short(value),
            interval.map(|(low, high)| (short(low), short(high))),
        );
        let mut data = vec![("at", &*place), along, ("value", &*value)];
        if let Some((low, high)) = &ends {
            data.extend([("low", &**low), ("high", &**high)]);
        }
        self.group("point", &data, draw);
    }

    fn tag(&mut self, tag: String) {
        let nowhere = (0, 0);
        let style = colour(super::look::TEXT);
        done(self.backend.draw_rect(nowhere, nowhere, &style, false));
        self.tags.push(tag);
    }

    /// A line along the spots, dashed where there is a pattern.
    pub(super) fn line(
        &mut self,
        spots: &[Spot],
        ink: Ink,
        width: f64,
        dash: &'static [f64],
    ) {
        let path: Vec<_> = spots.iter().copied().map(place).collect();
        done(self.backend.draw_path(path, &style(ink, width)));
        self.dashes.push(dash);
    }

    /// A filled polygon.
    pub(super) fn area(&mut self, spots: &[Spot], ink: Ink) {
        let path: Vec<_> = spots.iter().copied().map(place).collect();
        done(self.backend.fill_polygon(path, &style(ink, 0.0)));
    }

    /// A circle, filled or with an outline of some width.
    pub(super) fn circle(
        &mut self,
        centre: Spot,
        radius: f64,
        ink: Ink,
        outline: Option<f64>,
    ) {
        let style = style(ink, outline.unwrap_or(0.0));
        let radius = units(radius) as u32;
        let filled = outline.is_none();
        done(self.backend.draw_circle(place(centre), radius, &style, filled));
    }

    /// A line of text whose baseline goes through the spot.
    pub(super) fn text(&mut self, text: &str, (x, y): Spot, how: Type) {
        let h_pos = match how.align {
            Align::Left => HPos::Left,
            Align::Middle => HPos::Center,
            Align::Right => HPos::Right,
        };
        let weight = if how.bold { FontStyle::Bold } else { FontStyle::Normal };
        let size = how.size * SCALE * FONT;
        let font = FontDesc::new(FontFamily::SansSerif, size, weight);
        let colour = colour(how.ink);
        let style = TextStyle::from(font)
            .color(&colour)
            .pos(Pos::new(h_pos, VPos::Top));
        let spot = place((x, y - HANG * how.size));
        let text = text.replace(char::is_control, "?");
        done(self.backend.draw_text(&text, &style, spot));
    }
}

fn done<T, E: std::fmt::Debug>(drawn: Result<T, E>) {
    drawn.expect("drawing into a string does not fail");
}

fn units(pixels: f64) -> i32 {
    (pixels * SCALE).round() as i32
}

fn place((x, y): Spot) -> (i32, i32) {
    (units(x), units(y))
}

fn colour(ink: Ink) -> RGBAColor {
    let (r, g, b) = ink.rgb;
    RGBAColor(r, g, b, ink.alpha)
}

fn style(ink: Ink, width: f64) -> ShapeStyle {
    let stroke_width = units(width) as u32;
    ShapeStyle { color: colour(ink), filled: true, stroke_width }
}

/// The drawing with its patterns: one per path, in the order of the paths.
fn dashed(drawing: &str, dashes: &[&[f64]]) -> String {
    let mut parts = drawing.split(PATH);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for (part, dash) in parts.zip(dashes) {
        text.push_str(PATH);
        if !dash.is_empty() {
            let lengths: Vec<_> =
                dash.iter().map(|length| units(*length).to_string()).collect();
            let pattern = lengths.join(" ");
            text.push_str(&format!(" stroke-dasharray=\"{pattern}\""));
        }
        text.push_str(part);
    }
    text
}

/// The drawing with its groups: a tag per stand-in, in their order.
fn grouped(drawing: &str, tags: &[String]) -> String {
    let mut parts = drawing.split(STAND_IN);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for (part, tag) in parts.zip(tags) {
        text.push_str(tag);
        let end = part.find("/>").map_or(0, |end| end + 2);
        text.push_str(&part[end..]);
    }
    text
}

/// The drawing without what goes without saying: texts have their quotes
/// escaped, so only attributes match.
fn terse(drawing: &str) -> String {
    drawing
        .replace(" opacity=\"1\"", "")
        .replace(" font-family=\"sans-serif\"", "")
}

/// A value in four decimals, without zeros that say nothing.
pub(super) fn short(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn escape(text: &str) -> String {
    text.replace(char::is_control, "?")
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const INK: Ink = Ink { rgb: (1, 2, 3), alpha: 1.0 };

    #[test]
    fn groups_hold_what_is_drawn_in_them_and_say_what_it_is() {
        let svg = sheet((10.0, 10.0), "", "", |pen| {
            pen.series("line", "a \"<b>\"", |pen| {
                let at = ((1.0, 2.0), ("batch", "32"));
                let value = (12.345_67, Some((12.0, 13.0)));
                pen.point(at.0, at.1, value, |pen| {
                    pen.circle((1.0, 2.0), 1.0, INK, None);
                });
            });
            pen.line(&[(0.0, 0.0), (1.0, 1.0)], INK, 1.0, &[]);
        });
        let tags: Vec<_> = svg
            .lines()
            .filter(|l| l.contains("g>") || l.contains("<g"))
            .collect();
        assert_eq!(
            tags[..4],
            [
                "<g class=\"line\" data-series=\"a &quot;&lt;b&gt;&quot;\">",
                "<g class=\"point\" data-at=\"10,20\" data-batch=\"32\" \
                 data-value=\"12.3457\" data-low=\"12\" data-high=\"13\">",
                "</g>",
                "</g>",
            ]
        );
        let place = |what| svg.find(what).expect("drawn");
        assert!(place("<circle") < place("</g>"), "{svg}");
        assert!(place("<polyline") > place("</g>"), "{svg}");
        assert!(!svg.contains("<rect"));
    }

    #[test]
    fn each_line_has_its_own_pattern() {
        let spots = [(0.0, 0.0), (3.25, 4.0)];
        let svg = sheet((10.0, 10.0), "", "", |pen| {
            pen.line(&spots, INK, 1.0, &[]);
            pen.line(&spots, INK, 1.0, &[7.0, 3.5]);
            pen.line(&spots, INK, 1.0, &[]);
        });
        let lines: Vec<_> =
            svg.lines().filter(|line| line.starts_with(PATH)).collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[1].contains("stroke-dasharray=\"70 35\""));
        assert!(lines[1].contains("points=\"0,0 33,40 \""));
        assert!(!lines[0].contains("dash") && !lines[2].contains("dash"));
    }
}

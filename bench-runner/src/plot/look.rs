//! Colours, marks and dashes that stay apart for every reader.

/// A colour and how much of what lies below it hides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ink {
    pub(super) rgb: (u8, u8, u8),
    pub(super) alpha: f64,
}

impl Ink {
    const fn solid(r: u8, g: u8, b: u8) -> Self {
        Self { rgb: (r, g, b), alpha: 1.0 }
    }

    pub(super) const fn faded(self, alpha: f64) -> Self {
        Self { alpha, ..self }
    }
}

pub(super) const PAPER: Ink = Ink::solid(255, 255, 255);
pub(super) const TEXT: Ink = Ink::solid(34, 34, 34);
pub(super) const QUIET: Ink = Ink::solid(96, 96, 96);
pub(super) const GRID: Ink = Ink::solid(228, 228, 228);
pub(super) const BORDER: Ink = Ink::solid(140, 140, 140);

/// What costs more, and what costs less: two of the colours below.
pub(super) const MORE: Ink = Ink::solid(213, 94, 0);
pub(super) const LESS: Ink = Ink::solid(0, 114, 178);

/// Kept for the line that the others are compared with.
const BLACK: Ink = Ink::solid(0, 0, 0);

/// Okabe and Ito's colours for all kinds of colour vision, without the yellow
/// that white paper swallows.
const COLOURS: [Ink; 6] = [
    Ink::solid(0, 114, 178),
    Ink::solid(213, 94, 0),
    Ink::solid(0, 158, 115),
    Ink::solid(204, 121, 167),
    Ink::solid(230, 159, 0),
    Ink::solid(86, 180, 233),
];

/// Shape of the points of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mark {
    Circle,
    Square,
    Triangle,
    Diamond,
    Cross,
    Nabla,
    Plus,
    Pentagon,
}

/// One fewer would repeat colour and mark together after six lines; seven and
/// six give 42 pairs.
const MARKS: [Mark; 7] = [
    Mark::Square,
    Mark::Triangle,
    Mark::Diamond,
    Mark::Cross,
    Mark::Nabla,
    Mark::Plus,
    Mark::Pentagon,
];

/// Lengths drawn and skipped in turn; none is a full line.
const DASHES: [&[f64]; 4] =
    [&[], &[7.0, 3.5], &[2.0, 3.0], &[9.0, 3.0, 2.0, 3.0]];

/// How one line looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Look {
    pub(super) ink: Ink,
    pub(super) mark: Mark,
    pub(super) dash: &'static [f64],
    pub(super) width: f64,
}

/// The looks of lines of which some are emphasised.
pub(super) fn looks(emphasis: impl Iterator<Item = bool>) -> Vec<Look> {
    let mut ordinary = 0;
    let mut next = |emphasis| {
        if emphasis {
            let mark = Mark::Circle;
            return Look { ink: BLACK, mark, dash: &[], width: 2.6 };
        }
        let number = ordinary;
        ordinary += 1;
        Look {
            ink: COLOURS[number % COLOURS.len()],
            mark: MARKS[number % MARKS.len()],
            dash: DASHES[number / COLOURS.len() % DASHES.len()],
            width: 1.7,
        }
    };
    emphasis.map(&mut next).collect()
}

/// The look of a line by two things that lines have in common: the colour
/// says the first, the dash the second.
pub(super) fn paired(first: usize, second: usize) -> Look {
    Look {
        ink: COLOURS[first % COLOURS.len()],
        mark: MARKS[first % MARKS.len()],
        dash: DASHES[second % DASHES.len()],
        width: 1.7,
    }
}

impl Mark {
    /// Corners around the origin for a mark of about this radius; none for
    /// the circle.
    pub(super) fn corners(self, radius: f64) -> Vec<(f64, f64)> {
        let r = radius;
        match self {
            Self::Circle => Vec::new(),
            Self::Square => polygon(4, 1.25 * r, 45.0),
            Self::Triangle => polygon(3, 1.35 * r, 0.0),
            Self::Diamond => polygon(4, 1.3 * r, 0.0),
            Self::Nabla => polygon(3, 1.35 * r, 180.0),
            Self::Pentagon => polygon(5, 1.2 * r, 0.0),
            Self::Plus => plus(r),
            Self::Cross => {
                let half = std::f64::consts::FRAC_1_SQRT_2;
                plus(r)
                    .into_iter()
                    .map(|(x, y)| ((x - y) * half, (x + y) * half))
                    .collect()
            }
        }
    }
}

/// A regular polygon, its first corner this many degrees from the top.
fn polygon(corners: u32, radius: f64, turn: f64) -> Vec<(f64, f64)> {
    (0..corners)
        .map(|corner| {
            let step = 360.0 * f64::from(corner) / f64::from(corners);
            let angle = (turn + step).to_radians();
            (radius * angle.sin(), -radius * angle.cos())
        })
        .collect()
}

fn plus(radius: f64) -> Vec<(f64, f64)> {
    let (long, short) = (1.3 * radius, 0.42 * radius);
    let quarter = [(short, -long), (short, -short), (long, -short)];
    (0..4)
        .flat_map(|turn| {
            quarter.map(|(x, y)| match turn {
                0 => (x, y),
                1 => (-y, x),
                2 => (-x, -y),
                _ => (y, -x),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forty_two_lines_all_look_different() {
        let looks = looks(std::iter::repeat_n(false, 42));
        for (number, look) in looks.iter().enumerate() {
            assert!(!looks[..number].contains(look), "{number}: {look:?}");
        }
    }

    #[test]
    fn a_few_lines_are_all_full() {
        let few = looks([true, false, false, false].into_iter());
        assert!(few.iter().all(|look| look.dash.is_empty()));
        assert_eq!(few[0].ink, BLACK);
    }
}

//! Where texts go so that none covers another.

use super::pen::Spot;

/// Width of a text in pixels, by the widths of a wide common font; most
/// fonts need less.
pub(super) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(share).sum::<f64>() * size
}

/// Width of a character in parts of the size.
fn share(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' => {
            0.34
        }
        't' | 'r' | 'f' | '-' | '(' | ')' | '/' => 0.41,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.98,
        '=' | '×' | '+' | '<' | '>' => 0.84,
        'A'..='Z' => 0.72,
        c if c.is_ascii() => 0.63,
        _ => 1.0,
    }
}

/// Breaks a text at spaces into lines of at most this width.
pub(super) fn wrap(text: &str, size: f64, most: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line, size) + width(word, size) < most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Cuts a text that is longer than so many characters.
#[must_use]
pub fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most - 1).collect();
    kept + "…"
}

/// Moves heights as little as it takes to be `gap` apart between `top` and
/// `bottom`; heights come and go in ascending order.
///
/// Least squares: neighbours that collide form a block around their mean.
pub(super) fn spread(
    heights: &[f64],
    gap: f64,
    (top, bottom): Spot,
) -> Vec<f64> {
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for (number, height) in heights.iter().enumerate() {
        let mut block = (height - gap * number as f64, 1);
        while let Some(&(mean, count)) = blocks.last()
            && mean > block.0
        {
            let total = mean * count as f64 + block.0 * block.1 as f64;
            block.1 += count;
            block.0 = total / block.1 as f64;
            blocks.pop();
        }
        blocks.push(block);
    }
    let room = gap * heights.len().saturating_sub(1) as f64;
    let lowest = (bottom - room).max(top);
    blocks
        .into_iter()
        .flat_map(|(mean, count)| std::iter::repeat_n(mean, count))
        .enumerate()
        .map(|(number, mean)| mean.clamp(top, lowest) + gap * number as f64)
        .collect()
}

/// A rectangle by its upper left and lower right corner.
pub(super) type Area = (Spot, Spot);

/// The first of the areas that the fewest spots lie in.
pub(super) fn clearest(areas: &[Area], spots: &[Spot]) -> Option<usize> {
    let covered = |&((left, top), (right, bottom)): &Area| {
        spots
            .iter()
            .filter(|(x, y)| {
                (left..=right).contains(x) && (top..=bottom).contains(y)
            })
            .count()
    };
    (0..areas.len()).min_by_key(|&number| covered(&areas[number]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn heights_that_do_not_collide_stay() {
        let heights = [10.0, 30.0, 90.0];
        assert_eq!(spread(&heights, 15.0, (0.0, 100.0)), heights);
    }

    #[test]
    fn heights_that_collide_move_apart_evenly() {
        assert_eq!(
            spread(&[50.0, 50.0, 50.0], 10.0, (0.0, 100.0)),
            [40.0, 50.0, 60.0]
        );
    }

    #[test]
    fn heights_at_the_edge_move_inwards() {
        assert_eq!(spread(&[0.0, 0.0], 10.0, (0.0, 100.0)), [0.0, 10.0]);
        assert_eq!(spread(&[99.0, 99.0], 10.0, (0.0, 99.0)), [89.0, 99.0]);
    }

    #[test]
    fn lines_break_at_spaces() {
        let lines = wrap("one two three", 10.0, width("one two ", 10.0));
        assert_eq!(lines, ["one two", "three"]);
        assert!(wrap("", 10.0, 100.0).is_empty());
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(shorten("batch=arena", 11), "batch=arena");
        assert_eq!(shorten("batch=arena", 6), "batch…");
    }

    #[test]
    fn the_area_with_the_fewest_spots_is_clearest() {
        let areas = [((0.0, 0.0), (10.0, 10.0)), ((20.0, 0.0), (30.0, 10.0))];
        assert_eq!(clearest(&areas, &[(5.0, 5.0)]), Some(1));
        assert_eq!(clearest(&areas, &[]), Some(0));
        assert_eq!(clearest(&[], &[]), None);
    }

    proptest! {
        #[test]
        fn spread_heights_keep_their_order_and_distance(
            mut heights in prop::collection::vec(0.0..400.0f64, 1..20),
        ) {
            heights.sort_by(f64::total_cmp);
            let places = spread(&heights, 15.0, (0.0, 400.0));
            prop_assert_eq!(places.len(), heights.len());
            for pair in places.windows(2) {
                prop_assert!(pair[1] - pair[0] >= 15.0 - 1e-9);
            }
            prop_assert!(places[0] >= 0.0);
            prop_assert!(places[places.len() - 1] <= 400.0 + 1e-9);
        }
    }
}

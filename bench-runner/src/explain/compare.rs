//! Two bodies side by side.

use std::collections::HashMap;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::code::Body;

/// Two bodies, line by line.
pub struct Comparison {
    /// Pairs of instructions, and instructions that one body alone has.
    pub rows: Vec<Row>,
    /// Whether the two are the same machine code.
    pub same: bool,
}

/// A line of the comparison: an instruction's number in either body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// In the first body.
    pub left: Option<usize>,
    /// In the second body.
    pub right: Option<usize>,
    /// Whether the two are the same instruction.
    pub equal: bool,
}

impl Comparison {
    /// Compares two bodies.
    pub fn of(left: &Body, right: &Body) -> Self {
        let same = left.hash() == right.hash();
        let texts = |body: &'_ Body| -> Vec<String> {
            body.lines.iter().map(|line| line.text.clone()).collect()
        };
        let (a, b) = (texts(left), texts(right));
        let ops = capture_diff_slices(Algorithm::Patience, &a, &b);
        let mut rows: Vec<_> = ops.into_iter().flat_map(rows).collect();
        let beside: HashMap<_, _> = rows
            .iter()
            .filter_map(|row| Some((row.left?, row.right?)))
            .collect();
        // A jump is the same when what it leads to stands side by side too.
        for row in &mut rows {
            if let (true, Some(l), Some(r)) = (row.equal, row.left, row.right) {
                let leads = left.lines[l].target;
                let lead = leads.and_then(|to| beside.get(&to)).copied();
                row.equal = leads.is_none() && right.lines[r].target.is_none()
                    || lead.is_some() && lead == right.lines[r].target;
            }
        }
        Self { rows, same }
    }

    /// How many rows differ.
    pub fn differing(&self) -> usize {
        self.rows.iter().filter(|row| !row.equal).count()
    }

    /// The result in one line.
    pub fn verdict(&self) -> String {
        if self.same {
            return "the machine code is the same".to_owned();
        }
        format!(
            "the machine code differs in {} of {} instructions",
            self.differing(),
            self.rows.len()
        )
    }
}

fn rows(op: DiffOp) -> Vec<Row> {
    let equal = matches!(op, DiffOp::Equal { .. });
    let (left, right) = (op.old_range(), op.new_range());
    let longer = left.len().max(right.len());
    (0..longer)
        .map(|step| Row {
            left: left.clone().nth(step),
            right: right.clone().nth(step),
            equal,
        })
        .collect()
}

/// The comparison as text: two columns, each instruction with its label and a
/// bar for every loop that it is in. What does not fit into `width` is cut;
/// without a width, as into a pipe, all is there.
pub fn side_by_side(
    comparison: &Comparison,
    (left_name, left): (&str, &Body),
    (right_name, right): (&str, &Body),
    width: Option<usize>,
) -> String {
    let (left_lines, right_lines) = (listing(left), listing(right));
    let widest = |lines: &[String], name: &str| {
        let lines = lines.iter().map(|line| line.chars().count());
        lines.max().unwrap_or(0).max(name.chars().count())
    };
    let (mut wide, mut wide_right) =
        (widest(&left_lines, left_name), widest(&right_lines, right_name));
    if let Some(width) = width {
        let room = width.saturating_sub(MIDDLE.len());
        // What one column does not need, the other gets.
        let half = (room / 2).max(room.saturating_sub(wide_right));
        wide = wide.min(half);
        wide_right = wide_right.min(room.saturating_sub(wide));
    }
    let line = |left: &str, mark: char, right: &str| {
        let (left, right) = (cut(left, wide), cut(right, wide_right));
        format!("{left:wide$} {mark} {right}").trim_end().to_owned() + "\n"
    };
    let mut text = line(left_name, ' ', right_name);
    for row in &comparison.rows {
        let mark = match (row.left, row.right) {
            (Some(_), None) => '<',
            (None, Some(_)) => '>',
            _ if row.equal => ' ',
            _ => '|',
        };
        let of = |lines: &'_ [String], at: Option<usize>| {
            at.map_or(String::new(), |at| lines[at].clone())
        };
        text += &line(
            &of(&left_lines, row.left),
            mark,
            &of(&right_lines, row.right),
        );
    }
    text
}

/// What stands between two columns, a mark in its middle.
const MIDDLE: &str = "   ";

/// Every instruction of a body as it is shown.
pub fn listing(body: &Body) -> Vec<String> {
    let labels = body.labels();
    let deepest = body.lines.iter().map(|line| line.depth).max().unwrap_or(0);
    let label_width =
        labels.values().map(String::len).max().unwrap_or(0).max(1);
    let line = |(at, line): (usize, &super::code::Line)| {
        let label = labels.get(&at).map_or("", String::as_str);
        let bars = "│".repeat(line.depth);
        let target = line.target.and_then(|to| labels.get(&to));
        let text = match target {
            Some(target) => format!("{:6}{target}", line.text),
            None => line.text.clone(),
        };
        format!("{label:label_width$} {bars:deepest$} {text}")
    };
    body.lines.iter().enumerate().map(line).collect()
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept = text.chars().take(width.saturating_sub(1));
    kept.chain((width > 0).then_some('…')).collect()
}

#[cfg(test)]
mod tests {
    use super::super::code::{Counts, Line};
    use super::*;

    fn body(lines: &[(&str, Option<usize>)]) -> Body {
        let line = |(text, target): &(&str, Option<usize>)| Line {
            text: (*text).to_owned(),
            target: *target,
            counts: Counts { instructions: 1, ..Counts::default() },
            depth: 0,
        };
        Body::new(lines.iter().map(line).collect())
    }

    #[test]
    fn the_same_code_is_the_same() {
        let one = body(&[("dec   eax", None), ("jne", Some(0))]);
        let comparison = Comparison::of(&one, &one.clone());
        assert_eq!(comparison.verdict(), "the machine code is the same");
        assert_eq!(comparison.differing(), 0);
    }

    #[test]
    fn an_instruction_more_does_not_make_the_jumps_past_it_differ() {
        let one = body(&[("a", None), ("b", None), ("jne", Some(0))]);
        let two =
            body(&[("x", None), ("a", None), ("b", None), ("jne", Some(1))]);
        let comparison = Comparison::of(&one, &two);
        assert_eq!(
            comparison.verdict(),
            "the machine code differs in 1 of 4 instructions"
        );
    }

    #[test]
    fn a_jump_elsewhere_differs_though_its_text_is_the_same() {
        let one = body(&[("a", None), ("b", None), ("jne", Some(0))]);
        let two = body(&[("a", None), ("b", None), ("jne", Some(1))]);
        let comparison = Comparison::of(&one, &two);
        assert_eq!((comparison.same, comparison.differing()), (false, 1));
        let text = side_by_side(&comparison, ("1", &one), ("2", &two), None);
        let last = text.lines().last().expect("a line");
        assert!(last.contains(" | "), "{text}");
    }

    #[test]
    fn only_a_terminal_cuts_lines() {
        let long = "call  a::function::with::a::very::long::name";
        let one = body(&[(long, None)]);
        let two = body(&[("ret", None)]);
        let comparison = Comparison::of(&one, &two);
        let show = |width| {
            side_by_side(&comparison, ("one", &one), ("two", &two), width)
        };
        assert!(show(None).contains(long));
        let narrow = show(Some(30));
        assert!(narrow.contains('…') && narrow.contains("ret"), "{narrow}");
        assert!(narrow.lines().all(|line| line.chars().count() <= 30));
    }
}

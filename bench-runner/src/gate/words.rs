//! Numbers and texts of a record as every view of it shows them.

use super::record::{CellRecord, Record};

/// Below this half-width, as a share, an interval is given in hundredths of a
/// per cent.
const FINE: f64 = 0.0005;

/// A share as per cent with its sign: `+3.1 %`.
pub fn percent(share: f64) -> String {
    match share.is_finite() {
        true => format!("{} %", signed(share, 1)),
        false => "unknown".to_owned(),
    }
}

/// Two shares as per cent: `+2.8..+3.4 %`.
pub fn range([low, high]: [f64; 2]) -> String {
    if !(low.is_finite() && high.is_finite()) {
        return "unknown".to_owned();
    }
    let digits = if (high - low) / 2.0 < FINE { 2 } else { 1 };
    format!("{}..{} %", signed(low, digits), signed(high, digits))
}

/// From the least to the most of some shares, and how many there are.
pub fn links(shares: &[f64]) -> String {
    let least = shares.iter().copied().fold(f64::INFINITY, f64::min);
    let most = shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match shares {
        [] => String::new(),
        [only] => percent(*only),
        _ => format!("{} in {}", range([least, most]), shares.len()),
    }
}

fn signed(share: f64, digits: usize) -> String {
    let text = format!("{:+.digits$}", share * 100.0);
    // Nothing is nothing on either side.
    let nothing = text.chars().skip(1).all(|c| matches!(c, '0' | '.'));
    if nothing { text[1..].to_owned() } else { text }
}

/// How much more the candidate executes, as a share of the baseline's
/// instructions.
pub fn more_instructions(cell: &CellRecord) -> Option<f64> {
    let counts = cell.counts.as_ref()?;
    let (before, after) =
        (counts.baseline.instructions, counts.candidate.instructions);
    (before > 0.0).then(|| after / before - 1.0)
}

/// How much more a cell takes: time, or where none was taken instructions.
pub fn change(cell: &CellRecord) -> Option<f64> {
    match &cell.time {
        Some(time) => Some(time.effect),
        None => more_instructions(cell),
    }
}

/// The same without its sign; none where nothing is known.
pub fn size(cell: &CellRecord) -> f64 {
    change(cell).unwrap_or(0.0).abs()
}

/// The confidence that intervals have, in per cent.
pub fn confidence(record: &Record) -> String {
    let confidence = (1.0 - record.rule.alpha) * 100.0;
    format!("{} %", (confidence * 1e6).round() / 1e6)
}

/// The beginning of a commit's hash.
pub fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

/// A text as one line that neither a terminal nor the log of GitHub Actions
/// obeys: a line that begins with `::`, or has `##[` anywhere, is a command
/// there.
pub fn plain(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain = words.replace(char::is_control, "?");
    let plain = plain.replace("##[", "## [");
    match plain.strip_prefix("::") {
        Some(rest) => format!(": :{rest}"),
        None => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::record::example;
    use proptest::prelude::*;

    #[test]
    fn shares_are_per_cent_with_a_sign() {
        assert_eq!(percent(0.031), "+3.1 %");
        assert_eq!(percent(-0.042), "-4.2 %");
        assert_eq!(percent(-0.0001), "0.0 %");
        assert_eq!(percent(f64::INFINITY), "unknown");
        assert_eq!(range([-0.004, 0.0341]), "-0.4..+3.4 %");
        assert_eq!(range([0.0301, 0.0303]), "+3.01..+3.03 %");
        assert_eq!(range([f64::NEG_INFINITY, f64::INFINITY]), "unknown");
        assert_eq!(links(&[0.03, 0.031, 0.029]), "+2.9..+3.1 % in 3");
        assert_eq!(links(&[0.03]), "+3.0 %");
        assert_eq!(links(&[]), "");
    }

    #[test]
    fn where_no_time_was_taken_instructions_speak() {
        let record = example::record();
        let of = |name: &str| {
            let cell = record.cells.iter().find(|c| c.variant == name);
            change(cell.unwrap()).map(|share| (share * 1e3).round())
        };
        assert_eq!(of("batch=vec"), Some(31.0));
        assert_eq!(of("dispatch=dyn"), Some(100.0));
        assert_eq!(confidence(&record), "99 %");
    }

    proptest! {
        #[test]
        fn no_text_is_a_command_or_two_lines(text in "[:#\\[a\\n\\x1b ]{0,20}") {
            let line = plain(&text);
            prop_assert!(!line.starts_with("::"), "{line}");
            prop_assert!(!line.contains("##["), "{line}");
            prop_assert!(!line.contains(char::is_control), "{line}");
        }
    }
}

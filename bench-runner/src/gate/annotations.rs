//! A check as commands of GitHub Actions, which show as annotations of a run:
//! an error per slower cell, a warning per undecided one, a notice for what
//! else is worth a look.
//!
//! GitHub, "Workflow commands for GitHub Actions": `::error title=T::text`,
//! in which `%`, CR and LF stand escaped, and in `T` also `:` and `,`. A step
//! has at most ten of a kind.

use super::record::{CellRecord, CellVerdict, Conclusion, Record};
use super::words::{more_instructions, percent};

/// Annotations of a kind that a step may have.
const MOST: usize = 10;

/// What GitHub shows.
struct Annotation {
    title: String,
    text: String,
}

impl Annotation {
    fn of(cell: &CellRecord, word: &str, text: &str) -> Self {
        let title = format!("{word}: {} at {}", cell.variant, cell.batch);
        let text = match &cell.cause {
            Some(cause) => format!("{text}; {cause}"),
            None => text.to_owned(),
        };
        Self { title, text }
    }

    fn line(&self, kind: &str) -> String {
        let (title, text) = (property(&self.title), data(&self.text));
        format!("::{kind} title={title}::{text}\n")
    }
}

/// A line per annotation.
#[must_use]
pub fn annotations(record: &Record) -> String {
    let (mut errors, mut warnings, mut notices) = (vec![], vec![], vec![]);
    let whole = |title: &str| Annotation {
        title: title.to_owned(),
        text: record.line.clone(),
    };
    if record.verdict == Conclusion::Environment {
        let text = record.environment.as_ref().map(|e| &e.line);
        let text = text.map_or(String::new(), |line| format!(" ({line})"));
        let text = record.line.clone() + &text;
        let title = "environment".to_owned();
        return Annotation { title, text }.line("warning");
    }
    for cell in &record.cells {
        let of = |word| Annotation::of(cell, word, &cell.line);
        match cell.verdict {
            CellVerdict::Slower => errors.push(of("slower")),
            CellVerdict::Inconclusive => warnings.push(of("inconclusive")),
            CellVerdict::Faster => notices.push(of("faster")),
            CellVerdict::Fine => {}
        }
        let risen = cell.counts.is_some_and(|counts| counts.risen);
        if risen && cell.verdict == CellVerdict::Fine {
            let more = more_instructions(cell).map(percent).unwrap_or_default();
            let text = format!("instructions {more}; {}", cell.line);
            notices.push(Annotation::of(cell, "more instructions", &text));
        }
    }
    // What has no cell has a line all the same.
    match record.verdict {
        Conclusion::Regression if errors.is_empty() => {
            errors.push(whole("slower"));
        }
        Conclusion::Inconclusive if warnings.is_empty() => {
            warnings.push(whole("inconclusive"));
        }
        _ => {}
    }
    let kinds = [("error", errors), ("warning", warnings), ("notice", notices)];
    kinds.iter().map(|(kind, all)| lines(kind, all)).collect()
}

/// As many as may be; the last one sums up those that are too many.
fn lines(kind: &str, all: &[Annotation]) -> String {
    if all.len() <= MOST {
        return all.iter().map(|one| one.line(kind)).collect();
    }
    let (shown, rest) = all.split_at(MOST - 1);
    let titles: Vec<_> = rest.iter().map(|one| one.title.as_str()).collect();
    let last = Annotation {
        title: format!("and {} more", rest.len()),
        text: titles.join(", "),
    };
    shown.iter().chain([&last]).map(|one| one.line(kind)).collect()
}

fn data(text: &str) -> String {
    let escaped =
        text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    escaped.replace(char::is_control, "?").replace("##[", "## [")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::record::example;
    use proptest::prelude::*;

    #[test]
    fn a_slower_cell_is_an_error_and_an_undecided_one_a_warning() {
        let got = annotations(&example::record());
        assert!(got == LINES, "got\n{got}\nwant\n{LINES}");
    }

    const LINES: &str = r#"::error title=slower%3A batch=vec at 32::batch=vec at 32 is slower; one load more per packet
::error title=slower%3A dispatch=dyn at 8::dispatch=dyn at 8 is slower
::warning title=inconclusive%3A reg=boxed at 1::reg=boxed at 1 is inconclusive
::notice title=faster%3A batch=vec at 256::batch=vec at 256 is faster
::notice title=more instructions%3A walk=speculate at 32::instructions +6.7 %25; walk=speculate at 32 is fine
"#;

    #[test]
    fn a_machine_that_moved_is_one_warning_and_nothing_fine_is_said() {
        let moved = annotations(&example::moved());
        assert_eq!(moved.lines().count(), 1, "{moved}");
        assert!(moved.starts_with("::warning title=environment::"), "{moved}");
        assert!(moved.contains("+9.0 %25"), "{moved}");
        assert_eq!(annotations(&example::fine()), "");
    }

    #[test]
    fn the_tenth_of_a_kind_sums_up_the_rest() {
        let mut record = example::record();
        let slower = record.cells[1].clone();
        for (count, last) in [(10, "slower%3A "), (11, "and 2 more")] {
            record.cells = vec![slower.clone(); count];
            let text = annotations(&record);
            assert_eq!(text.lines().count(), 10, "{text}");
            let title = format!("::error title={last}");
            assert!(text.lines().last().unwrap().starts_with(&title), "{text}");
        }
    }

    #[test]
    fn a_conclusion_without_a_cell_is_said_all_the_same() {
        let mut record = example::record();
        record.cells.clear();
        let text = annotations(&record);
        assert!(text.starts_with("::error title=slower::2 of 6"), "{text}");
        record.verdict = Conclusion::Inconclusive;
        let text = annotations(&record);
        assert!(text.starts_with("::warning title=inconclusive::"), "{text}");
    }

    /// A command as the runner reads it: name, title, text.
    fn read(line: &str) -> Option<(&str, &str, &str)> {
        let (command, text) = line.strip_prefix("::")?.split_once("::")?;
        let (kind, title) = command.split_once(" title=")?;
        Some((kind, title, text))
    }

    proptest! {
        #[test]
        fn no_name_ends_a_command_or_begins_another(
            name in "[:,%\\r\\n#\\[a=]{0,20}", line in "\\PC{0,20}|.{0,20}",
        ) {
            let mut record = example::record();
            record.cells.truncate(2);
            record.cells[1].variant = name;
            record.cells[1].line = line;
            let text = annotations(&record);
            prop_assert_eq!(text.lines().count(), 1, "{}", text);
            let (kind, title, _) = read(text.trim_end_matches('\n')).unwrap();
            prop_assert_eq!(kind, "error");
            prop_assert!(!title.contains([':', ',']), "{}", title);
        }
    }

    #[test]
    fn hostile_texts_are_escaped() {
        let text = annotations(&example::hostile());
        for line in text.lines() {
            assert!(read(line).is_some(), "{line}");
            assert!(!line.contains("##[") && !line.contains('\u{1b}'));
        }
    }
}

//! What became of each setting, a line per kind and outcome.

use std::fmt;
use std::io;

use super::file::Refusal;
use super::setting::{Kind, Setting};
use crate::failure::Failure;
use crate::output;

/// How many different values a line shows.
const SHOWN: usize = 3;

/// What became of a setting.
#[derive(Debug)]
pub enum Outcome {
    /// Changed and read back.
    Set,
    /// It was as wanted before.
    Already,
    /// It would be changed.
    Wanted,
    /// An interrupt that the kernel keeps where it is.
    Unmovable(io::Error),
    /// It is not as wanted.
    Refused(Refusal),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Set => "set",
            Self::Already => "already so",
            Self::Wanted => "would set",
            Self::Unmovable(_) => "stays",
            Self::Refused(_) => "refused",
        })
    }
}

impl Outcome {
    fn reason(&self) -> Option<String> {
        match self {
            Self::Unmovable(error) => Some(error.to_string()),
            Self::Refused(refusal) => Some(refusal.to_string()),
            _ => None,
        }
    }
}

/// Prints what became of the settings, and of what kind there are none.
pub fn print(outcomes: &[(&Setting, Outcome)]) {
    output::print(text(outcomes));
}

fn text(outcomes: &[(&Setting, Outcome)]) -> String {
    let mut text = String::new();
    for kind in Kind::ALL {
        let of_kind: Vec<_> =
            outcomes.iter().filter(|(s, _)| s.kind == kind).collect();
        let mut words: Vec<String> = Vec::new();
        for (_, outcome) in &of_kind {
            if !words.contains(&outcome.to_string()) {
                words.push(outcome.to_string());
            }
        }
        for word in &words {
            let group: Vec<_> = of_kind
                .iter()
                .filter(|(_, outcome)| outcome.to_string() == *word)
                .collect();
            text += &line(kind, word, &summary(&group));
        }
        if of_kind.is_empty() {
            text += &line(kind, "not there", kind.absent());
        }
    }
    text
}

fn line(kind: Kind, word: &str, rest: &str) -> String {
    format!("{:<19}{word:<12}{rest}\n", kind.name())
}

/// Files, values, reasons: `4 files: powersave -> performance (…)`.
fn summary(group: &[&&(&Setting, Outcome)]) -> String {
    let noun = if group.len() == 1 { "file" } else { "files" };
    let mut text = format!("{} {noun}", group.len());
    let now = distinct(group.iter().map(|(s, _)| s.now.trim().to_owned()));
    let wanted = distinct(group.iter().map(|(s, _)| s.wanted.clone()));
    match group.first() {
        Some((_, Outcome::Already)) => text += &format!(": {now}"),
        _ => text += &format!(": {now} -> {wanted}"),
    }
    let reasons: Vec<String> =
        group.iter().filter_map(|(_, outcome)| outcome.reason()).collect();
    if !reasons.is_empty() {
        return text + &format!(" ({})", distinct(reasons.into_iter()));
    }
    match group.first() {
        Some((setting, Outcome::Set | Outcome::Wanted)) => {
            text + &format!(" ({})", setting.kind.why())
        }
        _ => text,
    }
}

fn distinct(values: impl Iterator<Item = String>) -> String {
    let mut seen: Vec<String> = Vec::new();
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    let more = if seen.len() > SHOWN { ", …" } else { "" };
    seen.truncate(SHOWN);
    seen.join(", ") + more
}

/// An error when something that is there was not set.
pub fn verdict(outcomes: &[(&Setting, Outcome)]) -> Result<(), Failure> {
    let refused: Vec<_> = outcomes
        .iter()
        .filter_map(|(setting, outcome)| match outcome {
            Outcome::Refused(refusal) => Some((setting, refusal)),
            _ => None,
        })
        .collect();
    let Some((setting, refusal)) = refused.first() else { return Ok(()) };
    let advice = refused.iter().find_map(|(_, refusal)| advice(refusal));
    Err(Failure::environment(format!(
        "{} of {} settings could not be made, such as {}: {refusal}; {}",
        refused.len(),
        outcomes.len(),
        setting.file,
        advice.unwrap_or("the machine does not allow it")
    )))
}

/// What to do where a file may not be written.
pub fn advice(refusal: &Refusal) -> Option<&'static str> {
    match refusal {
        Refusal::Denied(error)
            if error.kind() == io::ErrorKind::ReadOnlyFilesystem =>
        {
            Some("run on the host itself, not in a container")
        }
        Refusal::Denied(_) => Some("run as root"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(kind: Kind, now: &str, wanted: &str) -> Setting {
        Setting {
            kind,
            file: "file".to_owned(),
            now: format!("{now}\n"),
            wanted: wanted.to_owned(),
        }
    }

    #[test]
    fn every_kind_has_a_line_and_outcomes_are_kept_apart() {
        let moved = setting(Kind::Interrupts, "0-3", "0-2");
        let stays = setting(Kind::Interrupts, "3", "0-2");
        let pages = setting(Kind::HugePages, "512", "512");
        let io = io::Error::other("no");
        let text = text(&[
            (&pages, Outcome::Already),
            (&moved, Outcome::Set),
            (&stays, Outcome::Unmovable(io)),
        ]);
        assert_eq!(text.lines().count(), Kind::ALL.len() + 1, "{text}");
        assert!(text.contains("already so  1 file: 512\n"), "{text}");
        assert!(text.contains("1 file: 0-3 -> 0-2 (they"), "{text}");
        assert!(text.contains("stays       1 file: 3 -> 0-2 (no)"), "{text}");
        assert!(text.contains("not there"), "{text}");
    }

    #[test]
    fn what_may_not_be_written_fails_with_what_to_do() {
        let pages = setting(Kind::HugePages, "0", "64");
        let outcome = |kind: io::ErrorKind| {
            Outcome::Refused(Refusal::from(io::Error::from(kind)))
        };
        let said = |outcome| verdict(&[(&pages, outcome)]).unwrap_err();
        let denied = said(outcome(io::ErrorKind::PermissionDenied));
        assert!(denied.to_string().contains("as root"), "{denied}");
        let fixed = said(outcome(io::ErrorKind::ReadOnlyFilesystem));
        assert!(fixed.to_string().contains("container"), "{fixed}");
        let io = io::Error::other("stays");
        assert!(verdict(&[(&pages, Outcome::Unmovable(io))]).is_ok());
        assert!(verdict(&[(&pages, Outcome::Set)]).is_ok());
    }
}

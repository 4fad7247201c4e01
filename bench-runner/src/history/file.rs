//! One file of a history: lines of JSON (JSON Lines).

use std::fmt;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Line, Loaded, SCHEMA};
use crate::environment::cpu_slug;
use crate::failure::Failure;
use crate::fingerprint::{Fingerprint, hex};

/// How the names of files end.
pub const EXTENSION: &str = "jsonl";

/// Characters of a CPU's name in a file name.
const LONGEST: usize = 60;

/// Ratios and counts beyond this were not measured.
const MOST: f64 = 1e9;

/// Name of the file of a machine: its CPU, and the beginning of a digest of
/// what its times depend on. The clock is left out, for it is calibrated anew
/// each time.
#[must_use]
pub fn file_name(machine: &Fingerprint) -> String {
    let Fingerprint { cpu, microcode, hypervisor, kernel, .. } = machine;
    let parts = serde_json::json!([cpu, microcode, hypervisor, kernel]);
    let digest = hex(&Sha256::digest(parts.to_string().as_bytes()));
    let slug: String = cpu_slug(cpu).chars().take(LONGEST).collect();
    format!("{slug}-{}.{EXTENSION}", &digest[..12])
}

/// The line as it stands in the file.
pub(super) fn text(line: &Line) -> Result<String, Failure> {
    check(line).map_err(|what| {
        Failure::error(format!("{what}: not written; please report this"))
    })?;
    let text = serde_json::to_string(line).map_err(Failure::error)?;
    Ok(text + "\n")
}

/// Reads the lines of a file of this name. One that is cut off, as by an
/// interruption, is noted and passed over.
///
/// # Errors
///
/// A line with file, line and remedy for the first one of another version,
/// or that is none of a history.
pub fn parse(
    name: &str,
    bytes: &[u8],
    into: &mut Loaded,
) -> Result<(), Failure> {
    let mut rest = bytes;
    let mut number = 0;
    while !rest.is_empty() {
        number += 1;
        let end = rest.iter().position(|byte| *byte == b'\n');
        let (line, after) = match end {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest, &rest[rest.len()..]),
        };
        rest = after;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let place = format_args!("{name}, line {number}");
        match read(line) {
            Ok(line) => into.lines.push(line),
            Err(Bad::CutOff) => into
                .notes
                .push(plain(format_args!("{place}: cut off and passed over"))),
            // Nothing ends its last line by half.
            Err(Bad::Foreign(_)) if end.is_none() && number > 1 => {
                into.notes.push(plain(format_args!(
                    "{place}: damaged at the end and passed over"
                )));
            }
            Err(Bad::Foreign(what)) => {
                return Err(Failure::error(plain(format_args!(
                    "{place}: {what}: take the line out, or name a history"
                ))));
            }
            Err(Bad::Version(whose, schema)) => {
                let remedy = match whose {
                    "newer" => "update bench-runner",
                    _ => "read it with that version",
                };
                return Err(Failure::error(plain(format_args!(
                    "{place}: made by a {whose} bench-runner (schema \
                     {schema}, this one reads {SCHEMA}): {remedy}"
                ))));
            }
        }
    }
    Ok(())
}

/// What keeps a line from being read.
enum Bad {
    CutOff,
    Foreign(String),
    Version(&'static str, u64),
}

fn read(bytes: &[u8]) -> Result<Line, Bad> {
    #[derive(Deserialize)]
    struct Head {
        schema: Option<u64>,
    }
    let why = match serde_json::from_slice::<Line>(bytes) {
        Ok(line) if line.schema == SCHEMA => {
            return match check(&line) {
                Ok(()) => Ok(line),
                Err(what) => Err(Bad::Foreign(what)),
            };
        }
        Ok(line) => return Err(version(line.schema.into())),
        Err(why) => why,
    };
    // Whatever else is wrong with it, another version is called that.
    match serde_json::from_slice::<Head>(bytes) {
        Ok(Head { schema: Some(schema) }) if schema != u64::from(SCHEMA) => {
            Err(version(schema))
        }
        Ok(Head { schema: Some(_) }) => Err(Bad::Foreign(column(&why))),
        Ok(Head { schema: None }) => {
            Err(Bad::Foreign("missing field `schema`".to_owned()))
        }
        Err(why) if why.is_eof() => Err(Bad::CutOff),
        Err(why) => Err(Bad::Foreign(format!("not JSON, {}", column(&why)))),
    }
}

fn version(schema: u64) -> Bad {
    let is_newer = schema > SCHEMA.into();
    Bad::Version(if is_newer { "newer" } else { "older" }, schema)
}

/// An error without the line, which is always the first one.
fn column(why: &serde_json::Error) -> String {
    why.to_string().replace(" at line 1 column", " at column")
}

/// What contradicts itself in a line.
fn check(line: &Line) -> Result<(), String> {
    let Line { measured, .. } = line;
    if humantime::parse_rfc3339(measured).is_err() {
        return Err(format!("`measured` is {measured:?} and no time"));
    }
    let is_sound = |low: f64, value: Option<f64>| {
        value.is_none_or(|value| (low..=MOST).contains(&value))
    };
    for point in &line.cells {
        let wrong = |what: &str, value: Option<f64>| {
            Err(format!(
                "`{what}` of {} at batch {} is {}, which cannot be",
                point.variant,
                point.batch,
                value.unwrap_or(f64::NAN),
            ))
        };
        if !is_sound(1.0 / MOST, point.ratio) {
            return wrong("ratio", point.ratio);
        }
        if !is_sound(0.0, point.spread) {
            return wrong("spread", point.spread);
        }
        if !is_sound(0.0, point.instructions) {
            return wrong("instructions", point.instructions);
        }
    }
    Ok(())
}

/// A text without what would change a terminal.
fn plain(text: impl fmt::Display) -> String {
    let text = text.to_string();
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;
    use crate::fingerprint;

    fn lines(count: u64) -> String {
        let line = |hour| example::line(hour, &[("reg=boxed", 32, 4.0)]);
        (0..count).map(|hour| text(&line(hour)).expect("sound")).collect()
    }

    fn loaded(bytes: &[u8]) -> Result<Loaded, String> {
        let mut all = Loaded::default();
        parse("a.jsonl", bytes, &mut all).map_err(|why| why.to_string())?;
        Ok(all)
    }

    #[test]
    fn lines_are_read_as_they_were_written() {
        let all = loaded(lines(3).as_bytes()).expect("sound");
        assert_eq!((all.lines.len(), all.notes.len()), (3, 0));
        assert_eq!(all.lines[2], example::line(2, &[("reg=boxed", 32, 4.0)]));
        assert_eq!(loaded(b"").expect("nothing"), Loaded::default());
    }

    #[test]
    fn a_torn_line_is_passed_over_wherever_it_is_torn() {
        let text = lines(2);
        let first = text.find('\n').expect("a line") + 1;
        for end in first + 1..text.len() - 1 {
            let all = loaded(&text.as_bytes()[..end]).expect("torn");
            assert_eq!(all.lines.len(), 1, "{end}");
            assert_eq!(all.notes.len(), 1, "{end}");
            assert!(all.notes[0].starts_with("a.jsonl, line 2: "), "{end}");
        }
        // Behind it stand those that were added later.
        let torn = format!("{}\n{}", &text[..first + 99], lines(1));
        let all = loaded(torn.as_bytes()).expect("torn in the middle");
        assert_eq!((all.lines.len(), all.notes.len()), (2, 1));
    }

    #[test]
    fn a_foreign_line_is_named_with_what_is_wrong() {
        let good = lines(1);
        for (bad, words) in [
            ("hello\n", "line 2: not JSON"),
            ("{}\n", "line 2: missing field `schema`: take the line out"),
            (&*good.replace("moved", "mvd"), "unknown field `mvd`"),
            (&*good.replace(":4.0", ":-4.0"), "`ratio` of reg=boxed at"),
            (&*good.replace(":4.0", ":0.0"), "is 0, which cannot be"),
            (&*good.replace("2026-", "x"), "and no time"),
            (&*good.replace("\"schema\":1", "\"schema\":9"), "newer bench"),
            ("{\"schema\": 7, \"novel\": []}\n", "(schema 7, this one reads"),
            ("{\"schema\": 0}\n", "older bench-runner (schema 0"),
        ] {
            let why = loaded(format!("{good}{bad}").as_bytes());
            let why = why.expect_err(bad);
            assert!(why.contains(words), "{words} in {why}");
            assert!(why.contains("a.jsonl, line 2"), "{why}");
        }
    }

    #[test]
    fn a_machine_has_a_file_of_its_own_whatever_its_clock_reads() {
        let machine = fingerprint::tests::example();
        let name = file_name(&machine);
        assert!(name.starts_with("a-") && name.ends_with(".jsonl"), "{name}");
        let mut again = machine.clone();
        again.clock_mhz += 1;
        again.libc = None;
        assert_eq!(file_name(&again), name);
        let kernel = "6.2.0".to_owned();
        assert_ne!(file_name(&Fingerprint { kernel, ..machine }), name);
    }
}

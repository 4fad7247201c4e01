//! The variants' own source files, compiled in.

/// A list of names and files below `variants/`.
macro_rules! sources {
    ($($folder:literal: $($answer:literal),+;)+) => {
        &[$($((
            concat!($folder, "=", $answer),
            concat!("src/", $folder, "/", $answer, ".rs"),
            include_str!(concat!(
                "../../../../variants/src/", $folder, "/", $answer, ".rs"
            )),
        )),+),+]
    };
}

/// By variant, its file and what stands in it. Names have underscores where
/// they have hyphens elsewhere.
const SOURCES: &[(&str, &str, &str)] = sources! {
    "reg": "unboxed", "boxed", "bytes", "halves", "foreign", "tagged",
        "typed", "wide";
    "batch": "slice", "vec", "reused", "deque", "list", "arena", "inline",
        "iter", "callback";
    "status": "masked", "branchy", "branchless", "bit", "simd";
    "walk": "chase", "speculate", "speculate4";
    "buffer": "freelist", "refcount", "arc", "heap", "deferred";
    "meta": "side", "header";
    "spread": "coloured", "stride2k";
    "bounds": "checked", "unchecked", "overflow";
    "pool": "single", "bulk";
    "dispatch": "match", "hashed", "dyn", "table";
    "prefetch": "none", "next";
    "writeback": "every", "every32";
    "pass": "three", "fused";
    "persona": "ixy_c_style", "ixy_rs_style", "ixy_ml_2019_style",
        "ixy_ml_lists_style", "fastest";
    "language": "rust";
    "floor": "null", "lean";
};

/// The driver in C is a file of another kind.
const C: Source<'static> = Source {
    file: "c/driver.c",
    text: include_str!("../../../../variants/c/driver.c"),
};

/// A variant's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    /// Its path below `variants/`.
    pub file: &'a str,
    /// All of it.
    pub text: &'a str,
}

/// The file of a variant; none where it has none of its own.
pub fn source(variant: &str) -> Option<Source<'static>> {
    if variant == "language=c" {
        return Some(C);
    }
    let name = variant.replace('-', "_");
    let (_, file, text) = SOURCES.iter().find(|(known, ..)| *known == name)?;
    Some(Source { file, text })
}

impl<'a> Source<'a> {
    /// The code without what is said of it and without its tests.
    pub fn code(&self) -> &'a str {
        let tests = self.text.find("\n#[cfg(test)]\nmod tests");
        let all = &self.text[..tests.unwrap_or(self.text.len())];
        let said = all.lines().take_while(|line| line.starts_with("//!"));
        let said: usize = said.map(|line| line.len() + 1).sum();
        all.get(said..).unwrap_or_default().trim()
    }

    /// What is said of it: a word such as `Idea` and a paragraph.
    pub fn notes(&self) -> Vec<(&'a str, String)> {
        let lines = self.text.lines().map_while(|l| l.strip_prefix("//!"));
        let mut notes: Vec<(&str, String)> = Vec::new();
        for line in lines.map(str::trim) {
            let word = line.strip_prefix('*').and_then(|l| l.split_once(".* "));
            match (word, notes.last_mut()) {
                (Some((word, text)), _) => notes.push((word, text.to_owned())),
                (None, Some((_, text))) if !line.is_empty() => {
                    text.push(' ');
                    text.push_str(line);
                }
                _ => {}
            }
        }
        notes.retain(|(word, _)| *word != "Compare");
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use variants::registry::{AXES, FLOOR, variants};

    #[test]
    fn every_answer_has_its_file() {
        for axis in AXES {
            for answer in axis.answers.iter().filter(|a| a.name != "baseline") {
                let name = format!("{}={}", axis.name, answer.name);
                let source = source(&name).expect(&name);
                assert!(!source.code().is_empty(), "{name}");
                assert!(!source.code().contains("mod tests"), "{name}");
                let is_idea = |(word, _): &(&str, _)| *word == "Idea";
                let is_c = name == "language=c";
                assert!(is_c || source.notes().iter().any(is_idea), "{name}");
            }
        }
        for floor in variants().iter().filter(|v| v.axis() == FLOOR) {
            assert!(source(&floor.name()).is_some());
        }
        assert_eq!(source("baseline"), None);
    }

    #[test]
    fn notes_are_paragraphs_with_a_word() {
        let boxed = source("reg=boxed").expect("a file");
        let notes = boxed.notes();
        let words: Vec<_> = notes.iter().map(|(word, _)| *word).collect();
        assert_eq!(words, ["Idea", "Cost", "Origin"]);
        let idea = "The language's own integers are a bit short of 32, so a \
                    word is an object on the heap: every read makes one, \
                    every write takes one.";
        assert_eq!(notes[0].1, idea);
        assert!(boxed.code().starts_with("use driver::opaque;"));
    }
}

//! Texts from files as Markdown that shows them and obeys none of them.
//!
//! GitHub Flavored Markdown Spec 0.29: an entity is never part of structure
//! (6.2), while a backslash or a bar in a code span may end a table's cell
//! (4.10).

use std::fmt::Write;

/// Characters of a text that are shown; a name that needs more is a mistake.
const LONGEST: usize = 300;

/// A name, set as code.
pub fn code(name: &str) -> String {
    let name = one_line(name);
    let safe = |c: char| c.is_alphanumeric() || " =-_.,:;/+()%×≡".contains(c);
    if name.is_empty() {
        return "–".to_owned();
    }
    match name.chars().all(safe) {
        true => format!("`{name}`"),
        false => format!("<code>{}</code>", entities(&name)),
    }
}

/// Words.
pub fn text(words: &str) -> String {
    let inert = entities(&one_line(words));
    inert.replace("://", "&#58;//").replace("www.", "www&#46;")
}

/// A path in a link, relative and with `/`.
pub fn link(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
        let _ = match plain {
            true => write!(out, "{}", char::from(byte)),
            false => write!(out, "%{byte:02X}"),
        };
    }
    out
}

/// Without line breaks, controls and marks that turn the direction of text,
/// and not endless.
fn one_line(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut line = String::new();
    let words = text.split_whitespace().flat_map(|word| [" ", word]).skip(1);
    for (place, c) in words.flat_map(str::chars).enumerate() {
        if place == LONGEST {
            line.push('…');
            break;
        }
        line.push(if c.is_control() || turns(c) { '?' } else { c });
    }
    line
}

/// What has a meaning anywhere in a line, as entities.
fn entities(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        let _ = match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '&'
            | '#' | '~' | '$' => {
                write!(out, "&#{};", u32::from(c))
            }
            _ => write!(out, "{c}"),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_names_stay_readable() {
        assert_eq!(code("reg=boxed"), "`reg=boxed`");
        assert_eq!(code("a ≡ b"), "`a ≡ b`");
        assert_eq!(text("AMD EPYC 7B13, 2 cores"), "AMD EPYC 7B13, 2 cores");
        assert_eq!(code(""), "–");
    }

    #[test]
    fn what_looks_like_structure_shows_as_text() {
        assert_eq!(
            code("<script>"),
            "<code>&#60;script&#62;</code>",
            "GFM shows this as <script>, set as code"
        );
        assert_eq!(code("a|`b\\"), "<code>a&#124;&#96;b&#92;</code>");
        assert_eq!(text("[x](y)\n# <b>"), "&#91;x&#93;(y) &#35; &#60;b&#62;");
        assert_eq!(text("http://a www.b"), "http&#58;//a www&#46;b");
        assert_eq!(text("a\u{202e}b\u{7}"), "a?b?");
    }

    #[test]
    fn links_leave_no_parenthesis_and_no_space() {
        assert_eq!(link("../a b/(c).md"), "../a%20b/%28c%29.md");
    }

    #[test]
    fn a_text_has_an_end() {
        assert_eq!(text(&"x".repeat(1000)).chars().count(), LONGEST + 1);
    }

    proptest! {
        #[test]
        fn nothing_that_could_be_markup_is_left(name in "\\PC{0,40}|.{0,40}") {
            for escaped in [code(&name), text(&name)] {
                let inner = escaped
                    .trim_matches('`')
                    .trim_start_matches("<code>")
                    .trim_end_matches("</code>");
                let bare = inner.contains(['<', '>', '|', '`', '\\', '[', '\n']);
                prop_assert!(!bare, "{escaped}");
            }
        }
    }
}

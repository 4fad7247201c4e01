//! The part of a page that is generated: what stands between two lines.

use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::folder::replace;

/// The line before the block.
const BEGIN: &str = "<!-- recorded-run:begin -->";

/// The line behind it.
const END: &str = "<!-- recorded-run:end -->";

/// Puts a block into a page on the disk, which is written whole or not at
/// all.
///
/// # Errors
///
/// When the page cannot be read or written, or does not have both lines once.
pub fn put(page: &Path, block: &str) -> Result<(), Failure> {
    let name = page.display();
    let text = fs::read_to_string(page).map_err(|error| {
        Failure::error(format!(
            "{name} cannot be read ({error}): name a page with the lines \
             {BEGIN} and {END}"
        ))
    })?;
    let text = replaced(&text, block)
        .map_err(|what| Failure::error(format!("{name}: {what}")))?;
    replace(page, text.as_bytes())
}

/// The page with another block, with the page's own ends of lines.
fn replaced(page: &str, block: &str) -> Result<String, String> {
    let begin = only(page, BEGIN)?;
    let end = only(page, END)?;
    if end.at < begin.at {
        return Err(format!(
            "{END} in line {} stands before {BEGIN} in line {}: exchange them",
            end.line, begin.line
        ));
    }
    let block = match page[begin.at..begin.behind].ends_with("\r\n") {
        true => block.replace('\n', "\r\n"),
        false => block.to_owned(),
    };
    let (before, behind) = (&page[..begin.behind], &page[end.at..]);
    Ok(format!("{before}{block}{behind}"))
}

/// A line of a page.
struct Line {
    /// Its number, from 1.
    line: usize,
    /// Where it begins.
    at: usize,
    /// Where the next one begins.
    behind: usize,
}

/// The line that is a mark and nothing else.
fn only(page: &str, mark: &str) -> Result<Line, String> {
    let mut found: Option<Line> = None;
    let mut at = 0;
    for (text, line) in page.split_inclusive('\n').zip(1..) {
        let behind = at + text.len();
        if text.trim() == mark {
            if let Some(first) = found {
                return Err(format!(
                    "{mark} stands in lines {} and {line}: leave one of them",
                    first.line
                ));
            }
            found = Some(Line { line, at, behind });
        }
        at = behind;
    }
    found.ok_or_else(|| {
        format!("no line {mark}: put {BEGIN} and {END} around the block")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn page(inside: &str) -> String {
        format!("# A\n\n{BEGIN}\n{inside}{END}\n\nend\n")
    }

    #[test]
    fn what_stands_between_is_replaced_and_nothing_else() {
        let text = replaced(&page("old\n\nolder\n"), "new\n").expect("a page");
        assert_eq!(text, page("new\n"));
        assert_eq!(replaced(&text, "new\n").expect("a page"), text);
    }

    #[test]
    fn ends_of_lines_stay() {
        let text = page("old\n").replace('\n', "\r\n");
        let wanted = page("a\nb\n").replace('\n', "\r\n");
        assert_eq!(replaced(&text, "a\nb\n").expect("a page"), wanted);
    }

    #[test]
    fn a_mark_inside_a_sentence_is_none() {
        let text = format!("The line {BEGIN} begins it.\n{}", page(""));
        assert!(replaced(&text, "new\n").is_ok());
    }

    #[test]
    fn a_missing_a_doubled_and_a_late_mark_are_told() {
        let why = |text: &str| replaced(text, "").expect_err("refused");
        assert!(why("# A\n").starts_with(&format!("no line {BEGIN}")));
        let no_end = format!("{BEGIN}\n");
        assert!(why(&no_end).starts_with(&format!("no line {END}")));
        let twice = format!("{}{}", page(""), page(""));
        assert!(why(&twice).contains("lines 3 and 9"), "{}", why(&twice));
        let turned = format!("{END}\n{BEGIN}\n");
        assert!(why(&turned).contains("exchange"), "{}", why(&turned));
    }

    #[test]
    fn a_page_without_marks_is_left_as_it_is() {
        let scratch = tempfile::tempdir().expect("a folder");
        let path = scratch.path().join("page.md");
        fs::write(&path, "mine\n").expect("written");
        let why = put(&path, "new\n").expect_err("refused").to_string();
        assert!(why.contains("page.md: no line"), "{why}");
        assert_eq!(fs::read_to_string(&path).expect("read"), "mine\n");
        let files = fs::read_dir(scratch.path()).expect("read").count();
        assert_eq!(files, 1);
        let why = put(&scratch.path().join("none.md"), "").expect_err("none");
        assert!(why.to_string().contains("none.md"), "{why}");
    }

    proptest! {
        #[test]
        fn what_is_around_stays_to_the_byte(
            before in "[a-z<!\n\r]{0,20}",
            inside in "[a-z\n]{0,20}",
            behind in "[a-z>\n\r]{0,20}",
        ) {
            let page =
                format!("{before}\n{BEGIN}\n{inside}\n{END}\n{behind}");
            let text = replaced(&page, "x\n").expect("a page");
            let wanted = format!("{before}\n{BEGIN}\nx\n{END}\n{behind}");
            prop_assert_eq!(text, wanted);
        }
    }
}

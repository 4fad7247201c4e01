//! A table of GitHub Flavored Markdown.

/// Lines of a table; all cells are Markdown already. The first `names`
/// columns are aligned to the left, the others to the right.
pub fn table<R>(
    head: &[&str],
    names: usize,
    rows: impl IntoIterator<Item = R>,
) -> String
where
    R: IntoIterator<Item = String>,
{
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(head.iter().map(|c| (*c).to_owned()).collect());
    let rule = (0..head.len()).map(|column| match column < names {
        true => "---",
        false => "---:",
    });
    text += &format!("|{}|\n", rule.collect::<Vec<_>>().join("|"));
    for row in rows {
        text += &line(row.into_iter().collect());
    }
    text
}

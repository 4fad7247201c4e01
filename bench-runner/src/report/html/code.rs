//! The code of two variants side by side: source, machine code, counts.

use std::fmt::Write;

use maud::{Escaper, Markup, PreEscaped, html};
use similar::{Algorithm, DiffOp, capture_diff_slices};
use variants::registry::{AXES, Variant, variants};

use super::number::NOTHING;
use super::sources::{Source, source};
use crate::analysis;
use crate::explain::{Beside, Counts, Pair, Reader};
use crate::report::Counted;
use crate::report::counted::Count;

/// Rows of machine code that are shown of a pair.
const MOST: usize = 300;

/// Rows of source that are shown of a pair.
const LONGEST: usize = 480;

/// Equal rows on either side of one that differs; a longer stretch is left
/// out.
const AROUND: usize = 4;

/// Loops whose counts are shown of each variant.
const LOOPS: usize = 8;

/// Shows code of this program.
pub struct Codes<'a> {
    all: Vec<Variant>,
    reader: Result<Reader, String>,
    counts: &'a [Counted],
}

impl<'a> Codes<'a> {
    /// Code, and what was counted of it.
    pub fn new(counts: &'a [Counted]) -> Self {
        let reader = Reader::of_this_program();
        let reader = reader.map_err(|why| why.to_string());
        Self { all: variants(), reader, counts }
    }

    /// A variant beside its reference; nothing where this program has no
    /// such variant.
    pub fn pair(
        &mut self,
        name: &str,
        against: &str,
        batch: u16,
    ) -> Option<Markup> {
        let find = |name: &str| self.all.iter().find(|v| v.name() == name);
        let (variant, reference) = (*find(name)?, *find(against)?);
        let first = first_answer(name);
        let (ours, theirs) = (source(name), first.as_deref().and_then(source));
        // What is in C has no Rust to stand beside.
        let theirs =
            theirs.filter(|_| ours.is_some_and(|o| o.file.ends_with(".rs")));
        let counted = self.counts.iter().find_map(|counted| {
            let batches = [batch, 32];
            let both = |batch| {
                let a = counted.of(against, batch)?;
                Some((counted, a, counted.of(name, batch)?))
            };
            batches.into_iter().find_map(both)
        });
        let machine = match &mut self.reader {
            Ok(reader) => reader
                .beside(&reference, &variant, MOST)
                .map_err(|why| why.to_string()),
            Err(why) => Err(why.clone()),
        };
        Some(html! {
            details.code {
                summary {
                    "Code of " code { (name) } " beside " code { (against) }
                    @if let Ok(beside) = &machine {
                        span.aside { " " (beside.verdict) }
                    }
                }
                @if let Some(ours) = ours { (notes(ours)) }
                @if let Some(ours) = ours {
                    (sources(theirs.zip(first.as_deref()), (ours, name)))
                }
                @match &machine {
                    Ok(beside) => (instructions(beside, against, name)),
                    Err(why) => p.quiet { "No machine code: " (why) "." }
                }
                @if let Some((counted, a, b)) = counted {
                    (per_packet(counted, a, b))
                }
            }
        })
    }
}

/// The answer whose file a variant's is held against: its axis's first.
fn first_answer(name: &str) -> Option<String> {
    let axis = AXES.iter().find(|a| a.name == analysis::axis(name))?;
    let first = axis.answers.first()?.name;
    Some(format!("{}={first}", axis.name)).filter(|first| first != name)
}

fn notes(source: Source) -> Markup {
    html! {
        @for (word, text) in source.notes() {
            p.note {
                b { (word) } " "
                // Every other part stood between backquotes.
                @for (n, part) in text.split('`').enumerate() {
                    @if n % 2 == 1 { code { (part) } } @else { (part) }
                }
            }
        }
    }
}

/// Two files, or one where the other has nothing to stand beside.
fn sources(
    theirs: Option<(Source, &str)>,
    (ours, name): (Source, &str),
) -> Markup {
    let Some((theirs, first)) = theirs else {
        return html! {
            h3 { "Source: " code { "variants/" (ours.file) } }
            div.scroll { pre.one { (ours.code()) } }
        };
    };
    let rows = lines(theirs.code(), ours.code());
    html! {
        h3 { "Source" }
        (table(
            &rows,
            [(first, theirs.file), (name, ours.file)],
            LONGEST,
        ))
    }
}

/// A line of either side, or of one alone; parts that differ are marked.
struct Line {
    left: Option<Vec<Part>>,
    right: Option<Vec<Part>>,
    equal: bool,
}

/// A piece of a line, and whether it is marked.
type Part = (String, bool);

/// Two texts, line by line.
fn lines(left: &str, right: &str) -> Vec<Line> {
    let a: Vec<_> = left.lines().collect();
    let b: Vec<_> = right.lines().collect();
    let mut all = Vec::new();
    for op in capture_diff_slices(Algorithm::Patience, &a, &b) {
        let equal = matches!(op, DiffOp::Equal { .. });
        let (old, new) = (&a[op.old_range()], &b[op.new_range()]);
        for at in 0..old.len().max(new.len()) {
            let (left, right) = match (old.get(at), new.get(at)) {
                (Some(l), Some(r)) if !equal => {
                    let (l, r) = words(l, r);
                    (Some(l), Some(r))
                }
                (l, r) => (l.map(|l| plain(l)), r.map(|r| plain(r))),
            };
            all.push(Line { left, right, equal });
        }
    }
    all
}

fn plain(text: &str) -> Vec<Part> {
    vec![(text.to_owned(), false)]
}

/// Two lines with the words marked that they do not share; nothing is marked
/// where they share little.
fn words(left: &str, right: &str) -> (Vec<Part>, Vec<Part>) {
    let (a, b) = (tokens(left), tokens(right));
    let ops = capture_diff_slices(Algorithm::Myers, &a, &b);
    let shared: usize = ops
        .iter()
        .filter(|op| matches!(op, DiffOp::Equal { .. }))
        .flat_map(|op| &a[op.old_range()])
        .map(|token| token.trim().len())
        .sum();
    if shared * 2 < left.trim().len().max(right.trim().len()) {
        return (plain(left), plain(right));
    }
    let (mut one, mut other) = (Vec::new(), Vec::new());
    for op in ops {
        let differs = !matches!(op, DiffOp::Equal { .. });
        let (old, new) =
            (a[op.old_range()].concat(), b[op.new_range()].concat());
        one.extend((!old.is_empty()).then_some((old, differs)));
        other.extend((!new.is_empty()).then_some((new, differs)));
    }
    (one, other)
}

/// Words, stretches of blanks, and single signs.
fn tokens(line: &str) -> Vec<&str> {
    let kind = |c: char| match c {
        c if c.is_alphanumeric() || c == '_' => 0,
        c if c.is_whitespace() => 1,
        _ => 2,
    };
    let mut tokens = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let kind_of_first = kind(first);
        let end = match kind_of_first {
            2 => first.len_utf8(),
            _ => rest.find(|c| kind(c) != kind_of_first).unwrap_or(rest.len()),
        };
        tokens.push(&rest[..end]);
        rest = &rest[end..];
    }
    tokens
}

fn instructions(beside: &Beside, against: &str, name: &str) -> Markup {
    // A bar of one byte: there are many.
    let part = |text: &Option<String>| {
        text.as_deref().map(|text| plain(&text.replace('│', "|")))
    };
    let line = |pair: &Pair| Line {
        left: part(&pair.left),
        right: part(&pair.right),
        equal: pair.equal,
    };
    let rows: Vec<_> = beside.rows.iter().map(line).collect();
    html! {
        h3 { "Machine code" }
        p.quiet {
            "Of " (beside.of) " rows "
            @match beside.depth {
                0 => "all; ",
                1 => "those in loops; ",
                depth => { "those " (depth) " or more loops deep; " }
            }
            @if beside.left_out > 0 {
                (beside.left_out) " more are left out; "
            }
            code { "bench-runner explain " (against) " " (name) }
            " shows every one. Bars are loops, numbers labels."
        }
        (table(&rows, [(against, ""), (name, "")], usize::MAX))
        (counts(beside))
    }
}

/// Rows with long equal stretches left out.
fn table(rows: &[Line], heads: [(&str, &str); 2], most: usize) -> Markup {
    let near = |at: usize| {
        let from = at.saturating_sub(AROUND);
        let to = (at + AROUND + 1).min(rows.len());
        rows[from..to].iter().any(|row| !row.equal)
    };
    let any = rows.iter().any(|row| !row.equal);
    let mut shown: Vec<Result<&Line, usize>> = Vec::new();
    for (at, row) in rows.iter().enumerate().take(most) {
        match shown.last_mut() {
            _ if !any || near(at) => shown.push(Ok(row)),
            Some(Err(equal)) => *equal += 1,
            _ => shown.push(Err(1)),
        }
    }
    let mut body = String::new();
    for row in shown {
        match row {
            Ok(line) => write_row(&mut body, line),
            Err(equal) => {
                body += "<tr class=gap><td colspan=2>⋯ ";
                body += &format!("{equal} equal");
            }
        }
    }
    html! {
        div.scroll {
            table.sides {
                thead {
                    tr {
                        @for (name, file) in heads {
                            th scope="col" {
                                code { (name) }
                                @if !file.is_empty() {
                                    span.aside { " variants/" (file) }
                                }
                            }
                        }
                    }
                }
                tbody { (PreEscaped(body)) }
            }
        }
    }
}

/// A row without the tags that HTML lets go, for there are thousands.
fn write_row(out: &mut String, line: &Line) {
    *out += if line.equal { "<tr>" } else { "<tr class=d>" };
    for side in [&line.left, &line.right] {
        *out += if side.is_some() { "<td>" } else { "<td class=none>" };
        for (text, marked) in side.iter().flatten() {
            *out += if *marked { "<mark>" } else { "" };
            // Into a string, which does not fail.
            let _ = Escaper::new(out).write_str(text);
            *out += if *marked { "</mark>" } else { "" };
        }
    }
}

/// Static counts of both, and of what a turn of their loops has for itself.
fn counts(beside: &Beside) -> Markup {
    let row = |(name, counts): &(String, Counts)| {
        let Counts { instructions, branches, calls, loads, stores } = counts;
        let depth = name.len() - name.trim_start().len();
        html! {
            tr {
                th scope="row" { (" ".repeat(depth)) (name.trim()) }
                @for n in [instructions, branches, calls, loads, stores] {
                    td { (n) }
                }
            }
        }
    };
    html! {
        div.scroll {
            table.numbers {
                caption {
                    "In the machine code, and in one turn of each loop by "
                    "itself"
                }
                thead {
                    tr {
                        th scope="col" { "code" }
                        @for title in [
                            "instructions", "branches", "calls", "loads",
                            "stores",
                        ] {
                            th scope="col" { (title) }
                        }
                    }
                }
                tbody {
                    @for all in &beside.counts {
                        @for one in all.iter().take(1 + LOOPS) { (row(one)) }
                        @if all.len() > 1 + LOOPS {
                            tr {
                                th scope="row" {
                                    "⋯ " (all.len() - 1 - LOOPS) " more loops"
                                }
                                td colspan="5" {}
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What was counted of both while they ran.
fn per_packet(counted: &Counted, a: &Count, b: &Count) -> Markup {
    let row = |count: &Count| {
        let own = count.per_packet.own;
        let numbers = [
            (own.instructions, 2),
            (own.branches, 3),
            (own.loads, 2),
            (own.stores, 2),
            (count.per_packet.allocations, 3),
            (count.per_packet.library.instructions, 2),
        ];
        html! {
            tr {
                th scope="row" { code { (count.variant) } }
                @for (number, places) in numbers {
                    td { (format!("{number:.places$}")) }
                }
            }
        }
    };
    html! {
        div.scroll {
            table.numbers {
                caption {
                    "Counted per packet, batch " (a.batch) ", " (a.fill)
                    " rings, by " (counted.source.as_deref().unwrap_or(NOTHING))
                    "; counts are exact, and the same each time"
                }
                thead {
                    tr {
                        th scope="col" { "variant" }
                        @for title in [
                            "instructions", "branches", "loads", "stores",
                            "allocations", "in libraries",
                        ] {
                            th scope="col" { (title) }
                        }
                    }
                }
                tbody { (row(a)) (row(b)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(parts: &Option<Vec<Part>>) -> String {
        let parts = parts.iter().flatten();
        parts
            .map(|(text, marked)| match marked {
                true => format!("[{text}]"),
                false => text.clone(),
            })
            .collect()
    }

    #[test]
    fn words_that_differ_are_marked_where_lines_are_alike() {
        let rows = lines("fn a() -> u32 {\n    x\n}", "fn a() -> u64 {\n}");
        let sides: Vec<_> =
            rows.iter().map(|r| (text(&r.left), text(&r.right))).collect();
        assert_eq!(
            sides[0],
            ("fn a() -> [u32] {".to_owned(), "fn a() -> [u64] {".to_owned())
        );
        assert_eq!(sides[1], ("    x".to_owned(), String::new()));
        assert!(!rows[0].equal && !rows[1].equal && rows[2].equal);
        let (a, b) = words("let x = 1;", "return 12345;");
        assert!(a.iter().chain(&b).all(|(_, marked)| !marked));
    }

    #[test]
    fn every_piece_of_a_line_is_a_token() {
        let line = "    let ünï = a[1] + b_2;";
        assert_eq!(tokens(line).concat(), line);
        assert!(tokens(line).contains(&"b_2"));
    }

    #[test]
    fn a_variant_stands_beside_its_axis_first_answer() {
        let mut codes = Codes::new(&[]);
        let page = codes.pair("reg=boxed", "baseline", 32).expect("code");
        let page = page.into_string();
        for word in [
            "reg=unboxed",
            "variants/src/reg/boxed.rs",
            "<b>Idea</b>",
            "explain baseline reg=boxed",
            "instructions",
        ] {
            assert!(page.contains(word), "{word} in {page}");
        }
        assert!(!page.contains("Counted per packet"));
        assert!(codes.pair("<script>", "baseline", 32).is_none());
        let page = codes.pair("language=c", "baseline", 32);
        if let Some(page) = page {
            assert!(page.into_string().contains("variants/c/driver.c"));
        }
    }
}

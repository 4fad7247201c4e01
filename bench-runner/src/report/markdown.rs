//! The same as Markdown.

mod escape;
mod loads;
mod overview;
mod recorded;
mod table;

use variants::registry::AXES;

use super::Material;
use super::answer::{Piece, Sentence, answer};
use crate::analysis::{aa_spread, analyse, by_axis, with_cores, with_fill};
use crate::folder::reference;
use crate::results::{Fill, Run, on_cores};
use crate::table as captions;

pub use escape::{code, link, text as escaped};
use overview::Look;
pub use recorded::recorded;
pub use table::table;

/// What stands where there is no number.
const NOTHING: &str = "–";

/// Of more runs than these only the newest is shown whole.
const WHOLE: usize = 4;

/// Most runs that have a row in the table of earlier ones.
const EARLIER: usize = 100;

/// The whole text.
pub fn text(material: &Material) -> String {
    let mut text = String::from("# What a style costs\n\n");
    let runs = &material.runs;
    let whole = if runs.len() <= WHOLE { runs.len() } else { 1 };
    let (shown, earlier) = runs.split_at(whole);
    for run in shown {
        if shown.len() > 1 {
            text += &format!("## {}\n\n", title(run));
        }
        text += &of_run(run);
    }
    if !earlier.is_empty() {
        text += &history(earlier);
    }
    for record in &material.latencies {
        text += &loads::latencies(record);
    }
    for record in &material.ndrs {
        text += &loads::ndrs(record);
    }
    if !material.soaks.is_empty() {
        text += &loads::soaks(&material.soaks);
    }
    for record in &material.reproductions {
        text += &loads::reproduction(record);
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

/// Sentences as a paragraph, without an end of line.
pub fn paragraph(sentences: &[Sentence]) -> String {
    let sentence = |pieces: &Sentence| -> String {
        let words = pieces.iter().map(|piece| match piece {
            Piece::Text(words) | Piece::Ratio(words) => words.clone(),
            Piece::Name(name) => code(name),
        });
        words.collect()
    };
    sentences.iter().map(sentence).collect::<Vec<_>>().join(" ")
}

/// The question of an axis as a heading.
pub fn heading(axis: &str) -> String {
    match AXES.iter().find(|known| known.name == axis) {
        Some(known) => format!("`{axis}`: {}", known.question),
        None if axis == "floor" => "What the others stand on".to_owned(),
        None => code(axis),
    }
}

/// When and on what a run was made.
fn title(run: &Run) -> String {
    format!("{}, {}", escaped(date(run)), escaped(&run.machine.cpu))
}

fn date(run: &Run) -> &str {
    run.started.split('T').next().unwrap_or_default()
}

/// A run: the answer, its tables, its circumstances.
fn of_run(run: &Run) -> String {
    let results = analyse(run, &reference);
    let sentences = answer(run, &results, &reference);
    let mut text = format!("{}\n\n", paragraph(&sentences));
    for fill in run.fills() {
        for cores in run.core_counts() {
            let results = with_cores(&with_fill(&results, fill), cores);
            let fill = match (fill, run.fills().len()) {
                (Fill::Random, _) => Some("random fill".to_owned()),
                (Fill::Full, 2..) => Some("full rings".to_owned()),
                (Fill::Full, _) => None,
            };
            let notes = fill.into_iter().chain(cores.map(on_cores));
            let note = match notes.collect::<Vec<_>>().join(", ") {
                notes if notes.is_empty() => notes,
                notes => format!(" ({notes})"),
            };
            for (axis, rows) in overview::rows(&results, &reference) {
                let look = Look { decimals: 3, verdicts: true };
                text += &format!(
                    "### {}{note}\n\n{}\n",
                    heading(axis),
                    overview::draw(&results, rows.iter(), look)
                );
            }
        }
    }
    text += "### How it was made\n\n";
    let aa = aa_spread(run);
    let caption = captions::caption(run, &results, aa.as_ref());
    for line in caption.lines() {
        text += &format!("- {}\n", escaped(line));
    }
    text += &circumstances(run);
    text + "\n"
}

/// Machine, grade, program and command, a line each.
fn circumstances(run: &Run) -> String {
    let machine = &run.machine;
    let hypervisor = match &machine.hypervisor {
        Some(name) => format!(", under {}", escaped(name)),
        None => String::new(),
    };
    let pages = run.processes.first().map_or("none", |p| p.pages.as_str());
    let mut lines = vec![
        format!("Started {}, seed {}.", escaped(&run.started), run.setup.seed),
        format!(
            "Machine: {}, {} cores{hypervisor}, kernel {}, arenas in {}.",
            escaped(&machine.cpu),
            machine.cores,
            escaped(&machine.kernel),
            escaped(pages),
        ),
        match &run.examination {
            Some(seen) => format!("Grade: {}.", escaped(&seen.line)),
            None => "Grade: none, the machine was not examined.".to_owned(),
        },
    ];
    for build in std::iter::once(&run.build).chain(&run.other_build) {
        let dirty = if build.dirty { ", with changes" } else { "" };
        let path = match &build.path {
            Some(path) => format!(" {}", code(path)),
            None => String::new(),
        };
        lines.push(format!(
            "Program{path}: commit {}{dirty}, {}, flags {}.",
            code(&build.commit),
            escaped(&build.compiler),
            code(&build.flags.join(" ")),
        ));
    }
    lines.push(format!("Command: {}.", code(&run.command)));
    let notes = run.warnings.iter();
    lines.extend(notes.map(|note| format!("Note: {}.", escaped(note))));
    lines.iter().map(|line| format!("- {line}\n")).collect()
}

/// A row for each of many runs.
fn history(runs: &[Run]) -> String {
    let rows = runs.iter().take(EARLIER).map(|run| {
        let results = analyse(run, &reference);
        let first = answer(run, &results, &reference);
        let commit: String = run.build.commit.chars().take(12).collect();
        vec![
            escaped(&run.started),
            escaped(&run.machine.cpu),
            code(&commit),
            by_axis(&results).len().to_string(),
            paragraph(&first[..1.min(first.len())]),
        ]
    });
    let head = ["started", "machine", "commit", "axes", "answer"];
    let more = match runs.len().saturating_sub(EARLIER) {
        0 => String::new(),
        more => format!("And {more} before these.\n\n"),
    };
    let table = table::table(&head, head.len(), rows);
    format!("## Earlier runs\n\n{table}\n{more}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ndr::Shape;
    use crate::results::example;

    fn of(runs: Vec<Run>) -> String {
        text(&Material { runs, ..Material::default() })
    }

    #[test]
    fn the_answer_comes_first_and_each_axis_has_a_table() {
        let said = of(vec![example::fourteen()]);
        let mut lines = said.lines();
        assert_eq!(lines.next(), Some("# What a style costs"));
        assert!(said.contains("\n\nAt batch size 32, `batch=list`"), "{said}");
        let heading = "### `reg`: How does a 32-bit device word travel?";
        assert!(said.contains(heading), "{said}");
        let head = "| variant | against | cost at batch 1 | at 32 | at 256 | \
                    verdict at 32 |";
        assert!(said.contains(head), "{said}");
        assert!(said.contains("| `reg=boxed` | baseline | ×"), "{said}");
        assert!(said.contains("| `walk=speculate` | `batch=arena` |"));
        assert!(said.contains("- A/A: a variant"), "{said}");
        assert!(said.contains("Grade: none"), "{said}");
    }

    #[test]
    fn texts_of_a_file_are_not_obeyed() {
        let mut run = example::run(&["baseline", "<script>|x`"], &[32]);
        run.machine.cpu = "a\n\n# <b>CPU</b>".to_owned();
        run.command = "x\n- y `z`".to_owned();
        run.warnings = vec!["[a](javascript:x) <img src=x>".to_owned()];
        let said = of(vec![run]);
        assert!(said.contains("&#60;script&#62;&#124;x&#96;"), "{said}");
        for markup in ["<script", "<b>", "<img", "](javascript"] {
            assert!(!said.contains(markup), "{markup} in {said}");
        }
        assert!(!said.lines().any(|line| line.starts_with("# <")), "{said}");
    }

    #[test]
    fn a_sweep_is_short_enough_for_a_summary() {
        let said = of(vec![example::fourteen()]);
        assert!(said.len() < 20_000, "{} bytes", said.len());
    }

    #[test]
    fn of_many_runs_the_newest_is_whole() {
        let run = example::run(&["baseline", "reg=boxed"], &[32]);
        let said = of(vec![run.clone(); 6]);
        assert_eq!(said.matches("### How it was made").count(), 1);
        assert_eq!(said.matches("| 2026-11-21T08:00").count(), 5);
        let said = of(vec![run.clone(); 2]);
        assert_eq!(said.matches("### How it was made").count(), 2);
    }

    #[test]
    fn every_table_has_rows_as_long_as_its_head() {
        let mut run = example::fourteen();
        example::add_random(&mut run, &["baseline", "reg=boxed"]);
        let material = Material {
            runs: vec![run],
            latencies: vec![crate::latency::example::record().0],
            ndrs: vec![crate::ndr::example::record(Shape::Regular)],
            soaks: vec![crate::soak::example::record(20)],
            ..Material::default()
        };
        let said = text(&material);
        let bars = |line: &str| line.matches('|').count();
        let mut expected = None;
        for line in said.lines() {
            match line.starts_with('|') {
                false => expected = None,
                true => {
                    let wanted = *expected.get_or_insert(bars(line));
                    assert_eq!(bars(line), wanted, "{line}");
                }
            }
        }
        for title in ["## Latency in µs", "## Model NDR", "## Soaks"] {
            assert!(said.contains(title), "{title} in {said}");
        }
    }
}

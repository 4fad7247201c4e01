//! The block of a page that stands for a recorded run.

use std::path::{Component, Path, PathBuf};

use super::overview::{self, Look};
use super::{escaped, link, paragraph};
use crate::analysis::{
    AaSpread, CellResult, aa_spread, analyse, by_axis, with_cores, with_fill,
};
use crate::folder::reference;
use crate::report::answer::answer;
use crate::results::{Fill, Placement, Run};
use crate::stats::CONFIDENCE;

/// Most columns of a line that can be broken.
const WIDTH: usize = 78;

/// Chart, answer, table and circumstances of a run that lies in `folder`, for
/// a page in the folder `here`, whose `plots` may hold the run's charts.
pub fn recorded(run: &Run, folder: &Path, here: &Path) -> String {
    let results = analyse(run, &reference);
    let cores = run.core_counts().first().copied().flatten();
    let shown = with_cores(&with_fill(&results, run.setup.fill), cores);
    let mut text = String::new();
    if let Some((what, chart)) = main_chart(&shown, folder, here) {
        let alt = format!("Throughput over batch size, {what}");
        text += &format!("![{alt}]({})\n\n", link(&chart));
    }
    let sentences = answer(run, &results, &reference);
    text += &format!("{}\n\n", wrapped(&paragraph(&sentences)));
    let rows = overview::rows(&shown, &reference);
    let rows = rows.iter().flat_map(|(_, rows)| rows);
    let look = Look { decimals: 2, verdicts: false };
    text += &overview::draw(&shown, rows, look);
    let aa = aa_spread(run);
    let mut said = conditions(run, &results, aa.as_ref());
    said += &format!(" {}", places(&shown, folder, here));
    text + &format!("\n{}\n", wrapped(&said))
}

/// What the chart on top shows, and where it is.
fn main_chart(
    results: &[CellResult],
    folder: &Path,
    here: &Path,
) -> Option<(&'static str, String)> {
    let has_personas = by_axis(results).iter().any(|(a, _)| *a == "persona");
    let personas = ("personas", "persona");
    let all = ("all variants", "all");
    let choices: &[_] = match has_personas {
        true => &[personas, all],
        false => &[all],
    };
    choices.iter().find_map(|(what, file)| {
        Some((*what, chart(&format!("throughput-{file}.svg"), folder, here)?))
    })
}

/// Where a chart is: beside the page, or else in the run's folder.
fn chart(name: &str, folder: &Path, here: &Path) -> Option<String> {
    let places = [here.join("plots"), folder.join("plots")];
    let file = places.iter().map(|p| p.join(name)).find(|p| p.exists())?;
    Some(relative(&file, here))
}

/// How the numbers were made.
fn conditions(
    run: &Run,
    results: &[CellResult],
    aa: Option<&AaSpread>,
) -> String {
    let setup = &run.setup;
    let used = results.iter().map(|r| r.processes).max().unwrap_or(0);
    let placement = match setup.placement {
        Placement::Lockstep => "lockstep",
        Placement::Threaded => "threads",
        Placement::Card => "a real card",
        Placement::External => "programs of their own",
    };
    let fill = match (setup.placement, setup.fill) {
        (Placement::Threaded | Placement::External | Placement::Card, _) => "",
        (_, Fill::Full) => ", full rings",
        (_, Fill::Random) => ", random fill",
    };
    let doorbell = match setup.doorbell_cycles {
        0 => String::new(),
        cycles => format!(", modelled doorbell of {cycles} cycles"),
    };
    let guest = match &run.machine.hypervisor {
        Some(name) => format!(", guest under {}", escaped(name)),
        None => String::new(),
    };
    let commit: String = run.build.commit.chars().take(12).collect();
    let dirty = if run.build.dirty { " with changes" } else { "" };
    let mut said = format!(
        "Time per packet against the reference, {:.0} % intervals over {used} \
         processes of one build; {placement}, {}-byte frames{fill}{doorbell}; \
         {}{guest}; {}, commit {}{dirty}.",
        CONFIDENCE * 100.0,
        setup.frame_bytes,
        escaped(&run.machine.cpu),
        escaped(super::date(run)),
        escaped(&commit),
    );
    if let Some(AaSpread { worst, median, .. }) = aa {
        said += &format!(
            " The second copy of the baseline differs from the first by {:.2} \
             % (median over batch sizes) and {:.2} % (worst).",
            median * 100.0,
            worst * 100.0,
        );
    }
    said
}

/// Where the rest is.
fn places(results: &[CellResult], folder: &Path, here: &Path) -> String {
    let page = folder.join("README.md");
    let target = if page.exists() { page } else { folder.to_owned() };
    let mut said = format!(
        "All figures, samples and charts are in [{}]({})",
        escaped(&relative(folder, here)),
        link(&relative(&target, here)),
    );
    if by_axis(results).len() > 1
        && let Some(all) = chart("throughput-all.svg", folder, here)
    {
        said += &format!(", all variants in [one chart]({})", link(&all));
    }
    let gallery = here.join("plots/README.md");
    if gallery.exists() {
        let index = link(&relative(&gallery, here));
        said += &format!(", all charts by axis in [a gallery]({index})");
    }
    said + "."
}

/// The way from a folder to a path, with `/`.
fn relative(path: &Path, from: &Path) -> String {
    let whole = |path: &Path| -> PathBuf {
        let path = if path == Path::new("") { Path::new(".") } else { path };
        path.canonicalize().unwrap_or_else(|_| path.to_owned())
    };
    let (path, from) = (whole(path), whole(from));
    let common = path
        .components()
        .zip(from.components())
        .take_while(|(a, b)| a == b)
        .count();
    let up = from.components().skip(common).map(|_| "..".to_owned());
    let down = path.components().skip(common).map(|part| match part {
        Component::Normal(name) => name.to_string_lossy().into_owned(),
        _ => String::new(),
    });
    let way: Vec<_> = up.chain(down).collect();
    if way.is_empty() { ".".to_owned() } else { way.join("/") }
}

/// A paragraph in lines. None begins with what could be a mark of structure.
fn wrapped(paragraph: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in paragraph.split(' ') {
        let begins = |c: char| c.is_ascii_alphanumeric() || "`(×[%".contains(c);
        let is_item = word.ends_with(['.', ')'])
            && word.starts_with(|c: char| c.is_ascii_digit());
        match lines.last_mut() {
            Some(line)
                if !word.starts_with(begins)
                    || is_item
                    || line.chars().count() + 1 + word.chars().count()
                        <= WIDTH =>
            {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::example;

    #[test]
    fn the_block_has_answer_table_and_circumstances() {
        let run = example::fourteen();
        let nowhere = Path::new("/nowhere/results/a run");
        let text = recorded(&run, nowhere, Path::new("/nowhere"));
        assert!(!text.contains("!["), "no chart is there: {text}");
        assert!(text.starts_with("At batch size 32, `batch=list`"), "{text}");
        assert!(text.contains("\n| `reg=boxed` | baseline | ×"), "{text}");
        let link = "[results/a run](results/a%20run)";
        assert!(text.replace('\n', " ").contains(link), "{text}");
        let prose = text.lines().filter(|line| !line.starts_with('|'));
        let longest = prose.map(|line| line.chars().count()).max();
        assert!(longest <= Some(WIDTH), "{text}");
    }

    #[test]
    fn charts_beside_the_page_come_before_those_of_the_run() {
        let scratch = tempfile::tempdir().expect("a folder");
        let here = scratch.path();
        let folder = here.join("results/one");
        let draw = |folder: &Path| {
            let plots = folder.join("plots");
            std::fs::create_dir_all(&plots).expect("a folder");
            std::fs::write(plots.join("throughput-all.svg"), "").expect("put");
        };
        let run = example::fourteen();
        draw(&folder);
        let text = recorded(&run, &folder, here);
        let image = "all variants](results/one/plots/throughput-all.svg)";
        assert!(text.contains(image), "{text}");
        draw(here);
        let text = recorded(&run, &folder, here);
        assert!(text.contains("](plots/throughput-all.svg)"), "{text}");
        let text = recorded(&run, &folder, &here.join("results"));
        assert!(text.contains("](one/plots/throughput-all.svg)"), "{text}");
    }

    #[test]
    fn a_line_never_begins_with_a_mark_of_structure() {
        let words = "b - + # > 1. 2) 3 ".repeat(40);
        for line in wrapped(&words).lines() {
            assert!(line.starts_with(['b', '3']), "{line}");
        }
    }
}

//! A folder with all charts of a run, and an index page of them.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use variants::registry::AXES;

use super::markdown::{code, escaped, heading, link};
use crate::analysis::analyse;
use crate::failure::Failure;
use crate::folder::{reference, replace};
use crate::plot;
use crate::reproduce::published::figures;
use crate::reproduce::record::Record;
use crate::reproduce::sheet::{Sheet, sheets};
use crate::results::{Placement, Run};

/// The index page.
const INDEX: &str = "README.md";

/// The line by which an index of ours is told from another page.
const MARK: &str = "<!-- gallery: made by bench-runner report --gallery -->";

/// Kinds of charts, as their files begin, with their captions.
const KINDS: [(&str, &str); 3] = [
    ("throughput", "throughput by batch size"),
    ("cycles", "cycles per packet by batch size"),
    ("scaling", "throughput over cores"),
];

/// Draws the charts of a run, and those of published figures that were measured,
/// into a folder and writes its index. Charts that the index had before and
/// that are not among them go; other files stay.
///
/// # Errors
///
/// When the disk refuses, or the folder has a page that is no index of ours.
pub fn put(
    run: &Run,
    figures: Option<&Record>,
    folder: &Path,
) -> Result<usize, Failure> {
    let index = folder.join(INDEX);
    let cannot = |what: &str, path: &Path, error: &io::Error| {
        Failure::error(format!("cannot {what} {}: {error}", path.display()))
    };
    let before = match fs::read_to_string(&index) {
        Ok(text) if text.lines().any(|line| line == MARK) => text,
        Ok(_) => {
            return Err(Failure::error(format!(
                "{} is no index of charts: name a folder of its own",
                index.display()
            )));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(cannot("read", &index, &error)),
    };
    fs::create_dir_all(folder).map_err(|e| cannot("make", folder, &e))?;
    let results = analyse(run, &reference);
    let charts = plot::charts(run, &results, &reference);
    let sheets = figures.map_or_else(Vec::new, sheets);
    let of_figures = sheets.iter().flat_map(|sheet| &sheet.charts);
    for (name, svg) in charts.iter().chain(of_figures.clone()) {
        replace(&folder.join(name), svg.as_bytes())?;
    }
    let names: Vec<_> = charts.iter().map(|(name, _)| name.as_str()).collect();
    let text = page(run, &names) + &figures_page(&sheets);
    replace(&index, text.as_bytes())?;
    let of_figures = of_figures.map(|(name, _)| name.as_str());
    let names: Vec<_> = names.into_iter().chain(of_figures).collect();
    for stale in listed(&before) {
        let path = folder.join(stale);
        if !names.contains(&stale) && path.is_file() {
            fs::remove_file(&path).map_err(|e| cannot("remove", &path, &e))?;
        }
    }
    Ok(names.len())
}

/// The charts that an index shows, which lie beside it.
fn listed(index: &str) -> BTreeSet<&str> {
    let links = index.split("](").skip(1);
    let files = links.filter_map(|rest| Some(rest.split_once(')')?.0));
    let ours = |name: &&str| {
        let of_run = KINDS.iter().any(|(kind, _)| name.starts_with(kind));
        let of_figure = figures().iter().any(|figure| {
            let rest = name.strip_prefix(&*figure.id);
            rest.is_some_and(|rest| rest.starts_with(['-', '.']))
        });
        (of_run || of_figure)
            && name.ends_with(".svg")
            && !name.contains(['/', '\\'])
    };
    files.filter(ours).collect()
}

/// The index: a heading per axis in the order of the registry, and a line
/// above each chart.
fn page(run: &Run, charts: &[&str]) -> String {
    let placement = match run.setup.placement {
        Placement::Lockstep => "lockstep",
        Placement::Threaded => "threads",
        Placement::Card => "a real card",
        Placement::External => "programs of their own",
    };
    let date = run.started.split('T').next().unwrap_or_default();
    let commit: String = run.build.commit.chars().take(12).collect();
    let mut text = format!(
        "# Charts\n\n{MARK}\n\n{}, {placement}, {}, commit {}.\n",
        escaped(&run.machine.cpu),
        escaped(date),
        code(&commit),
    );
    let mut charts: Vec<_> =
        charts.iter().map(|name| Chart::of(name)).collect();
    charts.sort_by_key(Chart::place);
    let mut last = None;
    for chart in &charts {
        if last != Some(chart.axis) {
            text += &format!("\n## {}\n", chart.heading());
            last = Some(chart.axis);
        }
        let Chart { name, .. } = chart;
        text += &format!(
            "\n{}\n\n![{}]({})\n",
            chart.caption(),
            escaped(name),
            link(name)
        );
    }
    text
}

/// A heading and the charts of each published figure.
fn figures_page(sheets: &[Sheet]) -> String {
    let mut text = String::new();
    for sheet in sheets.iter().filter(|sheet| !sheet.charts.is_empty()) {
        text += &format!(
            "\n## {}: {}\n\n{}\n",
            escaped(&sheet.id),
            escaped(&sheet.title),
            escaped(&sheet.verdict)
        );
        for (name, _) in &sheet.charts {
            text += &format!("\n![{}]({})\n", escaped(name), link(name));
        }
    }
    text
}

/// A chart by its file's name: `throughput-status-random.svg`.
struct Chart<'a> {
    name: &'a str,
    kind: &'static str,
    axis: &'a str,
    /// What stands behind the axis.
    note: &'a str,
}

impl<'a> Chart<'a> {
    fn of(name: &'a str) -> Self {
        let stem = name.strip_suffix(".svg").unwrap_or(name);
        let (kind, rest) = stem.split_once('-').unwrap_or((stem, ""));
        let (axis, note) = match rest.split_once('-') {
            Some((axis, note)) if kind != "scaling" => (axis, note),
            _ if kind == "scaling" => ("cores", rest),
            _ => (rest, ""),
        };
        let known = KINDS.iter().find(|(known, _)| *known == kind);
        let kind = known.map_or("chart", |(_, words)| words);
        Self { name, kind, axis, note }
    }

    /// Where it stands: all variants first, then axes, then what is no axis.
    fn place(&self) -> (usize, usize) {
        let axes = || AXES.iter().map(|axis| axis.name);
        match axes().position(|axis| axis == self.axis) {
            _ if self.axis == "all" => (0, 0),
            Some(place) => (1, place),
            None => (2, self.axis.len()),
        }
    }

    fn heading(&self) -> String {
        match self.axis {
            "all" => "All variants".to_owned(),
            "cores" => "Over cores".to_owned(),
            axis => heading(axis),
        }
    }

    fn caption(&self) -> String {
        let what = match self.axis {
            "all" => "All variants".to_owned(),
            "cores" => "All variants".to_owned(),
            axis => code(axis),
        };
        let note = match self.note {
            "" => String::new(),
            note => format!(", {}", escaped(&note.replace('-', " "))),
        };
        format!("{what}: {}{note}", self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::example;

    fn names(folder: &Path) -> Vec<String> {
        let files = fs::read_dir(folder).expect("a folder");
        let name = |file: io::Result<fs::DirEntry>| {
            file.expect("a file").file_name().to_string_lossy().into_owned()
        };
        let mut names: Vec<_> = files.map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn the_index_shows_every_chart_by_axis() {
        let mut run = example::fourteen();
        example::add_random(&mut run, &["baseline", "status=branchy"]);
        let scratch = tempfile::tempdir().expect("a folder");
        let folder = scratch.path().join("plots");
        let count = put(&run, None, &folder).expect("a gallery");
        let index = fs::read_to_string(folder.join(INDEX)).expect("an index");
        assert_eq!(index.matches("![").count(), count);
        assert_eq!(names(&folder).len(), count + 1);
        let at = |text: &str| {
            index.find(text).unwrap_or_else(|| panic!("{text}: {index}"))
        };
        let order = [
            "## All variants",
            "## `reg`: How",
            "## `batch`: ",
            "`status`: throughput by batch size\n",
            "`status`: throughput by batch size, random",
            "## `spread`: ",
        ];
        assert!(order.map(at).is_sorted(), "{index}");
        let again = put(&run, None, &folder).expect("a gallery");
        assert_eq!(again, count);
        assert_eq!(
            fs::read_to_string(folder.join(INDEX)).expect("an index"),
            index
        );
    }

    #[test]
    fn charts_of_before_go_and_other_files_stay() {
        let scratch = tempfile::tempdir().expect("a folder");
        let folder = scratch.path();
        put(&example::fourteen(), None, folder).expect("a gallery");
        fs::write(folder.join("throughput-mine.svg"), "mine").expect("put");
        let run = example::run(&["baseline", "reg=boxed"], &[32]);
        put(&run, None, folder).expect("a gallery");
        let wanted = [
            "README.md",
            "cycles-all.svg",
            "cycles-reg.svg",
            "throughput-all.svg",
            "throughput-mine.svg",
            "throughput-reg.svg",
        ];
        assert_eq!(names(folder), wanted);
    }

    #[test]
    fn a_page_that_is_no_index_is_not_replaced() {
        let scratch = tempfile::tempdir().expect("a folder");
        let page = scratch.path().join(INDEX);
        fs::write(&page, "mine\n").expect("put");
        let why = put(&example::fourteen(), None, scratch.path());
        let why = why.expect_err("refused").to_string();
        assert!(why.contains("no index"), "{why}");
        assert_eq!(names(scratch.path()), [INDEX]);
    }

    #[test]
    fn only_charts_beside_the_index_are_ours() {
        let index = "![a](throughput-a.svg) ![b](../throughput-b.svg) \
                     [c](throughput-c.txt) [d](other.svg)";
        assert_eq!(listed(index), BTreeSet::from(["throughput-a.svg"]));
    }

    #[test]
    fn over_cores_there_is_a_part_of_its_own() {
        let run = example::over_cores(&["baseline", "reg=boxed"], &[32], 2);
        let scratch = tempfile::tempdir().expect("a folder");
        put(&run, None, scratch.path()).expect("a gallery");
        let index = fs::read_to_string(scratch.path().join(INDEX));
        let index = index.expect("an index");
        assert!(index.contains("## Over cores"), "{index}");
        assert!(index.contains("by batch size, cores 2"), "{index}");
    }
}

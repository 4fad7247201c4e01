//! From lines to series of comparable values.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;
use std::{panic, thread};

use super::changes::{self, Said};
use super::record::{
    Break, Cell, Change, Commit, CountStep, Machine, Point, Trend,
};
use crate::fingerprint::Fingerprint;
use crate::history::{Line, Loaded};
use crate::stats::{median, trimmed_mean};

/// Instructions that differ by less than this share are the same.
const SAME_COUNT: f64 = 0.005;

/// Looks at a history.
#[must_use]
pub fn of(loaded: &Loaded) -> Trend {
    let mut lines: Vec<_> = loaded.lines.iter().collect();
    // Of lines measured at once the one that was added first.
    lines.sort_by_cached_key(|line| time(&line.measured));
    let mut groups =
        grouped(&lines, |one, other| one.apart_in_time(other).is_none());
    // Its last line says how new a machine is.
    groups.sort_by_key(|group| std::cmp::Reverse(newest(group)));
    let first = groups.first().map(|group| group[0].fingerprint.clone());
    let machines = groups.iter().map(|group| {
        let apart = first
            .as_ref()
            .and_then(|first| first.apart_in_time(&group[0].fingerprint));
        machine(group, apart)
    });
    let machines = machines.collect();
    let counts = grouped(&lines, |one, other| {
        one.apart_in_counts(other).is_none()
            && one.apart_in_libraries(other).is_none()
    });
    let mut counts: Vec<_> =
        counts.iter().flat_map(|group| count_steps(group)).collect();
    counts.sort_by(|a, b| b.0.cmp(&a.0));
    let counts = counts.into_iter().map(|(_, step)| step).collect();
    Trend { machines, counts, notes: loaded.notes.clone() }
}

fn time(text: &str) -> SystemTime {
    humantime::parse_rfc3339(text).unwrap_or(SystemTime::UNIX_EPOCH)
}

fn newest(group: &[&Line]) -> SystemTime {
    group.last().map_or(SystemTime::UNIX_EPOCH, |line| time(&line.measured))
}

/// Lines of fingerprints that go together, in their order.
fn grouped<'a>(
    lines: &[&'a Line],
    is_one: impl Fn(&Fingerprint, &Fingerprint) -> bool,
) -> Vec<Vec<&'a Line>> {
    let mut groups: Vec<Vec<&Line>> = Vec::new();
    let mut last = 0;
    for line in lines {
        let here = |group: &Vec<&Line>| {
            is_one(&group[0].fingerprint, &line.fingerprint)
        };
        // Most often the one of the line before.
        let found = match groups.get(last).is_some_and(here) {
            true => Some(last),
            false => groups.iter().position(here),
        };
        match found {
            Some(number) => {
                groups[number].push(line);
                last = number;
            }
            None => {
                last = groups.len();
                groups.push(vec![line]);
            }
        }
    }
    groups
}

fn name(machine: &Fingerprint) -> String {
    let Fingerprint { cpu, microcode, hypervisor, kernel, clock_mhz, .. } =
        machine;
    let guest = hypervisor
        .as_ref()
        .map_or_else(String::new, |name| format!(", {name} guest"));
    let microcode = microcode
        .as_ref()
        .map_or_else(String::new, |version| format!(", microcode {version}"));
    format!("{cpu}{guest}{microcode}, kernel {kernel}, clock {clock_mhz} MHz")
}

/// The program of a line.
fn commit(line: &Line) -> Commit {
    Commit {
        commit: line.commit.clone(),
        dirty: line.dirty,
        subject: line.subject.clone(),
        date: line.committed.as_ref().unwrap_or(&line.measured).clone(),
    }
}

/// Numbers of commits in the order in which they come up. Programs of which
/// nobody knows the commit are all different.
#[derive(Default)]
struct Commits<'a> {
    all: Vec<Commit>,
    known: HashMap<(&'a str, bool), usize>,
}

impl<'a> Commits<'a> {
    fn number(&mut self, line: &'a Line) -> usize {
        let key = (&*line.commit, line.dirty);
        let is_known = line.commit != "unknown";
        if let Some(number) = self.known.get(&key).filter(|_| is_known) {
            return *number;
        }
        self.all.push(commit(line));
        self.known.insert(key, self.all.len() - 1);
        self.all.len() - 1
    }
}

/// The points of each cell, in the order in which lines name cells.
#[derive(Default)]
struct Cells<'a> {
    all: Vec<(&'a str, u16, Vec<Point>)>,
    known: HashMap<(&'a str, u16), usize>,
}

impl<'a> Cells<'a> {
    fn add(&mut self, line: &'a Line, at: usize) {
        for cell in &line.cells {
            let key = (&*cell.variant, cell.batch);
            let number = *self.known.entry(key).or_insert_with(|| {
                self.all.push((key.0, key.1, Vec::new()));
                self.all.len() - 1
            });
            self.all[number].2.push(Point {
                at,
                ratio: cell.ratio,
                instructions: cell.instructions,
                moved: line.moved == Some(true),
            });
        }
    }
}

fn machine(lines: &[&Line], apart: Option<String>) -> Machine {
    let mut commits = Commits::default();
    let mut cells = Cells::default();
    let mut breaks = Vec::new();
    let mut before: Option<&Line> = None;
    for line in lines {
        if let Some(why) = before.and_then(|before| changed(before, line)) {
            // A commit that is measured again has a place behind it, too.
            commits.known.clear();
            breaks.push(Break { at: commits.all.len(), why });
        }
        cells.add(line, commits.number(line));
        before = Some(line);
    }
    let mut cells = cells.all;
    for (_, _, points) in &mut cells {
        points.sort_by_key(|point| point.at);
    }
    let said = each(&cells, |(_, _, points)| look(points, &breaks));
    let commits = commits.all;
    let mut changes = Vec::new();
    let cells = cells.into_iter().zip(said);
    let cells: Vec<_> = cells
        .map(|((variant, batch, points), said)| {
            let cell = said.cell(variant, batch, points);
            changes.extend(said.changes(&cell, &commits));
            cell
        })
        .collect();
    changes.sort_by_key(|change| std::cmp::Reverse(change.at));
    let end = |line: Option<&&Line>| {
        line.map_or_else(String::new, |line| line.measured.clone())
    };
    let moved = lines.iter().filter(|line| line.moved == Some(true)).count();
    Machine {
        name: lines.last().map_or_else(String::new, |l| name(&l.fingerprint)),
        apart,
        runs: lines.len(),
        moved,
        measured: [end(lines.first()), end(lines.last())],
        commits,
        breaks,
        cells,
        changes,
    }
}

/// What keeps ratios of two lines of one machine apart.
fn changed(before: &Line, line: &Line) -> Option<String> {
    match (
        before.reference != line.reference,
        before.apparatus != line.apparatus,
    ) {
        (true, true) => Some("reference kernel and apparatus changed"),
        (true, false) => Some("the reference kernel changed"),
        (false, true) => Some("the apparatus changed"),
        (false, false) => None,
    }
    .map(str::to_owned)
}

/// What is said of a cell: stretch by stretch the points that count, as
/// numbers of points, and their changes.
struct Looked {
    stretches: Vec<(Vec<usize>, Said)>,
}

fn look(points: &[Point], breaks: &[Break]) -> Looked {
    let counts = |number: &usize| {
        let Point { ratio, moved, .. } = points[*number];
        ratio.is_some() && !moved
    };
    let stretch = |at: usize| breaks.partition_point(|b| b.at <= at);
    let numbers: Vec<_> = (0..points.len()).filter(counts).collect();
    let stretches = numbers
        .chunk_by(|a, b| stretch(points[*a].at) == stretch(points[*b].at))
        .map(|numbers| {
            let ratios: Vec<_> =
                numbers.iter().filter_map(|n| points[*n].ratio).collect();
            // One commit has one level.
            let is_cut = |at: &usize| {
                points[numbers[*at]].at != points[numbers[at - 1]].at
            };
            let cuts: Vec<_> = (1..numbers.len()).filter(is_cut).collect();
            (numbers.to_vec(), changes::find(&ratios, &cuts))
        });
    Looked { stretches: stretches.collect() }
}

impl Looked {
    fn cell(&self, variant: &str, batch: u16, points: Vec<Point>) -> Cell {
        let level = self.stretches.last().and_then(|(numbers, said)| {
            let from = said.steps.last().map_or(0, |step| step.at);
            let newest = numbers[from..].iter();
            let logs: Vec<_> =
                newest.filter_map(|n| Some(points[*n].ratio?.ln())).collect();
            trimmed_mean(&logs).map(f64::exp)
        });
        let said = || self.stretches.iter().map(|(_, said)| said);
        let leaning = said().filter_map(|said| said.autocorrelation);
        Cell {
            variant: variant.to_owned(),
            batch,
            level,
            instructions: points.iter().rev().find_map(|p| p.instructions),
            autocorrelation: leaning.max_by(f64::total_cmp),
            drifts: said().any(Said::drifts),
            points,
        }
    }

    fn changes(&self, cell: &Cell, commits: &[Commit]) -> Vec<Change> {
        let points = &cell.points;
        let mut all = Vec::new();
        for (numbers, said) in &self.stretches {
            for step in &said.steps {
                let counts = |from: usize, to: usize| {
                    let counts = numbers[from..to].iter();
                    let counts: Vec<_> = counts
                        .filter_map(|n| points[*n].instructions)
                        .collect();
                    median(&counts)
                };
                let (from, to) = step.between;
                let before = counts(from, step.at);
                let at = points[numbers[step.at]].at;
                all.push(Change {
                    variant: cell.variant.clone(),
                    batch: cell.batch,
                    at,
                    commit: commits[at].clone(),
                    opinion: step.opinion,
                    effect: step.effect,
                    interval: step.interval,
                    levels: [step.before, step.after],
                    instructions: before
                        .zip(counts(step.at, to))
                        .map(|(before, after)| [before, after]),
                    drifts: said.drifts(),
                });
            }
        }
        all
    }
}

/// The function of each of many, on as many threads as there are cores.
fn each<T: Sync, R: Send>(all: &[T], of: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(one) = all.get(number) else { break done };
            done.push((number, of(one)));
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut done: Vec<_> = thread::scope(|scope| {
        let hands = (0..cores.min(all.len())).map(|_| scope.spawn(work));
        let hands: Vec<_> = hands.collect();
        let done = hands.into_iter().flat_map(|hand| {
            hand.join().unwrap_or_else(|why| panic::resume_unwind(why))
        });
        done.collect()
    });
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, one)| one).collect()
}

/// Where counts changed from commit to commit, with the place of the commit.
fn count_steps(lines: &[&Line]) -> Vec<(usize, CountStep)> {
    let mut commits = Commits::default();
    let mut cells = Cells::default();
    for line in lines {
        cells.add(line, commits.number(line));
    }
    let mut steps = Vec::new();
    for (variant, batch, mut points) in cells.all {
        points.retain(|point| point.instructions.is_some());
        points.sort_by_key(|point| point.at);
        // Of a commit the newest count.
        let newest = points.chunk_by(|a, b| a.at == b.at).filter_map(|same| {
            let point = same.last()?;
            Some((point.at, point.instructions?))
        });
        let newest: Vec<_> = newest.collect();
        for pair in newest.windows(2) {
            let [(_, before), (at, after)] = [pair[0], pair[1]];
            if (after - before).abs() > SAME_COUNT * before.max(1.0) {
                let step = CountStep {
                    variant: variant.to_owned(),
                    batch,
                    commit: commits.all[at].clone(),
                    instructions: [before, after],
                };
                steps.push((at, step));
            }
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::super::changes::Opinion;
    use super::super::simulation::Series;
    use super::*;
    use crate::history::example;

    /// So many lines of a cell with a step.
    fn lines(count: usize, step: (usize, f64)) -> Vec<Line> {
        let values = Series::new(7).steps(count, &[step], 0.003);
        let line = |(hour, value): (u64, f64)| {
            example::line(hour, &[("reg=boxed", 32, 4.0 * value.exp())])
        };
        (0..).zip(values).map(line).collect()
    }

    fn trend(lines: Vec<Line>) -> Trend {
        of(&Loaded { lines, notes: Vec::new() })
    }

    #[test]
    fn a_change_has_its_commit_its_size_and_its_levels() {
        let mut lines = lines(40, (25, 0.03));
        for line in &mut lines[25..] {
            line.cells[0].instructions = Some(110.0);
        }
        let trend = trend(lines.clone());
        let [machine] = &trend.machines[..] else { panic!("{trend:?}") };
        assert_eq!((machine.runs, machine.commits.len()), (40, 40));
        let [change] = &machine.changes[..] else { panic!("{machine:?}") };
        assert_eq!(change.commit.subject.as_deref(), Some("Change 25"));
        assert_eq!(change.opinion, Opinion::Both);
        let [low, high] = change.interval.expect("an interval");
        assert!(low < 0.0304 && 0.0304 < high, "{change:?}");
        assert!((change.levels[0] - 4.0).abs() < 0.02, "{change:?}");
        assert_eq!(change.instructions, Some([100.0, 110.0]));
        let [count] = &trend.counts[..] else { panic!("{trend:?}") };
        assert_eq!(count.commit, change.commit);
        // The order of files does not matter.
        lines.reverse();
        assert_eq!(super::of(&Loaded { lines, notes: vec![] }), trend);
    }

    #[test]
    fn machines_are_not_joined_in_time_and_their_counts_are() {
        let mut lines = lines(40, (20, 0.05));
        for line in &mut lines[20..] {
            line.fingerprint.kernel = "6.2.0".to_owned();
            line.cells[0].instructions = Some(90.0);
        }
        let trend = trend(lines);
        let [new, old] = &trend.machines[..] else { panic!("{trend:?}") };
        assert_eq!((new.runs, old.runs), (20, 20));
        assert!(new.changes.is_empty() && old.changes.is_empty());
        assert_eq!(new.apart, None);
        let apart = old.apart.as_deref().expect("a difference");
        assert_eq!(apart, "kernel 6.2.0, here 6.1.0");
        assert_eq!(trend.counts.len(), 1);
        assert!((trend.counts[0].effect() + 0.1).abs() < 1e-9);
    }

    #[test]
    fn another_apparatus_begins_anew() {
        for part in ["apparatus", "reference"] {
            let mut lines = lines(40, (20, 0.05));
            for line in &mut lines[20..] {
                match part {
                    "apparatus" => line.apparatus = "other".to_owned(),
                    _ => line.reference = Some("other".to_owned()),
                }
            }
            let trend = trend(lines);
            let machine = &trend.machines[0];
            assert!(machine.changes.is_empty(), "{machine:?}");
            let [one] = &machine.breaks[..] else { panic!("{machine:?}") };
            assert_eq!(one.at, 20);
            assert!(one.why.contains(part), "{one:?}");
            let level = machine.cells[0].level.expect("a level");
            assert!(level > 4.1, "{level}");
        }
    }

    #[test]
    fn lines_of_a_machine_that_moved_are_kept_and_not_looked_at() {
        let mut lines = lines(40, (99, 0.0));
        for line in &mut lines[15..25] {
            line.moved = Some(true);
            for cell in &mut line.cells {
                cell.ratio = cell.ratio.map(|ratio| ratio * 1.2);
            }
        }
        let machine = &trend(lines).machines[0];
        assert_eq!((machine.moved, machine.changes.len()), (10, 0));
        let points = &machine.cells[0].points;
        assert_eq!(points.iter().filter(|point| point.moved).count(), 10);
    }

    #[test]
    fn a_commit_has_one_place_and_one_level() {
        let mut lines = lines(40, (21, 0.05));
        // Measured again at the end, and as long as it took.
        for line in &mut lines[20..24] {
            line.commit = "same".to_owned();
        }
        let mut again = lines[3].clone();
        again.measured = "2027-01-01T00:00:00Z".to_owned();
        lines.push(again);
        let machine = &trend(lines).machines[0];
        assert_eq!((machine.runs, machine.commits.len()), (41, 37));
        let at: Vec<_> = machine.cells[0].points.iter().map(|p| p.at).collect();
        assert_eq!(at[..6], [0, 1, 2, 3, 3, 4]);
        let change = &machine.changes[0];
        assert!([20, 21].contains(&change.at), "{change:?}");
    }

    #[test]
    fn few_lines_have_no_change() {
        for count in 0..=3 {
            let lines = lines(count, (1, 0.5));
            let trend = trend(lines);
            assert!(trend.machines.iter().all(|m| m.changes.is_empty()));
            assert_eq!(trend.machines.len(), count.min(1));
        }
    }
}

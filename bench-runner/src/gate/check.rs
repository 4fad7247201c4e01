//! `check`: whether this program is slower than a baseline.

use std::time::Instant;

use super::apparatus::{self, UNOPTIMISED};
use super::archive::{Baseline, CellOf, Code, Store};
use super::cause;
use super::conclusion;
use super::counts::{self, Counted};
use super::environment::{self, Chart};
use super::links;
use super::record::{
    self, Against, CellRecord, CellVerdict, Counts, Effort, Limits, Record,
    Time,
};
use super::timing::{Course, Look};
use super::verdict::{self, RULE, Shown};
use super::{Tier, annotations, output, setting, text};
use crate::build_info;
use crate::card;
use crate::cli::CheckArgs;
use crate::environment::Root;
use crate::failure::{Exit, Failure};
use crate::fingerprint::Fingerprint;
use crate::folder::Folder;
use crate::history::{self, Line, Place, Point};
use crate::measure::reference;
use crate::output as terminal;
use crate::plan;
use crate::quality;
use crate::results::{Cell, Run};
use crate::stats;
use crate::sweep::{command_line, now, terminal_width};

/// Holds this program against a baseline.
pub fn command(args: &CheckArgs) -> Result<(), Failure> {
    card::ports::none(args.nic.as_ref(), "check")?;
    let record = Check::new(args)?.run()?;
    let on_github = std::env::var("GITHUB_ACTIONS").as_deref() == Ok("true");
    if args.json {
        let json = serde_json::to_string_pretty(&record);
        terminal::line(json.map_err(Failure::error)?);
    } else {
        terminal::print(text::text(&record, terminal_width()));
        if args.annotations || on_github {
            terminal::print(annotations::annotations(&record));
        }
        for note in &record.notes {
            eprintln!("note: {note}");
        }
    }
    match record.verdict.exit() {
        None => Ok(()),
        Some(exit) => Err(Failure::of(exit, &record.line)),
    }
}

/// What was asked for, as far as it can be had here.
struct Check<'a> {
    args: &'a CheckArgs,
    baseline: Baseline,
    /// The baseline's cells that were chosen and that this program has.
    cells: Vec<CellOf>,
    tiers: Vec<Tier>,
    rule: Limits,
    folder: Option<Folder>,
    notes: Vec<String>,
}

/// What was measured, and what it cost.
struct Timed {
    first: Look,
    shown: Vec<Option<Shown>>,
    again: Vec<Option<Shown>>,
    effort: Effort,
}

impl<'a> Check<'a> {
    fn new(args: &'a CheckArgs) -> Result<Self, Failure> {
        links::check(args.gate.links)?;
        let rule = Limits { limit: args.limit, ..RULE };
        if rule.limit <= rule.margin {
            return Err(Failure::error(format!(
                "--limit {}%: must be above the margin of {} %",
                rule.limit * 100.0,
                rule.margin * 100.0
            )));
        }
        let mut tiers = args.tier.clone();
        tiers.sort_unstable();
        tiers.dedup();
        if tiers == [Tier::Environment] {
            return Err(Failure::error(
                "--tier environment: it looks at the times that --tier timing \
                 takes; name both",
            ));
        }
        let store = Store::find(&args.store)?;
        let baseline = store.load(&args.against)?;
        apparatus::apart(&baseline.manifest.build)?;
        let out = args.out.as_deref();
        let folder = out.map(|out| Folder::without(record::FILE, out));
        let mut check = Self {
            args,
            cells: baseline.manifest.cells.clone(),
            baseline,
            tiers,
            rule,
            folder: folder.transpose()?,
            notes: Vec::new(),
        };
        check.choose()?;
        if build_info::build().profile != "release" {
            check.notes.push(UNOPTIMISED.to_owned());
        }
        Ok(check)
    }

    /// Leaves the cells that were asked for and that both programs have.
    fn choose(&mut self) -> Result<(), Failure> {
        let args = self.args;
        let choice = &args.choice;
        let name = &self.baseline.manifest.name;
        if !(choice.axis.is_empty() && choice.variants.is_empty()) {
            let chosen = super::cells::variants(choice)?;
            let chosen: Vec<_> = chosen.iter().map(|v| v.name()).collect();
            self.cells.retain(|one| chosen.contains(&one.cell.variant));
        }
        if !args.batch.is_empty() {
            let asked =
                |one: &CellOf| args.batch.contains(&u32::from(one.cell.batch));
            self.cells.retain(asked);
        }
        if self.cells.is_empty() {
            return Err(Failure::error(format!(
                "baseline {name} has none of these cells: bench-runner \
                 baseline show {name} lists what it has"
            )));
        }
        let mut gone: Vec<String> = Vec::new();
        self.cells.retain(|one| {
            let there = plan::find(&one.cell.variant).is_ok();
            if !there && !gone.contains(&one.cell.variant) {
                gone.push(one.cell.variant.clone());
            }
            there
        });
        if !gone.is_empty() {
            self.notes.push(format!(
                "not in this program, and not checked: {}",
                gone.join(", ")
            ));
        }
        match self.cells.is_empty() {
            false => Ok(()),
            true => Err(Failure::error(format!(
                "this program has none of the variants of baseline {name}"
            ))),
        }
    }

    fn run(mut self) -> Result<Record, Failure> {
        let started = now();
        let times = self.tiers.contains(&Tier::Timing);
        let (machine, examination, template) = match times {
            true => {
                let cells: Vec<_> =
                    self.cells.iter().map(|one| one.cell.clone()).collect();
                // Nothing is measured where nothing can be compared.
                self.is_here(&setting::fingerprint())?;
                let run = setting::of(&self.args.gate, &cells)?;
                (run.machine.clone(), run.examination.clone(), Some(run))
            }
            false => (Root::default().machine(0), None, None),
        };
        let fingerprint = Fingerprint::of(&Root::default(), &machine);
        let counts = self.count(&fingerprint)?;
        let timed = template.map(|run| self.time(run)).transpose()?;
        let environment = match &timed {
            Some(timed) if self.tiers.contains(&Tier::Environment) => {
                Some(self.chart(timed))
            }
            _ => None,
        };
        let cells = self.judge(counts, timed.as_ref());
        let manifest = &self.baseline.manifest;
        let (verdict, line) =
            conclusion::of(&cells, environment.as_ref(), &self.rule);
        let record = Record {
            schema: record::SCHEMA,
            command: command_line(),
            started,
            baseline: Against {
                name: manifest.name.clone(),
                saved: manifest.saved.clone(),
                build: manifest.build.clone(),
            },
            build: build_info::build(),
            machine,
            fingerprint,
            examination,
            tiers: self.tiers.clone(),
            rule: self.rule,
            effort: timed.as_ref().map(|timed| timed.effort.clone()),
            environment,
            cells,
            verdict,
            line,
            notes: self.notes.clone(),
        };
        if let Some(folder) = &self.folder {
            output::write(folder, &record)?;
        }
        self.remember(&record, timed.as_ref())?;
        Ok(record)
    }

    /// Whether the baseline's times are those of this machine.
    fn is_here(&self, here: &Fingerprint) -> Result<(), Failure> {
        let manifest = &self.baseline.manifest;
        match manifest.fingerprint.apart_in_time(here) {
            None => Ok(()),
            Some(what) => Err(Failure::environment(format!(
                "baseline {} was saved on another machine, and times of two \
                 are not compared: {what}; save one here, or compare counts \
                 by --tier counts",
                manifest.name
            ))),
        }
    }

    /// Tier 0, cell by cell; none where it cannot be had and there is more.
    fn count(
        &mut self,
        here: &Fingerprint,
    ) -> Result<Option<Vec<Counts>>, Failure> {
        if !self.tiers.contains(&Tier::Counts) {
            return Ok(None);
        }
        match self.try_count(here) {
            Ok(counts) => Ok(Some(counts)),
            Err(failure)
                if failure.exit == Exit::Environment
                    && self.tiers.len() > 1 =>
            {
                self.tiers.retain(|tier| *tier != Tier::Counts);
                self.notes.push(format!("nothing counted: {failure}"));
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    fn try_count(
        &mut self,
        here: &Fingerprint,
    ) -> Result<Vec<Counts>, Failure> {
        let manifest = &self.baseline.manifest;
        let name = &manifest.name;
        let then: Option<Vec<Counted>> =
            self.cells.iter().map(|one| one.counts).collect();
        let Some(then) = then else {
            return Err(Failure::environment(format!(
                "baseline {name} was saved without counts: save one with \
                 --tier counts,timing"
            )));
        };
        if let Some(what) = manifest.fingerprint.apart_in_counts(here) {
            return Err(Failure::environment(format!(
                "baseline {name} was counted on another machine, on which \
                 other code is chosen: {what}; save one here"
            )));
        }
        let apart = manifest.fingerprint.apart_in_libraries(here);
        let cells: Vec<Cell> =
            self.cells.iter().map(|one| one.cell.clone()).collect();
        let now = counts::count(&cells)?;
        if let Some(what) = &apart {
            self.notes.push(format!(
                "counts are of this program's own code, without libraries: \
                 {what}"
            ));
        }
        let both = then.iter().zip(&now);
        let counts = both.map(|(then, now)| now.against(then, apart.is_none()));
        Ok(counts.collect())
    }

    /// Tier 1.
    fn time(&self, template: Run) -> Result<Timed, Failure> {
        let args = &self.args.gate;
        let seed = template.setup.seed;
        let name = "this program";
        let mut theirs = links::of_baseline(&self.baseline)?;
        let wanted = args.links as usize;
        if theirs.len() < wanted {
            return Err(Failure::error(format!(
                "--links {wanted}: baseline {} has {} of them; save it again \
                 with as many",
                self.baseline.manifest.name,
                theirs.len()
            )));
        }
        let mut later = theirs.split_off(wanted);
        if later.len() < wanted {
            later = theirs.clone();
        }
        let place = tempfile::tempdir().map_err(Failure::environment)?;
        let mut seeds = Vec::new();
        let mut ours = vec![links::this_program()?.program(name)?];
        let more = |number, count, seeds: &mut Vec<u32>| {
            let made =
                links::of_this_program(count, seed, number, place.path())?;
            seeds.extend(made.iter().filter_map(|link| link.seed));
            made.iter().map(|link| link.program(name)).collect()
        };
        let linked: Result<Vec<_>, Failure> =
            more(1, args.links - 1, &mut seeds);
        ours.extend(linked?);

        let out = self.folder.as_ref().map(Folder::path);
        let course = Course::new(template, out);
        let pairs = links::pairs(theirs, ours.clone());
        let begin = Instant::now();
        let pace = course.pace(&pairs)?;
        let effort = setting::effort(&pace, args)?;
        let first = course.look("first", &pairs, course.all(), effort)?;
        let mut spent = begin.elapsed().as_secs_f64();

        let shown: Vec<_> = course
            .all()
            .into_iter()
            .map(|cell| Shown::of(&first.values(cell)))
            .collect();
        let is_plain = |cell: &usize| {
            let shown = shown[*cell].as_ref();
            shown.is_some_and(|shown| shown.is_plain(&self.rule))
        };
        let mut flagged = course.all();
        flagged.retain(|cell| !is_plain(cell));
        let mut again = vec![None; shown.len()];
        let mut fresh_pairs = 0;
        if !flagged.is_empty() {
            // With one link there is no other one.
            if args.links > 1 {
                ours = more(2, args.links, &mut seeds)?;
            }
            let pairs = links::pairs(later, ours);
            let share = flagged.len() as f64 / shown.len() as f64;
            let left = f64::from(args.seconds) - spent;
            let most = 3 * effort.pairs;
            let fresh = pace.effort(share, left, args.links, most);
            let fresh = fresh.unwrap_or_else(|| pace.fewest(args.links));
            let begin = Instant::now();
            let look = course.look("second", &pairs, flagged, fresh)?;
            spent += begin.elapsed().as_secs_f64();
            fresh_pairs = fresh.pairs;
            for (place, &cell) in look.cells.iter().enumerate() {
                again[cell] = Shown::of(&look.values(place));
            }
        }
        let effort = Effort {
            seed,
            links: args.links,
            seeds,
            pairs: effort.pairs,
            rounds: effort.rounds,
            flagged: again.iter().flatten().count() as u32,
            fresh_pairs,
            seconds: spent,
        };
        Ok(Timed { first, shown, again, effort })
    }

    /// Tier 2.
    fn chart(&self, timed: &Timed) -> record::Environment {
        let chart = |(place, one): (usize, &CellOf)| Chart {
            then: one.over_reference.clone(),
            now: timed.first.against_reference(place, false),
        };
        let charts: Vec<_> = self.cells.iter().enumerate().map(chart).collect();
        let run = &timed.first.run;
        let all = run.processes.len().max(1) as f64;
        environment::judge(&charts, quality::disturbed(run) as f64 / all)
    }

    /// What is said of each cell.
    fn judge(
        &self,
        counts: Option<Vec<Counts>>,
        timed: Option<&Timed>,
    ) -> Vec<CellRecord> {
        let verdicts = timed.map(|timed| {
            verdict::judge(&self.rule, &timed.shown, &timed.again)
        });
        let code = Codes::of(&self.baseline);
        let record = |(place, one): (usize, &CellOf)| {
            let Cell { variant, batch, workload, .. } = one.cell.clone();
            let counts = counts.as_ref().map(|counts| counts[place]);
            let time = timed.and_then(|timed| timed.of(place, &self.rule));
            let verdict = match (&verdicts, &counts) {
                (Some(verdicts), _) => verdicts[place],
                (None, Some(counts)) => counts::verdict(counts),
                (None, None) => CellVerdict::Inconclusive,
            };
            let risen = counts.is_some_and(|counts| counts.risen);
            let moved = verdict == CellVerdict::Slower
                || verdict == CellVerdict::Faster;
            let mut cause = (moved || risen).then(|| {
                cause::line(&cause::Evidence {
                    counts: counts.as_ref(),
                    code: code.of_variant(&variant),
                })
            });
            let by_links = timed
                .is_some_and(|timed| timed.differs_by_link(place, &self.rule));
            if verdict == CellVerdict::Inconclusive && by_links {
                let line = "its links are further apart than its processes: \
                            where the code lies matters more than the change";
                cause = Some(Some(line.to_owned()));
            }
            CellRecord {
                line: conclusion::of_cell(
                    &variant,
                    batch,
                    verdict,
                    time.as_ref(),
                    &counts,
                ),
                variant,
                batch,
                workload,
                verdict,
                time,
                counts,
                cause: cause.flatten(),
            }
        };
        self.cells.iter().enumerate().map(record).collect()
    }

    /// Adds the check to the history, where one was named.
    fn remember(
        &self,
        record: &Record,
        timed: Option<&Timed>,
    ) -> Result<(), Failure> {
        let place = match (&self.args.history, &self.args.history_branch) {
            (Some(folder), _) => Place::Folder(folder.clone()),
            (_, Some(branch)) => Place::Branch(branch.clone()),
            _ => return Ok(()),
        };
        let about = history::about(&record.build.commit);
        let point = |(place, cell): (usize, &CellRecord)| {
            let values =
                timed.map(|timed| timed.first.against_reference(place, true));
            let values = values.unwrap_or_default();
            Point {
                variant: cell.variant.clone(),
                batch: cell.batch,
                ratio: stats::trimmed_mean(&values).map(f64::exp),
                spread: stats::deviation(&values),
                instructions: cell.counts.map(|c| c.candidate.instructions),
                verdict: cell.verdict,
            }
        };
        let unknown = || "unknown".to_owned();
        let line = Line {
            schema: history::SCHEMA,
            measured: record.started.clone(),
            commit: record.build.commit.clone(),
            dirty: record.build.dirty,
            committed: about.committed,
            subject: about.subject,
            fingerprint: record.fingerprint.clone(),
            apparatus: record.build.apparatus.clone().unwrap_or_else(unknown),
            reference: reference::digest().ok(),
            against: record.baseline.name.clone(),
            verdict: record.verdict,
            moved: record.environment.as_ref().and_then(|e| e.moved),
            cells: record.cells.iter().enumerate().map(point).collect(),
        };
        history::append(&place, &line)
    }
}

impl Timed {
    /// What both looks show of a cell.
    fn all(&self, cell: usize) -> Option<Shown> {
        let first = self.shown[cell].as_ref()?;
        match &self.again[cell] {
            Some(again) => first.and(again),
            None => Some(first.clone()),
        }
    }

    /// Whether a cell would be fine but for its links.
    fn differs_by_link(&self, cell: usize, rule: &Limits) -> bool {
        let all = self.all(cell);
        all.is_some_and(|all| {
            !all.is_fine(rule) && all.is_fine_by_processes(rule)
        })
    }

    fn of(&self, cell: usize, rule: &Limits) -> Option<Time> {
        let first = self.shown[cell].as_ref()?;
        let all = self.all(cell)?;
        let share = |logarithm: &f64| logarithm.exp_m1();
        let (low, high) = all.interval(rule);
        Some(Time {
            effect: share(&all.effect),
            interval: [low, high].map(|end| share(&end)),
            links: all.links.iter().map(share).collect(),
            first: self.again[cell].as_ref().map(|_| share(&first.effect)),
            pairs: all.processes.len() as u32,
            ns: self.first.ns(cell),
        })
    }
}

/// The machine code of both programs.
struct Codes<'a> {
    before: &'a [Code],
    now: Vec<Code>,
}

impl<'a> Codes<'a> {
    fn of(baseline: &'a Baseline) -> Self {
        let before = &*baseline.manifest.code;
        let names = before.iter().map(|code| &*code.variant);
        Self { before, now: Code::of_this_program(names) }
    }

    fn of_variant(&self, name: &str) -> Option<[&[String]; 2]> {
        fn of<'c>(all: &'c [Code], name: &str) -> Option<&'c [String]> {
            let code = all.iter().find(|code| code.variant == name)?;
            Some(&code.listing)
        }
        Some([of(self.before, name)?, of(&self.now, name)?])
    }
}

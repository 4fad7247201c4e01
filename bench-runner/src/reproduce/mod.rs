//! `reproduce`: published figures, measured here and held against what was
//! published.

mod campaign;
mod chart;
mod counted;
mod figures;
mod judge;
mod kernels;
mod latencies;
mod page;
pub mod published;
mod rates;
pub mod record;
mod shape;
pub mod sheet;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use crate::build_info;
use crate::cli::ReproduceArgs;
use crate::environment::{Circumstances, Root, machine_slug, warnings};
use crate::failure::{Exit, Failure};
use crate::folder::{self, Folder};
use crate::output;
use crate::results::{Machine, Run};
use crate::sweep::{command_line, now};
use crate::{affinity, process, table};
use campaign::{Bench, Campaign, Cells, apart};
use figures::{Kind, Plan};
use published::{Figure, Place};
use rates::Clock;
use record::{Asked, FILE, Record, Reproduced, SCHEMA, Way};
use sheet::sheets;

/// What stands for every figure.
const ALL: &str = "all";

/// Lists figures, or measures some.
///
/// # Errors
///
/// A line for what was asked wrongly, cannot be measured or written.
pub fn command(args: &ReproduceArgs) -> Result<(), Failure> {
    if args.list {
        output::print(list());
        return Ok(());
    }
    let (folder, mut record) = match args.resume {
        true => resume(args)?,
        false => begin(args)?,
    };
    if !record.is_finished() {
        measure(&folder, &mut record)
            .map_err(|failure| goes_on(failure, &folder))?;
    }
    write(&folder, &record)?;
    for sheet in sheets(&record) {
        let line = format!("{}: {}", sheet.id, sheet.title);
        output::line(format_args!("{line}\n    {}", sheet.verdict));
    }
    for note in &record.warnings {
        eprintln!("note: {note}");
    }
    output::line(format_args!(
        "Pages, charts and samples are in {}",
        folder.path().display()
    ));
    Ok(())
}

/// Tells a user who stopped it how it goes on.
fn goes_on(failure: Failure, folder: &Folder) -> Failure {
    match failure.exit {
        Exit::Interrupted => Failure::interrupted(format!(
            "stopped; bench-runner reproduce --resume --out {} goes on",
            folder.path().display()
        )),
        _ => failure,
    }
}

/// Measures what a record asks for.
fn measure(folder: &Folder, record: &mut Record) -> Result<(), Failure> {
    folder.put(FILE, record.text().as_bytes())?;
    let campaign = Campaign {
        folder,
        core: record.asked.core,
        model_core: record.asked.model_core,
        seed: record.asked.seed,
        quick: record.asked.quick,
    };
    let asked: Vec<_> = published::figures()
        .into_iter()
        .filter(|figure| record.asked.figures.contains(&figure.id))
        .collect();
    let gathered = Gathered::of(&campaign, &asked)?;
    record.warnings = gathered.warnings(record);
    record.figures.clear();
    for figure in &asked {
        eprintln!("{}: {}", figure.id, figure.title);
        let reproduced = gathered.reproduce(&campaign, figure)?;
        // What was complete when the user stopped it is too little.
        if process::interrupted().load(Ordering::Relaxed) {
            return Err(Failure::interrupted("stopped"));
        }
        record.figures.push(reproduced);
        folder.put(FILE, record.text().as_bytes())?;
    }
    Ok(())
}

/// Pages and charts of a record.
fn write(folder: &Folder, record: &Record) -> Result<(), Failure> {
    let sheets = sheets(record);
    for sheet in &sheets {
        for (name, svg) in &sheet.charts {
            folder.put_chart(name, svg)?;
        }
        let page = page::page(sheet);
        folder.put(&format!("{}.md", sheet.id), page.as_bytes())?;
    }
    folder.put("README.md", page::index(record, &sheets).as_bytes())
}

/// Every figure, how it is measured, and what it lacks here.
fn list() -> String {
    let mut table =
        table::table(["figure", "what it is of", "measured by"].into_iter());
    for column in table.column_iter_mut() {
        column.set_cell_alignment(comfy_table::CellAlignment::Left);
    }
    for figure in published::figures() {
        let by = match figures::plan(&figure.id).map(|plan| plan.kind) {
            Some(Kind::Rates { threads: true, .. }) => {
                "lockstep with and without modelled doorbells, threads"
            }
            Some(Kind::Rates { .. } | Kind::Frequencies) => {
                "lockstep with and without modelled doorbells"
            }
            Some(Kind::Latency { .. }) => "virtual time, wall clock",
            Some(Kind::Counters) => "callgrind, the processor's counters",
            Some(Kind::Kernels) => "micro-benchmarks, callgrind",
            Some(Kind::Statements) => "lockstep, callgrind",
            None => "nothing",
        };
        table.add_row([&*figure.id, &figure.title, by]);
    }
    table.trim_fmt() + "\n"
}

/// The figures that were named, in the order in which they are listed.
fn named(names: &[String]) -> Result<Vec<String>, Failure> {
    let ids = || figures::PLANS.iter().map(|plan| plan.id);
    let all = names.iter().any(|name| name.eq_ignore_ascii_case(ALL));
    for name in names {
        if !all && figures::plan(name).is_none() {
            return Err(Failure::error(format!(
                "no published figure {name}: name some of {}, or {ALL}",
                ids().collect::<Vec<_>>().join(", ")
            )));
        }
    }
    let is_named = |id: &&str| {
        all || names.iter().any(|name| name.eq_ignore_ascii_case(id))
    };
    Ok(ids().filter(is_named).map(str::to_owned).collect())
}

fn begin(args: &ReproduceArgs) -> Result<(Folder, Record), Failure> {
    let figures = named(&args.figures)?;
    let allowed = affinity::allowed_cores();
    for core in [args.core, args.model_core].into_iter().flatten() {
        if !allowed.contains(&core) {
            let error = affinity::Error::Unavailable { core, allowed };
            return Err(Failure::error(error));
        }
    }
    let core = args.core.or(allowed.last().copied()).unwrap_or_default();
    let machine = Root::default().machine(core);
    let started = now();
    let place = match &args.out {
        Some(path) => path.clone(),
        None => fresh(&started, &machine),
    };
    let folder = Folder::without(FILE, &place)?;
    let record = Record {
        schema: SCHEMA,
        command: command_line(),
        started,
        build: build_info::build(),
        machine,
        asked: Asked {
            figures,
            seed: args.seed.unwrap_or_else(|| fastrand::u64(..) >> 11),
            core: args.core,
            model_core: args.model_core,
            quick: args.quick,
        },
        figures: Vec::new(),
        warnings: Vec::new(),
    };
    Ok((folder, record))
}

/// A folder in `results/` that has no reproduction yet.
fn fresh(started: &str, machine: &Machine) -> PathBuf {
    let date = started.split('T').next().unwrap_or(started);
    let name = format!("{date}-{}-reproduction", machine_slug(machine));
    folder::free(&name, FILE)
}

fn resume(args: &ReproduceArgs) -> Result<(Folder, Record), Failure> {
    let Some(path) = &args.out else {
        return Err(Failure::error(
            "--resume: name the folder to go on with by --out",
        ));
    };
    let record = Record::load(path).map_err(Failure::error)?;
    let folder = Folder::open(path)?;
    let build = build_info::build();
    if !record.is_finished() && record.build != build {
        return Err(Failure::error(format!(
            "{} was begun by another build (commit {}, this is {}): start a \
             new one",
            path.display(),
            record.build.commit,
            build.commit
        )));
    }
    Ok((folder, record))
}

/// Samples, or why there are none.
type Sampled = Result<Run, String>;

/// What several figures are made of.
struct Gathered {
    /// Runs at the machine's own frequency.
    own: BTreeMap<Bench, Sampled>,
    /// Runs at frequencies in MHz.
    set: BTreeMap<u64, Sampled>,
    /// Why no frequency can be set, where that is so.
    unset: Option<String>,
}

/// What was measured, or why it could not be; what the user stops stays a
/// failure.
fn tried<T>(result: Result<T, Failure>) -> Result<Result<T, String>, Failure> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(failure) if failure.exit == Exit::Interrupted => Err(failure),
        Err(failure) => Ok(Err(failure.to_string())),
    }
}

fn kind_of(figure: &Figure) -> Kind {
    let plan = figures::plan(&figure.id);
    plan.map_or(Kind::Statements, |plan: &Plan| plan.kind)
}

impl Gathered {
    /// Measures the cells of all figures, bench by bench.
    fn of(campaign: &Campaign, figures: &[Figure]) -> Result<Self, Failure> {
        let mut benches: BTreeMap<Bench, Cells> = BTreeMap::new();
        let mut frequencies: BTreeMap<u64, Cells> = BTreeMap::new();
        for figure in figures {
            let kind = kind_of(figure);
            let cells = rates::cells(figure, kind);
            if cells.is_empty() {
                continue;
            }
            let mut add = |bench| {
                benches.entry(bench).or_default().extend(cells.clone());
            };
            add(Bench::Doorbell);
            add(Bench::Lockstep);
            if matches!(kind, Kind::Rates { threads: true, .. }) {
                add(Bench::Threads);
            }
            for mhz in mhz_of(figure, kind) {
                frequencies.entry(mhz).or_default().extend(cells.clone());
            }
        }
        let unset = frequencies
            .keys()
            .next()
            .and_then(|mhz| campaign::hold(*mhz).err());
        let mut own = BTreeMap::new();
        for (bench, cells) in &benches {
            eprintln!("{}", bench.words());
            let run = apart(|| campaign.sweep(*bench, cells, None));
            let run = tried(run)?;
            own.insert(*bench, run);
        }
        let mut set = BTreeMap::new();
        if unset.is_none() {
            for (mhz, cells) in &frequencies {
                eprintln!("{} at {mhz} MHz", Bench::Doorbell.words());
                let bench = Bench::Doorbell;
                let run = apart(|| campaign.sweep(bench, cells, Some(*mhz)));
                set.insert(*mhz, tried(run)?);
            }
        }
        Ok(Self { own, set, unset })
    }

    /// What a reader of all of it has to know.
    fn warnings(&self, record: &Record) -> Vec<String> {
        let core = record.asked.core.unwrap_or_default();
        let circumstances = Circumstances {
            build: &record.build,
            machine: &record.machine,
            core,
            model_core: record.asked.model_core.unwrap_or(core),
            stolen_ticks: None,
        };
        let mut all = warnings(&Root::default(), &circumstances);
        for run in self.own.values().chain(self.set.values()).flatten() {
            for warning in &run.warnings {
                if !all.contains(warning) {
                    all.push(warning.clone());
                }
            }
        }
        all
    }

    /// A figure from what is there.
    fn reproduce(
        &self,
        campaign: &Campaign,
        figure: &Figure,
    ) -> Result<Reproduced, Failure> {
        let (ways, absent) = match kind_of(figure) {
            Kind::Rates { mhz, threads } => self.rates(figure, mhz, threads),
            Kind::Frequencies => self.frequencies(figure),
            Kind::Latency { per_second } => {
                latency(campaign, figure, per_second)?
            }
            Kind::Counters => counters(campaign, figure)?,
            Kind::Kernels => kernels(campaign, figure)?,
            Kind::Statements => self.statements(campaign, figure)?,
        };
        Ok(Reproduced { id: figure.id.clone(), ways, absent })
    }

    fn rates(
        &self,
        figure: &Figure,
        mhz: u64,
        threads: bool,
    ) -> (Vec<Way>, Vec<String>) {
        let (mut ways, mut absent) = (Vec::new(), Vec::new());
        let ghz = mhz as f64 / 1e3;
        match (self.set.get(&mhz), &self.unset) {
            (Some(Ok(run)), _) => {
                let clock = Clock::Set(ghz);
                let bench = Bench::Doorbell;
                ways.push(rates::over_batches(figure, bench, clock, run));
            }
            (Some(Err(why)), _) | (None, Some(why)) => absent.push(format!(
                "The core was not set to {ghz} GHz ({why}): cycles per packet \
                 are projected to it."
            )),
            (None, None) => {}
        }
        let mut benches = vec![
            (Bench::Doorbell, Clock::Projected(ghz)),
            (Bench::Lockstep, Clock::Projected(ghz)),
        ];
        if threads {
            benches.push((Bench::Threads, Clock::Own));
        }
        for (bench, clock) in benches {
            match self.own.get(&bench) {
                Some(Ok(run)) => {
                    ways.push(rates::over_batches(figure, bench, clock, run));
                    absent.extend(rates::model_bound(figure, run));
                }
                Some(Err(why)) => absent
                    .push(format!("Not measured in {}: {why}.", bench.words())),
                None => {}
            }
        }
        (ways, absent)
    }

    fn frequencies(&self, figure: &Figure) -> (Vec<Way>, Vec<String>) {
        let (mut ways, mut absent) = (Vec::new(), Vec::new());
        let asked = mhz_of(figure, Kind::Frequencies);
        let runs: Vec<_> = asked
            .iter()
            .filter_map(|mhz| {
                let run = self.set.get(mhz)?.as_ref().ok()?;
                Some((*mhz, run.clone()))
            })
            .collect();
        if !runs.is_empty() {
            ways.push(rates::at_frequencies(figure, Bench::Doorbell, &runs));
        }
        let missing = asked.len() - runs.len();
        if missing > 0 {
            let why = match &self.unset {
                Some(why) => format!(" ({why})"),
                None => String::new(),
            };
            absent.push(format!(
                "The core was not set to {missing} of the {} frequencies\
                 {why}: rates are projected to them.",
                asked.len()
            ));
        }
        for bench in [Bench::Doorbell, Bench::Lockstep] {
            match self.own.get(&bench) {
                Some(Ok(run)) => {
                    ways.push(rates::projected(figure, bench, run));
                }
                Some(Err(why)) => absent
                    .push(format!("Not measured in {}: {why}.", bench.words())),
                None => {}
            }
        }
        (ways, absent)
    }

    fn statements(
        &self,
        campaign: &Campaign,
        figure: &Figure,
    ) -> Result<(Vec<Way>, Vec<String>), Failure> {
        let (mut ways, mut absent) = (Vec::new(), Vec::new());
        let counts = tried(counted_statements(campaign, figure))?;
        let counts = counts.unwrap_or_else(|why| {
            absent.push(format!("Nothing was counted: {why}."));
            Vec::new()
        });
        for bench in [Bench::Doorbell, Bench::Lockstep] {
            match self.own.get(&bench) {
                Some(Ok(run)) => {
                    let mut way = rates::statements(figure, bench, run);
                    way.findings.extend(counts.clone());
                    ways.push(way);
                }
                Some(Err(why)) => absent
                    .push(format!("Not measured in {}: {why}.", bench.words())),
                None => {}
            }
        }
        let spoken = |id: &String| {
            ways.iter().any(|way| way.findings.iter().any(|f| f.id == *id))
        };
        let silent = figure.findings.iter().map(|finding| &finding.id);
        let silent: Vec<_> =
            silent.filter(|id| !spoken(id)).map(|id| &**id).collect();
        if !silent.is_empty() {
            absent
                .push(format!("Nothing here speaks to {}.", silent.join(", ")));
        }
        Ok((ways, absent))
    }
}

/// The frequencies of a figure, in MHz.
fn mhz_of(figure: &Figure, kind: Kind) -> Vec<u64> {
    match kind {
        Kind::Rates { mhz, .. } => vec![mhz],
        Kind::Frequencies => {
            let series = figure.panels.iter().flat_map(|p| &p.series);
            let points = series.flat_map(|series| &series.points);
            let mut all: Vec<u64> = points
                .filter_map(|point| match point.x {
                    Place::Number(ghz) => Some((ghz * 1e3).round() as u64),
                    Place::Name(_) => None,
                })
                .collect();
            all.sort_unstable();
            all.dedup();
            all
        }
        _ => Vec::new(),
    }
}

fn latency(
    campaign: &Campaign,
    figure: &Figure,
    per_second: f64,
) -> Result<(Vec<Way>, Vec<String>), Failure> {
    let (mut ways, mut absent) = (Vec::new(), Vec::new());
    let variants = latencies::variants(figure);
    for in_virtual_time in [true, false] {
        let measured = apart(|| {
            campaign.latency(in_virtual_time, figure, &variants, per_second)
        });
        match tried(measured)? {
            Ok(record) => {
                ways.push(latencies::way(figure, per_second, &record));
                // Of all notes, those about what was measured.
                let about = |note: &&String| {
                    variants.iter().any(|name| note.starts_with(name))
                };
                let notes = record.warnings.iter().filter(about);
                absent.extend(notes.map(|note| format!("{note}.")));
            }
            Err(why) => absent.push(format!(
                "Not measured {}: {why}.",
                match in_virtual_time {
                    true => "in virtual time",
                    false => "on the wall clock",
                }
            )),
        }
    }
    Ok((ways, absent))
}

fn counters(
    campaign: &Campaign,
    figure: &Figure,
) -> Result<(Vec<Way>, Vec<String>), Failure> {
    let names = distinct(latencies::variants(figure));
    match tried(campaign.counters(&names, &[8, 32]))? {
        Ok(packets) => {
            let (way, absent) = counted::way(figure, &packets);
            Ok((vec![way], absent))
        }
        Err(why) => Ok((Vec::new(), vec![format!("Nothing counted: {why}.")])),
    }
}

fn kernels(
    campaign: &Campaign,
    figure: &Figure,
) -> Result<(Vec<Way>, Vec<String>), Failure> {
    let Campaign { core, seed, quick, .. } = *campaign;
    match tried(apart(|| kernels::ways(figure, core, seed, quick)))? {
        Ok(ways) => Ok(ways),
        Err(why) => Ok((Vec::new(), vec![format!("Not measured: {why}.")])),
    }
}

fn counted_statements(
    campaign: &Campaign,
    figure: &Figure,
) -> Result<Vec<record::MeasuredFinding>, Failure> {
    let (names, batches): (Vec<_>, Vec<_>) =
        counted::asked(figure).into_iter().unzip();
    let (names, batches) = (distinct(names), distinct(batches));
    let packets = campaign.counters(&names, &batches)?;
    Ok(counted::statements(figure, &packets))
}

/// Each once, in the order of its first place.
fn distinct<T: PartialEq>(all: Vec<T>) -> Vec<T> {
    let mut once = Vec::new();
    for one in all {
        if !once.contains(&one) {
            once.push(one);
        }
    }
    once
}

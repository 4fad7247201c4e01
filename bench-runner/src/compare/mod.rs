//! `compare`: whether B is faster or slower than A, how sure that is, and
//! where it comes from.

mod contender;
mod why;

use std::path::Path;

use serde_json::{Value, json};

use crate::analysis;
use crate::build_info;
use crate::cli::{CompareArgs, PlacementArg};
use crate::doctor;
use crate::failure::Failure;
use crate::folder::Folder;
use crate::layouts::{self, Alignment, Layout};
use crate::measurement::{self, Outcome, Program, Programs};
use crate::output;
use crate::plan::{self, Contenders, Effort};
use crate::quality;
use crate::results::{Placement, Run};
use crate::sweep::{now, prepare};
use crate::verdict::{Evidence, Finding, Look, Looks, Rule, Step, Verdict};
use contender::{Contender, Pair};

/// Compares two contenders until something can be said of each pair.
pub fn command(args: &CompareArgs) -> Result<(), Failure> {
    let effort = Effort::of_pair(Placement::from(args.measure.placement));
    let mut setup = plan::setup(&args.measure, effort)?;
    let mut a = Contender::parse(&args.a)?;
    let mut b = Contender::parse(&args.b)?;
    let two = programs(&mut a, &mut b, args)?;
    let (ring, asked) = (args.measure.ring, args.measure.workload);
    let pairs = contender::pairs(&a, &b, &args.batch, ring, setup.fill, asked)?;
    let cells = contender::cells(&pairs);
    plan::classify(&mut setup, &cells, &args.measure)?;
    if let Some(every) = args.inject_every {
        let copies = pairs.iter().all(|pair| pair.b.copy);
        let lockstep = setup.placement == Placement::Lockstep;
        if !copies || !lockstep {
            return Err(Failure::error(format!(
                "--inject-every {every}: only for a variant against its copy, \
                 in lockstep"
            )));
        }
        setup.injected_every = Some(every);
    }
    let looks = looks(args.measure.processes, two.is_some())?;
    if !(args.layouts == 0 || (2..=layouts::MOST).contains(&args.layouts)) {
        return Err(Failure::error(format!(
            "--layouts {}: must be from 2 to {}, besides the measured build",
            args.layouts,
            layouts::MOST
        )));
    }
    let contenders = Contenders {
        variants: vec![a.variant, b.variant],
        same_code: Vec::new(),
        warnings: Vec::new(),
    };
    let first = folder(args.output.out.as_deref(), None)?;
    let seeds: Vec<_> = (1..=args.layouts).collect();
    let others = match seeds.is_empty() {
        true => Vec::new(),
        false => layouts::link(&seeds, Alignment::None, &layouts::folder())?,
    };
    let examination = match first {
        Some(_) => Some(doctor::record(&setup)?),
        None => None,
    };
    let mut run = prepare(setup, effort, cells, contenders, now())?;
    run.examination = examination;
    let mut links = vec![match two {
        Some(two) => Link::of_two(two, run, first),
        None => Link::of_this_program(run, first)?,
    }];
    for layout in &others {
        let folder = folder(args.output.out.as_deref(), Some(layout))?;
        links.push(Link::of_layout(&links[0].run, layout, folder));
    }

    let mut findings = Vec::new();
    for look in looks.iter() {
        for link in &mut links {
            link.measure(look.processes)?;
        }
        let steps = judge(&look, &links, &pairs)?;
        let undecided =
            steps.iter().any(|step| matches!(step, Step::MeasureMore(_)));
        findings = steps.into_iter().map(Step::finding).collect();
        if !undecided {
            break;
        }
    }
    let why = match args.brief {
        true => Vec::new(),
        false => why::lines(&pairs)?,
    };
    match args.output.json {
        true => {
            let json = report(&pairs, &findings, &links, &why);
            output::line(format_args!("{json:#}"));
        }
        false => {
            let lines = pairs.iter().zip(&findings).map(line);
            for line in lines.chain(why) {
                output::line(format_args!("{line}"));
            }
        }
    }
    for note in notes(&links) {
        eprintln!("note: {note}");
    }
    conclusion(&findings)
}

/// The programs of two contenders, unless both are of this one; the
/// contenders' are called by their names from then on.
fn programs(
    a: &mut Contender,
    b: &mut Contender,
    args: &CompareArgs,
) -> Result<Option<measurement::Pair>, Failure> {
    let others = contender::others(a, b);
    if others == [false, false] {
        return Ok(None);
    }
    if args.measure.placement == PlacementArg::Threaded {
        return Err(Failure::error(
            "--placement threaded: two programs take turns, in lockstep only",
        ));
    }
    if args.layouts > 0 {
        return Err(Failure::error(format!(
            "--layouts {}: --layouts links this program only; leave it out, \
             or compare without a PROGRAM",
            args.layouts
        )));
    }
    let find = |contender: &mut Contender| match &contender.program {
        None => Program::this(),
        Some(path) => {
            let program = Program::find(path)?;
            contender.program = Some(program.name().to_owned());
            Ok(program)
        }
    };
    let (of_a, of_b) = (find(a)?, find(b)?);
    let (first, other) = match others {
        [true, _] => (of_b, of_a),
        _ => (of_a, of_b),
    };
    Ok(Some(measurement::Pair { first, other }))
}

/// From how many processes on two programs are looked at: each has a stack and
/// a heap of its own, so that process values scatter more.
const OF_TWO_PROGRAMS: usize = 16;

/// How often to look: as the protocol has it, or once where the number of
/// processes was chosen.
fn looks(processes: Option<u32>, of_two: bool) -> Result<Looks, Failure> {
    match processes {
        None if of_two => Ok(Looks::from(OF_TWO_PROGRAMS)),
        None => Ok(Looks::default()),
        Some(n) if n >= 3 => Ok(Looks::once(n as usize)),
        Some(n) => Err(Failure::error(format!(
            "--processes {n}: a verdict needs three or more"
        ))),
    }
}

/// A folder for the samples of a link, where any are to be kept.
fn folder(
    out: Option<&Path>,
    layout: Option<&Layout>,
) -> Result<Option<Folder>, Failure> {
    let Some(out) = out else { return Ok(None) };
    let path = match layout {
        None => out.to_owned(),
        Some(Layout { seed, .. }) => out.join(format!("layout-{seed}")),
    };
    let folder = Folder::open(&path)?;
    if folder.load()?.is_some() {
        return Err(Failure::error(format!(
            "{} holds a run already: choose another folder by --out",
            path.display()
        )));
    }
    Ok(Some(folder))
}

/// A link of this program, or two programs, and what was measured.
struct Link {
    programs: Programs,
    run: Run,
    folder: Option<Folder>,
}

impl Link {
    fn of_this_program(
        run: Run,
        folder: Option<Folder>,
    ) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(Failure::environment)?;
        Ok(Self { programs: Programs::One(program), run, folder })
    }

    fn of_two(
        pair: measurement::Pair,
        mut run: Run,
        folder: Option<Folder>,
    ) -> Self {
        run.build = pair.first.build.clone();
        run.other_build = Some(pair.other.build.clone());
        Self { programs: Programs::Two(Box::new(pair)), run, folder }
    }

    /// A layout is measured as the first link is, with a seed of its own.
    fn of_layout(first: &Run, layout: &Layout, folder: Option<Folder>) -> Self {
        let mut run = Run { processes: Vec::new(), ..first.clone() };
        run.setup.seed ^= u64::from(layout.seed) << 40;
        run.build.program = build_info::digest(&layout.program);
        run.build.flags = layouts::flags(layout.seed, Alignment::None);
        let programs = Programs::One(layout.program.clone());
        Self { programs, run, folder }
    }

    /// Measures until there are so many processes.
    fn measure(&mut self, processes: usize) -> Result<(), Failure> {
        let Self { programs, run, folder } = self;
        run.setup.processes = processes as u32;
        let mut save = |run: &Run| match folder {
            Some(folder) => folder.save(run),
            None => Ok(()),
        };
        let outcome = measurement::complete_by(programs, run, &mut save)?;
        if let Some(folder) = folder {
            folder.draw(run)?;
        }
        match (outcome, folder) {
            (Outcome::Complete, _) => Ok(()),
            (Outcome::Interrupted, None) => Err(Failure::interrupted(
                "stopped before there was a verdict; --out keeps samples",
            )),
            (Outcome::Interrupted, Some(folder)) => {
                Err(Failure::interrupted(format!(
                    "stopped before there was a verdict; samples are in {}",
                    folder.path().display()
                )))
            }
        }
    }

    fn values(&self, pair: &Pair) -> Vec<f64> {
        let place = |cell| self.run.cells.iter().position(|c| c == cell);
        match (place(&pair.a), place(&pair.b)) {
            (Some(a), Some(b)) => analysis::log_ratios(&self.run, b, a),
            _ => Vec::new(),
        }
    }
}

fn judge(
    look: &Look,
    links: &[Link],
    pairs: &[Pair],
) -> Result<Vec<Step>, Failure> {
    let evidence = |pair| {
        let layouts: Vec<_> =
            links.iter().map(|link| link.values(pair)).collect();
        Evidence::new(&layouts, links[0].run.setup.rounds)
            .map_err(Failure::error)
    };
    let family = pairs.iter().map(evidence).collect::<Result<Vec<_>, _>>()?;
    Ok(look.judge_family(&Rule::default(), &family))
}

/// A verdict, with the batch size that the names do not tell.
fn line((pair, finding): (&Pair, &Finding)) -> String {
    let (a, b) = pair.names();
    let line = finding.line(&a, &b);
    match pair.a.batch == pair.b.batch {
        true => format!("batch {}: {line}", pair.a.batch),
        false => line,
    }
}

fn report(
    pairs: &[Pair],
    findings: &[Finding],
    links: &[Link],
    why: &[String],
) -> Value {
    let share = |logarithm: f64| logarithm.exp_m1();
    let comparisons = pairs.iter().zip(findings).map(|(pair, finding)| {
        let values = links.iter().map(|link| link.values(pair));
        let at_least = match finding.verdict {
            Verdict::Faster { at_least } | Verdict::Slower { at_least } => {
                Some(at_least)
            }
            _ => None,
        };
        json!({
            "a": pair.a,
            "b": pair.b,
            "verdict": finding.verdict.word(),
            "in_this_build_only": finding.layouts.is_none(),
            "at_least": at_least,
            "effect": share(finding.effect),
            "interval": [share(finding.interval.0), share(finding.interval.1)],
            "layouts": finding.layouts.map(|span| json!({
                "count": span.count,
                "least": share(span.least),
                "most": share(span.most),
            })),
            "minimum_detectable_effect": finding.detectable,
            "processes": finding.processes,
            "rounds": finding.rounds,
            "line": line((pair, finding)),
            "log_ratios": values.collect::<Vec<_>>(),
        })
    });
    let comparisons: Vec<_> = comparisons.collect();
    let mut report = json!({ "comparisons": comparisons, "why": why });
    if let Some(other) = &links[0].run.other_build {
        report["build"] = json!(links[0].run.build);
        report["other_build"] = json!(other);
    }
    report
}

/// What a reader of the verdicts has to know.
fn notes(links: &[Link]) -> Vec<String> {
    let apart: usize =
        links.iter().map(|link| quality::quarantined(&link.run).len()).sum();
    let all: usize = links.iter().map(|link| link.run.processes.len()).sum();
    let mut notes = Vec::new();
    if apart > 0 {
        notes.push(format!(
            "set apart for what befell them, and replaced: {apart} of {all} \
             processes"
        ));
    }
    // Of layouts there is nothing more to say but that they are not aligned,
    // which they are not meant to be.
    notes.extend(links[0].run.warnings.iter().cloned());
    notes
}

fn conclusion(findings: &[Finding]) -> Result<(), Failure> {
    let open = |finding: &&Finding| finding.verdict == Verdict::Inconclusive;
    match findings.iter().filter(open).count() {
        0 => Ok(()),
        open => Err(Failure::inconclusive(format!(
            "inconclusive: {open} of {}; a quieter machine or more \
             --processes may decide it",
            findings.len()
        ))),
    }
}

//! `sweep`: every variant at every batch size.

use std::path::PathBuf;

use rustix::termios::{isatty, tcgetwinsize};

use variants::registry::SAME_CODE;

use crate::affinity;
use crate::build_info;
use crate::card::{Claim, ports};
use crate::cli::SweepArgs;
use crate::doctor;
use crate::environment::Root;
use crate::explain;
use crate::failure::Failure;
use crate::folder::{Folder, tables};
use crate::load::{PaceArg, Rate};
use crate::measurement::{self, Outcome};
use crate::output;
use crate::plan::{self, Contenders, Effort};
use crate::results::{
    Cell, Examination, Fill, Machine, Placement, Run, SCHEMA, Setup, Workload,
};

/// Measures what was asked for, or goes on with what was begun.
pub fn command(args: &SweepArgs) -> Result<(), Failure> {
    // Cards go back when this ends.
    let (folder, mut run, _cards) = match args.resume {
        true => resume(args)?,
        false => begin(args)?,
    };
    folder.save(&run)?;
    let outcome = measurement::complete(&mut run, &mut |run| folder.save(run))?;
    folder.draw(&run)?;
    output::line(format_args!("{}", tables(&run, terminal_width())));
    output::line(format_args!(
        "Samples, charts and page are in {}",
        folder.path().display()
    ));
    if let Some(Examination { line, .. }) = &run.examination {
        eprintln!("note: before the run, {line}");
    }
    for warning in &run.warnings {
        eprintln!("note: {warning}");
    }
    match outcome {
        Outcome::Complete => Ok(()),
        Outcome::Interrupted => Err(Failure::interrupted(format!(
            "stopped; bench-runner sweep --resume --out {} goes on",
            folder.path().display()
        ))),
    }
}

/// A run that was begun, where it is kept, and real cards that it has.
type Begun = (Folder, Run, Vec<Claim>);

/// Plans a new run and finds a place for it.
fn begin(args: &SweepArgs) -> Result<Begun, Failure> {
    let (ports, cards) = ports::of_sweep(args)?.unzip();
    let placement = match ports {
        None => Placement::from(args.measure.placement),
        Some(_) => Placement::Card,
    };
    let effort = Effort::of_sweep(placement, args.quick);
    let mut setup = match ports {
        None => plan::setup(&args.measure, effort)?,
        Some(ports) => plan::on_card(&args.measure, effort, ports)?,
    };
    let model_core = args.measure.model_core;
    let fewer = plan::take_cores(&mut setup, &args.several, model_core)?;
    plan::take_rate(&mut setup, &args.offer)?;
    let chosen = plan::chosen(&args.choice.axis, &args.choice.variants)?;
    let forward = cards.is_some().then_some(Workload::Forward);
    let asked = plan::asked(&args.measure, &args.several).or(forward);
    let (variants, unable) = plan::able(chosen, asked)?;
    let (variants, whole) = plan::splittable(variants, args.several.split)?;
    let contenders =
        Contenders::of(&variants, SAME_CODE, explain::has_one_code)?;
    let (ring, fill) = (args.measure.ring, setup.fill);
    let measured = &contenders.variants;
    let mut cells = plan::cells(measured, &args.batch, ring, fill, asked)?;
    plan::classify(&mut setup, &cells, &args.measure)?;
    if args.measure.fill.is_none() && placement == Placement::Lockstep {
        cells.extend(plan::also_at_random(&contenders, &cells));
    }
    let mut apart = None;
    if !setup.cores.is_empty() {
        let all = setup.cores.len() as u16;
        let counts = if setup.split { all } else { 1 }..=all;
        (cells, apart) = plan::on_cores(cells, counts);
    }
    let started = now();
    let mut early = None;
    if let Some(path) = &args.out {
        // Before anything takes time: is there a place for the results?
        let folder = Folder::open(path)?;
        if folder.load()?.is_some() {
            return Err(Failure::error(format!(
                "{} holds a run already: add --resume to go on with it or \
                 choose another folder by --out",
                path.display()
            )));
        }
        early = Some(folder);
    }
    for answer in contenders.answers(&args.choice.variants) {
        eprintln!("note: {answer}");
    }
    let examination = doctor::record(&setup)?;
    let mut run = prepare(setup, effort, cells, contenders, started)?;
    run.examination = Some(examination);
    run.warnings
        .extend(unable.into_iter().chain(whole).chain(apart).chain(fewer));
    if args.choice.variants.is_empty() {
        run.warnings.extend(plan::missing(&args.choice.axis));
    }
    let folder = match early {
        Some(folder) => folder,
        None => Folder::fresh(&run.started, &run.machine)?,
    };
    Ok((folder, run, cards.unwrap_or_default()))
}

/// A run without samples: looks at the machine and measures how long blocks
/// have to be.
pub fn prepare(
    mut setup: Setup,
    effort: Effort,
    cells: Vec<Cell>,
    contenders: Contenders,
    started: String,
) -> Result<Run, Failure> {
    let mut machine = Root::default().machine(setup.core);
    step_aside(&setup);
    let calibration =
        measurement::calibrate(&setup, &cells, machine.tick_hz, &effort)?;
    machine.clock_cost_ticks = calibration.clock_cost_ticks;
    setup.phases = calibration.phases;
    Ok(Run {
        schema: SCHEMA,
        command: command_line(),
        started,
        build: build_info::build(),
        other_build: None,
        machine,
        setup,
        cells,
        same_code: contenders.same_code,
        processes: Vec::new(),
        examination: None,
        warnings: contenders.warnings,
    })
}

/// Opens the run to go on with. One that was stopped before its first line
/// was written begins anew.
fn resume(args: &SweepArgs) -> Result<Begun, Failure> {
    let path: PathBuf = match &args.out {
        Some(path) => path.clone(),
        None => Folder::newest_unfinished().ok_or_else(|| {
            Failure::error(
                "no unfinished run in results/: start one without --resume, \
                 or name its folder by --out",
            )
        })?,
    };
    let folder = Folder::open(&path)?;
    let Some(run) = folder.load()? else {
        drop(folder);
        return begin(args);
    };
    if run.other_build.is_some() {
        return Err(Failure::error(format!(
            "{} is a comparison of two programs, which does not go on: start \
             a new one; reanalyse shows what there is",
            path.display()
        )));
    }
    if let Some(asked) = args.measure.fill.map(Fill::from)
        && run.cells.iter().any(|cell| cell.fill != asked)
    {
        let fills: Vec<_> = run.fills().iter().map(Fill::to_string).collect();
        return Err(Failure::error(format!(
            "{} was begun with {} fill: leave out --fill, or start a new run \
             with {asked} fill alone",
            path.display(),
            fills.join(" and "),
        )));
    }
    if let Some(PaceArg(asked)) = args.offer.rate
        && run.setup.rate != asked
    {
        let name = |rate: Option<Rate>| match rate {
            Some(rate) => format!("--rate {rate}"),
            None => "no rate".to_owned(),
        };
        return Err(Failure::error(format!(
            "{} was begun with {}: leave out --rate, or start a new run with \
             {}",
            path.display(),
            name(run.setup.rate),
            name(asked),
        )));
    }
    let build = build_info::build();
    if !run.is_finished() && run.build != build {
        return Err(Failure::error(format!(
            "{} was begun by another build (commit {}, this is {}): its \
             samples do not mix with this one's; start a new run",
            path.display(),
            run.build.commit,
            build.commit
        )));
    }
    plan::check(&run).map_err(|what| {
        Failure::error(format!(
            "{}: {what}; restore run.json or start a new run",
            path.display()
        ))
    })?;
    let machine = Root::default().machine(run.setup.core);
    if let Some(what) = differs(&run.machine, &machine)
        && !run.is_finished()
    {
        return Err(Failure::error(format!(
            "{} was begun on another machine ({what}): start a new run",
            path.display(),
        )));
    }
    if !run.is_finished() {
        let core = Some(run.setup.core);
        let model_core = match run.setup.placement {
            Placement::Lockstep => None,
            Placement::Threaded | Placement::External => {
                Some(run.setup.model_core)
            }
            Placement::Card => {
                Some(run.setup.model_core).filter(|c| Some(*c) != core)
            }
        };
        let placement = match (run.setup.placement, model_core) {
            (Placement::Card, None) => Placement::Lockstep,
            (Placement::Card, Some(_)) => Placement::Threaded,
            (placement, _) => placement,
        };
        affinity::choose(placement, core, model_core)
            .map_err(Failure::environment)?;
        let allowed = affinity::allowed_cores();
        let missing = |core: &&u32| !allowed.contains(*core);
        if let Some(&core) = run.setup.cores.iter().find(missing) {
            let error = affinity::Error::Unavailable { core, allowed };
            return Err(Failure::environment(error));
        }
        step_aside(&run.setup);
    }
    let cards = match &run.setup.ports {
        Some(ports) if !run.is_finished() => {
            ports::of_run(ports, args.card.force)?
        }
        _ => Vec::new(),
    };
    Ok((folder, run, cards))
}

/// What keeps samples of two machines from being mixed.
pub fn differs(old: &Machine, new: &Machine) -> Option<String> {
    let name = |name: &Option<String>| name.clone().unwrap_or_default();
    let texts = [
        ("CPU", old.cpu.clone(), new.cpu.clone()),
        ("kernel", old.kernel.clone(), new.kernel.clone()),
        ("hypervisor", name(&old.hypervisor), name(&new.hypervisor)),
        ("huge pages", old.huge_pages.to_string(), new.huge_pages.to_string()),
    ];
    let text = texts.into_iter().find(|(_, old, new)| old != new);
    let clock = (old.tick_hz / new.tick_hz - 1.0).abs() > 1e-3;
    let clock = clock.then(|| {
        let hz = |hz: f64| format!("{hz:.0} Hz");
        ("clock", hz(old.tick_hz), hz(new.tick_hz))
    });
    let (what, old, new) = text.or(clock)?;
    Some(format!("{what} {old}, now {new}"))
}

/// Leaves the cores of forwarder and model to the workers, as far as there
/// are others; the forwarder's first.
pub fn step_aside(setup: &Setup) {
    let mut taken = vec![setup.core, setup.model_core];
    taken.extend(&setup.cores);
    if let Some(other) = affinity::aside(&taken) {
        // Only a courtesy: on failure parent and worker share a core.
        let _ = affinity::pin(other);
    }
}

/// The command line as it was typed.
pub fn command_line() -> String {
    let mut words = vec!["bench-runner".to_owned()];
    words.extend(std::env::args().skip(1));
    words.join(" ")
}

/// Columns of the terminal that tables go to; `None` for a file or a pipe.
pub fn terminal_width() -> Option<usize> {
    let out = std::io::stdout();
    if !isatty(&out) {
        return None;
    }
    let columns = tcgetwinsize(&out).ok()?.ws_col;
    (columns > 0).then_some(columns.into())
}

/// The present, RFC 3339, UTC.
pub fn now() -> String {
    let now = std::time::SystemTime::now();
    humantime::format_rfc3339_seconds(now).to_string()
}

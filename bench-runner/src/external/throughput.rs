//! What programs forward when frames are always there.

use indicatif::ProgressBar;

use super::start::Start;
use super::{Plan, turns};
use crate::build_info;
use crate::cli::ExternalArgs;
use crate::doctor;
use crate::environment::Root;
use crate::failure::Failure;
use crate::folder::{Folder, tables};
use crate::measurement::{self, Outcome};
use crate::output;
use crate::results::{self, Examination, Run, SCHEMA, Setup};
use crate::sweep::{command_line, differs, now, terminal_width};

/// Measures, and keeps what there is however it ends.
///
/// # Errors
///
/// A line for what cannot be measured or written.
pub fn measure(
    args: &ExternalArgs,
    plan: &Plan,
    setup: Setup,
) -> Result<(), Failure> {
    let (folder, mut run) = match (args.resume, &args.out) {
        (true, None) => {
            return Err(Failure::error(
                "--resume: name the folder of the run by --out",
            ));
        }
        (true, Some(path)) => {
            let folder = Folder::open(path)?;
            let run = resumed(&folder, plan)?;
            (folder, run)
        }
        (false, _) => begun(args, plan, setup)?,
    };
    let mut accounts = Vec::new();
    let mut measure = |run: &Run, index: u32, bar: &ProgressBar| {
        let start = Start {
            plan,
            setup: &run.setup,
            tick_hz: run.machine.tick_hz,
            folder: folder.path(),
        };
        let measured =
            start.with(|all| turns::measure(all, run, index, bar))?;
        accounts = measured.accounts;
        Ok(measured.process)
    };
    let mut save = |run: &Run| folder.save(run);
    let outcome = measurement::complete_with(&mut measure, &mut run, &mut save);
    if run.processes.is_empty() {
        outcome?;
        return Err(Failure::interrupted("stopped"));
    }
    // What was measured before a program ended is kept.
    for account in &accounts {
        if !run.warnings.contains(account) {
            run.warnings.push(account.clone());
        }
    }
    folder.save(&run)?;
    folder.draw(&run)?;
    output::line(format_args!("{}", tables(&run, terminal_width())));
    let place = folder.path().display();
    output::line(format_args!("Samples, charts and page are in {place}"));
    if let Some(Examination { line, .. }) = &run.examination {
        eprintln!("note: before the run, {line}");
    }
    for warning in &run.warnings {
        eprintln!("note: {warning}");
    }
    match outcome? {
        Outcome::Complete => Ok(()),
        Outcome::Interrupted => Err(Failure::interrupted(format!(
            "stopped; the same command with --resume --out {place} goes on"
        ))),
    }
}

/// A run without samples, and a place for it.
fn begun(
    args: &ExternalArgs,
    plan: &Plan,
    setup: Setup,
) -> Result<(Folder, Run), Failure> {
    let started = now();
    let machine = Root::default().machine(setup.core);
    let folder = match &args.out {
        Some(path) => Folder::without(results::FILE, path)?,
        None => Folder::fresh(&started, &machine)?,
    };
    let run = Run {
        schema: SCHEMA,
        command: command_line(),
        started,
        build: build_info::build(),
        other_build: None,
        machine,
        examination: Some(doctor::record(&setup)?),
        setup,
        cells: plan.cells(),
        same_code: Vec::new(),
        processes: Vec::new(),
        warnings: Vec::new(),
    };
    Ok((folder, run))
}

/// The run to go on with, if it was begun with the same programs here.
fn resumed(folder: &Folder, plan: &Plan) -> Result<Run, Failure> {
    let place = folder.path().display();
    let begun = |what: &str| {
        Failure::error(format!("{place} was begun {what}: start a new run"))
    };
    let run = folder.load()?.ok_or_else(|| {
        Failure::error(format!("{place} holds no run: leave out --resume"))
    })?;
    if run.build != build_info::build() {
        return Err(begun("by another build"));
    }
    if run.cells != plan.cells() {
        return Err(begun("with other programs"));
    }
    let machine = Root::default().machine(run.setup.core);
    match differs(&run.machine, &machine) {
        Some(what) => Err(begun(&format!("on another machine ({what})"))),
        None => Ok(run),
    }
}

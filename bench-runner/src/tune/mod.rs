//! `tune` sets the machine up for measuring, `restore` puts it back.
//!
//! Before the first change the state file has the content of all files that
//! will be changed; so whatever ends `tune`, `restore` knows what was there.

mod file;
mod frequency;
mod hold;
mod huge_pages;
mod interrupts;
mod report;
mod restore;
mod setting;
mod state;
mod stop;

pub use hold::Hold;
pub use restore::command as restore;
pub use setting::{Kind, Setting};
pub use stop::Stop;

use std::sync::atomic::Ordering;

use crate::affinity;
use crate::cli::{StateArgs, TuneArgs};
use crate::environment::Root;
use crate::failure::Failure;
use crate::{output, process};
use file::Refusal;
use report::Outcome;
use setting::Wish;
use state::{Found, State, Store};

/// Says what would be set, or sets it.
pub fn command(args: &TuneArgs) -> Result<(), Failure> {
    let interrupted = process::interrupted();
    let root = root(&args.state);
    let wish = Wish {
        cores: measuring_cores(&root, args)?,
        huge_pages: args.huge_pages,
    };
    let settings = setting::settings(&root, &wish);
    let missing: Vec<&Setting> =
        settings.iter().filter(|setting| !setting.is_met()).collect();
    if args.dry_run || missing.is_empty() {
        let outcomes = settings.iter().map(|setting| match setting.is_met() {
            true => (setting, Outcome::Already),
            false => (setting, Outcome::Wanted),
        });
        report::print(&outcomes.collect::<Vec<_>>());
        return Ok(());
    }

    let stop = args.state.stop.clone().unwrap_or_default();
    let store = Store::open(&root, args.state.state.as_deref(), true)?;
    let mut state = match store.load(&root)? {
        Found::State(state) => state,
        Found::Nothing => State::new(&root),
        Found::EarlierBoot => {
            eprintln!("note: {}", restore::earlier_boot(&store));
            State::new(&root)
        }
    };
    state.add(&missing);
    store.save(&state, &stop)?;

    let mut outcomes = Vec::new();
    for setting in &settings {
        if interrupted.load(Ordering::Relaxed) {
            return Err(Failure::interrupted(format!(
                "stopped on the way: bench-runner restore puts back what was \
                 there, from {}",
                store.path().display()
            )));
        }
        outcomes.push((setting, set(&root, setting, &stop)));
    }
    report::print(&outcomes);
    if state.is_met(&root) {
        store.remove()?;
    } else {
        output::line(format_args!(
            "what was there is kept in {}: bench-runner restore puts it back",
            store.path().display()
        ));
    }
    report::verdict(&outcomes)
}

/// The tree that the settings are below.
fn root(args: &StateArgs) -> Root {
    args.root.clone().map_or_else(Root::default, Root)
}

/// The cores that interrupts are to leave: those of a run with these options.
fn measuring_cores(root: &Root, args: &TuneArgs) -> Result<Vec<u32>, Failure> {
    let known = match root.is_real() {
        true => affinity::allowed_cores(),
        false => root.online_cores().unwrap_or_default(),
    };
    let mut cores: Vec<u32> =
        args.core.or(known.last().copied()).into_iter().collect();
    cores.extend(args.model_core);
    match cores.iter().find(|core| !known.contains(core)) {
        Some(&core) => Err(Failure::error(affinity::Error::Unavailable {
            core,
            allowed: known,
        })),
        None => Ok(cores),
    }
}

fn set(root: &Root, setting: &Setting, stop: &Stop) -> Outcome {
    if setting.is_met() {
        return Outcome::Already;
    }
    let text = format!("{}\n", setting.wanted);
    let met = |now: &str| setting.is_met_by(now);
    match file::write(root, &setting.file, &text, met, stop) {
        Ok(()) => Outcome::Set,
        // Timers and the like stay where they are; the kernel knows why.
        Err(Refusal::Refused(error)) if setting.kind == Kind::Interrupts => {
            Outcome::Unmovable(error)
        }
        Err(refusal) => Outcome::Refused(refusal),
    }
}

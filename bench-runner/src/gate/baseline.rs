//! `baseline`: programs to check against.

use serde_json::json;

use super::archive::{self, CellOf, Code, Manifest, Store};
use super::counts::{self, Counted};
use super::links::{self, Link};
use super::timing::{Course, Look};
use super::verdict::Shown;
use super::{Tier, apparatus, cells, setting};
use crate::build_info;
use crate::cli::{
    BaselineAction, BaselineArgs, GateArgs, ListBaselinesArgs, SaveArgs,
    ShowArgs,
};
use crate::environment::Root;
use crate::failure::{Exit, Failure};
use crate::fingerprint::Fingerprint;
use crate::measure::reference;
use crate::measurement::Program;
use crate::output;
use crate::results::{Cell, Run};
use crate::stats;
use crate::sweep::{command_line, now};
use crate::table;

/// Saves, shows or lists.
pub fn command(args: &BaselineArgs) -> Result<(), Failure> {
    match &args.action {
        BaselineAction::Save(args) => save(args),
        BaselineAction::Show(args) => show(args),
        BaselineAction::List(args) => list(args),
    }
}

fn save(args: &SaveArgs) -> Result<(), Failure> {
    links::check(args.gate.links)?;
    let store = Store::find(&args.store)?;
    let cells = cells::of(&cells::variants(&args.choice)?, &args.batch)?;
    let draft = store.begin(&args.name, args.force)?;
    let former = store.read(&args.name, &store.folder(&args.name)?).ok();
    let saved = now();
    let timed = args.tier.iter().any(|tier| *tier != Tier::Counts);
    let mut notes = Vec::new();

    let counted = match args.tier.contains(&Tier::Counts) {
        true => or_without(counts::count(&cells), timed, &mut notes)?,
        false => None,
    };
    let run = setting::of(&args.gate, &cells)?;
    let mut made = vec![links::this_program()?];
    if timed && args.gate.links > 1 {
        // As many for a first look of a check as for a second one.
        let more = 2 * args.gate.links - 1;
        let seed = run.setup.seed;
        made.extend(links::of_this_program(more, seed, 0, draft.path())?);
    }
    let look = match timed {
        true => Some(measure(&made, &run, &args.gate)?),
        false => None,
    };
    let archived = |link: &Link| match link.seed {
        None => draft.take(&link.program),
        // Links were made in the draft.
        Some(seed) => draft.note(&link.program, seed),
    };
    let programs = made.iter().map(archived).collect::<Result<_, _>>()?;
    let machine = run.machine;
    let manifest = Manifest {
        schema: archive::SCHEMA,
        name: args.name.clone(),
        saved,
        command: command_line(),
        build: build_info::build(),
        programs,
        fingerprint: Fingerprint::of(&Root::default(), &machine),
        machine,
        examination: run.examination,
        reference: reference::digest().ok(),
        code: Code::of_this_program(cells.iter().map(|cell| &*cell.variant)),
        cells: described(&cells, counted.as_deref(), look.as_ref()),
    };
    let former = former.map(|former| former.manifest.saved);
    let kept = draft.finish(&manifest, former.as_deref())?;
    output::line(format_args!(
        "Saved baseline {} in {}: {} programs, {} cells{}{}",
        args.name,
        store.folder(&args.name)?.display(),
        manifest.programs.len(),
        manifest.cells.len(),
        if counted.is_some() { ", counts" } else { "" },
        if look.is_some() { ", times" } else { "" },
    ));
    if let Some(look) = &look {
        output::line(format_args!("{}", of_itself(look)));
    }
    if let Some(kept) = kept {
        notes.push(format!("the former one is kept in {}", kept.display()));
    }
    if manifest.build.dirty {
        notes.push("built from sources with uncommitted changes".to_owned());
    }
    if manifest.build.profile != "release" {
        notes.push(apparatus::UNOPTIMISED.to_owned());
    }
    if let Some(examination) = &manifest.examination {
        notes.push(format!("the machine: {}", examination.line));
    }
    for note in notes {
        eprintln!("note: {note}");
    }
    Ok(())
}

/// What the machine lacks is a note where there is more to be had.
fn or_without<T>(
    result: Result<T, Failure>,
    more: bool,
    notes: &mut Vec<String>,
) -> Result<Option<T>, Failure> {
    match result {
        Err(failure) if failure.exit == Exit::Environment && more => {
            notes.push(format!("nothing counted: {failure}"));
            Ok(None)
        }
        result => result.map(Some),
    }
}

/// Measures half of the links against the others, as a check measures those
/// of two programs.
fn measure(made: &[Link], run: &Run, args: &GateArgs) -> Result<Look, Failure> {
    let named = |half: &[Link]| -> Result<Vec<Program>, Failure> {
        half.iter().map(|link| link.program("this program")).collect()
    };
    let (first, other) = match made {
        [only] => (std::slice::from_ref(only), std::slice::from_ref(only)),
        more => more.split_at(more.len() / 2),
    };
    let pairs = links::pairs(named(first)?, named(other)?);
    let course = Course::new(run.clone(), None);
    let pace = course.pace(&pairs)?;
    let effort = setting::effort(&pace, args)?;
    course.look("saved", &pairs, course.all(), effort)
}

/// How far the program is from itself here.
fn of_itself(look: &Look) -> String {
    let off = |place: usize| {
        let shown = Shown::of(&look.values(place))?;
        Some(shown.effect.exp_m1().abs())
    };
    let off: Vec<_> = (0..look.cells.len()).filter_map(off).collect();
    let worst = off.iter().copied().fold(0.0, f64::max);
    format!(
        "Against itself, linked again, it is off by {:.2} % in the middle one \
         of {} cells and by {:.2} % in the worst",
        stats::median(&off).unwrap_or(f64::NAN) * 100.0,
        off.len(),
        worst * 100.0
    )
}

fn described(
    cells: &[Cell],
    counted: Option<&[Counted]>,
    look: Option<&Look>,
) -> Vec<CellOf> {
    let of = |(place, cell): (usize, &Cell)| CellOf {
        cell: cell.clone(),
        counts: counted.map(|counted| counted[place]),
        over_reference: look
            .map(|look| look.against_reference(place, false))
            .unwrap_or_default(),
    };
    cells.iter().enumerate().map(of).collect()
}

fn show(args: &ShowArgs) -> Result<(), Failure> {
    let store = Store::find(&args.store)?;
    let baseline = store.load(&args.name)?;
    let Manifest { build, fingerprint, .. } = &baseline.manifest;
    let here = setting::fingerprint();
    let usable = match (
        apparatus::apart(build),
        fingerprint.apart_in_time(&here),
        fingerprint.apart_in_counts(&here),
    ) {
        (Err(failure), ..) => format!("not usable here: {failure}"),
        (Ok(()), Some(what), Some(_)) => {
            format!("not usable here: it was saved on another machine, {what}")
        }
        (Ok(()), Some(what), None) => format!(
            "usable for counts alone: it was saved on another machine, {what}"
        ),
        (Ok(()), None, _) => "usable here".to_owned(),
    };
    if args.json {
        let mut json = json!(baseline.manifest);
        json["folder"] = json!(baseline.folder);
        json["usable"] = json!(usable);
        output::line(format_args!("{json:#}"));
        return Ok(());
    }
    let Manifest { name, saved, machine, programs, cells, .. } =
        &baseline.manifest;
    let dirty = if build.dirty { ", with changes" } else { "" };
    output::line(format_args!(
        "{name}, saved {saved} in {}\n\
         commit {}{dirty}, {}, {}\n\
         flags {}\n\
         {}, kernel {}\n\
         apparatus {}\n\
         {usable}\n",
        baseline.folder.display(),
        build.commit,
        build.compiler,
        build.profile,
        build.flags.join(" "),
        machine.cpu,
        machine.kernel,
        build.apparatus.as_deref().unwrap_or("unknown"),
    ));
    for program in programs {
        output::line(format_args!("{} {}", program.sha256, program.file));
    }
    let mut rows = table::table(
        ["variant", "batch", "instructions", "of the reference"].into_iter(),
    );
    for CellOf { cell, counts, over_reference } in cells {
        let none = || "-".to_owned();
        let counts = counts.map(|c| format!("{:.1}", c.whole().instructions));
        let ratio = stats::trimmed_mean(over_reference);
        rows.add_row([
            cell.variant.clone(),
            cell.batch.to_string(),
            counts.unwrap_or_else(none),
            ratio.map_or_else(none, |r| format!("{:.3}", r.exp())),
        ]);
    }
    output::line(format_args!("\n{}", rows.trim_fmt()));
    Ok(())
}

fn list(args: &ListBaselinesArgs) -> Result<(), Failure> {
    let store = Store::find(&args.store)?;
    let mut rows =
        table::table(["name", "saved", "commit", "machine"].into_iter());
    let mut all = Vec::new();
    let names = store.names();
    for name in &names {
        match store.read(name, &store.folder(name)?) {
            Ok(baseline) => {
                let manifest = baseline.manifest;
                let commit: String =
                    manifest.build.commit.chars().take(12).collect();
                let row = [name.clone(), manifest.saved, commit];
                all.push(json!({
                    "name": name,
                    "saved": row[1],
                    "commit": manifest.build.commit,
                    "machine": manifest.machine.cpu,
                }));
                rows.add_row(row.into_iter().chain([manifest.machine.cpu]));
            }
            Err(failure) => {
                all.push(json!({
                    "name": name, "unusable": failure.to_string(),
                }));
                eprintln!("note: {failure}");
            }
        }
    }
    if args.json {
        output::line(format_args!("{:#}", json!(all)));
        return Ok(());
    }
    if names.is_empty() {
        output::line(format_args!(
            "No baselines in {}: bench-runner baseline save --name main makes \
             one",
            store.path().display()
        ));
        return Ok(());
    }
    output::line(format_args!("{}", rows.trim_fmt()));
    Ok(())
}

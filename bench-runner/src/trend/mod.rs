//! `trend`: each cell over commits, and where it changed.

pub mod changes;
pub mod chart;
mod divisive;
mod mdl;
pub mod record;
pub mod series;
#[cfg(test)]
mod simulation;
mod smooth;
pub mod text;

use crate::cli::TrendArgs;
use crate::failure::Failure;
use crate::folder::replace;
use crate::history::{self, Loaded, Place};
use crate::output;
use crate::report::{self, Material};
use record::{Machine, Trend};

/// Name of the file in a folder.
pub const FILE: &str = "trend.json";

/// Name of the page in a folder.
pub const PAGE: &str = "trend.html";

/// Values that a level has at least: fewer are no change yet.
const FEWEST: usize = 3;

/// Machines that have charts, the newest ones.
pub const DRAWN: usize = 8;

/// What is said beside cells that drift.
pub const DRIFT: &str = "Cells that drift: their values lean on the ones before, or a slope fits \
     better than a step. Both\nopinions then find changes where there are \
     none.";

/// Shows a history.
pub fn command(args: &TrendArgs) -> Result<(), Failure> {
    let place = match (&args.history, &args.history_branch) {
        (_, Some(branch)) => Place::Branch(branch.clone()),
        (Some(path), None) => Place::Folder(path.clone()),
        (None, None) => {
            return Err(Failure::error("name the folder of a history"));
        }
    };
    let mut loaded = history::load(&place)?;
    keep(&mut loaded, &args.variants, &args.batch)?;
    for note in &loaded.notes {
        eprintln!("note: {note}");
    }
    let trend = series::of(&loaded);
    let json = || {
        let text = serde_json::to_string_pretty(&trend);
        text.map(|text| text + "\n").map_err(Failure::error)
    };
    match args.json {
        true => output::print(json()?),
        false => output::print(text::text(&trend)),
    }
    let Some(out) = &args.out else { return Ok(()) };
    std::fs::create_dir_all(out).map_err(|why| {
        Failure::error(format!(
            "cannot write to {}: {why}; choose another folder by --out",
            out.display()
        ))
    })?;
    for (number, machine) in trend.machines.iter().take(DRAWN).enumerate() {
        for (name, svg) in chart::charts(machine, number) {
            replace(&out.join(name), svg.as_bytes())?;
        }
    }
    replace(&out.join(FILE), json()?.as_bytes())?;
    let material = Material { trend: Some(trend), ..Material::default() };
    replace(&out.join(PAGE), report::page(&material).as_bytes())?;
    if !args.json {
        let page = out.join(PAGE);
        output::line(format_args!("\nThe page is {}", page.display()));
    }
    Ok(())
}

/// Leaves the cells that were named.
fn keep(
    loaded: &mut Loaded,
    variants: &[String],
    batches: &[u32],
) -> Result<(), Failure> {
    let all = || loaded.lines.iter().flat_map(|line| &line.cells);
    for wanted in variants {
        if !all().any(|cell| cell.variant == *wanted) {
            let mut known: Vec<_> =
                all().map(|cell| cell.variant.as_str()).collect();
            known.sort_unstable();
            known.dedup();
            let near = known
                .iter()
                .min_by_key(|name| strsim::damerau_levenshtein(name, wanted));
            let hint = near.map_or_else(String::new, |name| {
                format!("; did you mean {name}?")
            });
            return Err(Failure::error(format!(
                "no {wanted} in the history{hint}"
            )));
        }
    }
    for wanted in batches {
        if !all().any(|cell| u32::from(cell.batch) == *wanted) {
            let mut known: Vec<_> = all().map(|cell| cell.batch).collect();
            known.sort_unstable();
            known.dedup();
            let known: Vec<_> = known.iter().map(u16::to_string).collect();
            return Err(Failure::error(format!(
                "no batch size {wanted} in the history, which has {}",
                known.join(", ")
            )));
        }
    }
    for line in &mut loaded.lines {
        line.cells.retain(|cell| {
            let batch = u32::from(cell.batch);
            (variants.is_empty() || variants.contains(&cell.variant))
                && (batches.is_empty() || batches.contains(&batch))
        });
    }
    Ok(())
}

/// A number of runs.
#[must_use]
pub fn runs(count: usize) -> String {
    format!("{count} {}", if count == 1 { "run" } else { "runs" })
}

/// A number of commits.
#[must_use]
pub fn commits(count: usize) -> String {
    format!("{count} {}", if count == 1 { "commit" } else { "commits" })
}

/// How much was measured on a machine, and when.
#[must_use]
pub fn extent(machine: &Machine) -> String {
    let day = |text: &str| text.split('T').next().unwrap_or("").to_owned();
    let [first, last] = &machine.measured;
    let moved = match machine.moved {
        0 => String::new(),
        moved => {
            format!("; in {moved} the machine had moved, and they say nothing")
        }
    };
    format!(
        "{} of {}, {}..{}{moved}",
        runs(machine.runs),
        commits(machine.commits.len()),
        day(first),
        day(last),
    )
}

/// The answer in a sentence.
#[must_use]
pub fn sentence(trend: &Trend) -> String {
    let Some(machine) = trend.machines.first() else {
        return "Nothing was measured yet.".to_owned();
    };
    let is_firm = |change: &&record::Change| {
        change.opinion == changes::Opinion::Both && !change.drifts
    };
    let firm: Vec<_> = machine.changes.iter().filter(is_firm).collect();
    let all = format!(
        "In {} of {} on {}",
        runs(machine.runs),
        commits(machine.commits.len()),
        machine.name
    );
    match firm.first() {
        None => {
            format!("{all} no cell changed by more than 0.5 % for certain.")
        }
        Some(newest) => format!(
            "{all} both opinions find {} {} above 0.5 %, the newest at {}: \
             {} at batch {} by {}.",
            firm.len(),
            if firm.len() == 1 { "change" } else { "changes" },
            newest.commit.short(),
            newest.variant,
            newest.batch,
            text::percent(newest.effect),
        ),
    }
}

//! `run`: one variant at one batch size, against its reference.

use variants::registry::SAME_CODE;

use crate::cli::RunArgs;
use crate::explain;
use crate::failure::Failure;
use crate::folder::{Folder, tables};
use crate::measurement::{self, Outcome};
use crate::output;
use crate::plan::{self, Contenders, Effort};
use crate::results::Placement;
use crate::sweep::{now, prepare, terminal_width};

/// Measures the variant and prints its table; keeps samples only with
/// `--out`.
pub fn command(args: &RunArgs) -> Result<(), Failure> {
    let placement = Placement::from(args.measure.placement);
    let effort = Effort::of_pair(placement);
    let named = std::slice::from_ref(&args.variant);
    let asked = plan::asked(&args.measure, &args.several);
    let (variants, unable) = plan::able(plan::named(named)?, asked)?;
    let (variants, whole) = plan::splittable(variants, args.several.split)?;
    let contenders =
        Contenders::of(&variants, SAME_CODE, explain::has_one_code)?;
    let mut setup = plan::setup(&args.measure, effort)?;
    let model_core = args.measure.model_core;
    let fewer = plan::take_cores(&mut setup, &args.several, model_core)?;
    plan::take_rate(&mut setup, &args.offer)?;
    let (batch, ring) = (args.batch.batch, args.measure.ring);
    let mut cells =
        plan::cells(&contenders.variants, &[batch], ring, setup.fill, asked)?;
    plan::classify(&mut setup, &cells, &args.measure)?;
    let mut apart = None;
    if !setup.cores.is_empty() {
        let all = setup.cores.len() as u16;
        (cells, apart) = plan::on_cores(cells, std::iter::once(all));
    }
    let folder = args.out.as_deref().map(Folder::open).transpose()?;
    if let Some(folder) = &folder
        && folder.load()?.is_some()
    {
        return Err(Failure::error(format!(
            "{} holds a run already: choose another folder by --out",
            folder.path().display()
        )));
    }
    for answer in contenders.answers(named) {
        eprintln!("note: {answer}");
    }
    let mut run = prepare(setup, effort, cells, contenders, now())?;
    run.warnings
        .extend(unable.into_iter().chain(whole).chain(apart).chain(fewer));
    let outcome = measurement::complete(&mut run, &mut |run| match &folder {
        Some(folder) => folder.save(run),
        None => Ok(()),
    })?;
    if let Some(folder) = &folder {
        folder.draw(&run)?;
    }
    output::print(format_args!("{}", tables(&run, terminal_width())));
    for warning in &run.warnings {
        eprintln!("note: {warning}");
    }
    match outcome {
        Outcome::Complete => Ok(()),
        Outcome::Interrupted => Err(Failure::interrupted("stopped")),
    }
}

//! `check`: whether this program is slower than a baseline.

use serde_json::json;

use super::archive::{Baseline, Store};
use super::record::Limits;
use super::timing::{Course, FRESH_PAIRS, PAIRS};
use super::verdict::{self, RULE, Shown};
use super::{apparatus, cells, links, setting};
use crate::cli::CheckArgs;
use crate::failure::Failure;
use crate::output;
use crate::results::Run;

/// Share of the time that the first look at all cells may take.
pub const FIRST: f64 = 0.6;

/// Checks.
pub fn command(args: &CheckArgs) -> Result<(), Failure> {
    links::check(args.gate.links)?;
    let store = Store::find(&args.store)?;
    let baseline: Baseline = store.load(&args.against)?;
    apparatus::apart(&baseline.manifest.build)?;
    let cells: Vec<_> =
        baseline.manifest.cells.iter().map(|c| c.cell.clone()).collect();
    let setting = setting::of(&args.gate, &cells)?;
    let folder = tempfile::tempdir().map_err(Failure::error)?;
    let made = links::of_this_program(
        args.gate.links,
        setting.run.setup.seed,
        folder.path(),
    )?;
    let theirs = links::of_baseline(&baseline, args.gate.links)?;
    let ours = links::programs(&made, "this program")?;
    let out = args.out.clone();
    let keep = Box::new(move |name: &str, run: &Run| {
        if let Some(out) = &out {
            let folder = out.join(name);
            std::fs::create_dir_all(&folder).map_err(Failure::error)?;
            run.save(&folder).map_err(Failure::error)?;
        }
        Ok(())
    });
    let begin = std::time::Instant::now();
    let mut course = Course::new(theirs, ours, setting.run, keep);
    let pace = course.pace()?;
    let seconds = f64::from(args.gate.seconds);
    let rounds = setting::rounds(&pace, PAIRS, seconds * FIRST)?;
    eprintln!("{pace:?} {rounds}");
    let first = course.look("first", course.all(), PAIRS, rounds)?;
    let rule = Limits { limit: args.limit, ..RULE };
    let shown: Vec<_> =
        (0..cells.len()).map(|c| Shown::of(&first.values(c))).collect();
    let flagged: Vec<usize> = (0..cells.len())
        .filter(|&c| !shown[c].as_ref().is_some_and(|s| s.is_plain(&rule)))
        .collect();
    let mut second = vec![None; cells.len()];
    eprintln!("flagged {flagged:?} {:?}", begin.elapsed());
    if !flagged.is_empty() {
        let left = seconds - begin.elapsed().as_secs_f64();
        let share = flagged.len() as f64 / cells.len() as f64;
        let rounds = pace.rounds(FRESH_PAIRS, share, left).unwrap_or(16);
        let again = course.look("second", flagged, FRESH_PAIRS, rounds)?;
        for (place, &cell) in again.cells.iter().enumerate() {
            second[cell] = Shown::of(&again.values(place));
        }
    }
    eprintln!("{:?}", begin.elapsed());
    let verdicts = verdict::judge(&rule, &shown, &second);
    for (i, cell) in cells.iter().enumerate() {
        let s = second[i].as_ref().or(shown[i].as_ref());
        output::line(format_args!(
            "{cell} {} {:?} {:?}",
            verdicts[i].word(),
            s.map(|s| s.effect),
            s.map(|s| s.interval(&rule))
        ));
    }
    let _ = json!(0);
    let _ = cells::variants;
    Ok(())
}

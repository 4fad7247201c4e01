//! `reanalyse`: tables, charts and page of a recorded run, from its samples.

use crate::cli::ReanalyseArgs;
use crate::failure::Failure;
use crate::folder::{Folder, tables};
use crate::output;
use crate::results::Run;
use crate::sweep::terminal_width;

/// Computes everything about a run from its samples again; the same samples
/// give the same bytes.
pub fn command(args: &ReanalyseArgs) -> Result<(), Failure> {
    let asked = &args.run;
    // Before the folder is opened, which would make one.
    Run::load(asked).map_err(Failure::error)?;
    let path = match asked.is_dir() {
        true => asked.as_path(),
        false => asked.parent().unwrap_or(asked),
    };
    let folder = Folder::open(path)?;
    let run = Run::load(asked).map_err(Failure::error)?;
    folder.draw(&run)?;
    output::line(format_args!("{}", tables(&run, terminal_width())));
    output::line(format_args!(
        "Charts and page in {} are drawn anew",
        path.display()
    ));
    Ok(())
}

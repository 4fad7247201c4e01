//! `report`: recorded runs as one page, as Markdown or as a table of numbers.

mod counted;
mod csv;
mod html;
mod markdown;
mod material;
mod past;

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::cli::ReportArgs;
use crate::failure::Failure;
use crate::folder::replace;
use crate::output;
pub use counted::Counted;
pub use material::{Material, Origin};
pub use past::{Cost, Past, Place};

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One page that needs nothing else
    Html,
    /// Text with tables, for a README or a summary of CI
    Md,
    /// A row per cell, for spreadsheets
    Csv,
}

/// Reads what was named and writes a report of it.
pub fn command(args: &ReportArgs) -> Result<(), Failure> {
    let material = Material::load(&args.runs)?;
    let text = match args.format {
        Format::Html => html::page(&material),
        Format::Md => markdown::text(&material),
        Format::Csv => csv::text(&material),
    };
    match (&args.out, args.format) {
        (Some(path), _) => write(path, &text),
        (None, Format::Html) => write(&material.place(), &text),
        (None, Format::Md | Format::Csv) => {
            output::print(text);
            Ok(())
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    replace(path, text.as_bytes())?;
    output::line(format_args!("The report is in {}", path.display()));
    Ok(())
}

impl Material {
    /// Where a page goes that no place was named for.
    fn place(&self) -> PathBuf {
        self.folder.join("report.html")
    }
}

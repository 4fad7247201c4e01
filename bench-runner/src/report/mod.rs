//! `report`: recorded runs as one page, as Markdown or as a table of numbers.

pub mod answer;
mod counted;
pub mod csv;
mod gallery;
mod html;
pub mod markdown;
mod markers;
mod material;
mod past;
#[cfg(test)]
mod seeds;

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::cli::ReportArgs;
use crate::failure::Failure;
use crate::folder::replace;
use crate::output;
use crate::results::Run;
pub use counted::Counted;
pub use html::page;
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
    if args.into.is_some() || args.gallery.is_some() {
        return renew(&material, args);
    }
    let format = args.format.unwrap_or(Format::Html);
    let text = match format {
        Format::Html => html::page(&material),
        Format::Md => markdown::text(&material),
        Format::Csv => csv::text(&material)?,
    };
    match (&args.out, format) {
        (Some(path), _) => write(path, &text),
        (None, Format::Html) => write(&material.place(), &text),
        (None, Format::Md | Format::Csv) => {
            output::print(text);
            Ok(())
        }
    }
}

/// Puts the one run that was named into pages and folders of others.
fn renew(material: &Material, args: &ReportArgs) -> Result<(), Failure> {
    if matches!(args.format, Some(Format::Html | Format::Csv)) {
        return Err(Failure::error(
            "--into and --gallery write Markdown: leave --format out",
        ));
    }
    let [run]: &[Run; 1] =
        material.runs.as_slice().try_into().map_err(|_| {
            Failure::error(format!(
                "--into and --gallery take one run, not {}: name its folder",
                material.runs.len()
            ))
        })?;
    if let Some(folder) = &args.gallery {
        let figures = material.reproductions.first();
        let charts = gallery::put(run, figures, folder)?;
        let folder = folder.display();
        output::line(format_args!("{charts} charts are in {folder}"));
    }
    if let Some(page) = &args.into {
        let here = page.parent().unwrap_or(Path::new(""));
        let block = markdown::recorded(run, &material.folder, here);
        markers::put(page, &block)?;
        output::line(format_args!("The run is in {}", page.display()));
    }
    Ok(())
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

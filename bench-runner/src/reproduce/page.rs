//! Pages of a reproduction as Markdown: one per figure, and one that leads to
//! them.

use super::record::Record;
use super::sheet::{Sheet, Table};

/// Where charts lie, as seen from the pages.
const PLOTS: &str = "plots";

/// The page that leads to the others.
#[must_use]
pub fn index(record: &Record, sheets: &[Sheet]) -> String {
    let machine = &record.machine;
    let guest = match &machine.hypervisor {
        Some(name) => format!(", under {}", plain(name)),
        None => String::new(),
    };
    let mut text = format!(
        "# Published figures, measured here\n\n\
         Made by\n\n    {}\n\n\
         - started {}, seed {}\n\
         - {}, {} cores{guest}, kernel {}\n\
         - commit {}, {}\n",
        one_line(&record.command),
        plain(&record.started),
        record.asked.seed,
        plain(&machine.cpu),
        machine.cores,
        plain(&machine.kernel),
        plain(&record.build.commit),
        plain(&record.build.compiler),
    );
    for warning in &record.warnings {
        text += &format!("- note: {}\n", plain(warning));
    }
    text += "\nAbsolute values belong to a machine. What is judged is the \
             shape: the order of\nthe series, where each curve bends and \
             saturates, and the ratio between\nneighbours; for single \
             statements, which way they point and how far. Each part\nis a \
             number from 0 to 1, the score is their mean.\n\n\
             | figure | what it is of | score | verdict |\n\
             |---|---|---|---|\n";
    for sheet in sheets {
        let score = match sheet.score {
            Some(score) => format!("{score:.2}"),
            None => "–".to_owned(),
        };
        text += &format!(
            "| [{id}]({id}.md) | {} | {score} | {} |\n",
            plain(&sheet.title),
            plain(&sheet.verdict),
            id = sheet.id,
        );
    }
    text
}

/// A figure's page.
#[must_use]
pub fn page(sheet: &Sheet) -> String {
    let mut text = format!(
        "# {}: {}\n\n**Published.** {}\n\n",
        sheet.id,
        plain(&sheet.title),
        plain(&sheet.claim)
    );
    text += &format!("**Here.** {}\n\n", plain(&sheet.verdict));
    for (file, _) in &sheet.charts {
        text += &format!("![{}]({PLOTS}/{file})\n\n", plain(&sheet.title));
    }
    let part = |title: &str, lines: &[String]| {
        let lines: String =
            lines.iter().map(|line| format!("- {}\n", plain(line))).collect();
        match lines.is_empty() {
            true => String::new(),
            false => format!("## {title}\n\n{lines}\n"),
        }
    };
    text += &part("What was measured", &sheet.measured);
    text += &part("Why it differs where it does", &sheet.differences);
    text += &part("What is not here", &sheet.absent);
    if !sheet.tables.is_empty() {
        text += "## Numbers\n\n";
        text += &sheet.tables.iter().map(table).collect::<String>();
    }
    text += &part("Sources", &sheet.sources);
    text.trim_end().to_owned() + "\n"
}

fn table(table: &Table) -> String {
    let row = |cells: &[String]| {
        let cells: Vec<_> = cells.iter().map(|cell| plain(cell)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rule = "|---".repeat(table.head.len());
    let rows: String = table.rows.iter().map(|cells| row(cells)).collect();
    format!("{}:\n\n{}{rule}|\n{rows}\n", plain(&table.title), row(&table.head))
}

/// Text that is text in Markdown, whatever it was.
fn plain(text: &str) -> String {
    one_line(text).replace('|', "\\|").replace('<', "&lt;").replace('[', "\\[")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

//! Published figures, measured here.

use maud::{Markup, html};

use super::figure::chart;
use crate::reproduce::record::Record;
use crate::reproduce::sheet::{Sheet, Table, sheets};

/// A part for each figure of the newest record.
pub fn section(records: &[Record]) -> Markup {
    let Some(record) = records.first() else { return html! {} };
    let sheets = sheets(record);
    html! {
        section #reproduction {
            h2 { "Published figures, measured here" }
            p.quiet {
                "Verdicts are on shapes: order, bends, ratios. Absolute "
                "values belong to a machine."
            }
            div.scroll {
                table.words {
                    caption { "Figures and verdicts" }
                    thead {
                        tr {
                            th scope="col" { "figure" }
                            th scope="col" { "score" }
                            th scope="col" { "verdict" }
                        }
                    }
                    tbody {
                        @for sheet in &sheets {
                            tr {
                                th scope="row" { (sheet.id) " " (sheet.title) }
                                td { (score(sheet)) }
                                td { (sheet.verdict) }
                            }
                        }
                    }
                }
            }
            @for sheet in &sheets { (part(sheet)) }
        }
    }
}

fn score(sheet: &Sheet) -> String {
    sheet.score.map_or_else(String::new, |score| format!("{score:.2}"))
}

fn part(sheet: &Sheet) -> Markup {
    let list = |title: &str, lines: &[String]| {
        html! {
            @if !lines.is_empty() {
                h4 { (title) }
                @for line in lines { p { (line) } }
            }
        }
    };
    html! {
        h3 { (sheet.id) ": " (sheet.title) }
        p { b { "Published: " } (sheet.claim) }
        @if !sheet.verdict.is_empty() {
            p { b { "Here: " } (sheet.verdict) }
        }
        div.charts {
            @for (_, svg) in &sheet.charts { (chart(svg, "")) }
        }
        (list("What was measured", &sheet.measured))
        (list("Why it differs", &sheet.differences))
        (list("What is not here", &sheet.absent))
        @if !sheet.tables.is_empty() {
            details {
                summary { "Numbers of " (sheet.id) }
                @for one in &sheet.tables { (table(one)) }
            }
        }
        @for source in &sheet.sources { p.quiet { (source) } }
    }
}

fn table(table: &Table) -> Markup {
    html! {
        div.scroll {
            table.numbers {
                caption { (table.title) }
                thead {
                    tr { @for name in &table.head { th scope="col" { (name) } } }
                }
                tbody {
                    @for row in &table.rows {
                        tr {
                            @for (n, cell) in row.iter().enumerate() {
                                @if n == 0 {
                                    th scope="row" { (cell) }
                                } @else {
                                    td { (cell) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

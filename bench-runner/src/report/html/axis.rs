//! An axis: its question, charts, costs, figures and code.

use maud::{Markup, html};
use variants::registry::{AXES, FLOOR};

use super::code::Codes;
use super::figure::chart;
use super::number::{NOTHING, ends, factor, figure};
use crate::analysis::{
    self, BASELINE, CellResult, Reference, SAME, with_cores, with_fill,
};
use crate::plot::Drawing;
use crate::results::{Fill, Placement, Run, on_cores};
use crate::stats::CONFIDENCE;
use crate::verdict::Verdict;

/// A section of the page.
pub struct Section<'a> {
    /// The axis.
    pub name: &'a str,
    /// The name of its place in the page.
    pub id: String,
    variants: Vec<&'a str>,
}

impl Section<'_> {
    /// What is asked, where the program knows the axis.
    pub fn question(&self) -> &'static str {
        if self.name == FLOOR {
            return "What do the harness and the memory cost?";
        }
        let axis = AXES.iter().find(|axis| axis.name == self.name);
        axis.map_or("", |axis| axis.question)
    }
}

/// The axes of a run in the order of the registry; those that it does not
/// know are the last ones.
pub fn sections(results: &[CellResult]) -> Vec<Section<'_>> {
    let mut axes = analysis::by_axis(results);
    // A variant that has another's machine code stands on its own axis, too.
    for result in results {
        for name in &result.namesakes {
            let axis = analysis::axis(name);
            let of = &*result.variant;
            match axes.iter_mut().find(|(known, _)| *known == axis) {
                Some((_, all)) if all.contains(&of) => {}
                Some((_, all)) => all.push(of),
                None => axes.push((axis, vec![of])),
            }
        }
    }
    let place = |name: &str| {
        let known = AXES.iter().position(|axis| axis.name == name);
        known.unwrap_or(AXES.len())
    };
    axes.sort_by_key(|(name, _)| place(name));
    axes.retain(|(name, _)| *name != BASELINE);
    let section = |(number, (name, variants))| {
        let is_known = place(name) < AXES.len();
        let id = match is_known {
            true => format!("axis-{name}"),
            false => format!("axis-{number}"),
        };
        Section { name, id, variants }
    };
    axes.into_iter().enumerate().map(section).collect()
}

/// All that a run says about an axis.
pub fn section(
    section: &Section,
    run: &Run,
    results: &[CellResult],
    drawings: &[Drawing],
    reference: &Reference,
    codes: &mut Codes,
) -> Markup {
    let kinds = run.fills().into_iter().flat_map(|fill| {
        run.core_counts().into_iter().map(move |cores| (fill, cores))
    });
    let kinds: Vec<_> = kinds
        .filter_map(|(fill, cores)| {
            let ours = with_cores(&with_fill(results, fill), cores);
            let is_ours =
                |r: &CellResult| section.variants.contains(&&*r.variant);
            let others = ours.iter().any(|r| is_ours(r) && !r.copy);
            // What is measured besides is measured for some axes only.
            let first = fill == run.setup.fill;
            let own = |r: &CellResult| is_ours(r) && r.variant != BASELINE;
            (others && (first || ours.iter().any(own)))
                .then_some((fill, cores, ours))
        })
        .collect();
    let several = kinds.len() > 1;
    let batch = kinds
        .iter()
        .flat_map(|(_, _, ours)| ours.iter().map(|r| r.batch))
        .min_by_key(|batch| batch.abs_diff(32));
    let code = section.variants.iter().filter(|name| **name != BASELINE);
    let code: Vec<_> = code
        .filter_map(|name| {
            codes.pair(name, reference(name), batch.unwrap_or(32))
        })
        .collect();
    let same = analysis::same_code(run, |name| {
        section.variants.iter().any(|variant| {
            run.namesakes(variant).iter().any(|other| other == name)
        })
    });
    html! {
        section.axis id=(section.id) data-axis=(section.name) {
            h2 { code { (section.name) } " " span { (section.question()) } }
            @for (fill, cores, ours) in &kinds {
                @if several { h3 { (kind(*fill, *cores)) } }
                div.charts {
                    @for drawing in drawings.iter().filter(|drawing| {
                        drawing.axis.as_deref() == Some(section.name)
                            && drawing.fill == Some(*fill)
                            && drawing.cores == *cores
                    }) {
                        (chart(&drawing.svg, unit(&drawing.file)))
                    }
                }
                (costs(section, ours, reference))
                (figures(section, ours, run, reference))
            }
            @for sentence in same { p.quiet { (sentence) } }
            @for pair in code { (pair) }
        }
    }
}

fn kind(fill: Fill, cores: Option<u16>) -> String {
    let cores = cores
        .map_or_else(String::new, |cores| format!(", {}", on_cores(cores)));
    match fill {
        Fill::Full => format!("Full rings{cores}"),
        Fill::Random => format!("Rings filled at random{cores}"),
    }
}

fn unit(file: &str) -> &'static str {
    match file.starts_with("throughput") {
        true => "Mpps",
        false => "cycles per packet",
    }
}

/// The batch sizes in ascending order.
fn batches(results: &[CellResult]) -> Vec<u16> {
    let mut batches: Vec<_> = results.iter().map(|r| r.batch).collect();
    batches.sort_unstable();
    batches.dedup();
    batches
}

fn find<'a>(
    results: &'a [CellResult],
    variant: &str,
    batch: u16,
) -> Option<&'a CellResult> {
    let is_it = |r: &&CellResult| r.variant == variant && r.batch == batch;
    results.iter().filter(|r| !r.copy).find(is_it)
}

/// A row's name: all names of one machine code, and the reference where it
/// is not the baseline.
fn row_name(results: &[CellResult], variant: &str, against: &str) -> Markup {
    let one = results.iter().find(|r| r.variant == variant);
    let names = one.map_or(vec![variant], CellResult::names).join(SAME);
    html! {
        code { (names) }
        @if against != BASELINE && against != variant {
            span.i { "against " (against) }
        }
    }
}

fn head(batches: &[u16]) -> Markup {
    html! {
        thead {
            tr {
                th scope="col" { "batch size" }
                @for batch in batches {
                    th scope="col" data-batch=(batch) { (batch) }
                }
            }
        }
    }
}

/// Ratios with intervals and verdicts.
fn costs(
    section: &Section,
    results: &[CellResult],
    reference: &Reference,
) -> Markup {
    let batches = batches(results);
    let compared = section.variants.iter().filter(|name| {
        let ours = results.iter().filter(|r| r.variant == **name && !r.copy);
        ours.clone().any(|r| r.cost_ratio.is_some())
    });
    let compared: Vec<_> = compared.copied().collect();
    if compared.is_empty() {
        return html! {};
    }
    html! {
        div.scroll {
            table.costs {
                caption {
                    "Time per packet against the reference, "
                    (format!("{:.0} % intervals", CONFIDENCE * 100.0))
                    ", verdicts"
                }
                (head(&batches))
                tbody {
                    @for name in compared {
                        tr {
                            th scope="row" {
                                (row_name(results, name, reference(name)))
                            }
                            @for batch in &batches {
                                (cost(find(results, name, *batch), *batch))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn cost(result: Option<&CellResult>, batch: u16) -> Markup {
    let ratio = result.and_then(|result| result.cost_ratio);
    let Some((result, ratio)) = result.zip(ratio) else {
        return html! { td data-batch=(batch) { (NOTHING) } };
    };
    let hollow = if result.hollow { "°" } else { "" };
    html! {
        td data-batch=(batch) {
            b { "×" (factor(ratio.value)) (hollow) }
            @if let Some(ends) = ends(ratio, "..") { span.i { (ends) } }
            @if let Some(finding) = result.finding {
                span.v.(class(finding.verdict)) { (finding.verdict.word()) }
            }
        }
    }
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Slower { .. } => "slower",
        Verdict::Faster { .. } => "faster",
        _ => "same",
    }
}

/// Absolute figures, on demand.
fn figures(
    section: &Section,
    results: &[CellResult],
    run: &Run,
    reference: &Reference,
) -> Markup {
    let batches = batches(results);
    let mut names: Vec<&str> =
        section.variants.iter().map(|name| reference(name)).collect();
    names.extend(&section.variants);
    let mut seen = Vec::new();
    names.retain(|name| {
        let is_new = !seen.contains(name);
        seen.push(name);
        is_new && results.iter().any(|r| r.variant == *name && !r.copy)
    });
    let mpps = match run.setup.placement {
        Placement::Lockstep => "Mpps that one core could forward",
        Placement::Threaded | Placement::External | Placement::Card => {
            "Mpps forwarded"
        }
    };
    let table = |title: &str, of: &dyn Fn(&CellResult) -> Markup| {
        html! {
            div.scroll {
                table.costs {
                    caption { (title) }
                    (head(&batches))
                    tbody {
                        @for name in &names {
                            tr {
                                th scope="row" {
                                    (row_name(results, name, BASELINE))
                                }
                                @for batch in &batches {
                                    td data-batch=(batch) {
                                        @match find(results, name, *batch) {
                                            Some(result) => (of(result)),
                                            None => (NOTHING),
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    html! {
        details {
            summary { "Figures: Mpps and cycles per packet" }
            (table(mpps, &|r| figure(r.mpps, 1)))
            (table("Core cycles per packet", &|r| figure(Some(r.cycles), 1)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::analyse;
    use crate::plot::drawings;
    use crate::results::example::{self, reference};

    fn page(run: &Run, number: usize) -> String {
        let results = analyse(run, &reference);
        let drawings = drawings(run, &results, &reference);
        let mut codes = Codes::new(&[]);
        let all = sections(&results);
        let one = &all[number];
        section(one, run, &results, &drawings, &reference, &mut codes)
            .into_string()
    }

    #[test]
    fn an_axis_has_its_question_charts_costs_and_code() {
        let page = page(&example::fourteen(), 0);
        for word in [
            "id=\"axis-reg\"",
            "How does a 32-bit device word travel?",
            "data-unit=\"Mpps\"",
            "data-unit=\"cycles per packet\"",
            "class=\"v slower\"",
            "Code of <code>reg=boxed</code>",
            "<td data-batch=\"32\"><b>×",
        ] {
            assert!(page.contains(word), "{word} in {page}");
        }
        assert_eq!(page.matches("<svg").count(), 2);
        assert!(!page.contains("batch=list"));
    }

    #[test]
    fn other_fills_and_numbers_of_cores_have_parts_of_their_own() {
        let mut run = example::run(&["baseline", "status=branchy"], &[16]);
        example::add_random(&mut run, &["baseline", "status=branchy"]);
        let with = page(&run, 0);
        assert!(with.contains("<h3>Full rings</h3>"), "{with}");
        assert!(with.contains("<h3>Rings filled at random</h3>"));
        let run = example::over_cores(&["baseline", "reg=boxed"], &[16], 2);
        let with = page(&run, 0);
        assert!(with.contains("Full rings, on 1 core<"), "{with}");
        assert!(with.contains("Full rings, on 2 cores<"));
    }

    #[test]
    fn what_the_registry_does_not_know_stands_last_and_as_text() {
        let mut run = example::run(&["baseline", "reg=boxed"], &[16]);
        run.cells[2].variant = "<script>alert(1)</script>".to_owned();
        let results = analyse(&run, &reference);
        let all = sections(&results);
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].name, &*all[0].id), ("persona", "axis-persona"));
        run.cells[2].variant = "\"><script>=x".to_owned();
        let page = page(&run, 0);
        assert!(page.contains("id=\"axis-0\""), "{page}");
        assert!(page.contains("data-axis=\"&quot;&gt;&lt;script&gt;\""));
        assert!(!page.contains("<script"));
    }
}

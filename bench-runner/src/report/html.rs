//! One self-contained page: nothing is fetched, and everything that comes
//! from a file is text.

mod answer;
mod axis;
mod circumstances;
mod code;
mod figure;
mod history;
mod loads;
mod number;
mod reproduction;
mod sources;
mod trend;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Material, Origin};
use crate::analysis::{self, AaSpread, CellResult};
use crate::build_info;
use crate::folder::reference;
use crate::plot::{self, machine_of, origin_of};
use crate::results::{Placement, Run};
use answer::Answer;
use axis::Section;
use code::Codes;

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// Styles and the script of the page itself, and nothing from elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
                      script-src 'unsafe-inline'; img-src data:; \
                      base-uri 'none'; form-action 'none'";

/// The whole text; the same material and program give the same bytes.
pub fn page(material: &Material) -> String {
    let run = material.runs.first();
    let results = run.map(|run| analysis::analyse(run, &reference));
    let sweep = run.zip(results.as_deref());
    let sections = results.as_deref().map_or(vec![], axis::sections);
    let origins = material.origins();
    let title = match origins.first() {
        Some(Origin { machine, started, .. }) => {
            let date = started.split('T').next().unwrap_or_default();
            format!("ringside report, {}, {date}", machine.cpu)
        }
        None => "ringside report".to_owned(),
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#answer" { "To the answer" }
                (banner(origins.first()))
                main {
                    (first(material, sweep))
                    (tools(sweep, &sections))
                    (contents(material, &sections))
                    @if let Some((run, results)) = sweep {
                        (axes(material, run, results, &sections))
                    }
                    (loads::latencies(&material.latencies))
                    (loads::ndrs(&material.ndrs))
                    (loads::soaks(&material.soaks))
                    (reproduction::section(&material.reproductions))
                    (history::section(&material.past))
                    (trend::section(material.trend.as_ref()))
                    (circumstances::environment(run, &origins))
                    (circumstances::method(run))
                    (circumstances::repetition(&origins))
                }
                footer {
                    p {
                        "Made by ringside " (build_info::build().version)
                        ". This page fetches nothing and works without a "
                        "network."
                    }
                }
                div #tip role="status" hidden {}
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string() + "\n"
}

fn banner(origin: Option<&Origin>) -> Markup {
    html! {
        header {
            div {
                p.brand { "ringside" }
                h1 { "What a way of writing a driver costs" }
                @if let Some(Origin { machine, build, started, .. }) = origin {
                    p.quiet {
                        (machine_of(machine, None)) " "
                        (origin_of(build, started))
                    }
                }
            }
            div.themes role="group" aria-label="Colours" hidden {
                @for theme in ["auto", "light", "dark"] {
                    button type="button" data-theme-name=(theme)
                        aria-pressed=(theme == "auto") { (theme) }
                }
            }
        }
    }
}

/// The answer, before everything else.
fn first(material: &Material, sweep: Option<(&Run, &[CellResult])>) -> Markup {
    let answer = sweep.and_then(|(run, results)| {
        let answer = Answer::of(run, results, &reference)?;
        let sentences = answer.sentences(results);
        Some((run, answer, sentences))
    });
    html! {
        section #answer {
            h2 { "The answer" }
            @match &answer {
                None => p.answer {
                    @match answer::of_others(material) {
                        Some(sentence) => (sentence),
                        None => {
                            "No variant was compared with another in what "
                            "lies here."
                        }
                    }
                },
                Some((run, answer, sentences)) => {
                    @if let Some((first, others)) = sentences.split_first() {
                        p.answer { (first) }
                        p { @for other in others { (other) " " } }
                    }
                    p.quiet {
                        (placement(run)) " "
                        @if let Some(spread) = analysis::aa_spread(run) {
                            (doubt(&spread))
                        }
                    }
                    (answer.chart())
                }
            }
        }
    }
}

fn placement(run: &Run) -> &'static str {
    match run.setup.placement {
        Placement::Lockstep => {
            "Cost is the driver's time per packet: card and driver take turns \
             on one core, and only the driver's turns are timed."
        }
        Placement::Threaded => {
            "Cost is time per packet against a software card that polls on a \
             core of its own."
        }
        Placement::External => {
            "Cost is time per packet of programs of their own, against a \
             software card that polls on another core."
        }
        Placement::Card => {
            "Cost is time per packet on a real card, counted by the driver."
        }
    }
}

/// What a difference has to exceed to be one.
fn doubt(spread: &AaSpread) -> String {
    format!(
        "A second copy of the baseline differs from the first by {:.2} % \
         (median) and {:.2} % (worst): what is smaller than that is no \
         difference.",
        spread.median * 100.0,
        spread.worst * 100.0
    )
}

/// Switches that need a script, and are there with it only.
fn tools(sweep: Option<(&Run, &[CellResult])>, sections: &[Section]) -> Markup {
    let Some((_, results)) = sweep else { return html! {} };
    let mut batches: Vec<_> = results.iter().map(|r| r.batch).collect();
    batches.sort_unstable();
    batches.dedup();
    html! {
        form #tools aria-label="What is shown" hidden {
            details {
                summary {
                    "Choose axes and batch sizes"
                    span #chosen.aside role="status" {}
                }
                fieldset {
                    legend { "Axes" }
                    @for section in sections {
                        label {
                            input type="checkbox" name="axis"
                                value=(section.name) checked;
                            " " (section.name)
                        }
                    }
                }
                fieldset {
                    legend { "Batch sizes" }
                    @for batch in batches {
                        label {
                            input type="checkbox" name="batch" value=(batch)
                                checked;
                            " " (batch)
                        }
                    }
                }
                p {
                    button type="button" data-all="on" { "All" } " "
                    button type="button" data-all="off" { "None" }
                    span.aside {
                        " Click or press Enter on a name in a chart to hide "
                        "its line; arrow keys walk along its points."
                    }
                }
            }
        }
    }
}

fn contents(material: &Material, sections: &[Section]) -> Markup {
    let part = |there: bool, id: &str, name: &str| {
        html! {
            @if there { li { a href={ "#" (id) } { (name) } } }
        }
    };
    html! {
        nav aria-label="Contents" {
            ul {
                @for section in sections {
                    li data-axis=(section.name) {
                        a href={ "#" (section.id) } { (section.name) }
                    }
                }
                (part(!material.latencies.is_empty(), "latency", "Latency"))
                (part(!material.ndrs.is_empty(), "ndr", "Loss-free rate"))
                (part(!material.soaks.is_empty(), "soak", "Soak"))
                (part(
                    !material.reproductions.is_empty(),
                    "reproduction",
                    "Published figures",
                ))
                (part(material.past.len() > 1, "history", "History"))
                (part(material.trend.is_some(), "trend", "Trend"))
                (part(true, "environment", "Environment"))
                (part(true, "method", "Method"))
                (part(true, "again", "Repeat it"))
            }
        }
    }
}

fn axes(
    material: &Material,
    run: &Run,
    results: &[CellResult],
    sections: &[Section],
) -> Markup {
    let drawings = plot::drawings(run, results, &reference);
    let mut codes = Codes::new(&material.counts);
    let this = build_info::build();
    let parts: Vec<_> = sections
        .iter()
        .map(|section| {
            let codes = &mut codes;
            axis::section(section, run, results, &drawings, &reference, codes)
        })
        .collect();
    html! {
        @if this.program != run.build.program {
            p.warn {
                "The code below is that of the program that made this page "
                "(commit " (short(&this.commit))
                @if this.dirty { " with changes" }
                ", " (this.profile) " build), and not of the one that "
                "measured (commit " (short(&run.build.commit))
                "). Where the two differ, so may the code."
            }
        }
        @for part in parts { (part) }
        @for drawing in drawings.iter().filter(|d| d.fill.is_none()) {
            (figure::chart(&drawing.svg, "Mpps"))
        }
    }
}

/// Enough of a commit to know it by.
fn short(commit: &str) -> String {
    commit.chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::example;

    fn material(run: Run) -> Material {
        Material { runs: vec![run], ..Material::default() }
    }

    #[test]
    fn the_same_material_gives_the_same_bytes() {
        let material = material(example::fourteen());
        let once = page(&material);
        assert_eq!(once, page(&material));
        assert!(once.starts_with("<!DOCTYPE html>"));
    }

    #[test]
    fn nothing_at_all_is_a_page_too() {
        let page = page(&Material::default());
        assert!(page.contains("No variant was compared"), "{page}");
        assert!(page.contains("id=\"method\""));
    }

    #[test]
    fn the_page_names_no_place_to_fetch_from() {
        let page = page(&material(example::fourteen()));
        assert!(page.contains("default-src 'none'"));
        for address in ["http:", "https:", "src=", "url(", "@import"] {
            assert!(!page.contains(address), "{address}");
        }
    }

    #[test]
    fn whatever_a_file_says_is_text() {
        const EVIL: &str = "</script><script>alert(1)</script>\u{2028}\"'&";
        let mut run = example::run(&["baseline", "reg=boxed"], &[8, 32]);
        let evil = || EVIL.to_owned();
        for cell in run.cells.iter_mut().filter(|c| c.variant != "baseline") {
            cell.variant = evil();
        }
        run.command = evil();
        run.started = evil();
        run.machine.cpu = evil();
        run.machine.kernel = evil();
        run.machine.hypervisor = Some(evil());
        run.build.commit = evil();
        run.build.compiler = evil();
        run.build.flags = vec![evil()];
        run.warnings = vec![evil()];
        example::add_same_code(&mut run, EVIL, "baseline");
        let page = page(&material(run));
        assert_eq!(page.matches("<script").count(), 1);
        assert_eq!(page.matches("</script").count(), 1);
        assert!(page.contains("&lt;script&gt;alert(1)"));
        assert!(!page.contains("git checkout"));
    }

    #[test]
    fn loads_have_charts_and_tables_of_their_own() {
        let (virtual_time, _) = crate::latency::example::record();
        let (wall, _) = crate::latency::example::wall_record();
        let shape = crate::ndr::Shape::Regular;
        let material = Material {
            latencies: vec![virtual_time, wall],
            ndrs: vec![crate::ndr::example::record(shape)],
            soaks: vec![crate::soak::example::record(120)],
            ..Material::default()
        };
        let page = page(&material);
        for words in [
            "id=\"latency\"",
            "href=\"#latency\"",
            "Measured in virtual time",
            "Measured in wall-clock time",
            "data-unit=\"µs\"",
            "<th scope=\"row\">cores alone</th>",
            "id=\"ndr\"",
            "Model NDR",
            "id=\"soak\"",
            "120 of 120 s",
        ] {
            assert!(page.contains(words), "{words}");
        }
        assert!(!page.contains("id=\"tools\""));
    }

    #[test]
    fn another_program_is_said_to_be_another() {
        let mut run = example::run(&["baseline", "reg=boxed"], &[8]);
        let words = "not of the one that measured";
        assert!(page(&material(run.clone())).contains(words));
        run.build.program = build_info::build().program;
        assert!(!page(&material(run)).contains(words));
    }
}

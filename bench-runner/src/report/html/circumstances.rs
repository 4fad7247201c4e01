//! What a run was made on, how, and how to make it again.

use std::collections::HashSet;

use maud::{Markup, html};

use super::number::{NOTHING, count};
use crate::doctor::Grade;
use crate::quality::quarantined;
use crate::report::Origin;
use crate::results::{Build, Machine, Run};
use crate::stats::CONFIDENCE;
use crate::verdict::Rule;

/// The machine, its grade and the program of what is newest, and what all of
/// it warns of.
pub fn environment(run: Option<&Run>, origins: &[Origin]) -> Markup {
    let mut seen = HashSet::new();
    let warnings = origins.iter().flat_map(|origin| origin.warnings);
    let warnings: Vec<_> = warnings.filter(|w| seen.insert(*w)).collect();
    let newest = origins.first();
    html! {
        section #environment {
            h2 { "Environment and its grade" }
            @match run.and_then(|run| run.examination.as_ref()) {
                Some(seen) => {
                    p { "Before the run, " (seen.line) }
                    div.scroll {
                        table.words {
                            caption { "What was looked at" }
                            thead {
                                tr {
                                    th scope="col" { "condition" }
                                    th scope="col" { "grade" }
                                    th scope="col" { "seen" }
                                }
                            }
                            tbody {
                                @for one in &seen.conditions {
                                    tr {
                                        th scope="row" { (one.name) }
                                        td {
                                            span.v.(class(one.grade)) {
                                                (one.grade.name())
                                            }
                                        }
                                        td { (one.seen) }
                                    }
                                }
                            }
                        }
                    }
                }
                None => p.quiet {
                    "Nobody graded the machine before the run; "
                    code { "bench-runner doctor" } " does."
                }
            }
            @if !warnings.is_empty() {
                h3 { "Notes on the numbers" }
                ul { @for warning in warnings { li { (warning) } } }
            }
            div.pair {
                @if let Some(Origin { machine, build, .. }) = newest {
                    (machine_list(machine)) (build_list(build))
                }
                @if let Some(other) =
                    run.and_then(|run| run.other_build.as_ref())
                { (build_list(other)) }
            }
        }
    }
}

fn class(grade: Grade) -> &'static str {
    match grade {
        Grade::Good => "faster",
        Grade::Poor => "slower",
        _ => "same",
    }
}

fn list(title: &str, rows: &[(&str, String)]) -> Markup {
    html! {
        div {
            h3 { (title) }
            dl {
                @for (name, value) in rows {
                    dt { (name) }
                    dd { (value) }
                }
            }
        }
    }
}

fn machine_list(machine: &Machine) -> Markup {
    let or = |text: &Option<String>, none: &str| {
        text.clone().unwrap_or_else(|| none.to_owned())
    };
    list(
        "Machine",
        &[
            ("CPU", machine.cpu.clone()),
            ("cores", machine.cores.to_string()),
            ("kernel", machine.kernel.clone()),
            ("hypervisor", or(&machine.hypervisor, "none")),
            ("clock", format!("{:.0} MHz", machine.tick_hz / 1e6)),
            (
                "cost of a pair of clock reads",
                format!("{} ticks, subtracted", machine.clock_cost_ticks),
            ),
            ("frequency governor", or(&machine.governor, "no cpufreq")),
            ("huge pages set aside", machine.huge_pages.to_string()),
            (
                "transparent huge pages",
                or(&machine.transparent_huge_pages, NOTHING),
            ),
        ],
    )
}

fn build_list(build: &Build) -> Markup {
    let dirty = if build.dirty { " with changes" } else { "" };
    let mut rows = vec![
        ("version", build.version.clone()),
        ("commit", format!("{}{dirty}", build.commit)),
        ("digest of the program", build.program.clone()),
        ("compiler", build.compiler.clone()),
        ("flags", build.flags.join(" ")),
        ("profile", build.profile.clone()),
        ("target", build.target.clone()),
    ];
    if let Some(compiler) = &build.c_compiler {
        rows.push(("C compiler", compiler.clone()));
        rows.push(("C flags", build.c_flags.join(" ")));
    }
    if let Some(path) = &build.path {
        rows.insert(0, ("program", path.clone()));
    }
    list("Program that measured", &rows)
}

/// How it was measured, in short.
pub fn method(run: Option<&Run>) -> Markup {
    let rule = Rule::default();
    let percent = |share: f64| format!("{} %", share * 100.0);
    html! {
        section #method {
            h2 { "How it was measured" }
            dl {
                dt { "What is timed" }
                dd {
                    "The driver's hot path and nothing else: one call that "
                    "receives, changes a byte of each packet and sends, "
                    "between two reads of the time stamp counter. A software "
                    "82599 checks every frame; a wrong one ends the run."
                }
                dt { "Placements" }
                dd {
                    "In lockstep the card and the driver take turns on one "
                    "core, and only the driver's turns are timed: Mpps is "
                    "what one core could forward if the card were free. In "
                    "threads the card polls on a core of its own: Mpps is "
                    "what was forwarded. Neither is the rate of a real card."
                }
                dt { "Ratios" }
                dd {
                    "In each round every variant runs on the same memory, in "
                    "random order. A cost is a ratio within a round, so what "
                    "slows all alike falls out of it."
                }
                dt { "Intervals" }
                dd {
                    (format!("{:.0} %", CONFIDENCE * 100.0))
                    ", over fresh processes of one build, not over rounds: "
                    "trimmed means with Yuen's interval. They hold for this "
                    "build on this machine."
                }
                dt { "Verdicts" }
                dd {
                    "Slower or faster: by more than " (percent(rule.margin))
                    ". Equivalent: within " (percent(rule.equivalence))
                    ". Inconclusive: nothing of that is shown. They hold for "
                    "all comparisons of a run at once (Holm), at "
                    (percent(rule.alpha)) "."
                }
                dt { "Hollow marks, °" }
                dd {
                    "The software card was busy for so long that it may have "
                    "been the bottleneck."
                }
                dt { "Second copies" }
                dd {
                    "The baseline is there twice. What its copies differ by "
                    "is what this machine adds to every number."
                }
            }
            @if let Some(run) = run { (amounts(run)) }
        }
    }
}

fn amounts(run: &Run) -> Markup {
    let setup = &run.setup;
    let apart = quarantined(run).len();
    html! {
        p {
            "This run: " (count(run.cells.len(), "cell", "cells")) " in "
            (count(run.processes.len(), "process", "processes")) " of "
            (count(setup.rounds as usize, "round", "rounds")) ", "
            (setup.frame_bytes) "-byte frames, rings of "
            (setup.ring_entries) " descriptors, "
            (count(setup.arenas as usize, "piece", "pieces"))
            " of memory in turn, seed " (setup.seed)
            @if setup.doorbell_cycles > 0 {
                ", modelled doorbell of " (setup.doorbell_cycles) " cycles"
            }
            @if apart > 0 {
                "; " (count(apart, "process", "processes"))
                " set apart for what befell it, and replaced"
            }
            "."
            @if !run.is_finished() {
                " It is not finished; what is there is shown."
            }
        }
    }
}

/// The commands that made what is shown.
pub fn repetition(origins: &[Origin]) -> Markup {
    html! {
        section #again {
            h2 { "Repeat it" }
            p {
                "In a checkout of the commit, with the program that "
                code { "cargo build --release" } " leaves in "
                code { "target/release" } ":"
            }
            @for Origin { command, build, .. } in origins {
                pre {
                    // What is no commit is nothing to be typed.
                    @if build.commit.chars().all(|c| c.is_ascii_hexdigit()) {
                        "git checkout " (build.commit) "\n"
                    }
                    (command)
                }
            }
        }
    }
}

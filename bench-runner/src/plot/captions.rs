//! The words on charts that come from the run.

use super::Quantity;
use crate::analysis::{self, CellResult, MODEL_BOUND};
use crate::results::{Build, Fill, Machine, Placement, Run};
use crate::stats::CONFIDENCE;

/// Quantity and unit of the upright axis.
pub(super) fn y_label(run: &Run, quantity: Quantity) -> &'static str {
    match (quantity, run.setup.placement) {
        (Quantity::Cycles, _) => "core cycles per packet",
        (_, Placement::Lockstep) => {
            "Mpps that one core could forward, both directions"
        }
        (_, Placement::Threaded | Placement::External | Placement::Card) => {
            "Mpps forwarded, both directions"
        }
    }
}

/// How the numbers were made, on what, when and by what, and why one line has
/// several of the names that are `shown`.
pub(super) fn caption(
    run: &Run,
    results: &[CellResult],
    shown: impl Fn(&str) -> bool,
) -> String {
    let mut sentences = vec![
        device(run, results),
        sampling(run, results),
        machine(run),
        origin(run),
    ];
    if results.iter().any(|result| result.hollow) {
        sentences.push(match run.setup.rate {
            None if run.setup.placement == Placement::Card => {
                format!("Hollow marks: {}.", analysis::short_of_traffic())
            }
            None => format!(
                "Hollow marks are model-bound: the model was busy for more \
                 than {:.0} % of the time.",
                MODEL_BOUND * 100.0
            ),
            Some(_) => format!("Hollow marks: {}.", analysis::lateness()),
        });
    }
    sentences.extend(analysis::same_code(run, shown));
    sentences.join(" ")
}

/// How some results of a run were made, on what, when and by what.
#[must_use]
pub fn caption_of(run: &Run, results: &[CellResult]) -> String {
    caption(run, results, |_| false)
}

fn device(run: &Run, results: &[CellResult]) -> String {
    let setup = &run.setup;
    let random = results.iter().any(|result| result.fill == Fill::Random);
    let fill = match (random, run.fills().len()) {
        (true, _) => ", in runs of random length",
        (false, 2..) => ", full rings",
        (false, _) => "",
    };
    let on_card = setup.ports.as_ref().map(ToString::to_string);
    let placement = match setup.placement {
        Placement::Lockstep => "in lockstep on the driver's core",
        Placement::Threaded => "threaded, on a core of its own",
        Placement::Card => on_card.as_deref().unwrap_or(""),
        Placement::External => "on a core of its own, drivers are programs",
    };
    let halves = match setup.split {
        true => "; receive and transmit on separate cores",
        false => "",
    };
    let doorbell = match setup.doorbell_cycles {
        0 => String::new(),
        cycles => format!(", modelled doorbell of {cycles} cycles"),
    };
    let offered = match analysis::offered(run) {
        None => String::new(),
        Some(offered) => format!(", {offered} with equal gaps"),
    };
    let kind = match setup.placement {
        Placement::Lockstep | Placement::Threaded | Placement::External => {
            "Software 82599"
        }
        Placement::Card => "Real card",
    };
    format!(
        "{kind} {placement}{doorbell}{halves}; {}, {}-byte \
         frames{fill}{offered}.",
        run.work_of(results.iter().map(|r| &*r.variant)),
        setup.frame_bytes
    )
}

fn sampling(run: &Run, results: &[CellResult]) -> String {
    let used = results.iter().map(|r| r.processes).max().unwrap_or(0);
    let bands = if results.iter().any(|r| r.ns.interval.is_some()) {
        format!("bands are {:.0} % intervals", CONFIDENCE * 100.0)
    } else {
        "too few processes for intervals".to_owned()
    };
    format!("Processes × rounds: {used} × {}, {bands}.", run.setup.rounds)
}

fn machine(run: &Run) -> String {
    machine_of(&run.machine, analysis::core_ghz(run))
}

/// The machine, and the core's frequency where it is known.
#[must_use]
pub fn machine_of(machine: &Machine, ghz: Option<f64>) -> String {
    let guest = match &machine.hypervisor {
        Some(hypervisor) => format!(", {hypervisor} guest"),
        None => String::new(),
    };
    let clock = match ghz {
        Some(ghz) => format!(" at {ghz:.2} GHz"),
        None => String::new(),
    };
    format!("{}{clock}{guest}.", machine.cpu)
}

fn origin(run: &Run) -> String {
    origin_of(&run.build, &run.started)
}

/// When it was measured, and by what.
#[must_use]
pub fn origin_of(build: &Build, started: &str) -> String {
    let date = started.split('T').next().unwrap_or_default();
    let commit: String = build.commit.chars().take(10).collect();
    let dirty = if build.dirty { " with changes" } else { "" };
    let profile = match build.profile.as_str() {
        "release" => String::new(),
        other => format!(", {other} build"),
    };
    format!(
        "{date}, ringside {}, commit {commit}{dirty}{profile}, {}.",
        build.version, build.compiler
    )
}

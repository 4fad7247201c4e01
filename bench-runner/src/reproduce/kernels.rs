//! Figures without a driver, from kernels of the micro-benchmarks.

use super::published::{Figure, Finding, Panel, Place, Read, Series};
use super::rates::measured;
use super::record::{
    MeasuredFinding, MeasuredPanel, MeasuredPoint, MeasuredSeries, Way,
};
use variants::micro::{Kernel, kernels};

use crate::affinity;
use crate::failure::Failure;
use crate::micro::{self, Counted, Effort, Measured, Timings};
use crate::results::Placement;
use crate::stats::Estimate;

/// Bytes of a cell of a list.
const CELL_BYTES: f64 = 16.0;

/// Numbers of cases that are matched.
const CASES: [u32; 7] = [2, 4, 8, 16, 32, 64, 128];

/// Where a figure's kernels take their memory from, the one that stands for
/// the figure first; nothing where there is but one way.
fn places(id: &str) -> &'static [&'static str] {
    match id {
        "S4" => &["arena", "heap"],
        _ => &[""],
    }
}

/// The kernel that speaks to a series at a place.
fn kernel(id: &str, series: &str, x: &Place, place: &str) -> Option<String> {
    let walk = |walk: &str, size: &str| format!("walks/in-order/{walk}/{size}");
    let of_int32 = |way: &str| format!("int32/set-get/{way}");
    let young = |shape: &str| format!("allocation/young/{place}/{shape}");
    let size = |x: &Place| match x {
        Place::Number(16.0) => Some("16KiB"),
        Place::Number(128.0) => Some("128KiB"),
        Place::Number(5000.0) => Some("5000kB"),
        // What is past every cache is past every cache.
        Place::Number(4_294_000.0) => Some("64MiB"),
        _ => None,
    };
    Some(match (id, series) {
        ("S1", "OCaml, byte by byte") => of_int32("bytes"),
        ("S1", "C through the foreign interface") => of_int32("foreign"),
        ("S1", "primitives of OCaml 4.01") => of_int32("word"),
        ("S2", "sum") => walk("chase", "10000-cells"),
        ("S2", "seum") => walk("speculate", "10000-cells"),
        ("S2", "seum_unroll") => walk("speculate4", "10000-cells"),
        ("S3", "sum1" | "sum1, listing") => walk("chase", size(x)?),
        ("S3", "sum2" | "sum2, listing") => walk("speculate", size(x)?),
        ("S3", "sum5, listing") => walk("nested", size(x)?),
        ("S4", "control") => "allocation/young/control".to_owned(),
        ("S4", "ordinary, 1 argument") => young("one"),
        ("S4", "polymorphic, 1 argument") => young("one-hashed"),
        ("S4", "ordinary, 2 arguments") => young("two"),
        ("S4", "polymorphic, 2 arguments") => young("two-hashed"),
        _ => return None,
    })
}

/// Every kernel that a figure asks for, each once.
fn names(figure: &Figure, place: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for panel in &figure.panels {
        for series in &panel.series {
            for point in &series.points {
                let name = kernel(&figure.id, &series.name, &point.x, place);
                names.extend(name.filter(|name| !names.contains(name)));
            }
        }
    }
    if figure.id == "S5" {
        for order in ["in-turn", "replayed", "drawn"] {
            for way in ["table", "tree"] {
                let all = CASES.map(|n| format!("matching/{order}/{way}/{n}"));
                names.extend(all);
            }
        }
    }
    names
}

/// Kernels, timed and counted.
struct Numbers {
    timings: Timings,
    counted: Vec<Counted>,
}

impl Numbers {
    fn timed(&self, name: &str) -> Option<&Measured> {
        self.timings.kernels.iter().find(|kernel| kernel.name == name)
    }

    fn counted(&self, name: &str) -> Option<&Counted> {
        self.counted.iter().find(|kernel| kernel.name == name)
    }

    /// A kernel's value of a published quantity.
    fn value(
        &self,
        figure: &Figure,
        panel: &Panel,
        name: &str,
        place: &str,
    ) -> Option<Estimate> {
        let exact = |value| Estimate { value, interval: None };
        match &*panel.y.quantity {
            "time" => Some(self.timed(name)?.ns),
            "cycles" => Some(self.timed(name)?.cycles),
            "instructions" => Some(exact(self.counted(name)?.instructions)),
            "branches" => Some(exact(self.counted(name)?.branches)),
            "instructions per cycle" => {
                let instructions = self.counted(name)?.instructions;
                self.timed(name)?.cycles.map(|cycles| instructions / cycles)
            }
            "speed" => self.timed(name)?.ns.map(|ns| 1e3 / ns),
            "data walked over" => {
                self.timed(name)?.ns.map(|ns| CELL_BYTES / ns)
            }
            "time without the control" => {
                let one = Place::Name(String::new());
                let control = kernel(&figure.id, "control", &one, place)?;
                if control == name {
                    return None;
                }
                self.timings.difference(name, &control)
            }
            _ => None,
        }
    }

    fn series(
        &self,
        figure: &Figure,
        panel: &Panel,
        series: &Series,
        place: &str,
    ) -> Option<MeasuredSeries> {
        let mut subject = None;
        let points = series.points.iter().filter_map(|point| {
            let name = kernel(&figure.id, &series.name, &point.x, place)?;
            let value = self.value(figure, panel, &name, place)?;
            subject = Some(name);
            Some(measured(point.x.clone(), value))
        });
        let points: Vec<MeasuredPoint> = points.collect();
        let subject = subject?;
        // Of several sizes, what they have in common.
        let subject = match points.len() > 1 {
            true => subject.rsplit_once('/').map_or(&*subject, |(a, _)| a),
            false => &subject,
        };
        let (name, subject) = (series.name.clone(), subject.to_owned());
        Some(MeasuredSeries { name, subject, points })
    }
}

/// Times and counts the kernels of a figure.
///
/// # Errors
///
/// When they cannot be timed, or the user stops it.
pub fn ways(
    figure: &Figure,
    core: Option<u32>,
    seed: u64,
    quick: bool,
) -> Result<(Vec<Way>, Vec<String>), Failure> {
    let (core, _) = affinity::choose(Placement::Lockstep, core, None)
        .map_err(Failure::environment)?;
    let effort = Effort { seed, ..Effort::default() };
    let effort = match quick {
        true => Effort { processes: 4, rounds: 20, ..effort },
        false => effort,
    };
    let there: Vec<_> = kernels().iter().map(Kernel::id).collect();
    let (mut ways, mut absent) = (Vec::new(), Vec::new());
    for place in places(&figure.id) {
        let mut names = names(figure, place);
        let all = names.len();
        names.retain(|name| there.contains(name));
        if names.len() < all {
            absent.push(
                "Kernels in C are missing, for no C compiler was there when \
                 this program was built."
                    .to_owned(),
            );
        }
        let timings = micro::measure(&names, &effort, core)?;
        let counted = match micro::count(&names) {
            Ok(counted) => counted,
            Err(failure) => {
                let why = format!("Nothing was counted: {failure}.");
                if !absent.contains(&why) {
                    absent.push(why);
                }
                Vec::new()
            }
        };
        let numbers = Numbers { timings, counted };
        let mut way = way(figure, place, &numbers);
        way.findings = findings(figure, &numbers.timings);
        ways.push(way);
    }
    Ok((ways, absent))
}

fn way(figure: &Figure, place: &str, numbers: &Numbers) -> Way {
    let panels = figure.panels.iter().enumerate();
    let panels = panels.filter_map(|(number, panel)| {
        // What follows from other panels says nothing more.
        let computed = |series: &Series| series.read == Read::Computed;
        if panel.series.iter().all(computed)
            && panel.y.quantity != "time without the control"
        {
            return None;
        }
        let series = panel
            .series
            .iter()
            .filter_map(|series| numbers.series(figure, panel, series, place));
        let series: Vec<_> = series.collect();
        (!series.is_empty()).then_some(MeasuredPanel { panel: number, series })
    });
    let place = match place {
        "" => String::new(),
        place => format!(", on {place}"),
    };
    let counts = match numbers.counted.is_empty() {
        true => "",
        false => ", counts by callgrind",
    };
    Way {
        how: format!(
            "kernels{place}, core at {:.2} GHz{counts}",
            numbers.timings.ghz
        ),
        projected: false,
        panels: panels.collect(),
        findings: Vec::new(),
    }
}

/// What a jump table takes over a binary search, for each order of cases that
/// a statement is about.
fn findings(figure: &Figure, timings: &Timings) -> Vec<MeasuredFinding> {
    let found = |finding: &Finding| {
        let (order, cases): (&str, &[u32]) = match &*finding.id {
            "VM3" => ("in-turn", &CASES),
            "VM4" => ("drawn", &CASES),
            "VM5" => ("replayed", &CASES),
            "VM7" => ("in-turn", &CASES[2..3]),
            _ => return None,
        };
        let ratios = cases.iter().filter_map(|n| {
            let name = |way: &str| format!("matching/{order}/{way}/{n}");
            timings.ratio(&name("table"), &name("tree"))
        });
        let ratios: Vec<_> = ratios.collect();
        let all: Vec<_> =
            ratios.iter().map(|r| format!("{:.2}", r.value)).collect();
        // Up to a value means the greatest, elsewhere the middle is enough.
        let best = match &*finding.id {
            "VM3" | "VM5" => {
                ratios.into_iter().max_by(|a, b| a.value.total_cmp(&b.value))?
            }
            _ => {
                let mut sorted = ratios;
                sorted.sort_by(|a, b| a.value.total_cmp(&b.value));
                *sorted.get(sorted.len() / 2)?
            }
        };
        let cases: Vec<_> = cases.iter().map(u32::to_string).collect();
        let (low, high) = best.interval.unzip();
        Some(MeasuredFinding {
            id: finding.id.clone(),
            what: format!(
                "speed of matching/{order}/tree over table, the loop \
                 included, {} with {} cases",
                all.join(", "),
                cases.join(", ")
            ),
            value: best.value,
            low,
            high,
        })
    };
    figure.findings.iter().filter_map(found).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reproduce::published;
    use variants::registry;

    #[test]
    fn every_kernel_that_is_asked_for_exists() {
        for figure in published::figures() {
            for place in places(&figure.id) {
                let names = names(&figure, place);
                if names.is_empty() {
                    continue;
                }
                // Without a C compiler there is nothing foreign.
                let there = |n: &&String| {
                    !n.contains("foreign") || registry::missing().is_none()
                };
                let names: Vec<_> =
                    names.iter().filter(there).cloned().collect();
                let kernels = micro::find(&names).expect("they exist");
                assert_eq!(kernels.len(), names.len(), "{}", figure.id);
            }
        }
    }

    #[test]
    fn figures_about_kernels_are_spoken_to() {
        let figures = published::figures();
        for id in ["S1", "S2", "S3", "S4", "S5"] {
            let figure = figures.iter().find(|f| f.id == id).unwrap();
            let names = names(figure, places(id)[0]);
            assert!(names.len() >= 3, "{id}: {names:?}");
        }
    }
}

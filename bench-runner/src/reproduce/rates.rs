//! Rates over batch sizes or frequencies, from samples of cells.

use super::campaign::{Bench, Cells};
use super::figures::{BATCH, Kind, batch_of};
use super::published::{Figure, Finding, Place};
use super::record::{
    MeasuredFinding, MeasuredPanel, MeasuredPoint, MeasuredSeries, Way,
};
use crate::analysis::{self, CellResult, MODEL_BOUND};
use crate::folder::reference;
use crate::results::{Fill, Run};
use crate::stats::{CONFIDENCE, Estimate};

/// What rates are given at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clock {
    /// Measured at a frequency in GHz that the core was set to.
    Set(f64),
    /// From cycles, at a frequency in GHz.
    Projected(f64),
    /// Measured at the frequency that the core had.
    Own,
}

impl Clock {
    fn words(self) -> String {
        match self {
            Self::Set(ghz) => format!(", measured at {ghz} GHz"),
            Self::Projected(ghz) => format!(", projected to {ghz} GHz"),
            Self::Own => ", at this machine's own frequency".to_owned(),
        }
    }
}

/// The cells that a figure asks for.
#[must_use]
pub fn cells(figure: &Figure, kind: Kind) -> Cells {
    let series = figure.panels.iter().flat_map(|panel| &panel.series);
    match kind {
        Kind::Rates { .. } => series
            .filter_map(|series| Some((series.variant.clone()?, series)))
            .flat_map(|(variant, series)| {
                let batches = series.points.iter().filter_map(batch);
                batches.map(move |batch| (variant.clone(), batch))
            })
            .collect(),
        Kind::Frequencies => {
            let variants = series.filter_map(|s| s.variant.clone());
            variants.map(|variant| (variant, BATCH)).collect()
        }
        Kind::Statements => {
            let sides = figure.findings.iter().flat_map(|finding| {
                let batch = batch_of(finding.conditions.as_deref());
                let both = variants_of(finding).into_iter();
                both.flat_map(move |(a, b)| [(a, batch), (b, batch)])
            });
            sides.collect()
        }
        Kind::Latency { .. } | Kind::Counters | Kind::Kernels => Cells::new(),
    }
}

/// The batch size of a point.
fn batch(point: &super::published::Point) -> Option<u16> {
    match point.x {
        Place::Number(x) => Some(x as u16),
        Place::Name(_) => None,
    }
}

/// The variants that a statement compares.
pub fn variants_of(finding: &Finding) -> Option<(String, String)> {
    let against = finding.against.as_ref()?.variant.clone()?;
    Some((finding.subject.variant.clone()?, against))
}

/// Rates over batch sizes.
#[must_use]
pub fn over_batches(
    figure: &Figure,
    bench: Bench,
    clock: Clock,
    run: &Run,
) -> Way {
    let results = analysis::analyse(run, &reference);
    let panels = panels(figure, |variant, x| {
        of(&results, variant, x as u16).and_then(|r| rate(r, clock))
    });
    Way {
        how: bench.words() + &clock.words(),
        projected: matches!(clock, Clock::Projected(_)),
        panels,
        findings: Vec::new(),
    }
}

/// What is to be said where the card's thread may have been the bottleneck.
#[must_use]
pub fn model_bound(figure: &Figure, run: &Run) -> Option<String> {
    let results = analysis::analyse(run, &reference);
    let series = figure.panels.iter().flat_map(|panel| &panel.series);
    let cells = series.flat_map(|series| {
        let variant = series.variant.as_deref();
        let points = series.points.iter();
        points.filter_map(move |point| Some((variant?, batch(point)?)))
    });
    let found: Vec<_> = cells
        .filter_map(|(variant, batch)| of(&results, variant, batch))
        .collect();
    let bound = found.iter().filter(|result| result.hollow).count();
    (bound > 0).then(|| {
        format!(
            "In threads the card was busy for more than {:.0} % of the time \
             in {bound} of {} points, and may have been the bottleneck there.",
            MODEL_BOUND * 100.0,
            found.len()
        )
    })
}

/// Rates over frequencies, all projected from the same samples.
#[must_use]
pub fn projected(figure: &Figure, bench: Bench, run: &Run) -> Way {
    let results = analysis::analyse(run, &reference);
    let panels = panels(figure, |variant, ghz| {
        let result = of(&results, variant, BATCH)?;
        rate(result, Clock::Projected(ghz))
    });
    Way {
        how: format!("{}, batch {BATCH}, projected", bench.words()),
        projected: true,
        panels,
        findings: Vec::new(),
    }
}

/// Rates over frequencies that the core was set to, with samples at each.
#[must_use]
pub fn at_frequencies(
    figure: &Figure,
    bench: Bench,
    runs: &[(u64, Run)],
) -> Way {
    let analyse = |run: &Run| analysis::analyse(run, &reference);
    let results: Vec<_> =
        runs.iter().map(|(mhz, run)| (*mhz, analyse(run))).collect();
    let panels = panels(figure, |variant, ghz| {
        let mhz = (ghz * 1e3).round() as u64;
        let (_, results) = results.iter().find(|(at, _)| *at == mhz)?;
        rate(of(results, variant, BATCH)?, Clock::Set(ghz))
    });
    Way {
        how: format!("{}, batch {BATCH}, measured", bench.words()),
        projected: false,
        panels,
        findings: Vec::new(),
    }
}

/// Panels with the values of those series that a variant speaks to.
fn panels(
    figure: &Figure,
    value: impl Fn(&str, f64) -> Option<Estimate>,
) -> Vec<MeasuredPanel> {
    let panels = figure.panels.iter().enumerate();
    panels
        .map(|(panel, published)| {
            let series = published.series.iter().filter_map(|series| {
                let subject = series.variant.clone()?;
                let points = series.points.iter().filter_map(|point| {
                    let Place::Number(x) = point.x else { return None };
                    Some(measured(point.x.clone(), value(&subject, x)?))
                });
                let points = points.collect();
                let name = series.name.clone();
                Some(MeasuredSeries { name, subject, points })
            });
            MeasuredPanel { panel, series: series.collect() }
        })
        .collect()
}

/// A value with its interval at a place.
#[must_use]
pub fn measured(x: Place, estimate: Estimate) -> MeasuredPoint {
    let (low, high) = estimate.interval.unzip();
    MeasuredPoint { x, y: estimate.value, low, high }
}

fn of<'r>(
    results: &'r [CellResult],
    variant: &str,
    batch: u16,
) -> Option<&'r CellResult> {
    let is = |r: &&CellResult| {
        r.names().contains(&variant) && r.batch == batch && !r.copy
    };
    results.iter().find(is)
}

fn rate(result: &CellResult, clock: Clock) -> Option<Estimate> {
    match clock {
        Clock::Set(_) | Clock::Own => result.mpps,
        Clock::Projected(ghz) => {
            let cycles = result.cycles;
            let sound = cycles.interval.filter(|(low, _)| *low > 0.0);
            Estimate { interval: sound, ..cycles }.map(|c| ghz * 1e3 / c)
        }
    }
}

/// What samples say of a figure's statements about rates and cycles.
#[must_use]
pub fn statements(figure: &Figure, bench: Bench, run: &Run) -> Way {
    let findings = figure.findings.iter().filter_map(|finding| {
        let quantity = &finding.effect.as_ref()?.quantity;
        let inverse = match quantity.as_str() {
            "cycles" => false,
            "throughput"
            | "rate per device"
            | "forwarding rate, one direction"
            | "forwarding rate, both directions" => true,
            _ => return None,
        };
        let (subject, against) = variants_of(finding)?;
        let batch = batch_of(finding.conditions.as_deref());
        let cost = cost_ratio(run, &subject, &against, batch)?;
        let ratio = if inverse { cost.map(|c| 1.0 / c)? } else { cost };
        let what = match inverse {
            true => "throughput",
            false => "cycles",
        };
        let (low, high) = ratio.interval.unzip();
        Some(MeasuredFinding {
            id: finding.id.clone(),
            what: format!("{what} of {subject} over {against}, batch {batch}"),
            value: ratio.value,
            low,
            high,
        })
    });
    Way {
        how: bench.words(),
        projected: false,
        panels: Vec::new(),
        findings: findings.collect(),
    }
}

/// Cost of a variant over that of another, taken round by round.
fn cost_ratio(
    run: &Run,
    subject: &str,
    against: &str,
    batch: u16,
) -> Option<Estimate> {
    let cell = |variant: &str| {
        let mut same = run.same_code.iter();
        let name = same
            .find(|same| same.variant == variant)
            .map_or(variant, |same| &same.as_in);
        run.cells.iter().position(|c| {
            c.variant == name
                && c.batch == batch
                && c.fill == Fill::Full
                && !c.copy
        })
    };
    let logarithms = analysis::log_ratios(run, cell(subject)?, cell(against)?);
    Estimate::yuen(&logarithms, CONFIDENCE)?.map(f64::exp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reproduce::published;
    use crate::results::example;

    fn figure(id: &str) -> Figure {
        published::figures().into_iter().find(|f| f.id == id).unwrap()
    }

    #[test]
    fn a_projection_is_the_frequency_over_the_cycles() {
        let run = example::run(&["baseline", "buffer=arc"], &[1, 8]);
        let results = analysis::analyse(&run, &reference);
        let way = over_batches(
            &figure("F12"),
            Bench::Lockstep,
            Clock::Projected(3.3),
            &run,
        );
        assert!(way.projected && way.how.contains("3.3 GHz"), "{}", way.how);
        let raw = &way.panels[0].series[0];
        assert_eq!(raw.subject, "baseline");
        let at_8 = raw.points.iter().find(|p| p.x == Place::Number(8.0));
        let cycles = of(&results, "baseline", 8).unwrap().cycles.value;
        let mpps = at_8.unwrap().y;
        assert!((mpps * cycles / 3300.0 - 1.0).abs() < 1e-9, "{mpps}");
        // Batch sizes that were not measured are left out.
        assert_eq!(raw.points.len(), 2);
    }

    #[test]
    fn a_statement_is_a_ratio_in_its_own_quantity() {
        let run =
            example::run(&["baseline", "batch=vec", "batch=arena"], &[32]);
        let way = statements(&figure("S6"), Bench::Lockstep, &run);
        let lists = way.findings.iter().find(|f| f.id == "E03").unwrap();
        let ratio =
            example::cost("batch=vec", 32) / example::cost("batch=arena", 32);
        assert!((lists.value / ratio - 1.0).abs() < 0.01, "{lists:?}");
        assert!(lists.low.unwrap() <= lists.value);
    }

    #[test]
    fn cells_are_those_that_a_variant_speaks_to() {
        let kind = Kind::Rates { mhz: 1600, threads: false };
        let cells = cells(&figure("F2"), kind);
        // OCaml has no value at batch 1.
        assert_eq!(cells.len(), 9 + 9 + 8);
        let statements = self::cells(&figure("S6"), Kind::Statements);
        assert!(statements.contains(&("buffer=arc".to_owned(), 8)));
        assert!(statements.contains(&("buffer=arc".to_owned(), 32)));
    }
}

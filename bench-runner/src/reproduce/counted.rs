//! Counters per packet, from what can be counted here.

use super::figures::batch_of;
use super::published::{Figure, Place};
use super::rates::{measured, variants_of};
use super::record::{MeasuredFinding, MeasuredPanel, MeasuredSeries, Way};
use crate::counters::{Packet, Quantity, Source};
use crate::stats::Estimate;

/// The row of a table of counters that a published quantity is in.
fn row(quantity: &str) -> Option<&'static str> {
    Some(match quantity {
        "cycles" => Quantity::Cycles.name(),
        "instructions" => Quantity::Instructions.name(),
        "instructions per cycle" => "ipc",
        "branches" => Quantity::Branches.name(),
        "mispredicted branches" => Quantity::BranchMispredicts.name(),
        "store micro-operations" => Quantity::StoreUops.name(),
        "load micro-operations" => Quantity::LoadUops.name(),
        "loads that hit the first cache level" => Quantity::LoadL1Hits.name(),
        "loads that hit the second cache level" => Quantity::LoadL2Hits.name(),
        "loads that hit the third cache level" => Quantity::LoadL3Hits.name(),
        "loads that miss the third cache level" => {
            Quantity::LoadL3Misses.name()
        }
        _ => return None,
    })
}

/// A variant's counter at a batch size.
fn number(
    packets: &[Packet],
    variant: &str,
    batch: u16,
    row: &str,
) -> Option<(f64, Source)> {
    let is = |p: &&Packet| p.variant() == variant && p.batch() == batch;
    packets.iter().find(is)?.number(row)
}

/// Counters in the panels of a figure, and what cannot be counted.
#[must_use]
pub fn way(figure: &Figure, packets: &[Packet]) -> (Way, Vec<String>) {
    let (mut panels, mut absent) = (Vec::new(), Vec::new());
    let mut sources: Vec<Source> = Vec::new();
    for (panel, published) in figure.panels.iter().enumerate() {
        let Some(row) = row(&published.y.quantity) else { continue };
        let mut all = Vec::new();
        for series in &published.series {
            let Some(subject) = series.variant.clone() else { continue };
            let mut points = Vec::new();
            for point in &series.points {
                let Place::Number(x) = point.x else { continue };
                let found = number(packets, &subject, x as u16, row);
                let Some((value, source)) = found else { continue };
                if !sources.contains(&source) {
                    sources.push(source);
                }
                let estimate = Estimate { value, interval: None };
                points.push(measured(point.x.clone(), estimate));
            }
            let name = series.name.clone();
            all.push(MeasuredSeries { name, subject, points });
        }
        if all.iter().all(|series| series.points.is_empty()) {
            absent.push(published.y.quantity.clone());
            continue;
        }
        panels.push(MeasuredPanel { panel, series: all });
    }
    sources.sort();
    let sources: Vec<_> = sources.iter().map(Source::to_string).collect();
    let way = Way {
        how: format!("counted: {}", sources.join(", ")),
        projected: false,
        panels,
        findings: Vec::new(),
    };
    let absent = match &absent[..] {
        [] => Vec::new(),
        names => vec![format!(
            "Nothing here counts {}; bench-runner counters says why.",
            names.join(", ")
        )],
    };
    (way, absent)
}

/// The variants and batch sizes of statements about counts.
pub fn asked(figure: &Figure) -> Vec<(String, u16)> {
    let about = figure.findings.iter().filter(|finding| {
        let effect = finding.effect.as_ref();
        effect.is_some_and(|e| {
            matches!(&*e.quantity, "instructions" | "branches")
        })
    });
    let cells = about.filter_map(|finding| {
        let batch = batch_of(finding.conditions.as_deref());
        let (a, b) = variants_of(finding)?;
        Some([(a, batch), (b, batch)])
    });
    cells.flatten().collect()
}

/// What counts say of a figure's statements about counts: how many times as
/// many the subject has.
#[must_use]
pub fn statements(figure: &Figure, packets: &[Packet]) -> Vec<MeasuredFinding> {
    let findings = figure.findings.iter().filter_map(|finding| {
        let effect = finding.effect.as_ref()?;
        let row = match &*effect.quantity {
            "instructions" | "branches" => row(&effect.quantity)?,
            _ => return None,
        };
        let (subject, against) = variants_of(finding)?;
        let batch = batch_of(finding.conditions.as_deref());
        let (more, _) = number(packets, &subject, batch, row)?;
        let (less, _) = number(packets, &against, batch, row)?;
        (less > 0.0).then(|| MeasuredFinding {
            id: finding.id.clone(),
            what: format!(
                "{} of {subject} over {against}, {more:.1} over {less:.1}, \
                 batch {batch}",
                effect.quantity
            ),
            value: more / less,
            low: None,
            high: None,
        })
    });
    findings.collect()
}

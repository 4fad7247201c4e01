//! The answer: one sentence and one chart.

use maud::{Markup, html};

use super::figure::chart;
use super::number::count;
use crate::analysis::{self, CellResult, Reference};
use crate::latency::{self, micros, record::SeriesRecord};
use crate::ndr;
use crate::plot::{Dot, Dots, Side, caption_of};
use crate::report::Material;
use crate::report::answer::{self, Piece};
use crate::results::{Run, on_cores};
use crate::stats::CONFIDENCE;
use crate::trend;
use crate::verdict::Verdict;

/// The batch size that is nearest to this one is the one that is spoken of.
const BATCH: u16 = 32;

/// What a run's comparisons say at one batch size.
pub struct Answer<'a> {
    run: &'a Run,
    reference: &'a Reference<'a>,
    batch: u16,
    /// The comparisons, from the dearest to the cheapest.
    costs: Vec<&'a CellResult>,
}

impl<'a> Answer<'a> {
    /// None where nothing was compared.
    pub fn of(
        run: &'a Run,
        results: &'a [CellResult],
        reference: &'a Reference<'a>,
    ) -> Option<Self> {
        let cores = run.core_counts().first().copied().flatten();
        let compared = |r: &&CellResult| {
            let is_first = r.fill == run.setup.fill && r.cores == cores;
            is_first && !r.copy && r.cost_ratio.is_some()
        };
        let all = || results.iter().filter(compared);
        let batch = all().map(|r| r.batch).min_by_key(|b| b.abs_diff(BATCH))?;
        let mut costs: Vec<_> = all().filter(|r| r.batch == batch).collect();
        costs.sort_by(|a, b| {
            value(b)
                .total_cmp(&value(a))
                .then_with(|| a.variant.cmp(&b.variant))
        });
        Some(Self { run, reference, batch, costs })
    }

    /// The answer, a sentence each.
    pub fn sentences(&self, results: &[CellResult]) -> Vec<Markup> {
        let all = answer::answer(self.run, results, self.reference);
        all.iter().map(|pieces| sentence(pieces)).collect()
    }

    /// Every comparison, the dearest on top.
    pub fn chart(&self) -> Markup {
        let dots = self.costs.iter().map(|result| Dot {
            name: self.row(result),
            value: value(result),
            interval: result.cost_ratio.and_then(|ratio| ratio.interval),
            side: match result.finding.map(|finding| finding.verdict) {
                Some(Verdict::Slower { .. }) => Side::More,
                Some(Verdict::Faster { .. }) => Side::Less,
                Some(Verdict::Equivalent) => Side::Same,
                _ => Side::Unknown,
            },
        });
        let ours: Vec<_> = self.costs.iter().map(|r| (*r).clone()).collect();
        let cores = ours.first().and_then(|result| result.cores);
        let cores = cores
            .map_or_else(String::new, |cores| format!(", {}", on_cores(cores)));
        let chart_of = Dots {
            title: format!(
                "Cost of each variant at batch {}{cores}",
                self.batch
            ),
            subtitle: format!(
                "Dots: time per packet against the reference; bars: {:.0} % \
                 intervals. Orange: slower, blue: faster, grey: as fast, \
                 hollow: nothing is shown. {}",
                CONFIDENCE * 100.0,
                caption_of(self.run, &ours)
            ),
            x_label: "time per packet, times the reference's".to_owned(),
            one: "the reference".to_owned(),
            along: ("batch", self.batch.to_string()),
            dots: dots.collect(),
        };
        chart(&chart_of.draw(), "times the reference’s time")
    }

    /// What a variant is called beside its row: its reference is named where
    /// it is not the baseline.
    fn row(&self, result: &CellResult) -> String {
        let reference = (self.reference)(&result.variant);
        match reference == analysis::BASELINE {
            true => result.variant.clone(),
            false => format!("{} / {reference}", result.variant),
        }
    }
}

fn sentence(pieces: &[Piece]) -> Markup {
    html! {
        @for piece in pieces {
            @match piece {
                Piece::Text(words) => (words),
                Piece::Name(name) => code { (name) },
                Piece::Ratio(ratio) => strong { (ratio) },
            }
        }
    }
}

/// The answer of what is no comparison of costs: latencies, else loss-free
/// rates, else published figures, else a history.
pub fn of_others(material: &Material) -> Option<Markup> {
    let latency = || of_latency(material.latencies.first()?);
    let rate = || of_rate(material.ndrs.first()?);
    let figures = || {
        let record = material.reproductions.first()?;
        let figures = count(record.figures.len(), "figure was", "figures were");
        Some(html! { "Of what was published " (figures) " measured here." })
    };
    let history = || {
        let said = trend::sentence(material.trend.as_ref()?);
        Some(html! { (said) })
    };
    latency().or_else(rate).or_else(figures).or_else(history)
}

/// The highest percentile that all variants have at the first rate.
fn of_latency(record: &latency::record::Record) -> Option<Markup> {
    let rate = &record.series.first()?.rate;
    let ours: Vec<_> =
        record.series.iter().filter(|one| one.rate == *rate).collect();
    let at = |one: &SeriesRecord, percentile: f64| {
        let mut all = one.percentiles.iter();
        all.find(|p| p.percentile == percentile).and_then(|p| p.ns)
    };
    let all = ours.first()?.percentiles.iter().map(|p| p.percentile);
    let mut shared = all.filter(|percentile| {
        *percentile < 100.0 && ours.iter().all(|o| at(o, *percentile).is_some())
    });
    let percentile = shared.next_back()?;
    let mut costs: Vec<_> = ours
        .iter()
        .map(|one| (at(one, percentile).unwrap_or(0), &one.variant))
        .collect();
    costs.sort();
    let ((least, quick), (most, slow)) = (costs.first()?, costs.last()?);
    Some(html! {
        "At " (rate) " packets per second " (percentile)
        " % of them take at most " strong { (micros(*most)) " µs" }
        " through " code { (slow) }
        @if quick != slow {
            ", and " strong { (micros(*least)) " µs" } " through "
            code { (quick) }
        }
        "."
    })
}

/// The first goal of the first frame and batch size.
fn of_rate(record: &ndr::record::Record) -> Option<Markup> {
    let first = record.rows.first()?;
    let ours = record
        .rows
        .iter()
        .filter(|row| row.frame == first.frame && row.batch == first.batch);
    let rate = |row: &ndr::record::Row| row.goals.first()?.lower_bound;
    let mut rates: Vec<_> =
        ours.filter_map(|row| Some((rate(row)?, &row.variant))).collect();
    rates.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let ((most, quick), (least, slow)) = (rates.first()?, rates.last()?);
    let mpps = |rate: f64| format!("{:.2} Mpps", rate / 1e6);
    Some(html! {
        "On the model " code { (quick) } " forwards at least "
        strong { (mpps(*most)) } " without loss"
        @if quick != slow {
            ", " code { (slow) } " " strong { (mpps(*least)) }
        }
        ", with frames of " (first.frame)
        @if first.bytes().is_some() { " bytes" }
        " at batch " (first.batch) "."
    })
}

fn value(result: &CellResult) -> f64 {
    result.cost_ratio.map_or(f64::NAN, |ratio| ratio.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::analyse;
    use crate::results::example::{self, reference};

    #[test]
    fn the_dearest_stands_on_top_and_references_are_named() {
        let run = example::fourteen();
        let results = analyse(&run, &reference);
        let answer = Answer::of(&run, &results, &reference).expect("costs");
        let sentences = answer.sentences(&results);
        let text = sentences[0].clone().into_string();
        let start = "At batch size 32, <code>batch=list</code> takes \
                     <strong>×2.36 (2.";
        assert!(text.starts_with(start), "{text}");
        assert!(text.contains("<code>batch=arena</code>"), "{text}");
        assert!(sentences.len() > 1);
        let chart = answer.chart().into_string();
        assert!(chart.contains("walk=speculate4 / batch=arena"));
        assert_eq!(chart.matches("class=\"point\"").count(), 13);
    }

    #[test]
    fn without_a_sweep_others_have_the_answer() {
        let (record, _) = crate::latency::example::record();
        let mut material =
            Material { latencies: vec![record], ..Material::default() };
        let text = of_others(&material).expect("an answer").into_string();
        assert!(text.starts_with("At 1M packets per second 99.9"), "{text}");
        assert!(text.contains("<code>buffer=deferred</code>"), "{text}");
        material.latencies.clear();
        let shape = ndr::Shape::Regular;
        material.ndrs.push(ndr::example::record(shape));
        let text = of_others(&material).expect("an answer").into_string();
        let wanted = "On the model <code>baseline</code> forwards at least \
                      <strong>200.00 Mpps</strong> without loss, \
                      <code>reg=boxed</code> <strong>20.00 Mpps</strong>, \
                      with frames of 64 bytes at batch 32.";
        assert_eq!(text, wanted);
        material.ndrs.clear();
        assert!(of_others(&material).is_none());
    }
}

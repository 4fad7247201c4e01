//! What was offered at a rate: latencies, loss-free rates, soaks.

use maud::{Markup, html};

use super::figure::chart;
use super::number::NOTHING;
use crate::latency::record::{Balance, PercentileRecord, Record as Latency};
use crate::latency::{charts_of_record, micros};
use crate::load::Time;
use crate::ndr::record::Record as Ndr;
use crate::soak::record::Record as Soak;
use crate::{ndr, soak};

/// Latencies, a part per record.
pub fn latencies(records: &[Latency]) -> Markup {
    html! {
        @if !records.is_empty() {
            section #latency {
                h2 { "Latency" }
                @for record in records { (latency(record)) }
            }
        }
    }
}

fn latency(record: &Latency) -> Markup {
    let offered = &record.offered;
    let time = match offered.time {
        Time::Virtual => "virtual time",
        Time::Wall => "wall-clock time",
    };
    let micro =
        |p: &PercentileRecord| p.ns.map_or_else(|| NOTHING.to_owned(), micros);
    let titles = || record.floor.percentiles.iter().map(|p| p.percentile);
    html! {
        h3 { "Measured in " (time) ", " (record.started) }
        div.charts {
            @for (_, svg) in charts_of_record(record) { (chart(&svg, "µs")) }
        }
        div.scroll {
            table.numbers {
                caption {
                    "Latency in µs: " (offered.pattern) " arrivals of "
                    (offered.frame) " bytes, batches of at most "
                    (offered.batch)
                }
                thead {
                    tr {
                        th scope="col" { "variant" }
                        th scope="col" { "rate" }
                        @for percentile in titles() {
                            th scope="col" {
                                @if percentile >= 100.0 { "max" }
                                @else { "p" (percentile) }
                            }
                        }
                        th scope="col" { "lost" }
                    }
                }
                tbody {
                    @for one in &record.series {
                        tr {
                            th scope="row" { code { (one.variant) } }
                            td { (one.rate) }
                            @for p in &one.percentiles { td { (micro(p)) } }
                            td { (lost(&one.account)) }
                        }
                    }
                    tr {
                        th scope="row" { "cores alone" }
                        td {}
                        @for p in &record.floor.percentiles {
                            td { (micro(p)) }
                        }
                        td {}
                    }
                }
            }
        }
        p.quiet {
            "Cores alone: the machine's own jitter, what packets would wait "
            "for cores that only look at the clock. " (NOTHING)
            ": too few samples."
        }
    }
}

fn lost(account: &Balance) -> String {
    match account.lost() {
        0 => "0".to_owned(),
        lost => {
            let offered = account.offered.max(1) as f64;
            format!("{:.3} %", lost as f64 / offered * 100.0)
        }
    }
}

/// Loss-free rates, a part per record.
pub fn ndrs(records: &[Ndr]) -> Markup {
    let million = |rate: Option<f64>| match rate {
        Some(rate) => format!("{:.2}", rate / 1e6),
        None => NOTHING.to_owned(),
    };
    html! {
        @if !records.is_empty() {
            section #ndr {
                h2 { "Loss-free rate of the model" }
                @for record in records {
                    h3 { "Searched on " (record.started) }
                    div.charts {
                        @for (_, svg) in ndr::charts(record) {
                            (chart(&svg, "Mpps"))
                        }
                    }
                    div.scroll {
                        table.numbers {
                            caption { (ndr::conditions(record)) }
                            thead {
                                tr {
                                    @for title in [
                                        "variant", "frame", "batch", "goal",
                                        "model Mpps", "at most", "trials",
                                    ] {
                                        th scope="col" { (title) }
                                    }
                                }
                            }
                            tbody {
                                @for row in &record.rows {
                                    @for goal in &row.goals {
                                        tr {
                                            th scope="row" {
                                                code { (row.variant) }
                                            }
                                            td { (row.frame) }
                                            td { (row.batch) }
                                            td { (goal.name) }
                                            td {
                                                (million(goal.lower_bound))
                                                (goal.note())
                                            }
                                            td { (million(goal.upper_bound)) }
                                            td { (row.trials) }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Soaks, a part per record.
pub fn soaks(records: &[Soak]) -> Markup {
    html! {
        @if !records.is_empty() {
            section #soak {
                h2 { "One rate for long" }
                @for record in records {
                    h3 {
                        code { (record.offered.variant) } " at "
                        (record.offered.rate) ", " (record.started)
                    }
                    div.charts {
                        @for (_, svg) in soak::charts(record) {
                            (chart(&svg, ""))
                        }
                    }
                    div.scroll { pre { (soak::text(record)) } }
                }
            }
        }
    }
}

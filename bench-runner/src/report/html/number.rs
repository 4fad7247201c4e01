//! Numbers as they stand in a page.

use maud::{Markup, html};

use crate::stats::Estimate;

/// What stands where there is no number.
pub const NOTHING: &str = "–";

/// Digits behind the point of a factor.
pub fn decimals(value: f64) -> usize {
    match value {
        value if value >= 9.95 => 1,
        value if value >= 1.995 => 2,
        _ => 3,
    }
}

/// A factor, as many digits as it is worth.
pub fn factor(value: f64) -> String {
    let decimals = decimals(value);
    format!("{value:.decimals$}")
}

/// Both ends of a factor's interval, with as many digits as the factor.
pub fn ends(ratio: Estimate, between: &str) -> Option<String> {
    let (low, high) = ratio.interval?;
    let decimals = decimals(ratio.value);
    Some(format!("{low:.decimals$}{between}{high:.decimals$}"))
}

/// A figure with its interval below.
pub fn figure(estimate: Option<Estimate>, decimals: usize) -> Markup {
    let Some(Estimate { value, interval }) = estimate else {
        return html! { (NOTHING) };
    };
    html! {
        (format!("{value:.decimals$}"))
        @if let Some((low, high)) = interval {
            span.i { (format!("{low:.decimals$}..{high:.decimals$}")) }
        }
    }
}

/// A number of things.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

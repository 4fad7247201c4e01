//! A rate that does not wait for the driver, or as much as the rings take.

use std::str::FromStr;

use super::Rate;

/// What a block of a sweep is offered; no rate is as much as the rings take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PaceArg(pub Option<Rate>);

impl FromStr for PaceArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rate = match text {
            "none" => Ok(None),
            text => text.parse().map(Some),
        };
        match rate {
            Ok(rate) if !rate.is_some_and(Rate::is_share) => Ok(Self(rate)),
            _ => {
                Err("line, packets per second such as 20M, at most 1000M, or \
                 none"
                    .to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_a_rate_that_is_known_beforehand_or_none() {
        let rate = |text: &str| text.parse::<PaceArg>().map(|pace| pace.0);
        assert_eq!(rate("none"), Ok(None));
        assert_eq!(rate("line"), Ok(Some(Rate::Line)));
        assert_eq!(rate("20M"), Ok(Some(Rate::PerSecond(2e7))));
        for text in ["", "90%", "fast", "0", "None"] {
            let said = rate(text).expect_err(text);
            assert!(said.contains("line") && said.contains("none"), "{said}");
        }
    }
}

//! Packets per second, what wires carry, or shares of what a variant can do.

use std::fmt;
use std::str::FromStr;

use nic_model::arrivals::Sizes;
use serde::{Deserialize, Serialize};
use variants::workload::PORTS;

/// What two wires carry, as it is typed.
const LINE: &str = "line";

/// Highest rate, in packets per second.
const MOST_PER_SECOND: f64 = 1e9;

/// Highest rate, in per cent of a variant's own.
const MOST_PERCENT: f64 = 200.0;

/// A rate, both ports together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Rate {
    /// As much as 10 Gbit/s wires carry, one towards each port.
    Line,
    /// Packets per second.
    PerSecond(f64),
    /// Per cent of the variant's own highest rate.
    Percent(f64),
}

impl Rate {
    /// Packets per second of frames of these sizes, where 100 % are `highest`.
    #[must_use]
    pub fn per_second(self, sizes: Sizes, highest: f64) -> f64 {
        match self {
            Self::Line => sizes.line_rate() * PORTS as f64,
            Self::PerSecond(rate) => rate,
            Self::Percent(percent) => highest * percent / 100.0,
        }
    }

    /// Whether it is a share of a variant's own.
    #[must_use]
    pub fn is_share(self) -> bool {
        matches!(self, Self::Percent(_))
    }

    /// Whether two 10 Gbit/s wires carry it. A share of what a core could do
    /// is not one of what a wire carries.
    #[must_use]
    pub fn on_a_wire(self, sizes: Sizes) -> bool {
        match self {
            Self::Line => true,
            Self::PerSecond(rate) => rate <= sizes.line_rate() * PORTS as f64,
            Self::Percent(_) => false,
        }
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |digits: &str, most: f64| {
            let number: Option<f64> = digits.trim().parse().ok();
            number.filter(|number| *number > 0.0 && *number <= most)
        };
        let rate = if text == LINE {
            Some(Self::Line)
        } else if let Some(percent) = text.strip_suffix('%') {
            number(percent, MOST_PERCENT).map(Self::Percent)
        } else {
            let (digits, unit) = match text.char_indices().next_back() {
                Some((at, 'k')) => (&text[..at], 1e3),
                Some((at, 'M')) => (&text[..at], 1e6),
                _ => (text, 1.0),
            };
            let most = MOST_PER_SECOND / unit;
            number(digits, most).map(|n| Self::PerSecond(n * unit))
        };
        rate.ok_or_else(|| {
            format!(
                "packets per second such as 1M or 250k, at most 1000M, line, \
                 or a share such as 90%, at most {MOST_PERCENT}%"
            )
        })
    }
}

impl TryFrom<String> for Rate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Line => f.write_str(LINE),
            Self::PerSecond(rate) if rate >= 1e6 => {
                write!(f, "{}M", rate / 1e6)
            }
            Self::PerSecond(rate) if rate >= 1e3 => {
                write!(f, "{}k", rate / 1e3)
            }
            Self::PerSecond(rate) => write!(f, "{rate}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_written_alike() {
        for text in
            ["line", "1M", "2.5M", "250k", "999", "90%", "0.5%", "1000M"]
        {
            let rate: Rate = text.parse().expect("a rate");
            assert_eq!(rate.to_string(), text);
        }
        assert_eq!("1M".parse(), Ok(Rate::PerSecond(1e6)));
        assert_eq!("90%".parse(), Ok(Rate::Percent(90.0)));
        let small = Sizes::One(64);
        assert_eq!(Rate::Percent(90.0).per_second(small, 2e8), 1.8e8);
        // 84 bytes of each wire's time are 672 bits (IEEE 802.3).
        assert_eq!(Rate::Line.per_second(small, 1.0), 2e10 / 672.0);
        let json = serde_json::to_string(&Rate::PerSecond(2e7));
        assert_eq!(json.expect("JSON"), "\"20M\"");
    }

    #[test]
    fn what_is_no_rate_is_refused_in_words() {
        for text in ["", "M", "%", "-1M", "0", "1G", "fast", "1001M", "201%"]
            .into_iter()
            .chain(["NaN", "inf", "1 M%", "é", "Line", "line "])
        {
            let said = text.parse::<Rate>().expect_err(text);
            assert!(said.contains("1M") && said.contains("90%"), "{said}");
        }
    }

    #[test]
    fn a_share_has_no_wire_and_neither_has_more_than_two_carry() {
        let small = Sizes::One(64);
        for sizes in [small, Sizes::One(1518), Sizes::Imix] {
            let line = Rate::Line.per_second(sizes, 1.0);
            assert!(Rate::PerSecond(line).on_a_wire(sizes));
            assert!(Rate::Line.on_a_wire(sizes));
        }
        assert!(Rate::PerSecond(29.7e6).on_a_wire(small));
        assert!(!Rate::PerSecond(29.8e6).on_a_wire(small));
        assert!(!Rate::Percent(1.0).on_a_wire(small));
    }
}

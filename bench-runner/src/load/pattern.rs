//! How frames follow each other.

use std::fmt;
use std::str::FromStr;

use nic_model::arrivals::Pattern;

/// Most frames of a burst.
const MOST_BURST: u32 = 4096;

/// [`Pattern`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatternArg(pub Pattern);

impl FromStr for PatternArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let burst = |frames: &str| {
            let frames = frames.parse().ok();
            frames.filter(|n| (1..=MOST_BURST).contains(n)).map(Pattern::Bursts)
        };
        let pattern = match text.split_once(':') {
            None if text == "constant" => Some(Pattern::Constant),
            None if text == "poisson" => Some(Pattern::Poisson),
            Some(("burst", frames)) => burst(frames),
            _ => None,
        };
        pattern.map(Self).ok_or_else(|| {
            format!(
                "constant, poisson or burst:N with N from 1 to {MOST_BURST}"
            )
        })
    }
}

impl fmt::Display for PatternArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Pattern::Constant => f.write_str("constant"),
            Pattern::Poisson => f.write_str("poisson"),
            Pattern::Bursts(frames) => write!(f, "burst:{frames}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_and_written_alike() {
        for text in ["constant", "poisson", "burst:32"] {
            let pattern: PatternArg = text.parse().expect("a pattern");
            assert_eq!(pattern.to_string(), text);
        }
        for text in ["", "burst", "burst:0", "burst:x", "sawtooth:3"] {
            assert!(text.parse::<PatternArg>().is_err(), "{text}");
        }
    }
}

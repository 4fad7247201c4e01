//! Losses of the link, as they are typed.

use std::fmt;
use std::str::FromStr;

use crate::measure::Flap;

/// [`Flap`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FlapArg(pub Flap);

impl FromStr for FlapArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (every, down) = text.split_once(':')?;
            let every: f64 = every.parse().ok()?;
            let down: f64 = down.parse().ok()?;
            let is_sound = down > 0.0 && down < every && every.is_finite();
            is_sound.then_some(Self(Flap { every, down }))
        };
        read().ok_or_else(|| {
            "EVERY:DOWN in seconds, such as 10:0.5, down for less than from \
             one loss to the next"
                .to_owned()
        })
    }
}

impl fmt::Display for FlapArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0.every, self.0.down)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_read_and_written_alike_and_nonsense_is_refused() {
        let flap: FlapArg = "10:0.5".parse().expect("a flap");
        assert_eq!(flap.0, Flap { every: 10.0, down: 0.5 });
        assert_eq!(flap.to_string(), "10:0.5");
        for text in ["", "10", "1:2", "1:1", "1:0", "inf:1", "nan:nan", "a:b"] {
            assert!(text.parse::<FlapArg>().is_err(), "{text}");
        }
    }
}

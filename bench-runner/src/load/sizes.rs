//! How large frames are.

use std::fmt;
use std::str::FromStr;

use nic_model::arrivals::Sizes;
use nic_model::frame::SIZES;

/// [`Sizes`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizesArg(pub Sizes);

impl SizesArg {
    /// Bytes of the largest frame.
    #[must_use]
    pub fn largest(self) -> u16 {
        match self.0 {
            Sizes::One(bytes) => bytes,
            Sizes::Imix => *SIZES.end(),
        }
    }
}

impl FromStr for SizesArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "imix" {
            return Ok(Self(Sizes::Imix));
        }
        let bytes = text.parse().ok().filter(|b| SIZES.contains(b));
        bytes.map(|bytes| Self(Sizes::One(bytes))).ok_or_else(|| {
            format!("imix, or bytes from {} to {}", SIZES.start(), SIZES.end())
        })
    }
}

impl fmt::Display for SizesArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Sizes::One(bytes) => write!(f, "{bytes}"),
            Sizes::Imix => f.write_str("imix"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written_alike() {
        for (text, largest) in [("64", 64), ("1518", 1518), ("imix", 1518)] {
            let sizes: SizesArg = text.parse().expect("sizes");
            assert_eq!(sizes.to_string(), text);
            assert_eq!(sizes.largest(), largest);
        }
        for text in ["63", "1519", "big", "", "64k"] {
            assert!(text.parse::<SizesArg>().is_err(), "{text}");
        }
    }
}

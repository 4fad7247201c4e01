//! Frame sizes and shares as they are typed.

use nic_model::arrivals::Sizes;
use nic_model::frame::SIZES;

/// Frames of one size in bytes with their checksum, or `imix`.
///
/// # Errors
///
/// When it is neither, in a sentence.
pub fn frames(text: &str) -> Result<Sizes, String> {
    if text == "imix" {
        return Ok(Sizes::Imix);
    }
    match text.parse() {
        Ok(bytes) if SIZES.contains(&bytes) => Ok(Sizes::One(bytes)),
        _ => Err(format!(
            "must be from {} to {} bytes, or imix",
            SIZES.start(),
            SIZES.end()
        )),
    }
}

/// What frames are called.
#[must_use]
pub fn name_of(frames: Sizes) -> String {
    match frames {
        Sizes::One(bytes) => bytes.to_string(),
        Sizes::Imix => "imix".to_owned(),
    }
}

/// A share such as 0.005 or 0.5%.
///
/// # Errors
///
/// When it is none, in a sentence.
pub fn share(text: &str) -> Result<f64, String> {
    let (number, unit) = match text.strip_suffix('%') {
        Some(number) => (number, 100.0),
        None => (text, 1.0),
    };
    match number.trim().parse::<f64>() {
        Ok(number) if (0.0..1.0).contains(&(number / unit)) => {
            Ok(number / unit)
        }
        _ => Err("must be a share below 1, such as 0.005 or 0.5%".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_with_and_without_per_cent() {
        assert_eq!(share("0"), Ok(0.0));
        assert_eq!(share("0.5%"), Ok(0.005));
        assert_eq!(share("0.02"), Ok(0.02));
        for wrong in ["", "%", "-1%", "100%", "1", "much", "nan", "inf"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn frames_are_sizes_or_the_mix() {
        assert_eq!(frames("64"), Ok(Sizes::One(64)));
        assert_eq!(frames("imix"), Ok(Sizes::Imix));
        for wrong in ["63", "1519", "", "64k", "IMIX-ish"] {
            assert!(frames(wrong).is_err(), "{wrong}");
        }
        for text in ["64", "1518", "imix"] {
            assert_eq!(frames(text).map(name_of), Ok(text.to_owned()));
        }
    }
}

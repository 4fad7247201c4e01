//! Shares of lost frames.

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
}

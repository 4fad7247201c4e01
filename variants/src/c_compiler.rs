//! What the C code was built by, as the build script saw it.

/// A C compiler and how it was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CCompiler {
    /// The first line of what it says about itself.
    pub version: &'static str,
    flags: &'static str,
}

impl CCompiler {
    /// The flags it was given.
    pub fn flags(&self) -> impl Iterator<Item = &'static str> {
        self.flags.split('\u{1f}').filter(|flag| !flag.is_empty())
    }
}

/// The compiler of this build; else, why there was none.
pub fn c_compiler() -> Result<CCompiler, &'static str> {
    match option_env!("RINGSIDE_CC_VERSION") {
        Some(version) => Ok(CCompiler {
            version,
            flags: option_env!("RINGSIDE_CC_FLAGS").unwrap_or_default(),
        }),
        None => Err(option_env!("RINGSIDE_CC_MISSING").unwrap_or("unknown")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_compiler_where_there_are_variants_in_c() {
        assert_eq!(c_compiler().is_ok(), cfg!(have_cc));
        if let Ok(compiler) = c_compiler() {
            assert!(!compiler.version.is_empty());
            let flags: Vec<_> = compiler.flags().collect();
            assert!(flags.contains(&"-O3"), "{flags:?}");
            assert!(flags.iter().any(|f| f.ends_with("c11")), "{flags:?}");
        }
    }
}

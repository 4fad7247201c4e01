//! What may be said of two contenders, and what not yet.
//!
//! All of it is pure: process values go in, a finding comes out. A process
//! value is ln(*t*_B / *t*_A), B's time over that of the reference A, so that
//! what is above zero is slower. Lists of them come per layout; the first is
//! the build that is measured by default, and alone it speaks for itself only.
//!
//! ```
//! use bench_runner::verdict::{Evidence, Looks, Rule, Step, Verdict};
//!
//! let rule = Rule::default();
//! let measured = vec![0.031, 0.030, 0.032, 0.029, 0.031, 0.030, 0.033, 0.031];
//! for look in Looks::default().iter() {
//!     // Here `look.processes` processes would have been measured.
//!     let evidence = Evidence::new(&[measured.clone()], 120).unwrap();
//!     let step = look.judge(&rule, &evidence);
//!     if let Step::Done(finding) = step {
//!         assert!(matches!(finding.verdict, Verdict::Slower { .. }));
//!         assert_eq!(
//!             finding.line("A", "B"),
//!             "B is 3.1 % slower in this build \
//!              (99 % CI 2.9..3.4; MDE 0.8 %; n = 8×120)"
//!         );
//!         break;
//!     }
//! }
//! ```
//!
//! Several variants against one reference go through
//! [`Look::judge_family`]; [`discoveries`] marks the cells
//! of a full matrix.

mod evidence;
mod finding;
mod looks;
mod many;
#[cfg(test)]
mod simulation;

pub use evidence::{Evidence, Unfit};
pub use finding::{Finding, Span, Verdict};
pub use looks::{Look, Looks, Step};
pub use many::{benjamini_hochberg, discoveries, holm};

/// Where differences begin to matter, and how often a verdict may be wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// Less than this, as a share of time, is no difference: 0.005 is half a
    /// per cent.
    pub margin: f64,
    /// Who lies within this, as a share of time, is as fast.
    pub equivalence: f64,
    /// How often, at most, a comparison may end in a wrong verdict, over all
    /// its looks.
    pub alpha: f64,
}

impl Default for Rule {
    fn default() -> Self {
        Self { margin: 0.005, equivalence: 0.01, alpha: 0.01 }
    }
}

impl Rule {
    /// The margin as a logarithm: the same to either side, so that A and B
    /// can change places.
    fn delta(&self) -> f64 {
        self.margin.ln_1p()
    }

    /// The bound of equivalence as a logarithm.
    fn bound(&self) -> f64 {
        self.equivalence.ln_1p()
    }
}

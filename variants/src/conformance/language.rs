//! Law of axis `language`. As one of all variants an answer is also held
//! against the naive forwarder in `policies`, behind registers of every kind.

use std::cell::RefCell;

use proptest::test_runner::TestCaseError;

use super::policies::caught;
use super::run::{Registers, arena, run};
use super::scenario::scenarios;
use super::{Verdict, hold, naive};
use crate::language::Language;

/// Makes tests of the law of axis `language`.
#[macro_export]
#[doc(hidden)]
macro_rules! language_conformance {
    ($language:ty) => {
        use $crate::conformance::{Verdict, language};

        #[test]
        #[cfg_attr(miri, ignore = "takes too long")]
        fn it_does_what_the_reference_does() -> Verdict {
            language::does_what_the_reference_does::<$language>()
        }

        #[test]
        #[cfg_attr(miri, ignore = "a function has many addresses there")]
        fn the_registry_knows_where_its_code_begins() {
            language::has_an_entry::<$language>();
        }
    };
}

/// The same packets, buffers and accesses to registers.
pub fn does_what_the_reference_does<L: Language>() -> Verdict {
    let arena = RefCell::new(arena());
    hold(128, scenarios(), |scenario| {
        let arena = &mut arena.borrow_mut();
        let conforms = caught(|| {
            let trapped = Registers::Trapped;
            let wanted = run(&scenario, arena, trapped, naive::open)?;
            let seen = run(&scenario, arena, trapped, L::open)?;
            wanted.same_packets(&seen)?;
            wanted.same_buffers(&seen)?;
            wanted.same_accesses(&seen)
        });
        conforms.map_err(TestCaseError::fail)
    })
}

/// The registry lists the answer with its own machine code.
pub fn has_an_entry<L: Language>() {
    let name = format!("language={}", L::NAME);
    let name = crate::registry::canonical(&name).expect("a variant");
    let all = crate::registry::variants();
    let mut entries = all.iter().filter(|v| v.entry() == L::entry());
    assert!(entries.any(|variant| variant.name() == name), "{name}");
}

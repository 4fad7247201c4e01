//! Law of the personas. What a persona does to packets, rings and registers is
//! held against the naive forwarder in `policies`.

use crate::persona::Persona;

/// Makes a test that the persona stands where whole policies are tried.
#[macro_export]
#[doc(hidden)]
macro_rules! persona_conformance {
    ($persona:ty) => {
        #[test]
        fn its_policy_is_tried() {
            $crate::conformance::persona::is_tried::<$persona>();
        }
    };
}

/// The registry lists the persona, and so `policies` runs it.
pub fn is_tried<P: Persona>() {
    let name = format!("persona={}", P::NAME);
    let variants = crate::registry::variants();
    assert!(variants.iter().any(|variant| variant.name() == name));
}

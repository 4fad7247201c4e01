//! Which variants share their machine code, and whether the registry says so.

use variants::registry::SameCode;

/// Variants with equal bodies, by name.
pub type Group = Vec<String>;

/// Groups of two and more variants with one body each; `bodies` are names with
/// the hash of the body.
pub fn groups(bodies: &[(String, u64)]) -> Vec<Group> {
    let mut groups: Vec<(u64, Group)> = Vec::new();
    for (name, hash) in bodies {
        match groups.iter_mut().find(|(known, _)| known == hash) {
            Some((_, group)) => group.push(name.clone()),
            None => groups.push((*hash, vec![name.clone()])),
        }
    }
    groups.retain(|(_, group)| group.len() > 1);
    groups.into_iter().map(|(_, group)| group).collect()
}

/// What is wrong with the declarations, each in one sentence.
pub fn faults(bodies: &[(String, u64)], declared: &[SameCode]) -> Vec<String> {
    let mut faults = Vec::new();
    for pair in declared {
        let (a, b) = (pair.variant, pair.as_in);
        let hash = |name: &str| {
            let named = |body: &&(String, u64)| body.0 == name;
            bodies.iter().find(named).map(|(_, hash)| *hash)
        };
        for name in [a, b] {
            if hash(name).is_none() {
                faults.push(format!("{name} is declared and does not exist"));
            }
        }
        if let (Some(x), Some(y)) = (hash(a), hash(b))
            && x != y
        {
            faults.push(format!(
                "{a} is declared to have the machine code of {b} and has not"
            ));
        }
    }
    for group in groups(bodies) {
        let [first, others @ ..] = &group[..] else { continue };
        let connected = connected(first, declared);
        let strangers: Vec<_> =
            others.iter().filter(|name| !connected.contains(name)).collect();
        for name in strangers {
            faults.push(format!(
                "{name} has the machine code of {first} and SAME_CODE in the \
                 registry does not say so"
            ));
        }
    }
    faults
}

/// All that are declared to be like `name`, by whatever way.
fn connected(name: &str, declared: &[SameCode]) -> Group {
    let mut found = vec![name.to_owned()];
    let mut at = 0;
    while at < found.len() {
        for pair in declared {
            let other = match found[at].as_str() {
                name if name == pair.variant => pair.as_in,
                name if name == pair.as_in => pair.variant,
                _ => continue,
            };
            if !found.iter().any(|name| name == other) {
                found.push(other.to_owned());
            }
        }
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use variants::registry::Because;

    use super::*;

    fn bodies(hashes: &[(&str, u64)]) -> Vec<(String, u64)> {
        hashes.iter().map(|(name, hash)| (name.to_string(), *hash)).collect()
    }

    fn pair(variant: &'static str, as_in: &'static str) -> SameCode {
        SameCode { variant, as_in, because: Because::Erased("for a test") }
    }

    #[test]
    fn equal_bodies_that_are_declared_are_fine() {
        let bodies = bodies(&[("a", 1), ("b", 1), ("c", 2), ("d", 1)]);
        assert_eq!(groups(&bodies), [["a", "b", "d"]]);
        let declared = [pair("b", "a"), pair("d", "b")];
        assert!(faults(&bodies, &declared).is_empty());
    }

    #[test]
    fn an_undeclared_group_is_named() {
        let bodies = bodies(&[("a", 1), ("b", 1), ("c", 1)]);
        let faults = faults(&bodies, &[pair("b", "a")]);
        let [fault] = &faults[..] else { panic!("{faults:?}") };
        assert!(fault.contains("c has the machine code of a"), "{fault}");
    }

    #[test]
    fn a_declaration_that_does_not_hold_is_named() {
        let bodies = bodies(&[("a", 1), ("b", 2)]);
        let faults = faults(&bodies, &[pair("b", "a"), pair("a", "gone")]);
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].contains("b is declared"), "{faults:?}");
        assert!(faults[1].contains("gone"), "{faults:?}");
    }
}

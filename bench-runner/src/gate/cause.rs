//! Where a difference probably comes from: what is counted, and the machine
//! code.

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::record::Counts;

/// Less than this per packet is no difference.
const LEAST: f64 = 0.005;

/// What is known of both programs in a cell.
pub struct Evidence<'a> {
    /// What was counted.
    pub counts: Option<&'a Counts>,
    /// The baseline's machine code, and the candidate's.
    pub code: Option<[&'a [String]; 2]>,
}

/// In a line; nothing where nothing is known.
#[must_use]
pub fn line(evidence: &Evidence<'_>) -> Option<String> {
    let counted = evidence.counts.map(counts);
    let code = evidence.code.map(code);
    match (counted, code) {
        (None, None) => None,
        (Some(counted), None) => Some(match counted.is_empty() {
            true => "as many instructions of each kind".to_owned(),
            false => format!("{counted} per packet"),
        }),
        (None, Some(code)) => Some(code.line),
        (Some(counted), Some(code)) => {
            Some(match (counted.is_empty(), code.same) {
                (true, true) => "the same machine code and the same counts: \
                                 where code or data lie"
                    .to_owned(),
                (true, false) => format!(
                    "as many instructions of each kind, and {}: other ones, \
                     or a longer chain of them",
                    code.line
                ),
                (false, true) => format!(
                    "{counted} per packet in what it calls, for its own \
                     machine code is the same"
                ),
                (false, false) => {
                    format!("{counted} per packet; {}", code.line)
                }
            })
        }
    }
}

/// What there is more or less of.
fn counts(counts: &Counts) -> String {
    let (a, b) = (&counts.baseline, &counts.candidate);
    let kinds = [
        ("instructions", a.instructions, b.instructions),
        ("branches", a.branches, b.branches),
        ("loads", a.loads, b.loads),
        ("stores", a.stores, b.stores),
        ("allocations", a.allocations, b.allocations),
    ];
    let differing = kinds.into_iter().filter_map(|(name, before, now)| {
        let more = now - before;
        let digits = if more.abs() < 0.1 { 3 } else { 1 };
        (more.abs() >= LEAST).then(|| format!("{more:+.digits$} {name}"))
    });
    differing.collect::<Vec<_>>().join(", ")
}

struct Code {
    same: bool,
    line: String,
}

/// How far the machine code differs, and what it calls that it did not.
fn code([before, now]: [&[String]; 2]) -> Code {
    if before == now {
        let line = "the machine code is the same".to_owned();
        return Code { same: true, line };
    }
    let ops = capture_diff_slices(Algorithm::Patience, before, now);
    let rows = |op: &DiffOp| op.old_range().len().max(op.new_range().len());
    let all: usize = ops.iter().map(rows).sum();
    let differ = ops.iter().filter(|op| !matches!(op, DiffOp::Equal { .. }));
    let differing: usize = differ.map(rows).sum();
    let mut line = format!(
        "the machine code differs in {differing} of {all} instructions"
    );
    let calls = |lines: &[String]| -> Vec<String> {
        lines.iter().filter_map(|line| callee(line)).collect()
    };
    let known = calls(before);
    let mut new = calls(now);
    new.retain(|callee| !known.contains(callee));
    new.dedup();
    if let Some(first) = new.first() {
        line += &format!(", and it calls {first}");
        if new.len() > 1 {
            line += &format!(" and {} more", new.len() - 1);
        }
    }
    Code { same: false, line }
}

/// What an instruction calls, where that has a name.
fn callee(line: &str) -> Option<String> {
    let operand = line.strip_prefix("call ")?.trim();
    let name = operand.rsplit_once("rel ").map_or(operand, |(_, name)| name);
    let name = name.trim_end_matches(']');
    let name = name.split_once('#').map_or(name, |(name, _)| name);
    name.contains("::").then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::record::PerPacket;

    fn of(instructions: f64, loads: f64, allocations: f64) -> PerPacket {
        let some = PerPacket { branches: 5.0, ..PerPacket::default() };
        PerPacket { instructions, loads, allocations, ..some }
    }

    fn counts(baseline: PerPacket, candidate: PerPacket) -> Counts {
        let (risen, with_libraries) = (true, true);
        Counts { baseline, candidate, risen, with_libraries }
    }

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(String::from).collect()
    }

    #[test]
    fn what_is_counted_and_what_is_called_is_told() {
        let counts = counts(of(80.0, 20.0, 0.0), of(81.5, 21.0, 1.0 / 32.0));
        let (before, now) =
            (lines("mov\nadd\nret"), lines("mov\ncall a::f#1\nret"));
        let code = Some([&*before, &now]);
        let evidence = Evidence { counts: Some(&counts), code };
        assert_eq!(
            line(&evidence).unwrap(),
            "+1.5 instructions, +1.0 loads, +0.031 allocations per packet; the \
             machine code differs in 1 of 3 instructions, and it calls a::f"
        );
        assert_eq!(callee("call  r8"), None);
        let behind = callee("call  qword [rel a::b as c::d::e#01ab]");
        assert_eq!(behind.as_deref(), Some("a::b as c::d::e"));
    }

    #[test]
    fn what_is_the_same_says_where_to_look() {
        let same = counts(of(80.0, 20.0, 0.0), of(80.0, 20.0, 0.0));
        let (one, other) = (lines("mov\nadd"), lines("mov\nimul"));
        let said =
            |code| line(&Evidence { counts: Some(&same), code }).unwrap();
        assert!(said(Some([&one, &one])).ends_with("where code or data lie"));
        assert!(said(Some([&one, &other])).contains("longer chain"));
        assert_eq!(said(None), "as many instructions of each kind");
        let more = counts(of(80.0, 20.0, 0.0), of(90.0, 20.0, 0.0));
        let code = Some([&*one, &one]);
        let said = line(&Evidence { counts: Some(&more), code }).unwrap();
        assert!(said.contains("in what it calls"), "{said}");
        assert_eq!(line(&Evidence { counts: None, code: None }), None);
    }
}

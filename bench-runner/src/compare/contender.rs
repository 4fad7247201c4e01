//! What `compare` is given: a variant, and at times a batch size.

use variants::registry::Variant;

use crate::failure::Failure;
use crate::plan;
use crate::results::{self, Cell, Fill, Workload};

/// A variant, at the batch sizes asked for or at one of its own.
#[derive(Clone, Debug)]
pub struct Contender {
    pub variant: Variant,
    pub batch: Option<u32>,
    /// Path of the program that it is of, where it is not this one.
    pub program: Option<String>,
}

impl Contender {
    /// Reads `reg=boxed`, `reg=boxed@32` or `old/bench-runner:reg=boxed`.
    pub fn parse(word: &str) -> Result<Self, Failure> {
        // No name holds a colon; a path may hold anything.
        let (program, rest) = match word.rsplit_once(':') {
            None => (None, word),
            Some(("", rest)) => {
                return Err(Failure::error(format!(
                    "{word}: before the colon comes a program, as in \
                     old/bench-runner:{rest}"
                )));
            }
            Some((program, rest)) => (Some(program.to_owned()), rest),
        };
        let (name, batch) = match rest.split_once('@') {
            None => (rest, None),
            Some((name, batch)) => {
                let batch = batch.parse().map_err(|_| {
                    Failure::error(format!(
                        "{word}: after @ comes a batch size, as in {name}@32"
                    ))
                })?;
                (name, Some(batch))
            }
        };
        Ok(Self { variant: plan::find(name)?, batch, program })
    }
}

/// Two cells, of which the second is compared with the first.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    pub a: Cell,
    pub b: Cell,
    /// Names of their programs, where they are not this one.
    pub programs: [Option<String>; 2],
}

impl Pair {
    /// What the two are called in a sentence: as little as tells them apart.
    pub fn names(&self) -> (String, String) {
        let Self { a, b, programs: [of_a, of_b] } = self;
        let two = of_a != of_b;
        if !two && a.variant == b.variant && a.batch != b.batch {
            let name = |cell: &Cell| format!("batch {}", cell.batch);
            return (name(a), name(b));
        }
        let name = |cell: &Cell, program: &Option<String>| {
            let name = match a.batch == b.batch {
                true => cell.variant.clone(),
                false => format!("{}@{}", cell.variant, cell.batch),
            };
            match program {
                Some(program) if two => results::of(&name, program),
                _ => name,
            }
        };
        let (first, second) = (name(a, of_a), name(b, of_b));
        match first == second {
            true => (first, format!("its copy ({second})")),
            false => (first, second),
        }
    }
}

/// The pairs to measure, one for each batch size.
pub fn pairs(
    a: &Contender,
    b: &Contender,
    batches: &[u32],
    ring: u16,
    fill: Fill,
    asked: Option<Workload>,
) -> Result<Vec<Pair>, Failure> {
    let workload = common_workload(a, b, asked)?;
    let sizes = match (a.batch, b.batch) {
        (None, None) => batches.iter().map(|&n| (n, n)).collect(),
        (Some(a), Some(b)) => vec![(a, b)],
        (Some(n), None) => batches.iter().map(|&m| (n, m)).collect(),
        (None, Some(n)) => batches.iter().map(|&m| (m, n)).collect::<Vec<_>>(),
    };
    let others = others(a, b);
    let cell = |contender: &Contender, batch: u32, other| {
        let [batch] = plan::batches(&[batch], ring)?[..] else {
            return Err(Failure::error("no batch size"));
        };
        let variant = contender.variant.name();
        let (cores, copy) = (None, false);
        Ok(Cell { variant, batch, fill, workload, cores, copy, other })
    };
    let pair = |(n, m)| {
        let first = cell(a, n, others[0])?;
        let second = cell(b, m, others[1])?;
        let copy = first == second;
        let programs = [a, b].map(|c| c.program.clone());
        Ok(Pair { a: first, b: Cell { copy, ..second }, programs })
    };
    let pairs: Result<Vec<_>, _> = sizes.into_iter().map(pair).collect();
    let mut pairs = pairs?;
    pairs.sort_by_key(|pair| (pair.a.batch, pair.b.batch));
    pairs.dedup();
    Ok(pairs)
}

/// Which of two contenders is the second program's: the one with a program,
/// or B where both have one.
pub fn others(a: &Contender, b: &Contender) -> [bool; 2] {
    match (&a.program, &b.program) {
        (_, Some(_)) => [false, true],
        (Some(_), None) => [true, false],
        (None, None) => [false, false],
    }
}

/// The workload of both: the one asked for, or that of either which the other
/// can run, the first one's before the second one's.
fn common_workload(
    a: &Contender,
    b: &Contender,
    asked: Option<Workload>,
) -> Result<Workload, Failure> {
    let both = |workload: Workload| {
        [a, b].iter().all(|c| c.variant.on(workload.into()).is_some())
    };
    let own = [a, b].map(|c| Workload::from(c.variant.workload()));
    let candidates = match asked {
        Some(workload) => vec![workload],
        None => own.to_vec(),
    };
    candidates.iter().copied().find(|w| both(*w)).ok_or_else(|| {
        let names = [a, b].map(|c| c.variant.name()).join(" and ");
        let words: Vec<_> =
            candidates.iter().map(Workload::to_string).collect();
        Failure::error(format!(
            "{names} have no workload in common ({}): choose two of one axis, \
             or another --workload",
            words.join(" or ")
        ))
    })
}

/// Every cell of the pairs, each once.
pub fn cells(pairs: &[Pair]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for cell in pairs.iter().flat_map(|pair| [&pair.a, &pair.b]) {
        if !cells.contains(cell) {
            cells.push(cell.clone());
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(a: &str, b: &str, batches: &[u32]) -> Result<Vec<Pair>, Failure> {
        let (a, b) = (Contender::parse(a)?, Contender::parse(b)?);
        pairs(&a, &b, batches, 512, Fill::Full, None)
    }

    fn names(pairs: &[Pair]) -> Vec<(String, String)> {
        pairs.iter().map(Pair::names).collect()
    }

    fn strings(names: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(a, b): &(&str, &str)| (a.to_string(), b.to_string());
        names.iter().map(owned).collect()
    }

    #[test]
    fn two_variants_are_compared_at_each_batch_size() {
        let pairs = of("reg=unboxed", "reg=boxed", &[32, 1]).expect("fine");
        let wanted = [("baseline", "reg=boxed"); 2];
        assert_eq!(names(&pairs), strings(&wanted));
        assert_eq!([pairs[0].a.batch, pairs[1].b.batch], [1, 32]);
        assert_eq!(cells(&pairs).len(), 4);
    }

    #[test]
    fn a_variant_is_compared_with_its_own_copy() {
        let pairs = of("reg=unboxed", "status=masked", &[32]).expect("fine");
        let [Pair { a, b, .. }] = &pairs[..] else { panic!("{pairs:?}") };
        assert!(!a.copy && b.copy && a.variant == b.variant);
        let wanted = [("baseline", "its copy (baseline)")];
        assert_eq!(names(&pairs), strings(&wanted));
        assert_eq!(cells(&pairs).len(), 2);
    }

    #[test]
    fn batch_sizes_are_compared_too() {
        let pairs = of("reg=boxed@1", "reg=boxed@32", &[8]).expect("fine");
        assert_eq!(names(&pairs), strings(&[("batch 1", "batch 32")]));
        let pairs = of("batch=vec", "reg=boxed@32", &[8, 1]).expect("fine");
        let wanted =
            [("batch=vec@1", "reg=boxed@32"), ("batch=vec@8", "reg=boxed@32")];
        assert_eq!(names(&pairs), strings(&wanted));
        assert_eq!(cells(&pairs).len(), 3);
    }

    #[test]
    fn a_program_is_what_stands_before_the_last_colon() {
        let parse = |word| Contender::parse(word).expect("a contender");
        let of = parse("./old@2:b=c/bench-runner:reg=boxed@8");
        assert_eq!(of.program.as_deref(), Some("./old@2:b=c/bench-runner"));
        assert_eq!((&*of.variant.name(), of.batch), ("reg=boxed", Some(8)));
        assert_eq!(parse("reg=boxed").program, None);
        let refused = |word| Contender::parse(word).unwrap_err().to_string();
        assert!(refused(":reg=boxed").contains("old/bench-runner:reg=boxed"));
        assert!(refused("old:").contains("nearest"));
    }

    #[test]
    fn programs_are_told_apart_by_as_little_as_does() {
        for (a, b, first, second, others) in [
            ("p:reg=boxed", "reg=boxed", "reg=boxed of p", "reg=boxed", 1),
            ("reg=boxed", "p:batch=vec", "reg=boxed", "batch=vec of p", 2),
            (
                "p:batch=vec",
                "q:batch=vec",
                "batch=vec of p",
                "batch=vec of q",
                2,
            ),
            (
                "p:batch=vec",
                "p:batch=vec",
                "batch=vec",
                "its copy (batch=vec)",
                2,
            ),
            ("p:batch=vec", "p:reg=boxed", "batch=vec", "reg=boxed", 2),
            (
                "p:reg=boxed@1",
                "reg=boxed@8",
                "reg=boxed@1 of p",
                "reg=boxed@8",
                1,
            ),
        ] {
            let pairs = of(a, b, &[32]).expect("fine");
            assert_eq!(names(&pairs), strings(&[(first, second)]));
            let Pair { a, b, .. } = &pairs[0];
            assert_eq!([a.other, b.other], [others == 1, others == 2]);
            assert!(!a.copy && !b.copy);
            assert_eq!(cells(&pairs).len(), 2);
        }
    }

    #[test]
    fn a_workload_has_to_suit_both() {
        let pairs = of("dispatch=match", "dispatch=dyn", &[32]).expect("fine");
        assert_eq!(pairs[0].a.workload, Workload::Classify);
        let failure = of("reg=boxed", "dispatch=dyn", &[32]).unwrap_err();
        assert!(failure.to_string().contains("no workload in common"));
    }

    #[test]
    fn what_is_no_contender_gets_one_line() {
        let line = |a: &str| of(a, "reg=boxed", &[32]).unwrap_err().to_string();
        assert!(line("reg=boxd").contains("reg=boxed"));
        assert!(line("reg=bytes@x").contains("reg=bytes@32"));
        assert!(line("reg=bytes@0").contains("batch size 0"));
    }
}

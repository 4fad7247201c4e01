//! What a check comes to, in words: cell by cell, and as a whole.

use super::record::{
    CellRecord, CellVerdict, Conclusion, Counts, Environment, Limits, Time,
};
use super::verdict::RULE;
use super::words::size;

/// A cell in a line.
#[must_use]
pub fn of_cell(
    variant: &str,
    batch: u16,
    verdict: CellVerdict,
    time: Option<&Time>,
    counts: &Option<Counts>,
) -> String {
    let name = format!("{variant} at batch {batch}");
    let percent = |share: f64| format!("{:.1} %", share.abs() * 100.0);
    match (time, counts) {
        (Some(time), _) => {
            let said = match verdict {
                CellVerdict::Slower | CellVerdict::Faster => {
                    format!("{} {}", percent(time.effect), verdict.word())
                }
                CellVerdict::Fine => "fine".to_owned(),
                CellVerdict::Inconclusive => "inconclusive".to_owned(),
            };
            let [low, high] = time.interval.map(|end| end * 100.0);
            let confidence = (1.0 - RULE.alpha) * 100.0;
            format!(
                "{name} is {said} ({confidence:.0} % CI {low:+.1}..{high:+.1} \
                 %; {} links; n = {})",
                time.links.len(),
                time.pairs
            )
        }
        (None, Some(Counts { baseline, candidate, .. })) => format!(
            "{name} takes {:.1} instructions per packet, {:.1} before",
            candidate.instructions, baseline.instructions
        ),
        (None, None) => format!("{name}: nothing measured"),
    }
}

/// The whole in a word and in a line.
#[must_use]
pub fn of(
    cells: &[CellRecord],
    environment: Option<&Environment>,
    rule: &Limits,
) -> (Conclusion, String) {
    if let Some(moved) = environment.filter(|e| e.moved == Some(true)) {
        return (
            Conclusion::Environment,
            format!("{}; nothing is said of the code", moved.line),
        );
    }
    let those = |verdict| -> Vec<&CellRecord> {
        cells.iter().filter(|cell| cell.verdict == verdict).collect()
    };
    let all = cells.len();
    let slower = those(CellVerdict::Slower);
    let open = those(CellVerdict::Inconclusive);
    let faster = match those(CellVerdict::Faster).len() {
        0 => String::new(),
        n => format!("; {n} faster"),
    };
    let worst = slower.iter().max_by(|a, b| size(a).total_cmp(&size(b)));
    if let Some(worst) = worst {
        let line = format!(
            "{} of {all} cells slower{faster}: {}",
            slower.len(),
            worst.line
        );
        return (Conclusion::Regression, line);
    }
    if let Some(first) = open.first() {
        let line = format!(
            "inconclusive in {} of {all} cells{faster}: {}; a quieter machine \
             or more --seconds may decide it",
            open.len(),
            first.line
        );
        return (Conclusion::Inconclusive, line);
    }
    let ruled_out = match cells.iter().any(|cell| cell.time.is_some()) {
        true => {
            format!("a slowdown of {:.0} % is ruled out", rule.limit * 100.0)
        }
        false => "no count has risen".to_owned(),
    };
    let line = format!("none of {all} cells slower{faster}: {ruled_out}");
    (Conclusion::Fine, line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::record::example;

    fn came_to(cells: &[CellRecord], moved: Option<bool>) -> Conclusion {
        let environment = Environment {
            moved,
            line: "the machine".to_owned(),
            shift: None,
            limit: None,
        };
        of(cells, Some(&environment), &RULE).0
    }

    #[test]
    fn the_worst_of_all_cells_decides_and_a_machine_that_moved_before_it() {
        let all = example::record().cells;
        let only = |verdicts: &[CellVerdict]| -> Vec<CellRecord> {
            let kept = all.iter().filter(|c| verdicts.contains(&c.verdict));
            kept.cloned().collect()
        };
        use CellVerdict::*;
        assert_eq!(came_to(&all, Some(false)), Conclusion::Regression);
        assert_eq!(came_to(&all, None), Conclusion::Regression);
        assert_eq!(came_to(&all, Some(true)), Conclusion::Environment);
        let open = only(&[Fine, Faster, Inconclusive]);
        assert_eq!(came_to(&open, Some(false)), Conclusion::Inconclusive);
        let fine = only(&[Fine, Faster]);
        assert_eq!(came_to(&fine, Some(false)), Conclusion::Fine);
        let (_, line) = of(&fine, None, &RULE);
        assert!(line.contains("1 faster"), "{line}");
    }

    #[test]
    fn a_line_names_the_worst_cell_with_its_numbers() {
        let cells = example::record().cells;
        let slower = |cell: &&CellRecord| cell.verdict == CellVerdict::Slower;
        let worst = cells.iter().find(slower).expect("one");
        let line = of_cell(
            &worst.variant,
            worst.batch,
            worst.verdict,
            worst.time.as_ref(),
            &worst.counts,
        );
        assert_eq!(
            line,
            "batch=vec at batch 32 is 3.1 % slower (99 % CI +2.8..+3.4 %; 4 \
             links; n = 24)"
        );
        let counted =
            of_cell("batch=vec", 8, CellVerdict::Slower, None, &worst.counts);
        assert_eq!(
            counted,
            "batch=vec at batch 8 takes 87.5 instructions per packet, 84.0 \
             before"
        );
    }
}

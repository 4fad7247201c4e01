//! Tier 2: whether the machine is as it was when the baseline was saved.
//!
//! The baseline's program is the same as then, so what its times have become
//! since is the machine's doing. They are ratios to the reference kernel, so
//! that the frequency of the day is not in them. This is a control chart: it
//! says when to distrust, and nothing of the code.

use super::record::Environment;
use crate::stats::{self, TrimmedT};

/// Within this share the middle of all cells counts as where it was.
const SHIFT: f64 = 0.05;

/// A cell by itself may move twice as far.
const CELL: f64 = 0.10;

/// Share of the cells that may have moved as far.
const CELLS: f64 = 0.25;

/// Of a cell, the logarithms of its time over the reference kernel's by
/// process.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// When the baseline was saved.
    pub then: Vec<f64>,
    /// Today.
    pub now: Vec<f64>,
}

/// What the charts of all cells say.
///
/// A chart has no point where a process had its core to share: what others
/// take of a cache is no property of the machine.
#[must_use]
pub fn judge(charts: &[Chart], disturbed: f64) -> Environment {
    let moves: Vec<f64> = charts.iter().filter_map(Chart::moved).collect();
    let unseen = |line: String| Environment {
        moved: None,
        line,
        shift: None,
        limit: Some(SHIFT),
    };
    if disturbed > CELLS {
        return unseen(format!(
            "whether the machine is as it was cannot be seen: others had the \
             core in {:.0} % of the processes",
            disturbed * 100.0
        ));
    }
    let Some(shift) = stats::median(&moves) else {
        return unseen(
            "whether the machine is as it was cannot be seen: the baseline \
             was saved without times"
                .to_owned(),
        );
    };
    let far = moves.iter().filter(|one| one.abs() > CELL.ln_1p()).count();
    let many = far as f64 > CELLS * moves.len() as f64;
    let moved = many || shift.abs() > SHIFT.ln_1p();
    let percent = shift.exp_m1() * 100.0;
    let line = match moved {
        false => format!(
            "the machine is as it was: the baseline takes {percent:+.1} % of \
             what it took, in units of the reference kernel"
        ),
        true => format!(
            "the machine moved since the baseline was saved: the same program \
             takes {percent:+.1} % in the middle, and {far} of {} cells are \
             off by more than {:.0} %, in units of the reference kernel",
            moves.len(),
            CELL * 100.0
        ),
    };
    Environment {
        moved: Some(moved),
        line,
        shift: Some(shift.exp_m1()),
        limit: Some(SHIFT),
    }
}

impl Chart {
    /// By how much it moved, as a logarithm.
    fn moved(&self) -> Option<f64> {
        let then = TrimmedT::new(&self.then)?;
        let now = TrimmedT::new(&self.now)?;
        Some(now.value - then.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twenty cells, of which some moved by a share.
    fn charts(moved: usize, by: f64) -> Vec<Chart> {
        let around = |at: f64| [-0.01, 0.0, 0.02, -0.02].map(|d| at + d);
        (0..20)
            .map(|cell| {
                let at = if cell < moved { by.ln_1p() } else { 0.0 };
                let (then, now) = (around(0.7), around(0.7 + at));
                Chart { then: then.to_vec(), now: now.to_vec() }
            })
            .collect()
    }

    #[test]
    fn a_machine_moves_as_a_whole_or_in_many_cells() {
        let moved = |cells, by| judge(&charts(cells, by), 0.0).moved;
        assert_eq!(moved(0, 0.0), Some(false));
        assert_eq!(moved(20, 0.04), Some(false));
        assert_eq!(moved(20, 0.06), Some(true));
        assert_eq!(moved(20, -0.06), Some(true));
        assert_eq!(moved(5, 0.5), Some(false));
        assert_eq!(moved(6, 0.5), Some(true));
    }

    #[test]
    fn what_cannot_be_seen_is_not_said() {
        let chart = judge(&charts(20, 0.5), 0.3);
        assert_eq!(chart.moved, None);
        assert!(chart.line.contains("30 %"), "{}", chart.line);
        assert_eq!(judge(&[], 0.0).moved, None);
        let one = Chart { then: vec![], now: vec![0.1; 8] };
        assert_eq!(judge(&[one], 0.0).moved, None);
    }
}

//! Natural loops of a body: a jump back to an instruction that every way to
//! the jump has passed, and all that lies between.

/// A loop. Instructions are counted from the body's first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loop {
    /// Where each turn begins.
    pub head: usize,
    /// Its instructions in ascending order, those of loops in it included.
    pub body: Vec<usize>,
}

impl Loop {
    /// Whether an instruction belongs to it.
    pub fn holds(&self, instruction: usize) -> bool {
        self.body.binary_search(&instruction).is_ok()
    }
}

/// The loops of a body in the order of their heads, each head once; `next`
/// says where each instruction can lead.
pub fn loops(next: &[Vec<usize>]) -> Vec<Loop> {
    let mut before = vec![Vec::new(); next.len()];
    for (from, to) in next.iter().enumerate() {
        for &to in to {
            before[to].push(from);
        }
    }
    let dominators = Dominators::of(next, &before);
    let mut loops = Vec::new();
    for head in 0..next.len() {
        let is_back = |&&from: &&usize| dominators.passes(from, head);
        let mut open: Vec<_> = before[head].iter().filter(is_back).collect();
        if open.is_empty() {
            continue;
        }
        let mut inside = vec![false; next.len()];
        inside[head] = true;
        while let Some(&at) = open.pop() {
            if !std::mem::replace(&mut inside[at], true) {
                open.extend(&before[at]);
            }
        }
        let body = (0..next.len()).filter(|&at| inside[at]).collect();
        loops.push(Loop { head, body });
    }
    loops
}

/// For each instruction the last one that every way to it has passed (Cooper,
/// Harvey, Kennedy, "A Simple, Fast Dominance Algorithm").
struct Dominators {
    /// Place in an order in which every way goes forwards but back edges.
    place: Vec<Option<usize>>,
    /// The last instruction passed before.
    last: Vec<Option<usize>>,
}

impl Dominators {
    fn of(next: &[Vec<usize>], before: &[Vec<usize>]) -> Self {
        let order = order(next);
        let mut place = vec![None; next.len()];
        for (number, &at) in order.iter().enumerate() {
            place[at] = Some(number);
        }
        let mut found = Self { place, last: vec![None; next.len()] };
        if let Some(&first) = order.first() {
            found.last[first] = Some(first);
        }
        let mut changed = true;
        while changed {
            changed = false;
            for &at in order.iter().skip(1) {
                let known =
                    before[at].iter().filter(|&&b| found.last[b].is_some());
                let last = known.copied().reduce(|a, b| found.common(a, b));
                if found.last[at] != last {
                    found.last[at] = last;
                    changed = true;
                }
            }
        }
        found
    }

    /// The last instruction that the ways to both have passed.
    fn common(&self, mut a: usize, mut b: usize) -> usize {
        while a != b {
            if self.place[a] > self.place[b] {
                a = self.last[a].unwrap_or(b);
            } else {
                b = self.last[b].unwrap_or(a);
            }
        }
        a
    }

    /// Whether every way to `at` passes `through`.
    fn passes(&self, mut at: usize, through: usize) -> bool {
        loop {
            match self.last[at] {
                _ if at == through => return true,
                Some(last) if last != at => at = last,
                _ => return false,
            }
        }
    }
}

/// Instructions that can be reached, each before those that only it leads to.
fn order(next: &[Vec<usize>]) -> Vec<usize> {
    let mut order = Vec::new();
    let mut seen = vec![false; next.len()];
    let mut open = Vec::new();
    if !next.is_empty() {
        seen[0] = true;
        open.push((0, 0));
    }
    while let Some((at, way)) = open.pop() {
        match next[at].get(way) {
            Some(&to) => {
                open.push((at, way + 1));
                if !std::mem::replace(&mut seen[to], true) {
                    open.push((to, 0));
                }
            }
            None => order.push(at),
        }
    }
    order.reverse();
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(next: &[&[usize]]) -> Vec<(usize, Vec<usize>)> {
        let next: Vec<_> = next.iter().map(|to| to.to_vec()).collect();
        loops(&next).into_iter().map(|l| (l.head, l.body)).collect()
    }

    #[test]
    fn a_straight_line_has_no_loop() {
        assert!(of(&[]).is_empty());
        assert!(of(&[&[1], &[2], &[]]).is_empty());
    }

    #[test]
    fn a_loop_in_a_loop_is_found_by_both_heads() {
        let next: &[&[usize]] = &[&[1], &[2], &[2, 3], &[1, 4], &[]];
        assert_eq!(of(next), [(1, vec![1, 2, 3]), (2, vec![2])]);
    }

    #[test]
    fn a_block_that_jumps_back_from_the_end_is_part_of_the_loop() {
        // 1 leads to the block at 4, which goes on at 2.
        let next: &[&[usize]] = &[&[1], &[2, 4], &[1, 3], &[], &[2]];
        assert_eq!(of(next), [(1, vec![1, 2, 4])]);
    }

    #[test]
    fn a_jump_back_into_a_line_that_did_not_pass_there_is_no_loop() {
        // 3 goes back to 1, but is reached past it.
        let next: &[&[usize]] = &[&[1, 3], &[2], &[], &[1]];
        assert!(of(next).is_empty());
    }
}

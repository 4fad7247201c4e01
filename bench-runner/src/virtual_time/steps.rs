//! Batches to be timed.

use variants::workload::PORTS;

use crate::measure::Step;

/// So many batches of one size, at the ports in turn.
pub fn run(fill: u16, batches: u32) -> impl Iterator<Item = Step> {
    let port = |number| (number % PORTS as u32) as u8;
    let step = move |n| Step { port: port(n), fill, after_idle: false };
    (0..batches).map(step)
}

/// Sizes from 1 to that of a full batch: each up to 32, and then in steps of
/// a tenth.
#[must_use]
pub fn fills(batch: u16) -> Vec<u16> {
    let next = |fill: &u16| {
        (*fill < batch).then(|| {
            let step = (fill / 10).max(1);
            let step = if *fill < 32 { 1 } else { step };
            (fill + step).min(batch)
        })
    };
    std::iter::successors(Some(1), next).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_go_from_one_to_the_full_batch() {
        assert_eq!(fills(1), [1]);
        assert_eq!(fills(32).len(), 32);
        let many = fills(448);
        assert_eq!(many.last(), Some(&448));
        assert!(many.len() < 64 && many.is_sorted(), "{many:?}");
    }

    #[test]
    fn batches_change_between_the_ports() {
        let ports: Vec<_> = run(7, 3).map(|s| (s.port, s.fill)).collect();
        assert_eq!(ports, [(0, 7), (1, 7), (0, 7)]);
    }
}

//! How far fills are from standing still.

use crate::measure::Step;

/// How far the fills of two runs are apart: by how much the batch of a packet
/// is larger or smaller, on average, as a share of its size before.
///
/// That is the earth mover's distance of the two distributions.
#[must_use]
pub fn moved(before: &[Step], after: &[Step]) -> f64 {
    let shares = |steps: &[Step]| {
        let mut packets = vec![0.0; usize::from(u16::MAX) + 1];
        for step in steps {
            packets[usize::from(step.fill)] += f64::from(step.fill);
        }
        let all: f64 = packets.iter().sum();
        packets.iter_mut().for_each(|share| *share /= all.max(1.0));
        packets
    };
    let (before, after) = (shares(before), shares(after));
    let (mut carried, mut way, mut mean) = (0.0, 0.0, 0.0);
    for (fill, (old, new)) in (0..).zip(before.iter().zip(&after)) {
        carried += old - new;
        way += f64::abs(carried);
        mean += f64::from(fill) * old;
    }
    // Less than a millionth is rounding.
    let share: f64 = way / f64::max(mean, 1.0);
    if share < 1e-6 { 0.0 } else { share }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(fill: u16) -> Step {
        Step { port: 0, fill, after_idle: false }
    }

    #[test]
    fn fills_that_move_are_counted_by_packets() {
        let ones = [step(1), step(1), step(1), step(1)];
        assert_eq!(moved(&ones, &ones), 0.0);
        // All of them, by one packet of one.
        assert_eq!(moved(&ones, &[step(2), step(2)]), 1.0);
        assert_eq!(moved(&ones, &[step(1), step(1), step(2)]), 0.5);
        assert_eq!(moved(&[step(1), step(2)], &[step(2), step(1)]), 0.0);
        // All of them, by two of twenty.
        let (before, after) = ([step(20); 11], [step(22); 10]);
        assert!((moved(&before, &after) - 0.1).abs() < 1e-9);
    }
}

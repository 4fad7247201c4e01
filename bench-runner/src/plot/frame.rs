//! From batch sizes and values to places on the sheet.

use super::pen::Spot;
use super::scale::step;
use super::{Over, Point};

/// How far an interval may reach above the highest value before it is cut.
const REACH: f64 = 1.5;

/// The field that the lines are drawn in.
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
    over: Over,
    /// What stands to the right, in ascending order.
    places: Vec<u16>,
    /// Distance of the ticks of the upright axis.
    step: f64,
    /// Number of steps on the upright axis.
    steps: u32,
}

impl Frame {
    pub(super) fn new(
        (left, top): Spot,
        (right, bottom): Spot,
        over: Over,
        points: &[Point],
    ) -> Self {
        let mut places: Vec<_> = points.iter().map(|p| p.x.max(1)).collect();
        places.sort_unstable();
        places.dedup();
        let most = points.iter().map(|p| p.y).fold(0.0, f64::max);
        let reach = points.iter().map(|p| p.high).fold(most, f64::max);
        let most = reach.min(most * REACH);
        let step = step(most);
        let steps = (most / step * 1.02).ceil().max(1.0) as u32;
        Self { left, top, right, bottom, over, places, step, steps }
    }

    /// Where a batch size stands: equal steps for equal factors; or a number
    /// of cores: equal steps for equal differences.
    pub(super) fn x(&self, place: u16) -> f64 {
        let (low, high) = self.ends();
        let share = (self.along(place) - low) / (high - low);
        self.left + share * (self.right - self.left)
    }

    fn along(&self, place: u16) -> f64 {
        match self.over {
            Over::Batches => f64::from(place.max(1)).log2(),
            Over::Cores => place.max(1).into(),
        }
    }

    /// Where a value stands, from zero up; what is outside stands on the edge.
    pub(super) fn y(&self, value: f64) -> f64 {
        let share = (value / self.most()).clamp(0.0, 1.0);
        self.bottom - share * (self.bottom - self.top)
    }

    /// The value at the upper edge.
    pub(super) fn most(&self) -> f64 {
        self.step * f64::from(self.steps)
    }

    /// What bears a number: powers of two first, others where
    /// there is room.
    pub(super) fn x_ticks(&self) -> Vec<u16> {
        let mut ticks: Vec<u16> = Vec::new();
        let (powers, others): (Vec<u16>, Vec<u16>) =
            self.places.iter().partition(|place| place.is_power_of_two());
        for place in powers.into_iter().chain(others) {
            let room =
                |tick: &u16| (self.x(*tick) - self.x(place)).abs() > 26.0;
            if ticks.iter().all(room) {
                ticks.push(place);
            }
        }
        ticks.sort_unstable();
        ticks
    }

    /// Values on the upright axis, with their text.
    pub(super) fn y_ticks(&self) -> Vec<(f64, String)> {
        let decimals = (0..6)
            .find(|&decimals| {
                let scaled = self.step * 10f64.powi(decimals);
                (scaled - scaled.round()).abs() < 1e-6 * scaled
            })
            .unwrap_or(6) as usize;
        (0..=self.steps)
            .map(|number| {
                let value = self.step * f64::from(number);
                (value, format!("{value:.decimals$}"))
            })
            .collect()
    }

    /// Both ends, with a little room beside them.
    fn ends(&self) -> (f64, f64) {
        let along =
            |place: Option<&u16>| place.map_or(0.0, |place| self.along(*place));
        let low = along(self.places.first());
        let high = along(self.places.last());
        let room = if high > low { 0.02 * (high - low) } else { 0.5 };
        (low - room, high + room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(points: &[(u16, f64)]) -> Frame {
        over(Over::Batches, points)
    }

    fn over(over: Over, points: &[(u16, f64)]) -> Frame {
        let points: Vec<_> = points
            .iter()
            .map(|&(x, y)| Point { x, y, low: y, high: y, hollow: false })
            .collect();
        Frame::new((0.0, 0.0), (700.0, 400.0), over, &points)
    }

    #[test]
    fn numbers_of_cores_are_as_far_apart_as_they_differ() {
        let frame = over(Over::Cores, &[(1, 3.0), (2, 6.0), (5, 12.0)]);
        let step = frame.x(2) - frame.x(1);
        assert!((frame.x(5) - frame.x(2) - 3.0 * step).abs() < 1e-9);
        assert_eq!(frame.x_ticks(), [1, 2, 5]);
    }

    #[test]
    fn batch_sizes_are_as_far_apart_as_their_factors() {
        let frame = frame(&[(1, 3.0), (256, 27.0)]);
        let steps: Vec<_> = (0..8)
            .map(|power| frame.x(2 << power) - frame.x(1 << power))
            .collect();
        assert!(steps.iter().all(|step| (step - steps[0]).abs() < 1e-9));
    }

    #[test]
    fn values_start_at_zero_and_end_on_a_round_number() {
        let frame = frame(&[(1, 3.0), (256, 27.0)]);
        assert_eq!(frame.y(0.0), 400.0);
        assert_eq!(frame.most(), 30.0);
        let texts: Vec<_> =
            frame.y_ticks().into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["0", "5", "10", "15", "20", "25", "30"]);
    }

    #[test]
    fn small_values_have_decimals() {
        let ticks = frame(&[(1, 0.16)]).y_ticks();
        assert_eq!(ticks[1].1, "0.025");
    }

    #[test]
    fn odd_batch_sizes_bear_a_number_where_there_is_room() {
        let all =
            frame(&[(1, 1.0), (24, 1.0), (30, 1.0), (32, 1.0), (448, 1.0)]);
        assert_eq!(all.x_ticks(), [1, 24, 32, 448]);
        assert_eq!(frame(&[(32, 1.0)]).x_ticks(), [32]);
    }

    proptest! {
        #[test]
        fn every_point_stands_inside(
            points in prop::collection::vec((any::<u16>(), 0.0..1e9f64), 0..20),
        ) {
            let frame = frame(&points);
            prop_assert!(frame.y_ticks().len() <= 12);
            for (x, y) in points {
                let spot = (frame.x(x), frame.y(y));
                prop_assert!((0.0..=700.0).contains(&spot.0), "{spot:?}");
                prop_assert!((0.0..=400.0).contains(&spot.1), "{spot:?}");
            }
        }
    }
}

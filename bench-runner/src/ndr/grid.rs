//! The loads that a search may offer: equal steps for equal factors.
//!
//! A search doubles and halves intervals of loads. With whole steps that can
//! be undone exactly, and a load is measured again instead of one beside it.

/// Steps in the narrowest width asked for.
const FINENESS: f64 = 128.0;

/// Loads from the smallest to the largest, numbered from 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    min: f64,
    max: f64,
    /// Number of the largest load.
    top: u32,
}

impl Grid {
    /// Loads from `min` to `max` frames per second, so dense that relative
    /// widths from `width` up can be told apart.
    pub fn new(min: f64, max: f64, width: f64) -> Self {
        let steps = (max / min).ln() / depth(width) * FINENESS;
        Self { min, max, top: steps.ceil().clamp(1.0, 1e9) as u32 }
    }

    /// The number of the largest load.
    pub fn top(&self) -> u32 {
        self.top
    }

    /// Frames per second at a number.
    pub fn load(&self, number: u32) -> f64 {
        match number {
            0 => self.min,
            top if top >= self.top => self.max,
            _ => {
                let share = f64::from(number) / f64::from(self.top);
                self.min * (self.max / self.min).powf(share)
            }
        }
    }

    /// The number of the largest load that is not above `load`.
    pub fn number(&self, load: f64) -> u32 {
        if load <= self.min {
            return 0;
        }
        let share = (load / self.min).ln() / (self.max / self.min).ln();
        let near = (share * f64::from(self.top)).round();
        let near = near.clamp(0.0, f64::from(self.top)) as u32;
        match self.load(near) > load {
            true => near - 1,
            false => near,
        }
    }

    /// Steps between two loads that are just `width` apart, or a little less.
    pub fn steps(&self, width: f64) -> u32 {
        let step = (self.max / self.min).ln() / f64::from(self.top);
        ((depth(width) / step) as u32).max(1)
    }
}

/// How far apart the logarithms of two loads are, of which one is by the
/// share `width` smaller.
fn depth(width: f64) -> f64 {
    -(-width).ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_and_loads_are_each_other_s_inverse(
            min in 1.0..1e5_f64,
            span in 1.1..1e5_f64,
            width in 1e-3..0.5_f64,
            share in 0.0..=1.0_f64,
        ) {
            let grid = Grid::new(min, min * span, width);
            let number = (share * f64::from(grid.top())) as u32;
            let load = grid.load(number);
            prop_assert_eq!(grid.number(load), number);
            prop_assert!(grid.number(load * 0.999_999_9) <= number);
        }

        #[test]
        fn steps_of_a_width_are_no_wider_and_hardly_narrower(
            min in 1.0..1e5_f64,
            width in 1e-3..0.4_f64,
            share in 0.0..=1.0_f64,
        ) {
            let grid = Grid::new(min, min * 1e4, 1e-3);
            let steps = grid.steps(width);
            let low = (share * f64::from(grid.top() - steps)) as u32;
            let (low, high) = (grid.load(low), grid.load(low + steps));
            let seen = (high - low) / high;
            prop_assert!(seen <= width * (1.0 + 1e-9), "{seen} {width}");
            prop_assert!(seen >= width * 0.98, "{seen} {width}");
        }
    }

    #[test]
    fn the_ends_are_exact() {
        let grid = Grid::new(9001.0, 29_761_904.7, 0.005);
        assert_eq!(grid.load(0), 9001.0);
        assert_eq!(grid.load(grid.top()), 29_761_904.7);
        assert_eq!((grid.number(1.0), grid.number(9001.0)), (0, 0));
        assert_eq!(grid.number(1e12), grid.top());
    }
}

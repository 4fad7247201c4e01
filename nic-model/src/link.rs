//! The link of a port: up, or down for some turns of the device.

use crate::fault::Faults;

/// Down without end.
const FOREVER: u32 = u32::MAX;

/// The link of one port.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// Turns until it is up.
    down_for: u32,
    /// What a restart sets it to.
    comes_up_after: u32,
}

impl Link {
    /// A link that is about to come up.
    pub fn new(faults: Faults) -> Self {
        let turns = u32::from(faults.slow_link);
        let comes_up_after = if faults.link_down { FOREVER } else { turns };
        Self { down_for: comes_up_after, comes_up_after }
    }

    pub fn is_up(&self) -> bool {
        self.down_for == 0
    }

    /// Negotiates anew.
    pub fn restart(&mut self) {
        self.down_for = self.comes_up_after;
    }

    /// Lets a turn pass.
    pub fn turn(&mut self) {
        if self.down_for != FOREVER {
            self.down_for = self.down_for.saturating_sub(1);
        }
    }

    /// Loses the link for `turns` turns, if it is up.
    pub fn lose(&mut self, turns: u32) {
        if self.is_up() {
            self.down_for = turns;
        }
    }

    /// Plugs the cable in or pulls it.
    pub fn set(&mut self, up: bool) {
        self.down_for = if up { 0 } else { FOREVER };
    }

    /// Ends whatever keeps the link down for a while.
    pub fn settle(&mut self) {
        if self.down_for != FOREVER {
            self.down_for = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_link_comes_up_after_its_turns_and_again_after_a_restart() {
        let faults = Faults { slow_link: 2, ..Faults::default() };
        let mut link = Link::new(faults);
        for _ in 0..2 {
            assert!(!link.is_up());
            link.turn();
            assert!(!link.is_up());
            link.turn();
            assert!(link.is_up());
            link.turn();
            assert!(link.is_up());
            link.restart();
        }
    }

    #[test]
    fn a_dead_link_stays_down() {
        let faults = Faults { link_down: true, ..Faults::default() };
        let mut link = Link::new(faults);
        link.turn();
        link.settle();
        link.restart();
        assert!(!link.is_up());
    }

    #[test]
    fn a_pulled_cable_stays_out_until_it_is_plugged_in() {
        let mut link = Link::new(Faults::default());
        link.set(false);
        link.turn();
        assert!(!link.is_up());
        link.set(true);
        assert!(link.is_up());
    }

    #[test]
    fn a_loss_lasts_for_its_turns() {
        let mut link = Link::new(Faults::default());
        link.lose(2);
        link.turn();
        link.lose(3);
        assert!(!link.is_up());
        link.turn();
        assert!(link.is_up());
        link.lose(3);
        link.settle();
        assert!(link.is_up());
    }
}

//! A load offered for some seconds, and what came of it.

use crate::failure::Failure;

/// One trial (RFC 9971, 4.5.10): what was asked for and what was seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    /// Frames per second that were to be offered, over all ports.
    pub load: f64,
    /// For how many seconds.
    pub seconds: f64,
    /// Frames that were offered.
    pub offered: u64,
    /// Frames that came out again.
    pub forwarded: u64,
    /// Frames that did not.
    pub lost: u64,
}

impl Trial {
    /// The share of offered frames that were lost.
    #[must_use]
    pub fn loss_ratio(&self) -> f64 {
        match self.offered {
            0 => 0.0,
            offered => self.lost as f64 / offered as f64,
        }
    }

    /// Frames per second that were forwarded: the load without what was lost.
    #[must_use]
    pub fn forwarding_rate(&self) -> f64 {
        self.load * (1.0 - self.loss_ratio())
    }

    /// Whether it answers what was asked and its books balance.
    pub(super) fn check(&self, load: f64, seconds: f64) -> Result<(), Failure> {
        let Self { offered, forwarded, lost, .. } = *self;
        if self.load != load || self.seconds != seconds {
            return Err(Failure::error(format!(
                "a trial of {load} frames/s for {seconds} s was asked for, \
                 one of {} frames/s for {} s was made",
                self.load, self.seconds
            )));
        }
        if forwarded.checked_add(lost) != Some(offered) {
            return Err(Failure::error(format!(
                "a trial of {load} frames/s does not balance: {offered} \
                 offered, {forwarded} forwarded, {lost} lost"
            )));
        }
        Ok(())
    }
}

/// What offers loads to a device.
pub trait Tester {
    /// Offers `load` frames per second for so many seconds.
    ///
    /// # Errors
    ///
    /// When the load cannot be offered, or not every frame is accounted for.
    fn trial(&mut self, load: f64, seconds: f64) -> Result<Trial, Failure>;
}

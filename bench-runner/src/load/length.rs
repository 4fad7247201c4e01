//! How much is offered.

use variants::workload::PORTS;

/// How much is offered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Length {
    /// So many packets over all ports.
    Packets(u64),
    /// What comes in so many seconds.
    Seconds(f64),
}

impl Length {
    /// Packets towards each port at a rate over all of them, at least one.
    #[must_use]
    pub fn per_port(self, per_second: f64) -> u64 {
        let ports = PORTS as u64;
        match self {
            Self::Packets(packets) => packets.div_ceil(ports).max(1),
            Self::Seconds(seconds) => {
                ((seconds * per_second) as u64).div_ceil(ports).max(1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_halved_and_seconds_are_packets() {
        assert_eq!(Length::Packets(1001).per_port(1.0), 501);
        assert_eq!(Length::Seconds(0.5).per_port(2e6), 500_000);
        assert_eq!(Length::Seconds(1e-9).per_port(1.0), 1);
    }
}

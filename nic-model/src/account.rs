//! Every packet is accounted for, or there is no result.

use core::fmt;

/// What the device knows of the frames that entered a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// Frames on the wire towards the port.
    pub offered: u64,
    /// Frames written to memory.
    pub delivered: u64,
    /// Frames dropped at the empty receive ring.
    pub ring_empty: u64,
    /// Frames dropped at an unmapped receive address.
    pub rx_dma_faults: u64,
    /// Frames lost on the wire while the link was down.
    pub link_down: u64,
    /// Frames that a stopped device missed.
    pub missed: u64,
}

/// Where all frames of a run went, both directions added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Frames on the wire towards the device.
    pub offered: u64,
    /// Frames that the driver's side made.
    pub generated: u64,
    /// Frames that ended at the application, which received them.
    pub consumed: u64,
    /// Frames that came back, every byte as it should be.
    pub forwarded: u64,
    /// Dropped at the empty receive ring.
    pub ring_empty: u64,
    /// Dropped at an unmapped address, on receive or transmit.
    pub dma_faults: u64,
    /// Lost on the wire while the link was down.
    pub link_down: u64,
    /// Missed by a device that has stopped.
    pub missed: u64,
    /// Damaged by a fault of the device: came back as long as a buffer, or
    /// were sent without a byte.
    pub damaged: u64,
    /// Dropped by the driver: frames over several descriptors.
    pub multi_descriptor: u64,
    /// Dropped by the forwarder: no room in the transmit ring.
    pub forwarder: u64,
    /// Still in a receive or transmit ring.
    pub inside: u64,
    /// Came back with a wrong length, byte or place in the order.
    pub spoiled: u64,
}

/// Frames that appeared or vanished, or came back spoiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbalanced(pub Account);

impl Account {
    /// Frames whose whereabouts nobody knows; negative when more came out
    /// than went in.
    pub fn remainder(&self) -> i64 {
        let known = self.forwarded
            + self.consumed
            + self.ring_empty
            + self.dma_faults
            + self.link_down
            + self.missed
            + self.damaged
            + self.multi_descriptor
            + self.forwarder
            + self.inside;
        (self.offered + self.generated).wrapping_sub(known) as i64
    }

    /// What became of the frames since `before`, an account of the same run.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let of =
            |field: fn(&Self) -> u64| field(self).wrapping_sub(field(before));
        Self {
            offered: of(|a| a.offered),
            generated: of(|a| a.generated),
            consumed: of(|a| a.consumed),
            forwarded: of(|a| a.forwarded),
            ring_empty: of(|a| a.ring_empty),
            dma_faults: of(|a| a.dma_faults),
            link_down: of(|a| a.link_down),
            missed: of(|a| a.missed),
            damaged: of(|a| a.damaged),
            multi_descriptor: of(|a| a.multi_descriptor),
            forwarder: of(|a| a.forwarder),
            inside: of(|a| a.inside),
            spoiled: of(|a| a.spoiled),
        }
    }

    /// Whether the account balances and every frame was good.
    pub fn check(&self) -> Result<(), Unbalanced> {
        match (self.remainder(), self.spoiled) {
            (0, 0) => Ok(()),
            _ => Err(Unbalanced(*self)),
        }
    }
}

impl fmt::Display for Unbalanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Account {
            offered,
            generated,
            consumed,
            forwarded,
            ring_empty,
            dma_faults,
            link_down,
            missed,
            damaged,
            multi_descriptor,
            forwarder,
            inside,
            spoiled,
        } = self.0;
        let remainder = self.0.remainder();
        write!(
            f,
            "packets do not balance: {offered} offered, {forwarded} \
             forwarded, {ring_empty} dropped at the empty ring, {dma_faults} \
             at unmapped addresses, {multi_descriptor} for their size, \
             {forwarder} by the forwarder, {inside} inside, {spoiled} \
             spoiled; "
        )?;
        // Forwarders neither make frames nor keep them.
        if generated + consumed > 0 {
            write!(
                f,
                "{generated} made by the driver, {consumed} received for \
                 good; "
            )?;
        }
        // Devices without faults have none of these.
        if link_down + missed + damaged > 0 {
            write!(
                f,
                "{link_down} lost with the link, {missed} missed by a \
                 stopped device, {damaged} damaged by faults; "
            )?;
        }
        write!(f, "remainder {remainder}")
    }
}

impl std::error::Error for Unbalanced {}

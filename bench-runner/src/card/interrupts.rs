//! Waiting for a card instead of polling it: MSI-X by way of eventfds
//! (datasheet 7.3.4 and 8.2.3.5).

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use driver::bar::{Bar0, MappedBar};
use driver::regs::{EIAC, EIMC, EIMS, EITR, GPIE, IVAR, eicr, gpie, ivar};
use driver::vfio::Device;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use variants::workload::PORTS;

use crate::failure::Failure;

/// Of EIMS and its kin: vector 0, which the receive queue has.
const VECTOR_0: u32 = 1;

/// Shortest time between two interrupts, as EITR wants it: 10 us.
const INTERVAL: u32 = 0x028;

/// Interrupts of both ports, off until they are armed.
#[derive(Debug)]
pub struct Interrupts<'a> {
    bars: [MappedBar<'a>; PORTS],
    events: [OwnedFd; PORTS],
}

impl<'a> Interrupts<'a> {
    /// Connects the first receive queue of each port, which must be up, with
    /// an eventfd.
    ///
    /// # Errors
    ///
    /// When the kernel has no more eventfds, or a card no MSI-X.
    pub fn new(
        bars: [MappedBar<'a>; PORTS],
        devices: [&Device; PORTS],
    ) -> Result<Self, Failure> {
        let event = || {
            let flags = EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC;
            eventfd(0, flags).map_err(Failure::environment)
        };
        let events = [event()?, event()?];
        for ((bar, device), event) in bars.iter().zip(devices).zip(&events) {
            device.signal(event.as_fd()).map_err(Failure::environment)?;
            let mode = gpie::MULTIPLE_MSIX | gpie::PBA_SUPPORT | gpie::EIAME;
            bar.set_bits(GPIE.offset(), mode);
            // The message clears its cause.
            bar.write32(EIAC.offset(), eicr::RTXQ);
            // The lowest byte: vector 0 for receive queue 0.
            let others = bar.read32(IVAR.at(0)) & !0xFF;
            bar.write32(IVAR.at(0), others | ivar::VALID);
            bar.write32(EITR.at(0), INTERVAL);
        }
        Ok(Self { bars, events })
    }

    /// Lets the cards interrupt. What has come before has to be looked for
    /// once more.
    pub fn arm(&self) {
        for bar in &self.bars {
            bar.write32(EIMS.offset(), VECTOR_0);
        }
    }

    /// Lets them no longer, and forgets what they said.
    pub fn disarm(&self) {
        for bar in &self.bars {
            bar.write32(EIMC.offset(), VECTOR_0);
        }
        for event in &self.events {
            // Empty where the other one has spoken.
            let _ = rustix::io::read(event, &mut [0; 8]);
        }
    }

    /// Waits until a card speaks, a signal comes or the time is over.
    pub fn wait(&self, limit: Duration) {
        let [first, second] = &self.events;
        let mut files =
            [first, second].map(|event| PollFd::new(event, PollFlags::IN));
        let limit = Timespec::try_from(limit).ok();
        // An error is a signal, and a reason to look around.
        let _ = poll(&mut files, limit.as_ref());
    }
}

//! Interrupts (datasheet 7.3): what causes one, and when its message is due.
//!
//! Causes and masks are in the registers; what is here looks at them between
//! the turns of a port. A port without it raises none.

use core::time::Duration;

use driver::regs::*;

use crate::port::Port;
use crate::regfile::RegisterFile;

/// Vectors of a port.
pub const VECTORS: u16 = 64;

/// Queue causes that have a bit in EICR.
const IN_EICR: u32 = 16;

/// What a port has told its driver, and when.
#[derive(Clone, Debug)]
pub struct Interrupts {
    /// Frames of each queue that the driver has been told of.
    told: Vec<[u64; 2]>,
    link: bool,
    /// Vectors whose message was sent for causes that are still there.
    asserted: u64,
    /// When each vector may be sent again.
    due: [Duration; VECTORS as usize],
}

impl Interrupts {
    /// For `port`, of whose past nobody is told.
    pub fn new(port: &Port<'_>) -> Self {
        Self {
            told: (0..port.queues()).map(|n| port.progress(n)).collect(),
            link: port.is_link_up(),
            asserted: 0,
            due: [Duration::ZERO; VECTORS as usize],
        }
    }

    /// Sends every message that is due at `now`, by its vector.
    pub fn turn(
        &mut self,
        port: &Port<'_>,
        now: Duration,
        mut send: impl FnMut(u16),
    ) {
        let regs = port.regs();
        // A message goes out when the first cause of a vector appears, also
        // when the driver has cleared all causes since the last turn.
        self.asserted &= raised(regs);
        self.note_causes(port);
        let fresh = raised(regs) & !self.asserted;
        for vector in (0..VECTORS).filter(|v| fresh & 1 << v != 0) {
            if now < self.due[usize::from(vector)] {
                continue;
            }
            let interval = regs.get(&EITR, vector) & eitr::INTERVAL;
            let interval = u64::from(interval >> eitr::INTERVAL_SHIFT) * 2;
            let interval = Duration::from_micros(interval);
            self.due[usize::from(vector)] = now + interval;
            self.asserted |= 1 << vector;
            send(vector);
            settle(regs, vector);
        }
    }

    /// When the next message is due that is held back, if one is.
    pub fn next_due(&self, port: &Port<'_>) -> Option<Duration> {
        let held = raised(port.regs()) & !self.asserted;
        let held = (0..VECTORS).filter(|v| held & 1 << v != 0);
        held.map(|vector| self.due[usize::from(vector)]).min()
    }

    /// Sends again what is still there: the line of an interrupt pin is level,
    /// and its receiver has unmasked it.
    pub fn unmasked(&mut self) {
        self.asserted = 0;
    }

    /// What has happened since the last turn, into EICR.
    fn note_causes(&mut self, port: &Port<'_>) {
        let regs = port.regs();
        for (n, told) in (0..).zip(&mut self.told) {
            let now = port.progress(n);
            if now == *told {
                continue;
            }
            for direction in 0..2 {
                if now[direction] != told[direction] {
                    // Two queues per register, receive before transmit.
                    let byte = usize::from(n % 2) * 2 + direction;
                    let field = regs.get(&IVAR, n / 2).to_le_bytes()[byte];
                    note_queue(regs, field.into());
                }
            }
            *told = now;
        }
        let link = port.is_link_up();
        if link != self.link {
            self.link = link;
            set(regs, &EICR, 0, eicr::LSC);
        }
    }
}

fn set(regs: &RegisterFile<'_>, row: &Register, n: u16, bits: u32) {
    regs.set(row, n, regs.get(row, n) | bits);
}

fn clear(regs: &RegisterFile<'_>, row: &Register, n: u16, bits: u32) {
    regs.set(row, n, regs.get(row, n) & !bits);
}

/// A cause of a queue, by its field in IVAR (8.2.3.5.16).
fn note_queue(regs: &RegisterFile<'_>, field: u32) {
    if field & ivar::VALID == 0 {
        return;
    }
    let bit = field & ivar::ALLOC;
    if bit < IN_EICR {
        set(regs, &EICR, 0, 1 << bit);
    } else if is_multiple(regs) {
        set(regs, &EICS_EX, (bit / 32) as u16, 1 << (bit % 32));
    }
}

fn is_multiple(regs: &RegisterFile<'_>) -> bool {
    regs.get(&GPIE, 0) & gpie::MULTIPLE_MSIX != 0
}

/// The vector of all causes that are no queue's (8.2.3.5.17).
fn other_vector(regs: &RegisterFile<'_>) -> Option<u16> {
    let field = regs.get(&IVAR_MISC, 0) >> 8;
    (field & ivar::VALID != 0).then_some((field & ivar::ALLOC) as u16)
}

/// Vectors with a cause that is not masked.
fn raised(regs: &RegisterFile<'_>) -> u64 {
    let causes = regs.get(&EICR, 0) & regs.get(&EIMS, 0);
    if !is_multiple(regs) {
        return u64::from(causes != 0);
    }
    let pending = |n| regs.get(&EICS_EX, n) & regs.get(&EIMS_EX, n);
    let queues = u64::from(causes & eicr::RTXQ)
        | u64::from(pending(0))
        | u64::from(pending(1)) << 32;
    let others = match other_vector(regs) {
        Some(vector) if causes & !eicr::RTXQ != 0 => 1 << vector,
        _ => 0,
    };
    queues | others
}

/// What a message does to causes and masks (7.3.1.3, 7.3.1.4): with one vector
/// nothing.
fn settle(regs: &RegisterFile<'_>, vector: u16) {
    if !is_multiple(regs) {
        return;
    }
    let own = match u32::from(vector) {
        bit if bit < IN_EICR => 1 << bit,
        _ => 0,
    };
    let others = match other_vector(regs) == Some(vector) {
        true => regs.get(&EICR, 0) & !eicr::RTXQ,
        false => 0,
    };
    clear(regs, &EICR, 0, (own | others) & regs.get(&EIAC, 0));
    let (n, high) = (vector / 32, 1 << (vector % 32));
    clear(regs, &EICS_EX, n, high);
    if regs.get(&GPIE, 0) & gpie::EIAME != 0 {
        let masked = (own | others) & regs.get(&EIAM, 0);
        clear(regs, &EIMS, 0, masked);
        clear(regs, &EIMS_EX, 0, masked & eicr::RTXQ);
        clear(regs, &EIMS_EX, n, high & regs.get(&EIAM_EX, n));
        if n == 0 {
            let low = high & regs.get(&EIAM_EX, 0) & eicr::RTXQ;
            clear(regs, &EIMS, 0, low);
        }
    }
}

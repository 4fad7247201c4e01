//! Accesses to the registers of a port, with all that they set off.
//!
//! For whoever hears of each access: a driver in the same process whose BAR
//! is trapped, or one behind a socket. Registers in mapped memory have none of
//! this.

use driver::regs::*;

use crate::dma::DmaMap;
use crate::port::Port;
use crate::regfile::{RegisterFile, canonical};

impl Port<'_> {
    /// A read of the register at `offset`: what the driver gets. An offset
    /// that no register is known at gives what was last written to it.
    ///
    /// # Panics
    ///
    /// For an offset that is no multiple of 4 inside BAR 0.
    pub fn read_register(&mut self, offset: u32) -> u32 {
        let at = canonical(offset);
        let Some((row, n)) = find(at) else {
            return self.regs().load(at);
        };
        match row.access {
            Access::WriteOnly => 0,
            Access::ReadClear => self.read_and_clear(row, n),
            _ if [RDH.name, TDH.name].contains(&row.name) => {
                self.publish_heads();
                self.regs().load(at)
            }
            // The first reader finds the semaphore free (8.2.3.4.11).
            _ if row.name == SWSM.name => {
                let value = self.regs().load(at);
                self.regs().store(at, value | swsm::SMBI);
                value
            }
            _ => self.regs().load(at),
        }
    }

    /// A write to the register at `offset`.
    ///
    /// # Panics
    ///
    /// For an offset that is no multiple of 4 inside BAR 0.
    pub fn write_register(
        &mut self,
        memory: &DmaMap<'_>,
        offset: u32,
        value: u32,
    ) {
        let at = canonical(offset);
        let regs = *self.regs();
        let Some((row, n)) = find(at) else {
            return regs.store(at, value);
        };
        match row.access {
            // EICR clears what is written as one (8.2.3.5.1).
            Access::ReadClear if row.name == EICR.name => {
                clear(&regs, &EICR, 0, value);
            }
            Access::ReadOnly | Access::ReadClear => {}
            _ if writes_bits(&regs, row, n, value) => {}
            _ => {
                regs.store(at, value);
                self.poll_control(memory);
            }
        }
    }

    fn read_and_clear(&mut self, row: &Register, n: u16) -> u32 {
        self.read_statistic(row, n).unwrap_or_else(|| {
            let value = self.regs().get(row, n);
            if row.name == EICR.name {
                auto_mask(self.regs(), value);
            }
            self.regs().set(row, n, 0);
            value
        })
    }
}

fn set(regs: &RegisterFile<'_>, row: &Register, n: u16, bits: u32) {
    regs.set(row, n, regs.get(row, n) | bits);
}

fn clear(regs: &RegisterFile<'_>, row: &Register, n: u16, bits: u32) {
    regs.set(row, n, regs.get(row, n) & !bits);
}

/// A read of EICR masks the causes that EIAM names (datasheet 7.3.1.4).
fn auto_mask(regs: &RegisterFile<'_>, causes: u32) {
    let masked = causes & regs.get(&EIAM, 0);
    clear(regs, &EIMS, 0, masked);
    clear(regs, &EIMS_EX, 0, masked & eicr::RTXQ);
}

/// Registers whose ones set or clear bits, of another register or their own
/// (datasheet 8.2.3.5). Vectors 0 to 15 have bits in both kinds of register.
/// Whether `row` is one of them.
fn writes_bits(
    regs: &RegisterFile<'_>,
    row: &Register,
    n: u16,
    value: u32,
) -> bool {
    let low = if n == 0 { value & eicr::RTXQ } else { 0 };
    match row.name {
        name if name == EIMS.name => {
            set(regs, &EIMS, 0, value);
            set(regs, &EIMS_EX, 0, low);
        }
        name if name == EIMS_EX.name => {
            set(regs, &EIMS_EX, n, value);
            set(regs, &EIMS, 0, low);
        }
        name if name == EIMC.name => {
            clear(regs, &EIMS, 0, value);
            clear(regs, &EIMS_EX, 0, low);
        }
        name if name == EIMC_EX.name => {
            clear(regs, &EIMS_EX, n, value);
            clear(regs, &EIMS, 0, low);
        }
        name if name == EICS.name => set(regs, &EICR, 0, value),
        // What is pending of vectors from 16 on stays in EICS_EX.
        name if name == EICS_EX.name => {
            set(regs, &EICR, 0, low);
            set(regs, &EICS_EX, n, value & !low);
        }
        _ => return false,
    }
    true
}

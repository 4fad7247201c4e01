//! Registers that take a command and hold its answer afterwards.

use driver::regs::*;

use crate::regfile::RegisterFile;

/// The word that brings the sum of words 0 to 0x3F to 0xBABA (datasheet
/// 6.3.2.7).
const CHECKSUM_WORD: u32 = 0x3F;
/// That sum.
const CHECKSUM: u32 = 0xBABA;

/// Carries out what the driver asked for.
#[inline]
pub(crate) fn answer(regs: &RegisterFile<'_>) {
    let eerd = regs.get(&EERD, 0);
    if eerd & eerd::START != 0 {
        regs.set(&EERD, 0, read_eeprom(eerd));
    }
    let msca = regs.get(&MSCA, 0);
    if msca & msca::MDICMD != 0 {
        regs.set(&MSRWD, 0, msrwd::NOTHING);
        regs.set(&MSCA, 0, msca & !msca::MDICMD);
    }
}

/// EERD after a read (datasheet 8.2.3.2.2). The EEPROM is empty: all its words
/// are zero, but for the checksum.
#[cold]
fn read_eeprom(command: u32) -> u32 {
    let address = (command & eerd::ADDR) >> eerd::ADDR_SHIFT;
    let word = if address == CHECKSUM_WORD { CHECKSUM } else { 0 };
    word << eerd::DATA_SHIFT | command & eerd::ADDR | eerd::DONE
}

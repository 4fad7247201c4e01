//! BAR 0 that calls the model on every access: exact semantics, and a log.

use core::cell::{Ref, RefCell, RefMut};
use std::rc::Rc;

use driver::bar::Bar0;
use driver::regs::{self, *};

use crate::model::Model;

/// A model that driver and test share.
#[derive(Clone, Debug)]
pub struct SharedModel<'a>(Rc<RefCell<Model<'a>>>);

impl<'a> SharedModel<'a> {
    /// Shares `model`.
    pub fn new(model: Model<'a>) -> Self {
        Self(Rc::new(RefCell::new(model)))
    }

    /// The model, to look at.
    pub fn borrow(&self) -> Ref<'_, Model<'a>> {
        self.0.borrow()
    }

    /// The model, to let it work.
    pub fn borrow_mut(&self) -> RefMut<'_, Model<'a>> {
        self.0.borrow_mut()
    }

    /// BAR 0 of a port.
    pub fn bar(&self, port: usize) -> TrappedBar<'a> {
        TrappedBar { model: self.clone(), port, log: Log::default() }
    }
}

/// One register access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A read of a register and what it returned.
    Read(u32, u32),
    /// A write to a register and the value.
    Write(u32, u32),
}

/// What a driver did to the registers of a port.
#[derive(Clone, Debug, Default)]
pub struct Log(Rc<RefCell<Entries>>);

#[derive(Clone, Debug, Default)]
struct Entries {
    accesses: Vec<Access>,
    mistakes: Vec<String>,
}

impl Log {
    /// All accesses in order.
    pub fn accesses(&self) -> Vec<Access> {
        self.0.borrow().accesses.clone()
    }

    /// What a driver must not do, in words.
    pub fn mistakes(&self) -> Vec<String> {
        self.0.borrow().mistakes.clone()
    }

    /// The accesses as text, a line each, with names.
    pub fn text(&self) -> String {
        let line = |access: &Access| match *access {
            Access::Read(at, value) => {
                format!("read  {:<15} {value:#010x}\n", name(at))
            }
            Access::Write(at, value) => {
                format!("write {:<15} {value:#010x}\n", name(at))
            }
        };
        self.0.borrow().accesses.iter().map(line).collect()
    }

    fn mistake(&self, text: String) {
        self.0.borrow_mut().mistakes.push(text);
    }

    fn access(&self, access: Access) {
        self.0.borrow_mut().accesses.push(access);
    }
}

/// BAR 0 of one port of a shared model.
#[derive(Clone, Debug)]
pub struct TrappedBar<'a> {
    model: SharedModel<'a>,
    port: usize,
    log: Log,
}

impl TrappedBar<'_> {
    /// What the driver did so far.
    pub fn log(&self) -> Log {
        self.log.clone()
    }

    fn check_write(
        &self,
        model: &Model<'_>,
        row: &Register,
        n: u16,
        value: u32,
    ) {
        let regs = model.ports()[self.port].regs();
        let name = name(row.at(n).bytes());
        let is = |other: &Register| row.name == other.name;
        let entries = |len: &Register| regs.get(len, n) / 16;
        let enabled = |ctl: &Register| regs.get(ctl, n) & rxdctl::ENABLE != 0;
        if row.access == regs::Access::ReadOnly {
            self.log.mistake(format!("{name} is read-only"));
        }
        // Both enable bits are bit 25 (datasheet 8.2.3.8.7, 8.2.3.9.10).
        let (control, length) = if is(&RDT) {
            (&RXDCTL, &RDLEN)
        } else if is(&TDT) {
            (&TXDCTL, &TDLEN)
        } else {
            return;
        };
        if value != 0 && !enabled(control) {
            self.log.mistake(format!("{name} written before its queue runs"));
        }
        if enabled(control) && value >= entries(length) {
            self.log.mistake(format!("{name} points beyond the ring"));
        }
    }
}

/// The row and index behind an offset, all of which come from the table.
fn row(offset: Offset) -> (&'static Register, u16) {
    find(offset.bytes()).expect("an offset names a register")
}

impl Bar0 for TrappedBar<'_> {
    fn read32(&self, offset: Offset) -> u32 {
        let at = offset.bytes();
        let mut model = self.model.borrow_mut();
        let value = model.port_mut(self.port).read_register(at);
        self.log.access(Access::Read(at, value));
        value
    }

    fn write32(&self, offset: Offset, value: u32) {
        let at = offset.bytes();
        self.log.access(Access::Write(at, value));
        let (row, n) = row(offset);
        let mut model = self.model.borrow_mut();
        self.check_write(&model, row, n, value);
        model.write_register(self.port, at, value);
    }
}

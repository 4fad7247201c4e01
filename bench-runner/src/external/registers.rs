//! What a program writes to its registers, as far as it can be seen.
//!
//! The registers are memory that is looked at again and again. Reads leave no
//! trace; of two writes between two looks the second one is seen.

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

use driver::regs::{
    ALL, GORCH, GORCL, GOTCH, GOTCL, GPRC, GPTC, QPRDC, RDH, Register, TDH,
};
use nic_model::RegisterFile;

/// Of each row so many registers are looked at: no driver of two ports has
/// more queues.
const PER_ROW: u16 = 4;

/// Rows that the card itself writes.
const OWN: [&Register; 9] =
    [&RDH, &TDH, &QPRDC, &GPRC, &GPTC, &GORCL, &GORCH, &GOTCL, &GOTCH];

/// Most changes that are kept.
const MOST: usize = 100_000;

/// A register that has another value than before.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// When it was seen.
    at: Duration,
    port: usize,
    row: &'static Register,
    n: u16,
    value: u32,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, port, row, n, value } = self;
        let index = match row.count() {
            1 => String::new(),
            _ => format!("({n})"),
        };
        let name = format!("{}{index}", row.name);
        let ms = at.as_secs_f64() * 1e3;
        write!(f, "{ms:10.3} ms  port {port}  {name:<12} {value:#010x}")
    }
}

/// The registers of some ports, watched.
pub struct Watch<'a> {
    ports: Vec<RegisterFile<'a>>,
    seen: Vec<u32>,
    begin: Instant,
    changes: Vec<Change>,
}

impl<'a> Watch<'a> {
    /// Begins to watch.
    pub fn new(ports: Vec<RegisterFile<'a>>) -> Self {
        let seen = each(&ports).map(|(_, _, _, value)| value).collect();
        let (begin, changes) = (Instant::now(), Vec::new());
        Self { ports, seen, begin, changes }
    }

    /// Looks for changes.
    pub fn look(&mut self) {
        let at = self.begin.elapsed();
        let all = each(&self.ports).zip(&mut self.seen);
        for ((port, row, n, value), seen) in all {
            if value != *seen && self.changes.len() < MOST {
                *seen = value;
                self.changes.push(Change { at, port, row, n, value });
            }
        }
    }

    /// What has changed so far.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The mnemonics of the registers that have changed, in a line.
    pub fn touched(&self) -> String {
        let names: BTreeSet<_> =
            self.changes.iter().map(|change| change.row.name).collect();
        match names.is_empty() {
            true => "none".to_owned(),
            false => names.into_iter().collect::<Vec<_>>().join(", "),
        }
    }
}

/// Every register that is watched, and its value.
fn each(
    ports: &[RegisterFile<'_>],
) -> impl Iterator<Item = (usize, &'static Register, u16, u32)> {
    let is_own = |row: &Register| OWN.iter().any(|own| own.name == row.name);
    let rows = move || ALL.iter().filter(move |row| !is_own(row));
    ports.iter().enumerate().flat_map(move |(port, regs)| {
        rows().flat_map(move |row| {
            let count = row.count().min(PER_ROW);
            (0..count).map(move |n| (port, row, n, regs.get(row, n)))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver::memory::{DmaRegion, Iova};
    use driver::regs::{BAR0_BYTES, CTRL, RDT, RXDCTL};

    #[test]
    fn changes_are_seen_and_the_cards_own_are_left_out() {
        let region =
            DmaRegion::allocate(BAR0_BYTES, Iova::new(0)).expect("memory");
        // SAFETY: the region is aligned to 2 MiB and outlives the value.
        let regs = unsafe { RegisterFile::new(region.base()) };
        let mut watch = Watch::new(vec![regs]);
        watch.look();
        assert_eq!(watch.touched(), "none");
        regs.set(&CTRL, 0, 8);
        regs.set(&RDH, 0, 7);
        watch.look();
        regs.set(&CTRL, 0, 0);
        regs.set(&RXDCTL, 1, 1 << 25);
        regs.set(&RDT, 100, 3);
        watch.look();
        assert_eq!(watch.touched(), "CTRL, RXDCTL");
        let lines: Vec<_> =
            watch.changes().iter().map(Change::to_string).collect();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[0].ends_with("port 0  CTRL         0x00000008"));
        assert!(lines[2].ends_with("port 0  RXDCTL(1)    0x02000000"));
    }
}

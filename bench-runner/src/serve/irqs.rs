//! The ways to interrupt a guest: event descriptors that it handed out.

use std::fs::File;
use std::io::{self, Write};

use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_INFO_AUTOMASKED, VFIO_IRQ_INFO_EVENTFD, VFIO_IRQ_INFO_MASKABLE,
    VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_ACTION_UNMASK,
    VFIO_IRQ_SET_DATA_EVENTFD, VFIO_PCI_INTX_IRQ_INDEX, VFIO_PCI_MSI_IRQ_INDEX,
    VFIO_PCI_MSIX_IRQ_INDEX, VFIO_PCI_NUM_IRQS,
};
use vfio_user::IrqInfo;

use super::config_space::MSIX_VECTORS;

/// Number of interrupts of each kind, by its index: pin, MSI, MSI-X; errors
/// and requests of the host are not reported.
const COUNTS: [u32; VFIO_PCI_NUM_IRQS as usize] =
    [1, 1, MSIX_VECTORS as u32, 0, 0];

/// What a guest is told of them.
pub fn info() -> Vec<IrqInfo> {
    let info = |(index, count): (u32, &u32)| {
        let pin = match index {
            VFIO_PCI_INTX_IRQ_INDEX => {
                VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED
            }
            _ => 0,
        };
        let flags = VFIO_IRQ_INFO_EVENTFD | pin;
        IrqInfo { index, flags, count: *count }
    };
    (0..).zip(&COUNTS).map(info).collect()
}

/// A port's event descriptors.
#[derive(Debug, Default)]
pub struct Irqs {
    /// By kind and vector.
    events: [Vec<Option<File>>; VFIO_PCI_NUM_IRQS as usize],
    /// Messages and level changes so far.
    pub sent: u64,
}

impl Irqs {
    /// Hears of event descriptors of vectors from `start` on, `count` of them;
    /// those without a file are taken back. Whether that unmasks the pin.
    pub fn set(
        &mut self,
        index: u32,
        flags: u32,
        start: u32,
        count: u32,
        files: Vec<File>,
    ) -> io::Result<bool> {
        let limit = COUNTS.get(index as usize).copied().unwrap_or(0);
        let end = start.checked_add(count).filter(|end| *end <= limit);
        let end = end.ok_or(io::ErrorKind::InvalidInput)?;
        if flags & VFIO_IRQ_SET_ACTION_UNMASK != 0 {
            return Ok(index == VFIO_PCI_INTX_IRQ_INDEX);
        }
        if flags & VFIO_IRQ_SET_ACTION_TRIGGER == 0 {
            return Ok(false);
        }
        let events = &mut self.events[index as usize];
        if count == 0 {
            events.clear();
        } else if flags & VFIO_IRQ_SET_DATA_EVENTFD != 0 {
            events.resize_with(events.len().max(end as usize), || None);
            let mut files = files.into_iter();
            for event in &mut events[start as usize..end as usize] {
                *event = files.next();
            }
        }
        Ok(false)
    }

    /// Interrupts the guest, by the best way that it has enabled.
    pub fn send(&mut self, vector: u16) {
        let kinds = [
            (VFIO_PCI_MSIX_IRQ_INDEX, usize::from(vector)),
            (VFIO_PCI_MSI_IRQ_INDEX, 0),
            (VFIO_PCI_INTX_IRQ_INDEX, 0),
        ];
        let enabled = |(kind, vector): &(u32, usize)| {
            let events = &self.events[*kind as usize];
            (!events.is_empty()).then_some(events.get(*vector))
        };
        if let Some(Some(Some(mut event))) =
            kinds.iter().find_map(enabled).map(|e| e.map(Option::as_ref))
        {
            // Fails only where the guest does not look any more.
            if event.write_all(&1_u64.to_ne_bytes()).is_ok() {
                self.sent += 1;
            }
        }
    }

    /// Takes all of them back.
    pub fn clear(&mut self) {
        self.events = Default::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Seek};

    const EVENTS: u32 = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD;

    fn file() -> (File, File) {
        let file = tempfile::tempfile().expect("a file");
        (file.try_clone().expect("another"), file)
    }

    fn writes(file: &mut File) -> usize {
        let mut all = Vec::new();
        file.rewind().expect("the start");
        file.read_to_end(&mut all).expect("what was written");
        all.len() / 8
    }

    #[test]
    fn the_best_way_that_is_enabled_is_taken() {
        let ((pin, mut seen_pin), (message, mut seen)) = (file(), file());
        let mut irqs = Irqs::default();
        irqs.send(0);
        irqs.set(VFIO_PCI_INTX_IRQ_INDEX, EVENTS, 0, 1, vec![pin]).unwrap();
        irqs.send(5);
        assert_eq!((writes(&mut seen_pin), irqs.sent), (1, 1));
        irqs.set(VFIO_PCI_MSIX_IRQ_INDEX, EVENTS, 2, 2, vec![message]).unwrap();
        // Vectors 0 and 3 have no event, and 7 has none, either.
        [0, 2, 3, 7].map(|vector| irqs.send(vector));
        assert_eq!((writes(&mut seen), irqs.sent), (1, 2));
        let none = VFIO_IRQ_SET_ACTION_TRIGGER | 1;
        irqs.set(VFIO_PCI_MSIX_IRQ_INDEX, none, 0, 0, vec![]).unwrap();
        irqs.send(2);
        assert_eq!((writes(&mut seen_pin), writes(&mut seen)), (2, 1));
    }

    #[test]
    fn there_are_no_more_vectors_than_there_are() {
        let mut irqs = Irqs::default();
        for (index, start, count) in
            [(0, 0, 2), (1, 1, 1), (2, 64, 1), (2, 1, u32::MAX), (9, 0, 1)]
        {
            let set = irqs.set(index, EVENTS, start, count, vec![]);
            assert!(set.is_err(), "{index} {start} {count}");
        }
    }
}

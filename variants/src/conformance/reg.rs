//! Laws of axis `reg`.

use std::cell::RefCell;

use driver::bar::Bar0;
use driver::desc::BYTES;
use driver::policy::RegAccess;
use driver::regs::{Offset, TDT};
use driver::ring::{RxRing, TxRing};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Verdict, at_most, bytes_of, hold, memory};

/// Makes tests of the laws of axis `reg`.
#[macro_export]
#[doc(hidden)]
macro_rules! reg_conformance {
    ($style:ty) => {
        use $crate::conformance::{Verdict, reg};

        #[test]
        fn a_word_says_the_value_it_was_made_of() -> Verdict {
            reg::words_keep_their_value::<$style>()
        }

        #[test]
        fn descriptor_words_travel_whole_and_spare_their_neighbours() -> Verdict
        {
            reg::fields_are_little_endian::<$style>()
        }

        #[test]
        fn descriptors_are_what_was_written_to_them() -> Verdict {
            reg::descriptors_are_little_endian::<$style>()
        }

        #[test]
        fn a_register_takes_one_write_of_32_bits() -> Verdict {
            reg::registers_take_one_write::<$style>()
        }
    };
}

/// `value` undoes `word`.
pub fn words_keep_their_value<R: RegAccess>() -> Verdict {
    hold(256, any::<u32>(), |value| {
        prop_assert_eq!(R::value(R::word(value)), value);
        Ok(())
    })
}

const ENTRIES: u16 = 64;

/// What is done to a descriptor: its index, the byte at which the field
/// starts, what is written there.
#[derive(Clone, Copy, Debug)]
enum Step {
    Word(u16, usize, u32),
    Address(u16, usize, u64),
}

fn steps() -> impl Strategy<Value = Step> {
    let word = prop::sample::select(vec![0_usize, 8, 12]);
    let address = prop::sample::select(vec![0_usize, 8]);
    prop_oneof![
        (0..ENTRIES, word, any::<u32>())
            .prop_map(|(i, at, value)| Step::Word(i, at, value)),
        (0..ENTRIES, address, any::<u64>())
            .prop_map(|(i, at, value)| Step::Address(i, at, value)),
    ]
}

/// `load`, `store` and `store_address` are accesses to little-endian bytes
/// and touch no other byte of the ring.
pub fn fields_are_little_endian<R: RegAccess>() -> Verdict {
    let region = RefCell::new(memory(1));
    let content = vec(any::<u8>(), usize::from(ENTRIES) * BYTES);
    let steps = vec(steps(), 1..at_most(24, 3) as usize);
    hold(64, (content, steps), |(mut bytes, steps)| {
        let mut region = region.borrow_mut();
        let memory = region.carve().take(bytes.len(), 128);
        let view = memory.window();
        let ring = RxRing::new(memory);
        let start = view.base().as_ptr();
        for (i, byte) in bytes.iter().enumerate() {
            // SAFETY: inside the ring.
            unsafe { start.add(i).write_volatile(*byte) };
        }
        for step in steps {
            match step {
                Step::Word(i, at, value) => {
                    let desc = ring.desc(i);
                    let field = match at {
                        0 => desc.pkt_info(),
                        8 => desc.status_error(),
                        _ => desc.length_vlan(),
                    };
                    let at = usize::from(i) * BYTES + at;
                    let word = &mut bytes[at..at + 4];
                    let loaded = R::value(R::load(field));
                    prop_assert_eq!(&loaded.to_le_bytes(), &*word);
                    R::store(field, R::word(value));
                    word.copy_from_slice(&value.to_le_bytes());
                    prop_assert_eq!(R::value(R::load(field)), value);
                }
                Step::Address(i, at, address) => {
                    let desc = ring.desc(i);
                    let field = match at {
                        0 => desc.pkt_addr(),
                        _ => desc.hdr_addr(),
                    };
                    let at = usize::from(i) * BYTES + at;
                    R::store_address(field, address);
                    bytes[at..at + 8].copy_from_slice(&address.to_le_bytes());
                }
            }
            prop_assert_eq!(&bytes_of(view), &bytes);
        }
        Ok(())
    })
}

/// `store_rx` and `store_tx` write the read formats (datasheet 7.1.6.1 and
/// 7.2.3.2.4) and nothing beside them.
pub fn descriptors_are_little_endian<R: RegAccess>() -> Verdict {
    let region = RefCell::new(memory(1));
    let inputs = (0..ENTRIES, any::<[u64; 2]>(), any::<[u32; 2]>());
    hold(128, inputs, |(i, [pkt_addr, address], [command, payload])| {
        let mut region = region.borrow_mut();
        let mut carver = region.carve();
        let mut piece = || carver.take(usize::from(ENTRIES) * BYTES, 128);
        let (rx, tx) = (piece(), piece());
        let views = [rx.window(), tx.window()];
        let (rx, tx) = (RxRing::new(rx), TxRing::new(tx));
        let mut wanted = views.map(bytes_of);
        R::store_rx(rx.desc(i), pkt_addr);
        let (command_word, payload_word) = (R::word(command), R::word(payload));
        R::store_tx(tx.desc(i), address, command_word, payload_word);
        let at = usize::from(i) * BYTES;
        let mut put = |ring: usize, byte: usize, bytes: &[u8]| {
            let at = at + byte;
            wanted[ring][at..at + bytes.len()].copy_from_slice(bytes);
        };
        put(0, 0, &pkt_addr.to_le_bytes());
        put(0, 8, &[0; 8]);
        put(1, 0, &address.to_le_bytes());
        put(1, 8, &command.to_le_bytes());
        put(1, 12, &payload.to_le_bytes());
        prop_assert_eq!(views.map(bytes_of), wanted);
        Ok(())
    })
}

/// Registers that remember what was written to them.
#[derive(Default)]
struct Paper(RefCell<Vec<(Offset, u32)>>);

impl Bar0 for Paper {
    fn read32(&self, _offset: Offset) -> u32 {
        unreachable!("a write reads nothing")
    }

    fn write32(&self, offset: Offset, value: u32) {
        self.0.borrow_mut().push((offset, value));
    }
}

/// `write` is one access to the register.
pub fn registers_take_one_write<R: RegAccess>() -> Verdict {
    hold(64, (0..64_u16, any::<u32>()), |(queue, value)| {
        let bar = Paper::default();
        R::write(&bar, TDT.at(queue), R::word(value));
        prop_assert_eq!(bar.0.into_inner(), [(TDT.at(queue), value)]);
        Ok(())
    })
}

//! Variants with a mistake each, to see that the checks can fail.

use driver::bar::Bar0;
use driver::desc::rx_status::{DD, EOP};
use driver::policy::{
    Batch, BatchStyle, Bounds, Cell, NIL, RegAccess, Spread, StatusCheck, Walk,
};
use driver::regs::Offset;
use driver::ring::{Field32, Field64, RxRing};
use nic_model::Faults;

use super::run::{Registers, arena, run};
use super::scenario::Scenario;
use super::{batch, naive, policies, reg, spread, status, walk};
use crate::registry::{WithBatch, WithReg, WithStatus};
use crate::workload::{Open, forward};

/// Rings every doorbell twice.
struct Insistent;

impl RegAccess for Insistent {
    const NAME: &'static str = "insistent";
    const IDEA: &'static str = "a register is written twice";

    type Word = u32;

    fn word(value: u32) -> u32 {
        value
    }

    fn value(word: u32) -> u32 {
        word
    }

    fn load(field: Field32<'_>) -> u32 {
        field.read()
    }

    fn store(field: Field32<'_>, word: u32) {
        field.write(word);
    }

    fn store_address(field: Field64<'_>, address: u64) {
        field.write(address);
    }

    fn write<B: Bar0>(bar: &B, register: Offset, word: u32) {
        bar.write32(register, word);
        bar.write32(register, word);
    }
}

/// Words of 31 bits, the lower half of an address, the wrong half first.
struct Small;

impl RegAccess for Small {
    const NAME: &'static str = "small";
    const IDEA: &'static str = "words of 31 bits";

    type Word = u32;

    fn word(value: u32) -> u32 {
        value << 1 >> 1
    }

    fn value(word: u32) -> u32 {
        word
    }

    fn load(field: Field32<'_>) -> u32 {
        u32::from(field.read_half::<1>())
            | u32::from(field.read_half::<0>()) << 16
    }

    fn store(field: Field32<'_>, word: u32) {
        field.write(word);
    }

    fn store_address(field: Field64<'_>, address: u64) {
        field.write(u64::from(address as u32));
    }
}

/// Hands packets out from its end.
struct Stack;

struct StackBatch<T>(Vec<T>);

impl BatchStyle for Stack {
    const NAME: &'static str = "stack";
    const IDEA: &'static str = "last in, first out";

    type Of<T: Default> = StackBatch<T>;
}

impl<T: Default> Batch<T> for StackBatch<T> {
    fn with_capacity(_max: u16) -> Self {
        Self(Vec::new())
    }

    fn fill(&mut self, n: u16, mut draw: impl FnMut() -> T) {
        self.0.extend((0..n).map(|_| draw()));
    }

    fn len(&self) -> u16 {
        self.0.len() as u16
    }

    fn for_each<W: Walk>(&mut self, visit: impl FnMut(&mut T)) {
        self.0.iter_mut().for_each(visit);
    }

    fn take<W: Walk>(&mut self, n: u16, visit: impl FnMut(T)) {
        let rest = self.0.len() - usize::from(n);
        self.0.drain(rest..).rev().for_each(visit);
    }
}

/// Takes the last packet of a batch for its end.
struct Forgetful;

struct ForgetfulBatch<T>(Vec<T>);

impl BatchStyle for Forgetful {
    const NAME: &'static str = "forgetful";
    const IDEA: &'static str = "loses a packet per batch";

    type Of<T: Default> = ForgetfulBatch<T>;
}

impl<T: Default> Batch<T> for ForgetfulBatch<T> {
    fn with_capacity(_max: u16) -> Self {
        Self(Vec::new())
    }

    fn fill(&mut self, n: u16, mut draw: impl FnMut() -> T) {
        self.0.extend((0..n).map(|_| draw()));
    }

    fn len(&self) -> u16 {
        self.0.len() as u16
    }

    fn for_each<W: Walk>(&mut self, visit: impl FnMut(&mut T)) {
        self.0.iter_mut().for_each(visit);
    }

    fn take<W: Walk>(&mut self, n: u16, visit: impl FnMut(T)) {
        let most = usize::from(n).saturating_sub(1);
        self.0.drain(..usize::from(n)).take(most).for_each(visit);
    }
}

/// Takes every fragment for a frame.
struct Blind;

impl StatusCheck for Blind {
    const NAME: &'static str = "blind";
    const IDEA: &'static str = "DD without EOP will do";

    fn done_run<R: RegAccess, G: Bounds>(
        ring: &RxRing<'_>,
        first: u16,
        max: u16,
    ) -> u16 {
        let done = |step: &u16| {
            let desc = ring.desc(ring.wrap(first, *step));
            R::value(R::load(desc.status_error())) & DD != 0
        };
        (0..max).take_while(done).count() as u16
    }
}

/// Expects no bit but the two.
struct Exact;

impl StatusCheck for Exact {
    const NAME: &'static str = "exact";
    const IDEA: &'static str = "the status is DD and EOP and nothing else";

    fn done_run<R: RegAccess, G: Bounds>(
        ring: &RxRing<'_>,
        first: u16,
        max: u16,
    ) -> u16 {
        let done = |step: &u16| {
            let desc = ring.desc(ring.wrap(first, *step));
            R::value(R::load(desc.status_error())) == DD | EOP
        };
        (0..max).take_while(done).count() as u16
    }
}

/// Counts what is done, wherever it is.
struct Hasty;

impl StatusCheck for Hasty {
    const NAME: &'static str = "hasty";
    const IDEA: &'static str = "what is done is done in order";

    fn done_run<R: RegAccess, G: Bounds>(
        ring: &RxRing<'_>,
        first: u16,
        max: u16,
    ) -> u16 {
        let done = |step: &u16| {
            let desc = ring.desc(ring.wrap(first, *step));
            let status = R::value(R::load(desc.status_error()));
            status & (DD | EOP) == DD | EOP
        };
        (0..max).filter(done).count() as u16
    }
}

/// Never looks whether a guess was right, but for the end of the list.
struct Trusting;

impl Walk for Trusting {
    const NAME: &'static str = "trusting";
    const IDEA: &'static str = "the next cell is the next one";

    fn walk<T>(
        cells: &mut [Cell<T>],
        from: u32,
        n: u16,
        mut visit: impl FnMut(&mut T),
    ) -> u32 {
        let mut at = from;
        for _ in 0..n {
            if at == NIL {
                break;
            }
            let cell = &mut cells[at as usize];
            visit(&mut cell.item);
            at = if cell.next == NIL { NIL } else { at + 1 };
        }
        at
    }
}

/// Buffers share their last cache line.
struct Tight;

impl Spread for Tight {
    const NAME: &'static str = "tight";
    const IDEA: &'static str = "buffers overlap by a line";

    fn stride(buffer_bytes: usize) -> usize {
        (buffer_bytes - 64).max(64)
    }
}

#[test]
#[cfg_attr(miri, ignore = "needs many cases")]
fn laws_are_broken_by_mistakes() {
    assert!(reg::registers_take_one_write::<Insistent>().is_err());
    assert!(reg::words_keep_their_value::<Small>().is_err());
    assert!(reg::fields_are_little_endian::<Small>().is_err());
    assert!(batch::is_a_queue::<Stack>().is_err());
    assert!(batch::is_a_queue::<Forgetful>().is_err());
    assert!(status::runs_are_counted::<Blind>().is_err());
    assert!(status::runs_are_counted::<Exact>().is_err());
    assert!(status::runs_are_counted::<Hasty>().is_err());
    assert!(walk::links_are_followed::<Trusting>().is_err());
    assert!(spread::strides_hold_a_buffer::<Tight>().is_err());
    assert!(spread::buffers_lie_apart::<Tight>().is_err());
}

/// What is wrong with the policy that `open` sets up.
fn verdict(scenario: &Scenario, open: Open) -> Result<(), String> {
    let (arena, behind) = (&mut arena(), Registers::Trapped);
    let reference = run(scenario, arena, behind, naive::open)?;
    policies::caught(|| {
        let seen = run(scenario, arena, behind, open)?;
        reference.same_packets(&seen)?;
        reference.same_buffers(&seen)?;
        reference.same_accesses(&seen)
    })
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn a_policy_does_not_conform_with_a_mistake() {
    let plain = Scenario::plain();
    let with = |faults| Scenario { faults, ..Scenario::plain() };
    let torn = with(Faults { fragments: 128, ..Faults::default() });
    let flagged = with(Faults { error_bits: 128, ..Faults::default() });
    let shuffled = with(Faults { out_of_order: 64, ..Faults::default() });
    let check = |scenario, open: Open, why: &str| {
        let verdict = verdict(scenario, open).unwrap_err();
        assert!(verdict.contains(why), "{verdict}");
    };
    check(&plain, forward::open::<WithReg<Insistent>>, "register accesses");
    check(&plain, forward::open::<WithBatch<Stack>>, "spoiled");
    check(&plain, forward::open::<WithBatch<Forgetful>>, "do not balance");
    check(&torn, forward::open::<WithStatus<Blind>>, "spoiled");
    check(&flagged, forward::open::<WithStatus<Exact>>, "received by phase");
    check(&shuffled, forward::open::<WithStatus<Hasty>>, "spoiled");
}

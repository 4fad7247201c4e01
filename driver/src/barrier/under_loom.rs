//! Every order that driver and device can take on a ring of one descriptor,
//! by loom: `ci.sh loom`.
//!
//! Loom cannot see volatile accesses, so the ring is a model of atomics: the
//! driver's accesses are relaxed, which is what a volatile one is to another
//! thread, and the device's are those of `nic_model::ring` and of its
//! registers. The barriers are the driver's own. A packet's bytes are no
//! atomics in the model of a card either; loom finds unordered accesses to
//! them by itself.
//!
//! Loom makes accesses in program order. A load that is late, or a store that
//! is early, shows only as a missing order of bytes, not as a value.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

use super::{after_done, before_doorbell};

/// DD in the status of a descriptor, 0 in the read format.
const DD: u32 = 1;

/// A descriptor, its buffer and a tail.
struct Ring {
    /// The first word: a buffer's address in the read format, a length and
    /// such in the write-back format.
    contents: AtomicU32,
    /// The word with DD.
    status: AtomicU32,
    packet: UnsafeCell<u32>,
    tail: AtomicU32,
}

// SAFETY: loom watches each access to the packet.
unsafe impl Sync for Ring {}

impl Ring {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            contents: AtomicU32::new(0),
            status: AtomicU32::new(0),
            packet: UnsafeCell::new(0),
            tail: AtomicU32::new(0),
        })
    }

    fn packet(&self) -> u32 {
        // SAFETY: no reference outlives the closure.
        self.packet.with(|packet| unsafe { *packet })
    }

    fn set_packet(&self, value: u32) {
        // SAFETY: no reference outlives the closure.
        self.packet.with_mut(|packet| unsafe { *packet = value });
    }
}

/// What a driver does in the place of the two barriers.
type Barriers = (fn(), fn());

/// What the driver does.
const BOTH: Barriers = (after_done, before_doorbell);

fn nothing() {}

/// What the device stores to write a descriptor back.
type WriteBack = fn(&Ring, u32);

/// As `nic_model::ring::Ring::write_back` does: the word with DD last.
fn contents_first(ring: &Ring, length: u32) {
    ring.contents.store(length, Ordering::Relaxed);
    ring.status.store(DD, Ordering::Release);
}

fn done_first(ring: &Ring, length: u32) {
    ring.status.store(DD, Ordering::Release);
    ring.contents.store(length, Ordering::Relaxed);
}

/// The device writes a descriptor back, the driver reads it.
fn receive((after_done, _): Barriers, write_back: WriteBack) {
    loom::model(move || {
        let ring = Ring::new();
        let theirs = ring.clone();
        let device = thread::spawn(move || {
            write_back(&theirs, 64);
        });
        while ring.status.load(Ordering::Relaxed) & DD == 0 {
            thread::yield_now();
        }
        after_done();
        let length = ring.contents.load(Ordering::Relaxed);
        assert_eq!(length, 64, "stale contents behind a DD");
        device.join().expect("the device ends");
    });
}

/// The driver hands over a descriptor and a packet, the device takes both.
fn transmit((_, before_doorbell): Barriers) {
    loom::model(move || {
        let ring = Ring::new();
        let theirs = ring.clone();
        let device = thread::spawn(move || {
            while theirs.tail.load(Ordering::Acquire) == 0 {
                thread::yield_now();
            }
            let address = theirs.contents.load(Ordering::Relaxed);
            assert_eq!(address, 0x1000, "a stale descriptor before a tail");
            assert_eq!(theirs.packet(), 5);
        });
        ring.set_packet(5);
        ring.contents.store(0x1000, Ordering::Relaxed);
        before_doorbell();
        ring.tail.store(1, Ordering::Relaxed);
        device.join().expect("the device ends");
    });
}

/// Two packets through one buffer: the driver reads the first, makes the
/// descriptor its read format again and returns it by the tail.
fn reuse((after_done, before_doorbell): Barriers) {
    loom::model(move || {
        let ring = Ring::new();
        let theirs = ring.clone();
        let device = thread::spawn(move || {
            theirs.set_packet(1);
            contents_first(&theirs, 64);
            while theirs.tail.load(Ordering::Acquire) == 0 {
                thread::yield_now();
            }
            theirs.set_packet(2);
            contents_first(&theirs, 65);
        });
        for number in [1, 2] {
            while ring.status.load(Ordering::Relaxed) & DD == 0 {
                thread::yield_now();
            }
            after_done();
            assert_eq!(ring.packet(), number);
            ring.contents.store(0x1000, Ordering::Relaxed);
            ring.status.store(0, Ordering::Relaxed);
            before_doorbell();
            ring.tail.store(number, Ordering::Relaxed);
        }
        device.join().expect("the device ends");
    });
}

#[test]
fn behind_a_done_descriptor_nothing_is_stale() {
    receive(BOTH, contents_first);
}

#[test]
fn before_a_tail_nothing_is_stale() {
    transmit(BOTH);
}

#[test]
fn a_buffer_goes_back_after_it_was_read() {
    reuse(BOTH);
}

#[test]
#[should_panic(expected = "stale contents behind a DD")]
fn without_the_barrier_after_done_contents_are_stale() {
    receive((nothing, before_doorbell), contents_first);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn without_the_barrier_after_done_a_packet_is_read_too_early() {
    reuse((nothing, before_doorbell));
}

#[test]
#[should_panic(expected = "a stale descriptor before a tail")]
fn without_the_barrier_before_the_doorbell_descriptors_are_stale() {
    transmit((after_done, nothing));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn without_the_barrier_before_the_doorbell_a_buffer_goes_back_too_early() {
    reuse((after_done, nothing));
}

#[test]
#[should_panic(expected = "stale contents behind a DD")]
fn a_device_that_sets_done_first_shows_stale_contents() {
    receive(BOTH, done_first);
}

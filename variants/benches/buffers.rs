//! Packet buffers copied, counted and collected, by frame size.
//!
//! *Shows.* What it costs when two of a program's layers hold a packet: one
//! works on it, another keeps it a while, as for sending it again. Copying
//! costs by the byte. Counting costs the same for any frame. A collector is
//! free of charge per packet, but large frames use up its memory sooner, and
//! each time it has to look at everything that lives, packets or not.
//!
//! *Ways.* `copied`: the layer that keeps a packet copies it to the heap, and
//! the device's buffer is free at once. `counted`: both hold an `Rc`, and the
//! last to let go gives the buffer back. `collected`: both hold an index;
//! when no buffer is left, all that is alive is marked and the rest swept.
//!
//! *Groups.* Frames of 64 to 1518 bytes, those of RFC 2544 (section 9.1).
//! Each is received into its buffer by the device, that is for nothing; one
//! byte is counted up; the packet is kept while 64 others arrive.
//!
//! *Origin.* M. Hayden's thesis on the Ensemble system (1998), chapter 4,
//! as the ixy.ml thread on the OCaml forum sums it up: collected buffers lose
//! at medium sizes what was gained by not copying; counted ones keep latency
//! low at any size.
//!
//! *Honest.* `collected` is a model: a program with 4096 live objects besides
//! its packets and 512 KiB for buffers. Other numbers tilt its curve, they do
//! not turn it round. What is drawn is the mean; the pauses are `collected`'s
//! other price, and not to be seen here.

mod common;

use std::array;
use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use driver::opaque;

/// Bytes of a frame, without those on the wire.
const FRAME_BYTES: [usize; 7] = [64, 128, 256, 512, 1024, 1280, 1518];

/// Packets per iteration.
const PACKETS: u64 = 1024;

/// Packets that are kept.
const KEPT: usize = 64;

/// Bytes of all buffers.
const POOL_BYTES: usize = 512 * 1024;

/// Objects of the program that are no packets.
const OBJECTS: u32 = 4096;

fn main() {
    common::run(&[buffers]);
}

fn buffers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("buffers");
    group.throughput(Throughput::Elements(PACKETS));
    for frame_bytes in FRAME_BYTES {
        buffer::<Copied>(&mut group, "copied", frame_bytes);
        buffer::<Counted>(&mut group, "counted", frame_bytes);
        buffer::<Collected>(&mut group, "collected", frame_bytes);
    }
    group.finish();
}

fn buffer<O: Ownership>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    frame_bytes: usize,
) {
    let mut owner = O::new(&Rc::new(Pool::new(black_box(frame_bytes))));
    group.bench_function(BenchmarkId::new(name, frame_bytes), |b| {
        b.iter(|| {
            for i in 0..PACKETS as usize {
                owner.packet(i % KEPT);
            }
        });
        owner.check();
    });
}

/// A way to hold packets.
trait Ownership {
    fn new(pool: &Rc<Pool>) -> Self;

    /// A packet arrives, is worked on and kept in the place of another.
    fn packet(&mut self, place: usize);

    /// No buffer was lost.
    ///
    /// # Panics
    ///
    /// When one was.
    fn check(&self);
}

/// Buffers and a stack of the free ones.
struct Pool {
    bytes: RefCell<Box<[u8]>>,
    free: RefCell<Vec<u32>>,
    frame_bytes: usize,
    buffers: u32,
}

impl Pool {
    fn new(frame_bytes: usize) -> Self {
        let buffers = (POOL_BYTES / frame_bytes.next_multiple_of(64)) as u32;
        Self {
            bytes: RefCell::new(vec![0; POOL_BYTES].into()),
            free: RefCell::new((0..buffers).rev().collect()),
            frame_bytes,
            buffers,
        }
    }

    #[inline(always)]
    fn alloc(&self) -> Option<u32> {
        self.free.borrow_mut().pop()
    }

    #[inline(always)]
    fn free(&self, buffer: u32) {
        self.free.borrow_mut().push(buffer);
    }

    /// Works with the bytes of a packet.
    #[inline(always)]
    fn with<T>(&self, buffer: u32, work: impl FnOnce(&mut [u8]) -> T) -> T {
        let start = buffer as usize * self.frame_bytes.next_multiple_of(64);
        work(&mut self.bytes.borrow_mut()[start..start + self.frame_bytes])
    }

    /// The work on a packet: that of the published forwarders.
    #[inline(always)]
    fn work(&self, buffer: u32) {
        self.with(buffer, |packet| packet[48] = packet[48].wrapping_add(1));
    }
}

struct Copied {
    pool: Rc<Pool>,
    kept: [Box<[u8]>; KEPT],
}

impl Ownership for Copied {
    fn new(pool: &Rc<Pool>) -> Self {
        Self { pool: pool.clone(), kept: array::from_fn(|_| Box::default()) }
    }

    #[inline(always)]
    fn packet(&mut self, place: usize) {
        let buffer = self.pool.alloc().expect("each was given back");
        self.pool.work(buffer);
        self.kept[place] = self.pool.with(buffer, |packet| (&*packet).into());
        self.pool.free(buffer);
    }

    fn check(&self) {
        let free = self.pool.free.borrow().len();
        assert_eq!(free, self.pool.buffers as usize, "a buffer was lost");
        let mut copies = self.kept.iter().filter(|copy| !copy.is_empty());
        assert!(copies.all(|copy| copy.len() == self.pool.frame_bytes));
    }
}

/// A buffer in use, that goes back by itself.
struct Packet {
    buffer: u32,
    pool: Rc<Pool>,
}

impl Drop for Packet {
    #[inline(always)]
    fn drop(&mut self) {
        self.pool.free(self.buffer);
    }
}

struct Counted {
    pool: Rc<Pool>,
    kept: [Option<Rc<Packet>>; KEPT],
}

impl Ownership for Counted {
    fn new(pool: &Rc<Pool>) -> Self {
        Self { pool: pool.clone(), kept: [const { None }; KEPT] }
    }

    #[inline(always)]
    fn packet(&mut self, place: usize) {
        let buffer = self.pool.alloc().expect("each was given back");
        let pool = self.pool.clone();
        self.kept[place] = Some(Rc::new(Packet { buffer, pool }));
        // Opaque, or the counts up and down would cancel out.
        let packet = self.kept[opaque::word(place as u32) as usize].clone();
        let packet = packet.expect("it was put there");
        self.pool.work(packet.buffer);
    }

    fn check(&self) {
        let kept = self.kept.iter().flatten().count();
        let free = self.pool.free.borrow().len();
        assert_eq!(free + kept, self.pool.buffers as usize, "one was lost");
    }
}

/// An object that a collector looks at: when it was last seen alive, and
/// what it leads to.
#[derive(Clone, Copy)]
struct Object {
    seen: u32,
    next: u32,
}

struct Collected {
    pool: Rc<Pool>,
    kept: [Option<u32>; KEPT],
    /// When each buffer was last seen alive.
    seen: Box<[u32]>,
    /// What the program has besides packets.
    objects: Box<[Object]>,
    collections: u32,
}

impl Collected {
    #[cold]
    #[inline(never)]
    fn collect(&mut self) {
        self.collections += 1;
        let now = self.collections;
        let mut at = 0;
        loop {
            let object = &mut self.objects[at as usize];
            object.seen = now;
            at = object.next;
            if at == 0 {
                break;
            }
        }
        for buffer in self.kept.into_iter().flatten() {
            self.seen[buffer as usize] = now;
        }
        for (buffer, seen) in (0..).zip(&self.seen) {
            if *seen != now {
                self.pool.free(buffer);
            }
        }
    }
}

impl Ownership for Collected {
    fn new(pool: &Rc<Pool>) -> Self {
        let object = |i| Object { seen: 0, next: (i + 1) % OBJECTS };
        Self {
            pool: pool.clone(),
            kept: [None; KEPT],
            seen: (0..pool.buffers).map(|_| 0).collect(),
            objects: (0..OBJECTS).map(object).collect(),
            collections: 0,
        }
    }

    #[inline(always)]
    fn packet(&mut self, place: usize) {
        let buffer = self.pool.alloc().unwrap_or_else(|| {
            self.collect();
            self.pool.alloc().expect("more buffers than are kept")
        });
        self.kept[place] = Some(buffer);
        self.pool.work(buffer);
    }

    fn check(&self) {
        let free = self.pool.free.borrow();
        let kept = self.kept.into_iter().flatten();
        assert!(kept.into_iter().all(|buffer| !free.contains(&buffer)));
    }
}

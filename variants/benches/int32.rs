//! 32-bit and 64-bit integers to bytes and back.
//!
//! *Shows.* What an access to a device word costs in the style it is made.
//! The integers themselves are never the work: the way to them is.
//!
//! *Ways.* `bytes` shifts, masks and stores one byte at a time, the plain way
//! in a language whose buffers are strings; `halves` uses 16-bit words, which
//! OCaml's users were advised to do; `foreign` calls functions in C, those of
//! `reg=foreign`, and is missing where no C was built; `word` is one access; `boxed` is one access whose integer lives on the
//! heap, as OCaml's `Int32` does.
//!
//! *Groups.* `set-get` stores an integer, loads it back and compares. `thrift`
//! is the loop of Apache Thrift's OCaml library: an integer is put into a
//! scratch buffer, the most significant byte first, and its bytes go on to the
//! transport from there; reading goes the other way. There, `bytes` pays for
//! more than its instructions: a wide load of what narrow stores have just
//! written waits until they have reached the cache.
//!
//! *Origin.* "Int32 serialization in OCaml" (2013), which saw 16 million
//! naive set-gets per second, 32 million through C and 139 million with the
//! compiler's primitive, and left 64 bits and Thrift's loop to the reader.
//!
//! *Honest.* An optimiser merges byte accesses into a word, so each byte
//! passes a register-only barrier. Between store and load the buffer's
//! address passes one, or nothing would be loaded. The position is unknown
//! and checked once per access, in every way alike.

mod common;

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use driver::opaque;
#[cfg(have_cc)]
use variants::reg::foreign;

/// Integers per iteration.
const INTEGERS: u32 = 1024;

fn main() {
    common::run(&[set_get, thrift]);
}

/// A way to bring an integer of `N` bytes into memory and back, the least
/// significant byte first.
trait Way<const N: usize> {
    fn set(to: &mut [u8; N], value: u64);
    fn get(from: &[u8; N]) -> u64;
}

struct Bytes;

impl<const N: usize> Way<N> for Bytes {
    #[inline(always)]
    fn set(to: &mut [u8; N], value: u64) {
        for (i, byte) in to.iter_mut().enumerate() {
            *byte = opaque::word((value >> (8 * i)) as u32) as u8;
        }
    }

    #[inline(always)]
    fn get(from: &[u8; N]) -> u64 {
        let mut value = 0;
        for (i, byte) in from.iter().enumerate() {
            value |= u64::from(opaque::word((*byte).into())) << (8 * i);
        }
        value
    }
}

struct Halves;

impl<const N: usize> Way<N> for Halves {
    #[inline(always)]
    fn set(to: &mut [u8; N], value: u64) {
        let (halves, _) = to.as_chunks_mut::<2>();
        for (i, half) in halves.iter_mut().enumerate() {
            let word = opaque::word((value >> (16 * i)) as u32);
            *half = (word as u16).to_le_bytes();
        }
    }

    #[inline(always)]
    fn get(from: &[u8; N]) -> u64 {
        let (halves, _) = from.as_chunks::<2>();
        let mut value = 0;
        for (i, half) in halves.iter().enumerate() {
            let half = opaque::word(u16::from_le_bytes(*half).into());
            value |= u64::from(half) << (16 * i);
        }
        value
    }
}

#[cfg(have_cc)]
struct Foreign;

#[cfg(have_cc)]
impl<const N: usize> Way<N> for Foreign {
    #[inline(always)]
    fn set(to: &mut [u8; N], value: u64) {
        let to = to.as_mut_ptr();
        // SAFETY: a place for `N` bytes, at a multiple of `N` in a buffer.
        unsafe {
            match N {
                4 => {
                    let value = (value as u32).to_le();
                    foreign::ringside_store32(to.cast(), value);
                }
                8 => foreign::ringside_store64(to.cast(), value.to_le()),
                _ => unreachable!("integers have 4 or 8 bytes"),
            }
        }
    }

    #[inline(always)]
    fn get(from: &[u8; N]) -> u64 {
        let from = from.as_ptr();
        // SAFETY: as in `set`.
        unsafe {
            match N {
                4 => {
                    let value = foreign::ringside_load32(from.cast());
                    u32::from_le(value).into()
                }
                8 => u64::from_le(foreign::ringside_load64(from.cast())),
                _ => unreachable!("integers have 4 or 8 bytes"),
            }
        }
    }
}

struct Word;

impl<const N: usize> Way<N> for Word {
    #[inline(always)]
    fn set(to: &mut [u8; N], value: u64) {
        to.copy_from_slice(&value.to_le_bytes()[..N]);
    }

    #[inline(always)]
    fn get(from: &[u8; N]) -> u64 {
        let mut value = [0; 8];
        value[..N].copy_from_slice(from);
        u64::from_le_bytes(value)
    }
}

struct Boxed;

impl<const N: usize> Way<N> for Boxed {
    #[inline(always)]
    fn set(to: &mut [u8; N], value: u64) {
        Word::set(to, *opaque::boxed(Box::new(value)));
    }

    #[inline(always)]
    fn get(from: &[u8; N]) -> u64 {
        *opaque::boxed(Box::new(Word::get(from)))
    }
}

/// Bytes that begin where an integer may.
#[repr(align(8))]
struct Buffer<const N: usize>([u8; N]);

/// The `i`th integer of `N` bytes, with something in each of its halves.
#[inline(always)]
fn integer<const N: usize>(i: u32) -> u64 {
    let low = u64::from(opaque::word(i));
    if N == 8 { low << 32 | low } else { low }
}

fn set_get(criterion: &mut Criterion) {
    fn group<const N: usize>(criterion: &mut Criterion, name: &str) {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(INTEGERS.into()));
        set_get_by::<Bytes, N>(&mut group, "bytes");
        set_get_by::<Halves, N>(&mut group, "halves");
        #[cfg(have_cc)]
        set_get_by::<Foreign, N>(&mut group, "foreign");
        set_get_by::<Word, N>(&mut group, "word");
        set_get_by::<Boxed, N>(&mut group, "boxed");
        group.finish();
    }
    group::<4>(criterion, "int32/set-get");
    group::<8>(criterion, "int64/set-get");
}

fn set_get_by<W: Way<N>, const N: usize>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
) {
    let at = black_box(8);
    group.bench_function(name, |b| {
        b.iter(|| {
            let mut buffer = Box::new(Buffer([0; 16]));
            let mut wrong = 0;
            for i in 0..INTEGERS {
                let value = integer::<N>(i);
                let to =
                    buffer.0[at..].first_chunk_mut().expect("in the buffer");
                W::set(to, value);
                buffer = opaque::boxed(buffer);
                let from = buffer.0[at..].first_chunk().expect("in the buffer");
                wrong |= value ^ W::get(from);
            }
            assert_eq!(wrong, 0, "another integer came back");
        });
    });
}

fn thrift(criterion: &mut Criterion) {
    type By = fn(&mut BenchmarkGroup<'_, WallTime>, &str);
    let mut group = |name: &str, ways: &[(&str, By)]| {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(INTEGERS.into()));
        for (name, by) in ways {
            by(&mut group, name);
        }
        group.finish();
    };
    group(
        "thrift/write",
        &[
            ("bytes", thrift_write::<Bytes>),
            ("halves", thrift_write::<Halves>),
            #[cfg(have_cc)]
            ("foreign", thrift_write::<Foreign>),
            ("word", thrift_write::<Word>),
            ("boxed", thrift_write::<Boxed>),
        ],
    );
    group(
        "thrift/read",
        &[
            ("bytes", thrift_read::<Bytes>),
            ("halves", thrift_read::<Halves>),
            #[cfg(have_cc)]
            ("foreign", thrift_read::<Foreign>),
            ("word", thrift_read::<Word>),
            ("boxed", thrift_read::<Boxed>),
        ],
    );
}

/// What is sent: integers of four bytes, the most significant first.
fn message() -> Vec<u8> {
    (0..INTEGERS).flat_map(u32::to_be_bytes).collect()
}

fn thrift_write<W: Way<4>>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
) {
    let mut transport = vec![0; INTEGERS as usize * 4];
    group.bench_function(name, |b| {
        b.iter(|| {
            let mut scratch = Box::new(Buffer([0; 4]));
            let (places, _) = transport.as_chunks_mut::<4>();
            for (i, place) in (0..).zip(places) {
                W::set(&mut scratch.0, opaque::word(i).swap_bytes().into());
                scratch = opaque::boxed(scratch);
                *place = scratch.0;
            }
            black_box(&mut transport);
        });
        assert!(transport == message(), "another message was sent");
    });
}

fn thrift_read<W: Way<4>>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
) {
    let transport = message();
    group.bench_function(name, |b| {
        b.iter(|| {
            let mut scratch = Box::new(Buffer([0; 4]));
            let mut wrong = 0;
            let (places, _) = black_box(&transport).as_chunks::<4>();
            for (i, place) in (0..).zip(places) {
                scratch.0 = *place;
                scratch = opaque::boxed(scratch);
                wrong |= (W::get(&scratch.0) as u32).swap_bytes() ^ i;
            }
            assert_eq!(wrong, 0, "another integer was received");
        });
    });
}
